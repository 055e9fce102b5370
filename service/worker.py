"""The worker: takes jobs from our table, one at a time per thread, and says that it lives while one runs.

Short work (mails) does not wait behind long work (an audit of all ballots): each has its own thread. What goes wrong is kept as a
sentence; what only a programmer understands is in the log, without the values that it was about.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeAlias

import structlog
from sqlalchemy.exc import DBAPIError

from veche.crypto.canonical_json import Json, text
from veche.crypto.errors import ElectionError
from veche.service import lifecycle
from veche.service.ceremonies import settle_ceremony
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
from veche.service.mail import send_letter_of
from veche.service.outcome import Outcome
from veche.service.server import Server

Handler: TypeAlias = Callable[[Server, dict[str, Json]], None]

POLL: Final = 1.0
"""Seconds between two looks when there was nothing to do."""

RENEW: Final = LEASE / 4
"""Seconds between two signs of life."""

GRACE: Final = 3.0
"""Seconds that a stopping worker waits for the job it has; then it gives it back."""

THREADS: Final = (("mail", "advance", "ceremony"), ("seal", "tally", "publish"))
"""Which kinds of jobs share a thread."""

AFTER_TROUBLE: Final = 10.0
"""Seconds without a look when the table of jobs could not be read or written."""

SECONDS_OF_HOUR: Final = 3600

FINAL: Final = frozenset({"audit-failed", "no-election", "not-approved", "contest-changed"})
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
            "mail": send_letter_of,
            "ceremony": lambda own, payload: _settle(own, text(payload["campaign"])),
        }
    )


def _advance(server: Server, payload: dict[str, Json]) -> None:
    lifecycle.advance(server, text(payload["election"]))


def _settle(server: Server, campaign: str) -> None:
    settle_ceremony(server.storage, server.clock, campaign)


class _Attempt(threading.Thread):
    """One call of a handler in a thread of its own, so that the worker can say that it lives, and can leave.

    A daemon: a process that ends does not wait for an audit of an hour; another worker does it again.
    """

    def __init__(self, handler: Handler, server: Server, job: Job) -> None:
        super().__init__(name=f"job-{job.kind}", daemon=True)
        self._handler = handler
        self._server = server
        self._job = job
        self.outcome = Outcome()

    def run(self) -> None:
        with self.outcome:
            self._handler(self._server, self._job.payload)


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
            self._settle(attempt.outcome, job, name)
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

    def _settle(self, outcome: Outcome, job: Job, name: str) -> None:
        storage, error = self._server.storage, outcome.error
        if isinstance(error, DBAPIError):
            storage.fail_if_broken(error)
        with storage.database.writing() as connection:
            if error is None:
                finish_job(connection, job, name, self._server.clock.now())
                return
            final = isinstance(error, ElectionError) and error.code in FINAL
            fail_job(connection, job, name, self._server.clock.now(), outcome.sentence, final)
        told = {"job": job.id, "kind": job.kind, "attempt": job.attempt, "reason": outcome.sentence}
        log.warning("an attempt at a job failed", **told, where=outcome.mistake)

    def _run(self, kinds: Sequence[str]) -> None:
        forgotten = 0
        while not self._stopping.is_set():
            busy = False
            with (outcome := Outcome()):
                busy = self.do_one(kinds)
                if not busy and (now := self._server.clock.now()) >= forgotten + SECONDS_OF_HOUR:
                    forgotten = now
                    with self._server.storage.database.writing() as connection:
                        forget_old(connection, now)
            if outcome.error is not None:
                if isinstance(outcome.error, DBAPIError):
                    self._server.storage.fail_if_broken(outcome.error)
                log.warning("no job can be taken for the moment", reason=outcome.sentence, where=outcome.mistake)
                self._stopping.wait(AFTER_TROUBLE)
            elif not busy:
                self._stopping.wait(POLL)
