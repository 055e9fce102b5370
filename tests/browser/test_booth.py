"""The voter's pages in a real Chromium over a real server: whatever happens, a ballot is cast once or not at all, and said so."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Route

from tests.browser.conftest import NewPage, watched_pages
from tests.browser.demonstration import Demonstration
from tests.browser.watched import Watched
from veche.ballot.credential import derive, public_credential
from veche.cli.main import FINE, run

pytestmark = pytest.mark.slow

CHOICE = "Уголок библиотеки / A library corner"
SEND = "**/api/elections/*/ballots"

SLOW_NETWORK = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
"""400 ms, and 400 kbit/s both ways: what the browser's tools call slow 3G."""

WORDS_A_SECOND = 150 / 60
SECONDS_A_TOUCH = 3.0


class Voters:
    """Codes of the open contest with which nobody has voted, each handed out once."""

    def __init__(self, demo: Demonstration) -> None:
        self.contest = demo.contest("open")
        self.uuid: str = str(self.contest["uuid"])
        self.demo = demo
        listed = httpx.get(f"{demo.record(self.uuid)}/credentials/").json()["credentials"]
        idle = {one["credential"] for one in listed if not one["ballots"]}
        self._codes = [code for code in self.contest["codes"] if self.credential(code) in idle]

    def credential(self, code: str) -> str:
        return public_credential(derive(code, self.uuid)).hex()

    def seal(self) -> str:
        found: str = httpx.get(self.demo.record(self.uuid)).json()["seal"]
        return found

    def next(self) -> str:
        return str(self._codes.pop())

    def cast(self, code: str) -> list[str]:
        """The trackers of all ballots in the record with this code."""
        listed = httpx.get(f"{self.demo.record(self.uuid)}/credentials/").json()["credentials"]
        mine = next(one for one in listed if one["credential"] == self.credential(code))
        return [one["tracker"] for one in mine["ballots"]]


@dataclass(frozen=True, slots=True)
class Accepted:
    page: Watched
    code: str
    activations: int


@pytest.fixture(scope="module")
def voters(demo: Demonstration) -> Voters:
    return Voters(demo)


def encrypt(page: Watched, code: str, choice: str = CHOICE) -> None:
    """From the letter's QR code to the encrypted ballot."""
    page.open(f"/en/vote/demo#{code}")
    page.page.get_by_text(choice, exact=True).wait_for()
    page.activations += 1
    page.page.get_by_text(choice, exact=True).click()
    page.press("Check my choice")
    page.press("Yes, encrypt it")
    page.heading("Your vote is encrypted")


@pytest.fixture(scope="module")
def accepted(chromium: object, demo: Demonstration, voters: Voters) -> Iterator[Accepted]:
    """A ballot that was just cast, with its receipt still open."""
    with watched_pages(chromium, demo) as make:
        page, code = make(), voters.next()
        encrypt(page, code)
        assert code not in page.page.url
        assert "Not cast yet" in page.page.locator("#not-cast").inner_text()
        page.press("Cast the ballot")
        page.heading("Your ballot is accepted")
        yield Accepted(page, code, page.activations)


def in_log(accepted: Accepted) -> None:
    """The receipt, still open, says that a signed checkpoint covers the ballot."""
    accepted.page.page.get_by_role("heading", name="In the public log done").wait_for(timeout=90_000)


def test_a_voter_votes_in_four_touches_and_her_code_goes_nowhere(accepted: Accepted, voters: Voters) -> None:
    page, code = accepted.page, accepted.code
    print(f"activations {accepted.activations}, fields {page.typed}")
    assert accepted.activations <= 6 and page.typed <= 1
    assert not page.page.locator("#not-cast").is_visible()
    assert voters.seal() in page.text()
    # A finger that scrolls too far up loads no page anew.
    assert page.page.evaluate("getComputedStyle(document.documentElement).overscrollBehaviorY") == "contain"
    # The credential leaves the page inside the ballot alone, the code and what it stands for never.
    everything = "\n".join(page.asked + page.sent)
    assert code not in everything and str(derive(code, voters.uuid).expose()) not in everything
    assert voters.credential(code) not in "\n".join(page.asked)
    assert len(page.sent) == 1 and len(voters.cast(code)) == 1


def test_a_slow_phone_with_a_slow_network_votes_within_two_minutes(new_page: NewPage, voters: Voters) -> None:
    """The machine's part is measured; the person's is reckoned: every word of every screen is read, every touch takes a while."""
    page, words = new_page(), list[int]()
    devtools = page.page.context.new_cdp_session(page.page)
    devtools.send("Network.enable")
    devtools.send("Network.emulateNetworkConditions", SLOW_NETWORK)
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    began = time.monotonic()
    page.open(f"/en/vote/demo#{voters.next()}")
    page.page.get_by_text(CHOICE, exact=True).wait_for()
    words.append(len(page.text().split()))
    page.choose(CHOICE)
    for press, shown in (
        ("Check my choice", "Is this your choice?"),
        ("Yes, encrypt it", "Your vote is encrypted"),
        ("Cast the ballot", "Your ballot is accepted"),
    ):
        page.press(press)
        page.heading(shown, 60)
        words.append(len(page.text().split()))
    machine = time.monotonic() - began
    # What stands on the last screen is read after the acknowledgement came.
    person = sum(words[:-1]) / WORDS_A_SECOND + page.activations * SECONDS_A_TOUCH
    print(f"machine {machine:.1f} s, person {person:.1f} s: words {words}, activations {page.activations}")
    assert machine + person < 120


