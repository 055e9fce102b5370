"""Work to be done later, in a table of our own: queued in the transaction that needs it, done at least once, each by one worker.

A worker holds a job for `LEASE` seconds and says again and again that it lives; a job whose worker died is taken by another. So a
handler may run twice, one after the other, and must be written for it: what is done already is not done again.

Times are seconds since 1970 on the server's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from veche.crypto.canonical_json import Json, encode, parse
from veche.crypto.errors import Malformed
from veche.service.tables import jobs

LEASE: Final = 60
"""Seconds after which a job whose worker says nothing is another's."""

DELAYS: Final = (5, 30, 120, 600, 1800)
"""Seconds of waiting after the first, second … attempt that failed. After one more attempt the job has failed."""

ATTEMPTS: Final = len(DELAYS) + 1

KEPT: Final = 7 * 86_400
"""Seconds for which jobs that are done or have failed can still be seen."""

KINDS: Final = ("seal", "tally", "publish", "mail", "advance", "ceremony")
"""Every kind of job; `service.worker.handlers` says what each does."""

_LOST: Final = "the worker was lost while it did this, again and again"


@dataclass(frozen=True, slots=True)
class Job:
    """A job that a worker has taken; `attempt` counts from 1. Its payload may hold what nobody else should read: no repr."""

    id: int
    kind: str
    topic: str
    payload: dict[str, Json]
    attempt: int

    def __repr__(self) -> str:
        return f"Job({self.id}, {self.kind!r}, {self.topic!r})"


def queue_job(connection: Connection, kind: str, topic: str, payload: dict[str, Json], due_at: int) -> None:
    """The job waits once this transaction is committed; nothing when one of the same topic waits or runs already.

    Raises Malformed `job-kind` when nobody does such work.
    """
    if kind not in KINDS:
        raise Malformed("job-kind", f'there is no work of kind "{kind[:40]}"')
    values = {
        "kind": kind,
        "payload": encode(payload).decode("utf-8"),
        "topic": topic,
        "due_at": due_at,
        "status": "waiting",
        "attempts": 0,
    }
    dialect = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    connection.execute(dialect(jobs).values(values).on_conflict_do_nothing())


def has_due(connection: Connection, now: int, kinds: Sequence[str] = KINDS) -> bool:
    """Whether a worker would find something: asked in a reading transaction, so that idle workers never take the write lock."""
    return connection.execute(select(jobs.c.id).where(_free(now, kinds)).limit(1)).first() is not None


def claim_job(connection: Connection, worker: str, now: int, kinds: Sequence[str] = KINDS) -> Job | None:
    """The oldest job of these kinds that is due, held by this worker for `LEASE` seconds from the commit on; None if there is none.

    On PostgreSQL a row that another worker looks at is stepped over; on SQLite the write transaction lets one look at a time.
    """
    table = jobs
    oldest = select(table).where(_free(now, kinds)).order_by(table.c.due_at, table.c.id).limit(1)
    query = oldest.with_for_update(skip_locked=True)
    while (found := connection.execute(query).one_or_none()) is not None:
        if found.attempts >= ATTEMPTS:
            # Whoever took it died each time, perhaps of it: it is not tried for ever.
            _end(connection, found.id, now, "failed", _LOST)
            continue
        held = {"status": "running", "worker": worker, "locked_until": now + LEASE, "attempts": found.attempts + 1}
        connection.execute(update(table).where(table.c.id == found.id).values(held))
        payload = parse(found.payload.encode("utf-8"))
        return Job(found.id, found.kind, found.topic, payload if isinstance(payload, dict) else {}, found.attempts + 1)
    return None


def renew_lease(connection: Connection, job: Job, worker: str, now: int) -> bool:
    """Whether the job is still this worker's, for another `LEASE` seconds."""
    changed = connection.execute(update(jobs).where(_held(job, worker)).values(locked_until=now + LEASE))
    return changed.rowcount == 1


def finish_job(connection: Connection, job: Job, worker: str, now: int) -> None:
    """The job is done. Nothing changes when another worker has it meanwhile."""
    if connection.execute(select(jobs.c.id).where(_held(job, worker)).with_for_update()).first() is not None:
        _end(connection, job.id, now, "done", None)


def fail_job(connection: Connection, job: Job, worker: str, now: int, sentence: str, final: bool = False) -> None:
    """The job is tried again later, or has failed for good (at once if `final`); `sentence` says why and must hold no secret."""
    if connection.execute(select(jobs.c.id).where(_held(job, worker)).with_for_update()).first() is None:
        return
    if final or job.attempt >= ATTEMPTS:
        _end(connection, job.id, now, "failed", sentence)
        return
    again = {"status": "waiting", "due_at": now + DELAYS[job.attempt - 1], "worker": None, "locked_until": None, "error": sentence}
    connection.execute(update(jobs).where(jobs.c.id == job.id).values(again))


def give_back(connection: Connection, job: Job, worker: str, now: int) -> None:
    """The job waits for another worker at once: this one stops. The attempt does not count."""
    free = {"status": "waiting", "due_at": now, "worker": None, "locked_until": None, "attempts": job.attempt - 1}
    connection.execute(update(jobs).where(_held(job, worker)).values(free))


def failed_at(connection: Connection, topic: str) -> int | None:
    """When the newest job of this topic has failed for good; None when none has, or one is under way or done since."""
    query = select(jobs.c.status, jobs.c.due_at).where(jobs.c.topic == topic).order_by(jobs.c.id.desc()).limit(1)
    newest = connection.execute(query).one_or_none()
    return newest.due_at if newest is not None and newest.status == "failed" else None


def forget_old(connection: Connection, now: int) -> None:
    """What was done or has failed more than `KEPT` seconds ago is gone."""
    old = and_(jobs.c.status.in_(("done", "failed")), jobs.c.due_at < now - KEPT)
    connection.execute(delete(jobs).where(old))


def _free(now: int, kinds: Sequence[str]) -> ColumnElement[bool]:
    waits = and_(jobs.c.status == "waiting", jobs.c.due_at <= now)
    left = and_(jobs.c.status == "running", jobs.c.locked_until < now)
    return and_(jobs.c.kind.in_(kinds), or_(waits, left))


def _held(job: Job, worker: str) -> ColumnElement[bool]:
    # The attempt as well: a worker that lost its lease and took the job again is not to be ended by its own first attempt.
    return and_(jobs.c.id == job.id, jobs.c.status == "running", jobs.c.worker == worker, jobs.c.attempts == job.attempt)


def _end(connection: Connection, number: int, now: int, status: str, error: str | None) -> None:
    """What a job was about may be a person's link: once it has ended, only its topic is kept."""
    ended = {"status": status, "due_at": now, "payload": "{}", "worker": None, "locked_until": None, "error": error}
    connection.execute(update(jobs).where(jobs.c.id == number).values(ended))
