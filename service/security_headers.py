"""Headers that every answer carries, so that a browser gives an attacker nothing to hold on to. reliability section 5 (ASVS V3).

A page of ours runs no script but those of `static/dist`, where it needs one at all; sends its forms to us alone, stands in
nobody's frame, and tells no other site where its reader came from. A script can put no markup into a page: no Trusted Types policy
may exist.
What an answer says of its own is kept only for `Cache-Control`.
"""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from veche.observer.problems import problem

_RULES: Final = (
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)

STILL: Final = "; ".join(_RULES)
"""For everything that needs no script: there is no `script-src`, so none runs."""

SCRIPTED: Final = "; ".join((_RULES[0], "script-src 'self'", *_RULES[1:]))
"""For the pages of voters and trustees."""

_SCRIPTED_PAGES: Final = ("/vote/", "/my", "/track", "/observe/", "/help", "/trustee/", "/organizer/", "/drafts/")
"""Booth, my ballots, tracker, trustee; where a voter is reminded of what she has not cast yet; and where an organizer is warned
that the session ends."""

_PERMISSIONS: Final = ", ".join(
    f"{name}=()"
    for name in (
        "accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "hid", "local-fonts", "magnetometer",
        "microphone", "midi", "payment", "serial", "usb",
    )
)  # fmt: skip

_TWO_YEARS: Final = 63_072_000
_FOR_EVERY_SITE: Final = "/observer/"
"""The public record may be read by pages of other sites, for instance by observers' own."""

_CACHED: Final = ("/observer/", "/static/")
"""What everybody sees alike may be kept by caches; everything else may not, unless it says so."""


class SecurityHeaders:
    """An ASGI application that adds the headers to every answer of `app`; `secure` when people reach it by https."""

    def __init__(self, app: ASGIApp, secure: bool) -> None:
        self._app = app
        self._headers = security_headers(secure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                headers["Content-Security-Policy"] = policy_of(scope["path"])
                if scope["path"].startswith(_FOR_EVERY_SITE):
                    del headers["Cross-Origin-Resource-Policy"]
                if not scope["path"].startswith(_CACHED):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)


def policy_of(path: str) -> str:
    """The Content-Security-Policy of this page; `path` is without its language."""
    return SCRIPTED if path == "/" or path.startswith(_SCRIPTED_PAGES) else STILL


def security_headers(secure: bool) -> dict[str, str]:
    """Names and values. Over http there is no HSTS: it would lock people out of a server on their own machine."""
    headers = {
        "Content-Security-Policy": STILL,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Frame-Options": "DENY",
        "Permissions-Policy": _PERMISSIONS,
    }
    if secure:
        headers["Strict-Transport-Security"] = f"max-age={_TWO_YEARS}"
    return headers


def install(application: FastAPI, secure: bool) -> None:
    """Every answer of this application carries the headers, also that to a mistake of ours."""
    headers = {**security_headers(secure), "Cache-Control": "no-store"}

    def failed(_: Request, __: Exception) -> Response:
        # The framework sends this answer past every other layer, and raises the error again for the log.
        told = "this is a mistake in Veche, not in what you sent; the log of the server says where"
        return problem(500, "our-fault", told, headers)

    application.add_middleware(SecurityHeaders, secure=secure)
    application.add_exception_handler(Exception, failed)
