"""What is printed, and where: answers on stdout, everything on the way on stderr, colour and bars on a terminal only."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

import typer

from veche.crypto.canonical_json import Json, dumps
from veche.crypto.errors import ElectionError


class Painted(str):
    """A text that is fit for a terminal: nothing in it but printable characters, newlines, and colours of ours."""

    __slots__ = ()


def answer(text: str) -> None:
    """A line of the answer, on stdout."""
    typer.echo(text if isinstance(text, Painted) else printable(text))


def printable(text: str) -> str:
    """`text` without what could command a terminal: titles in a hostile record may clear the screen or hide a verdict."""
    return "".join(one if one.isprintable() or one == "\n" else "\N{REPLACEMENT CHARACTER}" for one in text)


def answer_json(value: Json) -> None:
    """The answer as one line of JSON, on stdout."""
    typer.echo(dumps(value))


def tell(text: str, colour: str | None = None, bold: bool = False) -> None:
    """A sentence about what is going on, on stderr."""
    typer.echo(paint(text, colour, bold, sys.stderr), err=True)


def warn(text: str) -> None:
    """A sentence that should not be missed, on stderr."""
    tell(text, "yellow")


def show_error(error: ElectionError) -> None:
    """The sentence of a refusal and its code, on stderr."""
    tell(f"{error.message} [{error.code}]", "red")


def show_failure(sentence: str) -> None:
    """Why a command could not do its work, on stderr."""
    tell(sentence, "red")


def paint(text: str, colour: str | None, bold: bool, stream: TextIO) -> str:
    """`text` in a colour if `stream` is a terminal that wants colours, else as it is."""
    text = printable(text)
    if (colour is None and not bold) or not wants_colour(stream):
        return Painted(text)
    return Painted(typer.style(text, fg=colour, bold=bold or None))


def wants_colour(stream: TextIO) -> bool:
    """Whether `stream` is a terminal, and nobody asked for no colour (NO_COLOR)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


@contextmanager
def progress(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on stderr while the block runs; call what it gives with the number of pieces just done. No terminal, no bar."""
    if not sys.stderr.isatty():
        yield _silent
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=total)

        def advance(done: int) -> None:
            bar.advance(task, done)

        yield advance


def _silent(_: int) -> None:
    return None
