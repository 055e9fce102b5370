"""A campaign of three contests on a server with a hand-set clock: voters between devices, organizers between sessions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from playwright.sync_api import Locator, Route

from tests.browser.conftest import NewPage, watched_pages
from tests.browser.demonstration import Demonstration
from tests.browser.onlooker import Onlooker
from tests.browser.watched import Watched
from tests.service.hand_clock import HandClock
from tests.service.http_campaign import CAMPAIGN, HOUR, HttpCampaign, campaign
from tests.service.signed_in import login_token
from veche.observer.tracker import compact_tracker

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def story(chromium: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpCampaign]:
    """Three contests that are open at the same time."""
    _ = chromium
    folder = tmp_path_factory.mktemp("campaign")
    with campaign(folder, "", HandClock(), 5) as told:
        told.prepare()
        for uuid in told.uuids:
            told.open(uuid)
        yield told


@pytest.fixture
def pages(chromium: object, story: HttpCampaign) -> Iterator[NewPage]:
    with watched_pages(chromium, Demonstration(story.base, story.folder, {})) as make:
        yield make


def sign_in(page: Watched, story: HttpCampaign) -> None:
    page.open(f"/en/login/{login_token(story.server, 'olga@example.org')}")
    page.press("Sign in")
    page.page.wait_for_url("**/account")


def begin_draft(page: Watched) -> Locator:
    """The first field of a new campaign's form."""
    page.open("/en/organizer/")
    page.press("Begin a new campaign")
    page.heading("A new campaign")
    return page.page.get_by_label("Title in English")


def test_who_casts_one_of_three_and_leaves_finds_the_others_in_one_click_elsewhere(pages: NewPage, story: HttpCampaign) -> None:
    phone, code = pages(), next(iter(story.codes.values()))
    phone.open(f"/en/vote/budget#{code}")
    phone.heading("Your votes")
    phone.press("Vote: District 1")
    phone.page.locator("#answer-0-0").click()
    phone.press("Check my choice")
    phone.press("Yes, encrypt it")
    phone.press("Cast the ballot")
    phone.heading("Your ballot is accepted")
    assert phone.named("Vote: District 2").is_visible() and phone.named("Vote: District 3").is_visible()
    phone.page.close()
    for number in (2, 3):
        other = pages()
        other.open(f"/en/vote/budget#{code}")
        other.heading("Your votes")
        assert other.named("Vote again: District 1").is_visible()
        other.press(f"Vote: District {number}")
        other.heading(f"District {number}")
        assert other.activations == 1 and other.typed == 0


def test_what_an_organizer_typed_outlives_her_session(pages: NewPage, story: HttpCampaign) -> None:
    page = pages()
    sign_in(page, story)
    begin_draft(page).fill("Parks of 2027")
    story.clock.time += HOUR
    page.named("Keep, and show what is missing").first.click()
    page.heading("Not sent yet")
    with page.page.context.expect_page() as opened:
        page.press("Sign in in a new window", "link")
    opened.value.close()
    again = Watched(page.page.context.new_page(), page.origin)
    sign_in(again, story)
    page.press("Send it again")
    page.page.get_by_role("heading", level=1).wait_for()
    if "Not sent yet" in page.text():
        # Signed in anew since: the page asks once more, because the form was of the old session.
        page.press("Send it again")
    page.heading("A new campaign")
    again.open("/en/organizer/")
    assert "Parks of 2027" in again.text()
    again.verify()


def test_the_end_of_a_session_is_warned_of_and_put_off_without_leaving_the_page(pages: NewPage, story: HttpCampaign) -> None:
    page = pages()
    page.page.clock.install()
    sign_in(page, story)
    field = begin_draft(page)
    field.fill("typed before")
    assert not page.page.locator("[data-warning]").is_visible()
    page.page.clock.fast_forward("29:00")
    page.page.locator("[data-warning]").wait_for()
    page.press("Stay signed in")
    page.page.get_by_text("You stay signed in.").wait_for()
    page.page.clock.fast_forward("05:00")
    assert page.page.get_by_text("You stay signed in.").is_visible()
    assert field.input_value() == "typed before"


def test_what_is_pressed_again_while_the_server_is_slow_stands_in_the_record_once(pages: NewPage, story: HttpCampaign) -> None:
    page, uuid = pages(), story.uuids[0]
    held: list[Route] = []
    sign_in(page, story)
    page.open(f"/en/organizer/budget/contests/{uuid}")
    page.page.locator("#incident summary").click()
    page.page.locator("#incident-reason").fill("pressed-twice")
    page.press("Write it into the record …")
    page.heading("Record an incident")
    page.page.route("**/incident", lambda route: held.append(route))
    # By the page's own clock: Playwright clicks nothing while another page is on its way.
    page.named("Yes: Write it into the record").evaluate("button => [0, 400].forEach((at) => setTimeout(() => button.click(), at))")
    page.page.wait_for_timeout(800)
    assert len(held) == 1
    held[0].continue_()
    page.page.wait_for_url(f"**/contests/{uuid}")
    page.open(f"/en/observe/{uuid}")
    assert page.text().count("pressed-twice") == 1


