"""Refusals as HTTP answers: `application/problem+json` (RFC 9457) with a stable `code`. The only place where this is decided."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from veche.crypto.errors import ElectionError, Inconsistent, InvalidProof, InvalidSignature, Malformed, Refused, Unsupported

MEDIA_TYPE: Final = "application/problem+json"

_STATUS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "too-large": 413,
        "media-type": 415,
        "rate-limited": 429,
        "no-election": 404,
        "not-found": 404,
        "no-campaign": 404,
        "no-approval": 404,
        "no-draft": 404,
        "no-ceremony": 404,
        "message-name": 404,
        "not-in-record": 404,
        "data-missing": 404,
        "not-published": 404,
        "unknown-credential": 403,
        "not-issued": 403,
        "wrong-election": 409,
        "not-open": 409,
        "storage-failed": 503,
        "busy": 503,
        "not-signed-in": 401,
        "not-allowed": 403,
        "cross-site": 403,
    }
)
"""Codes whose status is another one than their class has."""

_CLASSES: Final[tuple[tuple[type[ElectionError], int], ...]] = (
    (Malformed, 400),
    (InvalidProof, 422),
    (InvalidSignature, 422),
    (Inconsistent, 409),
    (Refused, 409),
    (Unsupported, 501),
)

RETRY_SECONDS: Final = 2


def problem(status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """An answer that names the refusal."""
    content = {"type": "about:blank", "title": code, "status": status, "code": code, "detail": detail}
    given = dict(headers or {})
    if status in (429, 503):
        given.setdefault("Retry-After", str(60 if status == 429 else RETRY_SECONDS))
    return JSONResponse(content, status, given, MEDIA_TYPE)


def problem_of(error: ElectionError, code: str | None = None) -> Response:
    """The answer to this refusal; `code` where the interface has a name of its own for it."""
    named = code or error.code
    status = _STATUS.get(named) or next((status for kind, status in _CLASSES if isinstance(error, kind)), 400)
    return problem(status, named, error.message)


def answer_to(error: Exception) -> Response:
    """The answer to any refusal of ours or of the framework. Raises the error again when it is none."""
    if isinstance(error, ElectionError):
        return problem_of(error)
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first.get("loc", ()))
        return problem(422, "invalid-request", f"{where}: {first.get('msg', 'not as expected')}")
    if isinstance(error, HTTPException):
        codes = {404: "not-found", 405: "method-not-allowed", 413: "too-large", 415: "media-type"}
        return problem(error.status_code, codes.get(error.status_code, "http"), str(error.detail), error.headers)
    raise error


def install(app: FastAPI) -> None:
    """Every refusal of the application is answered as a problem, also those of the framework."""

    def answered(_: Request, error: Exception) -> Response:
        return answer_to(error)

    def unexpected(_: Request, __: Exception) -> Response:
        # The framework raises it again after this answer, so that it is logged.
        return problem(500, "internal", "a mistake of ours; nothing is known about what you asked for, please ask again later")

    for kind in (ElectionError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, answered)
    app.add_exception_handler(Exception, unexpected)


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": "A problem with a stable `code`", "content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}
    for status in (400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 501, 503)
}
"""What any route may answer beside its own, for the API's description."""
