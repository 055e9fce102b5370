"""`veche observe`: the public record of a server's database for everybody, without the server's code. Design section 5."""

from __future__ import annotations

from pathlib import Path

import typer


def observe(
    database: str = typer.Option(
        "",
        "--database",
        envvar="VECHE_OBSERVE_DATABASE",
        help="The database's URL. Rights to read are enough: postgresql+psycopg://observer@HOST/veche, or sqlite:///PATH.",
    ),
    server: Path | None = typer.Option(
        None, "--server", metavar="DIR", help="The server's folder: its logs are shown, and its SQLite if no database is named."
    ),
    data: Path = typer.Option(Path("veche-observer"), help="A folder for copies of the archives, which can be made again."),
    host: str = typer.Option("127.0.0.1", help="The address to listen at."),
    port: int = typer.Option(8001, min=0, max=65535, help="The port to listen at; 0 takes any that is free."),
) -> None:
    """Serve every public record of a database, read only: elections, ballots, archives, results.

    What is served can be checked with `veche audit http://HOST:PORT/observer/elections/UUID`.
    """
    import uvicorn

    from veche.cli.serve import listening
    from veche.cli.terminal import tell
    from veche.observer.observe import create_observer, database_in, open_record

    if not database and server is None:
        raise typer.BadParameter("name the database, or the server's folder with --server", param_hint="--database")
    opened = open_record(database or database_in(server or Path()))
    data.mkdir(parents=True, exist_ok=True)
    application = create_observer(opened, data, None if server is None else server / "log")
    # No access log: who reads which ballot is nobody's business.
    config = uvicorn.Config(application, access_log=False, log_level="warning", server_header=False)
    with listening(host, port) as bound:
        # With port 0 the system has chosen one.
        shown = f"[{host}]" if ":" in host else host
        tell(f"The record is at http://{shown}:{bound.getsockname()[1]}/observer/elections")
        uvicorn.Server(config).run(sockets=[bound])
