"""In which language a page speaks: by the prefix of its address, `/ru/…` or `/en/…`, or else by what the browser asks for.

No cookie remembers it: an address in a language is the same page for everybody. One folder `locale/LANGUAGE` is one language: its
`LC_MESSAGES/*.po` have the sentences of the templates, which stand there in English; its `scripts.json` has those of the pages'
scripts, by the keys of `web/messages/en.json`. The files are read at the start as they stand; nothing is compiled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from babel import Locale
from babel.messages import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from fastapi import FastAPI, Request
from markupsafe import Markup, escape
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from veche.crypto.errors import Grouped, Said, one_line
from veche.service.local_forms import LocalForms

ENGLISH: Final = "en"
LOCALE: Final = Path(__file__).with_name("locale")
MESSAGES: Final = Path(__file__).resolve().parents[1] / "web" / "messages" / "en.json"
"""The English sentences of the pages' scripts; their keys are those of every language."""

Scripts = Mapping[str, Mapping[str, str]]

_SCRIPTS: Final = "scripts.json"

_LANGUAGE: Final = "veche.language"
_PREFIX: Final = "veche.prefix"
_PROGRAMS: Final = ("/api/", "/observer/", "/static/", "/healthz", "/readyz", "/version", "/metrics")
"""Addresses that speak no language: below a prefix there are none of them."""

_MOST_ASKED: Final = 20
"""How many languages of `Accept-Language` are looked at."""


def sentence(english: str) -> str:
    """Marks an English sentence of the code that a page shows by `_(…)`; the test of the translations finds it by this name."""
    return english


class Language:
    """One language: its sentences, its way to write numbers and times, and its direction."""

    def __init__(self, name: str, translations: NullTranslations, known: frozenset[str], scripts: Scripts) -> None:
        """`known` are the English sentences of all pages: they are ours, every other text is somebody's and is escaped.

        `scripts` are the sentences of the pages' scripts, by page and key.
        """
        self.name = name
        self.scripts = scripts
        self.locale = Locale.parse(name, sep="-")
        self.direction = self.locale.text_direction
        own_name = self.locale.get_language_name(self.locale) or name
        # It stands alone in the head of the page, where also a language that writes its name small begins large.
        self.own_name = own_name[:1].upper() + own_name[1:]
        self.forms = LocalForms(self.locale)
        self._translations = translations
        self._known = known

    def say(self, english: str, /, **values: object) -> Markup:
        """This sentence, with `%(name)s` replaced by values, which are escaped. Tags in a sentence of ours stay tags.

        A refusal's sentence brings its values itself, each of which becomes one line of text.
        """
        if isinstance(english, Said):
            return self.say(english.pattern, **{name: self._value(value) for name, value in english.values.items()})
        return self._filled(self._translations.gettext(english) if english else "", english in self._known, values)

    def say_number(self, one: str, many: str, number: int, /, **values: object) -> Markup:
        """The sentence that fits this number; `%(num)s` in it is the number itself."""
        text = self._translations.ngettext(one, many, number)
        return self._filled(text, one in self._known, {"num": self.forms.number(number), **values})

    def _value(self, value: object) -> str:
        if isinstance(value, Said):
            return self.say(value)
        return self.forms.number(int(value)) if isinstance(value, Grouped) else one_line(str(value))

    @staticmethod
    def _filled(text: str, ours: bool, values: Mapping[str, object]) -> Markup:
        markup = Markup(text) if ours else escape(text)
        return markup % values if values else markup


@dataclass(frozen=True, slots=True)
class Languages:
    """All languages of the pages, English first."""

    by_name: Mapping[str, Language]

    def of(self, request: Request) -> Language:
        return self.by_name[request.scope.get(_LANGUAGE, ENGLISH)]

    def asked_for(self, accept: str) -> str:
        """The language of ours that this `Accept-Language` likes best; English where it names none."""
        best, liked = ENGLISH, 0.0
        for part in accept.split(",")[:_MOST_ASKED]:
            named, _, parameter = part.strip().partition(";")
            name, quality = named.strip().lower().partition("-")[0], _quality(parameter)
            if name in self.by_name and quality > liked:
                best, liked = name, quality
        return best


