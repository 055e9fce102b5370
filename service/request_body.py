"""The bytes of a request, read no further than they may be long, in no more time than they may take."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.types import Message

from veche.crypto.errors import Malformed

SECONDS: Final = 300
"""A body that takes longer keeps memory, or others, waiting."""

MAX_JSON: Final = 64 * 1024
"""Bytes of a body that the framework parses, at most."""


async def read_body(request: Request, limit: int, kinds: Collection[str]) -> bytes:
    """The body, if it is of one of these media types. Raises Malformed `media-type`, and as `read_limited`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in kinds:
        raise Malformed("media-type", f"send the file as it is, as one of {', '.join(sorted(kinds))}")
    return await read_limited(request, limit)


async def read_limited(request: Request, limit: int) -> bytes:
    """The body, of whatever media type. Raises Malformed `too-large`, `too-slow`, `cut-off`."""
    content = bytearray()
    try:
        async with asyncio.timeout(SECONDS):
            async for piece in request.stream():
                content += piece
                if len(content) > limit:
                    raise Malformed("too-large", f"at most {limit} bytes are taken here")
    except TimeoutError as error:
        raise Malformed("too-slow", f"the file did not arrive within {SECONDS} seconds") from error
    except ClientDisconnect as error:
        raise Malformed("cut-off", "the connection ended before all of it had arrived") from error
    return bytes(content)


class BoundedRoute(APIRoute):
    """A route whose JSON is read no further than `MAX_JSON`.

    The framework reads a body that it parses to its end, whatever its length, before it asks who sends it.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()
        if self.body_field is None:
            return handler

        async def bounded(request: Request) -> Response:
            content = await read_body(request, MAX_JSON, ("application/json",))

            async def receive() -> Message:
                return {"type": "http.request", "body": content, "more_body": False}

            return await handler(Request(request.scope, receive))

        return bounded


def body_reader(limit: int, kinds: Collection[str]) -> Callable[[Request], Awaitable[bytes]]:
    """A dependency that reads a body of at most `limit` bytes; name it after the one that asks who it is."""

    async def read(request: Request) -> bytes:
        return await read_body(request, limit, kinds)

    return read
