"""The web application: routes, headers and errors over the parts of one `Server`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from veche import __version__
from veche.observer import problems
from veche.service.casting_routes import casting_routes
from veche.service.server import Server


def create_application(server: Server) -> FastAPI:
    """The application of this server, which it closes at its end."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        server.checkers.warm(server.settings.checking_processes)
        yield
        server.close()

    application = FastAPI(
        title="Veche",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        # What somebody votes is nobody's telemetry: no spans, no metrics, no logs of the framework, whatever is installed.
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    problems.install(application)
    application.include_router(casting_routes(server.casting))
    return application
