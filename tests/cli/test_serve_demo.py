"""`veche serve --demo`: what `make run` shows a person who has just installed Veche, walked through as that person would."""

from __future__ import annotations

import json
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from veche.cli.main import FINE, run

PATIENCE = 180.0
FORM = {"go": "now"}
"""A browser says what kind of body it sends, also with an empty form."""
pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Shown:
    """The block of addresses that the command prints."""

    vote: str
    watch: str
    count: str
    verify: str
    audit: str

    @classmethod
    def of(cls, printed: str) -> Shown:
        forms = [rf"  {name} +(\S+)" for name in ("vote", "watch", "count now", "verify")]
        forms.append(r" +veche audit (\S+) --level strict")
        found = [re.search(f"^{form}$", printed, re.M) for form in forms]
        assert None not in found, printed
        return cls(*(match[1] for match in found if match is not None))


@contextmanager
def demonstration(data: Path, printed: Path) -> Iterator[Shown]:
    """The command at work, from when it has printed its block until it is asked to stop."""
    command = [sys.executable, "-m", "veche.cli.main", "serve", "--demo", "--port", "0", "--data", str(data)]
    with printed.open("w") as stream, subprocess.Popen(command, stderr=stream, stdout=stream) as process:
        try:
            until = time.monotonic() + PATIENCE
            while "to play every role" not in printed.read_text():
                assert process.poll() is None and time.monotonic() < until, printed.read_text()
                time.sleep(0.2)
            yield Shown.of(printed.read_text())
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, printed.read_text()


def test_the_block_of_links_works_without_an_account(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    with demonstration(data, tmp_path / "printed") as shown, httpx.Client(timeout=30) as web:
        assert "rehearsal" in web.get(shown.vote).text
        assert "Have voted" in web.get(shown.watch).text
        assert "Certified result" in web.get(shown.verify).text
        assert run(["audit", shown.audit, "--level", "strict"]) == FINE
        election = shown.audit.rpartition("/")[0] + "/" + shown.watch.rpartition("/")[2]
        vote_with_live_code(tmp_path, shown.vote.partition("#")[2], election)
        assert web.get(election).json()["ballots"] == 10
        described = json.loads((data / "demo.json").read_text())
        assert stat.S_IMODE((data / "demo.json").stat().st_mode) == 0o600
        assert [one["state"] for one in described["elections"]] == ["certified", "open", "sealed"]
        assert all(len(one["codes"]) == 20 and len(one["trustee_keys"]) == 3 for one in described["elections"])
        count_now(web, shown, election)
        capsys.readouterr()
        assert run(["audit", election, "--level", "strict", "--json"]) == FINE
        steps = json.loads(capsys.readouterr().out)["steps"]
        assert [one["checked"] for one in steps if one["code"] == "log-root"] == [1]
    with demonstration(data, tmp_path / "again") as later, httpx.Client(timeout=30) as web:
        assert later.watch.rpartition("/")[2] == shown.watch.rpartition("/")[2]
        assert "Certified result" in web.get(later.watch).text
    capsys.readouterr()


def vote_with_live_code(folder: Path, code: str, election: str) -> None:
    """What the page of the link tells a voter to do; the code works at once."""
    (folder / "code").write_text(code)
    ballot = folder / "ballot.json"
    code_file = ["--code-file", str(folder / "code")]
    assert run(["voter", "encrypt", "--election", election, *code_file, "--choose", "1", "--cast", str(ballot)]) == FINE
    assert run(["voter", "send", str(ballot), "--election", election]) == FINE
    # A second time changes nothing, and the acknowledgement is the same.
    kept = (folder / "ballot.json.ack").read_bytes()
    assert run(["voter", "send", str(ballot), "--election", election]) == FINE
    assert (folder / "ballot.json.ack").read_bytes() == kept


def count_now(web: httpx.Client, shown: Shown, election: str) -> None:
    """The button ends the vote; registrar, trustees and the audit do the rest by themselves."""
    origin = shown.count.partition("/demo")[0]
    assert "End the vote and count" in web.get(shown.count).text
    assert web.post(shown.count, data=FORM).status_code == 403
    answer = web.post(shown.count, data=FORM, headers={"Origin": origin})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/observe/{election.rpartition('/')[2]}")
    until = time.monotonic() + PATIENCE
    while web.get(election).json()["state"] != "certified":
        assert time.monotonic() < until
        time.sleep(0.5)
    assert run(["audit", election, "--level", "strict"]) == FINE
    assert web.post(shown.count, data=FORM, headers={"Origin": origin}).status_code == 409


def test_a_server_without_demo_has_no_button_and_moves_no_clock(tmp_path: Path) -> None:
    from starlette.testclient import TestClient

    from veche.service.application import create_application
    from veche.service.server import open_server
    from veche.service.settings import Settings

    server = open_server(Settings(data=tmp_path / "data", checkers=1, worker=False))
    with TestClient(create_application(server)) as web:
        assert web.get("/demo/count/11111111111111").status_code == 404
        assert web.post("/demo/count/11111111111111").status_code == 404
