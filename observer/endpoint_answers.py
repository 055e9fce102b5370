"""What every answer of the observer endpoint has: open to scripts of any site, a problem for every refusal, described for the API.

Only what is public is behind these routes, no cookie is read and nothing can be changed: so any page may read them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.exceptions import HTTPException

from veche.crypto.canonical_json import Json, encode
from veche.crypto.errors import ElectionError
from veche.observer.problems import RESPONSES, answer_to, problem
from veche.observer.ranges import REVALIDATED

JSON: Final = "application/json"
ARCHIVE: Final = "application/octet-stream"
ENTRIES: Final = "application/x-ndjson"
ROOT: Final = "/observer/elections"
ONE: Final = ROOT + "/{uuid}"
METHODS: Final = "GET, HEAD, OPTIONS"

OPEN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "Accept-Ranges, Content-Length, Content-Range, ETag, Retry-After",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Content-Type-Options": "nosniff",
    }
)


Uuid = Annotated[str, Path(description="The election's identifier", examples=["4mEtPtsNhR4Pz8"])]
Answers = Callable[..., Response]


class PublicRoute(APIRoute):
    """A route whose every answer, also a refusal, may be read from any site."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                response = await handler(request)
            except (ElectionError, RequestValidationError, HTTPException) as error:
                response = answer_to(error)
            except (DBAPIError, NoConnection, OSError):
                # The reader asked nothing wrong: the machine cannot answer for the moment.
                response = problem(503, "busy", "the record cannot be read just now; ask again in a moment")
            response.headers.update(OPEN)
            return response

        return answered


def preflight() -> Response:
    """What a browser is told that asks before it reads a part."""
    allowed = {"Access-Control-Allow-Methods": METHODS, "Access-Control-Allow-Headers": "If-None-Match, If-Range, Range"}
    return Response(status_code=204, headers={"Allow": METHODS, "Access-Control-Max-Age": "86400", **allowed})


def json_answer(value: Json, etag: str) -> Response:
    """A JSON text that a reader asks for anew only when the record went on."""
    return Response(encode(value), 200, {"ETag": etag, "Cache-Control": REVALIDATED}, JSON)


def described(media_type: str, what: str, partial: bool = False) -> dict[int | str, dict[str, Any]]:
    """The answers of a route, for the API's description."""
    schema: dict[str, Any] = {"type": "object"} if media_type == JSON else {"type": "string"}
    content = {media_type: {"schema": schema}}
    found: dict[int | str, dict[str, Any]] = {
        200: {"description": what, "content": content},
        304: {"description": "Nothing is new since the ETag that was named"},
        **RESPONSES,
    }
    if partial:
        found[206] = {"description": "The part that was asked for", "content": content}
        found[416] = {"description": "The part begins where nothing is any more", "content": RESPONSES[404]["content"]}
    return found


def reads(router: APIRouter, path: str, media_type: str, what: str, partial: bool = False) -> Callable[[Answers], Answers]:
    """A route for GET, and for HEAD, which is not described twice."""

    def add(function: Answers) -> Answers:
        router.get(path, summary=what, response_class=Response, responses=described(media_type, what, partial))(function)
        router.head(path, include_in_schema=False, response_class=Response)(function)
        return function

    return add
