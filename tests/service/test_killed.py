"""A server that is killed at any moment while ballots come in: nothing acknowledged is lost, nothing is there twice or missing."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from tests.service.real_server import RealServer, audited, fresh_ballots, open_now, running
from tests.service.town import ServedTown
from veche.observer.database import Database
from veche.observer.tables import ballots as ballot_table
from veche.observer.tables import entries
from veche.service.settings import Settings

RATE = 20
LONGEST = 1.5
"""Seconds of casting before the latest kill."""


async def cast_until_killed(server: RealServer, ballots: Sequence[bytes], seconds: float) -> dict[bytes, bytes]:
    """Ballots at `RATE` a second into a server that is killed after so many seconds; the acknowledgements that arrived."""
    notes: dict[bytes, bytes] = {}

    async def cast(client: httpx.AsyncClient, raw: bytes) -> None:
        try:
            answer = await client.post(server.box, content=raw)
        except httpx.TransportError:
            return
        if answer.status_code in (200, 201):
            notes[raw] = answer.content

    async with httpx.AsyncClient(timeout=30) as client:
        began, tasks = time.monotonic(), []
        for number, raw in enumerate(ballots):
            await asyncio.sleep(max(0.0, began + number / RATE - time.monotonic()))
            if time.monotonic() - began >= seconds:
                break
            tasks.append(asyncio.create_task(cast(client, raw)))
        server.process.kill()
        await asyncio.gather(*tasks)
    server.process.wait()
    return notes


def kill_again_and_again(town: ServedTown, database: str, rounds: int) -> None:
    """So many kills, each followed by a start that has everything that was ever acknowledged, under the same bytes."""
    draw = random.Random(rounds)
    notes: dict[bytes, bytes] = {}
    for _ in range(rounds):
        ballots = fresh_ballots(town, int(RATE * LONGEST))
        with running(town, database) as server:
            for raw in draw.sample(sorted(notes), min(3, len(notes))):
                again = server.cast(raw)
                assert (again.status_code, again.content) == (200, notes[raw])
            new = asyncio.run(cast_until_killed(server, ballots, draw.uniform(0.05, LONGEST)))
            notes |= new
    assert len(notes) > rounds
    with running(town, database) as server:
        for raw, note in notes.items():
            again = server.cast(raw)
            assert (again.status_code, again.content) == (200, note)
        assert server.stop() == 0
    verify_record(town, database, notes)


def verify_record(town: ServedTown, database: str, notes: dict[bytes, bytes]) -> None:
    """No duplicate, no gap, every acknowledged ballot is there, and the record stands the audit."""
    connected = Database(Settings(data=town.server.settings.data, database=database).database_url)
    with connected.reading() as connection:
        trackers = list(connection.execute(select(ballot_table.c.tracker).order_by(ballot_table.c.height)).scalars())
        heights = list(connection.execute(select(ballot_table.c.height).order_by(ballot_table.c.height)).scalars())
        places = list(connection.execute(select(entries.c.place).order_by(entries.c.place)).scalars())
    connected.close()
    assert len(set(trackers)) == len(trackers)
    assert heights == list(range(1, len(heights) + 1))
    assert places == list(range(len(places)))
    assert {sha256(raw).hexdigest() for raw in notes} <= set(trackers)
    report = audited(town, database, jobs=2)
    assert (report.verdict, report.counts["ballots"]) == ("ok", len(trackers))


@pytest.mark.slow
def test_ten_kills_on_each_database_lose_nothing(tmp_path: Path, database: str) -> None:
    kill_again_and_again(open_now(tmp_path, database), database, 10)


@pytest.mark.soak
def test_five_hundred_kills_lose_nothing(tmp_path: Path, database: str) -> None:
    kill_again_and_again(open_now(tmp_path, database), database, 500)
