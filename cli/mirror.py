"""`veche mirror`: follow an election, keep what was checked, and serve it to others. docs/protocol.md section 12.9."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:
    from veche.observer.evidence import Proven
    from veche.observer.mirror import Mirror
    from veche.observer.mirror_server import MirrorServer

PROVEN: Final = 3
"""The exit code of a contradiction that is proven."""


def mirror(
    url: str = typer.Argument(metavar="URL", help="The election's address: https://HOST/observer/elections/UUID."),
    folder: Path = typer.Argument(metavar="DIR", help="A folder of its own. `veche audit DIR` audits what it holds."),
    once: bool = typer.Option(False, "--once", help="Fetch and check what is new, and end."),
    period: float = typer.Option(0, "--period", min=0, metavar="S", help="Seconds between looks; 0: as often as the log signs."),
    serve: str | None = typer.Option(None, "--serve", metavar="HOST:PORT", help="Serve what is held to others, read only."),
    jobs: int = typer.Option(0, min=0, help="How many processes check ballots; 0 means as many as the machine has cores."),
) -> None:
    """Follow an election: fetch all that is published, check it, keep it. It may be stopped at any moment and started again.

    Exit code 0: all of it held. 1: refused, what was held before is kept. 2: not reachable. 3: the log has signed two histories;
    the evidence is in DIR.
    """
    from veche.cli.terminal import tell
    from veche.observer.evidence import Proven
    from veche.observer.executor import available_jobs
    from veche.observer.mirror import Mirror
    from veche.observer.mirror_folder import MirrorFolder
    from veche.observer.mirror_server import MirrorServer
    from veche.observer.url_source import parse_address

    place = None if serve is None else parse_place(serve)
    with MirrorFolder(folder, parse_address(url)[1]).held():
        follower = Mirror(url, folder, jobs or available_jobs())
        server = None
        if place is not None:
            server = MirrorServer(*place, follower.folder, follower.log, follower.address)
            server.show(follower.held)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            tell(f"What is held is at {server.election}")
        try:
            repeat(lambda: _step(follower, server), once, period or max(1, follower.log.period))
            if once and server is None:
                _tell_held(follower)
        except Proven as proven:
            raise end_proven(proven, folder) from proven
        finally:
            if server is not None:
                server.shutdown()
                server.server_close()


def _step(follower: Mirror, server: MirrorServer | None) -> None:
    from veche.cli.terminal import tell

    if follower.step() and follower.held.signed is not None:
        checkpoint, held = follower.held.signed.checkpoint, follower.held
        tell(f"{checkpoint.size} entries, {len(held.trackers)} ballots, root {checkpoint.root.hex()[:16]}…: checked and kept")
    if server is not None:
        server.show(follower.held)


def _tell_held(follower: Mirror) -> None:
    from veche.ballot.manifest import seal
    from veche.cli.terminal import answer

    held = follower.held
    size = 0 if held.signed is None else held.signed.checkpoint.size
    answer(f"{follower.folder.path} holds {size} entries and {len(held.trackers)} ballots of election {follower.folder.uuid}.")
    if held.setup is not None:
        answer(f"Seal: {seal(held.setup.event_hash)}. It must be the one that everybody was given.")


def repeat(step: Callable[[], None], once: bool, period: float) -> None:
    """One step, or one after the other until Ctrl-C; a server that cannot be reached for a while does not end it."""
    from veche.cli.terminal import warn
    from veche.crypto.errors import Unsupported

    if once:
        step()
        return
    with suppress(KeyboardInterrupt):
        while True:
            try:
                step()
            except Unsupported as error:
                warn(f"{error.message} [{error.code}]")
            time.sleep(period)


def end_proven(proven: Proven, folder: Path) -> typer.Exit:
    """The evidence is on the disk and has been told; how the command ends."""
    from veche.cli.terminal import answer, tell
    from veche.observer.evidence import keep_evidence

    path = keep_evidence(proven.evidence, folder)
    tell(f"PROVEN: {proven.message}.", "red", bold=True)
    tell(f"Give the evidence to everybody; each can check it: veche evidence {path}")
    answer(str(path))
    return typer.Exit(PROVEN)


def parse_place(written: str) -> tuple[str, int]:
    """HOST and PORT. Raises BadParameter."""
    host, found, port = written.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not found or not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise typer.BadParameter("HOST:PORT, such as 127.0.0.1:8080", param_hint="--serve")
    return host, int(port)
