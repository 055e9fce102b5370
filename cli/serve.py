"""`veche serve`: the server in this process, until it is asked to stop. docs/operating.md."""

from __future__ import annotations

import errno
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from veche import __version__
from veche.cli.terminal import tell
from veche.crypto.errors import ElectionError, Refused, Unsupported

if TYPE_CHECKING:
    import uvicorn

    from veche.service.server import Server

BACKLOG = 2048
"""Connections that wait to be taken, at the opening (attack E5)."""
STOPPING_SECONDS = 30
"""How long ballots under way may take for their answers once the server is asked to stop."""


def serve(
    host: str | None = typer.Option(None, metavar="HOST", help="The address to listen at.  [127.0.0.1]"),
    port: int | None = typer.Option(None, metavar="PORT", min=0, max=65535, help="The port; 0 takes a free one.  [8000]"),
    data: Path | None = typer.Option(None, metavar="DIR", help="The folder of everything that the server keeps.  [veche-data]"),
    demo: bool = typer.Option(False, "--demo", help="Make a demonstration: three rehearsed votes to try everything with."),
) -> None:
    """Run the server: the ballot box, the public record, and the pages of organizers and trustees.

    Without any setting it keeps everything in ./veche-data with SQLite. Every other setting is an environment variable
    VECHE_…, see docs/operating.md; what is given here wins. Ctrl-C or SIGTERM ends it once ballots under way have their answers.
    """
    from veche.service.journal_log import begin_log
    from veche.service.server import open_server
    from veche.service.settings import read_settings

    given = {"host": host, "port": port, "data": data}
    settings = read_settings(**{name: value for name, value in given.items() if value is not None})
    begin_log(settings.log_level)
    with listening(settings.host, settings.port) as bound:
        # Port 0 is any free one: links must name the one that was found.
        server = open_server(settings.model_copy(update={"port": bound.getsockname()[1]}))
        try:
            run(server, bound, demo)
        finally:
            server.close()


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there; `::` takes IPv4 as well. Raises Refused `port-taken`, Unsupported `no-address`."""
    try:
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        both = host == "::" and socket.has_dualstack_ipv6()
        return socket.create_server(place[:2], family=family, backlog=BACKLOG, dualstack_ipv6=both)
    except socket.gaierror as error:
        raise Unsupported("no-address", f"{host} is no address of this machine: {error.strerror}") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            taken = f"something else listens at {host} port {port} already; name another one with --port"
            raise Refused("port-taken", taken) from error
        raise Unsupported("no-address", f"{host} port {port} cannot be listened at: {error.strerror}") from error


def run(server: Server, bound: socket.socket, demo: bool = False) -> None:
    """The application answers at this socket, until SIGTERM or SIGINT; then those under way get their answers."""
    import uvicorn

    from veche.service.application import create_application

    config = uvicorn.Config(
        create_application(server, demo),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=STOPPING_SECONDS,
        backlog=BACKLOG,
    )
    web = uvicorn.Server(config)
    # The framework ends by raising the signal it was sent once more: for us a wish to stop is no failure.
    before = {one: signal.signal(one, lambda *_: _stop(web)) for one in (signal.SIGTERM, signal.SIGINT)}
    tell(_welcome(server, bound))
    try:
        with demonstration(server, web) if demo else nullcontext():
            web.run(sockets=[bound])
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    tell("Stopped: every ballot that came in has its answer.")


@contextmanager
def demonstration(server: Server, web: uvicorn.Server) -> Iterator[None]:
    """Beside the running server its demonstration is made, or goes on, and its people act by themselves until the server stops."""
    from veche.cli.demo_campaign import Demo
    from veche.cli.demo_people import ActingPeople

    demo, acting = Demo(server, server.settings.data / "demo"), list[ActingPeople]()

    def play() -> None:
        while not web.started:
            if web.should_exit:
                return
            time.sleep(0.05)
        try:
            people = demo.remember() if demo.description.exists() else demo.make(tell)
        except (ElectionError, OSError) as error:
            if not web.should_exit:
                tell(f"The demonstration could not be made: {error}")
            return
        acting.append(ActingPeople(people))
        acting[0].start()
        tell(demo.links(people))

    player = threading.Thread(target=play, name="demo", daemon=True)
    player.start()
    try:
        yield
    finally:
        for one in acting:
            one.stop()


def _stop(web: uvicorn.Server) -> None:
    web.should_exit = True


def _welcome(server: Server, bound: socket.socket) -> str:
    settings, (host, port) = server.settings, bound.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    lines = [
        f"Veche {__version__}",
        f"  address   http://{shown}:{port}",
        f"  people    {settings.base_url}" if settings.base_url else "",
        f"  data      {settings.data.absolute()}",
        f"  database  {'SQLite' if server.storage.database.sqlite else 'PostgreSQL'}",
        "  stop with Ctrl-C",
    ]
    return "\n".join(line for line in lines if line)
