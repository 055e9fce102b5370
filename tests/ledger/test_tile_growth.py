"""Specifies ledger/tile_growth.py: what a growing log writes, and that nothing full is ever written over."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ledger.memory_store import MemoryStore, checkpoint_of, entries_of, stored_log
from veche.crypto.errors import Inconsistent, Malformed
from veche.ledger.merkle import Frontier, leaf_hash
from veche.ledger.tile import Bundle, Tile, bundle_bytes, bundles_of, tile_bytes, tiles_of
from veche.ledger.tile_growth import Edge, edge_of, grow, write_files
from veche.ledger.tile_reader import verify_tiles

LARGEST = 700
ENTRIES = entries_of(LARGEST)
LEAVES = [leaf_hash(entry) for entry in ENTRIES]


def paths_of(size: int) -> set[str]:
    return {tile.path() for tile in tiles_of(size)} | {bundle.path() for bundle in bundles_of(size)}


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 700])
def test_a_log_consists_of_exactly_its_tiles_and_bundles(size: int) -> None:
    store, edge = stored_log(ENTRIES[:size])
    assert store.kept.keys() == paths_of(size)
    assert edge.frontier() == Frontier().extend(LEAVES[:size])
    for tile in tiles_of(size):
        if tile.level == 0:
            start = tile.number * 256
            assert store.kept[tile.path()] == tile_bytes(LEAVES[start : start + tile.width])
            assert store.kept[Bundle(tile.number, tile.width).path()] == bundle_bytes(ENTRIES[start : start + tile.width])


def test_a_hash_of_the_second_level_is_the_root_of_a_full_tile() -> None:
    store, _ = stored_log(ENTRIES)
    assert store.kept[Tile(1, 0, 2).path()] == Frontier().extend(LEAVES[:256]).root() + Frontier().extend(LEAVES[256:512]).root()


def test_every_edge_up_to_300_has_the_root_of_its_leaves_and_is_found_again() -> None:
    edge, frontier = Edge(), Frontier()
    for size in range(301):
        assert edge.frontier() == frontier
        assert edge.root() == frontier.root()
        assert edge_of(ENTRIES[:size]) == edge
        edge, frontier = grow(edge, [ENTRIES[size]]).edge, frontier.append(LEAVES[size])


@given(steps=st.lists(st.integers(0, LARGEST), max_size=6).map(sorted))
@settings(max_examples=60)
def test_steps_change_nothing_but_which_partial_tiles_stay(steps: list[int]) -> None:
    at_once, edge = stored_log(ENTRIES)
    in_steps, last = stored_log(ENTRIES, steps)
    assert last == edge
    assert at_once.kept.items() <= in_steps.kept.items()
    extra = in_steps.kept.keys() - at_once.kept.keys()
    assert all(".p/" in path for path in extra)
    verify_tiles(in_steps, checkpoint_of(edge))


@pytest.mark.slow
@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 70_000])
def test_a_log_with_three_levels_has_its_tiles(size: int) -> None:
    store, edge = stored_log(entries_of(size), [1000, 65_300])
    assert paths_of(size) <= store.kept.keys()
    assert edge.frontier() == Frontier().extend(leaf_hash(entry) for entry in entries_of(size))
    assert verify_tiles(store, checkpoint_of(edge)) == edge


def test_writing_again_after_a_crash_writes_only_what_is_missing() -> None:
    growth = grow(Edge(), ENTRIES)
    for reached in range(len(growth.files) + 1):
        store = MemoryStore()
        write_files(store, growth.files[:reached])
        assert write_files(store, growth.files) == len(growth.files) - reached
        assert store.kept == stored_log(ENTRIES)[0].kept
    assert write_files(store, growth.files) == 0


def test_a_stored_file_with_other_bytes_is_never_written_over() -> None:
    growth = grow(Edge(), ENTRIES[:300])
    for resource, data in growth.files:
        store = MemoryStore({resource.path(): data[:-1] + bytes([data[-1] ^ 1])})
        before = dict(store.kept)
        with pytest.raises(Inconsistent) as refusal:
            write_files(store, growth.files)
        assert refusal.value.code == "tile-changed"
        assert store.kept[resource.path()] == before[resource.path()]


def test_entries_come_before_their_hashes_and_lower_levels_before_higher() -> None:
    resources = [resource for resource, _ in grow(Edge(), ENTRIES).files]
    order = [-1 if isinstance(resource, Bundle) else resource.level for resource in resources]
    assert order == sorted(order)


def test_an_entry_that_fits_no_bundle_is_refused() -> None:
    with pytest.raises(Malformed) as refusal:
        grow(Edge(), [bytes(65_536)])
    assert refusal.value.code == "entry-malformed"


@pytest.mark.parametrize(
    ("size", "entries", "rows"),
    [
        (1, (), ((bytes(32),),)),
        (1, (b"",), ()),
        (1, (b"",), ((),)),
        (0, (b"",), ()),
        (256, (), ((),)),
        (256, (), ((), (bytes(32),) * 2)),
    ],
)
def test_what_is_no_edge_is_refused(size: int, entries: tuple[bytes, ...], rows: tuple[tuple[bytes, ...], ...]) -> None:
    with pytest.raises(Malformed) as refusal:
        Edge(size, entries, rows)
    assert refusal.value.code == "frontier-malformed"
