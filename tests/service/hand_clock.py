"""A clock that a test moves by hand."""

from __future__ import annotations

from dataclasses import dataclass

BEGINNING = 1_790_000_000


@dataclass(slots=True)
class HandClock:
    """Stands still until it is moved."""

    time: int = BEGINNING

    def now(self) -> int:
        return self.time
