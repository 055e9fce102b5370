"""Where ballots are checked: processes of their own, so that neither the event loop nor the write lock waits for a proof.

A process is handed everything that the check needs with each ballot; it keeps nothing but parsed elections, and writes nothing.
"""

from __future__ import annotations

from concurrent.futures import Future, ProcessPoolExecutor
from functools import lru_cache
from multiprocessing import get_context

from veche.ballot.election import Election, parse_election
from veche.ballot.encrypted_ballot import EncryptedBallot, read_ballot, verify_ballot
from veche.crypto.errors import ElectionError, Refused


class BallotCheckers:
    """A pool of `processes`; each checks one ballot at a time."""

    def __init__(self, processes: int) -> None:
        # "spawn": a forked child would inherit locks and open files in an unknown state.
        self._pool = ProcessPoolExecutor(processes, get_context("spawn"))

    def check(self, election_raw: bytes, raw: bytes, credential: str, weight: int) -> Future[ElectionError | None]:
        """Every check of docs/protocol.md section 9.6 but the last; None, or the refusal with the code of the first that fails."""
        return self._pool.submit(_check, election_raw, raw, credential, weight)

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


def checked(raw: bytes, credential: str) -> EncryptedBallot:
    """The ballot that a process has found good. Its answers stay in its bytes: nobody here asks for them."""
    return EncryptedBallot(raw, read_ballot(raw).tracker, credential, ())


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
