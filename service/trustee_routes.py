"""`/api/trustee/{campaign}/…`: what the trustees' tool asks and sends, by the bearer token of an invitation. Issue 3 (c).

A bearer is a trustee of one campaign and may write in its own name only. There is no cookie here, so nothing a web page could do in
a trustee's name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Protocol

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from veche.crypto.errors import Refused
from veche.observer.problems import RESPONSES
from veche.service.ceremonies import add_keys_everywhere, newest_run, put_message
from veche.service.ceremony_messages import MAX_MESSAGE, MessageName
from veche.service.clock import Clock
from veche.service.request_body import read_limited
from veche.service.storage import Storage
from veche.service.trustee_work import (
    MAX_DELIVERY,
    MAX_DRILL,
    Trustee,
    answer_roll_call,
    drill_files,
    standing_of,
    take_drill,
    take_share,
    told_ended,
)

if TYPE_CHECKING:
    from veche.service.access import Invited

TEXT: Final = "text/plain; charset=utf-8"
JSON: Final = "application/json"
_TERMS: Final = "terms.json"


class Invitations(Protocol):
    """Who bears this request's token."""

    def invited(self, request: Request, role: str, campaign: str) -> Invited:
        """Raises Refused `not-signed-in` or `not-allowed`."""


def trustee_routes(storage: Storage, clock: Clock, invitations: Invitations) -> APIRouter:
    """The routes over this server's ceremonies and records."""
    router = APIRouter(prefix="/api/trustee/{campaign}", tags=["trustee"], responses=dict(RESPONSES))

    def trustee(request: Request, campaign: str) -> Trustee:
        who = invitations.invited(request, "trustee", campaign)
        if who.place is None:
            raise Refused("not-allowed", "you have no place in this ceremony: a run named you, or nobody gave you one")
        return Trustee(who.account, campaign, who.place)

    _ceremony_routes(router, storage, clock, trustee)
    _contest_routes(router, storage, clock, trustee)

    @router.get("", summary="How the ceremony and the contests stand")
    def standing(request: Request, campaign: str) -> Response:
        who = invitations.invited(request, "trustee", campaign)
        with storage.database.reading() as connection:
            return JSONResponse(standing_of(connection, campaign, who.place))

    return router


def _ceremony_routes(router: APIRouter, storage: Storage, clock: Clock, trustee: Callable[..., Trustee]) -> None:
    @router.get("/ceremony", summary="The newest run: its messages, and how it ended")
    def messages(who: Trustee = Depends(trustee)) -> Response:
        with storage.database.reading() as connection:
            run = newest_run(connection, who.campaign)
            names = list(run.messages(connection).names())
            ended = told_ended(connection, who.campaign)
        return JSONResponse({"run": run.number, "status": run.status, "place": who.place, "names": names, "ended": ended})

    @router.get("/ceremony/messages/{name}", response_class=Response, summary="One message, byte for byte")
    def message(name: str, who: Trustee = Depends(trustee)) -> Response:
        if name != _TERMS:
            MessageName.parse(name)
        with storage.database.reading() as connection:
            content = newest_run(connection, who.campaign).messages(connection).read(name)
        return _file(None if content is None else content.encode("utf-8"), TEXT, f"the message {name} is not there yet")

    @router.put(
        "/ceremony/messages/{name}", status_code=201, response_class=Response, summary="Put a message on the board, once"
    )
    def put(name: str, who: Trustee = Depends(trustee), raw: bytes = Depends(_body(MAX_MESSAGE))) -> Response:
        storage.verify_writable()
        with storage.database.writing() as connection:
            new = put_message(connection, who.campaign, who.place, who.account, name, raw, clock.now())
        if MessageName.parse(name).kind == "key":
            add_keys_everywhere(storage, clock, who.campaign)
        return Response(status_code=201 if new else 200)

    @router.get("/ceremony/trustees.json", response_class=Response, summary="The keys that the ceremony gave")
    def trustees(who: Trustee = Depends(trustee)) -> Response:
        with storage.database.reading() as connection:
            return _file(newest_run(connection, who.campaign).trustees, JSON, "the ceremony has not finished yet")

    @router.get("/ceremony/run.json", response_class=Response, summary="The run file of the ceremony")
    def run_file(who: Trustee = Depends(trustee)) -> Response:
        with storage.database.reading() as connection:
            return _file(newest_run(connection, who.campaign).run_file, JSON, "the ceremony is not over yet")


def _contest_routes(router: APIRouter, storage: Storage, clock: Clock, trustee: Callable[..., Trustee]) -> None:
    @router.get("/elections/{uuid}/manifest.json", response_class=Response, summary="What a drill is for: the manifest")
    def manifest(uuid: str, who: Trustee = Depends(trustee)) -> Response:
        return Response(drill_files(storage, clock, who.campaign, uuid)[0], media_type=JSON)

    @router.get("/elections/{uuid}/trustees.json", response_class=Response, summary="What a drill is for: the keys")
    def keys(uuid: str, who: Trustee = Depends(trustee)) -> Response:
        return Response(drill_files(storage, clock, who.campaign, uuid)[1], media_type=JSON)

    @router.put("/elections/{uuid}/drill", status_code=201, response_class=Response, summary="Hand in a drill")
    def drill(uuid: str, who: Trustee = Depends(trustee), raw: bytes = Depends(_body(MAX_DRILL))) -> Response:
        new = take_drill(storage, clock, who, uuid, raw)
        return Response(status_code=201 if new else 200)

    @router.post("/elections/{uuid}/roll-call", summary="Be present, with the key, before the vote opens")
    def roll_call(uuid: str, who: Trustee = Depends(trustee)) -> Response:
        return JSONResponse({"owner": who.place, "time": answer_roll_call(storage, clock, who, uuid)})

    @router.post("/elections/{uuid}/shares", status_code=201, response_class=Response, summary="Hand in a share of the result")
    def share(uuid: str, who: Trustee = Depends(trustee), raw: bytes = Depends(_body(MAX_DELIVERY))) -> Response:
        taken = take_share(storage, clock, who, uuid, raw)
        if taken.reason is not None:
            raise Refused(
                "share-refused",
                f"the share of trustee {taken.owner.number} is signed and wrong ({taken.reason}); the record says so by name",
            )
        return JSONResponse({"owner": taken.owner.number}, 201)


def _file(content: bytes | None, kind: str, missing: str) -> Response:
    if content is None:
        raise Refused("not-found", missing)
    return Response(content, media_type=kind)


def _body(limit: int) -> Callable[[Request], Awaitable[bytes]]:
    """The body of a request, read no further than it may be long."""

    async def read(request: Request) -> bytes:
        return await read_limited(request, limit)

    return read
