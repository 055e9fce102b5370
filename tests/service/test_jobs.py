"""The table of jobs: each is done by one worker, none is lost with a worker, and what fails says why."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Row, select

from tests.service.hand_clock import HandClock
from veche.crypto.errors import Malformed
from veche.service.jobs import (
    ATTEMPTS,
    DELAYS,
    KEPT,
    LEASE,
    Job,
    claim_job,
    fail_job,
    failed_at,
    finish_job,
    forget_old,
    give_back,
    has_due,
    queue_job,
    renew_lease,
)
from veche.service.server import Server
from veche.service.tables import jobs


def queued(server: Server, topic: str = "mail 1", due_in: int = 0, kind: str = "mail") -> None:
    with server.storage.database.writing() as connection:
        queue_job(connection, kind, topic, {"to": "anna@example.org"}, server.clock.now() + due_in)


def claimed(server: Server, worker: str = "one") -> Job | None:
    with server.storage.database.writing() as connection:
        return claim_job(connection, worker, server.clock.now())


def taken(server: Server, worker: str = "one") -> Job:
    job = claimed(server, worker)
    assert job is not None
    return job


def rows(server: Server) -> list[Row[Any]]:
    with server.storage.database.reading() as connection:
        return list(connection.execute(select(jobs).order_by(jobs.c.id)))


def test_a_job_is_taken_by_one_worker_only(server: Server) -> None:
    queued(server)
    job = taken(server)
    assert (job.kind, job.payload, job.attempt) == ("mail", {"to": "anna@example.org"}, 1)
    assert claimed(server, "two") is None


def test_a_job_waits_until_it_is_due(server: Server, clock: HandClock) -> None:
    queued(server, due_in=10)
    assert claimed(server) is None
    with server.storage.database.reading() as connection:
        assert not has_due(connection, clock.now())
        assert has_due(connection, clock.now() + 10)
    clock.time += 10
    assert claimed(server) is not None


def test_the_same_topic_is_queued_once_while_it_waits_or_runs_and_again_afterwards(server: Server) -> None:
    queued(server)
    queued(server)
    job = taken(server)
    queued(server)
    assert len(rows(server)) == 1
    with server.storage.database.writing() as connection:
        finish_job(connection, job, "one", server.clock.now())
    queued(server)
    assert [row.status for row in rows(server)] == ["done", "waiting"]


def test_processes_that_queue_the_same_thing_at_once_queue_it_once(server: Server) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: queued(server), range(40)))
    assert len(rows(server)) == 1


def test_a_job_is_queued_with_its_transaction_or_not_at_all(server: Server) -> None:
    def fails() -> None:
        with server.storage.database.writing() as connection:
            queue_job(connection, "mail", "mail 1", {}, 0)
            raise KeyError("something after it")

    with pytest.raises(KeyError):
        fails()
    assert rows(server) == []


def test_work_that_nobody_does_is_refused_when_it_is_queued(server: Server) -> None:
    with pytest.raises(Malformed, match="telephone"):
        queued(server, kind="telephone")


def test_what_a_dead_worker_held_is_another_s_after_the_lease_and_not_before(server: Server, clock: HandClock) -> None:
    queued(server)
    job = taken(server)
    clock.time += LEASE
    assert claimed(server, "two") is None
    clock.time += 1
    again = taken(server, "two")
    assert (again.id, again.attempt) == (job.id, 2)


def test_a_worker_that_says_that_it_lives_keeps_its_job(server: Server, clock: HandClock) -> None:
    queued(server)
    job = taken(server)
    for _ in range(4):
        clock.time += LEASE - 1
        with server.storage.database.writing() as connection:
            assert renew_lease(connection, job, "one", clock.now())
        assert claimed(server, "two") is None


def test_a_worker_that_lost_its_job_neither_renews_nor_ends_it(server: Server, clock: HandClock) -> None:
    queued(server)
    lost = taken(server)
    clock.time += LEASE + 1
    taken(server, "two")
    with server.storage.database.writing() as connection:
        assert not renew_lease(connection, lost, "one", clock.now())
        finish_job(connection, lost, "one", server.clock.now())
        fail_job(connection, lost, "one", clock.now(), "too late")
        give_back(connection, lost, "one", clock.now())
    assert [(row.status, row.worker) for row in rows(server)] == [("running", "two")]


def test_a_worker_that_took_its_lost_job_again_is_not_ended_by_its_first_attempt(server: Server, clock: HandClock) -> None:
    queued(server)
    lost = taken(server)
    clock.time += LEASE + 1
    taken(server)
    with server.storage.database.writing() as connection:
        finish_job(connection, lost, "one", server.clock.now())
    assert rows(server)[0].status == "running"


def test_what_fails_is_tried_again_later_and_later_and_then_has_failed_with_its_reason(server: Server, clock: HandClock) -> None:
    queued(server)
    for delay in DELAYS:
        job = taken(server)
        with server.storage.database.writing() as connection:
            fail_job(connection, job, "one", clock.now(), "the post office is closed")
        clock.time += delay - 1
        assert claimed(server) is None
        clock.time += 1
    job = taken(server)
    assert job.attempt == ATTEMPTS
    with server.storage.database.writing() as connection:
        fail_job(connection, job, "one", clock.now(), "the post office is closed")
    assert [(row.status, row.error) for row in rows(server)] == [("failed", "the post office is closed")]
    clock.time += 10 * max(DELAYS)
    assert claimed(server) is None
    with server.storage.database.reading() as connection:
        assert failed_at(connection, "mail 1") is not None
        assert failed_at(connection, "mail 2") is None


def test_a_job_that_kills_its_workers_is_not_tried_for_ever(server: Server, clock: HandClock) -> None:
    queued(server)
    for _ in range(ATTEMPTS):
        assert claimed(server) is not None
        clock.time += LEASE + 1
    assert claimed(server) is None
    assert [(row.status, "worker was lost" in row.error) for row in rows(server)] == [("failed", True)]


def test_a_job_given_back_is_free_at_once_and_its_attempt_does_not_count(server: Server, clock: HandClock) -> None:
    queued(server)
    job = taken(server)
    with server.storage.database.writing() as connection:
        give_back(connection, job, "one", clock.now())
    assert taken(server, "two").attempt == 1


@pytest.mark.parametrize("ending", ["done", "failed"])
def test_what_a_job_was_about_is_gone_when_it_has_ended(server: Server, clock: HandClock, ending: str) -> None:
    queued(server)
    job = taken(server)
    assert "anna" not in repr(job)
    with server.storage.database.writing() as connection:
        if ending == "done":
            finish_job(connection, job, "one", server.clock.now())
        else:
            fail_job(connection, job, "one", clock.now(), "no", final=True)
    assert [(row.status, row.payload) for row in rows(server)] == [(ending, "{}")]


def test_what_ended_long_ago_is_forgotten_and_what_waits_is_not(server: Server, clock: HandClock) -> None:
    queued(server)
    job = taken(server)
    with server.storage.database.writing() as connection:
        finish_job(connection, job, "one", server.clock.now())
    queued(server, "mail 2")
    clock.time += KEPT + 1
    with server.storage.database.writing() as connection:
        forget_old(connection, clock.now())
    assert [row.topic for row in rows(server)] == ["mail 2"]


def test_many_workers_at_once_never_hold_the_same_job(server: Server) -> None:
    for number in range(40):
        queued(server, f"mail {number}")
    start = threading.Barrier(8)

    def work(name: int) -> list[int]:
        start.wait()
        mine: list[int] = []
        while (job := claimed(server, f"worker {name}")) is not None:
            mine.append(job.id)
        return mine

    with ThreadPoolExecutor(8) as threads:
        held = [number for mine in threads.map(work, range(8)) for number in mine]
    assert sorted(held) == sorted({row.id for row in rows(server)})
    assert len(held) == 40
