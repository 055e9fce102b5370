"""The server's clock: it is set once, at the start, and then only runs forward, whatever happens to the machine's (attack E4).

Opening and closing hang on it. A wall clock can be stepped by an hour in the middle of a vote, by an administrator or by a wrong
time server; ours goes on by the time since boot, which nobody sets, and says so when the two have parted.
"""

from __future__ import annotations

import time
from typing import Final, Protocol

PARTED: Final = 5
"""Seconds of difference from which on the two clocks count as parted."""


class Clock(Protocol):
    """Gives the time."""

    def now(self) -> int:
        """Whole seconds since 1970, never less than before."""


def _since_boot() -> float:
    """Seconds since boot, sleep included where the system counts it."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class SteadyClock:
    """The machine's time at the start of this process, and the time that has passed since."""

    def __init__(self) -> None:
        self._begun = time.time() - _since_boot()

    def now(self) -> int:
        return int(self._begun + _since_boot())

    def parted(self) -> int:
        """Whole seconds by which the machine's clock is ahead of this one; 0 below `PARTED`."""
        difference = time.time() - (self._begun + _since_boot())
        return int(difference) if abs(difference) >= PARTED else 0
