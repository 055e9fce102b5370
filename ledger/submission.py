"""What a log sends a witness, and what a witness says to it. docs/protocol.md section 12.8; C2SP tlog-witness, `add-checkpoint`.

Pure: the witness's state is handed in. Whoever serves it stores the new checkpoint, if its size is still the old one, **before**
the cosignature leaves.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from veche.crypto.errors import ElectionError, Inconsistent, InvalidProof, InvalidSignature, Malformed, Refused
from veche.crypto.signed_note import VerifierKey, strict_base64
from veche.ledger.checkpoint import Checkpoint
from veche.ledger.cosignature import LOG_KINDS
from veche.ledger.merkle import EMPTY_ROOT, HASH_BYTES, MAX_PROOF, verify_consistency
from veche.ledger.signed_checkpoint import MAX_BYTES as MAX_CHECKPOINT_BYTES
from veche.ledger.signed_checkpoint import SignedCheckpoint, parse_signed, verify_lines

MAX_BYTES: Final = MAX_CHECKPOINT_BYTES + 8192
SIZE_TYPE: Final = "text/x.tlog.size"
"""The content type of the answer 409, whose body is the size last cosigned and a newline."""

_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Submission:
    """A log's newest checkpoint, with the proof that it continues the one of `old` entries. Invariant: at most 63 hashes."""

    old: int
    proof: tuple[bytes, ...]
    signed: SignedCheckpoint

    def __post_init__(self) -> None:
        if len(self.proof) > MAX_PROOF or any(len(one) != HASH_BYTES for one in self.proof):
            raise Malformed("submission-malformed", f"at most {MAX_PROOF} hashes of {HASH_BYTES} bytes were expected")
        if not 0 <= self.old <= self.signed.checkpoint.size:
            raise Malformed(
                "submission-malformed", f"{self.old} entries before, {self.signed.checkpoint.size} now: a log only grows"
            )

    def data(self) -> bytes:
        """The body of the request."""
        hashes = "".join(f"{b64encode(one).decode('ascii')}\n" for one in self.proof)
        return f"old {self.old}\n{hashes}\n".encode() + self.signed.data()


@dataclass(frozen=True, slots=True)
class Cosigned:
    """What a witness last cosigned of a log: nothing yet is size 0 with the empty root."""

    size: int = 0
    root: bytes = EMPTY_ROOT


def origin_hash(origin: str) -> str:
    """The name under which a witness shows what it last cosigned of this log: SHA-256 in hex."""
    return sha256(origin.encode("utf-8")).hexdigest()


def parse_submission(data: bytes) -> Submission:
    """The request of its body. Raises Malformed (`submission-malformed` and those of a checkpoint): answer 400."""
    head, separator, checkpoint = data.partition(b"\n\n")
    if len(data) > MAX_BYTES or not separator:
        raise Malformed("submission-malformed", "some lines, an empty line and a checkpoint were expected")
    try:
        first, *lines = head.decode("ascii").split("\n")
        proof = tuple(strict_base64(line) for line in lines)
    except (UnicodeDecodeError, Malformed) as error:
        raise Malformed("submission-malformed", "a hash of the proof is not strict base64") from error
    match = _OLD.fullmatch(first)
    if match is None:
        raise Malformed("submission-malformed", "the first line says how many entries were cosigned before: old N")
    return Submission(int(match[1]), proof, parse_signed(checkpoint))


def judge(submission: Submission, keys: Sequence[VerifierKey], cosigned: Cosigned) -> Checkpoint:
    """The checkpoint that may be cosigned after `cosigned`, by a witness that knows the log by `keys`; none: it does not know it.

    In this order, as the specification has it; `status_of` gives the answer's number. Raises Refused `log-unknown`;
    InvalidSignature `checkpoint-unsigned` or `note-signature`; Refused `witness-size`; Inconsistent `witness-contradiction`, which
    is evidence against the log and worth keeping; InvalidProof `consistency-wrong`.
    """
    checkpoint = submission.signed.checkpoint
    trusted = [key for key in keys if key.name == checkpoint.origin and key.kind in LOG_KINDS]
    if not trusted:
        raise Refused("log-unknown", f"this witness does not know the log {checkpoint.origin[:100]}")
    if not verify_lines(submission.signed, trusted):
        raise InvalidSignature("checkpoint-unsigned", f"no known key of the log {checkpoint.origin[:100]} signed this checkpoint")
    if submission.old != cosigned.size:
        raise Refused("witness-size", f"last cosigned were {cosigned.size} entries, not {submission.old}")
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        raise Inconsistent("witness-contradiction", "a log of no entries has another root than the empty tree")
    if checkpoint.size == cosigned.size and checkpoint.root != cosigned.root:
        raise Inconsistent("witness-contradiction", f"another root of {cosigned.size} entries was cosigned before")
    verify_consistency(cosigned.size, checkpoint.size, cosigned.root, checkpoint.root, submission.proof)
    return checkpoint


def status_of(error: ElectionError) -> int:
    """The HTTP status by which a witness answers what `parse_submission`, `judge` or its own store raised."""
    by_code = {"log-unknown": 404, "witness-size": 409, "witness-store": 503}
    by_kind = {Malformed: 400, InvalidSignature: 403, InvalidProof: 422, Inconsistent: 422}
    return by_code.get(error.code) or by_kind.get(type(error), 400)
