"""A trustee with the command line tool, a private folder and an invitation."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from veche.cli.main import run


@dataclass(slots=True)
class Tool:
    """`place` of three; whatever the tool says must not hold the token."""

    place: int
    private: Path
    campaign: str
    token: str

    def link(self, url: str) -> str:
        return f"{url}/trustee/{self.campaign}#{self.token}"

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
    """All take part at the same time; their exit codes."""
    # Typer sets this variable while it reads a command and deletes it afterwards, unless it was set: in threads that fails.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    with ThreadPoolExecutor(len(tools)) as pool:
        going = [
            pool.submit(one.run, url, "take-part", "--place", f"{one.place}/2/3", "--every", "0.1", "--wait", "0.05")
            for one in tools
        ]
        return [one.result(180) for one in going]
