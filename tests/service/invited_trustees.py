"""A campaign whose trustees are invited to a server: their accounts, places and tokens, and seats at the board of its ceremony."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import insert

from tests.service.hand_clock import HandClock
from tests.service.town import HOUR, NAMES, ServedTown, draft, plan
from veche.cli import trustee_ceremony
from veche.cli.trustee_ceremony import Desk
from veche.crypto.scalar import system_randomness
from veche.service.accounts import INVITATION, assign_role, create_account, make_link
from veche.service.ceremonies import begin_ceremony, newest_run, put_message
from veche.service.ceremony_board import CeremonyBoard
from veche.service.server import Server
from veche.service.tables import campaigns

CAMPAIGN = "budget"


class PutMessages:
    """`Messages` of one trustee over the functions of the server, without HTTP."""

    def __init__(self, server: Server, clock: HandClock, place: int) -> None:
        self.server = server
        self.clock = clock
        self.place = place

    def read(self, name: str) -> str | None:
        with self.server.storage.database.reading() as connection:
            return newest_run(connection, CAMPAIGN).messages(connection).read(name)

    def put(self, name: str, content: str) -> None:
        with self.server.storage.database.writing() as connection:
            put_message(connection, CAMPAIGN, self.place, None, name, content.encode(), self.clock.now())

    def names(self) -> Iterable[str]:
        with self.server.storage.database.reading() as connection:
            return newest_run(connection, CAMPAIGN).messages(connection).names()

    def where(self, name: str) -> str:
        return name


@dataclass(slots=True)
class Guests:
    """The invited trustees of one campaign, in the order of their places."""

    server: Server
    clock: HandClock
    folder: Path
    accounts: list[int]
    tokens: list[str]

    def begin(self, threshold: int = 2) -> int:
        """A run with deadlines in one, two and three hours; its number."""
        now = self.clock.now()
        with self.server.storage.database.writing() as connection:
            return begin_ceremony(connection, CAMPAIGN, threshold, (now + HOUR, now + 2 * HOUR, now + 3 * HOUR), now, None)

    def seats(self, run: int = 1, places: Sequence[int] = (1, 2, 3)) -> list[Desk]:
        """The trustees' desks over the server's functions."""
        return [
            Desk(self.folder / f"run-{run}-trustee-{place}", CeremonyBoard(PutMessages(self.server, self.clock, place)))
            for place in places
        ]

    def contest(self, name: str = "district-1") -> ServedTown:
        """A contest of the campaign with its manifest in the record."""
        return draft(self.server, self.clock, self.folder / name, plan(6, self.clock.now(), name))


def guests(server: Server, clock: HandClock, folder: Path, campaign: str = CAMPAIGN, names: Sequence[str] = NAMES) -> Guests:
    """The campaign and its trustees, each with an account, a place and an invitation."""
    accounts: list[int] = []
    tokens: list[str] = []
    now = clock.now()
    folder.mkdir(parents=True, exist_ok=True)
    with server.storage.database.writing() as connection:
        values = {"id": campaign, "title": "{}", "rehearsal": False, "demo": False, "host": "vote.example", "created_at": now}
        connection.execute(insert(campaigns).values(values))
        for place, name in enumerate(names, 1):
            account = create_account(connection, f"{name.lower()}.{campaign}@example.org", name, now)
            assign_role(connection, campaign, account, "trustee", place)
            accounts.append(account)
            tokens.append(make_link(connection, account, INVITATION, now, campaign))
    return Guests(server, clock, folder, accounts, tokens)


def certify(seats: Sequence[Desk], first: int = 1) -> None:
    """The trustees from place `first` on make their certificates, for a ceremony of two out of three."""
    for place, desk in enumerate(seats, first):
        trustee_ceremony.make_certificate(desk, trustee_ceremony.parse_place(f"{place}/2/3"), system_randomness)


def commit(seats: Sequence[Desk]) -> None:
    for desk in seats:
        trustee_ceremony.make_commitment(desk, None, system_randomness)


def reveal(seats: Sequence[Desk]) -> None:
    for desk in seats:
        trustee_ceremony.make_reveal(desk, system_randomness)


def deal(seats: Sequence[Desk]) -> None:
    for desk in seats:
        trustee_ceremony.hand_out_shares(desk)


def check(seats: Sequence[Desk]) -> None:
    for desk in seats:
        trustee_ceremony.take_shares(desk, None, system_randomness)


def hold(seats: Sequence[Desk]) -> None:
    """The whole ceremony."""
    for step in (certify, commit, reveal, deal, check):
        step(seats)
