"""The trustee's tool and a server it trusts with nothing: invitations, bounded answers, and no token where it does not belong.

Whole ceremonies and dishonest servers are in tests/service: `test_trustee_over_http`, `test_lying_server`.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path

import pytest

from veche.cli import web_requests
from veche.cli.invitation import VARIABLE, parse_invitation
from veche.cli.main import run
from veche.cli.trustee_server import ServerMessages, TrusteeServer
from veche.cli.web_requests import WebRequests
from veche.crypto.errors import ElectionError

TOKEN = "Zm9yLXRydXN0ZWUtdGVzdHMtb25seS0wMTIzNDU2Nzg5"

Answering = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def answering(answer: Answering) -> Iterator[str]:
    """A server that answers every request so; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        do_PUT = do_GET  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            _ = arguments

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web.daemon_threads = True
    threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{web.server_port}"
    finally:
        web.shutdown()
        web.server_close()


def body(status: int, content: bytes, length: int | None = None) -> Answering:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(len(content) if length is None else length))
        request.end_headers()
        request.wfile.write(content)

    return answer


def refusal(step: Callable[[], object]) -> ElectionError:
    with pytest.raises(ElectionError) as refused:
        step()
    assert TOKEN not in str(refused.value)
    assert TOKEN not in repr(refused.value)
    return refused.value


# --- invitations ---


@pytest.mark.parametrize(
    ("written", "server", "campaign"),
    [
        (f"https://vote.example/trustee/budget#{TOKEN}", "https://vote.example", "budget"),
        (f" https://vote.example:8443/trustee/budget-2026/#{TOKEN}\n", "https://vote.example:8443", "budget-2026"),
        (f"https://town.example/vote/trustee/b.1#{TOKEN}", "https://town.example/vote", "b.1"),
        (f"http://127.0.0.1:8000/trustee/budget#{TOKEN}", "http://127.0.0.1:8000", "budget"),
        (f"http://[::1]:8000/trustee/budget#{TOKEN}", "http://[::1]:8000", "budget"),
    ],
)
def test_an_invitation_is_read(written: str, server: str, campaign: str) -> None:
    found = parse_invitation(written)
    assert (found.server, found.campaign, found.token) == (server, campaign, TOKEN)
    assert TOKEN not in repr(found)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("https://vote.example/trustee/budget", "invitation-malformed"),
        ("https://vote.example/trustee/budget#short", "invitation-malformed"),
        (f"https://vote.example/trustee/budget#{TOKEN} x", "invitation-malformed"),
        (f"https://vote.example/trustee/budget?token={TOKEN}", "invitation-malformed"),
        (f"https://vote.example/trustee/budget?a=b#{TOKEN}", "invitation-malformed"),
        (f"https://vote.example/trustee/#{TOKEN}", "invitation-malformed"),
        (f"https://vote.example/registrar/budget#{TOKEN}", "invitation-malformed"),
        (f"https://me@vote.example/trustee/budget#{TOKEN}", "invitation-malformed"),
        (f"https://vote.example:99999/trustee/budget#{TOKEN}", "invitation-malformed"),
        (f"https://[::1/trustee/budget#{TOKEN}", "invitation-malformed"),
        (f"ftp://vote.example/trustee/budget#{TOKEN}", "invitation-malformed"),
        (f"/trustee/budget#{TOKEN}", "invitation-malformed"),
        (f"http://vote.example/trustee/budget#{TOKEN}", "not-private"),
        (TOKEN, "invitation-malformed"),
        ("", "invitation-malformed"),
    ],
)
def test_what_is_no_invitation_is_refused_without_being_repeated(written: str, code: str) -> None:
    assert refusal(lambda: parse_invitation(written)).code == code


# --- requests ---


def test_an_answer_is_bounded_in_size() -> None:
    with answering(body(200, b"x" * 2001)) as url:
        assert refusal(lambda: WebRequests(url, TOKEN).get("/a", 2000)).code == "answer-too-large"
        assert WebRequests(url, TOKEN).get("/a", 2001).body == b"x" * 2001


def test_an_answer_is_bounded_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        for _ in range(100):
            try:
                request.wfile.write(b"x")
                request.wfile.flush()
            except OSError:
                return
            time.sleep(0.1)

    def silence(_: BaseHTTPRequestHandler) -> None:
        time.sleep(3)

    begun = time.monotonic()
    with answering(drip) as url:
        assert refusal(lambda: WebRequests(url, TOKEN).get("/a", 2000, seconds=0.5)).code == "unreachable"
    monkeypatch.setattr(web_requests, "SECONDS", 0.5)
    with answering(silence) as url:
        assert refusal(lambda: WebRequests(url, TOKEN).get("/a", 2000)).code == "unreachable"
    assert time.monotonic() - begun < 15


def test_an_answer_that_is_cut_short_is_none() -> None:
    with answering(body(200, b"x" * 10, 20)) as url:
        assert refusal(lambda: WebRequests(url, TOKEN).get("/a", 2000)).code == "unreachable"


def test_a_server_that_is_not_there_or_in_trouble_can_be_asked_again() -> None:
    assert refusal(lambda: WebRequests("http://127.0.0.1:1", TOKEN).get("/a", 10)).code == "unreachable"
    for status in (429, 500, 502, 503):
        with answering(body(status, b"{}")) as url:
            assert refusal(lambda url=url: WebRequests(url, TOKEN).get("/a", 10)).code == "unreachable"  # type: ignore[misc]


