"""A bad share, clicked through: the victim's browser is closed at every step, the accused sits at another one; then the next run.

Whatever the pages showed, kept and sent is searched for every secret of the key files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.browser.overheard import Overheard, secrets_of
from tests.browser.spoken import sentences
from tests.browser.trustee_seat import WORDS, Seat, seated
from tests.browser.watched import Watched
from tests.service.invited_trustees import CAMPAIGN, certify, check, commit, deal, reveal
from tests.service.trustee_hall import Hall
from veche.cli.trustee_ceremony import Desk
from veche.cli.trustee_key_file import read_room, seal_room
from veche.crypto.canonical_json import dumps
from veche.crypto.ceremony import Committed
from veche.crypto.channel import Cipher, send
from veche.crypto.run_file import EndedRun, FinishedRun, parse_run
from veche.crypto.scalar import system_randomness
from veche.service.accounts import assign_role, create_account
from veche.service.ceremonies import runs_of

pytestmark = pytest.mark.slow


@dataclass(slots=True)
class Person(Seat):
    """A trustee whose pages are overheard, and who closes them."""

    address: str = ""
    overheard: Overheard = field(init=False)
    files: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.overheard = Overheard(self.page.context)

    def arrive(self) -> None:
        self.page.goto(self.address)

    def come_back(self, file: Path | None = None) -> None:
        """The tab is closed; a new one is opened by the invitation, and by the key file."""
        self.overheard.look(self.page)
        self.page.close()
        self.page = self.overheard.context.new_page()
        self.watched.verify()
        self.watched = Watched(self.page, self.watched.origin)
        self.arrive()
        self.press("Open my key file")
        self.give_key(file)

    def save(self, why: str) -> None:
        Seat.save(self, why)
        assert self.newest is not None
        self.files.append(self.newest)
        # The same file with a passphrase that is stretched less: the format allows it, and the page opens it sooner.
        self.newest.write_bytes(seal_room(read_room(self.newest, WORDS), WORDS, system_randomness, 2**10))

    def make_key(self) -> None:
        """A new key is saved, and nothing of it has left."""
        self.press("Begin")
        self.begin()
        self.save("Nothing has been sent yet.")


@pytest.fixture
def people(chromium: object, hall: Hall, tmp_path: Path) -> Iterator[list[Person]]:
    """Anna's pages are in Russian, those of Boris in English."""
    with seated(chromium, tmp_path, hall.url, ("ru", "en"), Person) as made:
        for one, token in zip(made, hall.guests.tokens[:2], strict=True):
            one.address = f"{hall.url}/{one.language}/trustee/{CAMPAIGN}#{token}"
        yield made


def test_a_bad_share_is_complained_about_and_the_next_run_is_held_without_its_dealer(hall: Hall, people: list[Person]) -> None:
    hall.guests.begin()
    anna, boris = people
    _begin_and_come_back(anna, boris, clara := hall.guests.seats()[2:])
    _deal_badly(anna, boris, clara)
    _complain(hall, anna, boris)
    first = _secrets(people)
    _hold_without_boris(hall, anna)
    _boris_waits(boris)
    for one in people:
        one.overheard.look(one.page)
        assert one.overheard.tell(first | _secrets(people)) == []
        # What is public was heard: the search finds what is there.
        public = {read_room(one.files[0], WORDS).certificate, sentences(one.language)["ended"], CAMPAIGN}
        assert set(one.overheard.tell(public)) == public


def _begin_and_come_back(anna: Person, boris: Person, clara: Sequence[Desk]) -> None:
    """All certificates are on the board. Anna has closed the page with every file, and once without saving what it gave."""
    for one in (anna, boris):
        one.arrive()
        one.make_key()
    certify(clara, 3)
    boris.press("The file is saved. Go on")
    boris.says("Waiting for Anna (1).")
    assert anna.overheard.messages == {}
    anna.come_back()
    anna.says("Compare before you go on")
    anna.come_back()
    anna.compare()
    anna.says("You have chosen your part of the key.")
    # What was chosen and not saved is gone; it has left no trace on the board, and is chosen anew.
    anna.come_back()
    anna.compare()
    anna.save("You have chosen your part of the key.")
    anna.come_back()
    anna.says("Waiting for")


