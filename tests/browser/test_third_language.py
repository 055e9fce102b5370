"""A third language from one folder, half as long again and from right to left: every screen fits, no sentence is left behind."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.browser.conftest import watched_pages
from tests.browser.demonstration import Demonstration
from tests.browser.readable import hard_to_read, hidden_stops
from tests.browser.watched import Watched
from tests.service.hand_clock import HandClock
from tests.service.http_campaign import CAMPAIGN, HttpCampaign, campaign
from tests.service.pseudo_language import BEGIN, END, NAME, pseudo_language
from tests.service.signed_in import login_token
from veche.service import application
from veche.service.pages import Pages

pytestmark = pytest.mark.slow

OWN = re.compile(
    r"(?:District|Budget|Project|What shall district) ?[\d. ]*|build\?|Anna|Boris|Clara|Rita|[a-z]+@example\.org|ol(?:ga|eg)"
    r"|UTC|Veche|veche|[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}"
)
"""Texts of the campaign, names, seals."""

_TEXT = """() => {
  const shown = document.body.cloneNode(true);
  for (const one of shown.querySelectorAll("code, pre, script, style, option, noscript, [translate=no], [lang=en]")) one.remove();
  const labels = [...shown.querySelectorAll("[aria-label]")].map((one) => one.ariaLabel);
  return [document.title, shown.textContent, ...labels].join("\\n");
}"""


@pytest.fixture(scope="module")
def story(chromium: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpCampaign]:
    """Three contests on a server that speaks this language too, the first open."""
    _ = chromium
    folder = tmp_path_factory.mktemp("third")
    spoken = pseudo_language(folder / "locale")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(application, "Pages", lambda settings: Pages(settings, spoken))
        with campaign(folder, "", HandClock(), 5) as told:
            told.prepare()
            told.open(told.uuids[0])
            yield told


class Reader:
    """Looks at every screen. `found`: complaints by screen."""

    def __init__(self, page: Watched) -> None:
        self.page = page
        self.found: dict[str, list[str]] = {}

    def open(self, path: str, awaited: str = "h1") -> None:
        self.page.page.goto("about:blank")
        self.page.open(f"/{NAME}{path}")
        self.look(path.partition("#")[0], awaited)

    def press(self, selector: str, awaited: str) -> None:
        self.page.page.locator(selector).first.click()
        self.look(f"{selector} > {awaited}", awaited)

    def look(self, screen: str, awaited: str) -> None:
        page = self.page.page
        page.locator(awaited).first.wait_for()
        text = page.evaluate(_TEXT)
        left = OWN.sub("", text[: text.index(BEGIN)] + without_sentences(text[text.index(BEGIN) :]))
        self.found[screen] = [*re.findall(r".*[A-Za-z]{3}.*", left), *hard_to_read(page)]


def without_sentences(text: str) -> str:
    """The text without what is marked; a sentence may stand in another one."""
    while (shorter := re.sub(f"{BEGIN}[^{BEGIN}{END}]*{END}", "", text)) != text:
        text = shorter
    return text


def test_every_screen_fits_a_long_language_from_right_to_left(chromium: object, story: HttpCampaign) -> None:
    first, _, third = story.uuids
    code = next(iter(story.codes.values()))
    with watched_pages(chromium, Demonstration(story.base, story.folder, {})) as make:
        voter = Reader(make())
        for path in ("/", "/help", f"/observe/{first}", f"/observe/{third}", f"/observe/{first}/protocol/opening", "/my", "/login"):
            voter.open(path)
        voter.open(f"/vote/{CAMPAIGN}", "#code")
        voter.press("#app form button", ".mistake")
        voter.open(f"/vote/{CAMPAIGN}#{code}", "#answer-0-1")
        voter.page.page.locator("#answer-0-1").click()
        voter.press("#app form button[type=submit]", "#app dl")
        voter.press("#app .acts button", "#cast")
        voter.press("#cast", "#steps")
        voter.open(f"/my#{code}", "#app .cards code")
        voter.open(f"/track/{first}", "#given")
        voter.open(f"/trustee/{CAMPAIGN}")
        olga = Reader(make())
        olga.page.open(f"/{NAME}/login/{login_token(story.server, 'olga@example.org')}")
        olga.look("sign in", "form button")
        olga.page.page.locator("form button").last.click()
        olga.page.page.wait_for_url("**/account")
        for path in ("", CAMPAIGN, f"{CAMPAIGN}/trail", f"{CAMPAIGN}/contests/{first}", f"{CAMPAIGN}/contests/{third}"):
            olga.open(f"/organizer/{path}")
        for one in (voter, olga):
            one.found["by keyboard"] = hidden_stops(one.page.page)
        assert '<html lang="ar" dir="rtl">' in olga.page.page.content()
        for one in (voter, olga):
            assert {screen: found for screen, found in one.found.items() if found} == {}
