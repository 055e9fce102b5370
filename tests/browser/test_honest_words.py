"""What the voter's pages keep and say: no code stays behind, and nothing that was not verified is said as a fact."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.browser.conftest import FLAGS, NewPage
from tests.browser.demonstration import Demonstration
from tests.browser.overheard import KEPT, WATCH
from tests.browser.test_booth import CHOICE, Voters
from tests.browser.watched import Watched

pytestmark = pytest.mark.slow

FINISH = "Finish: forget my code on this device"


@pytest.fixture(scope="module")
def voters(demo: Demonstration) -> Voters:
    return Voters(demo)


def test_of_a_typed_code_nothing_stays_on_the_device_after_finish(
    chromium: object, demo: Demonstration, voters: Voters, tmp_path: Path
) -> None:
    """Through My ballots, another language, and the receipt. Not in what the page can read, and not on the disk either."""
    code = voters.next()
    profile = tmp_path / "profile"
    executable = shutil.which("chromium")
    kind = chromium.browser_type  # type: ignore[attr-defined]  # playwright may be missing
    context = kind.launch_persistent_context(str(profile), executable_path=executable, args=FLAGS, locale="en-GB")
    page = Watched(context.pages[0], demo.address)
    context.add_init_script(WATCH)
    page.open("/en/my")
    page.type("Your code", code)
    page.press("Go on")
    page.page.get_by_role("button", name="Vote here").first.click()
    page.heading("Budget of the Hills")
    page.press("Русский", "link")
    page.page.wait_for_url("**/ru/vote/demo")
    page.saying("Выберите один вариант.")
    page.press("English", "link")
    page.page.wait_for_url("**/en/vote/demo")
    page.choose(CHOICE)
    page.press("Check my choice")
    page.press("Yes, encrypt it")
    page.press("Cast the ballot")
    page.heading("Your ballot is accepted")
    page.press(FINISH)
    page.heading("Vote")
    page.saying("This page has forgotten your code")
    assert page.page.get_by_text("history").count() == 0
    kept = str(page.page.evaluate(KEPT)) + str(context.cookies()) + page.page.content()
    assert code not in kept and voters.credential(code) not in kept
    context.close()
    page.verify()
    addresses = [row[0] for row in sqlite3.connect(profile / "Default" / "History").execute("SELECT url FROM urls")]
    assert f"{demo.address}/en/vote/demo" in addresses
    written = (code.encode(), code.encode("utf-16-le"))
    files = [one for one in profile.rglob("*") if one.is_file() and not one.is_symlink()]
    assert [one.name for one in files if any(text in one.read_bytes() for text in written)] == []


def test_who_came_by_the_letters_link_is_told_what_her_browser_may_keep(new_page: NewPage, voters: Voters) -> None:
    page, code = new_page(), voters.next()
    page.open(f"/en/my#{code}")
    page.saying("The browser's history may keep that address")
    page.page.get_by_role("button", name="Vote here").first.click()
    page.heading("Budget of the Hills")
    page.press("Back to all your votes")
    page.press(FINISH)
    page.saying("The browser's history may keep that address")
    assert code not in page.page.url
