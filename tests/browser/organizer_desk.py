"""An organizer at the console: every field typed and every button pressed as on the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tests.browser.watched import Watched
from tests.service.signed_in import login_token
from veche.service.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Locator

ZONE = "Europe/Moscow"
PATIENCE = 60


@dataclass(frozen=True, slots=True)
class Option:
    title: str
    cost: str = ""
    text: str = ""


def titled(*titles: str) -> list[Option]:
    """Options that have a title and nothing more."""
    return [Option(title) for title in titles]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a contest."""

    text: str
    options: Sequence[Option]
    most: int = 1
    blank: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """A contest as an organizer types it. Times are seconds since 1970."""

    name: str
    title: str
    opens: int
    closes: int
    questions: Sequence[Asked]
    budget: str
    description: str = ""
    electorate: int = 9


def moment(time: int) -> str:
    """As a field for a day and an hour takes it."""
    return datetime.fromtimestamp(time, ZoneInfo(ZONE)).strftime("%Y-%m-%dT%H:%M")


@dataclass(slots=True)
class Organizer:
    """One person at one browser. `found` are the addresses of the contests' pages by title."""

    server: Server
    email: str
    watched: Watched
    found: dict[str, str] = field(default_factory=dict)

    def sign_in(self) -> None:
        """With a new link from the operator: sessions end with the hours that a test lets pass."""
        self.watched.open(f"/en/login/{login_token(self.server, self.email)}")
        self.watched.press("Sign in")
        self.watched.press("To your campaigns", "link")
        self.watched.heading("Your campaigns")

    def enter(self, title: str) -> None:
        """The page of this campaign."""
        self.watched.open("/en/organizer/")
        self.watched.press(title, "link")
        self.watched.heading(title)

    def contest(self, title: str) -> None:
        """The contest's page; the first time by the campaign's page, then by its address."""
        page = self.watched.page
        if title in self.found:
            page.goto(self.found[title])
        else:
            self.watched.open("/en/organizer/")
            page.locator(".cards a").first.click()
            page.get_by_role("link", name=title, exact=True).click()
            self.watched.heading(title)
            self.found[title] = page.url

    def told(self, label: str) -> str:
        """What stands beside this label."""
        return self.watched.page.locator("dt", has_text=label).locator("+ dd").inner_text()

    def rows(self) -> dict[str, str]:
        """Every label on the page and what stands beside it."""
        labels = self.watched.page.locator("main dt")
        beside = labels.locator("+ dd").all_text_contents()
        return {label: " ".join(text.split()) for label, text in zip(labels.all_text_contents(), beside, strict=True)}

    def until(self, text: str) -> None:
        """The page says this once it is loaded again often enough."""
        page = self.watched.page
        for _ in range(4 * PATIENCE):
            if page.locator("main").get_by_text(text).first.is_visible():
                return
            page.wait_for_timeout(250)
            page.reload()
        raise AssertionError(f"a minute has passed before the page says: {text}\n{self.watched.text()}")

    # --- the draft ---

    def draft(self, campaign: Mapping[str, str], trustees: Sequence[str], contests: Sequence[Planned]) -> None:
        """The forms of a new campaign are filled in; `campaign` has the labels of its fields."""
        page, watched = self.watched.page, self.watched
        watched.press("Begin a new campaign")
        for label, typed in campaign.items():
            page.get_by_label(label).fill(typed)
        page.get_by_label("Kind").select_option("no")
        page.get_by_label("How a budget is given out").select_option("greedy-skip")
        for number, name in enumerate(trustees, 1):
            row = page.get_by_role("group", name=f"Trustee {number}")
            row.get_by_label("Name").fill(name)
            row.get_by_label("E-mail").fill(f"{name.lower()}@example.org")
        for _ in contests[1:]:
            watched.press("One more contest")
        watched.press("Questions and dates of contest 1")
        for number, one in enumerate(contests, 1):
            watched.heading(f"Contest {number}")
            self._contest(one)
            last = number == len(contests)
            watched.press("Keep, and back to the campaign" if last else f"Keep, and to contest {number + 1}")
        watched.heading("A new campaign")

    def _contest(self, one: Planned) -> None:
        page = self.watched.page
        for number, asked in enumerate(one.questions, 1):
            if number > 1:
                self.watched.press("One more question")
            for _ in asked.options[2:]:
                self._question(number).get_by_role("button", name="One more option").click()
        for label, typed in {
            "Title in English": one.title,
            "Short name For example": one.name,
            "What voters should know": one.description,
            "Voting opens": moment(one.opens),
            "Voting closes": moment(one.closes),
            "Number of people who may vote": str(one.electorate),
            "Budget": one.budget,
        }.items():
            if typed:
                page.get_by_label(label).first.fill(typed)
        for number, asked in enumerate(one.questions, 1):
            box = self._question(number)
            box.get_by_label("Text of the question").fill(asked.text)
            if asked.most > 1:
                box.get_by_label("A voter chooses at most").fill(str(asked.most))
            if asked.blank:
                box.get_by_label("May a voter vote blank?").select_option("yes")
            for place, option in enumerate(asked.options, 1):
                self._option(box.get_by_role("group", name=f"Option {place}"), place, option)

    def _question(self, number: int) -> Locator:
        return self.watched.page.get_by_role("group", name=f"Question {number}")

    def _option(self, row: Locator, place: int, option: Option) -> None:
        row.get_by_label("What the voter reads").fill(option.title)
        if option.cost:
            row.get_by_label("Cost").fill(option.cost)
        if option.text:
            row.get_by_text(f"More about option {place}").click()
            row.get_by_label("Description").fill(option.text)

    # --- people ---

    def add_organizer(self, email: str) -> None:
        self._unfold("Add another organizer")
        self.watched.page.locator("#organizer-email").fill(email)
        self.watched.press("Add the organizer")

    def invite_registrar(self, name: str, email: str) -> str:
        """The registrar's link."""
        page = self.watched.page
        self._unfold("Invite the registrar")
        page.locator("#registrar-name").fill(name)
        page.locator("#registrar-email").fill(email)
        self.watched.press("Make the registrar's link")
        return self._links()[name]

    def invite_trustees(self) -> dict[str, str]:
        """The trustees' links by name."""
        self._unfold("Invite the trustees")
        self.watched.press("Make a link for every trustee")
        return self._links()

    def _links(self) -> dict[str, str]:
        self.watched.heading("Invitations")
        cards = self.watched.page.locator("main .cards li").all()
        return {one.locator("h2").inner_text(): one.locator("code").inner_text() for one in cards}

    def _unfold(self, summary: str) -> None:
        part = self.watched.page.locator("details", has=self.watched.page.locator("summary", has_text=summary))
        if part.get_attribute("open") is None:
            part.locator("summary").click()

    # --- steps ---

    def registrars_key(self, key: str) -> None:
        """The key that the registrar has given, typed into the plan."""
        self.watched.press("Change the plan by forms")
        self.watched.page.get_by_label("Registrar's public key").fill(key)
        self.watched.press("Replace the plan")

    def sure(self, button: str) -> None:
        """What is asked twice: the button, and the page after it."""
        self.watched.press(f"{button} …")
        self.watched.press(f"Yes: {button}")

    def begin_ceremony(self, deadlines: Sequence[int]) -> None:
        labels = ("Certificates and commitments are due", "Reveals are due", "Shares and complaints are due")
        for label, time in zip(labels, deadlines, strict=True):
            self.watched.page.get_by_label(label).fill(moment(time))
        self.watched.press("Begin the ceremony")

    def hand_in(self, contest: str, file: Path) -> None:
        """A registrar's list, through the campaign's page."""
        self.watched.page.get_by_label("Contest", exact=True).select_option(label=contest)
        self.watched.page.get_by_label("File public_creds.json").set_input_files(str(file))
        self.watched.press("Hand in the public credentials")

    def ask_to_seal(self, typed: str) -> None:
        """The seal is asked for, if this is the contest's name."""
        self.watched.page.get_by_label("To be sure, type the contest's name").fill(typed)
        self.watched.press("Ask to seal")
