"""The one thread that writes ballots: all that wait for one election go into one transaction. Design section 4.

A ballot comes here checked. Its answer is given after the commit, and after the head outside the database has reached the disk.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from veche.ballot.encrypted_ballot import EncryptedBallot
from veche.crypto.errors import ElectionError, Refused
from veche.observer.record_rows import BallotRow, ElectionRow, ballot_row, election_row
from veche.service.clock import Clock
from veche.service.contest_desk import time_at
from veche.service.record_writer import Timed, add_ballot
from veche.service.storage import Storage

AT_ONCE: Final = 64
"""Most ballots in one commit."""

logger = structlog.get_logger(__name__)


class Busy(Exception):
    """Too much is under way, or storage does not answer for the moment. The same bytes again bring the truth to light."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The acknowledgement's bytes, and whether the ballot was new."""

    note: bytes
    new: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """A checked ballot that waits for its turn, and whoever waits for its answer."""

    uuid: str
    ballot: EncryptedBallot
    weight: int
    answer: Future[Acknowledged]


Note = Callable[[Connection, ElectionRow, BallotRow], bytes]


class Appender:
    """`note` makes the acknowledgement of a stored ballot. `close` lets those that wait finish."""

    def __init__(self, storage: Storage, clock: Clock, note: Note) -> None:
        self._storage = storage
        self._clock = clock
        self._note = note
        self._queue: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._taking = threading.Lock()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="appender", daemon=True)
        self._thread.start()

    def put(self, uuid: str, ballot: EncryptedBallot, weight: int) -> Future[Acknowledged]:
        """What will be the answer to this checked ballot. Raises Busy once the thread has ended: nobody would answer."""
        waiting = Waiting(uuid, ballot, weight, Future())
        with self._taking:
            if self._ended:
                raise Busy
            self._queue.put(waiting)
        return waiting.answer

    def close(self) -> None:
        """Those that wait get their answer; nothing more is taken."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._serve()
        except Exception:
            # A mistake of ours. The thread must not die in silence while ballots go on waiting for it.
            self._storage.fail("the part that writes ballots has failed")
            logger.exception("the appender has failed, nothing is accepted any more")
        finally:
            self._end()

    def _end(self) -> None:
        with self._taking:
            self._ended = True
            while not self._queue.empty():
                one = self._queue.get_nowait()
                if one is not None and one.answer.set_running_or_notify_cancel():
                    one.answer.set_exception(Busy())

    def _serve(self) -> None:
        left: list[Waiting] = []
        while True:
            first = left.pop(0) if left else self._queue.get()
            if first is None:
                return
            batch, left, ends = self._gather(first, left)
            # From here on nobody can cancel them: a client that has gone away leaves its ballot untaken before, never halfway.
            wanted = [one for one in batch if one.answer.set_running_or_notify_cancel()]
            if wanted:
                self._append(first.uuid, wanted)
            if ends:
                self._queue.put(None)

    def _gather(self, first: Waiting, left: list[Waiting]) -> tuple[list[Waiting], list[Waiting], bool]:
        waiting, ends = [first, *left], False
        while len(waiting) < 4 * AT_ONCE:
            try:
                one = self._queue.get_nowait()
            except queue.Empty:
                break
            if one is None:
                ends = True
                break
            waiting.append(one)
        same = [one for one in waiting if one.uuid == first.uuid][:AT_ONCE]
        taken = {id(one) for one in same}
        return same, [one for one in waiting if id(one) not in taken], ends

    def _append(self, uuid: str, batch: Sequence[Waiting]) -> None:
        refusal: Exception | None = None
        answers: list[Acknowledged | None] = []
        try:
            answers = self._commit(uuid, batch)
        except (SQLAlchemyError, OSError) as error:
            self._storage.fail_if_broken(error)
            refusal = Busy()
        except ElectionError as error:
            refusal = error
        finally:
            # Only now, after the commit and the fsync of the head, may anybody hear of it; but hear of it everybody must.
            for place, one in enumerate(batch):
                answer = answers[place] if answers else None
                if answer is not None:
                    one.answer.set_result(answer)
                else:
                    one.answer.set_exception(_copy(refusal))

    def _commit(self, uuid: str, batch: Sequence[Waiting]) -> list[Acknowledged | None]:
        """All ballots of the batch stand in the record, in one transaction; None for one that the database does not take.

        The clock is read inside it.
        """
        self._storage.verify_writable()
        with self._storage.database.writing() as connection:
            row = election_row(connection, uuid, lock=True)
            now = time_at(self._clock, row)
            verify_open(row, now)
            fresh = _distinct(connection, uuid, batch)
            row = _all_added(connection, row, [Timed(one.ballot, now, one.weight) for one in fresh])
            stored = [ballot_row(connection, uuid, one.ballot.tracker) for one in batch]
            notes = [None if found is None else self._note(connection, row, found) for found in stored]
        self._storage.committed(row)
        first = {one.ballot.tracker: id(one) for one in reversed(fresh)}
        return [
            None if note is None else Acknowledged(note, first.get(one.ballot.tracker) == id(one))
            for one, note in zip(batch, notes, strict=True)
        ]


def verify_open(row: ElectionRow, now: int) -> None:
    """Check that ballots are taken at this time. The state alone never opens the box. Raises Refused `not-open`."""
    if row.state != "open":
        raise Refused("not-open", f"no ballots are taken now: election {row.uuid} is {row.state}")
    if not row.opens_at <= now < row.closes_at:
        raise Refused("not-open", f"no ballots are taken now: it is {now}, voting is from {row.opens_at} to {row.closes_at}")


def _all_added(connection: Connection, row: ElectionRow, batch: Sequence[Timed]) -> ElectionRow:
    """The row after these ballots. What the database has against one takes nothing from the others: then each is tried alone."""
    try:
        with connection.begin_nested():
            after = row
            for timed in batch:
                after = add_ballot(connection, after, timed)
            return after
    except (IntegrityError, DataError):
        for timed in batch:
            row = _added(connection, row, timed)
        return row


def _added(connection: Connection, row: ElectionRow, timed: Timed) -> ElectionRow:
    """The row after this ballot, within a savepoint of its own."""
    try:
        with connection.begin_nested():
            return add_ballot(connection, row, timed)
    except (IntegrityError, DataError) as error:
        # Not its words: a driver repeats the values, and a ballot's tracker belongs in no log.
        logger.error("the database did not take a checked entry", kind=type(error.orig).__name__)
        return row


def _distinct(connection: Connection, uuid: str, batch: Sequence[Waiting]) -> list[Waiting]:
    """The ballots of the batch that are not in the chain, each once."""
    found: dict[str, Waiting] = {}
    for one in batch:
        if one.ballot.tracker not in found and ballot_row(connection, uuid, one.ballot.tracker) is None:
            found[one.ballot.tracker] = one
    return list(found.values())


def _copy(refusal: Exception | None) -> Exception:
    """An exception of its own for each who waits: one that is raised twice would carry the other's traceback."""
    return type(refusal)(refusal.code, refusal.message) if isinstance(refusal, ElectionError) else Busy()
