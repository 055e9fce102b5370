"""`veche log-key`: a spare key for public logs, made beforehand and kept where the server is not. docs/operating.md section 12a."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from veche.cli.help_text import WholeSentences
from veche.cli.terminal import answer, tell
from veche.crypto.scalar import system_randomness
from veche.crypto.signing_key import SigningKey
from veche.observer.durable_files import write_private

NAME = "spare"

app = typer.Typer(cls=WholeSentences, no_args_is_help=True, help="Keys that sign public logs.")


@app.callback()
def keys() -> None:
    """Keys that sign public logs."""


@app.command()
def spare(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the private key goes; it must not be there yet.")],
) -> None:
    """Make a spare key, and print its public key for `spare_key` of a plan.

    Keep the file offline, apart from the server. When a log's key is lost, the file takes the place of keys/UUID/log.key.
    """
    made = SigningKey.generate(NAME, system_randomness)
    write_private(file, made.private_text().encode() + b"\n")
    answer(made.verifier.text())
    tell(f"The private key is in {file}: take it off this machine. Put the line above into the plan as spare_key.")
