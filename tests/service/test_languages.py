"""Pages in the reader's language: by prefix, by what the browser asks for, and whole: no sentence stays behind."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes
from jinja2.ext import extract_from_ast
from markupsafe import Markup
from starlette.testclient import TestClient

from tests.service.signed_in import SAME_SITE, account, login_token
from veche.service.application import create_application
from veche.service.languages import LOCALE, Language, read_languages
from veche.service.local_forms import LocalForms
from veche.service.pages import TEMPLATES
from veche.service.server import Server

SERVICE = Path(LOCALE).parent
RUSSIAN = {"Accept-Language": "ru-RU,ru;q=0.9,en;q=0.5"}


@pytest.fixture
def database() -> str:
    return ""


@pytest.fixture
def client(server: Server) -> TestClient:
    return TestClient(create_application(server), headers=SAME_SITE, follow_redirects=False)


@cache
def spoken(name: str) -> Language:
    return read_languages().by_name[name]


def language_of(html: str) -> str:
    found = re.search(r'<html lang="([^"]+)"', html)
    return found[1] if found else ""


# --- Which language -------------------------------------------------------------------------


def test_a_prefix_decides_and_else_what_the_browser_asks_for(client: TestClient) -> None:
    assert language_of(client.get("/ru/", headers={"Accept-Language": "en"}).text) == "ru"
    assert language_of(client.get("/en/login", headers=RUSSIAN).text) == "en"
    assert language_of(client.get("/login", headers=RUSSIAN).text) == "ru"
    assert language_of(client.get("/ru").text) == "ru"


def test_only_a_page_without_a_prefix_varies(client: TestClient) -> None:
    assert client.get("/login").headers["vary"] == "Accept-Language"
    assert "vary" not in client.get("/ru/login").headers
    assert client.get("/ru/login").headers["content-language"] == "ru"


@pytest.mark.parametrize(
    ("accept", "found"),
    [
        ("", "en"), ("ru", "ru"), ("de", "en"), ("de,ru;q=0.1", "ru"), ("en;q=0.2, ru;q=0.3", "ru"), ("ru;q=0", "en"),
        ("*", "en"), ("ru;q=x", "en"), ("RU-ru", "ru"), ("en,ru", "en"), (",".join(["de"] * 20 + ["ru"]), "en"), (";;,;q=,=", "en"),
    ],
)  # fmt: skip
def test_the_language_that_is_liked_best(accept: str, found: str) -> None:
    assert read_languages().asked_for(accept) == found


def test_a_refusal_and_a_missing_page_speak_the_language_too(client: TestClient) -> None:
    for path in ("/ru/nowhere", "/ru/observe/nothing"):
        answer = client.get(path, headers={"Accept": "text/html"})
        assert (answer.status_code, language_of(answer.text)) == (404, "ru")


def test_what_programs_read_has_no_language(client: TestClient) -> None:
    assert client.get("/observer/elections").status_code == 200
    for path in ("/ru/observer/elections", "/ru/healthz", "/ru/static/veche.css", "/ru/api/session", "/ru/en/login", "/rus/"):
        assert client.get(path).status_code == 404, path


def test_where_a_page_sends_its_reader_on_the_language_stays(server: Server, client: TestClient) -> None:
    account(server)
    token = login_token(server)
    assert client.post("/ru/sign-in", data={"token": token}).headers["location"] == "/ru/account"


def test_every_page_names_itself_in_every_language(client: TestClient) -> None:
    html = client.get("/ru/login?a=b%22").text
    assert '<link rel="alternate" hreflang="en" href="/en/login?a=b%22">' in html
    assert 'href="/ru/login?a=b%22" hreflang="ru" lang="ru" aria-current="true">Русский<' in html


# --- Sentences ------------------------------------------------------------------------------


@cache
def russian() -> Catalog:
    catalog = Catalog("ru")
    for path in sorted((LOCALE / "ru" / "LC_MESSAGES").glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale="ru"):
                if message.id:
                    catalog[message.id] = message
    return catalog


def used() -> Iterator[tuple[str, str | tuple[str, ...]]]:
    """Every sentence of templates and of the code, with where it stands."""
    for path in sorted(TEMPLATES.rglob("*.html")):
        tree = Environment().parse(path.read_text("utf-8"))
        for line, function, found in extract_from_ast(tree, gettext_functions=("_", "ngettext")):
            given = found if isinstance(found, tuple) else (found,)
            # A sentence of the code comes as a variable: it is found where it is marked.
            if given[0] is not None:
                yield f"{path.name}:{line}", given[0] if function == "_" else (given[0], given[1] or "")
    for path in sorted(
        path for package in ("crypto", "ballot", "ledger", "service") for path in (SERVICE.parent / package).glob("*.py")
    ):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("sentence", "said"):
                marked = node.args[0]
                assert isinstance(marked, ast.Constant), f"{path.name}:{node.lineno}"
                yield f"{path.name}:{node.lineno}", str(marked.value)


PLACE = re.compile(r"%\((\w+)\)s")


def forms(text: str | Sequence[str | None] | None) -> tuple[str, ...]:
    """A sentence, or its singular and plurals."""
    return (text or "",) if text is None or isinstance(text, str) else tuple(one or "" for one in text)


def test_every_sentence_has_its_russian() -> None:
    missing = []
    for where, message in used():
        found = russian().get(message[0] if isinstance(message, tuple) else message)
        texts = forms(None if found is None else found.string)
        if not all(texts) or (isinstance(message, tuple) and len(texts) != 3):
            missing.append(f"{where}: {message}")
    assert not missing, "\n".join(missing)


def test_a_translation_has_the_same_places_and_tags() -> None:
    for message in russian():
        if not message.id:
            continue
        english = forms(message.id)[-1]
        for text in forms(message.string):
            assert set(PLACE.findall(text)) | {"num"} == set(PLACE.findall(english)) | {"num"}, message.id
            assert sorted(re.findall(r"</?\w+", text)) == sorted(re.findall(r"</?\w+", english)), message.id
            assert not re.search(r"%(?!\(\w+\)s)", text) or not PLACE.search(text), message.id


def test_a_sentence_of_ours_keeps_its_tags_and_a_foreign_text_has_none() -> None:
    language = spoken("ru")
    assert language.say("Help") == "Помощь"
    assert language.say("<b>state</b>") == "&lt;b&gt;state&lt;/b&gt;"
    assert "<" not in language.say("Hello %(name)s", name="<i>")
    assert language.say("") == ""


def test_times_numbers_and_money_are_written_as_the_language_does() -> None:
    english, russian_ = spoken("en").forms, spoken("ru").forms
    assert english.moment(1_800_000_000) == Markup('<time datetime="2027-01-15T08:00:00Z">January 15, 2027, 08:00\xa0UTC</time>')
    assert "15 января 2027\u202fг., 11:00\xa0UTC+3" in russian_.moment(1_800_000_000, "Europe/Moscow").replace("\xa0г", "\u202fг")
    assert "UTC<" in english.moment(0, "Moon/Base")
    assert (english.number(14_800), russian_.number(14_800)) == ("14,800", "14\xa0800")
    assert russian_.money(1_480_000_000, "RUB") == "14\xa0800\xa0000\xa0₽"
    assert russian_.money(154_616_866, "RUB") == "1\xa0546\xa0168,66\xa0₽"
    assert [english.money(250_000, one) for one in ("RUB", "EUR", "JPY")] == ["RUB\xa02,500", "€2,500", "¥250,000"]
    assert english.money(250_050, "RUB") == "RUB\xa02,500.50"
    assert [english.span(one) for one in (1, 86_398, 1_295_997)] == ["1 second", "24 hours", "15 days"]
    assert russian_.span(1_295_997) == "15 дней"
    assert english.share(1, 3) == "33.3%"
    assert english.share(0, 0) == "0.0%"
    assert russian_.number(Decimal("1.5")) == "1,5"


# --- No text beside the sentences -----------------------------------------------------------

NOT_YET = frozenset({"trustee.html"})
"""Templates whose owner has still to put his sentences into `_(…)`. It ends empty."""


class Words(HTMLParser):
    """The texts of a page's source outside code and names."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        for name in ("title", "aria-label", "alt", "placeholder"):
            self.found.append(given.get(name) or "")
        if tag in ("code", "pre", "kbd") or given.get("translate") == "no" or self._inside:
            self._inside.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            del self._inside[self._inside.index(tag) :]

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.found.append(data)


@pytest.mark.parametrize("name", sorted(path.name for path in TEMPLATES.rglob("*.html") if path.name not in NOT_YET))
def test_no_text_of_a_template_stands_outside_a_sentence(name: str) -> None:
    tree = Environment().parse((TEMPLATES / name).read_text("utf-8"))
    parser = Words()
    parser.feed("".join(node.data for node in tree.find_all(nodes.TemplateData)))
    texts = [text.replace("Veche", "") for text in parser.found]
    assert [text.strip() for text in texts if re.search(r"[^\W\d_]{2}", text)] == []


def test_one_more_folder_is_one_more_language(tmp_path: Path) -> None:
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "veche.po").write_text('msgid "Help"\nmsgstr "Hilfe"\n', "utf-8")
    languages = read_languages(tmp_path)
    assert list(languages.by_name) == ["en", "de"]
    assert languages.by_name["de"].say("Help") == "Hilfe"
    assert languages.by_name["de"].say("Votes") == "Votes"
    assert LocalForms(languages.by_name["de"].locale).number(1234) == "1.234"
