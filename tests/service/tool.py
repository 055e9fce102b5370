"""A trustee with the command line tool, a private folder and an invitation."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from veche.cli.main import run
from veche.cli.trustee_ceremony import CERTIFICATE
from veche.crypto.certificate import Certificate, list_hash
from veche.observer.durable_files import read_line, write_new

HASTE = ("--every", "0.1", "--wait", "0.05")


@dataclass(slots=True)
class Tool:
    """`place` of three; whatever the tool says must not hold the token."""

    place: int
    private: Path
    campaign: str
    token: str

    def link(self, url: str) -> str:
        return f"{url}/trustee/{self.campaign}#{self.token}"

    @property
    def heard(self) -> Path:
        """What this trustee heard another one read: the hash of all certificates."""
        return self.private.with_name(f"{self.private.name}-heard")

    def run(self, url: str, command: str, *more: str) -> int:
        return run(["trustee", command, "--private", str(self.private), "--server", self.link(url), *more])

    def says(self, url: str, command: str, *more: str) -> tuple[int, str]:
        """Exit code and everything that was printed."""
        said = StringIO()
        with redirect_stderr(said), redirect_stdout(said):
            code = self.run(url, command, *more)
        assert self.token not in said.getvalue()
        return code, said.getvalue()

    def refused(self, url: str, command: str, *more: str) -> str:
        """The code with which the tool says no; its journal is as it was."""
        before = self.journal
        code, said = self.says(url, command, *more)
        assert code == 1, said
        assert self.journal == before
        return said.rsplit("[", 1)[1].rstrip("]\n")

    @property
    def journal(self) -> bytes:
        path = self.private / "trustee.key.journal"
        return path.read_bytes() if path.exists() else b""


def take_part(url: str, tools: Sequence[Tool]) -> list[int]:
    """All take part at the same time, and hear from outside which certificates the others made; their exit codes."""
    # Typer sets this variable while it reads a command and deletes it afterwards, unless it was set: in threads that fails.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    with ThreadPoolExecutor(len(tools)) as pool:
        going = [
            pool.submit(one.run, url, "take-part", "--place", f"{one.place}/2/3", *HASTE, "--heard-file", str(one.heard))
            for one in tools
        ]
        read_aloud(tools)
        return [one.result(180) for one in going]


def read_aloud(tools: Sequence[Tool]) -> None:
    """Each has heard the hash of the certificates that these trustees have really made, whatever the server shows."""
    made, until = [one.private / CERTIFICATE for one in tools], time.monotonic() + 60
    while not all(path.exists() and path.stat().st_size for path in made) and time.monotonic() < until:
        time.sleep(0.05)
    spoken = list_hash([Certificate.parse(read_line(path)) for path in made]).hex()
    for one in tools:
        if not one.heard.exists():
            write_new(one.heard, spoken.encode("ascii"))
