"""Servers that hang, drip, never end, or send their readers away: one hears so soon, and nothing is said about the record."""

from __future__ import annotations

import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest

from tests.observer.live_server import lying
from tests.observer.served_record import HASTY, PATH, audited, record, send
from veche.cli.main import run
from veche.crypto.errors import Unsupported
from veche.observer.url_source import UrlSource


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
