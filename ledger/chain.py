"""The hash chain: each event names the one before. docs/protocol.md steps 9.1.5 to 9.1.7."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from veche.crypto.errors import Inconsistent, Malformed
from veche.ledger.event import Event, EventType


class Link(Protocol):
    """What the next event continues: an event, or all that must be known of it."""

    @property
    def height(self) -> int: ...

    @property
    def digest(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Tip:
    """The newest event of a chain whose text is not at hand: its height, and its SHA-256 in hex."""

    height: int
    digest: str


def append(previous: Link | None, kind: EventType, payload: str | None) -> Event:
    """The event that follows `previous` (None: the first one). Raises Malformed when type and payload do not fit."""
    if previous is None:
        return Event(None, 0, kind, payload)
    return Event(previous.digest, previous.height + 1, kind, payload)


def verify_follows(event: Event, previous: Event | None) -> None:
    """Check that `event` is the next link after `previous` (None: the first of the chain).

    Raises Malformed `event-malformed` when a parent stands where none may, or none where one must; Inconsistent
    `event-height` and `event-parent` when it is another place, or the continuation of another history.
    """
    height = 0 if previous is None else previous.height + 1
    if (event.parent is None) != (previous is None):
        must, found = ("no", "one") if previous is None else ("a", "none")
        raise Malformed("event-malformed", f"event {height} must have {must} parent, found {found}")
    if event.height != height:
        raise Inconsistent("event-height", f"event {height}: its height is given as {event.height}")
    if previous is not None and event.parent != previous.digest:
        raise Inconsistent(
            "event-parent",
            f"event {height}: names {event.parent} as the event before it, but that has the SHA-256 {previous.digest}",
        )
