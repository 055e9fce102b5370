"""A machine whose clocks a test moves: time goes on, or somebody sets the wall clock. Our own `SteadyClock` runs on it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.service.hand_clock import BEGINNING, HandClock
from veche.service import clock as clock_module
from veche.service.clock import SteadyClock


class Machine(HandClock):
    """As a clock it is the server's. Setting `time` lets seconds pass; `step` sets the wall clock and lets none pass."""

    def __init__(self, patched: pytest.MonkeyPatch) -> None:
        self._wall = float(BEGINNING)
        self._since_boot = 1000.0
        clocks = SimpleNamespace(time=lambda: self._wall, CLOCK_BOOTTIME=7, clock_gettime=lambda _: self._since_boot)
        patched.setattr(clock_module, "time", clocks)
        self.steady = SteadyClock()

    def now(self) -> int:
        return self.steady.now()

    @property
    def time(self) -> int:
        return self.now()

    @time.setter
    def time(self, wanted: int) -> None:
        passed = wanted - self.now()
        self._since_boot += passed
        self._wall += passed

    def step(self, seconds: int) -> None:
        """The wall clock is set that many seconds ahead, as by an administrator or a wrong time server."""
        self._wall += seconds