def test_a_refusal_is_told_in_the_servers_words_and_never_commands_the_terminal() -> None:
    with answering(body(409, b'{"code":"too-late","detail":"the time is over"}')) as url:
        told = refusal(lambda: WebRequests(url, TOKEN).send("PUT", "/a", b""))
        assert (told.code, told.message) == ("too-late", "the server says: the time is over")
    for nonsense in (b"<html>", b"[]", b'{"code":1}', b"\xff", b"[" * 60_000):
        with answering(body(403, nonsense)) as url:
            assert refusal(lambda url=url: WebRequests(url, TOKEN).get("/a", 10)).code == "server-refused"  # type: ignore[misc]
    escape = b'{"code":"x\\u001b[2J","detail":"\\u001b]0;owned\\u0007"}'
    with answering(body(409, escape)) as url:
        said = StringIO()
        with redirect_stderr(said):
            assert run(["trustee", "reveal", "--private", "/nowhere", "--server", f"{url}/trustee/budget#{TOKEN}"]) in (1, 2)
        assert "\x1b" not in said.getvalue()


def test_what_is_missing_is_none_when_asked_for_and_a_refusal_when_sent() -> None:
    with answering(body(404, b'{"code":"message-name","detail":"no such"}')) as url:
        server = TrusteeServer(parse_invitation(f"{url}/trustee/budget#{TOKEN}"))
        assert server.read_message("key-1.json") is None
        assert refusal(lambda: server.put_message("key-1.json", "{}")).code == "message-name"


def test_a_redirect_is_not_followed() -> None:
    seen: list[str] = []

    def elsewhere(request: BaseHTTPRequestHandler) -> None:
        seen.append(request.path)
        body(200, b"{}")(request)

    with answering(elsewhere) as target:

        def redirect(request: BaseHTTPRequestHandler) -> None:
            request.send_response(307)
            request.send_header("Location", target + "/taken")
            request.send_header("Content-Length", "0")
            request.end_headers()

        with answering(redirect) as url:
            assert refusal(lambda: WebRequests(url, TOKEN).get("/a", 10)).code == "redirected"
            assert refusal(lambda: WebRequests(url, TOKEN).send("PUT", "/a", b"x")).code == "redirected"
    assert seen == []


@pytest.mark.parametrize(
    "answer",
    [
        b"[]", b"{}", b'{"run":0,"status":"running","place":1,"names":[],"ended":null}', b"nonsense",
        b'{"run":1,"status":"running","place":1,"names":["../../x.json"],"ended":null}',
        b'{"run":1,"status":"running","place":1,"names":[],"ended":null,"point":"00"}',
    ],
)  # fmt: skip
def test_an_answer_that_is_not_understood_is_none(answer: bytes) -> None:
    with answering(body(200, answer)) as url:
        server = TrusteeServer(parse_invitation(f"{url}/trustee/budget#{TOKEN}"))
        assert refusal(lambda: list(ServerMessages(server).names())).code == "server-malformed"


def test_a_name_of_the_servers_never_becomes_a_path() -> None:
    server = TrusteeServer(parse_invitation(f"http://127.0.0.1:1/trustee/budget#{TOKEN}"))
    for name in ("../../other", "a b.json", "key-1.json?x", "key-1.json#x", ""):
        assert refusal(lambda name=name: server.read_message(name)).code == "ceremony-file"  # type: ignore[misc]
    for uuid in ("../x", "0" * 14, "short", "1" * 65, "11111111111111/shares"):
        assert refusal(lambda uuid=uuid: server.manifest(uuid)).code == "wrong-uuid"  # type: ignore[misc]


# --- options ---


def test_the_invitation_comes_from_an_option_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str | None]] = []

    def note(request: BaseHTTPRequestHandler) -> None:
        asked.append((request.path, request.headers.get("Authorization")))
        body(403, b'{"code":"not-allowed","detail":"no"}')(request)

    with answering(note) as url:
        link, file = f"{url}/trustee/budget#{TOKEN}", tmp_path / "link"
        file.write_text(link + "\n")
        command = ["trustee", "certificate", "--private", str(tmp_path / "private"), "--place", "1/2/3"]
        assert run([*command, "--server", link]) == 1
        assert run([*command, "--server-file", str(file)]) == 1
        assert run(command) == 64
        monkeypatch.setenv(VARIABLE, link)
        assert run(command) == 1
        assert len(asked) == 3
        # A folder that is named wins over what stands in the environment.
        assert run([*command, "--folder", str(tmp_path)]) == 0
        assert len(asked) == 3
    assert {bearer for _, bearer in asked} == {f"Bearer {TOKEN}"}
    assert all(TOKEN not in path for path, _ in asked)
    assert run([*command, "--server", link, "--server-file", str(file)]) == 64
    assert run([*command, "--server", link, "--folder", str(tmp_path)]) == 64


def test_no_message_of_any_command_holds_the_token(tmp_path: Path) -> None:
    link = f"http://127.0.0.1:1/trustee/budget#{TOKEN}"
    for command, more in (
        ("certificate", ["--place", "1/2/3"]), ("commit", []), ("confirm", []), ("take-part", ["--wait", "0"]), ("drill", []),
        ("roll-call", []), ("share", []),
    ):  # fmt: skip
        said = StringIO()
        with redirect_stderr(said), redirect_stdout(said):
            assert run(["trustee", command, "--private", str(tmp_path), "--server", link, *more]) in (1, 2)
        assert said.getvalue()
        assert TOKEN not in said.getvalue()


def test_the_trustees_tool_needs_nothing_of_the_server() -> None:
    forbidden = ("fastapi", "sqlalchemy", "pydantic", "uvicorn", "structlog", "alembic", "starlette")
    modules = ("trustee", "trustee_take_part", "trustee_at_server", "trustee_server")
    code = "import sys\n" + "".join(f"import veche.cli.{name}\n" for name in modules)
    code += f"sys.exit(', '.join(name for name in {forbidden} if name in sys.modules) or 0)\n"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert (found.returncode, found.stderr) == (0, "")
