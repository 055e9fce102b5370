"""A record over HTTP, from servers that are honest, broken, or lie: what an observer is told about each, and how soon."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.election.record_builder import Story
from tests.observer.live_server import lying
from veche.cli.main import run
from veche.crypto.canonical_json import encode
from veche.crypto.errors import ElectionError, Inconsistent, Unsupported
from veche.observer.audit import audit
from veche.observer.board import board_of, read_sealed
from veche.observer.downloading import Patience
from veche.observer.report import Report
from veche.observer.sources import open_source
from veche.observer.url_source import UrlSource, parse_address

UUID = "4hVecheTestA11"
PATH = f"/observer/elections/{UUID}"
HASTY = Patience(seconds=0.5, tries=2, pause=0.01, slowest=1_000_000)


@dataclass(slots=True)
class Shown:
    """What a server has, by name below the election; the empty name is the summary. `asked` is every request's name."""

    files: dict[str, bytes]
    asked: list[str] = field(default_factory=list)
    odd: Callable[[BaseHTTPRequestHandler, str], bool] = lambda _, __: False

    def __call__(self, reader: BaseHTTPRequestHandler) -> None:
        name = reader.path.removeprefix(PATH).removeprefix("/")
        self.asked.append(name)
        if self.odd(reader, name):
            return
        content = self.files.get(name)
        if content is None or not reader.path.startswith(PATH):
            send(reader, 404, b"{}")
            return
        part = re.fullmatch(r"bytes=(\d+)-(\d+)", reader.headers.get("Range", ""))
        if part is None:
            send(reader, 200, content)
        elif int(part[1]) >= len(content):
            send(reader, 416, b"{}", {"Content-Range": f"bytes */{len(content)}"})
        else:
            start, end = int(part[1]), min(int(part[2]) + 1, len(content))
            send(reader, 206, content[start:end], {"Content-Range": f"bytes {start}-{end - 1}/{len(content)}"})


def send(reader: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
    reader.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
        reader.send_header(name, value)
    reader.end_headers()
    reader.wfile.write(body)


def summary(archive: bytes, entries: bytes, uuid: str = UUID) -> bytes:
    return encode({"election": uuid, "counts": {"archive_bytes": len(archive), "entry_bytes": len(entries)}})


def record(story: Story | None = None) -> Shown:
    """A finished election at level strict, or as the story tells it."""
    told = story or Story()
    entries = b"".join(entry + b"\n" for entry in told.entries)
    data = {f"data/{digest[:2]}/{digest}": content for digest, content in told.data.items()}
    files = {"": summary(told.archive, entries), "archive.bel": told.archive, "entries.jsonl": entries}
    return Shown({**files, "manifest.json": told.manifest_text, **data})


@contextmanager
def served(shown: Shown) -> Iterator[str]:
    with lying(shown) as address:
        yield address + PATH


def audited(shown: Shown, level: str | None = "strict") -> Report:
    with served(shown) as address:
        return audit(UrlSource(address, HASTY), level=level)


def refusal(shown: Shown) -> ElectionError:
    with served(shown) as address, pytest.raises(ElectionError) as refused:
        board_of(UrlSource(address, HASTY))
    return refused.value


def test_a_finished_election_stands_the_strict_audit_at_its_address(capsys: pytest.CaptureFixture[str]) -> None:
    with served(record()) as address:
        assert run(["audit", address, "--level", "strict"]) == 0
        assert run(["audit", address + "/", "--level", "strict", "--json"]) == 0
    assert '"verdict":"ok"' in capsys.readouterr().out


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


def hanging(reader: BaseHTTPRequestHandler) -> None:
    time.sleep(5)


def endless(reader: BaseHTTPRequestHandler) -> None:
    reader.send_response(200)
    reader.end_headers()
    while True:
        reader.wfile.write(b" " * 65536)


def dripping(reader: BaseHTTPRequestHandler) -> None:
    reader.send_response(200)
    reader.send_header("Content-Length", "1000000")
    reader.end_headers()
    while True:
        reader.wfile.write(b" ")
        time.sleep(0.1)


def dripping_headers(reader: BaseHTTPRequestHandler) -> None:
    reader.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        reader.wfile.write(b"X-A: b\r\n")
        reader.wfile.flush()
        time.sleep(0.1)


def going_on(reader: BaseHTTPRequestHandler) -> None:
    while True:
        reader.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.05)


def no_http(reader: BaseHTTPRequestHandler) -> None:
    reader.wfile.write(b"220 mail.example ESMTP\r\n")


def failing(reader: BaseHTTPRequestHandler) -> None:
    send(reader, 500, b"")


def busy(reader: BaseHTTPRequestHandler) -> None:
    send(reader, 503, b"", {"Retry-After": "0"})


def elsewhere(reader: BaseHTTPRequestHandler) -> None:
    send(reader, 302, b"", {"Location": "http://192.0.2.1/observer/elections/4hVecheTestA11"})


def round_and_round(reader: BaseHTTPRequestHandler) -> None:
    send(reader, 307, b"", {"Location": reader.path})


def nothing(reader: BaseHTTPRequestHandler) -> None:
    send(reader, 404, b"{}")


@pytest.mark.parametrize(
    "answer",
    [hanging, endless, dripping, dripping_headers, going_on, no_http, failing, busy, elsewhere, round_and_round, nothing],
    ids=lambda answer: answer.__name__,
)
def test_a_server_that_does_not_answer_is_named_soon_and_nothing_is_said_about_the_record(
    answer: Callable[[BaseHTTPRequestHandler], None],
) -> None:
    began = time.monotonic()
    with lying(answer) as address, pytest.raises(Unsupported) as refused:
        UrlSource(address + PATH, HASTY)
    assert refused.value.code == "unreachable"
    assert address + PATH in refused.value.message
    # Far below what the server would take; the machine may be busy.
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("answer", [hanging, endless, dripping], ids=lambda answer: answer.__name__)
def test_a_file_that_hangs_or_never_ends_ends_the_audit(answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
    for name in ("archive.bel", "manifest.json"):
        shown = record()

        def odd(reader: BaseHTTPRequestHandler, asked: str, name: str = name) -> bool:
            if asked == name:
                answer(reader)
            return asked == name

        shown.odd = odd
        report = audited(shown)
        if answer is endless:
            # Too long a manifest is refuted; of an archive only the announced part is read, and what came is no archive.
            assert report.exit_code == (1 if name == "manifest.json" else 2), name
        else:
            assert (report.verdict, report.codes()) == ("unchecked", ("unreachable",)), name


def test_nobody_there_is_unreachable() -> None:
    with lying(nothing) as address:
        pass
    with pytest.raises(Unsupported) as refused:
        UrlSource(address + PATH, HASTY)
    assert refused.value.code == "unreachable"


def test_an_unreachable_server_gives_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with lying(nothing) as address:
        assert run(["audit", address + PATH, "--json"]) == 2
        assert '"code":"unreachable"' in capsys.readouterr().out
        assert run(["verify-ballot", "--election", address + PATH, "x"]) == 2
        assert run(["voter", "track", address + PATH, "0" * 64]) == 2


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
