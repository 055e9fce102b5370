"""Pictures of every page in both languages, on a phone and a wide screen, light and dark: `make screenshots OUT=FOLDER`.

People look at them; nothing is compared. Files are called PAGE.LANGUAGE.WIDTH.SCHEME.png.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import FLAGS
from tests.browser.demonstration import Demonstration, demonstration
from tests.browser.pages_of_demo import LANGUAGES, ORGANIZERS, PUBLIC, at

WIDTHS = (320, 1280)
SCHEMES = ("light", "dark")


class Album:
    """Pictures of one page after another, in every width and scheme."""

    def __init__(self, folder: Path, page: Page, language: str) -> None:
        self.folder, self.page, self.language = folder, page, language

    def take(self, name: str) -> None:
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 800})
            for scheme in SCHEMES:
                self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of its literals
                self.page.screenshot(path=self.folder / f"{name}.{self.language}.{width}.{scheme}.png", full_page=True)


def paper_name(path: str) -> str:
    """A file's name for a page's path."""
    return path.strip("/").replace("/", "-").replace("{", "").replace("}", "") or "start"


def vote(album: Album, demo: Demonstration, code: str) -> None:
    """The screens of a vote, its test and its receipt."""
    page = album.page
    page.goto(f"{demo.address}/{album.language}/vote/demo#{code}")
    page.locator("#answer-0-0").click()
    album.take("vote-1-choosing")
    page.locator("#app form button[type=submit]").click()
    page.locator("#app dl").wait_for()
    album.take("vote-2-reviewing")
    page.locator("#app .acts button").first.click()
    page.locator("#cast").wait_for()
    album.take("vote-3-encrypted")
    page.locator("#cast").click()
    page.locator("#steps").wait_for()
    album.take("vote-4-accepted")
    page.goto(f"{demo.address}/{album.language}/my#{code}")
    page.locator("#app .cards").wait_for()
    album.take("my-ballots")


def take_all(browser: Browser, demo: Demonstration, folder: Path) -> None:
    """Every picture."""
    people = [one["link"] for one in demo.described["accounts"] if one["role"] == "organizer"]
    codes = demo.contest("open")["codes"]
    for number, language in enumerate(LANGUAGES, 1):
        page = browser.new_context().new_page()
        album = Album(folder, page, language)
        vote(album, demo, codes[-number])
        page.goto(people[number - 1])
        page.locator("main form button").click()
        page.wait_for_url("**/account")
        for path in (*PUBLIC, *ORGANIZERS):
            # Help shows the reminder of what was begun and not cast only to who has begun something.
            page.goto(f"{demo.address}/{language}{at(demo, path)}")
            page.locator("h1").wait_for()
            album.take(paper_name(path))


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as data, demonstration(Path(data), VECHE_SIGN_LOG="true") as demo, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        take_all(browser, demo, folder)
        browser.close()
    print(f"{len(list(folder.glob('*.png')))} pictures in {folder}")


if __name__ == "__main__":
    main()
