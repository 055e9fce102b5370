"""A page under watch: whatever a test does, no script fails, no policy is broken, and nobody else is asked for anything."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.browser.readable import hard_to_read, hidden_stops

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Request

_EXPECTED = re.compile(r"Failed to load resource")
"""The browser writes down every answer that is not 2xx, and every one that did not come."""


@dataclass(slots=True)
class Watched:
    """`activations` counts what a person does: clicks, keys on buttons. `sent` are all bodies that were posted."""

    page: Page
    origin: str
    activations: int = 0
    typed: int = 0
    asked: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    _looked: set[tuple[str, ...]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self._asked(request))
        self.page.on("response", lambda answer: self._answered(answer.status, answer.url))

    def _asked(self, request: Request) -> None:
        self.asked.append(request.url)
        if request.method == "POST":
            self.sent.append(request.post_data or "")

    def _answered(self, status: int, url: str) -> None:
        # 503 is said on purpose, by a server that is busy; every other 5xx is a mistake of ours.
        if status >= 500 and status != 503:
            self.complaints.append(f"{status} {url}")

    def open(self, path: str) -> None:
        self.page.goto(self.origin + path)

    def press(self, name: str, role: str = "button") -> None:
        """A person activates what has this name."""
        self.activations += 1
        self.named(name, role).click()

    def choose(self, option: str) -> None:
        """A person touches an option of the ballot."""
        self.activations += 1
        self.page.get_by_text(option, exact=True).click()

    def type(self, label: str, text: str) -> None:
        self.typed += 1
        self.page.get_by_label(label).fill(text)

    def named(self, name: str, role: str = "button") -> Locator:
        return self.page.get_by_role(role, name=name)  # type: ignore[arg-type]  # the names of roles are a list of literals

    def heading(self, name: str, seconds: float = 15) -> None:
        """The page's heading says this, soon."""
        self.page.get_by_role("heading", name=name, level=1).wait_for(timeout=1000 * seconds)

    def saying(self, text: str, seconds: float = 15) -> None:
        """The page says this, soon."""
        self.page.locator("#app").get_by_text(text).first.wait_for(timeout=1000 * seconds)

    def text(self) -> str:
        return self.page.locator("main").inner_text()

    def look(self) -> None:
        """What is hard to read or to reach on this screen is a complaint; one with the same headings is looked at once."""
        headings = tuple(self.page.locator("h1, h2, [role=alert]:not(:empty)").all_inner_texts())
        if headings not in self._looked:
            self._looked.add(headings)
            self.complaints += [f"{headings[:1]}: {one}" for one in (*hard_to_read(self.page), *hidden_stops(self.page))]

    def verify(self) -> None:
        """Check what every page promises."""
        complaints = [one for one in self.complaints if not _EXPECTED.search(one)]
        assert complaints == [], "\n".join(complaints)
        elsewhere = [one for one in self.asked if not one.startswith((f"{self.origin}/", "data:", f"blob:{self.origin}/"))]
        assert elsewhere == [], "\n".join(elsewhere)
