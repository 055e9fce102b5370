"""Reads hashes and entries of a log from its tiles, wherever they are kept. docs/protocol.md section 12.4.

A tile is believed only so far as a signed root confirms it: what is computed here ends in a proof that is then checked against
that root (`proven_inclusion`, `proven_consistency`), or in `verify_tiles`, which recomputes every hash from the entries.
Go's own reader once did not, and could be shown hashes that no root covers (CVE-2026-56865).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from veche.crypto.errors import Inconsistent
from veche.ledger.checkpoint import Checkpoint
from veche.ledger.merkle import (
    Frontier,
    leaf_hash,
    make_consistency,
    make_inclusion,
    node_hash,
    subtree_root,
    verify_consistency,
    verify_inclusion,
)
from veche.ledger.tile import WIDTH, Bundle, Resource, Tile, TileStore, bundles_of, parse_bundle, parse_tile, tile_bytes, tile_root
from veche.ledger.tile_growth import Edge, grow, lasting

_KEPT: Final = 256


class TileReader:
    """The `NodeHashes` of a log of `size` entries, from its tiles; the newest 256 tiles read stay in memory."""

    def __init__(self, store: TileStore, size: int) -> None:
        self.size = size
        self._store = store
        self._kept: OrderedDict[tuple[int, int], tuple[bytes, ...]] = OrderedDict()

    def node(self, level: int, index: int) -> bytes:
        """The root over the leaves from index·2^level up to (index + 1)·2^level.

        Raises Inconsistent `tile-missing`, Malformed `tile-malformed`.
        """
        row, height = divmod(level, 8)
        first = index << height
        hashes = self._hashes(row, first // WIDTH)
        if first % WIDTH + (1 << height) > len(hashes):
            raise Inconsistent("tile-missing", f"a log of {self.size} entries has no complete subtree {index} of height {level}")
        found = hashes[first % WIDTH : first % WIDTH + (1 << height)]
        while len(found) > 1:
            found = tuple(node_hash(found[at], found[at + 1]) for at in range(0, len(found), 2))
        return found[0]

    def entry(self, index: int) -> bytes:
        """The text of an entry, which nothing has confirmed yet. Raises as `node`, and Malformed `bundle-malformed`."""
        return read_bundle(self._store, self._bundle(index // WIDTH))[index % WIDTH]

    def root(self) -> bytes:
        """The root as the tiles have it."""
        return subtree_root(self, 0, self.size)

    def _bundle(self, number: int) -> Bundle:
        width = min(WIDTH, self.size - number * WIDTH)
        if width < 1:
            raise Inconsistent("tile-missing", f"a log of {self.size} entries has no bundle {number}")
        return Bundle(number, width)

    def _hashes(self, row: int, number: int) -> tuple[bytes, ...]:
        if (row, number) in self._kept:
            self._kept.move_to_end((row, number))
            return self._kept[row, number]
        width = min(WIDTH, (self.size >> 8 * row) - number * WIDTH)
        if width < 1:
            raise Inconsistent("tile-missing", f"a log of {self.size} entries has no tile {number} of level {row}")
        self._kept[row, number] = hashes = read_tile(self._store, Tile(row, number, width))
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return hashes


def read_tile(store: TileStore, tile: Tile) -> tuple[bytes, ...]:
    """The hashes of the tile; where a partial one is gone, the full one is read and cut. Raises as `TileReader.node`."""
    data, width = _read(store, tile)
    return parse_tile(data, width)[: tile.width]


def read_bundle(store: TileStore, bundle: Bundle) -> tuple[bytes, ...]:
    """The entries of the bundle, as `read_tile`. Raises Inconsistent `tile-missing`, Malformed `bundle-malformed`."""
    data, width = _read(store, bundle)
    return parse_bundle(data, width)[: bundle.width]


def _read(store: TileStore, resource: Resource) -> tuple[bytes, int]:
    for wanted in dict.fromkeys((resource, resource.full())):
        data = store.get(wanted.path())
        if data is not None:
            return data, wanted.width
    raise Inconsistent("tile-missing", f"{resource.path()} is not there, though a checkpoint promises it")


def read_entries_of(store: TileStore, size: int) -> Iterator[bytes]:
    """The texts of all entries in order, from the bundles. Memory is bounded by one bundle."""
    for bundle in bundles_of(size):
        yield from read_bundle(store, bundle)


def proven_inclusion(store: TileStore, checkpoint: Checkpoint, index: int, entry: bytes) -> tuple[bytes, ...]:
    """The proof that `entry` is number `index` of the log, which leads to the checkpoint's root.

    Raises InvalidProof `inclusion-wrong` when the tiles do not, and as `TileReader.node`.
    """
    proof = make_inclusion(TileReader(store, checkpoint.size), index, checkpoint.size)
    verify_inclusion(leaf_hash(entry), index, checkpoint.size, proof, checkpoint.root)
    return proof


def proven_consistency(store: TileStore, older: Checkpoint, newer: Checkpoint) -> tuple[bytes, ...]:
    """The proof that `older` is the beginning of `newer`, from the tiles of `newer`.

    Raises InvalidProof `consistency-wrong` when they do not show it: then `contradiction.find_contradiction` tells whether the
    log is at fault or the tiles are. Raises also as `TileReader.node`.
    """
    proof = make_consistency(TileReader(store, newer.size), older.size, newer.size)
    verify_consistency(older.size, newer.size, older.root, newer.root, proof)
    return proof


def verify_tiles(store: TileStore, checkpoint: Checkpoint) -> Edge:
    """Check every bundle and tile of the log against the checkpoint: each hash is made again from the entries. What comes next
    continues from the edge that is returned. Memory is bounded by some bundles; a second for about 200,000 entries.

    Raises Inconsistent `tile-differs`, `tile-missing`, `root-differs`; Malformed `tile-malformed`, `bundle-malformed`.
    """
    edge = Edge()
    for bundle in bundles_of(checkpoint.size):
        growth = grow(edge, read_bundle(store, bundle))
        for resource, data in lasting(growth, checkpoint.size):
            if isinstance(resource, Tile):
                found = tile_bytes(read_tile(store, resource))
                if found != data:
                    raise Inconsistent("tile-differs", f"{resource.path()} is not what the entries give")
        edge = growth.edge
    verify_root(edge, checkpoint)
    return edge


def verify_full_tile(store: TileStore, number: int, size: int) -> None:
    """Check that the full bundle of this number, its tile, and what the level above holds of it still fit together.

    Raises Inconsistent `tile-changed`, `tile-missing`; Malformed `tile-malformed`, `bundle-malformed`.
    """
    hashes = tuple(leaf_hash(entry) for entry in read_bundle(store, Bundle(number)))
    if read_tile(store, Tile(0, number)) != hashes or TileReader(store, size).node(8, number) != tile_root(hashes):
        raise Inconsistent("tile-changed", f"{Tile(0, number).path()} or the bundle of its entries is not what it was")


def verify_root(grown: Edge | Frontier, checkpoint: Checkpoint) -> None:
    """Check that what was recomputed is what the log signed. Raises Inconsistent `root-differs`."""
    if (grown.size, grown.root()) != (checkpoint.size, checkpoint.root):
        raise Inconsistent("root-differs", f"{grown.size} entries do not give the root of the checkpoint of {checkpoint.size}")
