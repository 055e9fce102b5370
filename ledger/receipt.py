"""A voter's receipt: the `.tlog-proof` file that anybody checks offline. docs/protocol.md section 12.5; C2SP tlog-proof v1.

Its `extra` carries the entry's text, so that one file is enough. It is believed only through the leaf hash that the proof leads
from; log and witnesses come from the reader's own policy, never from the file.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from typing import Final

from veche.crypto.errors import Inconsistent, Malformed, Refused
from veche.crypto.signed_note import strict_base64
from veche.ledger.entry import is_event_text
from veche.ledger.event import MAX_ENTRY_BYTES, EventType, parse_event
from veche.ledger.merkle import HASH_BYTES, MAX_PROOF, leaf_hash, verify_inclusion
from veche.ledger.policy import Confirmation, Policy, verify_policy
from veche.ledger.signed_checkpoint import MAX_BYTES as MAX_CHECKPOINT_BYTES
from veche.ledger.signed_checkpoint import SignedCheckpoint, parse_signed

FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"
MAX_BYTES: Final = MAX_CHECKPOINT_BYTES + 100_000
SUFFIX: Final = ".tlog-proof"

_INDEX = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Receipt:
    """Entry `index` is in the log of the checkpoint, as `proof` shows for the entry's leaf hash. `extra` is whatever the file says.

    Invariant: 0 ≤ index < 2^63, and at most 63 hashes of 32 bytes.
    """

    index: int
    proof: tuple[bytes, ...]
    signed: SignedCheckpoint
    extra: bytes | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.index < 2**63:
            raise Malformed("receipt-malformed", f"a receipt for entry {self.index}: 0 to 2^63 - 1 was expected")
        if len(self.proof) > MAX_PROOF or any(len(one) != HASH_BYTES for one in self.proof):
            raise Malformed("receipt-malformed", f"a receipt has at most {MAX_PROOF} hashes of {HASH_BYTES} bytes")
        if self.extra is not None and len(self.extra) > MAX_ENTRY_BYTES:
            raise Malformed("receipt-malformed", f"{len(self.extra)} further bytes; an entry has at most {MAX_ENTRY_BYTES}")

    def data(self) -> bytes:
        """The file."""
        extra = [] if self.extra is None else [f"extra {_base64(self.extra)}"]
        lines = (FIRST_LINE, *extra, f"index {self.index}", *(_base64(one) for one in self.proof), "")
        return "".join(f"{line}\n" for line in lines).encode() + self.signed.data()


@dataclass(frozen=True, slots=True)
class Logged:
    """What a verified receipt says: `entry` is number `index` of the log `origin`, which had `size` entries then."""

    origin: str
    index: int
    size: int
    entry: bytes
    confirmation: Confirmation


def make_receipt(entry: bytes, index: int, proof: tuple[bytes, ...], checkpoint: bytes) -> bytes:
    """The file for an entry with its text; it is checked to be right, signatures apart. Raises InvalidProof `inclusion-wrong`."""
    signed = parse_signed(checkpoint)
    verify_inclusion(leaf_hash(entry), index, signed.checkpoint.size, proof, signed.checkpoint.root)
    return Receipt(index, proof, signed, entry).data()


def parse_receipt(data: bytes) -> Receipt:
    """The receipt in a file; nothing is verified yet. Raises Malformed `receipt-malformed`, or as `parse_signed`."""
    head, separator, checkpoint = data.partition(b"\n\n")
    if len(data) > MAX_BYTES or not separator:
        raise Malformed("receipt-malformed", "a receipt is some lines, an empty line, and a checkpoint")
    try:
        first, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise Malformed("receipt-malformed", f"byte {error.start} of the receipt is no ASCII") from error
    if first != FIRST_LINE:
        raise Malformed("receipt-malformed", f"a receipt begins with the line {FIRST_LINE}")
    extra = _bytes(lines.pop(0).removeprefix("extra ")) if lines and lines[0].startswith("extra ") else None
    index = lines.pop(0).removeprefix("index ") if lines and lines[0].startswith("index ") else ""
    if _INDEX.fullmatch(index) is None:
        raise Malformed("receipt-malformed", "a receipt says the index of its entry, a number without leading zeros")
    return Receipt(int(index), tuple(_bytes(line) for line in lines), parse_signed(checkpoint), extra)


def verify_receipt(receipt: Receipt, policy: Policy, entry: bytes | None = None) -> Logged:
    """Check that the log had the entry, offline: log and quorum by the policy, then the proof; what is now certain.

    The entry is the reader's own text of it, or else the file's `extra`. Raises as `policy.verify_policy`; InvalidProof
    `inclusion-wrong`; Refused `receipt-entry` when there is no text of the entry.
    """
    confirmation = verify_policy(policy, receipt.signed)
    text = entry if entry is not None else receipt.extra
    if text is None:
        raise Refused("receipt-entry", "this receipt does not carry the text of its entry: it must be given beside it")
    checkpoint = receipt.signed.checkpoint
    verify_inclusion(leaf_hash(text), receipt.index, checkpoint.size, receipt.proof, checkpoint.root)
    return Logged(checkpoint.origin, receipt.index, checkpoint.size, text, confirmation)


def verify_ballot(logged: Logged, tracker: str) -> int:
    """Check that the entry is the event by which the ballot `tracker` (SHA-256 in hex) joined the chain; the event's height.

    Raises Inconsistent `receipt-ballot`.
    """
    event = parse_event(logged.entry) if is_event_text(logged.entry) else None
    if event is None or event.type is not EventType.BALLOT or event.payload != tracker:
        raise Inconsistent("receipt-ballot", f"entry {logged.index} of {logged.origin[:100]} is not the ballot {tracker[:16]}…")
    return event.height


def _bytes(line: str) -> bytes:
    try:
        return strict_base64(line)
    except Malformed as error:
        raise Malformed("receipt-malformed", "a line of the receipt is not strict base64") from error


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")