def test_an_opened_ballot_is_not_cast_and_another_device_checks_it(new_page: NewPage, voters: Voters, tmp_path: Path) -> None:
    page, code = new_page(), voters.next()
    encrypt(page, code)
    commitment = page.page.locator("#commitment").inner_text()
    page.page.locator("summary", has_text="Test this device").click()
    page.press("Test this device instead")
    page.heading("This ballot was NOT cast")
    with page.page.expect_download() as saved:
        page.press("Save the opened ballot")
    opened = tmp_path / "opened-ballot.json"
    saved.value.save_as(opened)
    assert "signature" not in json.loads(json.loads(opened.read_text())["ballot"])
    record = voters.demo.record(voters.uuid)
    assert run(["voter", "check-opened", str(opened), "--election", record, "--fingerprint", commitment]) == FINE
    other = new_page()
    other.open(f"/en/track/{voters.uuid}")
    other.page.get_by_label("Or choose a file").set_input_files(str(opened))
    other.heading("The opened ballot holds exactly this choice")
    assert commitment in other.text() and CHOICE in other.text()
    assert page.sent == [] and voters.cast(code) == []
    page.press("Vote now")
    page.heading("Budget of the Hills")


def test_after_a_lost_answer_the_same_bytes_go_out_again_even_when_the_page_was_left(new_page: NewPage, voters: Voters) -> None:
    page, code = new_page(), voters.next()

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    # The last route that was named is asked first: no connection, then a proxy that is busy, then an answer that gets lost.
    page.page.route(SEND, lose, times=1)
    page.page.route(SEND, lambda route: route.fulfill(status=503, body="", headers={"Retry-After": "60"}), times=1)
    page.page.route(SEND, lambda route: route.abort(), times=1)
    encrypt(page, code)
    page.press("Cast the ballot")
    page.heading("It is not known yet whether your ballot arrived")
    assert "the connection failed" in page.text()
    page.press("Send the same ballot again now")
    page.saying("The server is busy just now.")
    # Left and opened anew, without any code: the ballot on its way comes first.
    page.page.on("dialog", lambda dialog: dialog.accept())
    page.page.route("**/manifest.json", lambda route: route.fulfill(body="{}"), times=1)
    page.page.reload()
    page.heading("It is not known yet whether your ballot arrived")
    # A record that is not the sealed one is no failed connection.
    page.saying("without the ballot box's signature")
    page.press("Send the same ballot again now")
    page.heading("Your ballot is accepted")
    assert len(page.sent) >= 4 and len(set(page.sent)) == 1
    assert len(voters.cast(code)) == 1


def test_two_windows_and_two_clicks_cast_one_ballot(new_page: NewPage, voters: Voters) -> None:
    one, code = new_page(), voters.next()
    other = Watched(one.page.context.new_page(), one.origin)
    encrypt(one, code)
    encrypt(other, code)
    one.page.locator("#cast").dblclick()
    one.heading("Your ballot is accepted")
    other.press("Cast the ballot")
    other.heading("Another ballot was cast with your code just now")
    assert len(voters.cast(code)) == 1 and other.sent == []
    other.press("Do not cast this one")
    other.heading("Your votes")
    other.verify()


def test_while_a_clicked_ballot_waits_it_is_not_changed_and_a_page_that_rests_meanwhile_sends_none(
    new_page: NewPage, voters: Voters
) -> None:
    page, code = new_page(), voters.next()
    held: list[Route] = []
    encrypt(page, code)
    page.page.route("**/credentials/*", lambda route: held.append(route))
    for rests in (True, False):
        page.press("Cast the ballot")
        page.heading("Sending your ballot …")
        assert page.page.locator("#app button").count() == 0
        if rests:
            page.page.evaluate("dispatchEvent(new Event('pagehide'))")
            page.heading("Vote")
        with page.page.expect_event("requestfinished"):
            held.pop().continue_()
        if rests:
            page.page.unroute("**/credentials/*")
            assert page.sent == []
            page.page.goto("about:blank")
            encrypt(page, code)
            page.page.route("**/credentials/*", lambda route: held.append(route))
    page.heading("Your ballot is accepted")
    assert len(page.sent) == 1 and len(voters.cast(code)) == 1