def prefix_of(request: Request) -> str:
    """`/ru` where the address named its language, else nothing. Links of the page begin with it."""
    return str(request.scope.get(_PREFIX, ""))


@cache
def read_languages(folder: Path = LOCALE) -> Languages:
    """English and every language that has a folder here; read once, as a program's files do not change while it runs."""
    catalogs = {path.name: _catalog(path) for path in sorted(folder.iterdir()) if path.is_dir()}
    known = frozenset(sentence for catalog in catalogs.values() for sentence in _sentences(catalog))
    spoken = {ENGLISH: Language(ENGLISH, NullTranslations(), known, _scripts(MESSAGES))}
    for name, catalog in catalogs.items():
        written = BytesIO()
        write_mo(written, catalog)
        written.seek(0)
        spoken[name] = Language(name, GNUTranslations(written), known, _scripts(folder / name / _SCRIPTS))
    return Languages(MappingProxyType(spoken))


class LanguagePrefix:
    """An ASGI application that takes the language off the path and hands the request on to `app`.

    `app` sees the path alone, so that routes, policies and metrics know each page by one name. Where it sends the reader on to
    another page of ours, the prefix comes back.
    """

    def __init__(self, app: ASGIApp, languages: Languages) -> None:
        self._app = app
        self._languages = languages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        prefix, path = self._parted(scope["path"])
        language = prefix[1:] or self._languages.asked_for(Headers(scope=scope).get("accept-language", ""))
        # A copy: the scope belongs to the server, which may look at it after us.
        scope = {**scope, "path": path, _PREFIX: prefix, _LANGUAGE: language}
        if prefix:
            scope["raw_path"] = path.encode("utf-8")

        async def send_on(message: Message) -> None:
            if prefix and message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if _is_page(headers.get("location", "")):
                    headers["location"] = prefix + headers["location"]
            await send(message)

        await self._app(scope, receive, send_on)

    def _parted(self, path: str) -> tuple[str, str]:
        name, slash, rest = path[1:].partition("/")
        if name not in self._languages.by_name or (slash + rest).startswith(_PROGRAMS):
            return "", path
        return f"/{name}", slash + rest or "/"


def install(application: FastAPI, languages: Languages) -> None:
    """Every page of this application can be asked for by a prefix."""
    application.add_middleware(LanguagePrefix, languages=languages)


def text_in(title: Mapping[str, str], language: str) -> tuple[str, str]:
    """A text that is given in several languages, and the language it is shown in: this one, or English, or the first there is."""
    for name in (language, ENGLISH, *title):
        if name in title:
            return title[name], name
    return "", language


def _is_page(location: str) -> bool:
    return location.startswith("/") and not location.startswith(("//", *_PROGRAMS))


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(float(value), 1.0)
    except ValueError:
        return 0.0


def _catalog(folder: Path) -> Catalog:
    """All sentences of a language. Its name and its plurals are those of the first file."""
    catalogs = [read_po(BytesIO(path.read_bytes()), locale=folder.name) for path in sorted(folder.glob("LC_MESSAGES/*.po"))]
    first, *others = catalogs or [Catalog(folder.name)]
    for other in others:
        for message in other:
            if message.id:
                first[message.id] = message
    return first


def _scripts(path: Path) -> Scripts:
    """The sentences of the pages' scripts in one language; none where it has no such file."""
    found: Scripts = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return found


def _sentences(catalog: Catalog) -> Sequence[str]:
    found: list[str] = []
    for message in catalog:
        given: Any = message.id
        found.extend(given if isinstance(given, (tuple, list)) else [given])
    return found
