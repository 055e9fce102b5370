"""`veche worker`: jobs and timers in a process of their own, beside servers with the same PostgreSQL. docs/operating.md."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import typer

from veche.cli.terminal import tell
from veche.crypto.errors import Refused


def worker(
    data: Path | None = typer.Option(None, metavar="DIR", help="The folder that the servers share.  [veche-data]"),
) -> None:
    """Open, close and count contests, send mails, seal and publish, until told to stop. For PostgreSQL only.

    With SQLite one process does everything: `veche serve` has its own worker. Ctrl-C or SIGTERM ends it; a job that takes longer
    than a moment is given back, and another worker does it.
    """
    from veche.service.at_work import at_work
    from veche.service.journal_log import begin_log
    from veche.service.server import open_server
    from veche.service.settings import read_settings

    settings = read_settings(**({} if data is None else {"data": data}))
    if settings.database_url.startswith("sqlite"):
        raise Refused(
            "worker-sqlite",
            "with SQLite one process has the database, and `veche serve` does the jobs itself; a worker of its own needs "
            "PostgreSQL (VECHE_DATABASE)",
        )
    begin_log(settings.log_level)
    stopping = threading.Event()
    before = {one: signal.signal(one, lambda *_: stopping.set()) for one in (signal.SIGTERM, signal.SIGINT)}
    server = open_server(settings)
    try:
        with at_work(server):
            tell("Veche worker: jobs are done and contests go on by themselves. Stop with Ctrl-C.")
            stopping.wait()
    finally:
        server.close()
        for one, handler in before.items():
            signal.signal(one, handler)
    tell("Stopped.")
