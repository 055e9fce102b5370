"""HEAD is answered like GET, without the body: RFC 9110 section 9.3.2. Link checkers and watches of a town ask so.

Here once for all pages and the interface. The observer's files and the scripts answer it themselves: they need not read what they
would not send.
"""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ANSWERED: Final = ("/observer/", "/static/")


class HeadRequests:
    """An ASGI application that gives `app` a GET in the place of a HEAD, and keeps the body of the answer back."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD" or scope["path"].startswith(_ANSWERED):
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, send_without_body)
