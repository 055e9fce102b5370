"""One link of the Belenios hash chain. docs/protocol.md section 9.1; Belenios 1.x, `event` objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from veche.crypto.canonical_json import Json, digest, encode, fields, integer, parse_canonical
from veche.crypto.errors import Malformed

MAX_ENTRY_BYTES: Final = 65_535
"""Longest text of an event or annex: its length fits the 16 bits that the log's tiles give it."""


class EventType(StrEnum):
    """What happened; the value is the word of the chain."""

    SETUP = "Setup"
    BALLOT = "Ballot"
    END_BALLOTS = "EndBallots"
    ENCRYPTED_TALLY = "EncryptedTally"
    SHUFFLE = "Shuffle"
    END_SHUFFLES = "EndShuffles"
    PARTIAL_DECRYPTION = "PartialDecryption"
    RESULT = "Result"


DATA_RECORDS: Final[Mapping[EventType, tuple[str, ...]]] = MappingProxyType(
    {
        EventType.SETUP: ("election", "trustees", "public credentials", "setup data"),
        EventType.BALLOT: ("ballot",),
        EventType.END_BALLOTS: (),
        EventType.ENCRYPTED_TALLY: ("tally", "sized tally"),
        EventType.SHUFFLE: ("shuffle", "owned shuffle"),
        EventType.END_SHUFFLES: (),
        EventType.PARTIAL_DECRYPTION: ("partial decryption", "owned partial decryption"),
        EventType.RESULT: ("result",),
    }
)
"""The data records that stand before an event of each type, in this order; the payload names the last one.

Setup may have one more, the certificate of credentials, before its setup data (Belenios 3.2).
"""


def has_payload(kind: EventType) -> bool:
    """Whether an event of this type names data."""
    return bool(DATA_RECORDS[kind])


@dataclass(frozen=True, slots=True)
class Event:
    """An event: SHA-256 of the event before (absent for the first), height, type, SHA-256 of what it brings.

    Invariant: hashes are 64 lower-case hex digits, height ≥ 0, and there is a payload exactly when the type has one.
    Raises Malformed `event-malformed` otherwise. That it follows the event before is checked by `chain.verify_follows`.
    """

    parent: str | None
    height: int
    type: EventType
    payload: str | None

    def __post_init__(self) -> None:
        if (self.payload is not None) != has_payload(self.type):
            has, found = ("a", "none") if has_payload(self.type) else ("no", "one")
            raise Malformed("event-malformed", f"a {self.type} event has {has} payload, found {found}")
        try:
            integer(self.height)
            for name in (self.parent, self.payload):
                if name is not None:
                    digest(name)
        except Malformed as error:
            raise Malformed("event-malformed", f"an event of type {self.type}: {error.message}") from error

    def text(self) -> bytes:
        """The exact bytes that are hashed, stored and logged."""
        value: dict[str, Json] = {"height": self.height, "type": str(self.type)}
        if self.parent is not None:
            value = {"parent": self.parent, **value}
        if self.payload is not None:
            value["payload"] = self.payload
        return encode(value)

    @property
    def digest(self) -> str:
        """SHA-256 of the text in hex: the next event's parent, and the name of the archive record."""
        return sha256(self.text()).hexdigest()


def parse_event(text: bytes) -> Event:
    """The event of its exact text. Raises Malformed `event-malformed` for any other bytes (step 9.1.5)."""
    try:
        found = fields(
            parse_canonical(text, limit=MAX_ENTRY_BYTES), ("parent", "height", "type", "payload"), ("parent", "payload")
        )
        parent = digest(found["parent"]) if "parent" in found else None
        payload = digest(found["payload"]) if "payload" in found else None
        height = integer(found["height"])
    except Malformed as error:
        raise Malformed("event-malformed", f"an event's text: {error.message}") from error
    return Event(parent, height, _type_of(found["type"]), payload)


def _type_of(word: Json) -> EventType:
    for kind in EventType:
        if word == kind.value:
            return kind
    raise Malformed("event-malformed", f"an event's type is one of {', '.join(EventType)}; found another")
