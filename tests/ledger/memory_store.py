"""A store of tiles in memory that can also lose and spoil them."""

from __future__ import annotations

from collections.abc import Iterable

from veche.ledger.checkpoint import Checkpoint
from veche.ledger.tile_growth import Edge, grow, write_files

ORIGIN = "vote.example/e/demo"


class MemoryStore:
    """A real store as far as anybody can see: it keeps what it was given, and counts what was asked."""

    def __init__(self, kept: dict[str, bytes] | None = None) -> None:
        self.kept = dict(kept or {})
        self.asked: list[str] = []

    def get(self, path: str) -> bytes | None:
        self.asked.append(path)
        return self.kept.get(path)

    def put(self, path: str, data: bytes) -> None:
        self.kept[path] = data

    def copy(self) -> MemoryStore:
        return MemoryStore(self.kept)


def entries_of(size: int) -> list[bytes]:
    return [b"entry %d" % number for number in range(size)]


def stored_log(entries: list[bytes], sizes: Iterable[int] = ()) -> tuple[MemoryStore, Edge]:
    """A log of these entries that signed each of the sizes on its way."""
    store, edge = MemoryStore(), Edge()
    for size in (*sizes, len(entries)):
        growth = grow(edge, entries[edge.size : size])
        write_files(store, growth.files)
        edge = growth.edge
    return store, edge


def checkpoint_of(edge: Edge) -> Checkpoint:
    return Checkpoint(ORIGIN, edge.size, edge.root())
