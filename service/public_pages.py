"""Pages that anybody may read, without an account and without a script: what there is to vote on, how it stands, and how to check.

Everything on them is what the observer endpoint says too, and in the same words; the counts of options appear with `published`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from veche.observer.database import Database
from veche.observer.log_routes import PublicLogs
from veche.observer.public_record import PublicRecord
from veche.observer.published_files import PublishedFiles
from veche.service.election_view import list_elections, observed, protocol
from veche.service.languages import sentence
from veche.service.pages import Pages
from veche.service.settings import Settings
from veche.service.words import HAPPENED, STATES

PROTOCOL_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ceremony": sentence("Protocol of the key ceremony"),
        "opening": sentence("Protocol of the opening"),
        "closing": sentence("Protocol of the closing"),
        "result": sentence("Protocol of the result"),
    }
)

_WORDS: Final[dict[str, Any]] = {"states": STATES, "happened": HAPPENED, "protocol_names": PROTOCOL_NAMES}


def public_pages(
    database: Database, files: PublishedFiles, settings: Settings, pages: Pages, logs: Path, demo: bool = False
) -> APIRouter:
    """The start page, help, and a page and protocols for every election.

    `logs` is the folder with the logs' checkpoints; with `demo`, the page of an open vote leads to the button that ends it.
    """
    router = APIRouter(include_in_schema=False)
    record, base, public_logs = PublicRecord(database, files), settings.public_url, PublicLogs(logs)

    @router.get("/")
    def start(request: Request) -> Response:
        return pages.render(request, "start.html", elections=list_elections(record), **_WORDS)

    @router.get("/help")
    def help_(request: Request) -> Response:
        return pages.render(request, "help.html")

    @router.get("/observe/{uuid}")
    def observe(request: Request, uuid: str, after: Annotated[int, Query(ge=0, le=2**53)] = 0) -> Response:
        shown = observed(record, public_logs, uuid, after)
        return pages.render(request, "observe.html", base=base, demo=demo, **shown, **_WORDS)

    @router.get("/observe/{uuid}/protocol/{name}")
    def printed(request: Request, uuid: str, name: str) -> Response:
        return pages.render(request, "protocol.html", **protocol(record, uuid, name), **_WORDS)

    return router
