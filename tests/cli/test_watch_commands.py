"""`veche mirror`, `veche watch` and `veche evidence`: what people are told, and the exit codes that programs read."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.election.record_builder import VOTES
from tests.observer.logged_record import BOX, KEYS, acknowledged, receipt_of, shown, told, turn
from tests.observer.served_record import Shown, served
from veche.cli.main import run

SWAPPED = (VOTES[2], VOTES[1], VOTES[0], VOTES[3])

BARRED = """
import sys

class Barred:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ("fastapi", "starlette", "sqlalchemy", "httpx", "uvicorn", "segno", "structlog"):
            raise ImportError(f"an observer has no {name}")

sys.meta_path.insert(0, Barred())
from veche.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


def test_a_mirror_of_one_look_is_audited_and_says_the_seal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(shown(told())) as address:
        assert run(["mirror", address, str(tmp_path / "m"), "--once"]) == 0
        assert "4 ballots" in (said := capsys.readouterr().out)
        assert "Seal:" in said
        assert run(["mirror", address, str(tmp_path / "m"), "--once"]) == 0
    assert run(["audit", str(tmp_path / "m"), "--level", "strict"]) == 0


def test_mirror_watch_and_evidence_need_no_package_of_the_server(tmp_path: Path) -> None:
    def veche(*words: str) -> int:
        return subprocess.run([sys.executable, "-c", BARRED, *words], cwd=tmp_path, timeout=100, check=False).returncode

    with served(shown(told())) as address, served(shown(told(SWAPPED))) as other:
        assert veche("mirror", address, "m", "--once") == 0
        assert veche("watch", address, "--once") == 0
        assert veche("watch", address, "--once", "--peer", other, "--evidence", "e") == 3
        kept = str(next((tmp_path / "e").glob("evidence-*.json")))
        assert veche("evidence", kept) == 0
        assert veche("evidence", kept, "--election", "m") == 0
    (tmp_path / "r").write_bytes(receipt_of(told(), 0))
    assert veche("voter", "check-receipt", "r", "--election", "m") == 0


def test_a_split_view_ends_with_3_and_evidence_that_others_verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(shown(told())) as address, served(shown(told(SWAPPED), 12)) as other:
        assert run(["watch", address, "--peer", other, "--once", "--evidence", str(tmp_path / "e")]) == 3
    said = capsys.readouterr()
    path = said.out.strip()
    assert "PROVEN" in said.err
    assert run(["evidence", path]) == 0
    assert "compare them with those of the election" in capsys.readouterr().out
    assert run(["evidence", path, "--key", KEYS[0].text()]) == 0
    assert "compare" not in capsys.readouterr().out
    assert run(["evidence", path, "--key", BOX.verifier.text()]) == 1
    assert run(["evidence", path, "--key", KEYS[0].text(), "--election", str(tmp_path)]) == 64
    spoiled = tmp_path / "spoiled.json"
    spoiled.write_bytes(Path(path).read_bytes().replace(b"begins_with", b"begins-with"))
    assert run(["evidence", str(spoiled)]) == 1
    assert run(["evidence", str(tmp_path / "nothing")]) == 2


