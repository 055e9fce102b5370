"""Attacks on the pages: texts that want to be script, a bundle that was changed on its way, a server that dies in between."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Route

from tests.browser.conftest import NewPage, watched_pages
from tests.browser.demonstration import Demonstration
from tests.browser.readable import planted
from tests.service.hand_clock import HandClock
from tests.service.hostile_texts import SCRIPTS
from tests.service.listening import listening
from tests.service.real_server import RealServer, begin, open_now, running
from tests.service.town import ServedTown, open_town
from tests.service.trustee_hall import cast
from veche.crypto.canonical_json import Json
from veche.service.server import open_server
from veche.service.settings import Settings

pytestmark = pytest.mark.slow

SEND = "**/api/elections/*/ballots"


@dataclass(frozen=True, slots=True)
class Town:
    """A real server in a process of its own, over a contest that takes ballots."""

    town: ServedTown
    server: RealServer

    @property
    def codes(self) -> list[str]:
        return list(self.town.codes.values())


def hostile_texts() -> dict[str, Json]:
    """Title, question, options, their descriptions and the vote's own, all hostile."""
    options: list[Json] = [
        {"project": f"p-{place}", "title": text, "text": SCRIPTS[-place]} for place, text in enumerate(SCRIPTS[:50], 1)
    ]
    question: Json = {"question": SCRIPTS[0], "min": 1, "max": 1, "blank": False, "options": options}
    return {"title": {"ru": SCRIPTS[5], "en": SCRIPTS[13]}, "description": SCRIPTS[6], "questions": [question]}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A contest whose title, question and options are all hostile texts."""
    town = open_now(tmp_path_factory.mktemp("hostile"), "", 6, **hostile_texts())
    with running(town, "") as server:
        yield Town(town, server)


@pytest.fixture
def at_town(chromium: object, hostile: Town) -> Iterator[NewPage]:
    with watched_pages(chromium, Demonstration(hostile.server.url, hostile.town.folder, {})) as make:
        yield make


def test_fifty_hostile_texts_are_text_everywhere(at_town: NewPage, hostile: Town) -> None:
    """No script ran, no policy was hurt (the pages are watched), and every text is shown sign by sign."""
    uuid, page = hostile.town.uuid, at_town()
    page.page.on("dialog", lambda dialog: page.complaints.append(f"a dialog: {dialog.message}"))
    page.open(f"/en/vote/budget#{hostile.codes[0]}")
    page.page.locator("#answer-0-0").wait_for()
    shown = page.page.locator(".choices label").all_text_contents()
    assert shown == list(SCRIPTS[:50])
    assert page.page.locator("h1").text_content() == SCRIPTS[13]
    about = page.page.locator("details.about")
    for place in (0, 6, 49):
        about.nth(place).locator("summary").click()
        about.nth(place).get_by_text(SCRIPTS[-1 - place], exact=True).wait_for()
    assert planted(page.page) == []
    page.page.locator("#answer-0-7").click()
    page.press("Check my choice")
    page.heading("Is this your choice?")
    assert page.page.locator("dd").text_content() == SCRIPTS[7]
    page.open("/ru/")
    assert SCRIPTS[5] in page.text()
    assert SCRIPTS[5] in page.page.locator("#not-cast").inner_text()
    page.open("/en/my")
    page.type("Your code", hostile.codes[0])
    page.press("Go on")
    page.page.get_by_role("button", name="Go on with your vote").click()
    page.page.locator("#answer-0-7:checked").wait_for()
    page.press("Check my choice")
    page.press("Yes, encrypt it")
    page.press("Cast the ballot")
    page.heading("Your ballot is accepted")
    assert page.page.locator("#app > p").first.text_content() == SCRIPTS[13] and planted(page.page) == []
    for path in (f"/observe/{uuid}", f"/observe/{uuid}/protocol/opening", "/my", f"/track/{uuid}", "/"):
        page.open(f"/en{path}")
        page.page.get_by_role("heading", level=1).wait_for()
    page.open(f"/en/observe/{uuid}")
    assert all(text in page.text() for text in (SCRIPTS[0], SCRIPTS[13], SCRIPTS[30], SCRIPTS[49]))


def test_hostile_texts_are_text_where_the_result_stands(chromium: object, tmp_path: Path) -> None:
    clock = HandClock()
    server = open_server(Settings(data=tmp_path / "data", database="", checkers=1, worker=False), clock)
    town = open_town(server, clock, tmp_path / "town", 2, **hostile_texts())
    # Playwright has a loop of its own in this thread.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(cast, server, town, 0, 1).result()
    town.close()
    town.tally()
    town.count()
    kinds = ("", *(f"/protocol/{kind}" for kind in ("ceremony", "opening", "closing", "result")))
    with closing(server), listening(server) as base, watched_pages(chromium, Demonstration(base, tmp_path, {})) as make:
        page = make()
        page.page.on("dialog", lambda dialog: page.complaints.append(f"a dialog: {dialog.message}"))
        for language, title in (("ru", SCRIPTS[5]), ("en", SCRIPTS[13])):
            for kind in kinds:
                page.open(f"/{language}/observe/{town.uuid}{kind}")
                assert title in page.text() and planted(page.page) == []
                assert kind not in ("", kinds[-1]) or all(text in page.text() for text in SCRIPTS[:50])
            for path in ("/", "/vote/budget", f"/track/{town.uuid}", "/my"):
                page.open(f"/{language}{path}")
                assert planted(page.page) == []


def test_a_changed_script_is_not_run_and_the_page_says_so(at_town: NewPage) -> None:
    page = at_town()

    def change(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text() + "\ndocument.title = 'changed';\n")

    page.page.route("**/static/dist/booth.js", change)
    page.open("/en/vote/budget")
    page.page.get_by_text("This page did not start").wait_for(timeout=15_000)
    assert page.page.title() != "changed" and page.page.locator("#code").count() == 0
    blocked = [one for one in page.complaints if "integrity" in one]
    assert blocked
    for one in blocked:
        page.complaints.remove(one)


def test_a_changed_style_sheet_hides_nothing_and_a_vote_goes_on_without_it(at_town: NewPage, hostile: Town) -> None:
    page = at_town()

    def change(route: Route) -> None:
        answer = route.fetch()
        hides = "label:has(#answer-0-1), .seal, .not-cast { display: none !important; }"
        route.fulfill(response=answer, body=f"{answer.text()}\n{hides}\n")

    page.page.route("**/static/veche.css", change)
    page.open(f"/en/vote/budget#{hostile.codes[1]}")
    page.page.locator("#answer-0-1").click()
    for shown in ("label:has(#answer-0-1)", ".seal", "#not-cast"):
        if shown == "#not-cast":
            page.open("/en/")
        page.page.locator(shown).first.wait_for()
        assert page.page.evaluate("() => document.styleSheets.length") == 0
    page.open(f"/en/vote/budget#{hostile.codes[1]}")
    page.page.locator("#answer-0-1:checked").wait_for()
    page.press("Check my choice")
    page.press("Yes, encrypt it")
    page.press("Cast the ballot")
    page.heading("Your ballot is accepted")
    blocked = [one for one in page.complaints if "integrity" in one and "veche.css" in one]
    assert len(blocked) == 3, page.complaints
    for one in blocked:
        page.complaints.remove(one)


def test_a_server_that_dies_between_cast_and_answer_leaves_one_ballot(chromium: object, tmp_path: Path) -> None:
    town = open_now(tmp_path, "")
    code = next(iter(town.codes.values()))
    first = begin(town, "")
    with watched_pages(chromium, Demonstration(first.url, tmp_path, {})) as make:
        page = make()

        def die(route: Route) -> None:
            route.fetch()
            first.kill()
            route.abort()

        page.page.route(SEND, die, times=1)
        page.open(f"/en/vote/budget#{code}")
        page.page.locator("#answer-0-0").click()
        page.press("Check my choice")
        page.press("Yes, encrypt it")
        page.press("Cast the ballot")
        page.heading("It is not known yet whether your ballot arrived")
        page.press("Send the same ballot again now")
        page.saying("the connection failed")
        second = begin(town, "", port=int(first.url.rpartition(":")[2]))
        try:
            # Nobody presses: the page tries again by itself.
            page.heading("Your ballot is accepted", 60)
            assert len(set(page.sent)) == 1 and len(page.sent) >= 3
            page.open(f"/en/my#{code}")
            page.saying("counts, unless you vote again")
            assert page.page.locator("#app .cards code").count() == 1
        finally:
            second.kill()
