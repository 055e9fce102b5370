"""Somebody who looks at pages in every language, and keeps what is hard to read on them."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.browser.pages_of_demo import LANGUAGES
from tests.browser.readable import hard_to_read, hidden_stops
from tests.browser.watched import Watched


@dataclass(slots=True)
class Onlooker:
    """One person at one browser. `found`: all complaints, with the page and its language."""

    seat: Watched
    found: list[str] = field(default_factory=list)

    def look(self, path: str, awaited: str = "main h1", press: str = "") -> list[str]:
        """What is hard to read on the page at this path, once `awaited` is there; `press`: what is pressed before."""
        page, complaints = self.seat.page, []
        for language in LANGUAGES:
            self.seat.open(f"/{language}{path}")
            if press:
                page.locator(press).first.click()
            page.locator(awaited).first.wait_for()
            complaints += [f"{language}{path}: {one}" for one in hard_to_read(page)]
        # In the last language: it is the longer one, and the harder one for whoever comes with the Tab key.
        complaints += [f"{path}: {one}" for one in hidden_stops(page)]
        self.found += complaints
        return complaints
