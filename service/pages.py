"""Pages in plain HTML, made on the server: every text that comes from somebody is shown as text, whatever it says (attack E1).

Templates stand in `service/templates` and begin with `{% extends "base.html" %}`. Beside a page's own values they have `person`
(who is signed in, or None), `csrf` (the token that every form must send back as the field `csrf`) and `rehearsal`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.exceptions import HTTPException

from veche.crypto.errors import ElectionError
from veche.observer.problems import answer_to
from veche.service.access import SignedIn, signed_in_by
from veche.service.settings import Settings

TEMPLATES: Final = Path(__file__).with_name("templates")
STATIC: Final = Path(__file__).with_name("static")

_CACHED: Final = "public, max-age=3600"
_STYLE: Final = "veche.css"
_PROGRAMS: Final = ("/api/", "/observer/")

_TURNING: Final = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\N{REPLACEMENT CHARACTER}")
"""Characters that turn the direction of the text after them: a name could make the line it stands in say something else."""

_CONTROLS: Final = dict.fromkeys((*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0)), "\N{REPLACEMENT CHARACTER}")


class Pages:
    """Renders templates. Made once per application."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_shown,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["moment"] = _moment

    def render(self, request: Request, name: str, status: int = 200, **values: Any) -> Response:
        """The page of this template. No cache keeps it: it may be one person's."""
        signed_in: SignedIn | None = signed_in_by(request)
        given = {
            "person": None if signed_in is None else signed_in.person,
            "csrf": "" if signed_in is None else signed_in.csrf,
            "rehearsal": False,
            "by_mail": bool(self._settings.smtp),
            **values,
        }
        content = self._environment.get_template(name).render(given)
        return HTMLResponse(content, status, {"Cache-Control": "no-store"})


def _shown(value: object) -> object:
    """What stands in the page for a value: characters that could disturb the page are visibly replaced."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return value.translate(_TURNING).translate(_CONTROLS)
    return value


def _moment(seconds: int) -> Markup:
    """A time for people and for programs."""
    time = datetime.fromtimestamp(seconds, UTC)
    return Markup('<time datetime="{}">{}</time>').format(time.strftime("%Y-%m-%dT%H:%M:%SZ"), time.strftime("%Y-%m-%d %H:%M UTC"))


def static_routes() -> APIRouter:
    """The files that pages are made with, read once. A path names one of them or nothing: none is looked up on the disk."""
    router = APIRouter(include_in_schema=False)
    content = (STATIC / _STYLE).read_bytes()
    tag = f'"{sha256(content).hexdigest()[:32]}"'
    headers = {"Cache-Control": _CACHED, "ETag": tag}

    @router.get(f"/static/{_STYLE}")
    def style(request: Request) -> Response:
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(content, media_type="text/css; charset=utf-8", headers=headers)

    return router


def install(application: FastAPI, pages: Pages) -> None:
    """A refusal is shown to a browser as a page with the same status and sentence; programs get the problem as before."""

    def answered(request: Request, error: Exception) -> Response:
        answer = answer_to(error)
        if not _wants_page(request):
            return answer
        sentence, code = (error.message, error.code) if isinstance(error, ElectionError) else (_plain(answer.status_code), "")
        page = pages.render(request, "refused.html", answer.status_code, sentence=sentence, code=code)
        for name in ("allow", "retry-after"):
            if name in answer.headers:
                page.headers[name] = answer.headers[name]
        return page

    for kind in (ElectionError, RequestValidationError, HTTPException):
        application.add_exception_handler(kind, answered)


def _wants_page(request: Request) -> bool:
    path = request.scope["path"]
    return "text/html" in request.headers.get("accept", "") and not path.startswith(_PROGRAMS)


def _plain(status: int) -> str:
    found = {404: "There is no such page.", 405: "This address is not to be used in this way."}
    return found.get(status, "This request is not as it must be.")
