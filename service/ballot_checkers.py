"""Where ballots are checked: processes of their own, so that neither the event loop nor the write lock waits for a proof.

A process is handed everything that the check needs with each ballot; it keeps nothing but parsed elections, and writes nothing.
"""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from multiprocessing import get_context, parent_process

import structlog

from veche.ballot.election import Election, parse_election
from veche.ballot.encrypted_ballot import read_ballot, verify_ballot
from veche.crypto.errors import ElectionError, Refused

logger = structlog.get_logger(__name__)


class BallotCheckers:
    """A pool of `processes`; each checks one ballot at a time. When one dies, those under way are lost and a new pool is made."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._renewing = threading.Lock()
        self._pool = _pool(processes)

    def check(self, election_raw: bytes, raw: bytes, credential: str, weight: int) -> Future[ElectionError | None]:
        """Every check of docs/protocol.md section 9.6 but the last; None, or the refusal with the code of the first that fails.

        Raises BrokenExecutor, here or from the future, when a process died meanwhile: the ballot's fate is open, nothing else is.
        """
        pool = self._pool
        try:
            found = pool.submit(_check, election_raw, raw, credential, weight)
        except BrokenProcessPool:
            self._renew(pool)
            raise
        found.add_done_callback(lambda one: self._look_after(pool, one))
        return found

    def _look_after(self, pool: ProcessPoolExecutor, one: Future[ElectionError | None]) -> None:
        if not one.cancelled() and isinstance(one.exception(), BrokenProcessPool):
            self._renew(pool)

    def _renew(self, broken: ProcessPoolExecutor) -> None:
        """There is a pool that works, made once however many ballots were lost with the old one."""
        with self._renewing:
            if self._pool is broken:
                logger.error("a process that checks ballots has died, new ones are started")
                self._pool = _pool(self._processes)
                broken.shutdown(wait=False)

    def warm(self, count: int) -> None:
        """The processes are there and have loaded what they need."""
        for future in [self._pool.submit(_ready) for _ in range(count)]:
            future.result()

    def verify_alive(self, seconds: float) -> None:
        """Check that a process answers within `seconds`, after the ballots before it. Raises Refused `checkers-died`."""
        try:
            self._pool.submit(_ready).result(seconds)
        except (RuntimeError, TimeoutError) as error:
            raise Refused("checkers-died", "the processes that check ballots do not answer") from error

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


def _pool(processes: int) -> ProcessPoolExecutor:
    # "spawn": a forked child would inherit locks and open files in an unknown state.
    return ProcessPoolExecutor(processes, get_context("spawn"), _begin)


def _begin() -> None:
    """This process ends when the server tells it to, or is gone; not by a signal that was meant for the server.

    Ctrl-C and systemd send theirs to the whole group, while ballots under way still need their check. After a kill -9 of the
    server nobody would ever tell it to end.
    """
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)


@lru_cache(maxsize=64)
def _election(raw: bytes) -> Election:
    return parse_election(raw)


def _ready() -> None:
    """Nothing to do: that it runs is what is asked."""


def _check(election_raw: bytes, raw: bytes, credential: str, weight: int) -> ElectionError | None:
    try:
        verify_ballot(read_ballot(raw), _election(election_raw), {credential: weight})
    except ElectionError as error:
        # Handed back, not raised: an exception from another process would bring its traceback along.
        return type(error)(error.code, error.message)
    return None
