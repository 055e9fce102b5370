"""Specifies ledger/merkle.py: the known values of Certificate Transparency, and the recursive definition for everything else."""

from __future__ import annotations

from base64 import b64decode
from functools import cache

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.ledger.naive_tree import NaiveTree
from tests.vectors import load
from veche.crypto.errors import InvalidProof, Malformed
from veche.ledger.merkle import (
    EMPTY_ROOT,
    MAX_SIZE,
    Frontier,
    complete_subtrees,
    leaf_hash,
    make_consistency,
    make_inclusion,
    node_hash,
    parse_frontier,
    subtree_root,
    verify_consistency,
    verify_inclusion,
)

LOG = load("spec/transparency-log-vectors.json")
CT_LEAVES = [leaf_hash(bytes.fromhex(entry)) for entry in LOG["ct_inputs_hex"]]
CT = NaiveTree(CT_LEAVES)
LARGEST = 300
TREE = NaiveTree([leaf_hash(b"entry %d" % number) for number in range(LARGEST)])
MILLION = 1_000_000


# --- Known values -----------------------------------------------------------------------------


def test_leaves_have_their_known_hashes() -> None:
    assert [leaf.hex() for leaf in CT_LEAVES] == LOG["ct_leaf_hex"]
    assert [leaf_hash(entry.encode()).hex() for entry in LOG["entries"]] == LOG["leaf_hex"]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_known_ones(size: int) -> None:
    known = LOG["ct_roots_hex"][str(size)]
    assert Frontier().extend(CT_LEAVES[:size]).root().hex() == known
    assert subtree_root(CT, 0, size).hex() == known


@pytest.mark.parametrize("size", range(6))
def test_roots_of_the_five_ballots_are_the_known_ones(size: int) -> None:
    leaves = [leaf_hash(entry.encode()) for entry in LOG["entries"][:size]]
    assert Frontier().extend(leaves).root() == b64decode(LOG["roots_b64"][str(size)])


@pytest.mark.parametrize("name", LOG["ct_inclusion_hex"])
def test_inclusion_proofs_are_the_known_ones(name: str) -> None:
    index, size = (int(part) for part in name.split("/"))
    known = tuple(bytes.fromhex(one) for one in LOG["ct_inclusion_hex"][name])
    assert make_inclusion(CT, index, size) == known
    verify_inclusion(CT_LEAVES[index], index, size, known, CT.root(size))


@pytest.mark.parametrize("name", LOG["ct_consistency_hex"])
def test_consistency_proofs_are_the_known_ones(name: str) -> None:
    old, new = (int(part) for part in name.split("->"))
    known = tuple(bytes.fromhex(one) for one in LOG["ct_consistency_hex"][name])
    assert make_consistency(CT, old, new) == known
    verify_consistency(old, new, CT.root(old), CT.root(new), known)


def test_a_lone_right_child_is_not_doubled() -> None:
    a, b, c = CT_LEAVES[:3]
    assert Frontier().extend([a, b, c]).root() == node_hash(node_hash(a, b), c)


# --- Against the definition -------------------------------------------------------------------


def test_every_root_up_to_300_is_the_defined_one_and_survives_storage() -> None:
    frontier = Frontier()
    for size in range(LARGEST + 1):
        assert frontier.root() == subtree_root(TREE, 0, size) == TREE.root(size)
        assert parse_frontier(frontier.data()) == frontier
        assert frontier == Frontier().extend(TREE.leaves[:size])
        if size < LARGEST:
            frontier = frontier.append(TREE.leaves[size])


def test_every_inclusion_proof_up_to_300_is_the_defined_one_and_verifies() -> None:
    for size in range(1, LARGEST + 1):
        root = TREE.root(size)
        for index in range(size):
            proof = make_inclusion(TREE, index, size)
            assert list(proof) == TREE.inclusion(index, size)
            verify_inclusion(TREE.leaves[index], index, size, proof, root)


def test_every_consistency_proof_up_to_300_is_the_defined_one_and_verifies() -> None:
    for new in range(LARGEST + 1):
        root = TREE.root(new)
        for old in range(new + 1):
            proof = make_consistency(TREE, old, new)
            assert list(proof) == TREE.consistency(old, new)
            verify_consistency(old, new, TREE.root(old), root, proof)


