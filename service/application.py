"""The web application: routes, headers and errors over the parts of one `Server`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import Response
from sqlalchemy.exc import SQLAlchemyError

from veche import __version__
from veche.observer import problems
from veche.observer.endpoint import observer_routes
from veche.service import kept_form, languages, pages, security_headers
from veche.service.access import Access
from veche.service.at_work import at_work
from veche.service.booth_pages import booth_pages
from veche.service.build_info import build_info
from veche.service.casting_routes import CastingDoor, casting_routes
from veche.service.client_address import ClientAddress
from veche.service.demo_pages import demo_pages
from veche.service.draft_pages import draft_pages
from veche.service.head_requests import HeadRequests
from veche.service.health_routes import health_routes
from veche.service.log_report import warnings
from veche.service.operator_routes import operator_routes
from veche.service.organizer_actions import OrganizerActions
from veche.service.organizer_desk import OrganizerDesk
from veche.service.organizer_pages import organizer_pages
from veche.service.organizer_routes import organizer_routes
from veche.service.pages import Pages
from veche.service.public_pages import public_pages
from veche.service.readiness import Readiness
from veche.service.registrar_routes import registrar_routes
from veche.service.registrar_work import RegistrarWork
from veche.service.server import Server
from veche.service.session_routes import session_routes
from veche.service.storage import Storage
from veche.service.trustee_page import trustee_page
from veche.service.trustee_routes import trustee_routes
from veche.service.web_asset_routes import web_asset_routes
from veche.service.web_assets import installed_assets

logger = structlog.get_logger(__name__)


def create_application(server: Server, demo: bool = False) -> FastAPI:
    """The application of this server, which it closes at its end; with `demo`, a demonstration's vote can be ended by a button."""

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
    _answer_for_storage(application, server.storage)
    access = Access(server.storage.database, server.clock, server.settings)
    shown = Pages(server.settings)
    pages.install(application, shown)
    application.include_router(casting_routes(server.casting, server.metrics))
    application.include_router(observer_routes(server.storage.database, server.storage.files, server.storage.root / "log"))
    readiness, build = Readiness(server.storage, server.checkers), build_info(server.settings.commit)
    application.include_router(health_routes(readiness, build, lambda: warnings(server.sequencer, server.witnesses)))
    application.include_router(trustee_routes(server.storage, server.clock, access))
    application.include_router(session_routes(server.storage.database, server.clock, access, shown))
    logs = server.storage.root / "log"
    application.include_router(public_pages(server.storage.database, server.storage.files, server.settings, shown, logs, demo))
    application.include_router(booth_pages(server.storage.database, server.storage.files, server.settings, shown))
    application.include_router(operator_routes(server, access))
    if demo:
        application.include_router(demo_pages(server, access, shown))
    actions = OrganizerActions(server)
    application.include_router(organizer_routes(server.storage.database, actions, access))
    desk = OrganizerDesk(server.storage.database, actions, access, shown)
    kept_form.install(application, access, shown)
    application.include_router(draft_pages(desk, server))
    application.include_router(organizer_pages(desk, server))
    application.include_router(registrar_routes(RegistrarWork(server.storage, server.clock), access))
    application.include_router(trustee_page(shown))
    application.include_router(web_asset_routes(installed_assets()))
    application.add_middleware(HeadRequests)
    application.add_middleware(CastingDoor, casting=server.casting, metrics=server.metrics)
    security_headers.install(application, access.secure)
    languages.install(application, shown.languages)
    application.add_middleware(ClientAddress, networks=server.settings.trusted_networks)
    return application


def _answer_for_storage(application: FastAPI, storage: Storage) -> None:
    """A database that does not answer is a 503 wherever it happens, and after a failed write nothing more is accepted."""

    def silent(_: Request, error: Exception) -> Response:
        if not isinstance(error, SQLAlchemyError):
            raise error
        storage.fail_if_broken(error)
        # Not its words: a driver may repeat the values that were written.
        logger.warning("the database did not answer", kind=type(error).__name__)
        return problems.problem(503, "busy", "the database does not answer just now; ask again in a moment")

    application.add_exception_handler(SQLAlchemyError, silent)
