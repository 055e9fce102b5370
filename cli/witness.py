"""`veche witness`: a witness of transparency logs, on a machine that is not the operator's. docs/protocol.md section 12.8."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path
from typing import Annotated

import typer

from veche.cli.help_text import WholeSentences
from veche.cli.terminal import answer, tell
from veche.crypto.scalar import system_randomness
from veche.crypto.signed_note import parse_verifier_key
from veche.observer.witness import make_witness, open_witness
from veche.observer.witness_server import WitnessServer

app = typer.Typer(
    cls=WholeSentences,
    no_args_is_help=True,
    help="A witness: it cosigns the public logs of elections, each time only what continues what it saw before.",
)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The witness's folder: its key, its memory, and evidence.")]


@app.command()
def init(
    folder: Folder,
    name: Annotated[str, typer.Option("--name", help="The witness's name, e.g. witness.example.org/one: a URL without https://.")],
) -> None:
    """Make a witness with a new key, and print its public key for policies and servers."""
    answer(make_witness(folder, name, system_randomness).text())
    tell(f"The private key is in {folder}: keep the folder to yourself, and never run two witnesses with one key.")


@app.command("add-log")
def add_log(
    folder: Folder,
    keys: Annotated[
        list[str], typer.Argument(metavar="VKEY...", help="The log's public keys, as the election's manifest has them.")
    ],
) -> None:
    """Cosign this log from now on. The running witness need not be started again."""
    witness = open_witness(folder, time.time)
    tell(f"The log {witness.store.add_log([parse_verifier_key(key) for key in keys])} is known to this witness now.")


@app.command()
def serve(
    folder: Folder,
    host: Annotated[str, typer.Option(metavar="HOST", help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="The port; 0 takes a free one.")] = 7380,
) -> None:
    """Answer logs until Ctrl-C or SIGTERM. Behind a reverse proxy with TLS it is reachable for everybody."""
    witness = open_witness(folder, time.time)
    with WitnessServer(host, port, witness) as server:
        for one in (signal.SIGTERM, signal.SIGINT):
            # From a thread: the loop that is to end must not wait for itself.
            signal.signal(one, lambda *_: threading.Thread(target=server.shutdown).start())
        tell(f"Witness {witness.signer.verifier.text()}\n  address  {server.url}\n  stop with Ctrl-C")
        server.serve_forever()
    tell("Stopped.")
