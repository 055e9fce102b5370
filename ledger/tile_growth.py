"""What a log writes when it grows: the files, in the order of writing, and the edge that the next growth continues.

Pure: the caller writes the files, with `write_files`, makes them durable, and only then signs. Writing the same growth again
after a crash gives the same bytes. docs/protocol.md section 12.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from veche.crypto.errors import Inconsistent, Malformed
from veche.ledger.merkle import Frontier, fold, leaf_hash
from veche.ledger.tile import (
    WIDTH,
    Bundle,
    Resource,
    Tile,
    TileStore,
    bundle_bytes,
    complete_roots,
    new_bundles,
    new_tiles,
    tile_bytes,
    tile_root,
)


@dataclass(frozen=True, slots=True)
class Edge:
    """The right edge of a log of `size` entries: what stands in its partial bundle, and in the partial tile of each level.

    Invariant: `rows[L]` has as many hashes as the partial tile of level L, none where the level ends in a full tile; levels
    end at the highest that has a hash.
    """

    size: int = 0
    entries: tuple[bytes, ...] = ()
    rows: tuple[tuple[bytes, ...], ...] = ()

    def __post_init__(self) -> None:
        widths = [(self.size >> 8 * level) % WIDTH for level in range(len(self.rows))]
        if len(self.entries) != self.size % WIDTH or [len(row) for row in self.rows] != widths or self.size >> 8 * len(self.rows):
            raise Malformed("frontier-malformed", f"this is not the edge of a log of {self.size} entries")

    def frontier(self) -> Frontier:
        """The complete subtrees, the largest first."""
        return Frontier(self.size, tuple(root for row in reversed(self.rows) for root in complete_roots(row)))

    def root(self) -> bytes:
        """The root of the tree."""
        return fold(self.frontier().hashes)


@dataclass(frozen=True, slots=True)
class Growth:
    """The edge after some entries, and what must be durable before a checkpoint of it is signed, in the order of writing."""

    edge: Edge
    files: tuple[tuple[Resource, bytes], ...]


def grow(edge: Edge, entries: Sequence[bytes]) -> Growth:
    """The log with these entries more. Raises Malformed `entry-malformed` for one that is too long for a bundle."""
    size = edge.size + len(entries)
    rows = _grown_rows(edge, [leaf_hash(entry) for entry in entries])
    texts = [*edge.entries, *entries]
    files: list[tuple[Resource, bytes]] = [
        (bundle, bundle_bytes(_part(texts, edge.size, bundle))) for bundle in new_bundles(edge.size, size)
    ]
    files += [(tile, tile_bytes(_part(rows[tile.level], edge.size >> 8 * tile.level, tile))) for tile in new_tiles(edge.size, size)]
    # Of each row what follows its last full tile stays.
    kept = tuple(tuple(row[len(row) - (size >> 8 * level) % WIDTH :]) for level, row in enumerate(rows))
    return Growth(Edge(size, tuple(texts[len(texts) - size % WIDTH :]), kept), tuple(files))


def edge_of(entries: Iterable[bytes]) -> Edge:
    """The edge of a log of these entries, read one bundle at a time: how a writer finds its place again after a restart."""
    edge = Edge()
    for chunk in _chunks(entries):
        edge = grow(edge, chunk).edge
    return edge


def write_files(store: TileStore, files: Iterable[tuple[Resource, bytes]]) -> int:
    """Everything is in the store; how many files were not there before.

    What is there already must be the same bytes: another content is never written over. Raises Inconsistent `tile-changed`.
    """
    written = 0
    for resource, data in files:
        found = store.get(resource.path())
        if found is None:
            store.put(resource.path(), data)
            written += 1
        elif found != data:
            raise Inconsistent("tile-changed", f"{resource.path()} is there with other bytes than the entries give")
    return written


def lasting(growth: Growth, size: int) -> list[tuple[Resource, bytes]]:
    """What of this growth a log shows that has come to `size` entries: read in pieces, each level passes through widths that nobody
    signs, and its partial tile may belong to a piece before the last."""
    return [one for one in growth.files if one[0].width == _width_at(one[0], size)]


def _width_at(resource: Resource, size: int) -> int:
    level = resource.level if isinstance(resource, Tile) else 0
    return min(WIDTH, (size >> 8 * level) - resource.number * WIDTH)


def _grown_rows(edge: Edge, leaves: list[bytes]) -> list[list[bytes]]:
    """Of each level what stood in its partial tile, and the hashes that come new."""
    rows: list[list[bytes]] = []
    fresh, level = leaves, 0
    while fresh or level < len(edge.rows):
        before = edge.rows[level] if level < len(edge.rows) else ()
        row = [*before, *fresh]
        rows.append(row)
        fresh = [tile_root(row[at : at + WIDTH]) for at in range(0, len(row) - WIDTH + 1, WIDTH)]
        level += 1
    return rows


def _part(row: Sequence[bytes], before: int, resource: Tile | Bundle) -> Sequence[bytes]:
    """What of a row belongs in the resource; the row begins with the partial one as it was at `before`."""
    start = (resource.number - before // WIDTH) * WIDTH
    return row[start : start + resource.width]


def _chunks(entries: Iterable[bytes]) -> Iterator[list[bytes]]:
    chunk: list[bytes] = []
    for entry in entries:
        chunk.append(entry)
        if len(chunk) == WIDTH:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
