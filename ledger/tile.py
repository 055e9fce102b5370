"""The log as files: tiles of hashes and bundles of entries (C2SP tlog-tiles 0.1). docs/protocol.md section 12.4.

A tile of level L holds up to 256 hashes, each the root over 256^L entries; a bundle holds up to 256 entries. Only the last of
each kind is partial, and what is full never changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from veche.crypto.errors import Malformed
from veche.ledger.event import MAX_ENTRY_BYTES
from veche.ledger.merkle import HASH_BYTES, MAX_SIZE, fold, node_hash, split_hashes

WIDTH: Final = 256
MAX_LEVEL: Final = 63
_BITS: Final = 8
_LENGTH_BYTES: Final = 2
_NUMBER = r"(?P<number>(?:x[0-9]{3}/)*[0-9]{3})"
_PATH = re.compile(rf"tile/(?P<level>entries|[0-9]|[1-5][0-9]|6[0-3])/{_NUMBER}(?:\.p/(?P<width>[1-9][0-9]{{0,2}}))?")


@dataclass(frozen=True, slots=True)
class Tile:
    """Tile `number` of `level` with `width` hashes. Invariant: 1 ≤ width ≤ 256, 0 ≤ level ≤ 63."""

    level: int
    number: int
    width: int = WIDTH

    def __post_init__(self) -> None:
        if not (0 <= self.level <= MAX_LEVEL and 0 <= self.number <= MAX_SIZE and 1 <= self.width <= WIDTH):
            raise Malformed("tile-path", f"there is no tile {self.number} of level {self.level} with {self.width} hashes")

    def path(self) -> str:
        """Where it stands below the log's address."""
        return f"tile/{self.level}/{_path_of(self.number, self.width)}"

    def full(self) -> Tile:
        """The tile that this one is the beginning of, once it is full."""
        return Tile(self.level, self.number)


@dataclass(frozen=True, slots=True)
class Bundle:
    """Bundle `number` with `width` entries. Invariant: 1 ≤ width ≤ 256."""

    number: int
    width: int = WIDTH

    def __post_init__(self) -> None:
        if not (0 <= self.number <= MAX_SIZE and 1 <= self.width <= WIDTH):
            raise Malformed("tile-path", f"there is no bundle {self.number} with {self.width} entries")

    def path(self) -> str:
        """Where it stands below the log's address."""
        return f"tile/entries/{_path_of(self.number, self.width)}"

    def full(self) -> Bundle:
        """The bundle that this one is the beginning of, once it is full."""
        return Bundle(self.number)


Resource: TypeAlias = Tile | Bundle


class TileStore(Protocol):
    """Where tiles and bundles are kept, by their paths below the log's address."""

    def get(self, path: str) -> bytes | None:
        """The bytes at `path`; None when nothing is there. What cannot be reached is the store's own error."""
        ...

    def put(self, path: str, data: bytes) -> None:
        """Keep `data` at `path`, so that a crash leaves all of it or nothing."""
        ...


def parse_path(path: str) -> Resource:
    """The tile or bundle at this path. Raises Malformed `tile-path` for any other text: one resource has one path."""
    match = _PATH.fullmatch(path) if len(path) <= 100 else None
    if match is None:
        raise Malformed("tile-path", "no path of a tile or a bundle of entries")
    number = int(match["number"].replace("x", "").replace("/", ""))
    width = int(match["width"] or WIDTH)
    found: Resource = Bundle(number, width) if match["level"] == "entries" else Tile(int(match["level"]), number, width)
    if found.path() != path:
        raise Malformed("tile-path", "the path of a tile or bundle is written in another way than its one form")
    return found


def tiles_of(size: int) -> Iterator[Tile]:
    """Every tile of a log of `size` entries, level by level; of each kind the last may be partial."""
    yield from new_tiles(0, size)


def bundles_of(size: int) -> Iterator[Bundle]:
    """Every bundle of a log of `size` entries."""
    yield from new_bundles(0, size)


def new_tiles(old: int, new: int) -> Iterator[Tile]:
    """What tiles a log writes when it grows from `old` to `new` entries and signs both sizes but none between."""
    for level in range(MAX_LEVEL + 1):
        before, after = old >> _BITS * level, new >> _BITS * level
        if after == 0:
            return
        yield from (Tile(level, number, width) for number, width in _grown(before, after))


def new_bundles(old: int, new: int) -> Iterator[Bundle]:
    """As `new_tiles`, for the bundles of entries."""
    yield from (Bundle(number, width) for number, width in _grown(old, new))


def _grown(before: int, after: int) -> Iterator[tuple[int, int]]:
    """(number, width) of what is touched when a row grows; the full ones first."""
    if before < after:
        yield from ((number, WIDTH) for number in range(before // WIDTH, after // WIDTH))
        if after % WIDTH:
            yield after // WIDTH, after % WIDTH


def tile_bytes(hashes: Sequence[bytes]) -> bytes:
    """The bytes of a tile."""
    return b"".join(hashes)


def parse_tile(data: bytes, width: int) -> tuple[bytes, ...]:
    """The hashes of a tile of this width. Raises Malformed `tile-malformed`."""
    if len(data) != width * HASH_BYTES:
        raise Malformed("tile-malformed", f"a tile of {len(data)} bytes, expected {width * HASH_BYTES}")
    return split_hashes(data)


def bundle_bytes(entries: Sequence[bytes]) -> bytes:
    """The bytes of a bundle: each entry after its length in 2 bytes. Raises Malformed `entry-malformed`: one is too long."""
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise Malformed("entry-malformed", f"an entry of {len(entry)} bytes; at most {MAX_ENTRY_BYTES} are allowed")
    return b"".join(len(entry).to_bytes(_LENGTH_BYTES, "big") + entry for entry in entries)


def parse_bundle(data: bytes, width: int) -> tuple[bytes, ...]:
    """The `width` entries of a bundle. Raises Malformed `bundle-malformed`: one is cut short, or there are more or fewer."""
    entries: list[bytes] = []
    at = 0
    while at < len(data) and len(entries) < width:
        start = at + _LENGTH_BYTES
        end = start + int.from_bytes(data[at:start], "big")
        if start > len(data) or end > len(data):
            raise Malformed("bundle-malformed", f"a bundle of entries ends inside its entry {len(entries)}")
        entries.append(data[start:end])
        at = end
    if len(entries) != width or at != len(data):
        raise Malformed("bundle-malformed", f"a bundle of entries has {'more' if at < len(data) else 'fewer'} than {width} entries")
    return tuple(entries)


def tile_root(hashes: Sequence[bytes]) -> bytes:
    """The root over a tile's hashes; for a full tile, the hash that the next level holds of it."""
    row = list(hashes)
    if len(row) != WIDTH:
        return fold(complete_roots(row))
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


def complete_roots(hashes: Sequence[bytes]) -> list[bytes]:
    """The roots of the complete subtrees over a partial row, the largest first."""
    roots: list[bytes] = []
    start = 0
    while start < len(hashes):
        count = 1 << ((len(hashes) - start).bit_length() - 1)
        row = list(hashes[start : start + count])
        while len(row) > 1:
            row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
        roots.append(row[0])
        start += count
    return roots


def _path_of(number: int, width: int) -> str:
    groups = [f"{number % 1000:03d}"]
    while number := number // 1000:
        groups.append(f"x{number % 1000:03d}")
    return "/".join(reversed(groups)) + ("" if width == WIDTH else f".p/{width}")
