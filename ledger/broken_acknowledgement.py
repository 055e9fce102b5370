"""Evidence that the log has broken what the ballot box signed for a voter. docs/protocol.md section 12.7.

The acknowledgement says that her ballot is event number `height`, with this hash. The log shows, by an inclusion proof that
**holds**, another event there, or that the ballots had ended before it. No entry can repair either afterwards. That a ballot is
not in the log *yet* is no evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from veche.ballot.acknowledgement import Acknowledgement, parse_acknowledgement
from veche.crypto.canonical_json import Json, array, encode, fields, parse_canonical, text
from veche.crypto.errors import Inconsistent, Malformed
from veche.crypto.signed_note import VerifierKey, parse_verifier_key
from veche.ledger.entry import is_event_text
from veche.ledger.event import Event, EventType, parse_event
from veche.ledger.merkle import leaf_hash, verify_inclusion
from veche.ledger.receipt import MAX_BYTES as MAX_RECEIPT_BYTES
from veche.ledger.receipt import Receipt, parse_receipt
from veche.ledger.signed_checkpoint import SignedCheckpoint, verify_log
from veche.ledger.tile import TileStore
from veche.ledger.tile_reader import proven_inclusion

FORM: Final = "broken-acknowledgement/1"
MAX_BYTES: Final = MAX_RECEIPT_BYTES + 100_000
MAX_KEYS: Final = 16

_WHILE_VOTING: Final = (EventType.SETUP, EventType.BALLOT)


@dataclass(frozen=True, slots=True)
class BrokenAcknowledgement:
    """`acknowledgement` is the note of the holder of `box`; `receipt` the entry, in the log with `keys`, that contradicts it."""

    acknowledgement: bytes
    receipt: Receipt
    box: VerifierKey
    keys: tuple[VerifierKey, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.keys) <= MAX_KEYS:
            raise Malformed("evidence-malformed", f"evidence names 1 to {MAX_KEYS} keys of the log, found {len(self.keys)}")

    def data(self) -> bytes:
        """The file: canonical JSON."""
        keys: list[Json] = [key.text() for key in self.keys]
        return encode(
            {
                "veche": FORM,
                "box": self.box.text(),
                "keys": keys,
                "acknowledgement": self.acknowledgement.decode("utf-8"),
                "receipt": self.receipt.data().decode("utf-8"),
            }
        )


def contradicts(said: Acknowledgement, entry: bytes) -> bool:
    """Whether a log with this entry cannot be the one that the box has spoken of, whatever else is in it."""
    if not is_event_text(entry):
        return False
    event = parse_event(entry)
    if event.height == said.height:
        return event.digest != said.event
    if event.height == 0:
        return event.digest != said.setup
    return event.height < said.height and event.type not in _WHILE_VOTING


def find_broken(
    note: bytes,
    box: VerifierKey,
    signed: SignedCheckpoint,
    entries: Iterable[tuple[int, bytes]],
    store: TileStore,
    keys: Sequence[VerifierKey],
) -> BrokenAcknowledgement | None:
    """The evidence among `entries` (index and text, of the log that `store` keeps) that the acknowledgement was broken, or None.

    Raises as `parse_acknowledgement`, `verify_log` and `proven_inclusion`; Malformed for an event that is none.
    """
    said = parse_acknowledgement(note, box)
    verify_log(signed, said.origin, keys)
    for index, entry in entries:
        if contradicts(said, entry):
            proof = proven_inclusion(store, signed.checkpoint, index, entry)
            return BrokenAcknowledgement(note, Receipt(index, proof, signed, entry), box, tuple(keys))
    return None


def verify_broken(found: BrokenAcknowledgement, box: VerifierKey, keys: Sequence[VerifierKey]) -> tuple[Acknowledgement, Event]:
    """Check that the box and the log with these keys have signed what cannot both be true; what each of them said.

    1. The box signed the acknowledgement. 2. The log of its origin signed the checkpoint. 3. The entry is in that log. 4. It is
    another event at the acknowledged height, or another Setup, or ballots had ended before that height. Raises as
    `parse_acknowledgement`, `verify_log` and `verify_inclusion`; Inconsistent `evidence-void`.
    """
    said = parse_acknowledgement(found.acknowledgement, box)
    verify_log(found.receipt.signed, said.origin, keys)
    entry, checkpoint = found.receipt.extra, found.receipt.signed.checkpoint
    if entry is None:
        raise Malformed("evidence-malformed", "the receipt in the evidence does not carry its entry")
    verify_inclusion(leaf_hash(entry), found.receipt.index, checkpoint.size, found.receipt.proof, checkpoint.root)
    if not contradicts(said, entry):
        raise Inconsistent("evidence-void", f"the log {said.origin[:100]} and the acknowledgement agree: no evidence against them")
    return said, parse_event(entry)


def parse_broken(data: bytes) -> BrokenAcknowledgement:
    """The evidence in a file; nothing is verified yet. Raises Malformed `evidence-malformed`, or as `parse_receipt`."""
    try:
        found = fields(parse_canonical(data, MAX_BYTES), ("veche", "box", "keys", "acknowledgement", "receipt"))
        form, note, receipt = (text(found[name]) for name in ("veche", "acknowledgement", "receipt"))
        keys = tuple(parse_verifier_key(text(key)) for key in array(found["keys"]))
        box = parse_verifier_key(text(found["box"]))
    except Malformed as error:
        raise Malformed("evidence-malformed", f"an evidence file: {error.message}") from error
    if form != FORM:
        raise Malformed("evidence-malformed", f"an evidence file of the form {FORM} was expected")
    return BrokenAcknowledgement(note.encode("utf-8"), parse_receipt(receipt.encode("utf-8")), box, keys)
