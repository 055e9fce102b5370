"""The observer endpoint as an application of its own: it reads a server's database and needs none of the server's code."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from sqlalchemy.exc import ArgumentError, DBAPIError

from veche import __version__
from veche.crypto.errors import Unsupported
from veche.observer import problems
from veche.observer.database import DATABASE_NAME, Database, why
from veche.observer.endpoint import observer_routes
from veche.observer.published_files import PublishedFiles
from veche.observer.record_rows import all_elections


def open_record(url: str) -> Database:
    """The database at this URL, only read. Raises Unsupported `no-database` when it holds no public record."""
    try:
        database = Database(url, read_only=True)
    except (ArgumentError, ImportError) as error:
        raise Unsupported("no-database", "a database URL looks like postgresql+psycopg://… or sqlite:///PATH") from error
    try:
        with database.reading() as connection:
            all_elections(connection)
    except DBAPIError as error:
        database.close()
        raise Unsupported("no-database", f"the public record cannot be read there: {why(error)}") from error
    return database


def database_in(folder: Path) -> str:
    """The URL of the database that a server with SQLite keeps in its folder."""
    return f"sqlite+pysqlite:///{folder.absolute() / DATABASE_NAME}"


def create_observer(database: Database, folder: Path, log_folder: Path | None = None) -> FastAPI:
    """The application over this database, which it closes at its end; copies of the growing files are kept in `folder`.

    `log_folder` is the server's folder of logs; without it only what stands in the database is shown.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        database.close()

    application = FastAPI(
        title="Veche observer",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/observer/openapi.json",
        redirect_slashes=False,
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    problems.install(application)
    application.include_router(observer_routes(database, PublishedFiles(folder), log_folder))
    return application
