"""The working screens of organizers and trustees for `screenshots`: from an empty form to the share of the result.

The first trustee sits at a browser in English, the second at one in Russian, the third uses the command line.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser.trustee_seat import WORDS
from tests.service.hand_clock import HandClock
from tests.service.listening import listening
from tests.service.office import CAMPAIGN, OLEG, OLGA, Office, open_office
from tests.service.signed_in import login_token
from tests.service.tool import Tool
from tests.service.town import HOUR
from veche.cli.demo_casting import encrypt_all
from veche.cli.issuing import IssuedSoFar, next_issued
from veche.cli.voter_sending import send_ballot
from veche.crypto.canonical_json import Json
from veche.service import lifecycle
from veche.service.ceremonies import add_keys_everywhere
from veche.service.server import open_server
from veche.service.settings import Settings

if TYPE_CHECKING:
    from tests.browser.screenshots import Album

ROOT = f"/organizer/{CAMPAIGN}"
VOTERS = 6


def plan(now: int, registrar: str) -> dict[str, Json]:
    """A contest with everything in it: budget and costs, descriptions, several marks, a blank vote."""
    texts = ("Сквер с фонтаном", "Велодорожка вдоль набережной", "Освещение дворов")
    options: list[Json] = [
        {"project": f"p-{place}", "title": title, "cost": 1_250_000_00 * place, "text": f"{title}: подробное описание проекта."}
        for place, title in enumerate(texts, 1)
    ]
    question: dict[str, Json] = {"question": "Какие проекты поддержать?", "min": 1, "max": 2, "blank": True, "options": [*options]}
    contest: dict[str, Json] = {
        "contest": "district-7",
        "title": {"ru": "Бюджет благоустройства Центрального района", "en": "Improvements in the Central district"},
        "description": "Побеждают проекты, которые набрали больше голосов и умещаются в бюджет.\nОдин избиратель отмечает до двух.",
        "opens_at": now + HOUR,
        "closes_at": now + 24 * HOUR,
        "extended_until": now + 26 * HOUR,
        "electorate": VOTERS,
        "minimum_ballots": 2,
        "appeal_days": 1,
        "allocation": {"rule": "greedy-skip", "budget": 5_000_000_00, "currency": "RUB"},
        "questions": [question],
    }
    names = ("Анна Сергеевна Константинопольская", "Борис Иванов", "Clara Okafor")
    trustees: list[Json] = [{"name": name, "email": f"trustee-{place}@example.org"} for place, name in enumerate(names, 1)]
    return {
        "campaign": CAMPAIGN,
        "title": {"ru": "Бюджет города на 2027 год", "en": "City budget 2027"},
        "rehearsal": False,
        "host": "vote.example",
        "zone": "Europe/Moscow",
        "registrar": registrar,
        "threshold": 2,
        "trustees": trustees,
        "contests": [contest],
    }


class Work:
    """The office, its address, and an album in each language; organizers and trustees share a browser's pages."""

    def __init__(self, office: Office, base: str, albums: Sequence[Album], folder: Path) -> None:
        self.office, self.base, self.albums, self.folder = office, base, albums, folder
        self.files: dict[str, Path] = {}
        self.links: list[str] = []

    def both(self, name: str, path: str, button: str = "") -> None:
        """This page in both languages, or what comes when this button of it is pressed."""
        for album in self.albums:
            album.open(f"{self.base}/{album.language}{path}")
            if button:
                album.page.evaluate("() => document.querySelectorAll('details').forEach((one) => { one.open = true })")
                album.page.locator(button).first.click()
                album.page.wait_for_load_state()
            album.take(name)

    def sign_in(self, email: str = OLGA) -> None:
        for album in self.albums:
            album.page.context.clear_cookies()
            album.open(f"{self.base}/{album.language}/login/{login_token(self.office.server, email)}")
            album.page.locator("main form button").click()
            album.page.wait_for_url("**/account")

    def save(self, album: Album, name: str) -> None:
        """The trustee's page asks to save its file; a person does it and goes on."""
        page = album.page
        page.locator("#save").wait_for(timeout=60_000)
        album.take(name)
        with page.expect_download() as saving:
            page.locator("#save").click()
        self.files[album.language] = self.folder / f"{album.language}-{saving.value.suggested_filename}"
        saving.value.save_as(self.files[album.language])
        page.locator("#saved").click()

    def give_key(self, album: Album, words: str = WORDS) -> None:
        album.page.locator("#key-file").set_input_files(str(self.files[album.language]))
        album.page.locator("#passphrase").fill(words)
        album.page.locator("#go").click()

    def third(self, command: str) -> None:
        """The third trustee does this with the command line."""
        tool = Tool(3, self.folder / "trustee-3", CAMPAIGN, self.links[2].partition("#")[2])
        # Playwright has a loop of its own in this thread.
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(tool.run, self.base, command).result(120) == 0

    def trustee(self, name: str) -> None:
        """The first screen of each trustee's page."""
        for album, link in zip(self.albums, self.links[:2], strict=True):
            album.open(link.replace("/trustee/", f"/{album.language}/trustee/"))
            album.page.locator("#app h2").first.wait_for()
            album.take(name)

    def act(self, name: str) -> None:
        """The one thing that a contest asks of each trustee, up to its form."""
        for album in self.albums:
            album.page.locator("#app .cards .acts button").first.click()
            album.page.locator("#go").wait_for()
            album.take(name)


