"""Conditional and partial answers: ETag, If-None-Match, Range and If-Range of RFC 9110, for bytes that are never held at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from veche.observer.problems import problem

PIECE: Final = 256 * 1024
"""Bytes that are in memory at a time for one reader."""

REVALIDATED: Final = "public, no-cache, no-transform"
"""For what grows: a cache may keep it and must ask each time."""

FOR_EVER: Final = "public, max-age=31536000, immutable, no-transform"
"""For what has its hash in its name, or never changes."""

Pieces = Callable[[int, int], Iterator[bytes]]
"""The bytes from one place up to another, piece by piece. It is called before the answer begins."""

_RANGE = re.compile(r"bytes=([0-9]{0,19})-([0-9]{0,19})")


@dataclass(frozen=True, slots=True)
class Representation:
    """What stands at an address now: `size` in bytes, a strong `etag` with its quotes, and what a cache may do with it."""

    size: int
    etag: str
    media_type: str
    cache: str

    def headers(self) -> dict[str, str]:
        return {"ETag": self.etag, "Cache-Control": self.cache, "Accept-Ranges": "bytes"}


class _Unsatisfiable(Exception):
    """The range begins where nothing is any more."""


def unchanged(request: Request, etag: str, cache: str = REVALIDATED) -> Response | None:
    """304 when the reader has this already, else None."""
    asked = request.headers.get("if-none-match")
    if asked is None:
        return None
    known = {one.strip().removeprefix("W/") for one in asked.split(",")}
    if asked.strip() != "*" and etag not in known:
        return None
    return Response(status_code=304, headers={"ETag": etag, "Cache-Control": cache})


def answer(request: Request, shown: Representation, pieces: Pieces) -> Response:
    """All of it, the part asked for (206), nothing (304, HEAD), or 416. Of several ranges at once none is given: all of it is."""
    same = unchanged(request, shown.etag, shown.cache)
    if same is not None:
        return same
    headers = shown.headers()
    if request.method == "HEAD":
        return Response(headers=headers | {"Content-Length": str(shown.size), "Content-Type": shown.media_type})
    try:
        part = _part(request, shown)
    except _Unsatisfiable:
        headers["Content-Range"] = f"bytes */{shown.size}"
        return problem(416, "range-not-satisfiable", f"there are {shown.size} bytes, and the range begins after them", headers)
    if part is None:
        start, end, status = 0, shown.size, 200
    else:
        (start, end), status = part, 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{shown.size}"
    headers |= {"Content-Length": str(end - start), "Content-Type": shown.media_type}
    return StreamingResponse(pieces(start, end), status, headers)


def _part(request: Request, shown: Representation) -> tuple[int, int] | None:
    """Where the part asked for begins and ends; None: no single range is asked for, or of another state than this one."""
    found = _RANGE.fullmatch(request.headers.get("range", ""))
    condition = request.headers.get("if-range")
    if found is None or found.group() == "bytes=-" or condition not in (None, shown.etag):
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, shown.size - int(last)), shown.size
    else:
        start, end = int(first), min(shown.size, int(last) + 1 if last else shown.size)
        if last and int(last) < start:
            return None
    if start >= shown.size or start >= end:
        raise _Unsatisfiable
    return start, end
