"""Towns whose policy names a witness, submissions that a test steps through, and witnesses that answer as they are told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.observer.witness_process import NAME
from tests.service.hand_clock import HandClock
from tests.service.town import ServedTown, draft, plan
from veche.crypto.signed_note import VerifierKey
from veche.ledger.policy import policy_of_manifest, verify_policy
from veche.observer.witness import open_witness
from veche.service.server import Server
from veche.service.witness_submission import WitnessSubmission


def policy(key: VerifierKey) -> str:
    return f"witness one {key.text()}\nquorum one\n"


def town_with(server: Server, clock: HandClock, tmp_path: Path, folder: Path, key: VerifierKey) -> ServedTown:
    """An election whose policy names the witness, which knows its log; the first checkpoint is signed."""
    town = draft(server, clock, tmp_path / "town", {**plan(6, clock.now()), "policy": policy(key)})
    assert town.manifest.log is not None
    open_witness(folder, time.time).store.add_log(town.manifest.log.keys)
    server.sequencer.sequence(town.uuid)
    return town


def submission(town: ServedTown, url: str, clock: Callable[[], float] = time.monotonic) -> WitnessSubmission:
    """One that has not begun: a test takes its steps."""
    made = WitnessSubmission(town.server.sequencer, town.server.storage.root, {NAME: url}, clock)
    made.told(town.uuid)
    return made


def confirmed(town: ServedTown) -> int:
    """How many witnesses of the policy stand under the served checkpoint, whatever the quorum asks."""
    newest, known = town.server.sequencer.newest(town.uuid), town.manifest.log
    assert newest is not None
    assert known is not None
    return len(verify_policy(replace(policy_of_manifest(known), quorum=None), newest).witnesses)


def code(made: WitnessSubmission) -> str:
    (standing,) = made.standings()
    return standing.code


@contextmanager
def answering(
    respond: Callable[[BaseHTTPRequestHandler], None], show: Callable[[BaseHTTPRequestHandler], None] | None = None
) -> Iterator[str]:
    """A witness that answers as `respond` says, and the call for its newest checkpoint as `show`, which not every one has."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            respond(self)

        def do_GET(self) -> None:
            (show or saying(501, b""))(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing: the parameter's name is the library's."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}"
        finally:
            listening.shutdown()
            thread.join()


def saying(status: int, body: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    def respond(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return respond


@contextmanager
def at_server(server: Server, addresses: dict[str, str]) -> Iterator[WitnessSubmission]:
    """The threads run, as in a server with this setting."""
    made = WitnessSubmission(server.sequencer, server.storage.root, addresses)
    made.start()
    try:
        yield made
    finally:
        made.stop()
        assert not any(thread.name.startswith("witness ") for thread in threading.enumerate())


def wait_for(ready: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.02)
