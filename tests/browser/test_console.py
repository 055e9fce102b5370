"""The organizers' working screens over a campaign all of whose texts are hostile: readable for everybody, and text everywhere.

What stands on each screen is what a clerk meets there: missing fields, a file with mistakes, links, a seal, a second organizer's
approval, a refused list, a session that ended. The pages that a demonstration shows by itself are in test_readable.py.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from tests.browser.conftest import watched_pages
from tests.browser.demonstration import Demonstration
from tests.browser.pages_of_demo import LANGUAGES
from tests.browser.readable import hard_to_read, hidden_stops, planted
from tests.browser.watched import Watched
from tests.service.hand_clock import HandClock
from tests.service.hostile_texts import SCRIPTS
from tests.service.listening import listening
from tests.service.office import CAMPAIGN, OLEG, OLGA, Office, open_office
from tests.service.signed_in import login_token
from tests.service.town import HOUR
from veche.service.server import open_server
from veche.service.settings import Settings

pytestmark = pytest.mark.slow

ROOT = f"/organizer/{CAMPAIGN}"
TITLE: Final = {"ru": SCRIPTS[5], "en": SCRIPTS[13]}
CONTEST: Final = {"ru": SCRIPTS[21], "en": SCRIPTS[15]}
QUESTION, OPTIONS = SCRIPTS[0], SCRIPTS[:50]
DESCRIPTION, TEXT = SCRIPTS[6], SCRIPTS[8]
TRUSTEES = (SCRIPTS[20], SCRIPTS[30], SCRIPTS[42])

_SHOWN = "() => document.body.textContent + [...document.querySelectorAll('input, textarea')].map((one) => one.value)"


def plan(now: int, registrar: str) -> dict[str, Any]:
    """The campaign as its file has it."""
    options = [{"project": f"p-{place}", "title": text, "text": TEXT} for place, text in enumerate(OPTIONS, 1)]
    contest = {
        "contest": "district-1",
        "title": CONTEST,
        "description": DESCRIPTION,
        "opens_at": now + HOUR,
        "closes_at": now + 24 * HOUR,
        "extended_until": now + 26 * HOUR,
        "electorate": 4,
        "minimum_ballots": 2,
        "appeal_days": 1,
        "questions": [{"question": QUESTION, "min": 1, "max": 1, "blank": True, "options": options}],
    }
    return {
        "campaign": CAMPAIGN,
        "title": TITLE,
        "rehearsal": True,
        "host": "vote.example",
        "registrar": registrar,
        "threshold": 2,
        "trustees": [{"name": name, "email": f"trustee-{place}@example.org"} for place, name in enumerate(TRUSTEES)],
        "contests": [contest],
    }


@dataclass(slots=True)
class Desk:
    """Olga at her browser, and the office of which she is an organizer. `found`: complaints by screen and language."""

    office: Office
    seat: Watched
    found: dict[str, list[str]] = field(default_factory=dict)

    def sign_in(self, email: str = OLGA) -> None:
        self.seat.page.context.clear_cookies()
        self.seat.open(f"/en/login/{login_token(self.office.server, email)}")
        self.seat.press("Sign in")
        self.seat.page.wait_for_url("**/account")

    def look(self, screen: str, *texts: str | Mapping[str, str]) -> None:
        """Complaints about the screen as it stands; every text must be seen on it, sign by sign."""
        page = self.seat.page
        page.get_by_role("heading", level=1).wait_for()
        language = page.locator("html").get_attribute("lang")
        shown = page.evaluate(_SHOWN)
        wanted = [one if isinstance(one, str) else one[str(language)] for one in texts]
        found = [f"not there: {text}" for text in wanted if text not in shown]
        found += planted(page)
        # The longer language is the harder one for whoever comes with the Tab key.
        found += [*hard_to_read(page), *(hidden_stops(page) if language == "ru" else [])]
        self.found[f"{screen} {language}"] = found

    def both(self, screen: str, path: str, *texts: str | Mapping[str, str]) -> None:
        """The page at this path in both languages."""
        for language in LANGUAGES:
            self.seat.open(f"/{language}{path}")
            self.look(screen, *texts)

    def refused(self, screen: str, path: str, form: str, *texts: str | Mapping[str, str], **typed: str) -> None:
        """What the page says when this form is sent with what was typed, in both languages."""
        for language in LANGUAGES:
            page = self.seat.page
            self.seat.open(f"/{language}{path}")
            page.evaluate("() => document.querySelectorAll('details').forEach((one) => { one.open = true })")
            for name, value in typed.items():
                if name == "file":
                    held = {"name": "list.json", "mimeType": "application/json", "buffer": value.encode()}
                    page.locator(f"form[action*='{form}'] [name=file]").set_input_files(held)  # type: ignore[arg-type]
                else:
                    page.locator(f"form[action*='{form}'] [name='{name}']").fill(value)
            page.locator(f"form[action*='{form}'] button").first.click()
            page.wait_for_load_state()
            self.look(screen, *texts)


@pytest.fixture
def desk(chromium: object, tmp_path: Path) -> Iterator[Desk]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base, clock = f"http://127.0.0.1:{port}", HandClock()
    with ExitStack() as stack:
        settings = Settings(data=tmp_path / "data", database="", checkers=1, worker=False, base_url=base)
        server = open_server(settings, clock)
        stack.callback(server.close)
        office = open_office(server, clock, tmp_path / "people", stack)
        stack.enter_context(listening(server, port))
        seat = stack.enter_context(watched_pages(chromium, Demonstration(base, tmp_path, {})))()
        seat.page.on("dialog", lambda dialog: seat.complaints.append(f"a dialog: {dialog.message}"))
        made = Desk(office, seat)
        made.sign_in()
        yield made


def _typed(desk: Desk) -> None:
    """A campaign by forms and from a file, with everything that can be missing."""
    desk.seat.open("/en/organizer/")
    desk.seat.press("Begin a new campaign")
    desk.seat.heading("A new campaign")
    draft = re.sub(r".*(/drafts/\d+).*", r"\1", desk.seat.page.url)
    name = {"title.ru": TITLE["ru"], "title.en": DESCRIPTION}
    desk.refused("draft, kept with flaws", draft, draft, *name.values(), **name)
    desk.seat.page.locator("[value='add:contests']").click()
    desk.seat.page.wait_for_load_state()
    contest = f"{draft}/contests/1"
    name = {"contests.0.title.en": CONTEST["en"], "contests.0.description": DESCRIPTION, "contests.0.opens_at": "2027-01-01T09:00"}
    desk.refused("contest of a draft, kept with flaws", contest, contest, CONTEST["en"], DESCRIPTION, **name)
    file = f"campaign;x\ntitle_en;{TITLE['en']}\nrehearsal;{TITLE['ru']}\n"
    desk.refused("a campaign's file with mistakes", "/organizer/", "/organizer/", file=file)


def _planned(desk: Desk) -> None:
    """The plan stands; links are made, refused, and the rules fixed."""
    office = desk.office
    made = office.olga.post("/api/campaigns", json=plan(office.clock.now(), office.signer.verifier.text()))
    assert made.status_code == 201, made.text
    office.done("organizers", email=OLEG)
    desk.both("campaigns", "/organizer/", TITLE)
    desk.refused("an organizer nobody knows", ROOT, "/organizers", email="nobody@example.org")
    desk.refused("before the rules are fixed", ROOT, "/fix")
    desk.refused("links for trustees", ROOT, "/trustees", *TRUSTEES)
    link = desk.seat.page.locator("main code").first.inner_text()
    _trustee(desk, link)
    office.done("fix")


def _trustee(desk: Desk, link: str) -> None:
    """A trustee's page names the trustees."""
    organizer = desk.seat.page
    desk.seat.page = organizer.context.new_page()
    desk.seat.page.goto(link)
    desk.look("a trustee's first screen")
    desk.seat.page.close()
    desk.seat.page = organizer


