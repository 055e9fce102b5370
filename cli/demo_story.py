"""What the demonstration says: numbered steps in plain words."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import typer

from veche.cli.terminal import paint


@dataclass(slots=True)
class Story:
    """Tells on stdout, or on stderr when stdout is for JSON."""

    to_stderr: bool
    steps: int = 0

    def step(self, title: str) -> None:
        """The next numbered step begins."""
        self.steps += 1
        self._print("")
        self._print(f"{self.steps:>2}. {title}", None, bold=True)

    def say(self, sentence: str) -> None:
        self._print(f"    {sentence}")

    def good(self, sentence: str) -> None:
        self._print(f"    {sentence}", "green")

    def bad(self, sentence: str) -> None:
        self._print(f"    {sentence}", "red")

    def _print(self, text: str, colour: str | None = None, bold: bool = False) -> None:
        stream = sys.stderr if self.to_stderr else sys.stdout
        typer.echo(paint(text, colour, bold, stream), err=self.to_stderr)
