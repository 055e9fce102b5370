"""Figures for operators: what happened is counted, and nothing in them says who, which ballot, or when."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert
from starlette.testclient import TestClient

from tests.repository.tree import ROOT
from tests.service.hand_clock import HandClock
from tests.service.town import ServedTown, open_town
from veche.service.application import create_application
from veche.service.metrics import JOB_STATES, SECONDS, VERDICTS, Metrics
from veche.service.server import Server
from veche.service.tables import jobs

LABELS = {
    "verdict": set(VERDICTS),
    "le": {*(str(second) for second in SECONDS), "+Inf"},
    "kind": {"address", "credential"},
    "status": set(JOB_STATES),
    "state": {"draft", "keys", "drilled", "sealed", "open", "suspended", "closed", "tallied", "published", "certified"},
}
"""Every label a figure may have, and every value of it: closed sets, none of which names anybody or anything."""

ADDRESS = "203.0.113.77"


@pytest.fixture
def town(server: Server, clock: HandClock, tmp_path: Path) -> Iterator[ServedTown]:
    yield open_town(server, clock, tmp_path / "town")


def scraped(metrics: Metrics) -> str:
    """The page that Prometheus gets, from the real listener."""
    with metrics.served(("127.0.0.1", 0)) as port:
        return httpx.get(f"http://127.0.0.1:{port}/metrics").text


def figures(page: str) -> dict[tuple[str, ...], float]:
    """Every sample by its name and label values."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def test_every_verdict_is_counted_once(town: ServedTown) -> None:
    client = TestClient(create_application(town.server), client=(ADDRESS, 5000))
    path, raw = f"/api/elections/{town.uuid}/ballots", town.ballot(0)
    statuses = [client.post(path, content=content).status_code for content in (raw, raw, b"{}", b"x" * 3_000_000)]
    statuses.append(client.post("/api/elections/nowhere/ballots", content=raw).status_code)
    assert statuses == [201, 200, 400, 413, 404]
    found = figures(scraped(town.server.metrics))
    counted = {key[1]: value for key, value in found.items() if key[0] == "veche_ballots_total" and value}
    assert counted == {"accepted": 1, "repeated": 1, "malformed": 1, "too-large": 1, "no-election": 1}
    assert found["veche_cast_seconds_count",] == 5
    assert found["veche_elections", "open"] == 1
    assert found["veche_ballots_under_way",] == 0


def test_no_figure_joins_anybody_with_a_ballot_or_a_time(town: ServedTown) -> None:
    client = TestClient(create_application(town.server), client=(ADDRESS, 5000), cookies={"veche": "session-4711"})
    path = f"/api/elections/{town.uuid}/ballots"
    raw = [town.ballot(place) for place in range(2)]
    for content in (*raw, *[b"{}"] * 61):
        client.post(path, content=content)
    page = scraped(town.server.metrics)
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name == "veche_build":
                continue
            assert {name for name, value in sample.labels.items() if value not in LABELS.get(name, ())} == set(), sample
            # No figure is a point in time: those of the record are around 1.79e9. Free bytes of a disk are no time.
            assert sample.value < 1_000_000_000 or sample.name == "veche_disk_free_bytes", sample
            assert sample.timestamp is None
    assert "_created" not in page
    for secret in (ADDRESS, "session-4711", town.uuid, *town.codes.values()):
        assert secret not in page
    assert figures(page)["veche_budgets_spent", "address"] == 1


def test_every_figure_that_the_manual_names_is_there(server: Server) -> None:
    there = {key[0] for key in figures(scraped(server.metrics))} | {"veche_clock_parted_seconds"}
    manual = (ROOT / "docs" / "operating.md").read_text("utf-8")
    assert set(re.findall(r"\bveche_[a-z_]+", manual)) - there == set()


def test_an_unknown_verdict_opens_no_label_of_its_own() -> None:
    metrics = Metrics()
    metrics.count_ballot("203.0.113.77", 0.05)
    found = figures(scraped(metrics))
    assert found["veche_ballots_total", "other"] == 1
    assert {key[1] for key in found if key[0] == "veche_ballots_total"} == set(VERDICTS)


def test_failed_storage_and_waiting_jobs_are_seen(server: Server, clock: HandClock) -> None:
    rows = [
        {"kind": "mail", "payload": "{}", "topic": "a", "due_at": clock.now() - 90, "status": "waiting", "attempts": 0},
        {"kind": "mail", "payload": "{}", "topic": "b", "due_at": clock.now(), "status": "failed", "attempts": 6},
    ]
    with server.storage.database.writing() as connection:
        connection.execute(insert(jobs), rows)
    server.storage.fail("disk full")
    found = figures(scraped(server.metrics))
    assert found["veche_storage_failed",] == 1
    assert (found["veche_jobs", "waiting"], found["veche_jobs", "running"], found["veche_jobs", "failed"]) == (1, 0, 1)
    assert found["veche_jobs_late_seconds",] == 90
    assert found["veche_database_up",] == 1
    assert found["veche_disk_free_bytes",] > 0


def test_the_listener_is_there_while_the_server_runs_and_gone_afterwards(server: Server) -> None:
    with server.metrics.served(("::1", 0)) as port:
        assert httpx.get(f"http://[::1]:{port}/metrics").status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://[::1]:{port}/metrics")
    with server.metrics.served(None) as port:
        assert port is None


def test_a_bind_that_is_taken_is_an_error_at_the_start(server: Server) -> None:
    with server.metrics.served(("127.0.0.1", 0)) as port:
        again = server.metrics.served(("127.0.0.1", port or 0))
        with pytest.raises(OSError, match="in use"), again:
            pass


def test_a_spent_budget_is_counted_and_not_named(town: ServedTown) -> None:
    async def flood() -> None:
        for _ in range(60):
            with pytest.raises(Exception, match="ballot"):
                await town.server.casting.cast(town.uuid, b"{}", ADDRESS)

    assert town.server.casting.budgets_spent() == {"address": 0, "credential": 0}
    asyncio.run(flood())
    assert town.server.casting.budgets_spent() == {"address": 1, "credential": 0}
