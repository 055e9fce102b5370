"""A record over HTTP, from servers that are honest, broken, or lie: what an observer is told about each, and how soon."""

from __future__ import annotations

import subprocess
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.election.record_builder import Story
from tests.observer.live_server import lying
from tests.observer.served_record import HASTY, PATH, UUID, Shown, audited, record, refusal, send, served, summary
from veche.cli.main import run
from veche.crypto.errors import Inconsistent, Unsupported
from veche.observer.audit import audit
from veche.observer.board import board_of, read_sealed
from veche.observer.sources import open_source
from veche.observer.url_source import UrlSource, parse_address


def test_a_finished_election_stands_the_strict_audit_at_its_address(capsys: pytest.CaptureFixture[str]) -> None:
    with served(record()) as address:
        assert run(["audit", address, "--level", "strict"]) == 0
        assert run(["audit", address + "/", "--level", "strict", "--json"]) == 0
    assert '"verdict":"ok"' in capsys.readouterr().out


BARRED = """
import sys

class Barred:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ("fastapi", "starlette", "sqlalchemy", "httpx", "uvicorn"):
            raise ImportError(f"an observer has no {name}")

sys.meta_path.insert(0, Barred())
from veche.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


def test_an_audit_of_an_address_needs_no_package_of_the_server() -> None:
    with served(record()) as address:
        command = [sys.executable, "-c", BARRED, "audit", address, "--level", "strict"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr


def test_every_command_that_reads_a_record_takes_its_address(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    story = Story()
    ballot = story.events[1][1][0]
    (tmp_path / "ballot.json").write_bytes(ballot)
    with served(record(story)) as address:
        assert run(["verify-ballot", "--election", address, str(tmp_path / "ballot.json")]) == 0
        assert run(["voter", "track", address, str(tmp_path / "ballot.json")]) == 0
    assert "Your ballot is in the public record: event 1." in capsys.readouterr().out


def test_nothing_is_fetched_twice_and_setup_alone_without_the_ballots() -> None:
    shown = record()
    with served(shown) as address:
        source = UrlSource(address, HASTY)
        assert audit(source).verdict == "ok"
        board_of(source)
    assert shown.asked.count("archive.bel") == shown.asked.count("entries.jsonl") == 1
    shown = record()
    with served(shown) as address:
        read_sealed(address)
    assert "entries.jsonl" not in shown.asked


def test_an_older_copy_is_compared_with_the_record_at_an_address(tmp_path: Path) -> None:
    older = Story(until="EndBallots").write(tmp_path / "older")
    with served(record()) as address:
        assert run(["audit", address, "--against", str(older)]) == 0
        assert run(["audit", str(Story().write(tmp_path / "newer")), "--against", address]) == 0
    assert run(["audit", str(older), "--against", "http://nowhere"]) == 2


def test_a_strict_election_without_its_annexes_is_refuted() -> None:
    for missing in ("entries.jsonl", "manifest.json"):
        shown = record()
        del shown.files[missing]
        report = audited(shown)
        assert (report.verdict, report.codes()) == ("refuted", ("folder-form",)), missing
    shown = record()
    del shown.files[next(name for name in shown.files if name.startswith("data/"))]
    assert audited(shown).codes() == ("data-missing",)


def test_a_server_that_cuts_a_file_is_refuted_by_what_it_announced() -> None:
    for name in ("archive.bel", "entries.jsonl"):
        shown = record()
        shown.files[name] = shown.files[name][:-512]
        report = audited(shown)
        assert (report.verdict, report.codes(), report.exit_code) == ("refuted", ("record-cut",), 1), name


def test_a_server_that_cuts_a_file_and_its_summary_is_refuted_by_the_audit() -> None:
    shown = record()
    cut = shown.files["archive.bel"][:-512]
    shown.files |= {"archive.bel": cut, "": summary(cut, shown.files["entries.jsonl"])}
    assert audited(shown).exit_code == 1


def test_a_changed_byte_is_refuted() -> None:
    shown = record()
    middle = len(shown.files["archive.bel"]) // 2
    changed = bytearray(shown.files["archive.bel"])
    changed[middle] ^= 1
    shown.files["archive.bel"] = bytes(changed)
    assert audited(shown).exit_code == 1
    shown = record()
    name = next(name for name in shown.files if name.startswith("data/"))
    shown.files[name] += b" "
    assert audited(shown).codes() == ("data-hash",)


def test_the_entries_of_another_election_are_refuted() -> None:
    shown, other = record(), record(Story(until="EndBallots"))
    entries = other.files["entries.jsonl"]
    shown.files |= {"entries.jsonl": entries, "": summary(shown.files["archive.bel"], entries)}
    assert audited(shown).codes() == ("chain-differs",)
    shown = record()
    swapped = shown.files["entries.jsonl"].replace(UUID.encode(), b"4hVecheTestB11")
    shown.files["entries.jsonl"] = swapped
    report = audited(shown)
    assert (report.verdict, report.exit_code) == ("refuted", 1)


def test_a_summary_of_another_election_is_named() -> None:
    shown = record()
    shown.files[""] = summary(shown.files["archive.bel"], shown.files["entries.jsonl"], "4hVecheTestB11")
    error = refusal(shown)
    assert isinstance(error, Inconsistent)
    assert error.code == "other-election"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"election":"4hVecheTestA11","counts":{"archive_bytes":-1}}'])
def test_an_answer_that_is_no_summary_is_not_checked(body: bytes) -> None:
    shown = record()
    shown.files[""] = body
    error = refusal(shown)
    assert isinstance(error, Unsupported)
    assert error.code == "unreachable"


def test_a_record_that_grows_meanwhile_is_read_as_it_was() -> None:
    whole, early = record(), record(Story(until="ballot 2"))
    shown = Shown({**whole.files, "": early.files[""]})
    report = audited(shown, None)
    assert (report.verdict, report.state, report.counts["ballots"]) == ("ok", "open", 1)


def test_a_broken_connection_is_taken_up_again_where_it_broke() -> None:
    shown = record()
    content = shown.files["archive.bel"]
    starts: list[int] = []

    def odd(reader: BaseHTTPRequestHandler, name: str) -> bool:
        if name != "archive.bel":
            return False
        start, end = (int(one) for one in reader.headers["Range"].removeprefix("bytes=").split("-"))
        starts.append(start)
        reader.send_response(206)
        reader.send_header("Content-Range", f"bytes {start}-{end}/{len(content)}")
        reader.send_header("Content-Length", str(end + 1 - start))
        reader.end_headers()
        reader.wfile.write(content[start : min(end + 1, start + len(content) // 3)])
        return True

    shown.odd = odd
    assert audited(shown).verdict == "ok"
    assert len(starts) >= 3
    assert starts == sorted(set(starts))


def test_a_server_without_parts_is_read_whole() -> None:
    shown = record()

    def odd(reader: BaseHTTPRequestHandler, name: str) -> bool:
        if name in shown.files:
            send(reader, 200, shown.files[name] + b"later")
        return name in shown.files

    # What stands behind the announced length was appended later; but manifest and data do not grow.
    shown.odd = lambda reader, name: name.endswith((".bel", ".jsonl")) and odd(reader, name)
    assert audited(shown).verdict == "ok"


def test_a_lie_that_shows_at_once_gives_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    shown = record()
    shown.files[""] = summary(b"", b"", "4hVecheTestB11")
    with served(shown) as address:
        assert run(["audit", address, "--json"]) == 1
    assert '"code":"other-election"' in capsys.readouterr().out


def test_a_move_within_the_same_host_is_followed() -> None:
    shown = record()

    def odd(reader: BaseHTTPRequestHandler, name: str) -> bool:
        if reader.path.startswith("/old"):
            send(reader, 301, b"", {"Location": reader.path.removeprefix("/old")})
        return reader.path.startswith("/old")

    shown.odd = odd
    with lying(shown) as address:
        assert audit(UrlSource(address + "/old" + PATH, HASTY)).verdict == "ok"


@pytest.mark.parametrize(
    "wrong",
    [
        "http://",
        "http://host",
        "http://host/observer/elections",
        "http://host/observer/elections/short",
        "http://host:99999/observer/elections/4hVecheTestA11",
        "http://host:x/observer/elections/4hVecheTestA11",
        "http://user:secret@host/observer/elections/4hVecheTestA11",
        "http://host/observer/elections/4hVecheTestA11?x",
        "http://host/a b/4hVecheTestA11",
        "http://host/a\r\nHost: b/4hVecheTestA11",
        "http://[::1/observer/elections/4hVecheTestA11",
        "http:///observer/elections/4hVecheTestA11",
    ],
)
def test_what_is_no_election_address_is_refused_before_anything_is_asked(wrong: str) -> None:
    with pytest.raises(Unsupported) as refused:
        open_source(wrong)
    assert refused.value.code == "election-address"
    assert "secret" not in refused.value.message


def test_an_address_may_end_in_a_slash_and_name_an_ipv6_host() -> None:
    assert parse_address("https://[::1]:8000/observer/elections/4hVecheTestA11/") == (
        "https://[::1]:8000/observer/elections/4hVecheTestA11",
        UUID,
    )
