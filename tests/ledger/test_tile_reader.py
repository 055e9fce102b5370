"""Specifies ledger/tile_reader.py: hashes, entries and proofs from tiles, and every spoiled byte is noticed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.memory_store import MemoryStore, checkpoint_of, entries_of, stored_log
from tests.ledger.naive_tree import NaiveTree
from veche.crypto.errors import ElectionError, Inconsistent, InvalidProof
from veche.ledger.merkle import Frontier, leaf_hash, make_consistency, make_inclusion, verify_consistency, verify_inclusion
from veche.ledger.tile import Tile, bundles_of, tiles_of
from veche.ledger.tile_growth import edge_of
from veche.ledger.tile_reader import (
    TileReader,
    proven_consistency,
    proven_inclusion,
    read_entries_of,
    read_tile,
    verify_root,
    verify_tiles,
)

SIZE = 700
ENTRIES = entries_of(SIZE)
TREE = NaiveTree([leaf_hash(entry) for entry in ENTRIES])
STORE, EDGE = stored_log(ENTRIES, [3, 256, 300, 511])
CHECKPOINT = checkpoint_of(EDGE)


@given(data=st.data())
def test_every_node_is_read_from_the_tiles(data: st.DataObject) -> None:
    level = data.draw(st.integers(0, 9))
    index = data.draw(st.integers(0, (SIZE >> level) - 1))
    assert TileReader(STORE, SIZE).node(level, index) == TREE.node(level, index)


@given(data=st.data())
def test_proofs_from_tiles_are_the_defined_ones(data: st.DataObject) -> None:
    old, index = data.draw(st.integers(0, SIZE)), data.draw(st.integers(0, SIZE - 1))
    reader = TileReader(STORE, SIZE)
    assert list(make_inclusion(reader, index, SIZE)) == TREE.inclusion(index, SIZE)
    assert list(make_consistency(reader, old, SIZE)) == TREE.consistency(old, SIZE)
    older = replace(CHECKPOINT, size=old, root=TREE.root(old))
    verify_consistency(old, SIZE, older.root, CHECKPOINT.root, proven_consistency(STORE, older, CHECKPOINT))
    proof = proven_inclusion(STORE, CHECKPOINT, index, ENTRIES[index])
    verify_inclusion(leaf_hash(ENTRIES[index]), index, SIZE, proof, CHECKPOINT.root)


def test_the_root_and_all_entries_are_read() -> None:
    reader = TileReader(STORE, SIZE)
    assert reader.root() == CHECKPOINT.root
    assert [reader.entry(index) for index in (0, 255, 256, 699)] == [ENTRIES[index] for index in (0, 255, 256, 699)]
    assert list(read_entries_of(STORE, SIZE)) == ENTRIES


def test_a_proof_needs_few_tiles_and_each_once() -> None:
    store = STORE.copy()
    proven_inclusion(store, CHECKPOINT, 5, ENTRIES[5])
    assert len(store.asked) == len(set(store.asked)) <= 3


def test_a_tile_that_is_gone_is_cut_from_the_full_one() -> None:
    store = STORE.copy()
    del store.kept[Tile(0, 0, 3).path()]
    assert list(read_tile(store, Tile(0, 0, 3))) == TREE.leaves[:3]
    assert TileReader(store, 3).root() == TREE.root(3)
    assert list(read_entries_of(store, 3)) == ENTRIES[:3]


@pytest.mark.parametrize("path", sorted(STORE.kept))
def test_one_flipped_bit_or_a_lost_file_is_noticed(path: str) -> None:
    shown = {tile.path() for tile in tiles_of(SIZE)} | {bundle.path() for bundle in bundles_of(SIZE)}
    for place in (0, 20, -1):
        store = STORE.copy()
        data = bytearray(store.kept[path])
        data[place] ^= 1
        store.kept[path] = bytes(data)
        if path in shown:
            with pytest.raises(ElectionError):
                verify_tiles(store, CHECKPOINT)
        else:
            assert verify_tiles(store, CHECKPOINT) == EDGE
    store = STORE.copy()
    del store.kept[path]
    if path in shown:
        with pytest.raises(Inconsistent) as refusal:
            verify_tiles(store, CHECKPOINT)
        assert refusal.value.code == "tile-missing"


def test_a_spoiled_hash_gives_no_proof() -> None:
    store = STORE.copy()
    data = bytearray(store.kept[Tile(0, 0).path()])
    data[32 * 7] ^= 1
    store.kept[Tile(0, 0).path()] = bytes(data)
    with pytest.raises(InvalidProof):
        proven_inclusion(store, CHECKPOINT, 6, ENTRIES[6])
    with pytest.raises(InvalidProof):
        proven_consistency(store, replace(CHECKPOINT, size=7, root=TREE.root(7)), CHECKPOINT)


def test_another_entry_is_not_proven() -> None:
    with pytest.raises(InvalidProof):
        proven_inclusion(STORE, CHECKPOINT, 6, ENTRIES[7])


def test_whole_other_tiles_that_agree_among_themselves_do_not_give_the_signed_root() -> None:
    other, _ = stored_log([*ENTRIES[:-1], b"another"])
    with pytest.raises(Inconsistent) as refusal:
        verify_tiles(other, CHECKPOINT)
    assert refusal.value.code == "root-differs"


def test_the_root_is_compared_with_its_size() -> None:
    verify_root(edge_of(ENTRIES), CHECKPOINT)
    verify_root(Frontier().extend(TREE.leaves), CHECKPOINT)
    for other in (replace(CHECKPOINT, size=SIZE - 1), replace(CHECKPOINT, root=bytes(32))):
        with pytest.raises(Inconsistent):
            verify_root(EDGE, other)


@pytest.mark.parametrize(("level", "index"), [(0, SIZE), (8, 2), (9, 1), (16, 0), (3, 88)])
def test_there_is_no_node_beyond_the_log(level: int, index: int) -> None:
    with pytest.raises(Inconsistent) as refusal:
        TileReader(STORE, SIZE).node(level, index)
    assert refusal.value.code == "tile-missing"


def test_there_is_no_entry_beyond_the_log() -> None:
    with pytest.raises(Inconsistent):
        TileReader(STORE, SIZE).entry(768)
    with pytest.raises(Inconsistent):
        TileReader(MemoryStore(), 1).entry(0)
