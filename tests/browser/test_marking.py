"""Marking a ballot of several choices: what may be marked, what is said about it, and what stays when the page is left."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import NewPage, watched_pages
from tests.browser.demonstration import Demonstration
from tests.browser.watched import Watched
from tests.service.hand_clock import HandClock
from tests.service.listening import listening
from tests.service.town import ServedTown, open_town
from veche.cli.demo_town import login
from veche.crypto.canonical_json import Json
from veche.observer.board import board_of
from veche.service.server import open_server
from veche.service.settings import Settings

pytestmark = pytest.mark.slow

PARK = '<img src=x onerror=alert(1)> Парк "Заря"'
OPTIONS: list[Json] = [
    {"project": f"p{place}", "title": title, "cost": 150_000_050 * place}
    for place, title in enumerate((PARK, "Library", "Dog run", "Trees", "Bench"), 1)
]
QUESTIONS: list[Json] = [
    {"question": "Which projects?", "min": 1, "max": 3, "blank": True, "options": OPTIONS},
    {"question": "And the fence?", "min": 0, "max": 1, "blank": False, "options": [{"project": "f", "title": "Paint it"}]},
]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[tuple[ServedTown, str]]:
    """A contest with two questions, and the address of its server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base, clock = f"http://127.0.0.1:{port}", HandClock()
    server = open_server(Settings(data=tmp_path / "data", checkers=1, worker=False, base_url=base), clock)
    rule: Json = {"rule": "greedy-skip", "budget": 10**9, "currency": "RUB"}
    made = open_town(server, clock, tmp_path / "town", 2, questions=QUESTIONS, allocation=rule)
    with listening(server, port):
        yield made, base


def checked(page: Watched) -> int:
    return page.page.locator("input:checked").count()


def test_marks_are_counted_limited_and_kept_and_the_box_takes_them(chromium: object, town: tuple[ServedTown, str]) -> None:
    served, base = town
    with watched_pages(chromium, Demonstration(base, served.folder, {})) as make:
        mark_and_cast(make, served)
    assert len(board_of(served.source()).ballots) == 1


def mark_and_cast(make: NewPage, served: ServedTown) -> None:
    page = make(viewport={"width": 320, "height": 640})
    code = served.codes[login(0)]
    page.open(f"/en/vote/budget#{code}")
    page.saying("Which projects?")
    page.press("Check my choice")
    page.saying("Question 1 is not answered yet")
    for title in (PARK, "Library", "Dog run"):
        page.named(title, "checkbox").click()
    page.saying("3 of 3 chosen")
    page.named("Trees", "checkbox").click()
    page.saying("To choose another one, take a mark back first.")
    assert checked(page) == 3
    page.named("Blank vote: none of them", "checkbox").click()
    page.saying("Blank vote chosen")
    assert checked(page) == 1
    page.named(PARK, "checkbox").click()
    page.named("Bench", "checkbox").click()
    page.saying("2 of 3 chosen")
    page.press("Show in a random order")
    assert checked(page) == 2
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 320
    # Left and come back: the code is asked for again, the marks are still there.
    page.page.reload()
    page.type("Your code", code)
    page.press("Go on")
    page.saying("2 of 3 chosen")
    page.press("Check my choice")
    page.saying("no mark")
    assert PARK in page.text() and "Bench" in page.text()
    page.press("Yes, encrypt it")
    page.heading("Your vote is encrypted")
    page.press("Cast the ballot")
    page.heading("Your ballot is accepted")
