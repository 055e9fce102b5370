"""A real `veche serve --demo` in its own process, for tests that click."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE = 240.0


@dataclass(frozen=True, slots=True)
class Demonstration:
    """The server's address, its folder, and what demo.json says: `elections` with `codes` and keys, and the accounts."""

    address: str
    folder: Path
    described: Mapping[str, Any]

    def contest(self, state: str) -> Mapping[str, Any]:
        """The contest that was in this state when the demonstration was ready: certified, open or sealed."""
        return next(one for one in self.described["elections"] if one["state"] == state)

    def record(self, uuid: str) -> str:
        return f"{self.address}/observer/elections/{uuid}"


@contextmanager
def demonstration(folder: Path, **settings: str) -> Iterator[Demonstration]:
    """The demonstration, from when everything in it can be tried until it is asked to stop. `settings`: environment variables."""
    printed = folder / "printed"
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "veche.cli.main", "serve", "--demo", "--port", "0", "--data", str(folder / "data")]
    environment = {**os.environ, **settings}
    with printed.open("w") as stream, subprocess.Popen(command, stderr=stream, stdout=stream, env=environment) as process:
        try:
            until = time.monotonic() + PATIENCE
            while "to play every role" not in printed.read_text():
                assert process.poll() is None and time.monotonic() < until, printed.read_text()
                time.sleep(0.2)
            described = json.loads((folder / "data" / "demo.json").read_text())
            yield Demonstration(described["base_url"], folder, described)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, printed.read_text()
