"""Networks, devices and servers that fail in the middle of a vote: words say so, and the ballot is cast once or not at all."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Route

from tests.browser.conftest import NewPage
from tests.browser.demonstration import Demonstration
from tests.browser.test_booth import CHOICE, SEND, Voters, encrypt
from tests.browser.watched import Watched

pytestmark = pytest.mark.slow

UNSURE = "It is not known yet whether your ballot arrived"
AGAIN = "Send the same ballot again now"
OTHER_CHOICE = "Площадка для собак / A dog run"

NO_STORAGE = """
for (const name of ["sessionStorage", "localStorage", "indexedDB"]) {
  Object.defineProperty(window, name, { get() { throw new DOMException("The operation is insecure.", "SecurityError"); } });
}
"""
FULL_STORAGE = "Storage.prototype.setItem = () => { throw new DOMException('The quota is exceeded.', 'QuotaExceededError'); };"
KEPT = "JSON.stringify([sessionStorage, localStorage])"
KEEP = "([key, text]) => sessionStorage.setItem(key, text)"
RECEIPT = "Object.entries(sessionStorage).find(([key]) => key.startsWith('veche/receipt/')) ?? null"
HASTE = "const wait = AbortSignal.timeout.bind(AbortSignal); AbortSignal.timeout = (ms) => wait(ms / 30);"
"""What a page waits 30 seconds for, it waits one for."""


@pytest.fixture(scope="module")
def voters(demo: Demonstration) -> Voters:
    return Voters(demo)


def offline(page: Watched, is_so: bool) -> None:
    page.page.context.set_offline(is_so)


def test_offline_before_the_code_and_before_the_cast_nothing_is_lost_and_the_ballot_goes_when_the_network_is_back(
    new_page: NewPage, voters: Voters
) -> None:
    page, code = new_page(), voters.next()
    page.open("/en/vote/demo")
    offline(page, True)
    page.type("Your code", code)
    page.press("Go on")
    page.saying("The server does not answer. Nothing was sent.")
    offline(page, False)
    page.press("Go on")
    page.choose(CHOICE)
    page.press("Check my choice")
    offline(page, True)
    page.press("Yes, encrypt it")
    page.heading("Your vote is encrypted")
    page.press("Cast the ballot")
    page.heading(UNSURE)
    assert "the connection failed" in page.text() and voters.cast(code) == []
    # Nobody presses anything: the browser says that there is a network.
    offline(page, False)
    page.heading("Your ballot is accepted")
    assert len(set(page.sent)) == 1 and len(voters.cast(code)) == 1


def test_offline_before_the_answer_came_the_same_ballot_is_sent_until_there_is_one(new_page: NewPage, voters: Voters) -> None:
    page, code = new_page(), voters.next()

    def cut(route: Route) -> None:
        route.fetch()
        offline(page, True)
        route.abort("internetdisconnected")

    page.page.route(SEND, cut, times=1)
    encrypt(page, code)
    page.press("Cast the ballot")
    page.heading(UNSURE)
    # Nothing leads back to another choice while the fate of this one is not known.
    assert page.page.locator("#app").get_by_role("button").all_inner_texts() == [AGAIN]
    assert len(voters.cast(code)) == 1
    page.press(AGAIN)
    page.saying("the connection failed")
    offline(page, False)
    page.heading("Your ballot is accepted")
    assert len(page.sent) >= 2 and len(set(page.sent)) == 1 and len(voters.cast(code)) == 1


def test_answers_that_are_not_the_boxs_settle_nothing_and_each_is_named(new_page: NewPage, voters: Voters) -> None:
    page, code = new_page(), voters.next()
    page.page.add_init_script(HASTE)
    held: list[Route] = []

    def portal(route: Route, status: int) -> None:
        route.fulfill(status=status, body="<!doctype html><h1>Please sign in</h1>", content_type="text/html")

    encrypt(page, code)
    accidents = (
        (lambda route: portal(route, 500), "An answer came that is not the ballot box's."),
        (lambda route: portal(route, 200), "An answer came without the ballot box's signature."),
        (lambda route: route.fulfill(status=302, headers={"Location": "/en/help"}), "the connection failed"),
        (lambda route: portal(route, 403), "An answer came that is not the ballot box's."),
        (lambda route: portal(route, 502), "The server is busy just now."),
        (lambda route: held.append(route), "No answer came in time."),
    )
    press = "Cast the ballot"
    for answer, said in accidents:
        page.page.route(SEND, answer, times=1)
        page.press(press)
        page.saying(said)
        page.heading(UNSURE)
        press = AGAIN
    page.press(press)
    page.heading("Your ballot is accepted")
    assert len(page.sent) >= 7 and len(set(page.sent)) == 1 and len(voters.cast(code)) == 1
    page.complaints = [one for one in page.complaints if not one.startswith(("500 ", "502 "))]


@pytest.mark.parametrize("accident", [NO_STORAGE, FULL_STORAGE], ids=["no storage", "storage full"])
def test_a_device_without_storage_and_with_a_wrong_clock_casts_one_ballot(new_page: NewPage, voters: Voters, accident: str) -> None:
    page, code = new_page(), voters.next()
    page.page.add_init_script(accident)
    page.page.clock.set_fixed_time((time.time() + (86_400 if accident is NO_STORAGE else -86_400)) * 1000)
    invitation = str(voters.demo.described["accounts"][-1]["link"]).removeprefix(page.origin)
    page.open(invitation)
    page.saying("The votes")
    # Nothing keeps a trustee's invitation here: the page works, and says what it needs when it was loaded anew.
    page.page.reload()
    page.saying("This page needs your invitation. Open the whole link from your invitation again")
    for other in ("/en/help", f"/en/track/{voters.uuid}", "/en/my"):
        page.open(other)
        page.page.locator("h1").wait_for()
        assert "did not start" not in page.text()
    page.page.route(SEND, lambda route: route.abort(), times=1)
    encrypt(page, code)
    page.press("Cast the ballot")
    page.heading(UNSURE)
    page.press(AGAIN)
    page.heading("Your ballot is accepted")
    assert len(set(page.sent)) == 1 and len(voters.cast(code)) == 1


def test_a_letter_scanned_twice_and_a_page_loaded_anew_while_it_encrypts_keep_the_marks_and_send_nothing(
    new_page: NewPage, voters: Voters
) -> None:
    page, code = new_page(), voters.next()
    page.open(f"/en/vote/demo#{code}")
    page.choose(CHOICE)
    page.open(f"/en/vote/demo#{code}")
    page.page.get_by_role("radio", name=CHOICE, checked=True).wait_for()
    assert code not in page.page.url
    page.press("Check my choice")
    page.named("Yes, encrypt it").wait_for()
    # Pressed, and loaded anew before the encryption can have ended.
    page.page.evaluate("document.querySelector('#app button').click(); location.reload()")
    page.type("Your code", code)
    page.press("Go on")
    page.page.get_by_role("radio", name=CHOICE, checked=True).wait_for()
    assert page.sent == [] and voters.cast(code) == []


def put_receipt_away(page: Watched, how: str, code: str) -> None:
    if how == "rest":
        page.page.clock.fast_forward("16:00")
        page.saying("this page has forgotten your code")
    elif how == "finish":
        page.press("Finish: forget my code on this device")
        page.saying("This page has forgotten your code")
    else:
        page.press("Enter the code")
        page.type("Your code", code)
        page.press("Go on")
        page.heading("Your votes")


def test_a_receipt_comes_back_in_its_tab_until_it_is_put_away_without_code_or_choice(new_page: NewPage, voters: Voters) -> None:
    page, code = new_page(), voters.next()

    def is_shown(title: str) -> None:
        page.heading(title)
        shown = [page.page.locator(place).text_content() for place in ("#tracker", "details pre")]
        assert shown == receipt and page.page.locator("#app svg").count() >= 1
        kept = str(page.page.evaluate(KEPT)) + page.page.content() + page.page.url
        assert code not in kept and voters.credential(code) not in kept and CHOICE not in kept
        assert not page.page.locator("#not-cast").is_visible()

    page.page.clock.install()
    page.open("/en/help")
    encrypt(page, code)
    page.press("Cast the ballot")
    page.heading("Your ballot is accepted")
    receipt = [page.page.locator(place).text_content() for place in ("#tracker", "details pre")]
    # In another language, with the code; then loaded anew, and back and forth, without it.
    page.press("Русский", "link")
    page.page.wait_for_url("**/ru/vote/demo")
    is_shown("Ваш бюллетень принят")
    assert page.named("Ввести код").count() == 0
    page.press("English", "link")
    page.page.wait_for_url("**/en/vote/demo")
    is_shown("Your ballot is accepted")
    page.page.reload()
    is_shown("Your ballot is accepted")
    page.page.go_back()
    page.page.go_forward()
    is_shown("Your ballot is accepted")
    # A server that shows another record takes nothing from it, and another tab has nothing of it.
    page.page.route("**/manifest.json", lambda route: route.fulfill(body="{}"), times=1)
    page.page.reload()
    page.saying("Your receipt is still in this tab")
    other = Watched(page.page.context.new_page(), page.origin)
    other.open("/en/vote/demo")
    other.page.get_by_label("Your code").wait_for()
    assert "still in this tab" not in other.text()
    page.page.reload()
    is_shown("Your ballot is accepted")
    # It is gone after a while without a touch, when it was changed, at the end, and when the code is given again.
    key, text = page.page.evaluate(RECEIPT)
    for put_away in ("rest", "change", "finish", "code"):
        if put_away != "rest":
            page.page.evaluate(KEEP, [key, text])
            page.page.reload()
            is_shown("Your ballot is accepted")
        if put_away == "change":
            page.page.evaluate(KEEP, [key, re.sub('"tracker":"....', '"tracker":"0000', text)])
        else:
            put_receipt_away(page, put_away, code)
        page.page.reload()
        page.page.get_by_label("Your code").wait_for()
        assert page.page.evaluate(RECEIPT) is None
    assert len(page.sent) == 1 and len(voters.cast(code)) == 1
    other.verify()


def test_of_two_windows_with_two_choices_the_second_asks_first(new_page: NewPage, voters: Voters) -> None:
    one, code = new_page(), voters.next()
    other = Watched(one.page.context.new_page(), one.origin)
    encrypt(one, code)
    encrypt(other, code, OTHER_CHOICE)
    # At the same moment: who comes second learns of the first.
    for window in (one, other):
        window.page.evaluate("document.getElementById('cast').click()")
    one.page.get_by_role("heading", name=re.compile("Another ballot was cast|Your ballot is accepted"), level=1).wait_for()
    asked, taken = (one, other) if one.page.get_by_role("heading", name="Another ballot was cast").count() else (other, one)
    taken.heading("Your ballot is accepted")
    asked.heading("Another ballot was cast with your code just now")
    assert len(voters.cast(code)) == 1 and asked.sent == []
    (first,) = voters.cast(code)
    asked.page.locator("#cast").click()
    asked.heading("Your ballot is accepted")
    assert len(voters.cast(code)) == 2 and voters.cast(code)[0] == first
    other.verify()


def test_a_mistake_of_the_page_while_it_encrypts_is_said_and_nothing_was_sent(new_page: NewPage, voters: Voters) -> None:
    page, code = new_page(), voters.next()
    page.open(f"/en/vote/demo#{code}")
    page.choose(CHOICE)
    page.press("Check my choice")
    page.named("Yes, encrypt it").wait_for()
    page.page.evaluate("() => { crypto.getRandomValues = () => { throw new Error('no randomness'); }; }")
    page.press("Yes, encrypt it")
    page.heading("This page made a mistake")
    page.saying("Your ballot was not sent")
    page.press("Load the page again")
    page.page.get_by_label("Your code").wait_for()
    assert page.sent == [] and voters.cast(code) == []
    page.complaints = [one for one in page.complaints if one != "no randomness"]
