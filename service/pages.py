"""Pages in plain HTML, made on the server: every text that comes from somebody is shown as text, whatever it says (attack E1).

Templates stand in `service/templates` and begin with `{% extends "base.html" %}`. Beside a page's own values they have `person`
(who is signed in, or None), `csrf` (the token that every form must send back as the field `csrf`) and `rehearsal`.

Every sentence stands in English in `_("…")` or `ngettext("one", "many", number)`; values go in by `%(name)s` and are escaped. Links
to our own pages are `url("/path")`, which keeps the language. `language` is its name, `dir` its direction. Filters of the language:
`moment(zone)`, `day(zone)`, `number`, `share(whole)`, `money(currency)`, `title` (a text given in several languages, marked when it
is in another one) and `plain_title` (the same without a mark, for `<title>` and attributes).

A page with a script has `{{ script("booth") }}`: nothing when no script was built. The script finds its sentences in the block
`{{ messages("booth") }}` (`{"key": "text"}` of the section `booth` of the language's `scripts.json`), and what it must know in
`{{ page_data(value) }}`. Both are data that no browser runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.exceptions import HTTPException

from veche.crypto.errors import ElectionError
from veche.observer.problems import answer_to
from veche.service.access import SignedIn, signed_in_by
from veche.service.languages import ENGLISH, Language, Languages, Scripts, prefix_of, read_languages, text_in
from veche.service.organizer_words import REFUSED
from veche.service.settings import Settings
from veche.service.web_assets import STYLE, installed_assets
from veche.service.words import REFUSALS

TEMPLATES: Final = Path(__file__).with_name("templates")
STATIC: Final = Path(__file__).with_name("static")

_PROGRAMS: Final = ("/api/", "/observer/")

_TURNING: Final = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\N{REPLACEMENT CHARACTER}")
"""Characters that turn the direction of the text after them: a name could make the line it stands in say something else."""

_CONTROLS: Final = dict.fromkeys((*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0)), "\N{REPLACEMENT CHARACTER}")


class Pages:
    """Renders templates in every language. Made once per application."""

    def __init__(self, settings: Settings, languages: Languages | None = None) -> None:
        self.languages = languages or read_languages()
        self._settings = settings
        english = self.languages.by_name[ENGLISH]
        self._environments = {name: environment_of(one, english.scripts) for name, one in self.languages.by_name.items()}

    def render(self, request: Request, name: str, status: int = 200, **values: Any) -> Response:
        """The page of this template. No cache keeps it: it may be one person's."""
        signed_in: SignedIn | None = signed_in_by(request)
        language, prefix = self.languages.of(request), prefix_of(request)
        given = {
            "person": None if signed_in is None else signed_in.person,
            "csrf": "" if signed_in is None else signed_in.csrf,
            "session_left": 0 if signed_in is None else signed_in.left,
            "rehearsal": False,
            "by_mail": bool(self._settings.smtp),
            "url": lambda path: prefix + path,
            "status": status,
            "translations": self._translations(request, status),
            **values,
        }
        content = self._environments[language.name].get_template(name).render(given)
        headers = {"Cache-Control": "no-store", "Content-Language": language.name}
        if not prefix:
            headers["Vary"] = "Accept-Language"
        return HTMLResponse(content, status, headers)

    def _translations(self, request: Request, status: int) -> list[tuple[Language, str]]:
        """Every language with the address of this page in it; of what answers a form or is nowhere, that of the start page."""
        path = quote(request.scope["path"]) if status != 404 and request.method in ("GET", "HEAD") else "/"
        asked = request.url.query
        return [(one, f"/{one.name}{path}{'?' if asked else ''}{asked}") for one in self.languages.by_name.values()]