def test_evidence_is_no_evidence_against_another_election(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(shown(told())) as address, served(shown(told(SWAPPED))) as other:
        run(["watch", address, "--peer", other, "--once", "--evidence", str(tmp_path / "e")])
    path = capsys.readouterr().out.strip()
    folder = told().write(tmp_path / "record")
    assert run(["evidence", path, "--election", str(folder)]) == 0
    manifest = (folder / "manifest.json").read_bytes()
    (folder / "manifest.json").write_bytes(manifest.replace(KEYS[0].text().encode(), BOX.verifier.text().encode()))
    assert run(["evidence", path, "--election", str(folder)]) == 1


def test_a_mirror_that_is_shown_two_histories_ends_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = shown(told())
    with served(server) as address:
        assert run(["mirror", address, str(tmp_path / "m"), "--once"]) == 0
        turn(server, told(SWAPPED))
        assert run(["mirror", address, str(tmp_path / "m"), "--once"]) == 3
    assert run(["evidence", capsys.readouterr().out.strip().splitlines()[-1]]) == 0
    assert run(["audit", str(tmp_path / "m"), "--level", "strict"]) == 0


def test_entries_that_are_taken_back_end_with_1_and_what_is_away_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = shown(told())
    with served(server) as address:
        for words in (["mirror", address, str(tmp_path / "m")], ["watch", address, "--evidence", str(tmp_path / "e")]):
            turn(server, told())
            assert run([*words, "--once"]) == 0
            turn(server, told(), 10)
            assert run([*words, "--once"]) == 1
            assert "log-shrunk" in capsys.readouterr().err
            checkpoint = server.files.pop("checkpoint")
            assert run([*words, "--once"]) == 2
            server.files["checkpoint"] = checkpoint
    assert list(tmp_path.rglob("evidence-*")) == []
    assert run(["watch", "http://127.0.0.1:1/nothing", "--once"]) == 2
    assert run(["mirror", address, str(tmp_path / "m"), "--serve", "nowhere"]) == 64


def test_a_watch_holds_the_log_to_an_acknowledgement(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.ack").write_bytes(acknowledged(told(), 0))
    words = ["--once", "--acknowledgement", str(tmp_path / "a.ack"), "--evidence", str(tmp_path / "e")]
    with served(shown(told())) as address, served(shown(told(SWAPPED))) as other:
        assert run(["watch", address, *words]) == 0
        assert "in the log, entry" in capsys.readouterr().out
        assert run(["watch", other, "--once", "--acknowledgement", words[2], "--evidence", str(tmp_path / "f")]) == 3
    path = capsys.readouterr().out.strip().splitlines()[-1]
    assert run(["evidence", path]) == 0
    assert run(["evidence", path, "--key", KEYS[0].text(), "--key", BOX.verifier.text()]) == 0
    assert run(["evidence", path, "--key", KEYS[0].text()]) == 1


def test_somebody_elses_receipt_convicts_over_a_watch(tmp_path: Path) -> None:
    (tmp_path / "r.tlog-proof").write_bytes(receipt_of(told(), 0, 12))
    with served(shown(told(SWAPPED))) as address:
        words = ["watch", address, "--once", "--seen", str(tmp_path / "r.tlog-proof"), "--evidence", str(tmp_path / "e")]
        assert run(words) == 3


@pytest.mark.slow
def test_a_mirror_follows_serves_and_is_a_peer_until_it_is_stopped(tmp_path: Path) -> None:
    server = shown(told(), 9)
    with served(server) as address:
        words = ["mirror", address, str(tmp_path / "m"), "--period", "0.2", "--serve", "127.0.0.1:0"]
        command = [sys.executable, "-m", "veche.cli.main", *words]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as mirror:
            assert mirror.stderr is not None
            peer = _address(mirror.stderr.readline())
            turn(server, told())
            _until_kept(tmp_path / "m" / "checkpoint", server)
            turn(server, told(SWAPPED))
            assert run(["watch", peer, "--peer", address, "--once", "--evidence", str(tmp_path / "e")]) == 3
            assert mirror.wait(30) == 3
    assert run(["audit", str(tmp_path / "m"), "--level", "strict"]) == 0


@pytest.mark.slow
def test_a_mirror_is_stopped_by_ctrl_c(tmp_path: Path) -> None:
    server = shown(told())
    with served(server) as address:
        command = [sys.executable, "-m", "veche.cli.main", "mirror", address, str(tmp_path / "m"), "--period", "0.2"]
        with subprocess.Popen(command) as mirror:
            _until_kept(tmp_path / "m" / "checkpoint", server)
            os.kill(mirror.pid, signal.SIGINT)
            assert mirror.wait(30) == 0


def _address(line: str) -> str:
    found = re.search(r"http://\S+", line)
    assert found is not None, line
    return found[0]


def _until_kept(path: Path, server: Shown) -> None:
    end = time.monotonic() + 30
    while not path.exists() or path.read_bytes() != server.files["checkpoint"]:
        assert time.monotonic() < end
        time.sleep(0.05)
