"""What the voter's pages keep and say: no code stays behind, and nothing that was not verified is said as a fact."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import segno
from playwright.sync_api import Route

from tests.browser.conftest import FLAGS, NewPage
from tests.browser.demonstration import Demonstration
from tests.browser.overheard import KEPT, WATCH
from tests.browser.test_booth import CHOICE, SEND, Voters, encrypt
from tests.browser.watched import Watched

pytestmark = pytest.mark.slow

FINISH = "Finish: forget my code on this device"
WEB = Path(__file__).parents[2] / "web"
READER = """
import { readFileSync } from "node:fs";
import decodeQR from "qr/decode.js";
const rows = JSON.parse(readFileSync(0, "utf8"));
const scale = 4, side = rows.length * scale;
const data = new Uint8Array(4 * side * side).fill(255);
for (let at = 0; at < side * side; at += 1) {
  if (rows[Math.floor(at / side / scale)][Math.floor((at % side) / scale)]) data.fill(0, 4 * at, 4 * at + 3);
}
process.stdout.write(decodeQR({ width: side, height: side, data }));
"""


@pytest.fixture(scope="module")
def voters(demo: Demonstration) -> Voters:
    return Voters(demo)


def shows(page: Watched, label: str, text: str) -> None:
    """Check that the QR code of this label, as it is drawn, is read as the text."""
    image = page.page.locator(f'svg[aria-label^="{label}"]')
    size = int((image.get_attribute("viewBox") or "").split()[2])
    rows = [[0] * size for _ in range(size)]
    for left, top, wide in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", image.locator("path").get_attribute("d") or ""):
        rows[int(top)][int(left) : int(left) + int(wide)] = [1] * int(wide)
    other = [list(row) for row in segno.make(text, micro=False).matrix_iter(border=4)]
    assert [decoded(rows), decoded(other)] == [text, text]


def decoded(rows: list[list[int]]) -> str:
    """What a reader of QR codes makes of dark and light modules; of those of another program too."""
    command = ["node", "--input-type=module", "-e", READER]
    return subprocess.run(command, cwd=WEB, input=json.dumps(rows), capture_output=True, text=True, check=True).stdout


def lie(page: Watched, path: str, change: Callable[[dict[str, Any]], None]) -> None:
    """The server says something else of its contests in the page's own data."""

    def answer(route: Route) -> None:
        found = route.fetch()
        text = found.text()
        block = re.search(r'(<script type="application/json" id="page">)(.*?)(</script>)', text, re.DOTALL)
        assert block is not None
        known = json.loads(block[2])
        for one in known["contests"]:
            change(one)
        route.fulfill(response=found, body=text[: block.start(2)] + json.dumps(known) + text[block.end(2) :])

    page.page.route(f"**{path}", answer)


def told_as_another(page: Watched, named: str) -> None:
    """Check that no card offers a vote or says anything of it as a fact; one says what the server calls it."""
    page.saying("This is not the vote that was sealed")
    text = " ".join(page.page.locator("#app .cards > li").all_inner_texts())
    assert f"The server calls it “{named}" in text and "Do not vote here." in text
    assert page.page.locator("#app .cards button").count() == 0
    # Neither the false end nor the true one.
    assert "until" not in text


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
    tracker = page.page.locator("#tracker").inner_text().replace("+", "-").replace("/", "_")
    place = page.named("Look at it on the tracker page", "link").get_attribute("href") or ""
    assert place.startswith(f"/en/track/{voters.uuid}#{tracker}")
    shows(page, "QR code: the address", demo.address + place)
    page.page.locator("summary", has_text="acknowledgement for a check").click()
    shows(page, "QR code: the signed acknowledgement", page.page.locator("details pre").text_content() or "")
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
    page.saying("The server says: no ballot was cast with this code here.")
    page.page.get_by_role("button", name="Vote here").first.click()
    page.heading("Budget of the Hills")
    page.press("Back to all your votes")
    page.press(FINISH)
    page.saying("The browser's history may keep that address")
    assert code not in page.page.url


