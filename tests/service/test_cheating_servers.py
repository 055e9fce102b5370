"""Two real servers with the same keys and different ballots: whoever compares convicts them, with evidence for everybody.

Attacks C4 (which of a voter's ballots counts), C5 (two histories) and C14 (a ballot replayed later). The second server is a copy of
the first one's folder, keys and all, as an operator could make it; both run the server's own code and answer over HTTP.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.observer.live_server import serving
from tests.service.hand_clock import HandClock
from tests.service.town import open_town
from veche.cli.main import run
from veche.crypto.errors import ElectionError
from veche.service.application import create_application
from veche.service.server import Server, open_server
from veche.service.settings import Settings

pytestmark = pytest.mark.slow

ANNA, AGAIN, BORIS, CLARA = "Anna's ballot", "Anna's second ballot", "Boris's ballot", "Clara's ballot"

CHEATS = {
    "a revote is moved before the vote that it replaces": ((AGAIN, ANNA, BORIS), ANNA),
    "a superseded ballot is dropped": ((AGAIN, BORIS), ANNA),
    "an old ballot is replayed later": ((AGAIN, BORIS, ANNA), ANNA),
    "other people have voted": ((ANNA, AGAIN, CLARA), BORIS),
}
"""What the second server has, and whose receipt and acknowledgement of the first one convict it."""
HONEST = (ANNA, AGAIN, BORIS)


@dataclass(frozen=True, slots=True)
class Opened:
    """An election that takes ballots, in a folder to be copied: its log has signed nothing of the voting yet."""

    folder: Path
    uuid: str
    time: int
    ballots: dict[str, bytes]
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers at `address`."""

    server: Server
    uuid: str
    ballots: dict[str, bytes]
    base: str

    @property
    def address(self) -> str:
        return f"{self.base}/observer/elections/{self.uuid}"

    def cast(self, *names: str) -> None:
        """Each in its turn, signed by the log before the next; its voter keeps acknowledgement and receipt."""
        for name in names:
            raw = self.ballots[name]
            answer = httpx.post(f"{self.base}/api/elections/{self.uuid}/ballots", content=raw, timeout=60)
            assert answer.status_code == 201
            assert self.server.sequencer.sequence(self.uuid)
            receipt = httpx.get(f"{self.address}/ballots/{sha256(raw).hexdigest()}.tlog-proof", timeout=60).raise_for_status()
            self.kept(name, ".ack").write_bytes(answer.content)
            self.kept(name, ".tlog-proof").write_bytes(receipt.content)

    def kept(self, name: str, kind: str) -> Path:
        """What the voter of this ballot has at home."""
        return self.server.settings.data.with_name(f"{self.server.settings.data.name} {name}{kind}")


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    folder, clock = tmp_path_factory.mktemp("opened"), HandClock()
    server = open_server(Settings(data=folder / "data", database="", checkers=1, worker=False), clock)
    try:
        town = open_town(server, clock, folder / "town")
        server.sequencer.sequence(town.uuid)
        second = ((0, 1, 0),)
        ballots = {ANNA: town.ballot(0), AGAIN: town.ballot(0, second), BORIS: town.ballot(1), CLARA: town.ballot(2)}
        assert town.manifest.log is not None
        keys = (*town.manifest.log.keys, town.manifest.log.box)
        return Opened(folder / "data", town.uuid, clock.time, ballots, tuple(one.text() for one in keys))
    finally:
        server.close()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@contextmanager
def server_over(opened: Opened, folder: Path) -> Iterator[Server]:
    """A server over a copy of the election, made at `folder`."""
    shutil.copytree(opened.folder, folder)
    server = open_server(settings_of(folder), HandClock(opened.time))
    try:
        yield server
    finally:
        server.close()


def settings_of(folder: Path) -> Settings:
    return Settings(data=folder, database="", checkers=1, worker=False, sign_log=True)


@contextmanager
def running(opened: Opened, folder: Path) -> Iterator[Running]:
    """Such a server at an address of its own."""
    with server_over(opened, folder) as server, serving(create_application(server)) as base:
        yield Running(server, opened.uuid, opened.ballots, base)


@dataclass(slots=True)
class Address:
    """An address behind which another server may stand tomorrow."""

    application: Any

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.application(scope, receive, send)


def watched(address: str, folder: Path, *more: str) -> int:
    return run(["watch", address, "--once", "--evidence", str(folder), *more])


