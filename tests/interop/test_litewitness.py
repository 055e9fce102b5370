"""litewitness, Go's witness, cosigns our log: torchwood v0.9.0, `go install filippo.io/torchwood/cmd/litewitness@v0.9.0`.

Environment

VECHE_LITEWITNESS   the executable; without it the test is stepped around, or fails with VECHE_REQUIRE_INTEROP=1
"""

from __future__ import annotations

import os
import re
import socket
import sqlite3
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.interop.log_folder import FolderStore, write_log
from tests.ledger.small_log import LOG_KEY, ORIGIN
from tests.observer.witness_process import submit
from tests.service.hand_clock import HandClock
from tests.service.town import draft, plan
from veche.crypto.errors import Inconsistent
from veche.crypto.signed_note import VerifierKey, parse_verifier_key
from veche.ledger.merkle import EMPTY_ROOT, make_consistency
from veche.ledger.policy import parse_policy, policy_of_manifest, verify_policy
from veche.ledger.signed_checkpoint import parse_signed, with_lines
from veche.ledger.submission import Submission
from veche.ledger.tile_reader import TileReader
from veche.service.server import open_server
from veche.service.settings import Settings
from veche.service.witness_start import verify_witnesses

pytestmark = pytest.mark.interop

NAME = "witness.example/lite"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
def litewitness() -> Iterator[tuple[str, VerifierKey]]:
    """Its address and key; it knows our log, and its own key lives in an ssh-agent of its own."""
    with running_litewitness() as (url, key, database):
        know(database, ORIGIN, LOG_KEY)
        yield url, key


def know(database: Path, origin: str, *keys: VerifierKey) -> None:
    """The witness whose database this is knows this log from now on."""
    with closing(sqlite3.connect(database, timeout=20)) as connection, connection:
        connection.execute("INSERT INTO log VALUES (?, 0, ?)", (origin, b64encode(EMPTY_ROOT).decode()))
        connection.executemany("INSERT INTO key VALUES (?, ?)", [(origin, key.text()) for key in keys])


@contextmanager
def running_litewitness() -> Iterator[tuple[str, VerifierKey, Path]]:
    """Its address, key and database."""
    program = os.environ.get("VECHE_LITEWITNESS", "")
    if not program and os.environ.get("VECHE_REQUIRE_INTEROP") == "1":
        pytest.fail("no litewitness: set VECHE_LITEWITNESS to the executable")
    if not program:
        pytest.skip("no litewitness: set VECHE_LITEWITNESS to the executable")
    with TemporaryDirectory(prefix="lw") as name:
        folder, port = Path(name), free_port()
        key, agent, database, log = folder / "key", folder / "agent", folder / "lite.db", folder / "log"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True, timeout=20)
        shown = subprocess.run(["ssh-keygen", "-lf", key], check=True, capture_output=True, text=True, timeout=20).stdout
        holder = subprocess.Popen(["ssh-agent", "-D", "-a", agent], stdout=subprocess.DEVNULL)
        try:
            wait_for(agent.exists)
            subprocess.run(["ssh-add", "-q", key], check=True, env={**os.environ, "SSH_AUTH_SOCK": str(agent)}, timeout=20)
            with closing(sqlite3.connect(database)) as connection, connection:
                connection.execute("CREATE TABLE log (origin TEXT PRIMARY KEY, tree_size INTEGER, tree_hash TEXT)")
                connection.execute("CREATE TABLE key (origin TEXT NOT NULL, key TEXT NOT NULL)")
            given: list[str | Path] = ["-db", database, "-ssh-agent", agent, "-key", shown.split()[1], "-name", NAME]
            with log.open("wb") as stream:
                running = subprocess.Popen([program, *given, "-listen", f"127.0.0.1:{port}"], stderr=stream)
            try:
                wait_for(lambda: answers(port) or running.poll() is not None)
                found = re.search(r"witness\.example/lite\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+", log.read_text())
                if found is None:
                    pytest.fail(log.read_text())
                yield f"http://127.0.0.1:{port}", parse_verifier_key(found[0]), database
            finally:
                running.kill()
                running.wait(10)
        finally:
            holder.kill()
            holder.wait(10)


def answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def wait_for(ready: object) -> None:
    end = time.monotonic() + 20
    while callable(ready) and not ready() and time.monotonic() < end:
        time.sleep(0.05)


def test_it_cosigns_our_log_as_it_grows_and_we_verify_it(litewitness: tuple[str, VerifierKey], tmp_path: Path) -> None:
    url, key = litewitness
    policy = parse_policy(f"log {LOG_KEY.text()}\nwitness lite {key.text()}\nquorum lite\n".encode())
    old = 0
    for size in (3, 300):
        (tmp_path / str(size)).mkdir()
        write_log(tmp_path / str(size), [b"entry %d" % number for number in range(size)])
        data = (tmp_path / str(size) / "checkpoint").read_bytes()
        nodes = TileReader(FolderStore(tmp_path / str(size)), size)
        proof = tuple(make_consistency(nodes, old, size)) if old else ()
        answer = submit(url, Submission(old, proof, parse_signed(data)).data())
        assert answer.status == 200
        cosigned = with_lines(data, answer.body.decode().removesuffix("\n").split("\n"), [key])
        assert [name for name, _ in verify_policy(policy, parse_signed(cosigned)).witnesses] == ["lite"]
        old = size
    again = submit(url, Submission(0, (), parse_signed(data)).data())
    assert (again.status, again.kind, again.body) == (409, "text/x.tlog.size", b"300\n")


def test_it_cosigns_the_log_of_our_server_and_says_at_a_start_how_far_it_saw_it(tmp_path: Path) -> None:
    clock = HandClock()
    with running_litewitness() as (url, key, database):
        server = open_server(
            Settings(data=tmp_path / "data", database="", checkers=1, witnesses=f"{NAME}={url}", sign_log=True), clock
        )
        try:
            text = f"witness lite {key.text()}\nquorum lite\n"
            town = draft(server, clock, tmp_path / "town", {**plan(6, clock.now()), "policy": text})
            known = town.manifest.log
            assert known is not None
            know(database, known.origin, *known.keys)
            verify_witnesses(server.sequencer, tmp_path / "data", {NAME: url})
            for _ in range(2):
                assert server.sequencer.sequence(town.uuid)
                assert server.witnesses.step(NAME) == 1
                newest = server.sequencer.newest(town.uuid)
                assert newest is not None
                assert [name for name, _ in verify_policy(policy_of_manifest(known), newest).witnesses] == ["lite"]
                if not town.trustees:
                    town.make_keys()
            verify_witnesses(server.sequencer, tmp_path / "data", {NAME: url})
            for name in ("log", "log-state"):
                (tmp_path / "data" / name).rename(tmp_path / name)
            with pytest.raises(Inconsistent) as refusal:
                verify_witnesses(server.sequencer, tmp_path / "data", {NAME: url})
            assert refusal.value.code == "witness-ahead"
        finally:
            server.close()
