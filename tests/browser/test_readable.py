"""Every page in both languages, light and dark: what axe finds, what a phone of 320 pixels cuts off, what the keyboard reaches."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.conftest import NewPage, watched_pages
from tests.browser.demonstration import Demonstration
from tests.browser.pages_of_demo import COUNTED, LANGUAGES, ORGANIZERS, PUBLIC, at
from tests.browser.readable import hard_to_read, hidden_stops
from tests.browser.watched import Watched

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reader(chromium: object, demo: Demonstration) -> Iterator[Watched]:
    with watched_pages(chromium, demo) as make:
        yield make()


@pytest.fixture(scope="module")
def organizer(chromium: object, demo: Demonstration) -> Iterator[Watched]:
    with watched_pages(chromium, demo) as make:
        page = make()
        page.page.goto(next(one["link"] for one in demo.described["accounts"] if one["role"] == "organizer"))
        page.press("Sign in")
        page.page.wait_for_url("**/account")
        yield page


def complaints(page: Watched, demo: Demonstration, path: str) -> list[str]:
    found = []
    for language in LANGUAGES:
        page.open(f"/{language}{at(demo, path)}")
        page.page.get_by_role("heading", level=1).wait_for()
        found += [f"{language}: {one}" for one in hard_to_read(page.page)]
    return [*found, *hidden_stops(page.page)]


@pytest.mark.parametrize("path", PUBLIC)
def test_a_public_page_is_readable_for_everybody(reader: Watched, demo: Demonstration, path: str) -> None:
    assert complaints(reader, demo, path) == []


@pytest.mark.parametrize("path", ORGANIZERS)
def test_an_organizers_page_is_readable_for_everybody(organizer: Watched, demo: Demonstration, path: str) -> None:
    assert complaints(organizer, demo, path) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_screen_of_the_vote_is_readable_for_everybody(new_page: NewPage, demo: Demonstration, language: str) -> None:
    page = new_page()
    code = demo.contest("open")["codes"][-1 - LANGUAGES.index(language)]
    found: dict[str, list[str]] = {}

    def look(screen: str) -> None:
        found[screen] = hard_to_read(page.page)

    def press(selector: str, screen: str, last: bool = False) -> None:
        before, found = page.page.locator("h1").inner_text(), page.page.locator(selector)
        (found.last if last else found.first).click()
        page.page.locator("h1").filter(has_not_text=before).wait_for()
        look(screen)

    page.open(f"/{language}/vote/demo#{code}")
    page.page.locator("#answer-0-0").click()
    look("choosing")
    press("#app form button[type=submit]", "reviewing")
    page.page.locator("#app .acts button").first.click()
    page.page.locator("#cast").wait_for()
    look("encrypted")
    page.page.locator("#app details summary").last.click()
    press("#app details .acts button", "tested")
    press("#app .acts button", "choosing again", last=True)
    page.page.locator("#answer-0-1").click()
    press("#app form button[type=submit]", "reviewing again")
    page.page.locator("#app .acts button").first.click()
    page.page.locator("#cast").click()
    page.page.locator("#steps").wait_for()
    look("accepted")
    assert {screen: one for screen, one in found.items() if one} == {}


def test_without_javascript_results_figures_and_explanations_are_there(new_page: NewPage, demo: Demonstration) -> None:
    page = new_page(java_script_enabled=False)
    page.open(at(demo, f"/en/observe/{COUNTED}"))
    assert all(text in page.text() for text in ("Lamps by the river", "Votes cast", "Have voted: 16 of 20", "--level strict"))
    page.open("/en/help")
    assert "Who can see my vote?" in page.text()
    page.open(at(demo, f"/en/observe/{COUNTED}/protocol/result"))
    assert "Lamps by the river" in page.text()
