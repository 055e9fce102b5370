"""A campaign of three contests, every person's work done by clicking: from an empty form to certified totals.

Two organizers, a registrar, three trustees of whom one is missing at the end, nine voters, an observer. The clock is set by hand;
what it begins is done by the server's own timers and jobs. VECHE_STORY_PICTURES is a folder for pictures of the main steps.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.browser.conftest import NewPage
from tests.browser.organizer_desk import Asked, Option, Organizer, Planned, titled
from tests.browser.registrar_office import Office, veche
from tests.browser.test_seal_and_booth import ballot
from tests.browser.trustee_seat import Seat
from tests.browser.watched import Watched
from tests.service.hand_clock import HandClock
from tests.service.http_campaign import HOUR

TITLE = "Budget of the Hills"
TRUSTEES = ("Anna", "Boris", "Clara")
ONE, TWO, THREE = "District 1", "District 2", "District 3"
BLANK = "Blank vote: none of them"
DAY = 86_400
DESK = {"width": 1000, "height": 800}

VOTES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "Ada": {ONE: ["A library corner"], TWO: ["Trees", "Benches"], THREE: ["A weekly market", "Sunday"]},
    "Bela": {TWO: [BLANK], THREE: ["A weekly market", "Saturday"]},
    "Carl": {ONE: ["A playground"]},
    "Dora": {ONE: ["A skate park"], TWO: ["Trees", "Lamps"]},
    "Emil": {THREE: ["A weekly market", "Sunday"]},
    "Fay": {ONE: ["A library corner"], THREE: ["A cinema in the park", "Saturday"]},
    "Gus": {TWO: [BLANK], THREE: ["A weekly market", "Sunday"]},
    "Hana": {ONE: ["A library corner"]},
    "Ivo": {TWO: ["Lamps", "Trees"]},
}
"""Five in each contest: with fewer no result is published."""

REVOTE = ("Ada", ONE, ["A skate park"])
"""From another device, after the first ballot."""

TESTER = ("Ivo", TWO)
"""Who opens a first ballot instead of casting it."""


def plan(now: int) -> list[Planned]:
    """Choose 1; up to 2 of 4 with a blank vote; two questions. They open and close together, an hour from now and a day later."""
    shelves = "Two shelves and four chairs in the old post office."
    built = (Option("A library corner", "1500000", shelves), Option("A playground", "2500000"), Option("A skate park", "3000000"))
    street, square = ("Trees", "Benches", "Lamps", "A fountain"), ("A weekly market", "A cinema in the park")
    asked = {
        ONE: [Asked("What shall be built?", built)],
        TWO: [Asked("What does the street need?", titled(*street), 2, True)],
        THREE: [Asked("What shall the square have?", titled(*square)), Asked("On which day?", titled("Saturday", "Sunday"))],
    }
    return [
        Planned(title.lower().replace(" ", "-"), title, now + HOUR, now + 25 * HOUR, questions, "4000000")
        for title, questions in asked.items()
    ]


@dataclass(slots=True)
class Story:
    """What people know of each other, by name and by the contests' titles. `records` are the addresses of the public records."""

    base: str
    clock: HandClock
    folder: Path
    device: NewPage
    olga: Organizer
    oleg: Organizer
    office: Office
    observer: Watched
    contests: Sequence[Planned]
    seats: dict[str, Seat] = field(default_factory=dict)
    uuids: dict[str, str] = field(default_factory=dict)
    seals: dict[str, str] = field(default_factory=dict)
    letters: dict[str, str] = field(default_factory=dict)
    papers: dict[str, Any] = field(default_factory=dict)

    @property
    def records(self) -> list[str]:
        return [f"{self.base}/observer/elections/{uuid}" for uuid in self.uuids.values()]

    def observe(self, title: str, more: str = "") -> Watched:
        self.observer.open(f"/en/observe/{self.uuids[title]}{more}")
        return self.observer


def until(story: Story, text: str) -> None:
    """The organizers' page of every contest says this, soon."""
    for title in story.uuids:
        story.olga.contest(title)
        story.olga.until(text)


def picture(page: Watched, name: str) -> None:
    """For people who develop this: nothing is compared."""
    if folder := os.environ.get("VECHE_STORY_PICTURES"):
        page.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def play(story: Story) -> None:
    """Everything, in the order of the calendar."""
    for act in (draft, make_keys, register, drill, seal, hand_out, open_votes, vote, close, give_shares, publish, certify):
        act(story)


# --- Before the seal ------------------------------------------------------------------------


