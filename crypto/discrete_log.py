"""Small discrete logarithms by baby steps and giant steps. docs/protocol.md section 7.4 [Shanks 1971]."""

from __future__ import annotations

from math import isqrt

from veche.crypto.errors import Inconsistent, Refused
from veche.crypto.group import IDENTITY, G, Point, total

LARGEST = 2**36


class LogarithmTable:
    """Finds m in 0..bound from m·G with about 2·√bound additions; one table serves all options of an election."""

    def __init__(self, bound: int) -> None:
        """Raises Refused when `bound` is above 2^36, which would take minutes and gigabytes."""
        if not 0 <= bound <= LARGEST:
            raise Refused("logarithm-bound", f"a total weight of {bound} is above 2^36, the most this program decrypts")
        self._bound = bound
        self._width = isqrt(bound) + 1
        self._baby: dict[bytes, int] = {}
        step = IDENTITY
        for m in range(self._width):
            self._baby[step.encoding] = m
            step = step + G
        self._giant = -step

    def find(self, point: Point) -> int:
        """The m in 0..bound with m·G = point. Raises Inconsistent when there is none."""
        for giant in range(self._bound // self._width + 1):
            baby = self._baby.get(point.encoding)
            if baby is not None and giant * self._width + baby <= self._bound:
                return giant * self._width + baby
            point = total([(1, point), (1, self._giant)])
        raise Inconsistent("logarithm-missing", f"the decrypted point is no count from 0 to {self._bound}")
