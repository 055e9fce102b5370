"""Witnesses for tests: in a thread of the test, and in a process of their own as people run them.

As a program it is a witness that dies by SIGKILL between storing a checkpoint and answering.
"""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from veche.crypto.scalar import system_randomness
from veche.crypto.signed_note import VerifierKey, parse_verifier_key
from veche.ledger.checkpoint import Checkpoint
from veche.ledger.submission import Cosigned
from veche.observer.witness import DATABASE, EVIDENCE, KEY, Witness, make_witness, open_witness
from veche.observer.witness_server import WitnessServer
from veche.observer.witness_store import WitnessStore

NAME = "witness.example/ours"
_ADDRESS = re.compile(r"^  address +(http://\S+)$", re.MULTILINE)
__all__ = ["DATABASE", "EVIDENCE", "KEY"]


@dataclass(frozen=True)
class Answer:
    """What a witness said."""

    status: int
    kind: str
    body: bytes


def ask(url: str, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
    """One request, as whoever writes a log would send it."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return Answer(response.status, response.headers.get("Content-Type", ""), response.read())
    finally:
        connection.close()


def submit(url: str, body: bytes) -> Answer:
    return ask(url, "POST", "/add-checkpoint", body)


def body_of(old: int, proof: list[bytes], checkpoint: bytes) -> bytes:
    """A request, written without our own code, so that a wrong one can be written too."""
    return b"".join([b"old %d\n" % old, *(b64encode(one) + b"\n" for one in proof), b"\n", checkpoint])


def new_witness(folder: Path, *keys: VerifierKey) -> VerifierKey:
    """A witness that knows a log by these keys; the witness's own key."""
    made = make_witness(folder, NAME, system_randomness)
    if keys:
        open_witness(folder, time.time).store.add_log(keys)
    return made


@contextmanager
def in_thread(folder: Path, host: str = "127.0.0.1") -> Iterator[WitnessServer]:
    """The witness in `folder` answers while the block runs."""
    with WitnessServer(host, 0, open_witness(folder, time.time)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(10)


@contextmanager
def in_process(folder: Path, *command: str) -> Iterator[tuple[subprocess.Popen[bytes], str, VerifierKey]]:
    """The same in a process: `veche witness serve`, or another command; with its address and public key."""
    log = folder / f"witness-{time.monotonic_ns()}.log"
    given = command or (sys.executable, "-m", "veche.cli.main", "witness", "serve", str(folder), "--port", "0")
    with log.open("wb") as stream:
        process = subprocess.Popen(given, stderr=stream)
    try:
        end = time.monotonic() + 30
        while (found := _ADDRESS.search(log.read_text())) is None and time.monotonic() < end and process.poll() is None:
            time.sleep(0.02)
        if found is None:
            raise RuntimeError(f"the witness did not start: {log.read_text()}")
        yield process, found[1], parse_verifier_key(log.read_text().split("\n")[0].removeprefix("Witness "))
    finally:
        process.kill()
        process.wait(10)


class DyingStore(WitnessStore):
    """What it stores is stored, and nobody hears of it."""

    def advance(self, before: Cosigned, checkpoint: Checkpoint, note: bytes) -> None:
        super().advance(before, checkpoint, note)
        os.kill(os.getpid(), signal.SIGKILL)


def main(folder: Path) -> None:
    whole = open_witness(folder, time.time)
    dying = Witness(DyingStore(folder / DATABASE), whole.signer, folder / EVIDENCE, time.time)
    with WitnessServer("127.0.0.1", 0, dying) as server:
        print(f"Witness {whole.signer.verifier.text()}\n  address  {server.url}", file=sys.stderr, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
