"""A trustee at a browser of its own, who keeps the key file that the page saves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tests.browser.spoken import named, spoken
from tests.browser.watched import Watched

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

WORDS = "five plain words to remember"


@dataclass(slots=True)
class Seat:
    """A trustee at a browser of its own, with the newest file that the page saved.

    Whatever is pressed, awaited or read is told in English; a trustee of another `language` meets the same sentence in that one.
    """

    page: Page
    watched: Watched
    folder: Path
    newest: Path | None = None
    language: str = "en"

    def said(self, text: str) -> str | re.Pattern[str]:
        return spoken(text, self.language)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=named(name, self.language), exact=True)

    def press(self, name: str) -> None:
        self.button(name).click()

    def type(self, label: str, text: str) -> None:
        self.page.get_by_label(self.said(label)).fill(text)

    def begin(self, words: str = WORDS, again: str = WORDS) -> None:
        """The list of trustees is agreed on, and a new key is asked for under this passphrase."""
        self.page.get_by_label(self.said("I have agreed on this list")).check()
        self.type("A passphrase for your key file", words)
        self.type("The passphrase again", again)
        self.press("Make my key")

    def keep(self, why: str) -> None:
        """The page asks to save the file, and a person does it and goes on."""
        self.save(why)
        self.press("The file is saved. Go on")

    def save(self, why: str) -> None:
        """The page asks to save the file, and a person does it. Nothing of it has left yet."""
        self.page.get_by_text(self.said(why)).wait_for(timeout=30_000)
        self.watched.look()
        assert self.page.locator("#saved").is_disabled()
        with self.page.expect_download() as saving:
            self.press("Save the file")
        self.newest = self.folder / saving.value.suggested_filename
        saving.value.save_as(self.newest)

    def give_key(self, file: Path | None = None, words: str = WORDS) -> None:
        self.watched.look()
        self.page.get_by_label(self.said("Your key file")).set_input_files(str(file or self.newest))
        self.type("Its passphrase", words)
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
        self.page.get_by_role("alert").get_by_text(self.said(text)).wait_for(timeout=30_000)
        self.watched.look()

    def says(self, text: str) -> None:
        self.page.get_by_text(self.said(text)).first.wait_for(timeout=40_000)
        self.watched.look()


Kind = TypeVar("Kind", bound=Seat)


@contextmanager
def seated(chromium: object, folder: Path, origin: str, languages: Sequence[str], kind: type[Kind]) -> Iterator[list[Kind]]:
    """Trustees whose devices and pages speak these languages. At the end no page may have broken a promise (see `Watched`)."""
    with ExitStack() as stack:
        made: list[Kind] = []
        for place, language in enumerate(languages, 1):
            context = stack.enter_context(chromium.new_context(locale=language, accept_downloads=True))  # type: ignore[attr-defined]
            page, own = context.new_page(), folder / f"browser-{place}"
            own.mkdir()
            made.append(kind(page, Watched(page, origin), own, language=language))
        yield made
        for one in made:
            one.watched.verify()
