"""`/api/campaigns/{campaign}/registrar/…`: what the registrar's tool asks and sends, by the bearer token of an invitation.

There is no cookie here. Lists are read no further than the contest's electorate needs; only one large list is in memory at a time.
"""

from __future__ import annotations

import threading
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from veche.crypto.errors import Refused
from veche.observer.problems import RESPONSES
from veche.service.access import Access, Invited
from veche.service.registrar_work import MAX_ENTRY, RegistrarWork
from veche.service.request_body import read_body

Name = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,64}$")]

_TAKEN: Final = frozenset({"application/json", "application/octet-stream", "application/x-ndjson", "text/plain"})
_BODY: Final = {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string"}}}}}
_FILE: Final = "application/json"


def registrar_routes(work: RegistrarWork, access: Access) -> APIRouter:
    """The routes over this server's campaigns."""
    router = APIRouter(prefix="/api/campaigns/{campaign}/registrar", tags=["registrar"], responses=dict(RESPONSES))
    one_list = threading.BoundedSemaphore(1)

    def registrar(request: Request, campaign: Name) -> Invited:
        return access.invited(request, "registrar", campaign)

    @router.get("/contests", summary="The contests with their uuids")
    def standing(who: Invited = Depends(registrar)) -> Response:
        return JSONResponse({"campaign": who.campaign, "contests": work.standing(who.campaign)})

    @router.get("/contests/{uuid}/manifest.json", response_class=Response, summary="What a public list is made for")
    def manifest(uuid: Name, who: Invited = Depends(registrar)) -> Response:
        return Response(work.manifest(who.campaign, uuid), media_type=_FILE)

    @router.put("/contests/{uuid}/credentials", summary="Hand in the public credentials", openapi_extra=_BODY)
    async def put(request: Request, uuid: Name, who: Invited = Depends(registrar)) -> Response:
        limit = await run_in_threadpool(work.limit, who.campaign, uuid)
        with _Turn(one_list):
            raw = await read_body(request, limit, _TAKEN)
            count = await run_in_threadpool(work.put_credentials, who, uuid, raw)
        return JSONResponse({"election": uuid, "credentials": count})

    @router.post("/contests/{uuid}/issued", status_code=201, summary="Hand in the word on who got a code", openapi_extra=_BODY)
    async def issued(request: Request, uuid: Name, who: Invited = Depends(registrar)) -> Response:
        limit = await run_in_threadpool(work.limit, who.campaign, uuid) + MAX_ENTRY
        with _Turn(one_list):
            raw = await read_body(request, limit, _TAKEN)
            entry = await run_in_threadpool(work.add_issued, who, uuid, raw)
        return JSONResponse({"election": uuid, "total": entry.total}, 201)

    return router


class _Turn:
    """One large list is taken at a time. Raises Refused `busy` while another one is."""

    def __init__(self, turn: threading.BoundedSemaphore) -> None:
        self._turn = turn

    def __enter__(self) -> None:
        if not self._turn.acquire(blocking=False):
            raise Refused("busy", "another registrar's list is being read just now; send yours again in a moment")

    def __exit__(self, *_: object) -> None:
        self._turn.release()
