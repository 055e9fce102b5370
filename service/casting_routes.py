"""`POST /api/elections/{uuid}/ballots`: the one door of the ballot box. Design section 5.

It reads no cookie, stands in no access log, and keeps neither address nor user agent: the address is used for the budget against
floods, in memory, and given to nobody.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from hashlib import sha256
from time import monotonic
from types import MappingProxyType
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from veche.ballot.encrypted_ballot import MAX_BYTES
from veche.crypto.errors import ElectionError, InvalidProof, InvalidSignature, Malformed, Refused
from veche.observer.problems import RESPONSES, problem, problem_of
from veche.service.appender import Busy
from veche.service.budgets import address_key
from veche.service.casting import Casting
from veche.service.metrics import Metrics

NOTE: Final = "text/plain; charset=utf-8"

_PATH: Final = re.compile(r"/api/elections/([^/]+)/ballots")

_PASSED_ON: Final = frozenset(
    {
        "unknown-credential", "not-issued", "wrong-election", "not-open", "rate-limited", "no-election", "storage-failed",
        "media-type", "too-large",
    }
)  # fmt: skip
"""Codes of the box that the interface has under the same name."""

TYPES: Final = ("application/json", "application/octet-stream", "text/plain")
"""The media types that a ballot may come as; none is as good."""

BODY_SECONDS: Final = 30
"""How long a ballot may take to arrive: a slow line does, who holds connections open on purpose does not."""

_BUSY: Final = "the ballot box is very busy, and does not know what became of your ballot; send the very same one again"

_DESCRIBED: Final[Mapping[int | str, dict[str, object]]] = MappingProxyType(
    {
        200: {"description": "The same ballot is in the record already: its acknowledgement", "content": {NOTE: {}}},
        201: {"description": "The ballot is in the record: its acknowledgement", "content": {NOTE: {}}},
        **RESPONSES,
    }
)


def casting_routes(casting: Casting, metrics: Metrics) -> APIRouter:
    """The route over this ballot box; `metrics` counts verdicts, without saying whose."""
    router = APIRouter(tags=["voter"])

    @router.post(
        "/api/elections/{uuid}/ballots",
        status_code=201,
        response_class=Response,
        responses=dict(_DESCRIBED),
        summary="Cast an encrypted ballot",
        openapi_extra={
            "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
        },
    )
    async def cast(uuid: str, request: Request) -> Response:
        return await _counted(casting, metrics, uuid, request)

    return router


class CastingDoor:
    """An ASGI application that answers ballots itself, before the framework looks at them, and passes on everything else.

    The route above says the same and describes it; but matching, dependencies and layers of the framework cost as much as refusing
    a ballot does, and a flood of bad ones must stay cheap (attack E6).
    """

    def __init__(self, app: ASGIApp, casting: Casting, metrics: Metrics) -> None:
        self._app = app
        self._casting = casting
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        answer = await _counted(self._casting, self._metrics, found[1], Request(scope, receive))
        await answer(scope, receive, send)


async def _counted(casting: Casting, metrics: Metrics, uuid: str, request: Request) -> Response:
    began = monotonic()
    verdict, answer = await _answer(casting, uuid, request)
    metrics.count_ballot(verdict, monotonic() - began)
    return answer


async def _answer(casting: Casting, uuid: str, request: Request) -> tuple[str, Response]:
    """The ballot's verdict as it is counted, and what is answered."""
    try:
        raw = await _body(request)
        answer = await casting.cast(uuid, raw, address_key(request.client.host if request.client else None))
    except Busy:
        return "busy", problem(503, "busy", _BUSY)
    except ElectionError as error:
        return _code_of(error), problem_of(error, _code_of(error))
    except TimeoutError:
        return "too-slow", problem(408, "too-slow", f"the ballot did not arrive within {BODY_SECONDS} seconds; send it again")
    except ClientDisconnect:
        # Nobody is there to read it.
        return "cut-off", problem(400, "malformed", "the ballot was cut off")
    # Where the voter reads how far her ballot has come, and finds her receipt.
    place = {"Location": f"/observer/elections/{uuid}/ballots/{sha256(raw).hexdigest()}"}
    if answer.new:
        return "accepted", Response(answer.note, 201, place, media_type=NOTE)
    return "repeated", Response(answer.note, 200, place, media_type=NOTE)


async def _body(request: Request) -> bytes:
    """The body, read no further than a ballot may be long, and no longer than it may take.

    Raises Refused `media-type` or `too-large`, TimeoutError, ClientDisconnect.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and kind not in TYPES:
        raise Refused("media-type", f"a ballot is sent as {TYPES[0]}")
    stated = request.headers.get("content-length", "")
    if stated.isascii() and stated.isdecimal() and int(stated[:20]) > MAX_BYTES:
        raise _too_large()
    content = bytearray()
    async with asyncio.timeout(BODY_SECONDS):
        async for piece in request.stream():
            content += piece
            if len(content) > MAX_BYTES:
                raise _too_large()
    return bytes(content)


def _too_large() -> Refused:
    return Refused("too-large", f"a ballot has at most {MAX_BYTES} bytes")


def _code_of(error: ElectionError) -> str:
    """The code of the interface for a refusal of the box; the sentence says the rest."""
    if error.code in _PASSED_ON:
        return error.code
    if isinstance(error, InvalidSignature):
        return "invalid-signature"
    if isinstance(error, InvalidProof):
        return "invalid-proof"
    return "malformed" if isinstance(error, Malformed) else error.code
