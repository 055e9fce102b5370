"""What templates are given beside their own values: titles, data blocks, scripts and their sentences."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jinja2 import Environment
from starlette.requests import Request

from tests.service.hostile_texts import SCRIPTS
from veche.service import languages, pages
from veche.service.pages import STATIC, Pages
from veche.service.settings import Settings


@pytest.fixture
def environment() -> Environment:
    spoken = Pages(Settings()).languages.by_name
    return pages.environment_of(spoken["ru"], spoken["en"].scripts)


def shown(environment: Environment, source: str, **values: object) -> str:
    return environment.from_string(source).render(values)


def test_no_text_in_a_data_block_can_end_it(environment: Environment) -> None:
    value = {"title": [*SCRIPTS, "</script>", "<!--<script>", "]]>", "\u2028\u2029", "&amp;", "\ud83d\ude00"], "at": 5}
    block = shown(environment, "{{ page_data(value) }}", value=value)
    found = re.fullmatch(r'<script type="application/json" id="page">(.*)</script>', block)
    assert found is not None
    assert not re.search("[<>&\u2028\u2029]", found[1])
    assert json.loads(found[1]) == value


def test_a_sentence_of_a_script_that_a_language_does_not_have_is_shown_in_english(tmp_path: Path) -> None:
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "scripts.json").write_text('{"booth": {"a": "А"}}', "utf-8")
    german = languages.read_languages(tmp_path).by_name["de"]
    environment = pages.environment_of(german, {"booth": {"a": "A", "b": "B"}, "my": {"c": "C"}})
    block = shown(environment, '{{ messages("booth", "my") }}')
    assert json.loads(block[block.index(">") + 1 : -len("</script>")]) == {"a": "А", "b": "B", "c": "C"}


def test_a_script_that_was_not_built_is_no_tag(environment: Environment) -> None:
    assert shown(environment, '{{ script("none") }}') == ""
    assert shown(environment, '{% if script("none") %}built{% else %}not built{% endif %}') == "not built"


def test_a_title_in_another_language_says_so(environment: Environment) -> None:
    both = {"en": "Budget", "ru": "Бюджет"}
    assert shown(environment, "{{ text|title }}", text=both) == "Бюджет"
    assert shown(environment, "{{ text|title }}", text={"de": "<b>Haushalt</b>"}) == (
        '<span lang="de">&lt;b&gt;Haushalt&lt;/b&gt;</span>'
    )
    assert shown(environment, "{{ text|plain_title }}", text={"de": "<b>", "en": "<i>"}) == "&lt;i&gt;"


def test_the_stylesheet_asks_nobody_for_anything() -> None:
    assert not re.search(r"url\(|@import|@font-face|http", (STATIC / "veche.css").read_text("utf-8"))


def test_the_address_of_a_page_is_quoted_where_it_is_repeated() -> None:
    asked = {"type": "http", "method": "GET", "path": '/login/"><x y=é', "query_string": b"a=%22&b=1", "headers": []}
    page = bytes(Pages(Settings()).render(Request(asked), "help.html").body).decode()
    assert 'href="/ru/login/%22%3E%3Cx%20y%3D%C3%A9?a=%22&amp;b=1"' in page