class BigTree(NaiveTree):
    """A million leaves; the definition stays, the complete subtrees are kept in rows so that it ends today."""

    def __init__(self) -> None:
        super().__init__([leaf_hash(number.to_bytes(4, "big")) for number in range(MILLION)])
        self.rows = [self.leaves]
        while len(self.rows[-1]) > 1:
            row = self.rows[-1]
            self.rows.append([node_hash(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)])

    def _range_root(self, start: int, end: int) -> bytes:
        width = end - start
        if width and width & (width - 1) == 0 and start % width == 0:
            return self.rows[width.bit_length() - 1][start // width]
        return super()._range_root(start, end)


@cache
def big_tree() -> BigTree:
    return BigTree()


@pytest.mark.slow
@given(data=st.data())
@settings(max_examples=150)
def test_proofs_of_random_sizes_up_to_a_million_are_the_defined_ones(data: st.DataObject) -> None:
    tree = big_tree()
    new = data.draw(st.integers(1, MILLION))
    old, index = data.draw(st.integers(0, new)), data.draw(st.integers(0, new - 1))
    inclusion, consistency = make_inclusion(tree, index, new), make_consistency(tree, old, new)
    assert list(inclusion) == tree.inclusion(index, new)
    assert list(consistency) == tree.consistency(old, new)
    verify_inclusion(tree.leaves[index], index, new, inclusion, tree.root(new))
    verify_consistency(old, new, tree.root(old), tree.root(new), consistency)


@pytest.mark.slow
def test_a_frontier_of_a_million_leaves_has_the_defined_root() -> None:
    tree = big_tree()
    frontier = Frontier().extend(tree.leaves[:654_321])
    assert frontier.root() == tree.root(654_321)
    assert frontier.extend(tree.leaves[654_321:]).root() == tree.root(MILLION)


# --- Nothing else verifies --------------------------------------------------------------------

SIZES = st.integers(1, LARGEST)


def flipped(data: bytes, bit: int) -> bytes:
    return (int.from_bytes(data, "big") ^ (1 << bit)).to_bytes(len(data), "big")


def refuse_inclusion(leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> None:
    with pytest.raises(InvalidProof) as refusal:
        verify_inclusion(leaf, index, size, proof, root)
    assert refusal.value.code == "inclusion-wrong"


def refuse_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: list[bytes]) -> None:
    with pytest.raises(InvalidProof) as refusal:
        verify_consistency(old, new, old_root, new_root, proof)
    assert refusal.value.code == "consistency-wrong"


@given(size=SIZES, data=st.data())
def test_no_part_of_an_inclusion_proof_can_be_changed(size: int, data: st.DataObject) -> None:
    index, bit = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, 255))
    leaf, proof, root = TREE.leaves[index], TREE.inclusion(index, size), TREE.root(size)
    refuse_inclusion(flipped(leaf, bit), index, size, proof, root)
    refuse_inclusion(leaf, index, size, proof, flipped(root, bit))
    refuse_inclusion(leaf, index, size, [*proof, root], root)
    refuse_inclusion(leaf, index, size, [leaf, *proof], root)
    for place in range(len(proof)):
        changed = [flipped(one, bit) if number == place else one for number, one in enumerate(proof)]
        refuse_inclusion(leaf, index, size, changed, root)
        refuse_inclusion(leaf, index, size, proof[:place] + proof[place + 1 :], root)


@given(size=SIZES, data=st.data())
def test_an_inclusion_proof_holds_for_no_other_index(size: int, data: st.DataObject) -> None:
    index, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, LARGEST))
    assume(other != index)
    refuse_inclusion(TREE.leaves[index], other, size, TREE.inclusion(index, size), TREE.root(size))


def test_an_index_or_size_out_of_range_is_refused() -> None:
    leaf = TREE.leaves[0]
    for index, size in ((1, 1), (0, 0), (-1, 1), (0, MAX_SIZE + 1), (2**70, 2**71)):
        refuse_inclusion(leaf, index, size, [], leaf)


def test_an_inner_node_is_not_accepted_as_a_leaf_of_a_smaller_log() -> None:
    # The path of a node fits a smaller tree; only the count of hashes, which the size fixes, stops it at the same root.
    size = 8
    inner = TREE.node(1, 0)
    refuse_inclusion(inner, 0, size, TREE.inclusion(0, size)[1:], TREE.root(size))


