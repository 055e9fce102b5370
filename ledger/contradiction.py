"""Evidence that a log signed two checkpoints that cannot both be true. docs/protocol.md section 12.7.

That a consistency proof fails proves nothing: anybody can write a bad one. The evidence here is positive. It shows, by a
consistency proof that **holds**, which root the first entries of the newer tree have; and the log signed another root for that
many entries. Two checkpoints of one size are the shortest case: no proof is needed. Who keeps the older checkpoint alone,
with no entry of it, can still convict the log with the newer one's tiles.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from veche.crypto.canonical_json import Json, array, encode, fields, parse_canonical, text
from veche.crypto.errors import Inconsistent, Malformed
from veche.crypto.signed_note import VerifierKey, parse_verifier_key, strict_base64
from veche.ledger.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    MAX_PROOF,
    NodeHashes,
    make_consistency,
    subtree_root,
    verify_consistency,
)
from veche.ledger.signed_checkpoint import MAX_BYTES as MAX_CHECKPOINT_BYTES
from veche.ledger.signed_checkpoint import SignedCheckpoint, parse_signed, verify_log, verify_origin

FORM: Final = "contradiction/1"
MAX_BYTES: Final = 3 * MAX_CHECKPOINT_BYTES
MAX_KEYS: Final = 16


@dataclass(frozen=True, slots=True)
class Contradiction:
    """The log signed `older` and `newer`; but the first entries of `newer`, as many as `older` counts, have the root `begins_with`.

    `proof` is the consistency proof from (size of older, begins_with) to `newer`. `keys` are the log's, as whoever wrote the
    file knew them: a reader compares them with his own. Invariant: hashes of 32 bytes.
    """

    older: SignedCheckpoint
    newer: SignedCheckpoint
    begins_with: bytes
    proof: tuple[bytes, ...]
    keys: tuple[VerifierKey, ...]

    def __post_init__(self) -> None:
        if len(self.proof) > MAX_PROOF + 1 or any(len(one) != HASH_BYTES for one in (self.begins_with, *self.proof)):
            raise Malformed("evidence-malformed", f"evidence has at most {MAX_PROOF + 1} hashes of {HASH_BYTES} bytes")
        if not 1 <= len(self.keys) <= MAX_KEYS:
            raise Malformed("evidence-malformed", f"evidence names 1 to {MAX_KEYS} keys of the log, found {len(self.keys)}")

    @property
    def origin(self) -> str:
        """The log that is accused."""
        return self.newer.checkpoint.origin

    def data(self) -> bytes:
        """The file: canonical JSON."""
        proof: list[Json] = [_base64(one) for one in self.proof]
        keys: list[Json] = [key.text() for key in self.keys]
        return encode(
            {
                "veche": FORM,
                "keys": keys,
                "older": self.older.data().decode("utf-8"),
                "newer": self.newer.data().decode("utf-8"),
                "begins_with": _base64(self.begins_with),
                "proof": proof,
            }
        )


def find_contradiction(
    one: SignedCheckpoint, other: SignedCheckpoint, nodes: NodeHashes | None, keys: Sequence[VerifierKey]
) -> Contradiction | None:
    """The evidence that the two checkpoints of one log contradict each other; None when one is the beginning of the other.

    `nodes` are the tree hashes of the larger one, from its tiles, and not asked for two of one size. Hashes that do not belong
    to that checkpoint give evidence that does not verify: the tiles are then at fault, and nothing is shown about the log.
    Raises as the two checks do: InvalidSignature, Refused `checkpoint-origin`, Inconsistent `evidence-void`.
    """
    # Of two of no entries the one that says nothing is something is the older: only that order shows what the empty tree is.
    older, newer = sorted((one, other), key=lambda signed: (signed.checkpoint.size, signed.checkpoint.root == EMPTY_ROOT))
    size, root = older.checkpoint.size, older.checkpoint.root
    begins_with, proof = _beginning(nodes, size, newer)
    if begins_with == root:
        # Also when they agree the tiles must show it.
        verify_consistency(size, newer.checkpoint.size, root, newer.checkpoint.root, proof)
        return None
    found = Contradiction(older, newer, begins_with, proof, tuple(keys))
    verify_contradiction(found, found.keys)
    return found


def verify_contradiction(found: Contradiction, keys: Sequence[VerifierKey]) -> None:
    """Check that the log with these keys has signed what cannot both be true. Returns when that is proven.

    1. Both checkpoints are of one log. 2. Each is signed by an Ed25519 key of it. 3. The first entries of the newer tree have the
    root that the evidence says. 4. The log signed another one. Raises Refused `checkpoint-origin`; InvalidSignature
    `checkpoint-unsigned`, `note-signature`; InvalidProof `consistency-wrong`; Inconsistent `evidence-void`.
    """
    older, newer = found.older.checkpoint, found.newer.checkpoint
    verify_origin(older, found.origin)
    verify_log(found.older, found.origin, keys)
    verify_log(found.newer, found.origin, keys)
    verify_consistency(older.size, newer.size, found.begins_with, newer.root, found.proof)
    if older.root == found.begins_with:
        raise Inconsistent("evidence-void", f"the two checkpoints of {found.origin[:100]} agree: no evidence against the log")


def parse_contradiction(data: bytes) -> Contradiction:
    """The evidence in a file; nothing is verified yet. Raises Malformed `evidence-malformed`, or as `parse_signed`."""
    try:
        found = fields(parse_canonical(data, MAX_BYTES), ("veche", "keys", "older", "newer", "begins_with", "proof"))
        form, notes = text(found["veche"]), (text(found["older"]), text(found["newer"]))
        keys = tuple(parse_verifier_key(text(key)) for key in array(found["keys"]))
        begins_with = strict_base64(text(found["begins_with"]))
        proof = tuple(strict_base64(text(one)) for one in array(found["proof"]))
    except Malformed as error:
        raise Malformed("evidence-malformed", f"an evidence file: {error.message}") from error
    if form != FORM:
        raise Malformed("evidence-malformed", f"an evidence file of the form {FORM} was expected")
    older, newer = (parse_signed(note.encode("utf-8")) for note in notes)
    return Contradiction(older, newer, begins_with, proof, keys)


def _beginning(nodes: NodeHashes | None, size: int, newer: SignedCheckpoint) -> tuple[bytes, tuple[bytes, ...]]:
    """The root of the newer tree's first `size` entries, and the proof of it."""
    if size == newer.checkpoint.size:
        return newer.checkpoint.root, ()
    if size == 0:
        return EMPTY_ROOT, ()
    if nodes is None:
        raise Inconsistent("evidence-void", "checkpoints of different sizes contradict each other by the newer one's tiles only")
    return subtree_root(nodes, 0, size), make_consistency(nodes, size, newer.checkpoint.size)


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")
