"""Specifies ledger/tile.py: paths, widths and bytes of tiles and bundles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vectors import load
from veche.crypto.errors import Malformed
from veche.ledger.merkle import Frontier, fold, leaf_hash
from veche.ledger.tile import (
    WIDTH,
    Bundle,
    Tile,
    bundle_bytes,
    bundles_of,
    complete_roots,
    new_bundles,
    new_tiles,
    parse_bundle,
    parse_path,
    parse_tile,
    tile_bytes,
    tile_root,
    tiles_of,
)

LOG = load("spec/transparency-log-vectors.json")
ENTRIES = [entry.encode() for entry in LOG["entries"]]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]


@pytest.mark.parametrize("number", LOG["tile_path_index"])
def test_numbers_are_written_in_groups_of_three(number: str) -> None:
    path = f"tile/0/{LOG['tile_path_index'][number]}"
    assert Tile(0, int(number)).path() == path
    assert parse_path(path) == Tile(0, int(number))


@pytest.mark.parametrize("size", LOG["tiles_of_size"])
def test_a_log_has_the_known_tiles(size: str) -> None:
    known = [
        Tile(level, number, width)
        for level, full, rest in LOG["tiles_of_size"][size]
        for number, width in [*((number, WIDTH) for number in range(full)), *([(full, rest)] if rest else [])]
    ]
    assert list(tiles_of(int(size))) == known


def test_known_paths_and_bytes() -> None:
    assert Tile(0, 0, 5).path() == LOG["tile_path"]
    assert tile_bytes(LEAVES).hex() == LOG["tile_hex"]
    assert Bundle(0, 5).path() == LOG["bundle_path"]
    assert bundle_bytes(ENTRIES).hex() == LOG["bundle_hex"]
    assert parse_tile(bytes.fromhex(LOG["tile_hex"]), 5) == tuple(LEAVES)
    assert parse_bundle(bytes.fromhex(LOG["bundle_hex"]), 5) == tuple(ENTRIES)


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 70_000])
def test_levels_hold_what_their_size_says(size: int) -> None:
    tiles = list(tiles_of(size))
    for level in range(4):
        widths = [tile.width for tile in tiles if tile.level == level]
        assert sum(widths) == size // 256**level
        assert all(width == WIDTH for width in widths[:-1])
        assert [tile.number for tile in tiles if tile.level == level] == list(range(len(widths)))
    assert all(tile.level < 4 and tile.width > 0 for tile in tiles)
    assert [bundle.width for bundle in bundles_of(size)] == [tile.width for tile in tiles if tile.level == 0]


@given(level=st.integers(0, 63), number=st.integers(0, 2**55), width=st.integers(1, 256))
def test_every_path_is_read_back(level: int, number: int, width: int) -> None:
    for resource in (Tile(level, number, width), Bundle(number, width)):
        assert parse_path(resource.path()) == resource
        assert resource.full().path() == resource.path().partition(".p/")[0]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/5",
        "tile/0/05",
        "tile/0/0005",
        "tile/00/005",
        "tile/64/005",
        "tile/-1/005",
        "tile/x/005",
        "tile/0/x000/005",
        "tile/0/001/234",
        "tile/0/x001/x234",
        "tile/0/x1/234",
        "tile/0/005.p/0",
        "tile/0/005.p/256",
        "tile/0/005.p/257",
        "tile/0/005.p/07",
        "tile/0/005.p/",
        "tile/0/005.p",
        "tile/0/005/",
        "/tile/0/005",
        "tile/0/../005",
        "tile/0/005\n",
        "tile/0/٠٠٥",
        "tile/entries/5",
        "tile/Entries/005",
        "tile/data/005",
        "tile/0/" + "x999/" * 30 + "999",
        "tile/0/" + "x999/" * 10 + "999",
    ],
)
def test_any_other_path_is_refused(path: str) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_path(path)
    assert refusal.value.code == "tile-path"


@pytest.mark.parametrize(("level", "number", "width"), [(64, 0, 1), (-1, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_there_is_no_tile_out_of_range(level: int, number: int, width: int) -> None:
    with pytest.raises(Malformed):
        Tile(level, number, width)


@pytest.mark.parametrize(("number", "width"), [(-1, 1), (0, 0), (0, 257)])
def test_there_is_no_bundle_out_of_range(number: int, width: int) -> None:
    with pytest.raises(Malformed):
        Bundle(number, width)


@given(sizes=st.lists(st.integers(0, 140_000), min_size=2, max_size=5).map(sorted))
def test_a_log_that_grew_in_steps_has_all_tiles_of_its_last_size(sizes: list[int]) -> None:
    tiles, bundles = set[Tile](), set[Bundle]()
    for old, new in zip([0, *sizes], sizes, strict=False):
        tiles |= set(new_tiles(old, new))
        bundles |= set(new_bundles(old, new))
        assert set(tiles_of(new)) <= tiles
        assert set(bundles_of(new)) <= bundles


def test_nothing_is_written_when_nothing_grew() -> None:
    for size in (0, 1, 256, 70_000):
        assert list(new_tiles(size, size)) == []
        assert list(new_bundles(size, size)) == []


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=256))
def test_every_bundle_is_read_back(entries: list[bytes]) -> None:
    data = bundle_bytes(entries)
    assert parse_bundle(data, len(entries)) == tuple(entries)
    for other in (len(entries) - 1, len(entries) + 1):
        with pytest.raises(Malformed):
            parse_bundle(data, other)
    with pytest.raises(Malformed) as refusal:
        parse_bundle(data[:-1], len(entries))
    assert refusal.value.code == "bundle-malformed"
    with pytest.raises(Malformed):
        parse_bundle(data + b"\0", len(entries))


def test_a_bundle_holds_the_longest_entry_and_no_longer_one() -> None:
    longest = bytes(65_535)
    assert parse_bundle(bundle_bytes([longest]), 1) == (longest,)
    with pytest.raises(Malformed) as refusal:
        bundle_bytes([longest + b"\0"])
    assert refusal.value.code == "entry-malformed"


@pytest.mark.parametrize("change", [-32, -1, 1, 32])
def test_a_tile_of_another_length_is_refused(change: int) -> None:
    data = bytes(5 * 32 + change)
    with pytest.raises(Malformed) as refusal:
        parse_tile(data, 5)
    assert refusal.value.code == "tile-malformed"


@pytest.mark.parametrize("width", [1, 2, 3, 100, 255, 256])
def test_the_root_of_a_tile_is_that_of_its_leaves(width: int) -> None:
    leaves = [leaf_hash(b"%d" % number) for number in range(width)]
    assert tile_root(leaves) == Frontier().extend(leaves).root() == fold(complete_roots(leaves))
