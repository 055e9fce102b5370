"""The Merkle tree of RFC 6962, section 2.1. It knows bytes, not ballots. docs/protocol.md section 12.1.

A hash has 32 bytes. The tree over n > 1 leaves splits at k, the largest power of two below n; it is never padded. So every
tree is made of complete subtrees, and the hash of a complete one never changes once its last leaf is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol

from veche.crypto.errors import InvalidProof, Malformed

HASH_BYTES: Final = 32
MAX_SIZE: Final = 2**63 - 1
EMPTY_ROOT: Final = sha256(b"").digest()
MAX_PROOF: Final = 63
"""No proof over at most 2^63 - 1 leaves is longer; a consistency proof may have one hash more than the path."""


def leaf_hash(entry: bytes) -> bytes:
    """H(0x00, entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """H(0x01, left, right). The other first byte keeps a leaf from being read as a node."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """All that a writer of the tree must remember: the hashes of the complete subtrees of `size` leaves, the largest first.

    Invariant: one hash of 32 bytes for each one bit of `size`.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_SIZE or len(self.hashes) != self.size.bit_count():
            raise Malformed("frontier-malformed", f"{len(self.hashes)} hashes for {self.size} leaves: one for each one bit")
        if any(len(one) != HASH_BYTES for one in self.hashes):
            raise Malformed("frontier-malformed", f"a hash of the frontier has not {HASH_BYTES} bytes")

    def append(self, leaf: bytes) -> Frontier:
        """The frontier with one leaf hash more."""
        return self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> Frontier:
        """The frontier with these leaf hashes more; each costs two hashes on average, and log n at most."""
        size, stack = self.size, list(self.hashes)
        for leaf in leaves:
            joined, before = leaf, size
            while before & 1:
                joined = node_hash(stack.pop(), joined)
                before >>= 1
            stack.append(joined)
            size += 1
        return Frontier(size, tuple(stack))

    def root(self) -> bytes:
        """The root of the tree."""
        return fold(self.hashes)

    def data(self) -> bytes:
        """The bytes to store: the size as 8 bytes, most significant first, then the hashes."""
        return self.size.to_bytes(8, "big") + b"".join(self.hashes)


def parse_frontier(data: bytes) -> Frontier:
    """The frontier of its bytes. Raises Malformed `frontier-malformed`."""
    if len(data) < 8 or len(data) % HASH_BYTES != 8:
        raise Malformed("frontier-malformed", f"a frontier of {len(data)} bytes: 8 and a multiple of {HASH_BYTES} were expected")
    return Frontier(int.from_bytes(data[:8], "big"), split_hashes(data[8:]))


def split_hashes(data: bytes) -> tuple[bytes, ...]:
    """The hashes that stand one after another in `data`, whose length is a multiple of 32."""
    return tuple(data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES))


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over complete subtrees that stand beside each other, the largest first; of none, the root of the empty tree."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


class NodeHashes(Protocol):
    """Gives the hashes of complete subtrees, wherever they are kept."""

    def node(self, level: int, index: int) -> bytes:
        """The root over the leaves from index·2^level up to (index + 1)·2^level."""
        ...


def subtree_root(nodes: NodeHashes, start: int, end: int) -> bytes:
    """The root over the leaves from `start` up to `end`, where `start` is a multiple of the power of two that covers them."""
    return fold([nodes.node(level, index) for level, index in complete_subtrees(start, end)])


def complete_subtrees(start: int, end: int) -> Iterator[tuple[int, int]]:
    """(level, index) of the complete subtrees that make up the leaves from `start` up to `end`, the largest first."""
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def make_inclusion(nodes: NodeHashes, index: int, size: int) -> tuple[bytes, ...]:
    """The path from the leaf's sibling up to a child of the root (RFC 6962, 2.1.1), for 0 ≤ index < size."""
    if not 0 <= index < size:
        raise Malformed("proof-range", f"there is no leaf {index} among {size}")
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(subtree_root(nodes, middle, end))
            end = middle
        else:
            proof.append(subtree_root(nodes, start, middle))
            start = middle
    return tuple(reversed(proof))


def make_consistency(nodes: NodeHashes, old: int, new: int) -> tuple[bytes, ...]:
    """That the tree of `old` leaves is the beginning of that of `new` (RFC 6962, 2.1.2), for 0 ≤ old ≤ new.

    Empty when they are the same, or when there was nothing before.
    """
    if not 0 <= old <= new:
        raise Malformed("proof-range", f"a tree of {old} leaves is no beginning of one of {new}")
    proof: list[bytes] = []
    start, end = 0, new
    while 0 < old < end:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(subtree_root(nodes, middle, end))
            end = middle
        else:
            proof.append(subtree_root(nodes, start, middle))
            start = middle
    # What is left is the old tree's last complete subtree; the verifier holds it already when it is the whole old tree.
    if start > 0:
        proof.append(subtree_root(nodes, start, end))
    return tuple(reversed(proof))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that `leaf` (a leaf hash) is number `index` in the tree of `size` leaves with this root (RFC 9162, 2.1.3.2).

    Raises InvalidProof `inclusion-wrong`.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise InvalidProof("inclusion-wrong", f"there is no leaf {index} in a log of {size} entries")
    place, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise InvalidProof("inclusion-wrong", f"the proof that entry {index} is among {size} has too many hashes")
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            place, last = _up_to_odd(place, last)
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    if last != 0:
        raise InvalidProof("inclusion-wrong", f"the proof that entry {index} is among {size} has too few hashes")
    if found != root:
        raise InvalidProof("inclusion-wrong", f"the proof that entry {index} is among {size} leads to another root")


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree of `old` leaves is the beginning of that of `new` leaves (RFC 9162, 2.1.4.2).

    Raises InvalidProof `consistency-wrong`. Nothing, the tree of size 0, is the beginning of every tree.
    """
    if not 0 <= old <= new <= MAX_SIZE:
        raise InvalidProof("consistency-wrong", f"a log of {old} entries is no beginning of one of {new}")
    if old in (0, new):
        _verify_trivial(old, new, old_root, new_root, proof)
        return
    # A tree of a power of two is itself a node of the newer tree, so its root need not be sent.
    path = [old_root, *proof] if old.bit_count() == 1 else list(proof)
    if not path:
        raise InvalidProof("consistency-wrong", f"the proof from {old} to {new} entries has too few hashes")
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise InvalidProof("consistency-wrong", f"the proof from {old} to {new} entries has too many hashes")
        if place & 1 or place == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            place, last = _up_to_odd(place, last)
        else:
            after = node_hash(after, sibling)
        place, last = place >> 1, last >> 1
    if last != 0:
        raise InvalidProof("consistency-wrong", f"the proof from {old} to {new} entries has too few hashes")
    if before != old_root:
        raise InvalidProof("consistency-wrong", f"the first {old} of {new} entries have another root than the log of {old} had")
    if after != new_root:
        raise InvalidProof("consistency-wrong", f"the proof from {old} to {new} entries leads to another root")


def _verify_trivial(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    expected = EMPTY_ROOT if old == 0 else new_root
    if proof or old_root != expected or (new == 0 and new_root != EMPTY_ROOT):
        raise InvalidProof(
            "consistency-wrong", f"from {old} to {new} entries nothing needs proof, but roots differ or hashes are there"
        )


def _up_to_odd(place: int, last: int) -> tuple[int, int]:
    """Go up while the node has no sibling on its right."""
    while place and not place & 1:
        place, last = place >> 1, last >> 1
    return place, last


def _split(size: int) -> int:
    """The largest power of two below `size`, which is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)
