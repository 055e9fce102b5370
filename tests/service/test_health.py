"""What load balancers and operators are told: alive, ready, and what runs; and that a fault is said, not hidden."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from starlette.testclient import TestClient

from tests.service.conftest import postgres_url
from veche import __version__
from veche.service.application import create_application
from veche.service.ballot_checkers import BallotCheckers
from veche.service.build_info import assets_hash, build_info
from veche.service.readiness import KEPT_SECONDS, Readiness
from veche.service.server import Server


@pytest.fixture
def client(server: Server) -> Iterator[TestClient]:
    """The application, whose server the other fixture closes."""
    yield TestClient(create_application(server))


def faults(server: Server) -> list[str]:
    return Readiness(server.storage, server.checkers).faults()


def test_a_fresh_server_is_alive_and_ready(client: TestClient) -> None:
    assert (client.get("/healthz").status_code, client.get("/healthz").json()) == (200, {"status": "alive"})
    assert (client.get("/readyz").status_code, client.get("/readyz").json()) == (200, {"status": "ready"})


def test_a_failed_write_makes_the_server_not_ready_but_leaves_it_alive(server: Server, client: TestClient) -> None:
    server.storage.fail("No space left on device")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"]
    assert answer.json()["code"] == "not-ready"
    assert answer.json()["detail"] == "the server has stopped accepting: No space left on device"
    assert client.get("/healthz").status_code == 200


def test_tables_of_another_version_make_the_server_not_ready(server: Server) -> None:
    with server.storage.database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    (fault,) = faults(server)
    assert "version 0000" in fault


def test_checking_processes_that_are_gone_make_the_server_not_ready(server: Server) -> None:
    gone = BallotCheckers(1)
    gone.close()
    assert Readiness(server.storage, gone).faults() == ["the processes that check ballots do not answer"]


def test_a_database_that_does_not_answer_makes_the_server_not_ready_and_is_not_described(server: Server) -> None:
    if server.storage.database.sqlite:
        pytest.skip("a file always answers")
    name = make_url(server.settings.database).database
    admin = create_engine(postgres_url(), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        connection.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"), {"name": name})
    admin.dispose()
    assert faults(server) == ["the database does not answer"]


def test_the_same_answer_is_given_again_for_a_moment_and_then_looked_up_anew(server: Server) -> None:
    moment = 0.0
    readiness = Readiness(server.storage, server.checkers, lambda: moment)
    assert readiness.faults() == []
    server.storage.fail("disk full")
    assert readiness.faults() == []
    moment += KEPT_SECONDS
    assert len(readiness.faults()) == 1


def test_the_version_says_what_runs(client: TestClient) -> None:
    told = client.get("/version").json()
    assert told["version"] == __version__
    assert told["python"] == platform.python_version()
    assert len(told["assets"]) == 64
    assert build_info("0123abcd").commit == "0123abcd"


def test_the_hash_of_assets_changes_with_a_byte_or_a_name(tmp_path: Path) -> None:
    empty = assets_hash(tmp_path)
    page = tmp_path / "templates" / "page.html"
    page.parent.mkdir()
    page.write_text("one")
    one = assets_hash(tmp_path)
    page.write_text("two")
    two = assets_hash(tmp_path)
    page.rename(page.with_name("other.html"))
    assert len({empty, one, two, assets_hash(tmp_path)}) == 4


def test_metrics_are_never_on_the_public_port(client: TestClient) -> None:
    assert client.get("/metrics").status_code == 404


@pytest.mark.parametrize("path", ["/healthz/", "/readyz/", "/version/"])
def test_a_spoofed_host_comes_back_in_no_answer(client: TestClient, path: str) -> None:
    spoofed = {"host": "evil.example", "x-forwarded-host": "evil.example", "x-forwarded-proto": "https"}
    answer = client.get(path, headers=spoofed, follow_redirects=False)
    assert answer.status_code == 404
    assert "evil.example" not in answer.text + str(answer.headers)