def _deal_badly(anna: Person, boris: Person, clara: Sequence[Desk]) -> None:
    """All parts are shown. The share of Boris for Anna does not fit his: his file was changed, as by a program that cheats."""
    boris.compare()
    boris.save("You have chosen your part of the key.")
    commit(clara)
    assert boris.newest is not None
    room = read_room(boris.newest, WORDS)
    assert isinstance(room.state, Committed)
    hers = room.state.place.certificates[0].encryption
    bad = send(room.seed.keys(), hers, dumps({"secret": "12345"}), Cipher.GCM, system_randomness)
    changed = replace(room, state=replace(room.state, secrets=(bad, *room.state.secrets[1:])))
    boris.newest.write_bytes(seal_room(changed, WORDS, system_randomness, 2**10))
    boris.come_back()
    boris.keep("Everybody has shown a hash.")
    anna.save("Everybody has shown a hash.")
    reveal(clara)
    anna.come_back()
    anna.says("Waiting for")
    deal(clara)


def _complain(hall: Hall, anna: Person, boris: Person) -> None:
    """Anna has sent her complaint, also from a page that was closed before; both are told how the run ended, and what to do."""
    anna.save("Boris (trustee 2) dealt you a bad share: it does not fit what was shown to everybody.")
    assert not any(name.startswith("complaint") for name in anna.overheard.messages)
    anna.come_back()
    anna.refused("Boris (trustee 2) dealt you a bad share. Your complaint stands where all see it, and this run ends with it.")
    anna.press("Back")
    boris.keep("All shares are good and your key is complete.")
    for one in (anna, boris):
        one.refused("This run of the ceremony ended without a key.")
        one.refused("A share dealt by Boris does not fit what was shown to everybody.")
    anna.says("When the organizer has begun the next run, open this page again and make a new key.")
    boris.says("You have no place in the next run, unless the organizer gives you one again.")
    ended = parse_run(_runs(hall)[0])
    assert isinstance(ended, EndedRun)
    assert (ended.code, ended.named) == ("bad-share", (2,))
    for one in (anna, boris):
        assert all(len(texts) == 1 for texts in one.overheard.messages.values()), "something was shown in two forms"
    assert "complaint-1-2.json" in anna.overheard.messages
    assert not any(name.startswith("key") for name in anna.overheard.messages)


def _hold_without_boris(hall: Hall, anna: Person) -> None:
    """Anna, Clara and a new trustee have made a key. The files of the run before were of no use for it."""
    old, anna.folder = anna.files[0], anna.folder / "second"
    anna.folder.mkdir()
    with hall.server.storage.database.writing() as connection:
        dora = create_account(connection, "dora@example.org", "Dora", hall.clock.now())
        assign_role(connection, CAMPAIGN, dora, "trustee", 4)
    assert hall.guests.begin() == 2
    others = hall.guests.seats(2, (2, 3))
    # A file with a seed alone does not tell its run: the server knows the seed as used up.
    anna.come_back(old)
    anna.refused("This key file belongs to a run of the ceremony that is over.")
    anna.press("Back")
    certify(others, 2)
    anna.make_key()
    anna.press("The file is saved. Go on")
    anna.compare()
    commit(others)
    anna.keep("You have chosen your part of the key.")
    anna.keep("Everybody has shown a hash.")
    reveal(others)
    anna.says("Waiting for Clara (2) and Dora (3).")
    anna.page.locator("li[aria-current=step]", has_text=anna.said("encrypted shares")).wait_for()
    deal(others)
    check(others)
    anna.save("All shares are good")
    anna.come_back()
    anna.says("The published keys are those you helped to make.")
    assert isinstance(parse_run(_runs(hall)[1]), FinishedRun)


def _boris_waits(boris: Person) -> None:
    boris.overheard.look(boris.page)
    boris.page.reload()
    boris.says("You have no place in this ceremony")
    # There is nothing to do for him but to ask again; what he asks for is what the server knows now.
    boris.says("Here it does not ask by itself.")
    assert boris.page.get_by_role("button").all_inner_texts() == ["Ask again"]
    boris.press("Ask again")
    boris.says("You have no place in this ceremony")


def _secrets(people: Sequence[Person]) -> set[str]:
    found = {secret for one in people for secret in secrets_of(one.files, WORDS)}
    assert len(found) > 20
    return found


def _runs(hall: Hall) -> list[bytes]:
    with hall.server.storage.database.reading() as connection:
        return [run.run_file or b"" for run in runs_of(connection, CAMPAIGN)]
