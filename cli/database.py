"""`veche db`: which version the tables have, and bringing them to this program's. docs/operating.md."""

from __future__ import annotations

from pathlib import Path

import typer

from veche.cli.backup import DATA
from veche.cli.help_text import WholeSentences
from veche.cli.terminal import answer
from veche.crypto.errors import Refused

app = typer.Typer(cls=WholeSentences, no_args_is_help=True, add_completion=False, help="The version of the database's tables.")


@app.command()
def status(data: Path | None = DATA) -> None:
    """Show which version the tables have, and whether they can be changed now. Ends with 1 when an upgrade is needed."""
    from veche.observer.database import Database
    from veche.service.schema import schema_status
    from veche.service.settings import read_settings, shown_url

    settings = read_settings(**({} if data is None else {"data": data}))
    _verify_there(settings.database_url)
    database = Database(settings.database_url, pool=2)
    try:
        database.verify_durable()
        found = schema_status(database)
    finally:
        database.close()
    answer(f"database  {shown_url(settings.database_url)}")
    answer(f"version   {found.found or 'none: no tables yet'}")
    answer(f"needed    {found.wanted}")
    answer(f"open      {', '.join(found.in_use) or 'no contest'}")
    if not found.current:
        raise typer.Exit(1)


@app.command()
def upgrade(data: Path | None = DATA) -> None:
    """Bring the tables to this program's version. Refused while a contest is open. Stop every server and make a backup first."""
    from veche.service.schema import upgrade as bring_up
    from veche.service.server import lock_folder
    from veche.service.settings import read_settings

    settings = read_settings(**({} if data is None else {"data": data}))
    settings.data.mkdir(mode=0o750, parents=True, exist_ok=True)
    # With SQLite the running server holds this lock; with PostgreSQL the tables themselves are locked.
    with lock_folder(settings.data):
        before = bring_up(settings.database_url)
    if before.current:
        answer(f"The tables have version {before.wanted} already: nothing to do.")
    else:
        answer(f"The tables had version {before.found or 'none'} and now have {before.wanted}.")


def _verify_there(url: str) -> None:
    """Asking must not make a file. Raises Refused `no-database`."""
    from sqlalchemy.engine import make_url

    found = make_url(url)
    if found.get_backend_name() == "sqlite" and not Path(found.database or "").exists():
        raise Refused("no-database", f"{found.database} is not there; `veche serve` makes it at its first start")
