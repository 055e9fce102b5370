"""Every page in both languages, light and dark: what axe finds, what a phone of 320 pixels cuts off, what the keyboard reaches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from tests.browser.conftest import NewPage, watched_pages
from tests.browser.demonstration import Demonstration
from tests.browser.onlooker import Onlooker
from tests.browser.pages_of_demo import COUNTED, LANGUAGES, ORGANIZERS, PUBLIC, at
from tests.browser.readable import hard_to_read
from tests.browser.watched import Watched

pytestmark = pytest.mark.slow

SEND = "**/api/elections/*/ballots"


@pytest.fixture(scope="module")
def reader(chromium: object, demo: Demonstration) -> Iterator[Onlooker]:
    with watched_pages(chromium, demo) as make:
        yield Onlooker(make())


@pytest.fixture(scope="module")
def organizer(chromium: object, demo: Demonstration) -> Iterator[Onlooker]:
    with watched_pages(chromium, demo) as make:
        page = make()
        page.page.goto(next(one["link"] for one in demo.described["accounts"] if one["role"] == "organizer"))
        page.press("Sign in")
        page.page.wait_for_url("**/account")
        yield Onlooker(page)


@pytest.mark.parametrize("path", PUBLIC)
def test_a_public_page_is_readable_for_everybody(reader: Onlooker, demo: Demonstration, path: str) -> None:
    assert reader.look(at(demo, path)) == []


@pytest.mark.parametrize("path", ORGANIZERS)
def test_an_organizers_page_is_readable_for_everybody(organizer: Onlooker, demo: Demonstration, path: str) -> None:
    assert organizer.look(at(demo, path)) == []


@dataclass(slots=True)
class Walk:
    """A voter whose every screen is looked at. `found`: complaints by screen."""

    seat: Watched
    demo: Demonstration
    language: str
    found: dict[str, list[str]] = field(default_factory=dict)

    def look(self, screen: str) -> None:
        self.found[screen] = hard_to_read(self.seat.page)

    def open(self, path: str, awaited: str, screen: str) -> None:
        self.seat.page.goto("about:blank")
        self.seat.open(f"/{self.language}{at(self.demo, path)}")
        self.seat.page.locator(awaited).first.wait_for()
        self.look(screen)

    def press(self, selector: str, screen: str, last: bool = False) -> None:
        """Another heading comes."""
        page = self.seat.page
        before, found = page.locator("h1").inner_text(), page.locator(selector)
        (found.last if last else found.first).click()
        page.locator("h1").filter(has_not_text=before).wait_for()
        self.look(screen)

    def encrypt(self) -> None:
        """From a choice to the encrypted ballot."""
        self.seat.page.locator("#answer-0-1").click()
        self.seat.page.locator("#app form button[type=submit]").click()
        self.seat.page.locator("#app dl").wait_for()
        self.seat.page.locator("#app .acts button").first.click()
        self.seat.page.locator("#cast").wait_for()


@pytest.fixture(params=LANGUAGES)
def walk(request: pytest.FixtureRequest, new_page: NewPage, demo: Demonstration) -> Iterator[Walk]:
    made = Walk(new_page(), demo, request.param)
    yield made
    assert {screen: one for screen, one in made.found.items() if one} == {}


def test_every_screen_of_the_vote_is_readable_for_everybody(walk: Walk, demo: Demonstration) -> None:
    page = walk.seat.page
    code = demo.contest("open")["codes"][-1 - LANGUAGES.index(walk.language)]
    walk.open("/vote/demo", "#code", "a code is asked for")
    for wrong in range(5):
        page.locator("#code").fill("x" * wrong)
        page.locator("#app form button").click()
        page.locator(".mistake").wait_for()
    page.locator("#code-help").wait_for()
    walk.look("a fifth wrong code")
    walk.open(f"/vote/demo#{code}", "#answer-0-0", "choosing")
    page.locator("#app form button[type=submit]").click()
    walk.look("nothing chosen")
    page.locator("#answer-0-0").click()
    walk.press("#app form button[type=submit]", "reviewing")
    page.locator("#app .acts button").first.click()
    page.locator("#cast").wait_for()
    page.locator("#app details summary").first.click()
    walk.look("encrypted")
    page.locator("#app details summary").last.click()
    walk.press("#app details .acts button", "tested")
    with page.expect_download() as saved:
        page.locator("#app .steps button").first.click()
    opened = saved.value.path()
    walk.press("#app .acts button", "choosing again", last=True)
    # Two answers that never came, a refusal, and at last a box that takes the ballot.
    refusal = {"status": 409, "content_type": "application/problem+json", "body": '{"code": "not-issued"}'}
    page.route(SEND, lambda route: route.fulfill(**refusal))
    walk.encrypt()
    walk.press("#cast", "refused")
    page.unroute(SEND)
    page.route(SEND, lambda route: route.abort())
    page.locator("#app .acts button").first.click()
    walk.encrypt()
    walk.press("#cast", "not known whether it arrived")
    page.unroute(SEND)
    page.locator("#app .acts button").first.click()
    page.locator("#steps").wait_for()
    walk.look("accepted")
    walk.open(f"/my#{code}", "#app .cards code", "my ballots")
    walk.open(f"/vote/demo#{code}", "#app .cards code", "who has voted comes again")
    walk.open("/track/{open}", "#given", "a receipt is asked for")
    page.locator("#file").set_input_files(str(opened))
    page.locator("#app dl").wait_for()
    walk.look("an opened ballot on another device")


def test_every_screen_of_the_tracker_is_readable_for_everybody(walk: Walk, demo: Demonstration) -> None:
    page = walk.seat.page
    walk.open("/track/{certified}", "#given", "a receipt is asked for")
    page.locator("#app form button").click()
    page.locator(".mistake").wait_for()
    walk.look("nothing given")
    listed = httpx.get(f"{demo.record(demo.contest('certified')['uuid'])}/credentials/").json()["credentials"]
    page.locator("#given").fill(next(one["ballots"][0]["tracker"] for one in listed if one["ballots"]))
    page.locator("#app form button").click()
    page.locator("#app .acts button").nth(1).wait_for()
    walk.look("before the tracker is sent")
    walk.press("#app .acts button", "checking")
    page.locator("#app .acts").wait_for()
    walk.look("a verified ballot")


def test_a_trustees_first_screens_are_readable_for_everybody(walk: Walk, demo: Demonstration) -> None:
    page = walk.seat.page
    link = next(one["link"] for one in demo.described["accounts"] if one["role"] == "trustee")
    walk.open(f"/trustee/demo#{link.partition('#')[2]}", "#open-ceremony", "what is to be done")
    walk.press("#open-ceremony", "a key file is asked for")
    page.locator("[type=file]").set_input_files({"name": "x.json", "mimeType": "application/json", "buffer": b"{}"})
    page.locator("[type=password]").first.fill("five plain words to remember")
    page.locator("#go").click()
    page.locator("#refusal, [role=alert]").first.wait_for()
    walk.look("a file that is none")


def test_without_javascript_results_figures_and_explanations_are_there(new_page: NewPage, demo: Demonstration) -> None:
    page = new_page(java_script_enabled=False)
    page.open(at(demo, f"/en/observe/{COUNTED}"))
    assert all(text in page.text() for text in ("Lamps by the river", "Votes cast", "Have voted: 16 of 20", "--level strict"))
    page.open("/en/help")
    assert "Who can see my vote?" in page.text()
    page.open(at(demo, f"/en/observe/{COUNTED}/protocol/result"))
    assert "Lamps by the river" in page.text()


def test_without_javascript_an_organizer_types_a_campaign_and_loses_nothing(new_page: NewPage, demo: Demonstration) -> None:
    page = new_page(java_script_enabled=False)
    page.page.goto([one["link"] for one in demo.described["accounts"] if one["role"] == "organizer"][1])
    page.press("Sign in")
    # The last one is a seal that is no more to be looked at.
    for path in ORGANIZERS[:-1]:
        page.open(f"/en{at(demo, path)}")
        assert page.page.get_by_role("heading", level=1).inner_text() != "That did not work", path
    page.open("/en/organizer/")
    page.press("Begin a new campaign")
    page.type("Title in English", "Parks of 2027")
    page.named("Questions and dates of contest 1").click()
    page.heading("Contest 1")
    page.page.go_back()
    page.page.reload()
    page.named("Keep, and show what is missing").first.click()
    assert "This is still missing." in page.text()
    assert page.page.get_by_label("Title in English").input_value() == "Parks of 2027"
    page.press("Throw this draft away")
    page.heading("Your campaigns")
    assert "Parks of 2027" not in page.text()


_LINES = """(one) => {
  const style = getComputedStyle(one), label = one.closest("label");
  const edge = label === null ? style : getComputedStyle(label);
  return { border: `${edge.borderTopWidth} ${edge.borderTopStyle}`, ring: edge.outlineStyle, fill: style.fill };
}"""
_STEPS = """() => {
  const list = document.createElement("ol"), steps = [0, 1].map(() => list.appendChild(document.createElement("li")));
  list.className = "steps";
  steps[0].setAttribute("aria-current", "step");
  document.querySelector("main").append(list);
  return steps.map((one) => getComputedStyle(one, "::before").backgroundColor);
}"""


def test_what_colours_say_is_said_by_lines_where_colours_are_forced(new_page: NewPage, demo: Demonstration) -> None:
    page = new_page(forced_colors="active", color_scheme="dark")

    def lines(selector: str, which: str = "border") -> list[str]:
        return [str(one.evaluate(_LINES)[which]) for one in page.page.locator(selector).all()]

    page.open(f"/en/vote/demo#{demo.contest('open')['codes'][-4]}")
    page.page.locator("#answer-0-1").click()
    page.page.keyboard.press("ArrowDown")
    page.page.keyboard.press("ArrowUp")
    chosen = ["double" in one for one in lines(".choices input")]
    assert chosen == [False, True, False, False] and lines(".choices input", "ring") == ["none", "solid", "none", "none"]
    assert lines(".rehearsal") == ["2px solid"] and lines("body") == ["0px none"]
    assert page.page.evaluate("() => parseFloat(getComputedStyle(document.body).borderLeftWidth)") > 5
    first, other = lines("#app button[type=submit]"), lines("#app button.plain")
    assert first == ["4px double"] and set(other) == {"1px solid"}
    page.open("/en/vote/demo")
    before = lines("#code")
    page.page.locator("#app form button").click()
    page.page.locator(".mistake").wait_for()
    assert lines("#code") != before
    page.open(at(demo, f"/en/observe/{COUNTED}"))
    bars, ground = lines(".result .bar rect:not(.ground)", "fill"), lines(".result .bar rect.ground", "fill")
    assert bars and ground and set(bars).isdisjoint(ground)
    now, later = page.page.evaluate(_STEPS)
    assert now != later
