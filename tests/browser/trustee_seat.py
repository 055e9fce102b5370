"""A trustee at a browser of its own, who keeps the key file that the page saves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser.watched import Watched

if TYPE_CHECKING:
    from playwright.sync_api import Page

WORDS = "five plain words to remember"


@dataclass(slots=True)
class Seat:
    """A trustee at a browser of its own, with the newest file that the page saved."""

    page: Page
    watched: Watched
    folder: Path
    newest: Path | None = None

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def keep(self, why: str) -> None:
        """The page asks to save the file, and a person does it and goes on."""
        self.save(why)
        self.press("The file is saved. Go on")

    def save(self, why: str) -> None:
        """The page asks to save the file, and a person does it. Nothing of it has left yet."""
        self.page.get_by_text(why).wait_for(timeout=30_000)
        self.watched.look()
        assert self.page.locator("#saved").is_disabled()
        with self.page.expect_download() as saving:
            self.press("Save the file")
        self.newest = self.folder / saving.value.suggested_filename
        saving.value.save_as(self.newest)

    def give_key(self, file: Path | None = None, words: str = WORDS) -> None:
        self.watched.look()
        self.page.get_by_label("Your key file").set_input_files(str(file or self.newest))
        self.page.get_by_label("Its passphrase").fill(words)
        self.page.locator("#go").click()

    def reads_aloud(self) -> str:
        """The hash of all certificates as it stands on this screen, for whoever opens it."""
        self.page.locator("#heard").wait_for()
        found = self.page.locator("#certificates-hash")
        if not found.is_visible():
            self.page.locator("#app details summary").click()
        return found.inner_text()

    def compare(self, heard: str | None = None) -> None:
        """The certificates were compared. `heard`: the hash as another trustee read it; where the others are no people, its own."""
        self.page.locator("#heard").fill(self.reads_aloud() if heard is None else heard)
        self.page.locator("#go").click()

    def refused(self, text: str) -> None:
        self.page.get_by_role("alert").get_by_text(text).wait_for(timeout=30_000)
        self.watched.look()

    def says(self, text: str) -> None:
        self.page.get_by_text(text).first.wait_for(timeout=40_000)
        self.watched.look()