def convicted(opened: Opened, folder: Path) -> None:
    """There is evidence in the folder, and whoever knows the election's keys finds it proven."""
    found = list(folder.glob("evidence-*.json"))
    assert found
    for path in found:
        assert run(["evidence", str(path), *(word for key in opened.keys for word in ("--key", key))]) == 0


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_second_history_is_caught_by_watchers_mirror_receipt_and_acknowledgement(
    cheat: str, opened: Opened, stack: ExitStack, tmp_path: Path
) -> None:
    one, other = (stack.enter_context(running(opened, tmp_path / name)) for name in ("one", "other"))
    ballots, holder = CHEATS[cheat]
    one.cast(*HONEST)
    other.cast(*ballots)
    # Each alone sees one history; both views have good signatures.
    assert watched(one.address, tmp_path / "w1") == 0
    assert watched(other.address, tmp_path / "w2") == 0
    assert run(["mirror", one.address, str(tmp_path / "m"), "--once"]) == 0
    assert run(["audit", other.address, "--level", "strict"]) == 0

    assert watched(one.address, tmp_path / "w1", "--peer", other.address) == 3
    convicted(opened, tmp_path / "w1")
    assert watched(other.address, tmp_path / "w2", "--peer", one.address) == 3
    convicted(opened, tmp_path / "w2")

    assert run(["mirror", other.address, str(tmp_path / "m"), "--once"]) == 3
    convicted(opened, tmp_path / "m")
    assert run(["audit", str(tmp_path / "m"), "--level", "strict"]) == 0

    assert watched(other.address, tmp_path / "w3", "--seen", str(one.kept(holder, ".tlog-proof"))) == 3
    convicted(opened, tmp_path / "w3")
    assert watched(other.address, tmp_path / "w4", "--acknowledgement", str(one.kept(holder, ".ack"))) == 3
    convicted(opened, tmp_path / "w4")


def test_an_old_backup_with_its_outside_state_does_not_start(opened: Opened, tmp_path: Path) -> None:
    with running(opened, tmp_path / "one") as one:
        one.cast(*HONEST)
    for name in ("veche.sqlite3", "veche.sqlite3-wal", "veche.sqlite3-shm"):
        (tmp_path / "one" / name).unlink(missing_ok=True)
        if (opened.folder / name).exists():
            shutil.copy(opened.folder / name, tmp_path / "one" / name)
    settings = settings_of(tmp_path / "one")
    with pytest.raises(ElectionError) as refusal:
        open_server(settings, HandClock(opened.time))
    assert refusal.value.code == "database-older"
    shutil.rmtree(tmp_path / "one" / "heads")
    with pytest.raises(ElectionError) as refusal:
        open_server(settings, HandClock(opened.time))
    assert refusal.value.code == "log-behind"
    shutil.rmtree(tmp_path / "one" / "log-state")
    with pytest.raises(ElectionError) as refusal:
        open_server(settings, HandClock(opened.time))
    assert refusal.value.code == "log-behind", "what was served is the least that was signed"


def test_an_old_backup_of_everything_is_told_and_convicts_itself_when_it_goes_on(
    opened: Opened, stack: ExitStack, tmp_path: Path
) -> None:
    honest = stack.enter_context(server_over(opened, tmp_path / "one"))
    restored = stack.enter_context(server_over(opened, tmp_path / "old"))
    behind: Any = Address(create_application(honest))
    base = stack.enter_context(serving(behind))
    one, old = (Running(server, opened.uuid, opened.ballots, base) for server in (honest, restored))
    one.cast(*HONEST)
    assert watched(one.address, tmp_path / "w") == 0
    assert run(["mirror", one.address, str(tmp_path / "m"), "--once"]) == 0
    # It starts: nothing on its disk knows better. To take entries back is no proof, but it is told.
    behind.application = create_application(restored)
    assert watched(old.address, tmp_path / "w") == 1
    assert run(["mirror", old.address, str(tmp_path / "m"), "--once"]) == 1
    old.cast(CLARA)
    # Another ballot in a known place: the mirror shows it from its own tiles, others once the log has come as far as they know.
    assert run(["mirror", old.address, str(tmp_path / "m"), "--once"]) == 3
    convicted(opened, tmp_path / "m")
    old.cast(BORIS, ANNA)
    assert watched(old.address, tmp_path / "w") == 3
    convicted(opened, tmp_path / "w")
    assert watched(old.address, tmp_path / "r", "--seen", str(one.kept(AGAIN, ".tlog-proof"))) == 3
    convicted(opened, tmp_path / "r")
