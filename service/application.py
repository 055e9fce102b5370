"""The web application: routes, headers and errors over the parts of one `Server`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from veche import __version__
from veche.observer import problems
from veche.observer.endpoint import observer_routes
from veche.service.at_work import at_work
from veche.service.build_info import build_info
from veche.service.casting_routes import casting_routes
from veche.service.client_address import ClientAddress
from veche.service.health_routes import health_routes
from veche.service.readiness import Readiness
from veche.service.server import Server


def create_application(server: Server) -> FastAPI:
    """The application of this server, which it closes at its end."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        server.checkers.warm(server.settings.checking_processes)
        with server.metrics.served(server.settings.metrics_bind), at_work(server, server.settings.worker):
            yield
        server.close()

    application = FastAPI(
        title="Veche",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        # A redirect would repeat the Host header, which anybody may send.
        redirect_slashes=False,
        # What somebody votes is nobody's telemetry: no spans, no metrics, no logs of the framework, whatever is installed.
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    problems.install(application)
    application.include_router(casting_routes(server.casting, server.metrics))
    application.include_router(observer_routes(server.storage.database, server.storage.files))
    application.include_router(health_routes(Readiness(server.storage, server.checkers), build_info(server.settings.commit)))
    application.add_middleware(ClientAddress, networks=server.settings.trusted_networks)
    return application
