"""Turns at the one write lock of SQLite, in the order of asking.

SQLite lets its waiters sleep and try again, so whoever comes back at once always finds the lock free before them: under a flood of
ballots an organizer's `suspend`, or the close, could wait for many seconds. PostgreSQL keeps such a queue itself.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """A queue of threads, of which the first has its turn."""

    def __init__(self) -> None:
        self._queue: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, patience: float) -> Iterator[None]:
        """Inside the block it is this thread's turn. After `patience` seconds it goes on without: the lock itself decides then."""
        mine = threading.Event()
        with self._lock:
            self._queue.append(mine)
            self._queue[0].set()
        try:
            mine.wait(patience)
            yield
        finally:
            with self._lock:
                self._queue.remove(mine)
                if self._queue:
                    self._queue[0].set()