def at_work(albums: Sequence[Album], folder: Path) -> None:
    """Every picture of this scene."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base, clock = f"http://127.0.0.1:{port}", HandClock()
    with ExitStack() as stack:
        server = open_server(Settings(data=folder / "data", database="", checkers=1, worker=False, base_url=base), clock)
        stack.callback(server.close)
        office = open_office(server, clock, folder / "people", stack)
        stack.enter_context(listening(server, port))
        work = Work(office, base, albums, folder)
        work.sign_in()
        _planned(work)
        _keys(work)
        uuid = _listed(work)
        _sealed(work, uuid)
        _voted(work, uuid)


def _planned(work: Work) -> None:
    """A draft with everything missing, a file with mistakes, a plan, and its people's links."""
    office = work.office
    for album in work.albums:
        page = album.page
        album.open(f"{work.base}/{album.language}/organizer/")
        album.take("organizer-nothing-yet")
        page.locator("form[action$='/drafts/'] button").click()
        page.locator("[name='title.ru']").fill("Бюджет города")
        page.locator("[name=do][value=save]").first.click()
        page.wait_for_load_state()
        album.take("draft")
        page.locator("[value='add:contests']").click()
        page.wait_for_load_state()
        album.open(page.url.partition("?")[0].partition("#")[0].removesuffix("/contests/1") + "/contests/1")
        page.locator("[name=do][value=save]").first.click()
        page.wait_for_load_state()
        album.take("draft-contest")
        album.open(f"{work.base}/{album.language}/organizer/")
        file = {"name": "plan.csv", "mimeType": "text/csv", "buffer": b"campaign;x\ntitle_en;y\nrehearsal;perhaps\n"}
        page.locator("[name=file]").set_input_files(file)  # type: ignore[arg-type]  # playwright wants a TypedDict
        page.locator("form:has([name=file]) button").click()
        page.wait_for_load_state()
        album.take("organizer-file-with-mistakes")
    made = office.olga.post("/api/campaigns", json=plan(office.clock.now(), office.signer.verifier.text()))
    assert made.status_code == 201, made.text
    office.done("organizers", email=OLEG)
    work.both("campaign-planned", ROOT)
    work.both("campaign-fix", ROOT, "form[action$='/fix'] button")
    work.both("campaign-invitations", ROOT, "form[action$='/trustees'] button")
    work.links = [one["link"] for one in office.done("trustees")["invitations"]]
    office.done("fix")
    work.trustee("trustee-0-not-begun")
    now = office.clock.now()
    office.done("ceremony", deadlines=[now + HOUR // 4, now + HOUR // 2, now + 3 * HOUR // 4])


def _keys(work: Work) -> None:
    """The three trustees' ceremony."""
    first, _ = work.albums
    tool = Tool(3, work.folder / "trustee-3", CAMPAIGN, work.links[2].partition("#")[2])
    more = ("--place", "3/2/3", "--every", "0.5", "--wait", "0.5", "--heard-file", str(tool.heard))
    with ThreadPoolExecutor(1) as pool:
        third = pool.submit(tool.run, work.base, "take-part", *more)
        work.trustee("trustee-1-begin")
        for album in work.albums:
            page = album.page
            page.locator("#make-key").click()
            page.locator("#agreed").check()
            page.locator("#passphrase").fill(WORDS)
            page.locator("#go").click()
            page.get_by_role("alert").wait_for()
            album.take("trustee-2-make-the-key")
            page.locator("#again").fill(WORDS)
            page.locator("#go").click()
            work.save(album, "trustee-3-save")
            if album is first:
                page.locator("#app .steps").wait_for()
                album.take("trustee-4-waiting")
        for album in work.albums:
            album.page.locator("#heard").wait_for(timeout=60_000)
            album.take("trustee-5-compare")
            spoken = album.page.locator("#certificates-hash").text_content() or ""
            album.page.locator("#heard").fill(spoken[:20])
            album.page.locator("#go").click()
            album.page.get_by_role("alert").wait_for()
            album.take("trustee-5-compare-misheard")
            album.page.locator("#heard").fill(spoken)
            album.page.locator("#go").click()
            tool.heard.write_text(spoken)
            work.save(album, "trustee-6-save-chosen")
        for step in ("trustee-7-save-revealed", "trustee-8-save-finished"):
            for album in work.albums:
                work.save(album, step)
        assert third.result(120) == 0
    for album in work.albums:
        album.page.locator("#app .good").wait_for(timeout=60_000)
        album.take("trustee-9-key-is-made")
    add_keys_everywhere(work.office.server.storage, work.office.clock, CAMPAIGN)
    work.trustee("trustee-drill-1")
    work.act("trustee-drill-2")
    for album in work.albums:
        work.give_key(album, "another passphrase")
        album.page.get_by_role("alert").wait_for(timeout=60_000)
        album.take("trustee-drill-3-wrong-passphrase")
        work.give_key(album)
        work.save(album, "trustee-drill-4-save")
        album.page.locator("#app .good").wait_for(timeout=60_000)
    work.third("drill")


def _listed(work: Work) -> str:
    """The registrar's list was refused, then taken. The contest."""
    office = work.office
    (uuid,) = office.uuids()
    office.invite_registrar()
    office.register(VOTERS)
    work.sign_in()
    broken = {"name": "list.json", "mimeType": "application/json", "buffer": office.public[uuid].replace(b'["', b'["x', 1)}
    for album in work.albums:
        album.open(f"{work.base}/{album.language}{ROOT}")
        page = album.page
        page.evaluate("() => document.querySelectorAll('details').forEach((one) => { one.open = true })")
        page.locator("form[action*='/credentials'] [name=file]").set_input_files(broken)  # type: ignore[arg-type]
        page.locator("form[action*='/credentials'] button").click()
        page.wait_for_load_state()
        album.take("campaign-list-with-mistakes")
    assert office.hand_in(uuid).status_code < 300
    return uuid


def _sealed(work: Work, uuid: str) -> None:
    """One organizer asks, the other approves."""
    office, contest = work.office, f"{ROOT}/contests/{uuid}"
    work.both("contest-can-be-sealed", contest)
    for album in work.albums:
        album.open(f"{work.base}/{album.language}{contest}/seal")
        album.page.evaluate("() => document.querySelectorAll('main details').forEach((one) => { one.open = true })")
        album.page.locator("#name").fill("something else")
        album.take("contest-seal")
    asked = office.done(f"contests/{uuid}/seal")
    approval = f"{ROOT}/approvals/{asked['id']}"
    work.both("approval-own", approval)
    work.sign_in(OLEG)
    work.both("approval-second-organizer", approval)
    work.both("campaign-waits-for-approval", ROOT)
    office.done(f"approvals/{asked['id']}/approve", office.oleg)
    lifecycle.seal_contest(office.server, uuid)
    answer = office.registrar("POST", f"contests/{uuid}/issued", office.issued(uuid))
    assert answer.status_code < 300, answer.text
    work.both("contest-sealed", contest)
    work.both("contest-cancel", contest, "#cancel summary")
    work.trustee("trustee-roll-call-1")
    work.act("trustee-roll-call-2")
    for album in work.albums:
        work.give_key(album)
        album.page.locator("#app .good").wait_for(timeout=60_000)
        album.take("trustee-roll-call-3-done")
    # One more than must decrypt is needed before the vote opens.
    work.third("roll-call")


def _voted(work: Work, uuid: str) -> None:
    """The vote is open, then over; a trustee is asked for the share."""
    office, server = work.office, work.office.server
    office.at(office.clock.now() + 2 * HOUR)
    lifecycle.advance(server, uuid)
    codes = list(office.codes.values())
    for album, code in zip(work.albums, codes, strict=False):
        album.open(f"{work.base}/{album.language}/vote/{CAMPAIGN}#{code}")
        album.page.locator("#answer-0-1").check()
        album.page.locator("#app details summary").first.click()
        album.take("vote-1-choosing-with-costs")
        album.page.locator("#answer-0-1").uncheck()
        album.page.locator("#app form button[type=submit]").click()
        album.take("vote-1-nothing-chosen")
    record = f"{work.base}/observer/elections/{uuid}"
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(encrypt_all, record, [(code, ((0, 1, 0, 1),)) for code in codes[:3]]).result()
        for raw in made:
            pool.submit(send_ballot, record, office.sealed(uuid), raw).result()
    work.sign_in()
    work.both("contest-open", f"{ROOT}/contests/{uuid}")
    office.at(office.clock.now() + 25 * HOUR)
    lifecycle.advance(server, uuid)
    sealed = office.sealed(uuid)
    entry, data = next_issued(sealed, IssuedSoFar(frozenset(sealed.credentials.weights), True, False), (), office.signer, True)
    answer = office.registrar("POST", f"contests/{uuid}/issued", entry.text() + b"\n" + data)
    assert answer.status_code < 300, answer.text
    work.sign_in()
    work.both("contest-closed", f"{ROOT}/contests/{uuid}")
    work.both("campaign-closed", ROOT)
    lifecycle.advance(server, uuid)
    lifecycle.add_up(server, uuid)
    work.trustee("trustee-share-1")
    work.act("trustee-share-2")
