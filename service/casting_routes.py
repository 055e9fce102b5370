"""`POST /api/elections/{uuid}/ballots`: the one door of the ballot box. Design section 5.

It reads no cookie, stands in no access log, and keeps neither address nor user agent: the address is used for the budget against
floods, in memory, and given to nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from types import MappingProxyType
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from veche.ballot.encrypted_ballot import MAX_BYTES
from veche.crypto.errors import ElectionError, InvalidProof, InvalidSignature, Malformed
from veche.observer.problems import RESPONSES, problem, problem_of
from veche.service.budgets import address_key
from veche.service.casting import Busy, Casting
from veche.service.metrics import Metrics

NOTE: Final = "text/plain; charset=utf-8"

_PASSED_ON: Final = frozenset(
    {"unknown-credential", "not-issued", "wrong-election", "not-open", "rate-limited", "no-election", "storage-failed"}
)
"""Codes of the box that the interface has under the same name."""

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
        began = monotonic()
        verdict, answer = await _answer(casting, uuid, request)
        metrics.count_ballot(verdict, monotonic() - began)
        return answer

    return router


async def _answer(casting: Casting, uuid: str, request: Request) -> tuple[str, Response]:
    """The ballot's verdict as it is counted, and what is answered."""
    raw = await _body(request)
    if raw is None:
        return "too-large", problem(413, "too-large", f"a ballot has at most {MAX_BYTES} bytes")
    try:
        answer = await casting.cast(uuid, raw, address_key(request.client.host if request.client else None))
    except Busy:
        busy = "very many ballots arrive just now; your ballot was not taken, send the same one again"
        return "busy", problem(503, "busy", busy)
    except ElectionError as error:
        return _code_of(error), problem_of(error, _code_of(error))
    if answer.new:
        return "accepted", Response(answer.note, 201, media_type=NOTE)
    return "repeated", Response(answer.note, 200, media_type=NOTE)


async def _body(request: Request) -> bytes | None:
    """The body, read no further than a ballot may be long; None when it goes on."""
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > MAX_BYTES:
            return None
    return bytes(content)


def _code_of(error: ElectionError) -> str:
    """The code of the interface for a refusal of the box; the sentence says the rest."""
    if error.code in _PASSED_ON:
        return error.code
    if isinstance(error, InvalidSignature):
        return "invalid-signature"
    if isinstance(error, InvalidProof):
        return "invalid-proof"
    return "malformed" if isinstance(error, Malformed) else error.code
