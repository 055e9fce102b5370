"""Trustees in a real browser and on the command line in one ceremony; drill, roll-call, and a share for the strict audit."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import select, update

from tests.browser.trustee_seat import WORDS, Seat
from tests.browser.watched import Watched
from tests.service.hand_clock import HandClock
from tests.service.invited_trustees import CAMPAIGN
from tests.service.tool import HASTE, Tool
from tests.service.town import ServedTown
from tests.service.trustee_hall import Hall, cast, lone_hall
from veche.cli.main import run
from veche.cli.trustee_journal import parse_journal
from veche.cli.trustee_key_file import read_room
from veche.observer.audit import audit
from veche.observer.board import board_of
from veche.observer.tables import elections
from veche.service import counting
from veche.service.contest_desk import held_desk, reading_desk

NO_DEVICE_STORAGE = """
Object.defineProperty(window, "localStorage", { get() { throw new DOMException("The operation is insecure.", "SecurityError"); } });
"""


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    with ExitStack() as stack:
        yield lone_hall(HandClock(), tmp_path, stack)


@pytest.fixture
def seats(chromium: object, hall: Hall, tmp_path: Path) -> Iterator[list[Seat]]:
    with ExitStack() as stack:
        made = []
        for place in (1, 2):
            context = stack.enter_context(chromium.new_context(locale="en-GB", accept_downloads=True))  # type: ignore[attr-defined]
            if place == 1:
                # A browser that keeps nothing on the device: the share is remembered in the key file all the same.
                context.add_init_script(NO_DEVICE_STORAGE)
            page = context.new_page()
            folder = tmp_path / f"browser-{place}"
            folder.mkdir()
            made.append(Seat(page, Watched(page, hall.url), folder))
        yield made
        for one in made:
            one.watched.verify()


def _begin(seat: Seat, url: str, token: str) -> None:
    seat.page.goto(f"{url}/en/trustee/{CAMPAIGN}#{token}")
    seat.press("Begin")
    seat.press("Make my key")
    seat.refused("mark the box")
    seat.page.get_by_label("I have agreed on this list").check()
    seat.page.get_by_label("A passphrase for your key file").fill(WORDS)
    seat.page.get_by_label("The passphrase again").fill(WORDS)
    seat.press("Make my key")
    seat.keep("Nothing has been sent yet.")


def _make_key(hall: Hall, seats: list[Seat], other: Tool) -> None:
    """Two browsers and one command line have made a key together; one of the browsers was closed in between."""
    with ThreadPoolExecutor(1) as pool:
        more = ("--place", "3/2/3", *HASTE, "--heard-file", str(other.heard))
        third = pool.submit(other.run, hall.url, "take-part", *more)
        for seat, token in zip(seats, hall.guests.tokens[:2], strict=True):
            _begin(seat, hall.url, token)
            assert token not in seat.page.url
        for seat in seats:
            seat.says("Compare before you go on")
        _read_aloud(seats, other)
        for seat in seats:
            seat.keep("You have chosen your part of the key.")
        # A page that is closed goes on from the file.
        first = seats[0]
        first.page.reload()
        first.press("Open my key file")
        first.give_key()
        for seat in seats:
            seat.keep("Everybody has shown a hash.")
        for seat in seats:
            seat.keep("All shares are good")
        for seat in seats:
            seat.says("The published keys are those you helped to make.")
        assert third.result(120) == 0
    assert first.newest is not None
    assert first.newest.name == f"veche-trustee-{CAMPAIGN}-4.json"


def _read_aloud(seats: list[Seat], other: Tool) -> None:
    """The first reads to the others, the second to the first. What was misheard leads nowhere, and says where to listen again."""
    first, second = seats
    spoken = first.reads_aloud()
    assert not second.page.locator("#certificates-hash").is_visible()
    hears = second.page.get_by_label("The hash, as Anna reads it aloud")
    misheard = spoken[:-1] + ("0" if spoken[-1] != "0" else "1")
    for typed, answer in (
        ("", "Type here the hash that Anna reads aloud."),
        (spoken[:35], "A whole hash has 64 signs: digits, and letters from a to f. Found in what you typed: 32."),
        (misheard, "This is not the same as on your own screen. Groups that differ: 8."),
    ):
        hears.fill(typed)
        second.press("Everything is the same")
        second.refused(answer)
    assert not any('"commitment"' in body for body in second.watched.sent)
    second.press("Something differs")
    second.refused("Stop here. Somebody shows different things to different trustees.")
    # It was a slip after all: the file goes on after a reload, and asks for the hash again.
    second.page.reload()
    second.press("Open my key file")
    second.give_key()
    read_back = second.reads_aloud()
    second.compare(spoken.upper().replace(" ", "-"))
    first.says("Then Boris reads it to you from another screen")
    first.compare(read_back)
    other.heard.write_text(spoken)


def _drill(hall: Hall, seats: list[Seat], other: Tool) -> list[Path]:
    """All three have passed the drill; the browsers' files from before it."""
    first = seats[0]
    for seat in seats:
        seat.page.reload()
        seat.press("Pass the drill")
    old = first.folder / f"veche-trustee-{CAMPAIGN}-2.json"
    first.give_key(words="another passphrase")
    first.refused("The passphrase does not open this file. Nothing was sent.")
    first.give_key(old)
    first.refused("This key file is an older one")
    first.give_key(other.private / "trustees.json")
    first.refused("This is not a trustee's key file")
    first.give_key(seats[1].newest)
    first.refused("This key file belongs to another trustee's place")
    drilled: list[Path] = []
    for seat in seats:
        before = seat.newest
        seat.give_key()
        seat.save("The drill is ready.")
        # A page that is closed before the drill has left hands in the very one of the file.
        seat.page.reload()
        seat.press("Pass the drill")
        seat.give_key()
        seat.says("You have passed the drill.")
        assert before is not None
        drilled.append(before)
    assert other.run(hall.url, "drill") == 0
    return drilled


