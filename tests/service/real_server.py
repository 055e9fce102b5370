"""A real `veche serve` in a process of its own, over an election that takes ballots now, and clients that cast over real HTTP."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.service.hand_clock import HandClock
from tests.service.town import ServedTown, open_town
from veche.cli.demo_town import login
from veche.cli.voter_ballot import encrypt_vote, listed_secret, sign_ballot
from veche.crypto.canonical_json import Json
from veche.crypto.scalar import system_randomness
from veche.observer.audit import audit
from veche.observer.database import Database
from veche.observer.database_source import DatabaseSource
from veche.observer.published_files import PublishedFiles
from veche.observer.report import Report
from veche.service.server import open_server
from veche.service.settings import Settings

COMMAND = (sys.executable, "-m", "veche.cli.main")
START_SECONDS = 60
_ADDRESS = re.compile(r"^  address +(http://\S+)$", re.MULTILINE)


def open_now(folder: Path, database: str, voters: int = 6, **changes: Json) -> ServedTown:
    """An election in `folder/data` that opened an hour ago; its server is closed again, so that another process can have it."""
    clock = HandClock(int(time.time()) - 7200)
    server = open_server(Settings(data=folder / "data", database=database, checkers=1), clock)
    try:
        return open_town(server, clock, folder / "town", voters, **changes)
    finally:
        server.close()


def fresh_ballots(town: ServedTown, count: int) -> list[bytes]:
    """So many different ballots, the voters taking turns; the first answer of each question is chosen."""
    try:
        sealed = town.sealed()
    finally:
        # That server was closed; its pool was opened again for this.
        town.server.storage.database.close()
    marks = tuple((1, *([0] * (len(one.answers) - 1))) for one in sealed.election.questions)
    secrets = [listed_secret(town.codes[login(place)], sealed) for place in range(min(count, len(town.codes)))]
    made = []
    for number in range(count):
        secret = secrets[number % len(secrets)]
        made.append(sign_ballot(sealed, encrypt_vote(sealed, secret, marks, system_randomness), secret, system_randomness))
    return made


@dataclass
class RealServer:
    """A running `veche serve`. `log` is everything it has written on stderr."""

    process: subprocess.Popen[bytes]
    url: str
    uuid: str
    log: Path

    @property
    def box(self) -> str:
        return f"{self.url}/api/elections/{self.uuid}/ballots"

    def cast(self, raw: bytes) -> httpx.Response:
        return httpx.post(self.box, content=raw, timeout=60)

    def kill(self) -> None:
        """What a power cut does to a process."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Its exit code after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


def begin(town: ServedTown, database: str, command: Sequence[str] = COMMAND, port: int = 0, **environment: str) -> RealServer:
    """The server runs and answers. `command` is what `serve …` is appended to; port 0 is any free one."""
    log = town.folder / f"serve-{time.monotonic_ns()}.log"
    given = {name: value for name, value in os.environ.items() if not name.startswith("VECHE_")}
    settings = {"VECHE_DATABASE": database, "VECHE_CHECKERS": "1", "VECHE_WORKER": "0", **environment}
    data = town.server.settings.data
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*command, "serve", "--port", str(port), "--data", str(data)],
            stderr=stream,
            env={**given, **settings},
            cwd=town.folder,
        )
    return RealServer(process, _address(process, log), town.uuid, log)


@contextmanager
def running(town: ServedTown, database: str, command: Sequence[str] = COMMAND, **environment: str) -> Iterator[RealServer]:
    """The server runs while the block does."""
    server = begin(town, database, command, 0, **environment)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.kill()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where the server answers, once it does."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        found = _ADDRESS.search(log.read_text("utf-8", "replace"))
        if found is not None:
            try:
                httpx.get(f"{found[1]}/healthz", timeout=START_SECONDS)
            except httpx.TransportError:
                pass
            else:
                return found[1]
        time.sleep(0.02)
    process.kill()
    raise AssertionError(f"the server did not start: {log.read_text('utf-8', 'replace')[-2000:]}")


async def cast_at_once(server: RealServer, ballots: Sequence[bytes]) -> list[httpx.Response]:
    """The answers to all of these, each sent on a connection of its own at the same time."""
    async with httpx.AsyncClient(timeout=120, limits=httpx.Limits(max_connections=None)) as client:
        return await asyncio.gather(*(client.post(server.box, content=raw) for raw in ballots))


def audited(town: ServedTown, database: str, data: Path | None = None, jobs: int = 1) -> Report:
    """The audit of the record as it stands in the database, beside the server; `data` is another copy of the server's folder."""
    folder = data or town.server.settings.data
    connected = Database(Settings(data=folder, database=database).database_url)
    try:
        return audit(DatabaseSource(connected, PublishedFiles(folder / "public"), town.uuid), level="strict", jobs=jobs)
    finally:
        connected.close()
