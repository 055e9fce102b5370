"""An entry of the record: an event or an annex. The only module that knows what an entry means.

Its text is what the Merkle log hashes as a leaf; the log itself never looks inside. docs/protocol.md section 8.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from veche.crypto.errors import Malformed
from veche.ledger.annex import (
    Annex,
    Certified,
    DecryptionProof,
    Dkg,
    Issued,
    Manifest,
    Published,
    ShareRefused,
    Software,
    parse_annex,
)
from veche.ledger.event import MAX_ENTRY_BYTES, Event, parse_event
from veche.ledger.record_state import Step

Entry: TypeAlias = Event | Annex

EVENT_BEGINNINGS: Final = (b'{"parent"', b'{"height"')


def is_event_text(text: bytes) -> bool:
    """Whether the entry with this text is a link of the chain; every other entry is an annex."""
    return text.startswith(EVENT_BEGINNINGS)


def parse_entry(text: bytes, uuid: str | None) -> Entry:
    """The entry of its exact text.

    Raises Malformed `entry-malformed` (step 9.2.2), and Inconsistent `entry-election` for an annex of another election
    than `uuid` (step 9.2.3; None: of any).
    """
    if len(text) > MAX_ENTRY_BYTES:
        raise Malformed("entry-malformed", f"an entry of {len(text)} bytes; at most {MAX_ENTRY_BYTES} are allowed")
    if not is_event_text(text):
        return parse_annex(text, uuid)
    try:
        return parse_event(text)
    except Malformed as error:
        raise Malformed("entry-malformed", error.message) from error


def step_of(entry: Entry, owner: int | None = None) -> Step:
    """What the entry is to the state machine.

    An event's text does not say whose share or shuffle it is; the data before it does, so the caller hands `owner` in.
    """
    if isinstance(entry, Event):
        return Step(str(entry.type), owner)
    return Step(entry.TYPE, getattr(entry, "owner", None))


def time_of(entry: Entry) -> int | None:
    """When it happened, in seconds since 1970, for the entries that say so."""
    return getattr(entry, "time", None)


def named_data(entry: Entry) -> tuple[str, ...]:
    """The SHA-256 of everything that an annex names, in hex.

    Each must be there: as `manifest.json`, as a record of the archive, or else as a file under `data/` (steps 9.2.7 to
    9.2.9). What a run file or a refused share names in its turn is for those who read these. An event names archive
    records only, which step 9.1.9 has checked.
    """
    match entry:
        case Manifest():
            return (entry.manifest,)
        case Dkg():
            return (entry.ceremony,)
        case Software():
            return (entry.assets,)
        case Issued():
            return (entry.credentials,)
        case DecryptionProof() | ShareRefused():
            return (entry.payload,)
        case Published():
            return (entry.result, entry.audit)
        case Certified():
            return (entry.result,)
        case _:
            return ()