def draft(story: Story) -> None:
    """An empty form has become a campaign with its people and fixed rules."""
    olga = story.olga
    olga.sign_in()
    olga.draft({"Title in English": TITLE, "Short name": "hills", "Days of appeal": "1"}, TRUSTEES, story.contests)
    picture(olga.watched, "draft")
    olga.watched.press("Make the campaign")
    olga.watched.heading(TITLE)
    picture(olga.watched, "campaign-made")
    olga.add_organizer("oleg@example.org")
    story.office.link = olga.invite_registrar("Rita", "rita@example.org")
    olga.enter(TITLE)
    for name, link in olga.invite_trustees().items():
        folder, page = story.folder / name, story.device(viewport=DESK, accept_downloads=True)
        folder.mkdir()
        story.seats[name] = Seat(page.page, page, folder)
        page.page.goto(link)
    picture(olga.watched, "invitations")
    olga.enter(TITLE)
    olga.registrars_key(story.office.key())
    olga.sure("Fix the rules")
    now = story.clock.time
    olga.begin_ceremony([now + HOUR // 4, now + HOUR // 3, now + HOUR // 2])
    olga.watched.page.get_by_text("Run 1 is going on.").wait_for()
    for one in story.contests:
        olga.contest(one.title)
        story.uuids[one.title] = olga.told("Number of the election")


def make_keys(story: Story) -> None:
    """The whole ceremony, two of three, each at a browser of her own."""
    seats = story.seats.values()
    for seat in seats:
        seat.page.reload()
        seat.press("Begin")
        seat.begin()
    for seat in seats:
        seat.keep("Nothing has been sent yet.")
    for seat in seats:
        seat.says("Compare before you go on")
    picture(story.seats["Anna"].watched, "certificates")
    first, second = story.seats["Anna"].reads_aloud(), story.seats["Boris"].reads_aloud()
    for name, seat in story.seats.items():
        seat.compare(second if name == "Anna" else first)
    for why in ("You have chosen your part of the key.", "Everybody has shown a hash.", "All shares are good"):
        for seat in seats:
            seat.keep(why)
    for seat in seats:
        seat.says("The published keys are those you helped to make.")


def register(story: Story) -> None:
    """The registrar's lists are handed in through the page; one with two slips was refused, and both were named."""
    olga, lists = story.olga, story.office.draw()
    first = lists[story.uuids[ONE]].read_text("utf-8").split(",")
    broken = story.office.folder / "broken.json"
    broken.write_text(",".join([first[0], first[1].replace('"', '"Z', 1), *first[2:4], first[3], *first[5:]]), "utf-8")
    olga.enter(TITLE)
    olga.hand_in(ONE, broken)
    refused = olga.watched.page.get_by_role("alert").filter(has_text="The list was not taken.").inner_text()
    picture(olga.watched, "list-refused")
    assert "Entry 2: this is not what the registrar's program writes" in refused
    assert "Entry 5: it stands further above already." in refused
    for title, uuid in story.uuids.items():
        olga.enter(TITLE)
        olga.hand_in(title, lists[uuid])
        assert olga.told("Public credentials handed in") == "9"


def at_once(story: Story, button: str, end: str, why: str = "") -> None:
    """Every trustee opens the key once and does for all contests what the button says."""
    for seat in story.seats.values():
        seat.page.reload()
        seat.page.get_by_role("button", name=button).first.click()
        assert [title in seat.watched.text() for title in story.uuids] == [True] * 3
        seat.give_key()
    for seat in story.seats.values():
        if why:
            seat.keep(why)
        seat.says(end)
        assert not seat.page.get_by_role("button", name=button).is_visible()


def drill(story: Story) -> None:
    at_once(story, "Pass the drill", "You have passed the drill.", "The drill is ready.")


def seal(story: Story) -> None:
    """What was seen, named and asked for by one organizer is approved by the other, and sealed."""
    olga, oleg = story.olga, story.oleg
    oleg.sign_in()
    for title in story.uuids:
        olga.contest(title)
        olga.watched.press("Look at the ballot and seal", "link")
        picture(olga.watched, f"seal-{title}")
        story.papers[title], rules = ballot(olga.watched, ".paper", ".paper h3"), olga.rows()
        if title == ONE:
            olga.ask_to_seal(TWO)
            olga.watched.page.get_by_text("This is not the contest's name.").wait_for()
        olga.ask_to_seal(title)
        olga.watched.heading(f"Seal the contest: {title}")
        assert not olga.watched.named("Approve:").is_visible()
        # The page before the seal has shown what is asked for: the ballot, and every rule.
        assert ballot(olga.watched, ".paper", ".paper h3") == story.papers[title]
        assert rules.pop("SHA-256") and "Keys that may sign the log" in rules
        assert rules.items() <= olga.rows().items()
        story.seals[title] = olga.told("Seal: the same in every letter")
        oleg.contest(title)
        oleg.watched.press("To the request", "link")
        assert oleg.told("Seal: the same in every letter") == story.seals[title]
        picture(oleg.watched, f"approval-{title}")
        oleg.watched.press("Approve:")
    until(story, "Hand out the letters")


def hand_out(story: Story) -> None:
    """Letters are printed and their codes switched on; every trustee has answered the roll-call."""
    story.letters = story.office.letters(story.records, story.base)
    story.office.sign(story.records, "--all")
    at_once(story, "I am here, with my key", "You have answered the roll-call.")


# --- Voting ---------------------------------------------------------------------------------


def open_votes(story: Story) -> None:
    """The clock has opened the votes; the organizer only looks."""
    story.clock.time = story.contests[0].opens
    story.olga.sign_in()
    until(story, "Voting closes by itself at the announced time.")
    picture(story.olga.watched, "open")


def vote(story: Story) -> None:
    """Nine people have voted, each on a device of her own: one has tested it before, one has voted again on another one."""
    for name, votes in VOTES.items():
        page = arrive(story, name)
        for title, choices in votes.items():
            page.press(f"Vote: {title}")
            page.heading(title)
            if name == "Ada":
                assert ballot(page, "#app", "h1") == story.papers[title]
            if (name, title) == TESTER:
                choose(page, title, ["A fountain"])
                open_instead(story, page, title)
                # The mark is still there, and is taken back.
                page.choose("A fountain")
            choose(page, title, choices)
            cast(story, page, title)
        picture(page, f"receipt-{name}")
        page.press("Finish: forget my code on this device")
    name, title, choices = REVOTE
    other = arrive(story, name)
    other.press(f"Vote again: {title}")
    choose(other, title, choices)
    cast(story, other, title)
    seen = story.observe(ONE)
    picture(seen, "observed-open")
    assert seen.named("Vote now", "link").is_visible() and "Have voted: 5 of 9" in seen.text()


def arrive(story: Story, name: str) -> Watched:
    """A phone has opened what is in the QR code of the letter."""
    page = story.device()
    page.page.goto(story.letters[name])
    page.heading("Your votes")
    return page


def choose(page: Watched, title: str, choices: Sequence[str]) -> None:
    """The choice is encrypted, and neither cast nor tested."""
    page.heading(title)
    for choice in choices:
        page.page.locator("#app label").filter(has_text=choice).click()
    picture(page, f"choice-{title}")
    page.press("Check my choice")
    page.press("Yes, encrypt it")
    page.heading("Your vote is encrypted")


def cast(story: Story, page: Watched, title: str) -> None:
    page.press("Cast the ballot")
    page.heading("Your ballot is accepted")
    assert story.seals[title] in page.text()


def open_instead(story: Story, page: Watched, title: str) -> None:
    """The ballot was opened and saved, the program finds the choice in it, and the voter is back at her vote."""
    fingerprint = page.page.locator("#commitment").inner_text()
    page.page.locator("summary", has_text="Test this device").click()
    page.press("Test this device instead")
    page.heading("This ballot was NOT cast")
    picture(page, "tested")
    with page.page.expect_download() as saved:
        page.press("Save the opened ballot")
    opened = story.folder / "opened.json"
    saved.value.save_as(opened)
    record = f"{story.base}/observer/elections/{story.uuids[title]}"
    assert "A fountain" in veche("voter", "check-opened", str(opened), "--election", record, "--fingerprint", fingerprint)
    page.press("Vote now")


# --- After the vote -------------------------------------------------------------------------


def close(story: Story) -> None:
    """The clock has closed the votes, and the registrar's last word had them added up."""
    story.clock.time = story.contests[0].closes
    story.olga.sign_in()
    until(story, "Hand in the last signed list")
    story.office.sign(story.records, "--all", "--last")
    until(story, "Given: 0; not yet: Anna, Boris, Clara.")


def give_shares(story: Story) -> None:
    """Anna and Clara have given theirs, with hashes from the letters and from the closing protocol; Boris is missing."""
    present = [story.seats[name] for name in ("Anna", "Clara")]
    for seat in present:
        seat.page.reload()
    for title in story.uuids:
        end = story.observe(title, "/protocol/closing").page.locator("dt", has_text="EndBallots").locator("+ dd").inner_text()
        for seat in present:
            card = seat.page.locator("#app .cards li").filter(has_text=title)
            card.get_by_role("button", name="Check everything and give my share").click()
            seat.page.get_by_label("Setup hash or seal").fill(story.seals[title])
            seat.page.get_by_label("EndBallots hash").fill(end)
            seat.give_key()
        for seat in present:
            seat.keep("Your share is ready.")
            seat.says("Your share is given.")
    picture(story.seats["Clara"].watched, "shares")


def publish(story: Story) -> None:
    olga = story.olga
    for title in story.uuids:
        olga.contest(title)
        olga.until("Have the whole record audited, and publish the result.")
        picture(olga.watched, "counted")
        olga.sure("Audit and publish")
    until(story, "Decide on complaints")
    for title in story.uuids:
        assert "Preliminary result" in story.observe(title).text()


def certify(story: Story) -> None:
    story.clock.time += DAY
    olga = story.olga
    olga.sign_in()
    for title in story.uuids:
        olga.contest(title)
        olga.watched.page.get_by_label("Complaints that were decided on").fill("0")
        olga.sure("Certify")
        olga.watched.page.get_by_text("The result is final.").wait_for()
    picture(olga.watched, "certified")


def counted(title: str) -> dict[str, int]:
    """The plain count of the last ballots."""
    name, again, choices = REVOTE
    last = [choices if (voter, title) == (name, again) else votes[title] for voter, votes in VOTES.items() if title in votes]
    return dict(Counter(choice for one in last for choice in one))