def _vote(hall: Hall, town: ServedTown, first: Seat) -> None:
    """Four of six have voted, the vote is over and added up; a browser has answered the roll-call."""
    town.register(6)
    town.seal()
    town.issue()
    first.page.reload()
    first.press("I am here, with my key")
    first.give_key()
    first.says("You have answered the roll-call.")
    town.open()
    # Playwright has a loop of its own in this thread.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(cast, hall.server, town, 0, 1, 2, 3).result()
    town.close()
    town.tally()


def _share(town: ServedTown, first: Seat, drilled: Path) -> tuple[str, str]:
    """The browser has given its share, after it refused what it must; the hashes of Setup and EndBallots."""
    board = board_of(town.source())
    end = board.end or ""
    first.page.reload()
    first.press("Check everything and give my share")
    _know(first, board.setup, end[:-1] + ("0" if end[-1] != "0" else "1"))
    first.give_key()
    first.refused("The EndBallots hash that you typed is not that of this record.")
    _know(first, "AAAA-AAAA-AAAA-AAAA", end)
    first.give_key()
    first.refused("The Setup hash or seal that you typed is not that of this record.")
    _know(first, board.setup, end)
    first.give_key(drilled)
    first.refused("knows nothing of the drill")
    first.give_key()
    first.save("Your share is ready.")
    # The file remembers the share: a page that is closed now gives that one later, byte for byte, and no second one.
    assert not any("delivery/1" in body for body in first.watched.sent)
    first.page.reload()
    first.press("Check everything and give my share")
    _know(first, board.setup, end)
    first.give_key()
    first.says("Your share is given.")
    assert first.newest is not None
    (delivered,) = parse_journal(read_room(first.newest, WORDS).journal or b"").delivered
    assert first.watched.sent[-1] == delivered.delivery
    return board.setup or "", end


def _hand_over(town: ServedTown, second: Seat, link: str, hashes: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """One ballot more than a page checks: it begins nothing. The commands that it shows give the share with the page's own file."""
    _say_ballots(town, 5000)
    second.page.reload()
    second.page.get_by_role("button", name="Check everything and give my share").wait_for()
    truth = _say_ballots(town, 5001)
    second.page.reload()
    second.says("The record holds 5,001 ballots. This page checks 5,000 at most, so it begins nothing here.")
    assert second.page.get_by_role("button", name="Check everything and give my share").count() == 0
    opening, sharing = second.page.locator("#by-program code").inner_text().splitlines()
    _say_ballots(town, truth)
    newest = second.newest
    assert newest is not None
    monkeypatch.chdir(second.folder)
    for name, text in (("invitation", link), ("passphrase", WORDS)):
        path = second.folder / name
        path.write_text(text)
        path.chmod(0o600)
    number = newest.stem.rpartition("-")[2]
    command = opening.replace("-N.json", f"-{number}.json").split()
    assert run([*command[1:], "--passphrase-file", "passphrase"]) == 0
    assert run([*sharing.split()[1:], "--setup", hashes[0], "--end", hashes[1]]) == 0


def _say_ballots(town: ServedTown, number: int) -> int:
    """The server counts so many ballots in its record; how many it counted before."""
    table = elections
    with town.server.storage.database.writing() as connection:
        before: int = connection.execute(select(table.c.ballots).where(table.c.uuid == town.uuid)).scalar_one()
        connection.execute(update(table).where(table.c.uuid == town.uuid).values(ballots=number))
    return before


@pytest.mark.slow
def test_two_browsers_and_the_command_line_make_one_key_pass_the_drill_and_open_the_total(
    hall: Hall, seats: list[Seat], monkeypatch: pytest.MonkeyPatch
) -> None:
    town, other = hall.guests.contest(), hall.tools[2]
    hall.guests.begin()
    _make_key(hall, seats, other)
    drilled = _drill(hall, seats, other)
    _vote(hall, town, seats[0])
    setup, end = _share(town, seats[0], drilled[0])
    _hand_over(town, seats[1], hall.tools[1].link(hall.url), (setup, end), monkeypatch)
    with held_desk(hall.server.storage, hall.clock, town.uuid) as desk:
        counting.add_result(desk)
    with reading_desk(hall.server.storage, hall.clock, town.uuid) as desk:
        counting.publish(desk, 1)
    report = audit(town.source(), level="strict")
    assert (report.verdict, report.state) == ("ok", "published")
    assert report.to_json()["result"] == [[4, 0, 0]]


def _know(seat: Seat, setup: str, end: str) -> None:
    seat.page.get_by_label("Setup hash or seal").fill(setup)
    seat.page.get_by_label("EndBallots hash").fill(end)
