"""On a Russian page nothing is left in English: not what is seen, and not what is only read aloud.

Names of programs, files and formats stay as they are, and what says of itself that it is English (`lang`, `hreflang`, code). The
demonstration's own texts stand in both languages, `русский / English`, because a record has each of them once.
"""

from __future__ import annotations

import re

import pytest

from tests.browser.conftest import NewPage
from tests.browser.demonstration import Demonstration
from tests.browser.pages_of_demo import PUBLIC, at

pytestmark = pytest.mark.slow

NAMES = {"Veche", "veche", "Belenios", "CSV", "JSON", "JavaScript", "QR", "Setup", "EndBallots", "UTC", "invitation", "demo"}

_TEXTS = """() => {
  const foreign = "code, pre, .hash, [translate=no], [lang=en], script, style, option, .state-log";
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [document.title];
  while (walker.nextNode()) if (!walker.currentNode.parentElement.closest(foreign)) found.push(walker.currentNode.textContent);
  for (const one of document.querySelectorAll("*")) {
    if (one.closest("[lang=en]")) continue;
    for (const name of ["aria-label", "aria-description", "aria-roledescription", "aria-valuetext", "title", "alt", "placeholder"])
      if (one.hasAttribute(name)) found.push(one.getAttribute(name));
  }
  return found;
}"""


def english(texts: list[str]) -> list[str]:
    """The texts in which Latin words stand that are no names."""
    found = []
    for text in texts:
        own = re.sub(r"veche account link|(?<=[а-я?]) / [A-Z][A-Za-z ,?]*", "", text)
        words = re.findall(r"(?<![\w./:-])[A-Za-z]{2,}(?![\w/:-]|\.\w)", own)
        if any(word not in NAMES for word in words):
            found.append(" ".join(text.split()))
    return found


def test_a_russian_page_is_russian_to_eye_and_ear(new_page: NewPage, demo: Demonstration) -> None:
    page = new_page(locale="ru-RU")
    found: dict[str, list[str]] = {}

    def look(screen: str) -> None:
        page.page.get_by_role("heading", level=1).first.wait_for()
        assert page.page.locator("html").get_attribute("lang") == "ru"
        found[screen] = english(page.page.evaluate(_TEXTS))

    for path in PUBLIC:
        page.open(f"/ru{at(demo, path)}")
        look(path)
    page.open(f"/ru/vote/demo#{demo.contest('open')['codes'][-1]}")
    page.page.locator("#answer-0-0").click()
    look("choosing")
    page.page.locator("#app form button[type=submit]").click()
    page.page.locator("#app dl").wait_for()
    page.page.locator("#app .acts button").first.click()
    page.page.locator("#cast").wait_for()
    look("encrypted")
    page.page.locator("#cast").click()
    page.page.locator("#steps").wait_for()
    look("accepted")
    page.open(f"/ru{demo.described['accounts'][-1]['link'].removeprefix(demo.address)}")
    page.page.locator("#app .cards").wait_for()
    look("a trustee's page")
    assert {screen: texts for screen, texts in found.items() if texts} == {}
    assert english(["Ваш код", "Watch this vote"]) == ["Watch this vote"]