def test_a_page_that_names_another_title_or_end_than_was_sealed_is_refused(new_page: NewPage, voters: Voters) -> None:
    page, code = new_page(), voters.next()
    for named, lies in (
        ("Another vote\ufffd", {"title": {"en": "Another vote\u202e"}}),
        ("Budget of the Hills", {"closes_at": 4_000_000_000}),
        ("Budget of the Hills", {"rehearsal": False}),
    ):
        for path in ("/en/vote/demo", "/en/my"):
            lie(page, path, lambda one, lies=lies: one.update(lies))  # type: ignore[misc]  # mypy infers no lambda with a default
            page.page.goto("about:blank")
            page.open(f"{path}#{code}")
            if path == "/en/vote/demo":
                page.heading("The ballot could not be opened")
                page.saying("Do not vote here.")
                page.press("Back to all your votes")
            told_as_another(page, named)
    # Of one among a dozen voters three digits of her credential would be her name.
    lie(page, "/en/vote/demo", lambda one: one.update(bucket_digits=3))
    page.page.goto("about:blank")
    page.open(f"/en/vote/demo#{code}")
    page.saying("Your code was not sent.")
    assert not any("/credentials/" in address and address.rpartition("/")[2] for address in page.asked)


def test_a_vote_whose_sealed_files_do_not_come_is_told_as_unread_until_they_do(new_page: NewPage, voters: Voters) -> None:
    page, code, files = new_page(), voters.next(), f"**/{voters.uuid}/manifest.json"
    mine = page.page.get_by_role("heading", name="Budget of the Hills")
    other = page.page.get_by_role("heading", name="Budget of Riverside")
    for path, shown in (("/en/my", "My ballots"), ("/en/vote/demo", "Your votes")):
        page.page.route(files, lambda route: route.abort())
        page.page.goto("about:blank")
        page.open(f"{path}#{code}")
        if path == "/en/vote/demo":
            page.heading("The ballot could not be opened")
            page.press("Back to all your votes")
        page.heading(shown)
        page.saying("A vote that could not be read")
        assert mine.count() == 0 and other.count() == 1
        page.page.unroute(files)
        page.press("Try again")
        mine.wait_for()


def test_ballots_of_a_cancelled_vote_count_for_nothing_and_no_list_is_said_as_a_fact(new_page: NewPage, voters: Voters) -> None:
    page = new_page()
    certified = voters.demo.contest("certified")
    lie(page, "/en/my", lambda one: one.update(state="cancelled") if one["uuid"] == certified["uuid"] else None)
    page.open(f"/en/my#{certified['codes'][0]}")
    page.saying("cancelled")
    text = page.text()
    card = page.page.locator("#app .cards > li", has_text="cancelled").inner_text()
    assert "does not count: the vote was cancelled" in card and "counts" not in card
    assert "The server says that these are all ballots" in text and "This list was not checked here." in text


def test_a_lost_answer_after_the_end_leaves_the_way_to_other_votes_open(new_page: NewPage, voters: Voters) -> None:
    page, code = new_page(), voters.next()
    refusal = {"status": 409, "content_type": "application/problem+json", "body": '{"code": "not-open"}'}
    page.page.route(SEND, lambda route: route.fulfill(**refusal))
    page.page.route(SEND, lambda route: route.abort(), times=1)
    encrypt(page, code)
    page.page.locator("summary", has_text="Show it as a QR code").click()
    shows(page, "QR code of the ballot's fingerprint", page.page.locator("#commitment").inner_text())
    page.press("Cast the ballot")
    page.heading("Your ballot did not arrive in time, says the server")
    page.press("See my other votes")
    page.heading("Your votes")
    page.press("Go on: Budget of the Hills")
    page.heading("Your ballot did not arrive in time, says the server")
    page.page.on("dialog", lambda dialog: dialog.accept())
    page.page.reload()
    page.heading("Your ballot did not arrive in time, says the server")
    page.press("See my other votes")
    page.type("Your code", code)
    page.press("Go on")
    page.heading("Your votes")
    # At last the box takes the very same ballot.
    page.page.unroute(SEND)
    page.press("Go on: Budget of the Hills")
    page.heading("Your ballot is accepted")
    assert len(set(page.sent)) == 1 and len(voters.cast(code)) == 1


def test_a_rehearsal_says_so_on_every_screen_of_a_voter(new_page: NewPage, voters: Voters) -> None:
    page = new_page()
    for path, word in (
        (f"/en/vote/demo#{voters.next()}", "Rehearsal"),
        ("/ru/my", "Репетиция"),
        (f"/en/track/{voters.uuid}", "Rehearsal"),
    ):
        page.open(path)
        page.page.locator("#app fieldset, #app form").first.wait_for()
        assert page.page.title().startswith(f"{word}: ") and page.page.title().endswith(" – Veche")
        assert page.page.locator("body.rehearsing > aside.rehearsal").is_visible()
    # Where votes that count stand on the same page, each vote that does not says so.
    page.open("/en/my")
    page.page.evaluate("document.body.classList.remove('rehearsing')")
    page.type("Your code", voters.next())
    page.press("Go on")
    page.page.locator("#app .cards .state-rehearsal").first.wait_for()