def environment_of(language: Language, english: Scripts) -> Environment:
    """Templates in this language: its sentences, filters and direction, and what pages with a script need.

    Where a script's sentence is missing in it, the English one stands.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    forms = language.forms

    def messages(*pages: str) -> dict[str, str]:
        sections = [scripts.get(page, {}) for page in pages for scripts in (english, language.scripts)]
        return {key: text for section in sections for key, text in section.items()}

    environment.globals.update(
        _=language.say,
        ngettext=language.say_number,
        language=language.name,
        dir=language.direction,
        script=_script,
        style=_style,
        messages=lambda *pages: _data("messages", messages(*pages)),
        page_data=lambda value: _data("page", value),
        booth=lambda key, number=None, **values: _of_booth(language, messages("voter", "booth"), key, number, values),
    )
    environment.filters.update(
        moment=forms.moment,
        day=forms.day,
        hour=forms.hour,
        span=forms.span,
        number=forms.number,
        share=forms.share,
        money=forms.money,
        title=lambda text: _title(text, language.name),
        plain_title=lambda text: text_in(text, language.name)[0],
    )
    return environment


def _title(text: Mapping[str, str], language: str) -> str | Markup:
    """A text in this language, or in another one, which is said to whoever reads it aloud (WCAG 3.1.2)."""
    words, other = text_in(text, language)
    return words if other == language else Markup('<span lang="{}">{}</span>').format(other, _shown(words))


def _script(name: str) -> Markup:
    """The tag that runs this script and no other bytes under its name; nothing when no script was built."""
    found = installed_assets().files.get(f"{name}.js")
    if found is None:
        return Markup("")
    tag = '<script type="module" src="/static/dist/{}.js" integrity="{}" crossorigin="anonymous"></script>'
    return Markup(tag).format(name, found.integrity)


def _style() -> Markup:
    """The tag that dresses the page in this style sheet and in no other bytes under its name: one rule could hide an option."""
    tag = '<link rel="stylesheet" href="/static/{}" integrity="{}" crossorigin="anonymous">'
    return Markup(tag).format(STYLE, installed_assets().style.integrity)


def _of_booth(
    language: Language, known: Mapping[str, str], key: str, number: int | None, values: Mapping[str, object]
) -> Markup:
    """A sentence of the booth's script, where a page shows what a voter will read there; its values are escaped."""
    if number is not None:
        form = f"{key}.{language.forms.plural(number)}"
        key, values = form if form in known else f"{key}.other", {"num": number, **values}
    return Markup(escape(known[key])).format(**values)


def _data(name: str, value: object) -> Markup:
    """A block of data in the page. No text in it can end the block."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(f'<script type="application/json" id="{name}">{text}</script>')


def _shown(value: object) -> object:
    """What stands in the page for a value: characters that could disturb the page are visibly replaced."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return value.translate(_TURNING).translate(_CONTROLS)
    return value


def install(application: FastAPI, pages: Pages) -> None:
    """A refusal is shown to a browser as a page with the same status and sentence; programs get the problem as before."""

    def answered(request: Request, error: Exception) -> Response:
        answer = answer_to(error)
        if not _wants_page(request):
            return answer
        status = answer.status_code
        page = pages.render(request, "refused.html", status, **_refusal(error, status, pages.languages.of(request)))
        for name in ("allow", "retry-after"):
            if name in answer.headers:
                page.headers[name] = answer.headers[name]
        return page

    for kind in (ElectionError, RequestValidationError, HTTPException):
        application.add_exception_handler(kind, answered)


def _wants_page(request: Request) -> bool:
    path = request.scope["path"]
    return "text/html" in request.headers.get("accept", "") and not path.startswith(_PROGRAMS)


def _refusal(error: Exception, status: int, language: Language) -> dict[str, str]:
    """What the page says: our own sentence where one of the reader's language is known, and the exact one, which is English."""
    if not isinstance(error, ElectionError):
        code = {404: "not-found", 405: "method-not-allowed"}.get(status, "invalid-request")
        return {"told": REFUSALS[code], "sentence": "", "code": ""}
    told = REFUSALS.get(error.code, "") or REFUSED.get(error.code, "")
    return {"told": "" if language.name == ENGLISH else told, "sentence": error.message, "code": error.code}
