"""What a page's form sent: read no further than it may be long, then handed on as texts and files.

The form's token is laid down where `Access.person` finds it, so a route that takes a form names `form_reader` as a dependency.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser

from veche.crypto.errors import Malformed
from veche.service.access import CSRF_FIELD
from veche.service.request_body import SECONDS

PAGE_FORM: Final = 64 * 1024
"""Bytes of a form without files, at most."""

_MAX_FIELDS: Final = 2000
_MAX_FILES: Final = 50


@dataclass(frozen=True, slots=True)
class Form:
    """The fields in the order of the page, each name perhaps several times, and the files by the name of their field."""

    fields: tuple[tuple[str, str], ...]
    files: Mapping[str, bytes]

    def text(self, name: str) -> str:
        """The one value of this field. Raises Malformed `form` when it is missing or there twice."""
        found = self.all(name)
        if len(found) != 1:
            raise Malformed("form", f'the form must have the field "{name}" once, it has it {len(found)} times')
        return found[0]

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of this field."""
        return tuple(value for key, value in self.fields if key == name)

    def file(self, name: str) -> bytes:
        """The content of this file. Raises Malformed `form` when none was chosen."""
        found = self.files.get(name)
        if not found:
            raise Malformed("form", f'no file was chosen for "{name}"')
        return found


def form_reader(limit: int = PAGE_FORM) -> Callable[[Request], Awaitable[Form]]:
    """A dependency that reads a form of at most `limit` bytes. It raises Malformed `form`, `too-large` and `too-slow`."""

    async def read(request: Request) -> Form:
        try:
            async with asyncio.timeout(SECONDS):
                form = await _parsed(request, limit)
        except TimeoutError as error:
            raise Malformed("too-slow", f"the form did not arrive within {SECONDS} seconds") from error
        try:
            fields = tuple((name, value) for name, value in form.multi_items() if isinstance(value, str))
            files = {name: await value.read() for name, value in form.multi_items() if isinstance(value, UploadFile)}
        finally:
            await form.close()
        if any("\x00" in text for field in fields for text in field):
            # No keyboard makes one, and PostgreSQL keeps no text with it.
            raise Malformed("form", "the form has a text with a character that no keyboard makes")
        setattr(request.state, CSRF_FIELD, next((value for name, value in fields if name == CSRF_FIELD), ""))
        return Form(fields, files)

    return read


async def _parsed(request: Request, limit: int) -> FormData:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    stream = _bounded(request, limit)
    try:
        if kind == "multipart/form-data":
            many = MultiPartParser(
                request.headers, stream, max_files=_MAX_FILES, max_fields=_MAX_FIELDS, max_part_size=PAGE_FORM
            )
            return await many.parse()
        if kind == "application/x-www-form-urlencoded":
            return await FormParser(request.headers, stream, max_fields=_MAX_FIELDS, max_part_size=PAGE_FORM).parse()
    except (MultiPartException, FormParserError) as error:
        raise Malformed("form", "the form is not one that our page sends") from error
    raise Malformed("form", "this address takes a form: application/x-www-form-urlencoded or multipart/form-data")


async def _bounded(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    read = 0
    async for piece in request.stream():
        read += len(piece)
        if read > limit:
            told = f"what was sent is too large: this page takes at most {limit // 1024:,} KiB; nothing was kept"
            raise Malformed("too-large", told)
        yield piece