CARDS = "#app .cards > li"
YES = {1: ((1, 0, 0, 0),), 2: ((1, 0, 0),), 3: ((1, 1, 0),)}
"""What everybody votes here, by district."""

SAFE = str.maketrans("+/", "-_")
"""As a tracker stands in an address."""


@dataclass(slots=True)
class Watch:
    """A reader of the public and the voters' pages, and a clerk who signs in anew after every hour that passes."""

    story: HttpCampaign
    reader: Onlooker
    clerk: Onlooker

    def sign_in(self) -> None:
        sign_in(self.clerk.seat, self.story)

    def observe(self, uuid: str, state: str) -> None:
        """The observer's page and the organizers' page in this state."""
        self.reader.look(f"/observe/{uuid}", f"main .state-{state}")
        self.clerk.look(f"/organizer/{CAMPAIGN}/contests/{uuid}", f"main .state-{state}")

    def vote(self) -> None:
        """The voters' pages with all votes of the campaign, once with each."""
        code = next(iter(self.story.codes.values()))
        self.reader.look(f"/vote/{CAMPAIGN}#{code}", CARDS)
        self.reader.look(f"/my#{code}", CARDS)

    def track(self, uuid: str) -> None:
        """The first ballot, found and checked."""
        listed = httpx.get(f"{self.story.record(uuid)}/credentials/").json()["credentials"]
        tracker = next(one["ballots"][0]["tracker"] for one in listed if one["ballots"])
        self.reader.look(f"/track/{uuid}#{compact_tracker(tracker).translate(SAFE)}", "#app div.good", "#app .acts button")

    def end(self, uuid: str, act: str, **more: str) -> None:
        """Asked for by one organizer, looked at, approved by the other."""
        asked = self.story.act(uuid, act, {"reason": "mistake-in-ballot", **more})["id"]
        self.clerk.look(f"/organizer/{CAMPAIGN}/approvals/{asked}")
        self.story.approve(asked)


def test_votes_in_every_state_are_readable_for_everybody(pages: NewPage, story: HttpCampaign) -> None:
    """Suspended, cancelled; closed, withheld; being counted, published, annulled. Sealed, open and certified: test_readable.py."""
    watch, (one, two, three) = Watch(story, Onlooker(pages()), Onlooker(pages())), story.uuids
    for number, uuid in enumerate(story.uuids, 1):
        story.vote(uuid, [(place, YES[number]) for place in range(5 if uuid == two else 1)])
    _pause_and_cancel(watch, one, two, three)
    _withhold(watch, one, two)
    _publish_and_annul(watch, two)
    watch.vote()
    assert watch.reader.found + watch.clerk.found == []


def _pause_and_cancel(watch: Watch, one: str, two: str, three: str) -> None:
    """The first vote is longer by half an hour and suspended, and the third is cancelled for the second."""
    watch.sign_in()
    until = watch.story.summary(one)["closes_at"] + HOUR // 2
    watch.story.act(one, "extend", {"until": until, "reason": "power-cut"})
    watch.story.act(one, "suspend", {"reason": "power-cut"})
    watch.observe(one, "suspended")
    watch.end(three, "cancel", successor=two)
    watch.observe(three, "cancelled")
    watch.track(three)
    watch.vote()


def _withhold(watch: Watch, one: str, two: str) -> None:
    """Both votes have ended, and too few have voted in the first."""
    watch.story.close(one)
    watch.story.close(two)
    watch.sign_in()
    watch.reader.look(f"/observe/{two}", "main .state-closed")
    watch.story.add_up(one, "withheld")
    watch.observe(one, "withheld")
    watch.reader.look(f"/observe/{one}/protocol/closing")


def _publish_and_annul(watch: Watch, two: str) -> None:
    """From the encrypted total to a result that decides nothing."""
    result = f"/observe/{two}/protocol/result"
    watch.story.add_up(two)
    watch.reader.look(f"/observe/{two}", "main .state-decrypting")
    watch.story.open_total(two, (1, 3))
    watch.observe(two, "tallied")
    watch.story.publish(two)
    watch.observe(two, "published")
    watch.reader.look(result)
    watch.end(two, "annul")
    watch.observe(two, "annulled")
    watch.reader.look(result)
    watch.track(two)
