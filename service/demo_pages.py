"""The page of a demonstration: a button that ends a rehearsal's vote now. Only `veche serve --demo` has it.

It needs no account, because a demonstration decides nothing: the act is refused for every campaign that is not one.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select

from veche.ballot.manifest import parse_manifest
from veche.crypto.errors import Refused
from veche.observer.record_rows import election_row, manifest_of
from veche.service.access import Access
from veche.service.form import Form, form_reader
from veche.service.lifecycle import count_now
from veche.service.pages import Pages
from veche.service.server import Server
from veche.service.tables import campaigns
from veche.service.words import STATES


def demo_pages(server: Server, access: Access, pages: Pages) -> APIRouter:
    """The routes below /demo."""
    router = APIRouter(include_in_schema=False)

    @router.get("/demo/count/{uuid}")
    def ask(request: Request, uuid: str) -> Response:
        return pages.render(request, "demo_count.html", election=_contest(server, uuid), states=STATES, rehearsal=True)

    @router.post("/demo/count/{uuid}")
    def count(request: Request, uuid: str, _: Form = Depends(form_reader())) -> Response:
        access.verify_same_site(request)
        _contest(server, uuid)
        count_now(server, uuid)
        return RedirectResponse(f"/observe/{uuid}", 303)

    return router


def _contest(server: Server, uuid: str) -> dict[str, Any]:
    """The contest of a demonstration. Raises Refused `not-a-demo`, or `no-election`."""
    with server.storage.database.reading() as connection:
        row = election_row(connection, uuid)
        demo = connection.execute(select(campaigns.c.demo).where(campaigns.c.id == row.campaign)).scalar_one_or_none()
        title = dict(parse_manifest(manifest_of(connection, row.uuid)).title)
    if not demo:
        raise Refused("not-a-demo", f"election {row.uuid} belongs to no demonstration: nobody ends its vote by a button")
    return {"election": row.uuid, "state": row.state, "title": title, "voters": row.voters}
