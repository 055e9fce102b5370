"""Trustees in a real browser and on the command line in one ceremony; drill, roll-call, and a share for the strict audit."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select, update

from tests.browser.trustee_seat import WORDS, Seat, seated
from tests.service.invited_trustees import CAMPAIGN
from tests.service.tool import HASTE, Tool
from tests.service.town import ServedTown
from tests.service.trustee_hall import Hall, cast
from veche.cli.main import run
from veche.cli.trustee_journal import parse_journal
from veche.cli.trustee_key_file import read_room
from veche.observer.audit import audit
from veche.observer.board import board_of
from veche.observer.tables import elections
from veche.service import counting
from veche.service.contest_desk import held_desk, reading_desk

SHARE = "Check everything and give my share"
NO_DEVICE_STORAGE = """
Object.defineProperty(window, "localStorage", { get() { throw new DOMException("The operation is insecure.", "SecurityError"); } });
"""


@pytest.fixture
def seats(chromium: object, hall: Hall, tmp_path: Path) -> Iterator[list[Seat]]:
    """One in Russian, one in English: what both meet is readable in both."""
    with seated(chromium, tmp_path, hall.url, ("ru", "en"), Seat) as made:
        # A browser that keeps nothing on the device: the share is remembered in the key file all the same.
        made[0].page.context.add_init_script(NO_DEVICE_STORAGE)
        yield made


def _begin(seat: Seat, url: str, token: str) -> None:
    seat.page.goto(f"{url}/{seat.language}/trustee/{CAMPAIGN}#{token}")
    seat.says("The ceremony has begun.")
    seat.press("Begin")
    seat.press("Make my key")
    seat.refused("mark the box")
    seat.begin("too short", "too short")
    seat.refused("The passphrase needs at least 12 characters.")
    seat.begin(WORDS, f"{WORDS}!")
    seat.refused("The two passphrases are not the same.")
    seat.press("Back")
    seat.press("Begin")
    seat.begin()
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
    """The first reads to the others, the second to the first."""
    first, second = seats
    assert not second.page.locator("#certificates-hash").is_visible()
    read = first.reads_aloud()
    _mishear(second, read, "Anna")
    # It was a slip after all: the file goes on after a reload, and asks for the hash again.
    second.page.reload()
    second.press("Open my key file")
    second.give_key()
    read_back = second.reads_aloud()
    second.compare(read.upper().replace(" ", "-"))
    first.says("You begin: read the hash of all certificates aloud")
    _mishear(first, read_back, "Boris")
    first.page.reload()
    first.press("Open my key file")
    first.give_key()
    first.compare(read_back)
    other.heard.write_text(read)


def _mishear(seat: Seat, read: str, who: str) -> None:
    """What was misheard leads nowhere, and says where to listen again; what differs in earnest ends everything."""
    for typed, answer in (
        ("", f"Type here the hash that {who} reads aloud."),
        (read[:35], "A whole hash has 64 signs: digits, and letters from a to f. Found in what you typed: 32."),
        (read[:-1] + ("0" if read[-1] != "0" else "1"), "This is not the same as on your own screen. Groups that differ: 8."),
    ):
        seat.type(f"The hash, as {who} reads it aloud", typed)
        seat.press("Everything is the same")
        seat.refused(answer)
    assert not any('"commitment"' in body for body in seat.watched.sent)
    seat.press("Something differs")
    seat.refused("Stop here. Somebody shows different things to different trustees.")


def _drill(hall: Hall, seats: list[Seat], other: Tool) -> list[Path]:
    """All three have passed the drill; the browsers' files from before it."""
    for seat, neighbour in zip(seats, reversed(seats), strict=True):
        seat.page.reload()
        seat.says("Before this vote is sealed, show that you still have your key")
        seat.press("Pass the drill")
        seat.page.locator("#go").click()
        seat.refused("Choose your key file first.")
        seat.give_key(words="another passphrase")
        seat.refused("The passphrase does not open this file. Nothing was sent.")
        seat.give_key(seat.folder / f"veche-trustee-{CAMPAIGN}-2.json")
        seat.refused("This key file is an older one")
        seat.give_key(other.private / "trustees.json")
        seat.refused("This is not a trustee's key file")
        seat.give_key(neighbour.newest)
        seat.refused("This key file belongs to another trustee's place")
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


