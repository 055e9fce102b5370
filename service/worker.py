"""The worker: takes jobs from our table, one at a time per thread, and says that it lives while one runs.

Short work (mails) does not wait behind long work (an audit of all ballots): each has its own thread. What goes wrong is kept as a
sentence; what only a programmer understands is in the log, without the values that it was about.
"""

from __future__ import annotations

import os
import secrets
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import Final, TypeAlias

import structlog
from sqlalchemy.exc import DBAPIError

from veche.crypto.canonical_json import Json, text
from veche.crypto.errors import ElectionError
from veche.observer.database import why
from veche.service import lifecycle
from veche.service.jobs import (
    LEASE,
    Job,
    claim_job,
    fail_job,
    finish_job,
    forget_old,
    give_back,
    has_due,
    renew_lease,
)
from veche.service.server import Server

Handler: TypeAlias = Callable[[Server, dict[str, Json]], None]

POLL: Final = 1.0
"""Seconds between two looks when there was nothing to do."""

RENEW: Final = LEASE / 4
"""Seconds between two signs of life."""

GRACE: Final = 3.0
"""Seconds that a stopping worker waits for the job it has; then it gives it back."""

THREADS: Final = (("mail", "advance"), ("seal", "tally", "publish"))
"""Which kinds of jobs share a thread."""

FINAL: Final = frozenset({"audit-failed", "no-election", "job-kind"})
"""Codes of refusals that another attempt would only repeat."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


def handlers(server: Server) -> Mapping[str, Handler]:
    """What each kind of job does. A handler may be called again for what is done already, and does nothing then."""
    _ = server
    return MappingProxyType(
        {
            "seal": lambda own, payload: lifecycle.seal_contest(own, text(payload["election"])),
            "tally": lambda own, payload: lifecycle.add_up(own, text(payload["election"])),
            "publish": lambda own, payload: lifecycle.publish_result(own, text(payload["election"])),
            "advance": _advance,
        }
    )


def _advance(server: Server, payload: dict[str, Json]) -> None:
    lifecycle.advance(server, text(payload["election"]))


class _Attempt(threading.Thread):
    """One call of a handler in a thread of its own, so that the worker can say that it lives, and can leave.

    A daemon: a process that ends does not wait for an audit of an hour; another worker does it again.
    """

    def __init__(self, handler: Handler, server: Server, job: Job) -> None:
        super().__init__(name=f"job-{job.kind}", daemon=True)
        self._handler = handler
        self._server = server
        self._job = job
        self.outcome = _Outcome()

    def run(self) -> None:
        with self.outcome:
            self._handler(self._server, self._job.payload)


class _Outcome:
    """Keeps whatever was raised in its block; the worker that gave the work hears of it and goes on."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        self.error = error
        return True


class Worker:
    """The jobs of this server's database. `start` begins threads, `stop` ends them within a few seconds."""

    def __init__(self, server: Server, does: Mapping[str, Handler] | None = None) -> None:
        self._server = server
        self._does = handlers(server) if does is None else does
        self._name = f"{os.getpid()}-{secrets.token_hex(8)}"
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Jobs are done from now on."""
        for kinds in THREADS:
            thread = threading.Thread(target=self._run, args=(kinds,), name=f"worker-{kinds[0]}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """No job is taken any more; those under way are done, or given back after `GRACE` seconds."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def do_one(self, kinds: Sequence[str] | None = None) -> bool:
        """Whether there was a job that is due; it has been tried. Raises DBAPIError, Refused `storage-failed`."""
        storage, clock = self._server.storage, self._server.clock
        wanted = tuple(self._does) if kinds is None else tuple(kind for kind in kinds if kind in self._does)
        with storage.database.reading() as connection:
            if not has_due(connection, clock.now(), wanted):
                return False
        storage.verify_writable()
        name = f"{self._name}-{threading.get_ident()}"
        with storage.database.writing() as connection:
            job = claim_job(connection, name, clock.now(), wanted)
        if job is None:
            return False
        attempt = _Attempt(self._does[job.kind], self._server, job)
        attempt.start()
        if self._accompany(attempt, job, name):
            self._settle(attempt.outcome.error, job, name)
        return True

    def _accompany(self, attempt: _Attempt, job: Job, name: str) -> bool:
        """Whether the attempt has ended and the job is still ours."""
        storage, clock = self._server.storage, self._server.clock
        waited = 0.0
        while attempt.is_alive() and not self._stopping.is_set():
            attempt.join(POLL / 4)
            waited += POLL / 4
            if waited >= RENEW and attempt.is_alive():
                waited = 0.0
                with storage.database.writing() as connection:
                    if not renew_lease(connection, job, name, clock.now()):
                        log.warning("a job was taken by another worker while this one did it", job=job.id, kind=job.kind)
                        return False
        attempt.join(GRACE)
        if attempt.is_alive():
            with storage.database.writing() as connection:
                give_back(connection, job, name, clock.now())
            return False
        return True

    def _settle(self, error: BaseException | None, job: Job, name: str) -> None:
        storage, now = self._server.storage, self._server.clock.now()
        if isinstance(error, DBAPIError):
            storage.fail_if_broken(error)
        with storage.database.writing() as connection:
            if error is None:
                finish_job(connection, job, name)
                return
            final = isinstance(error, ElectionError) and error.code in FINAL
            fail_job(connection, job, name, now, _sentence(error), final)
        log.warning("an attempt at a job failed", job=job.id, kind=job.kind, attempt=job.attempt, reason=_sentence(error))
        if not isinstance(error, ElectionError | DBAPIError | OSError):
            # Where it happened, not what it was about: an exception's text may hold a person's address or link.
            log.error("a mistake of ours", job=job.id, where="".join(traceback.format_tb(error.__traceback__)))

    def _run(self, kinds: Sequence[str]) -> None:
        forgotten = 0
        while not self._stopping.is_set():
            try:
                busy = self.do_one(kinds)
                if not busy and (now := self._server.clock.now()) >= forgotten + 3600:
                    forgotten = now
                    with self._server.storage.database.writing() as connection:
                        forget_old(connection, now)
            except DBAPIError as error:
                self._server.storage.fail_if_broken(error)
                log.warning("the table of jobs cannot be reached", reason=why(error))
                busy = False
            except ElectionError as error:
                # Storage has failed: this process begins nothing any more.
                log.warning("no jobs are done any more", reason=error.message)
                return
            if not busy:
                self._stopping.wait(POLL)


def _sentence(error: BaseException) -> str:
    """What went wrong, without anything that only the job's payload knows."""
    if isinstance(error, ElectionError):
        return f"{error.message} [{error.code}]"
    if isinstance(error, DBAPIError):
        return f"the database: {why(error)}"
    if isinstance(error, OSError):
        return f"{type(error).__name__}: {error.strerror or 'no reason was given'}"
    return f"{type(error).__name__}: a mistake of ours; the log says where"
