"""Pictures of every page and screen in both languages, on a phone and a wide screen, light and dark: `make screenshots OUT=FOLDER`.

People look at them; nothing is compared. Files are called PAGE.LANGUAGE.WIDTH.SCHEME.png, and PAGE.LANGUAGE.print.png for what is
printed. Three scenes: the demonstration's pages and a whole vote, the organizers' and trustees' work, and the letters.
"""

from __future__ import annotations

import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import FLAGS
from tests.browser.demonstration import Demonstration, demonstration
from tests.browser.pages_of_demo import LANGUAGES, OPEN, ORGANIZERS, PUBLIC, at
from tests.browser.screenshots_at_work import at_work
from tests.cli.code_story import registration, sealed_folder
from veche.cli.registrar import print_letters

WIDTHS = (320, 1280)
SCHEMES = ("light", "dark")
SLOW = 100_000


class Album:
    """Pictures of one page after another, in every width and scheme."""

    def __init__(self, folder: Path, page: Page, language: str) -> None:
        self.folder, self.page, self.language = folder, page, language

    def take(self, name: str) -> None:
        self.page.get_by_role("heading", level=1).first.wait_for()
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 800})
            for scheme in SCHEMES:
                self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of its literals
                self.page.screenshot(path=self.folder / f"{name}.{self.language}.{width}.{scheme}.png", full_page=True)

    def take_print(self, name: str) -> None:
        """As it comes on A4 paper, which has 718 pixels between its margins."""
        self.page.set_viewport_size({"width": 718, "height": 1000})
        self.page.emulate_media(media="print", color_scheme="light")
        self.page.screenshot(path=self.folder / f"{name}.{self.language}.print.png", full_page=True)
        self.page.emulate_media(media="screen")

    def open(self, address: str) -> None:
        # An address that differs behind its # alone does not load the page anew.
        self.page.goto("about:blank")
        self.page.goto(address)


def paper_name(path: str) -> str:
    """A file's name for a page's path."""
    return path.strip("/").replace("/", "-").replace("{", "").replace("}", "") or "start"


def wrong_codes(album: Album, booth: str, code: str) -> None:
    """The empty field, a slip, and what a fifth wrong code leads to."""
    page = album.page
    album.open(booth)
    page.locator("#code").wait_for()
    for count in range(5):
        page.locator("#code").fill(code[:-1] + ("x" if code[-1] != "x" else "y"))
        page.locator("#app button[type=submit]").click()
        page.locator(".mistake").wait_for()
        if count in (0, 4):
            album.take(f"vote-0-wrong-code-{count + 1}")


def vote(album: Album, demo: Demonstration, code: str) -> None:
    """The screens of a vote, its test and its receipt."""
    page, booth = album.page, f"{demo.address}/{album.language}/vote/demo"
    wrong_codes(album, booth, code)
    album.open(f"{booth}#{code}")
    page.locator("#answer-0-0").click()
    album.take("vote-1-choosing")
    page.locator("#app form button[type=submit]").click()
    page.locator("#app dl").wait_for()
    album.take("vote-2-reviewing")
    page.locator("#app .acts button").first.click()
    page.locator("#cast").wait_for()
    for summary in page.locator("#app details summary").all():
        summary.click()
    album.take("vote-3-encrypted")
    page.locator("#app details .acts button").click()
    page.locator("#cast").wait_for(state="detached")
    album.take("vote-4-tested")
    page.locator("#app .acts button").last.click()
    page.locator("#answer-0-1").click()
    page.locator("#app form button[type=submit]").click()
    page.locator("#app dl").wait_for()
    page.locator("#app .acts button").first.click()
    page.locator("#cast").click()
    page.locator("#steps").wait_for()
    album.take("vote-5-accepted")
    page.locator("#steps > li").nth(2).locator(".state-open").wait_for(timeout=SLOW)
    album.take("vote-6-in-the-log")
    album.take_print("vote-6-in-the-log")
    album.open(f"{booth}#{code}")
    page.locator("#app .cards").wait_for()
    album.take("vote-7-voted")


def find(album: Album, demo: Demonstration, code: str) -> None:
    """Every ballot of a code, and one of them sought in the log."""
    page = album.page
    album.open(f"{demo.address}/{album.language}/my#{code}")
    page.locator("#app .cards").wait_for()
    album.take("my-ballots")
    page.locator("#app .cards a.plain").first.click()
    page.locator("#app .acts button").first.wait_for()
    album.take("track-asks-first")
    page.locator("#app .acts button").first.click()
    page.locator("#app .good, #app .steps, #app ul").first.wait_for()
    album.take("track-found")
    page.locator("#app .acts button").last.click()
    page.locator("#given").fill("not a tracker")
    page.locator("#app button[type=submit]").click()
    page.locator(".mistake").wait_for()
    album.take("track-unreadable")


def demo_scene(browser: Browser, folder: Path) -> None:
    """The pages of the demonstration, a vote with everything in it, and the same campaign when it is over."""
    with TemporaryDirectory() as data, demonstration(Path(data), VECHE_SIGN_LOG="true") as demo:
        people = [one["link"] for one in demo.described["accounts"] if one["role"] == "organizer"]
        trustee = next(one["link"] for one in demo.described["accounts"] if one["role"] == "trustee").partition("/trustee/")[2]
        codes = demo.contest("open")["codes"]
        albums = [Album(folder, browser.new_context().new_page(), language) for language in LANGUAGES]
        for number, album in enumerate(albums):
            vote(album, demo, codes[-1 - number])
            find(album, demo, codes[-1 - number])
            album.open(f"{demo.address}/{album.language}/trustee/{trustee}")
            album.page.locator("#app .cards").wait_for()
            album.take("trustee-all-done")
            album.open(people[number])
            album.page.locator("main form button").click()
            album.page.wait_for_url("**/account")
            for path in (*PUBLIC, *ORGANIZERS):
                # Help shows the reminder of what was begun and not cast only to who has begun something.
                album.open(f"{demo.address}/{album.language}{at(demo, path)}")
                album.take(paper_name(path))
                if "protocol" in path:
                    album.take_print(paper_name(path))
        form = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
        ended = httpx.post(demo.address + at(demo, f"/demo/count/{OPEN}"), headers=form)
        assert ended.status_code == 303, ended.text
        for album in albums:
            album.open(f"{demo.address}/{album.language}/vote/demo#{codes[-1]}")
            album.page.locator("#app .cards").wait_for()
            album.take("vote-8-closed")


def letters_scene(browser: Browser, folder: Path) -> None:
    """The letters of two voters in both languages, printed."""
    with TemporaryDirectory() as data:
        record = sealed_folder(Path(data) / "record")
        page = Path(data) / "letters.html"
        page.write_text(print_letters(registration().letters, [str(record)], ["ru", "en"], "https://vote.example.org"))
        album = Album(folder, browser.new_context().new_page(), "both")
        album.page.goto(page.as_uri())
        album.take_print("letters")


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver, ExitStack() as stack:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        stack.callback(browser.close)
        scenes = sys.argv[2:] or ["letters", "work", "demo"]
        if "letters" in scenes:
            letters_scene(browser, folder)
        if "work" in scenes:
            albums = [Album(folder, browser.new_context(accept_downloads=True).new_page(), language) for language in LANGUAGES]
            at_work(albums, Path(stack.enter_context(TemporaryDirectory())))
        if "demo" in scenes:
            demo_scene(browser, folder)
    print(f"{len(list(folder.glob('*.png')))} pictures in {folder}")


if __name__ == "__main__":
    main()
