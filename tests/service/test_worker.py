"""The worker: does what waits, survives what fails, and leaves its jobs to others when it is killed or stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, select
from starlette.testclient import TestClient

from tests.service.hand_clock import HandClock
from tests.service.town import HOUR, open_town
from veche.crypto.canonical_json import Json
from veche.crypto.errors import Refused
from veche.observer.audit import audit
from veche.observer.database_source import DatabaseSource
from veche.observer.record_rows import election_row
from veche.service.application import create_application
from veche.service.at_work import at_work
from veche.service.jobs import KINDS, LEASE, queue_job
from veche.service.server import Server, open_server
from veche.service.settings import Settings
from veche.service.tables import jobs
from veche.service.worker import THREADS, Handler, Worker, handlers

ROOT = Path(__file__).parents[2]


def queued(server: Server, *names: str, kind: str = "mail", due_at: int = 0) -> None:
    with server.storage.database.writing() as connection:
        for name in names:
            queue_job(connection, kind, f"{kind} {name}", {"name": name}, due_at)


def rows(server: Server) -> list[Row[Any]]:
    with server.storage.database.reading() as connection:
        return list(connection.execute(select(jobs).order_by(jobs.c.id)))


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until this holds; fail when it never does."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)


def waiting_for(event: threading.Event) -> Handler:
    def handler(_: Server, __: dict[str, Json]) -> None:
        event.wait()

    return handler


def failing(error: Exception) -> dict[str, Handler]:
    def handler(_: Server, __: dict[str, Json]) -> None:
        raise error

    return {"mail": handler}


def test_every_kind_of_job_has_a_thread_and_what_has_a_handler_is_a_kind(server: Server) -> None:
    assert sorted(kind for kinds in THREADS for kind in kinds) == sorted(KINDS)
    assert set(handlers(server)) <= set(KINDS)


def test_a_worker_does_what_waits_in_order_and_stops_quickly(server: Server) -> None:
    queued(server, "first", "second", "third")
    told: list[Json] = []
    worker = Worker(server, {"mail": lambda _, payload: told.append(payload["name"])})
    worker.start()
    until(lambda: [row.status for row in rows(server)] == ["done"] * 3)
    begun = time.monotonic()
    worker.stop()
    assert told == ["first", "second", "third"]
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (Refused("post-closed", "the post office is closed"), "the post office is closed [post-closed]"),
        (OSError(111, "Connection refused", "anna@example.org"), "OSError: Connection refused"),
        (KeyError("https://vote.example/login/secret-token"), "KeyError: a mistake of ours; the log says where"),
    ],
)
def test_a_job_that_fails_keeps_a_sentence_without_secrets_and_the_worker_goes_on(
    server: Server, clock: HandClock, error: Exception, sentence: str
) -> None:
    queued(server, "first")
    expected = {"ConnectionRefusedError: Connection refused"} if isinstance(error, OSError) else {sentence}
    assert Worker(server, failing(error)).do_one()
    assert {row.error for row in rows(server)} == expected
    assert [(row.status, row.due_at) for row in rows(server)] == [("waiting", clock.now() + 5)]
    assert not Worker(server, failing(error)).do_one()


def test_an_audit_that_says_no_is_not_repeated(server: Server) -> None:
    queued(server, "first")
    Worker(server, failing(Refused("audit-failed", "Nothing was published"))).do_one()
    assert [(row.status, row.error) for row in rows(server)] == [("failed", "Nothing was published [audit-failed]")]


def test_a_mail_does_not_wait_behind_an_audit_of_an_hour(server: Server) -> None:
    done, go_on = threading.Event(), threading.Event()
    does: dict[str, Handler] = {"publish": waiting_for(go_on), "mail": lambda *_: done.set()}
    queued(server, "long", kind="publish")
    worker = Worker(server, does)
    worker.start()
    until(lambda: rows(server)[0].status == "running")
    queued(server, "short")
    assert done.wait(30)
    assert rows(server)[0].status == "running"
    go_on.set()
    worker.stop()


def test_a_worker_that_stops_gives_a_long_job_back(server: Server) -> None:
    queued(server, "long")
    go_on = threading.Event()
    worker = Worker(server, {"mail": waiting_for(go_on)})
    worker.start()
    until(lambda: rows(server)[0].status == "running")
    begun = time.monotonic()
    worker.stop()
    assert time.monotonic() - begun < 15
    assert [(row.status, row.attempts) for row in rows(server)] == [("waiting", 0)]
    go_on.set()


def test_no_job_is_begun_after_a_failed_write(server: Server) -> None:
    queued(server, "first")
    server.storage.fail("the disk is full")
    with pytest.raises(Refused, match="the disk is full"):
        Worker(server, {"mail": lambda *_: None}).do_one()
    assert rows(server)[0].status == "waiting"


@contextmanager
def process(settings: Settings, diary: Path, seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    """A worker in a process of its own, which is there once it has said so in its diary."""
    arguments = (settings.data, settings.database, diary, seconds)
    worker = subprocess.Popen([sys.executable, "-m", "tests.service.worker_process", *map(str, arguments)], cwd=ROOT)
    try:
        yield worker
    finally:
        worker.kill()
        worker.wait()


def written(diary: Path) -> list[str]:
    return diary.read_text().splitlines() if diary.exists() else []


def test_a_job_survives_kill_9_of_its_worker(settings: Settings, tmp_path: Path) -> None:
    first = open_server(settings)
    queued(first, "survives")
    first.close()
    diary = tmp_path / "diary"
    with process(settings, diary, 3600) as worker:
        until(lambda: "begun survives" in written(diary))
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
    later = HandClock(int(time.time()))
    again = open_server(settings, later)
    try:
        told: list[Json] = []
        other = Worker(again, {"mail": lambda _, payload: told.append(payload["name"])})
        assert not other.do_one()
        later.time += LEASE + 5
        assert other.do_one()
        assert told == ["survives"]
        assert [(row.status, row.attempts) for row in rows(again)] == [("done", 2)]
    finally:
        again.close()


@pytest.mark.postgresql
def test_two_worker_processes_never_do_the_same_job_twice(tmp_path: Path, postgres_database: str) -> None:
    settings = Settings(data=tmp_path / "data", database=postgres_database, checkers=1)
    server = open_server(settings)
    diaries = [tmp_path / "one", tmp_path / "two"]
    try:
        with process(settings, diaries[0], 0.02), process(settings, diaries[1], 0.02):
            until(lambda: all("ready" in written(diary) for diary in diaries))
            queued(server, *(f"job {number}" for number in range(60)))
            until(lambda: {row.status for row in rows(server)} == {"done"})
        each = [[line for line in written(diary) if line.startswith("begun")] for diary in diaries]
        assert sorted(each[0] + each[1]) == sorted(f"begun job {number}" for number in range(60))
        assert all(each)
        assert {row.attempts for row in rows(server)} == {1}
    finally:
        server.close()


@pytest.mark.postgresql
def test_veche_worker_closes_and_withholds_by_itself_and_stops_when_told(tmp_path: Path, postgres_database: str) -> None:
    settings = Settings(data=tmp_path / "data", database=postgres_database, checkers=1)
    clock = HandClock(int(time.time()) - 30 * HOUR)
    server = open_server(settings, clock)
    try:
        town = open_town(server, clock, tmp_path / "town", 2)
        environment = {**os.environ, "VECHE_DATABASE": postgres_database, "VECHE_DATA": str(settings.data)}
        worker = subprocess.Popen([sys.executable, "-m", "veche.cli.main", "worker"], env=environment, cwd=tmp_path)
        try:
            until(lambda: state(server, town.uuid) == "closed")
            clock.time = int(time.time())
            town.issue([])
            until(lambda: state(server, town.uuid) == "withheld")
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(30) == 0
        finally:
            worker.kill()
            worker.wait()
        source = DatabaseSource(server.storage.database, server.storage.files, town.uuid)
        assert audit(source, level="strict").verdict == "ok"
    finally:
        server.close()


def test_with_sqlite_veche_worker_says_that_the_server_does_it(tmp_path: Path) -> None:
    environment = {**os.environ, "VECHE_DATABASE": "", "VECHE_DATA": str(tmp_path / "data")}
    command = [sys.executable, "-m", "veche.cli.main", "worker"]
    ended = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "veche serve" in ended.stderr
    assert not (tmp_path / "data").exists()


def state(server: Server, uuid: str) -> str:
    with server.storage.database.reading() as connection:
        return election_row(connection, uuid).state


def test_a_server_at_work_takes_a_contest_from_the_close_to_its_total_by_itself(
    server: Server, clock: HandClock, tmp_path: Path
) -> None:
    from tests.service.test_lifecycle import cast

    town = open_town(server, clock, tmp_path / "town")
    cast(town, 0, 1, 2)
    with at_work(server):
        clock.time = town.manifest.closes_at
        until(lambda: state(server, town.uuid) == "closed")
        town.issue([])
        until(lambda: state(server, town.uuid) == "decrypting")
        begun = time.monotonic()
    assert time.monotonic() - begun < 15
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("worker", "timers"))]
    assert audit(town.source(), level="strict").verdict == "ok"


@pytest.mark.parametrize("worker", [True, False])
def test_the_service_does_it_in_its_own_process_unless_told_not_to(
    settings: Settings, clock: HandClock, tmp_path: Path, worker: bool
) -> None:
    server = open_server(settings.model_copy(update={"worker": worker}), clock)
    town = open_town(server, clock, tmp_path / "town")
    with TestClient(create_application(server)):
        clock.time = town.manifest.closes_at
        if worker:
            until(lambda: state(server, town.uuid) == "closed")
        else:
            time.sleep(3)
            assert state(server, town.uuid) == "open"
            assert not [thread for thread in threading.enumerate() if thread.name.startswith(("worker", "timers"))]
