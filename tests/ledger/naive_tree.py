"""The Merkle tree as RFC 6962 defines it, by recursion over the leaves: slow, and short enough to be seen to be right."""

from __future__ import annotations

from functools import cache
from hashlib import sha256


class NaiveTree:
    """A tree over leaf hashes. It remembers what it has computed, and nothing else makes it quick."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.leaves = leaves
        self.range_root = cache(self._range_root)

    def root(self, size: int) -> bytes:
        return self.range_root(0, size)

    def node(self, level: int, index: int) -> bytes:
        """As `merkle.NodeHashes` has it."""
        return self.range_root(index << level, (index + 1) << level)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        return self._path(index, 0, size)

    def consistency(self, old: int, new: int) -> list[bytes]:
        return self._sub(old, 0, new, True) if 0 < old < new else []

    def _range_root(self, start: int, end: int) -> bytes:
        if start == end:
            return sha256(b"").digest()
        if end - start == 1:
            return self.leaves[start]
        k = largest_power_below(end - start)
        return sha256(b"\x01" + self.range_root(start, start + k) + self.range_root(start + k, end)).digest()

    def _path(self, m: int, start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        k = largest_power_below(end - start)
        if m < k:
            return [*self._path(m, start, start + k), self.range_root(start + k, end)]
        return [*self._path(m - k, start + k, end), self.range_root(start, start + k)]

    def _sub(self, m: int, start: int, end: int, whole: bool) -> list[bytes]:
        if m == end - start:
            return [] if whole else [self.range_root(start, end)]
        k = largest_power_below(end - start)
        if m <= k:
            return [*self._sub(m, start, start + k, whole), self.range_root(start + k, end)]
        return [*self._sub(m - k, start + k, end, False), self.range_root(start, start + k)]


def largest_power_below(size: int) -> int:
    power = 1
    while power * 2 < size:
        power *= 2
    return power
