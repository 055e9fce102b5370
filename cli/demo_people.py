"""The people of a demonstration, who act by themselves: a registrar and three trustees, with their own code and their own files.

Nothing of them is simulated but their will: a trustee fetches the record from the server's address, audits it, adds up the ballots,
keeps a journal, and gives a share for that total and no other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy.exc import DBAPIError

from veche.cli.invitation import parse_invitation
from veche.cli.trustee_at_server import Chair, Demands, answer_roll_calls, give_share, pass_drills
from veche.cli.trustee_ceremony import (
    DECRYPTION_KEY,
    SEED,
    Desk,
    hand_out_shares,
    make_certificate,
    make_commitment,
    make_reveal,
    parse_place,
    take_shares,
)
from veche.cli.trustee_server import TrusteeServer, board_of
from veche.cli.voter_codes import credentials_of
from veche.crypto.canonical_json import encode
from veche.crypto.errors import ElectionError, Refused
from veche.crypto.scalar import system_randomness
from veche.crypto.signed_note import NoteSigner
from veche.ledger.annex import Issued, unsigned_issued_text
from veche.observer.board import Board
from veche.observer.record_rows import ElectionRow, all_elections, entries_of
from veche.service.access import Invited, Person
from veche.service.organizer_actions import OrganizerActions
from veche.service.registrar_work import RegistrarWork
from veche.service.server import Server

PERIOD: Final = 1.0
"""Seconds between two looks at what there is to do."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """A trustee: the place in the ceremony, the private folder, and the invitation, which is a secret."""

    place: int
    folder: Path
    invitation: str = field(repr=False)

    def server(self) -> TrusteeServer:
        return TrusteeServer(parse_invitation(self.invitation))

    def desk(self) -> Desk:
        return Desk(self.folder, board_of(self.server()))

    def chair(self) -> Chair:
        """The key is read from its file, as often as it is needed."""
        return Chair.take(self.server(), self.folder, self.folder / SEED, self.folder / DECRYPTION_KEY)


@dataclass(frozen=True, slots=True)
class People:
    """Everybody of one demonstration. `codes` by login; `names` the trustees in order."""

    server: Server
    campaign: str
    organizers: tuple[Person, ...]
    registrar: Invited
    signer: NoteSigner = field(repr=False)
    codes: Mapping[str, str] = field(repr=False)
    trustees: tuple[KeyHolder, ...]

    def hold_ceremony(self, threshold: int) -> None:
        """The trustees have made their keys together, over HTTP."""
        size = len(self.trustees)
        desks = [holder.desk() for holder in self.trustees]
        for holder, desk in zip(self.trustees, desks, strict=True):
            make_certificate(desk, parse_place(f"{holder.place}/{threshold}/{size}"), system_randomness)
        for desk in desks:
            make_commitment(desk, None, system_randomness)
        for desk in desks:
            make_reveal(desk, system_randomness)
        for desk in desks:
            hand_out_shares(desk)
        for desk in desks:
            take_shares(desk, None, system_randomness)

    def pass_drills(self) -> None:
        for holder in self.trustees:
            list(pass_drills(holder.chair(), None, None, system_randomness))

    def answer_roll_calls(self) -> None:
        for holder in self.trustees:
            list(answer_roll_calls(holder.chair(), None))

    def hand_out(self, uuid: str, everybody: bool) -> None:
        """The registrar's signed word: all codes are handed out, or, as the last word after the close, no further one."""
        listed = sorted(credentials_of(self.codes, uuid).values(), key=bytes.fromhex) if everybody else []
        ordered = [credential for credential in _listed(self.server, uuid) if credential in set(listed)]
        data, total = encode(list(ordered)), len(self.codes)
        digest = sha256(data).hexdigest()
        line = self.signer.line(unsigned_issued_text(uuid, total, digest).decode("utf-8"))
        entry = Issued(uuid, total, digest, line).text()
        RegistrarWork(self.server.storage, self.server.clock).add_issued(self.registrar, uuid, entry + b"\n" + data)

    def act(self) -> None:
        """Each contest has what it waits for from these people. Raises what is refused."""
        with self.server.storage.database.reading() as connection:
            rows = [row for row in all_elections(connection) if row.campaign == self.campaign]
        for row in rows:
            step = self._steps().get(row.state)
            if step is not None:
                step(row)

    def _steps(self) -> Mapping[str, Callable[[ElectionRow], None]]:
        return {"closed": self._last_word, "decrypting": self._share, "published": self._certify}

    def _last_word(self, row: ElectionRow) -> None:
        if _kinds_since_close(self.server, row.uuid) == ["closed"]:
            self.hand_out(row.uuid, everybody=False)

    def _share(self, row: ElectionRow) -> None:
        """Two of the three give their share; the third need not be there."""
        demands = Demands("strict", None, None, 1, False)
        for holder in self.trustees[:2]:
            chair = holder.chair()
            if any(one.election == row.uuid and one.share == "none" for one in chair.server.contests()):
                give_share(chair, row.uuid, _Knowing(self.server, row), None, demands)

    def _certify(self, row: ElectionRow) -> None:
        OrganizerActions(self.server).certify(self.organizers[0], self.campaign, row.uuid, 0)


@dataclass(frozen=True, slots=True)
class _Knowing:
    """What a trustee of the demonstration knows from elsewhere: from the server's own table, not from the copy it was sent."""

    server: Server
    row: ElectionRow

    def confirmed(self, board: Board, elsewhere: tuple[str, str] | None = None) -> tuple[str, str]:
        with self.server.storage.database.reading() as connection:
            ends = entries_of(connection, self.row.uuid, ["EndBallots"])
        if not ends or self.row.setup is None:
            raise Refused("not-closed", f"election {self.row.uuid} has not ended")
        return self.row.setup, sha256(ends[-1].text).hexdigest()


class ActingPeople:
    """A thread in which the people do what there is to do, until the server stops."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="demo-people", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(PERIOD):
            try:
                self._people.act()
            except (ElectionError, DBAPIError, OSError) as error:
                # Somebody was quicker, or the server is just stopping; the next look decides.
                log.info("the demonstration's people wait", reason=str(error)[:200])


def _listed(server: Server, uuid: str) -> list[str]:
    """All public credentials of Setup, in the list's order."""
    from veche.observer.board import sealed_of
    from veche.observer.database_source import DatabaseSource

    return list(sealed_of(DatabaseSource(server.storage.database, server.storage.files, uuid)).credentials.weights)


def _kinds_since_close(server: Server, uuid: str) -> list[str]:
    with server.storage.database.reading() as connection:
        kinds = [row.kind for row in entries_of(connection, uuid, ["closed", "issued"])]
    return kinds[kinds.index("closed") :] if "closed" in kinds else []
