"""Where checking runs: in this process, or in several. A cluster engine can be a third one. Design decision 10."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import AbstractContextManager
from multiprocessing import get_context
from types import TracebackType
from typing import Any, Protocol, TypeVar

Work = TypeVar("Work")
Outcome = TypeVar("Outcome")


class Executor(Protocol):
    """Applies a function to every piece of work and gives the outcomes in order, holding only a few pieces at a time."""

    def run(self, function: Callable[[Work], Outcome], pieces: Iterable[Work]) -> Iterator[Outcome]: ...


class InProcess(AbstractContextManager["InProcess"]):
    """Everything in this process, one piece after the other."""

    def __init__(self, prepare: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        prepare(*arguments)

    def run(self, function: Callable[[Work], Outcome], pieces: Iterable[Work]) -> Iterator[Outcome]:
        for piece in pieces:
            yield function(piece)

    def __exit__(self, *_: object) -> None:
        return None


class Processes(AbstractContextManager["Processes"]):
    """A pool of processes; `prepare(*arguments)` runs once in each. At most four pieces per process are under way."""

    def __init__(self, jobs: int, prepare: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        self._window = 4 * jobs
        # "spawn": a forked child would inherit locks and open files in an unknown state.
        self._pool = ProcessPoolExecutor(jobs, get_context("spawn"), prepare, arguments)

    def run(self, function: Callable[[Work], Outcome], pieces: Iterable[Work]) -> Iterator[Outcome]:
        under_way: deque[Future[Outcome]] = deque()
        for piece in pieces:
            under_way.append(self._pool.submit(function, piece))
            if len(under_way) >= self._window:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


def executor(jobs: int, prepare: Callable[..., None], arguments: tuple[Any, ...]) -> InProcess | Processes:
    """An executor for `jobs` processes; 1 means this process."""
    return InProcess(prepare, arguments) if jobs <= 1 else Processes(jobs, prepare, arguments)


def available_jobs() -> int:
    """As many processes as this machine has cores for us."""
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1))