def _keyed(desk: Desk) -> str:
    """The key is there; the registrar's list has been refused, then taken. The contest."""
    office = desk.office
    office.make_keys()
    (uuid,) = office.uuids()
    office.drill(uuid)
    office.invite_registrar()
    office.register(4)
    broken = office.public[uuid].decode().replace('["', '["x', 1)
    desk.refused("a registrar's list with mistakes", ROOT, "/credentials", TITLE, file=broken)
    assert office.hand_in(uuid).status_code < 300
    return uuid


def _sealed(desk: Desk, uuid: str) -> None:
    """One organizer has looked at the ballot and asked, the other looks and approves."""
    at = f"{ROOT}/contests/{uuid}"
    desk.both("a contest that can be sealed", at, CONTEST)
    desk.both("what everybody sees of a contest before its seal", f"/observe/{uuid}", CONTEST)
    desk.refused("the seal, with a wrong name", f"{at}/seal", "/seal", QUESTION, *OPTIONS, name=SCRIPTS[39])
    desk.seat.page.locator("#name").fill(desk.seat.page.locator("label[for=name]").inner_text().partition(": ")[2])
    desk.seat.page.locator("form[action$='/seal'] button").click()
    desk.seat.page.wait_for_url("**/approvals/*")
    approval = f"{ROOT}/approvals/{desk.seat.page.url.rpartition('/')[2]}"
    desk.look("an approval that was asked for", QUESTION, *OPTIONS)
    desk.sign_in(OLEG)
    desk.both("an approval for the second organizer", approval, QUESTION, *OPTIONS)
    desk.both("a request that waits", ROOT, CONTEST)
    desk.both("the trail", f"{ROOT}/trail", CONTEST)


def _too_late(desk: Desk) -> None:
    """A session ended, and somebody else's page."""
    desk.seat.open("/ru/organizer/")
    desk.seat.page.locator("form[action$='/drafts/'] button").click()
    field = desk.seat.page.locator("[name='title.ru']")
    field.fill(TITLE["ru"])
    desk.seat.page.context.clear_cookies()
    desk.seat.page.locator("form[action*='/drafts/'] button").first.click()
    desk.seat.page.locator("[name=do]").wait_for(state="attached")
    desk.look("a form of a session that has ended", TITLE["ru"])
    desk.both("not signed in", ROOT)


def test_an_organizers_working_screens_are_readable_and_hostile_texts_are_text(desk: Desk) -> None:
    _typed(desk)
    _planned(desk)
    uuid = _keyed(desk)
    _sealed(desk, uuid)
    _too_late(desk)
    assert {screen: found for screen, found in desk.found.items() if found} == {}
