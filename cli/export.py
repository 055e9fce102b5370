"""`veche export`: an election as a folder for any web server or disk. Design section 5."""

from __future__ import annotations

from pathlib import Path

import typer


def export(
    uuid: str = typer.Argument(metavar="UUID", help="The election."),
    folder: Path = typer.Argument(metavar="DIR", help="A new or empty folder. `veche audit DIR` audits what it then holds."),
    data: Path = typer.Option(Path("veche-data"), "--data", envvar="VECHE_DATA", metavar="DIR", help="The server's folder."),
    database: str = typer.Option(
        "",
        "--database",
        envvar="VECHE_DATABASE",
        help="The database's URL; rights to read are enough.  [SQLite in the server's folder]",
    ),
) -> None:
    """Write an election as files: archive, manifest, entries, data, and its log with the newest checkpoint.

    The server may be at work meanwhile. The folder is there whole or not at all; put it behind any web server, or on a disk.
    """
    from veche.cli.terminal import answer, warn
    from veche.observer.export import export_election, refuse_taken
    from veche.observer.log_routes import PublicLogs
    from veche.observer.observe import database_in, open_record

    refuse_taken(folder)
    opened = open_record(database or database_in(data))
    try:
        done = export_election(opened, PublicLogs(data / "log").checkpoint(uuid), uuid, folder)
    finally:
        opened.close()
    if done.checkpoint is None:
        warn(f"No checkpoint of this log is in {data / 'log'}: the folder holds the record without its log.")
        answer(f"{folder} holds {done.entries} entries of election {uuid}.")
    else:
        answer(f"{folder} holds {done.entries} entries of election {uuid}, root {done.checkpoint.root.hex()[:16]}….")