def _vote(hall: Hall, town: ServedTown, seats: list[Seat]) -> None:
    """Four of six have voted, the vote is over and added up; the browsers have answered the roll-call."""
    town.register(6)
    town.seal()
    town.issue()
    for seat in seats:
        seat.page.reload()
        seat.says("This vote is sealed and will open.")
        seat.press("I am here, with my key")
        seat.give_key()
        seat.says("You have answered the roll-call.")
    town.open()
    # Playwright has a loop of its own in this thread.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(cast, hall.server, town, 0, 1, 2, 3).result()
    town.close()
    town.tally()


def _too_many(town: ServedTown, seats: list[Seat]) -> list[str]:
    """One ballot more than a page checks: it begins nothing, and shows the commands that do, which are returned."""
    truth = _say_ballots(town, 5000)
    for seat in seats:
        seat.page.reload()
        seat.says("The vote has ended. The result needs your share.")
        assert seat.button(SHARE).is_visible()
    _say_ballots(town, 5001)
    for seat in seats:
        seat.page.reload()
        seat.says("The record holds 5,001 ballots. This page checks 5,000 at most, so it begins nothing here.")
        assert seat.button(SHARE).count() == 0
    _say_ballots(town, truth)
    shown = {seat.page.locator("#by-program code").inner_text() for seat in seats}
    assert len(shown) == 1
    return shown.pop().splitlines()


def _refuse_to_share(seat: Seat, hashes: tuple[str, str], drilled: Path) -> None:
    """Nothing is given for hashes that an honest person does not know, nor with a file from before the drill."""
    setup, end = hashes
    seat.page.reload()
    seat.press(SHARE)
    _know(seat, setup, end[:-1] + ("0" if end[-1] != "0" else "1"))
    seat.give_key()
    seat.refused("The EndBallots hash that you typed is not that of this record.")
    _know(seat, "AAAA-AAAA-AAAA-AAAA", end)
    seat.give_key()
    seat.refused("The Setup hash or seal that you typed is not that of this record.")
    _know(seat, setup, end)
    seat.give_key(drilled)
    seat.refused("knows nothing of the drill")


def _share(first: Seat, hashes: tuple[str, str]) -> None:
    """The browser has given its share."""
    first.give_key()
    first.save("Your share is ready.")
    # The file remembers the share: a page that is closed now gives that one later, byte for byte, and no second one.
    assert not any("delivery/1" in body for body in first.watched.sent)
    first.page.reload()
    first.press(SHARE)
    _know(first, *hashes)
    first.give_key()
    first.says("Your share is given.")
    assert first.newest is not None
    (delivered,) = parse_journal(read_room(first.newest, WORDS).journal or b"").delivered
    assert first.watched.sent[-1] == delivered.delivery


def _hand_over(second: Seat, commands: list[str], link: str, hashes: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands that the page showed give the share with the page's own file."""
    opening, sharing = commands
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
    _vote(hall, town, seats)
    commands = _too_many(town, seats)
    board = board_of(town.source())
    hashes = (board.setup, board.end or "")
    for seat, old in zip(seats, drilled, strict=True):
        _refuse_to_share(seat, hashes, old)
    _share(seats[0], hashes)
    _hand_over(seats[1], commands, hall.tools[1].link(hall.url), hashes, monkeypatch)
    with held_desk(hall.server.storage, hall.clock, town.uuid) as desk:
        counting.add_result(desk)
    with reading_desk(hall.server.storage, hall.clock, town.uuid) as desk:
        counting.publish(desk, 1)
    report = audit(town.source(), level="strict")
    assert (report.verdict, report.state) == ("ok", "published")
    assert report.to_json()["result"] == [[4, 0, 0]]


def _know(seat: Seat, setup: str, end: str) -> None:
    seat.type("Setup hash or seal, as you know it from elsewhere", setup)
    seat.type("EndBallots hash, as you know it from elsewhere", end)
