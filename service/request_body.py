"""The bytes of a request, read no further than they may be long, in no more time than they may take."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Final

from fastapi import Request

from veche.crypto.errors import Malformed

SECONDS: Final = 300
"""A body that takes longer keeps memory, or others, waiting."""


async def read_body(request: Request, limit: int, kinds: Collection[str]) -> bytes:
    """The body, if it is of one of these media types. Raises Malformed `media-type`, `too-large`, `too-slow`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in kinds:
        raise Malformed("media-type", f"send the file as it is, as one of {', '.join(sorted(kinds))}")
    content = bytearray()
    try:
        async with asyncio.timeout(SECONDS):
            async for piece in request.stream():
                content += piece
                if len(content) > limit:
                    raise Malformed("too-large", f"at most {limit} bytes are taken here")
    except TimeoutError as error:
        raise Malformed("too-slow", f"the file did not arrive within {SECONDS} seconds") from error
    return bytes(content)


def body_reader(limit: int, kinds: Collection[str]) -> Callable[[Request], Awaitable[bytes]]:
    """A dependency that reads a body of at most `limit` bytes; name it after the one that asks who it is."""

    async def read(request: Request) -> bytes:
        return await read_body(request, limit, kinds)

    return read