def test_the_fifth_wrong_code_leads_to_help_and_not_to_a_lock(new_page: NewPage, voters: Voters) -> None:
    page, code = new_page(), voters.next()
    page.open("/en/vote/demo")
    wrong = code[:-1] + ("x" if code[-1] != "x" else "y")
    for typed in (code.replace(code[0], "0", 1), code[:-2], "", wrong, wrong):
        assert not page.page.get_by_text("You are not locked out").is_visible()
        page.type("Your code", typed)
        page.press("Go on")
        page.page.locator(".mistake").wait_for()
    page.saying("You are not locked out")
    assert "group 4" in page.page.locator(".mistake").inner_text()
    page.type("Your code", f" {code.replace('-', '  ').replace('E', 'Е')} ")
    page.press("Go on")
    page.saying(CHOICE)


def test_my_ballots_names_every_vote_and_leads_to_it_without_typing_again(new_page: NewPage, voters: Voters) -> None:
    page, code = new_page(locale="ru-RU"), voters.next()
    page.open("/ru/my")
    page.type("Ваш код", code)
    page.press("Дальше")
    page.saying("ещё не голосовали")
    assert {"закончено", "ещё не началось"} <= set(page.page.locator(".state").all_inner_texts())
    assert not any(voters.credential(code) in one for one in page.asked)
    page.press("Проголосовать здесь")
    page.saying("Выберите один вариант.")
    assert code not in page.page.url


def test_a_second_letter_opened_on_my_ballots_leaves_no_code_in_the_address(new_page: NewPage, voters: Voters) -> None:
    page, code = new_page(), voters.next()
    page.open("/en/my")
    page.named("Go on").wait_for()
    page.page.evaluate("code => { location.hash = code }", code)
    page.named("Vote here").first.wait_for()
    assert code not in page.page.url


def test_who_changes_the_language_in_the_middle_of_a_vote_types_nothing_anew(new_page: NewPage, voters: Voters) -> None:
    page, code = new_page(), voters.next()
    page.open(f"/en/vote/demo#{code}")
    page.choose(CHOICE)
    page.press("Check my choice")
    page.heading("Is this your choice?")
    for path, shown in (("vote/demo", "Выберите один вариант."), ("my", "начато, не отправлено")):
        if path == "my":
            page.open(f"/en/my#{code}")
            page.saying("begun, not cast yet")
        page.press("Русский", "link")
        page.page.wait_for_url(f"**/ru/{path}")
        page.saying(shown)
        # The code stands in no address and in no link.
        assert code not in page.page.url + page.page.locator(".languages").inner_html()
        assert page.page.locator("input:checked").count() == (path != "my")
    assert page.typed == 0 and page.sent == []


def test_without_javascript_the_pages_say_so_and_how_to_vote(new_page: NewPage, voters: Voters) -> None:
    page = new_page(java_script_enabled=False)
    for path in ("/en/vote/demo", "/en/my", f"/en/track/{voters.uuid}"):
        page.open(path)
        assert "This page needs JavaScript" in page.text() and "veche voter" in page.text()


def test_the_receipt_tells_when_the_ballot_is_in_the_log_and_any_device_finds_it_there(
    accepted: Accepted, new_page: NewPage, voters: Voters
) -> None:
    page = accepted.page
    in_log(accepted)
    # Loaded anew, the page watches the log again.
    page.page.reload()
    in_log(accepted)
    with page.page.expect_download() as saved:
        page.press("Save the receipt")
    receipt = saved.value.path()
    (tracker,) = voters.cast(accepted.code)
    found = page.named("Look at it on the tracker page", "link").get_attribute("href") or ""
    other = new_page()
    other.open(found)
    other.heading("The ballot is in the public log")
    assert not any(tracker in one for one in other.asked)
    assert len([one for one in other.asked if "/tile/entries/" in one]) == 1
    other.press("Check another one")
    other.page.get_by_label("Or choose a file").set_input_files(str(receipt))
    other.saying("Your receipt holds by itself")


def test_a_tracker_alone_is_sent_only_after_a_press_that_says_so(accepted: Accepted, new_page: NewPage, voters: Voters) -> None:
    page = new_page()
    in_log(accepted)
    (tracker,) = voters.cast(accepted.code)
    page.open(f"/en/track/{voters.uuid}")
    page.type("Tracker or receipt", tracker)
    page.press("Check")
    page.named("Send the tracker to the server").wait_for()
    assert not any(tracker in one for one in page.asked)
    page.press("Send the tracker to the server")
    page.saying("The server says: it is the last ballot of its code.")


def test_a_vote_that_ends_in_between_takes_no_ballot_and_says_so(new_page: NewPage, voters: Voters) -> None:
    page, code = new_page(), voters.next()
    encrypt(page, code)
    ended = httpx.post(f"{page.origin}/demo/count/{voters.uuid}", data={"go": "now"}, headers={"Sec-Fetch-Site": "same-origin"})
    assert ended.status_code == 303
    page.press("Cast the ballot")
    page.heading("Your ballot was not taken")
    assert "it has ended or is paused" in page.text()
    assert voters.cast(code) == []
