"""What somebody hears of a page who does not see it: its accessibility tree, and what live regions say by themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Page

_CHANGING: Final = (
    (re.compile(r"(?<![\w+/])[\w+/]{43}(?![\w+/])"), "TRACKER"),
    (re.compile(r"\b[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}\b"), "SEAL"),
    (re.compile(r"/(track|observe)/\w{14}\S*"), r"/\1/ELECTION"),
    (re.compile(r"\w+ \d{1,2}, \d{4} at \d{1,2}:\d{2}\s[AP]M"), "MOMENT"),
    (re.compile(r"\d{1,2} [а-я]+ \d{4}\sг\. в \d{1,2}:\d{2}"), "MOMENT"),
    (re.compile(r"\b(event|entry|событие|запись) \d+"), r"\1 NUMBER"),
)
"""What is another text in each run."""


@dataclass(slots=True)
class Reader:
    """A person who hears pages: what stands on each screen as an accessibility tree, and what was said by itself."""

    page: Page

    def __post_init__(self) -> None:
        # The page's own policy does not bind what a test puts into it.
        self.page.add_init_script(
            """addEventListener("DOMContentLoaded", () => {
              const heard = (window.heard = []);
              const hear = () => {
                for (const one of document.querySelectorAll("[role=status], [role=alert]")) {
                  const text = one.textContent.trim();
                  if (text !== "" && one.said !== text) heard.push(text);
                  one.said = text;
                }
              };
              new MutationObserver(hear).observe(document.body, { childList: true, subtree: true, characterData: true });
            })"""
        )

    def heard(self) -> str:
        said: list[str] = self.page.evaluate("() => window.heard.splice(0)")
        return unchanging("\n".join(said))

    def tree(self) -> str:
        return unchanging(self.page.locator("main").aria_snapshot())


def unchanging(text: str) -> str:
    for pattern, name in _CHANGING:
        text = pattern.sub(name, text)
    return text