@given(new=st.integers(2, LARGEST), data=st.data())
def test_no_part_of_a_consistency_proof_can_be_changed(new: int, data: st.DataObject) -> None:
    old, bit = data.draw(st.integers(1, new - 1)), data.draw(st.integers(0, 255))
    proof, old_root, new_root = TREE.consistency(old, new), TREE.root(old), TREE.root(new)
    refuse_consistency(old, new, flipped(old_root, bit), new_root, proof)
    refuse_consistency(old, new, old_root, flipped(new_root, bit), proof)
    refuse_consistency(old, new, old_root, new_root, [*proof, new_root])
    refuse_consistency(old, new, old_root, new_root, [old_root, *proof])
    refuse_consistency(old, new, old_root, new_root, [])
    for place in range(len(proof)):
        changed = [flipped(one, bit) if number == place else one for number, one in enumerate(proof)]
        refuse_consistency(old, new, old_root, new_root, changed)
        refuse_consistency(old, new, old_root, new_root, proof[:place] + proof[place + 1 :])


@given(new=st.integers(2, LARGEST), data=st.data())
def test_a_consistency_proof_holds_for_no_other_old_size(new: int, data: st.DataObject) -> None:
    old, other = data.draw(st.integers(1, new - 1)), data.draw(st.integers(1, LARGEST))
    assume(old != other)
    refuse_consistency(other, new, TREE.root(old), TREE.root(new), TREE.consistency(old, new))


@given(new=st.integers(2, LARGEST), data=st.data())
def test_a_log_whose_entry_changed_is_not_consistent(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new - 1))
    changed = data.draw(st.integers(0, old - 1))
    other = NaiveTree([*TREE.leaves[:changed], leaf_hash(b"another"), *TREE.leaves[changed + 1 :]])
    refuse_consistency(old, new, TREE.root(old), other.root(new), other.consistency(old, new))
    refuse_consistency(old, new, TREE.root(old), other.root(new), TREE.consistency(old, new))


def test_what_needs_no_proof_takes_none() -> None:
    a, b = TREE.root(1), TREE.root(2)
    verify_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, [])
    verify_consistency(0, 2, EMPTY_ROOT, b, [])
    verify_consistency(2, 2, b, b, [])
    refuse_consistency(0, 0, EMPTY_ROOT, a, [])
    refuse_consistency(0, 0, a, a, [])
    refuse_consistency(0, 2, a, b, [])
    refuse_consistency(0, 2, EMPTY_ROOT, b, [a])
    refuse_consistency(2, 2, b, b, [a])
    refuse_consistency(2, 2, a, b, [])
    refuse_consistency(2, 1, b, a, [])
    refuse_consistency(-1, 1, b, a, [])
    refuse_consistency(1, MAX_SIZE + 1, b, a, [])


# --- Edges --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 3)])
def test_no_inclusion_proof_is_made_for_what_is_not_there(index: int, size: int) -> None:
    with pytest.raises(Malformed) as refusal:
        make_inclusion(TREE, index, size)
    assert refusal.value.code == "proof-range"


@pytest.mark.parametrize(("old", "new"), [(2, 1), (-1, 3)])
def test_no_consistency_proof_is_made_for_a_log_that_shrinks(old: int, new: int) -> None:
    with pytest.raises(Malformed) as refusal:
        make_consistency(TREE, old, new)
    assert refusal.value.code == "proof-range"


def test_a_range_is_made_of_complete_subtrees_the_largest_first() -> None:
    assert list(complete_subtrees(0, 7)) == [(2, 0), (1, 2), (0, 6)]
    assert list(complete_subtrees(4, 7)) == [(1, 2), (0, 6)]
    assert list(complete_subtrees(3, 3)) == []


GOOD = Frontier().extend(TREE.leaves[:5]).data()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GOOD[:7],
        GOOD[:-1],
        GOOD + b"\0",
        GOOD[:-32],
        GOOD + bytes(32),
        (7).to_bytes(8, "big") + GOOD[8:],
        b"\xff" * 8 + bytes(32 * 64),
    ],
    ids=["empty", "short size", "short", "long", "hash less", "hash more", "other size", "too large"],
)
def test_what_is_no_frontier_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_frontier(data)
    assert refusal.value.code == "frontier-malformed"


def test_a_frontier_is_made_of_hashes() -> None:
    with pytest.raises(Malformed):
        Frontier(1, (b"short",))
