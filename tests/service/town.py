"""An election in a server's database, brought as far as a test needs it by the same steps that organizers and timers take.

Trustees, registrar and voters are the command line's own code. Nothing goes over HTTP here; the stories over HTTP are elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from sqlalchemy import insert, update

from tests.service.hand_clock import HandClock
from tests.service.memory_messages import MemoryMessages
from veche.ballot.manifest import Manifest
from veche.ballot.prepared_ballot import Choices
from veche.cli import trustee_ceremony
from veche.cli.demo_town import login
from veche.cli.registrar import Registration, register
from veche.cli.trustee_drill import pass_drill
from veche.cli.trustee_journal import Journal
from veche.cli.trustee_key import TrusteeKey, read_trustee_key
from veche.cli.trustee_share import Share, deliver
from veche.cli.voter_ballot import encrypt_vote, listed_secret, sign_ballot
from veche.cli.voter_codes import parse_codes
from veche.crypto.canonical_json import Json, array, encode, text
from veche.crypto.channel import Cipher
from veche.crypto.run_file import Terms
from veche.crypto.scalar import system_randomness
from veche.crypto.signed_note import NoteSigner
from veche.ledger.annex import Issued, unsigned_issued_text
from veche.observer.board import Sealed, board_of, sealed_of, tally_of
from veche.observer.database_source import DatabaseSource
from veche.service import counting, sealing, voting
from veche.service.accounts import create_account
from veche.service.approvals import ask, decide
from veche.service.approved_steps import planned_seal
from veche.service.ceremony_board import CeremonyBoard
from veche.service.contest_desk import held_contest, held_desk, reading_desk
from veche.service.contest_setup import begin_record, plan_contest
from veche.service.key_ceremony import begin, finish_ceremony
from veche.service.server import Server
from veche.service.tables import campaigns, contests

HOUR = 3600
NAMES = ("Anna", "Boris", "Clara")


def plan(voters: int, now: int, contest: str = "district-1", options: int = 3, **changes: Json) -> dict[str, Json]:
    """SPEC.json of a contest that opens in an hour and closes a day later."""
    listed: list[Json] = [{"project": f"project-{one}", "title": f"Project {one}"} for one in range(1, options + 1)]
    question: Json = {"question": "Which project?", "min": 1, "max": 1, "blank": False, "options": listed}
    return {
        "host": "vote.example",
        "campaign": "budget",
        "contest": contest,
        "rehearsal": False,
        "title": {"ru": "Бюджет района", "en": "Budget of the district"},
        "opens_at": now + HOUR,
        "closes_at": now + 25 * HOUR,
        "extended_until": now + 27 * HOUR,
        "zone": "Europe/Moscow",
        "minimum_ballots": 2,
        "electorate": voters,
        "appeal_days": 1,
        "questions": [question],
        **changes,
    }


@dataclass(slots=True)
class ServedTown:
    """One contest of a server. `codes` by login; `trustees` are the key folders of the trustees, in order."""

    server: Server
    clock: HandClock
    folder: Path
    manifest: Manifest
    registrar: NoteSigner
    codes: dict[str, str] = field(default_factory=dict)
    trustees: list[Path] = field(default_factory=list)
    journals: dict[int, Journal] = field(default_factory=dict)
    credentials: bytes = b""
    issued: int = 0

    @property
    def uuid(self) -> str:
        return self.manifest.uuid

    def source(self) -> DatabaseSource:
        return DatabaseSource(self.server.storage.database, self.server.storage.files, self.uuid)

    def sealed(self) -> Sealed:
        return sealed_of(self.source())

    def key(self, place: int) -> TrusteeKey:
        """The key of trustee `place`, from 1."""
        folder = self.trustees[place - 1]
        return read_trustee_key(folder / trustee_ceremony.SEED, folder / trustee_ceremony.DECRYPTION_KEY)

    def make_keys(self) -> None:
        """Three trustees hold their ceremony, and the record names it."""
        trustees, run = hold_ceremony(self.folder, self.clock.now())
        self.trustees = [self.folder / f"trustee-{place}" for place in range(1, len(NAMES) + 1)]
        with held_desk(self.server.storage, self.clock, self.uuid) as desk:
            sealing.add_keys(desk, trustees, [run])

    def drill(self) -> None:
        with held_desk(self.server.storage, self.clock, self.uuid) as desk:
            trustees = sealing.known_trustees(desk)
            raw = desk.view.manifest_raw
            for place in range(1, len(NAMES) + 1):
                made, journal = pass_drill(self.key(place), place, raw, trustees.raw, Journal(), system_randomness)
                self.journals[place] = journal
                sealing.add_drill(desk, made)

    def register(self, voters: int) -> None:
        made: Registration = register(_voters_csv(voters), [], [self.manifest], system_randomness)
        self.codes, self.credentials = parse_codes(made.codes), made.public[self.uuid]

    def approve_seal(self) -> None:
        """Two organizers have approved the seal with the registrar's list, which the server has."""
        with held_contest(self.server.storage, self.clock, self.uuid) as (desk, connection):
            digest, now = sha256(self.credentials).hexdigest(), self.clock.now()
            connection.execute(update(contests).where(contests.c.uuid == self.uuid).values(credentials=self.credentials))
            first, second = (
                create_account(connection, f"{name}-{self.uuid}@example.org", name, now, organizer=True)
                for name in ("olga", "oleg")
            )
            details = planned_seal(desk, digest)
            asked = ask(connection, self.manifest.campaign, self.uuid, "seal", details, first, now)
            decide(connection, asked, "done", second, now)

    def seal(self) -> None:
        with held_desk(self.server.storage, self.clock, self.uuid) as desk:
            sealing.seal(desk, self.credentials)

    def issue(self, credentials: Sequence[str] | None = None) -> None:
        """The registrar signs for these credentials (None: all that are left)."""
        from veche.ballot.credential import parse_public_credentials

        wanted = list(parse_public_credentials(self.credentials).weights) if credentials is None else list(credentials)
        data = encode(list(wanted))
        digest, total = sha256(data).hexdigest(), self.issued + len(wanted)
        line = self.registrar.line(unsigned_issued_text(self.uuid, total, digest).decode())
        with held_desk(self.server.storage, self.clock, self.uuid) as desk:
            voting.add_issued(desk, Issued(self.uuid, total, digest, line).text(), data)
        self.issued = total

    def open(self) -> None:
        self.clock.time = max(self.clock.time, self.manifest.opens_at)
        with held_desk(self.server.storage, self.clock, self.uuid) as desk:
            voting.open_vote(desk, range(1, len(NAMES) + 1))

    def ballot(self, place: int, choices: Choices | None = None) -> bytes:
        """A fresh ballot of voter `place`, from 0, who by default chooses the first answer of each question."""
        sealed = self.sealed()
        marks = tuple((1, *([0] * (len(one.answers) - 1))) for one in sealed.election.questions)
        secret = listed_secret(self.codes[login(place)], sealed)
        prepared = encrypt_vote(sealed, secret, choices or marks, system_randomness)
        return sign_ballot(sealed, prepared, secret, system_randomness)

    def close(self) -> None:
        self.clock.time = max(self.clock.time, self.manifest.closes_at)
        with held_desk(self.server.storage, self.clock, self.uuid) as desk:
            voting.close_vote(desk)

    def tally(self) -> None:
        self.issue([])
        with reading_desk(self.server.storage, self.clock, self.uuid) as desk:
            counting.add_tally(desk)

    def share(self, place: int) -> bytes:
        board = board_of(self.source())
        share = Share(self.key(place), place, board, tally_of(self.source(), board))
        made, self.journals[place] = deliver(share, self.journals[place], system_randomness)
        return made

    def count(self, places: Sequence[int] = (1, 2)) -> None:
        """These trustees give their shares, and the result is made and published."""
        for place in places:
            delivery = self.share(place)
            with held_desk(self.server.storage, self.clock, self.uuid) as desk:
                counting.add_share(desk, delivery)
        with held_desk(self.server.storage, self.clock, self.uuid) as desk:
            counting.add_result(desk)
        with reading_desk(self.server.storage, self.clock, self.uuid) as desk:
            counting.publish(desk, 1)


def hold_ceremony(folder: Path, now: int) -> tuple[bytes, bytes]:
    """Three trustees make a key, two of whom decrypt, with private folders `trustee-N`; trustees.json and the run file."""
    board = CeremonyBoard(MemoryMessages())
    begin(board, Terms(len(NAMES), 2, Cipher.GCM, (now + HOUR, now + 2 * HOUR, now + 3 * HOUR), NAMES))
    desks = [trustee_ceremony.Desk(folder / f"trustee-{place}", board) for place in range(1, len(NAMES) + 1)]
    for place, desk in enumerate(desks, 1):
        context = trustee_ceremony.parse_place(f"{place}/2/{len(NAMES)}")
        trustee_ceremony.make_certificate(desk, context, system_randomness)
    for desk in desks:
        trustee_ceremony.make_commitment(desk, None, system_randomness)
    for desk in desks:
        trustee_ceremony.make_reveal(desk, system_randomness)
    for desk in desks:
        trustee_ceremony.hand_out_shares(desk)
    for desk in desks:
        trustee_ceremony.take_shares(desk, None, system_randomness)
    trustees, run = finish_ceremony(board, [], None)
    return trustees.raw, run.encode()


def draft(server: Server, clock: HandClock, folder: Path, spec: dict[str, Json], ml_dsa: bool = False) -> ServedTown:
    """A contest with its manifest in the record."""
    registrar = NoteSigner.generate("town/registrar", system_randomness)
    made = plan_contest(spec, texts_of(spec), "vote.example", server.keys, registrar.verifier.text(), system_randomness, ml_dsa)
    folder.mkdir(parents=True, exist_ok=True)
    with server.storage.database.writing() as connection:
        known = connection.execute(campaigns.select().where(campaigns.c.id == made.manifest.campaign)).first()
        if known is None:
            connection.execute(
                insert(campaigns).values(
                    id=made.manifest.campaign,
                    title="{}",
                    rehearsal=made.manifest.rehearsal,
                    host="vote.example",
                    created_at=clock.now(),
                )
            )
        row = begin_record(connection, made, 1, clock)
    server.storage.committed(row)
    return ServedTown(server, clock, folder, made.manifest, registrar)


def texts_of(spec: dict[str, Json]) -> dict[str, bytes]:
    """Descriptions of options as files: each is called as it reads."""
    questions = [one for one in array(spec.get("questions", [])) if isinstance(one, dict)]
    options = [one for question in questions for one in array(question.get("options", [])) if isinstance(one, dict)]
    return {text(one["text"]): text(one["text"]).encode() for one in options if "text" in one}


def open_town(server: Server, clock: HandClock, folder: Path, voters: int = 6, **changes: Json) -> ServedTown:
    """A contest in which all codes are handed out and ballots are taken."""
    town = draft(server, clock, folder, {**plan(voters, clock.now()), **changes})
    town.make_keys()
    town.drill()
    town.register(voters)
    town.seal()
    town.issue()
    town.open()
    return town


def _voters_csv(voters: int) -> bytes:
    return ("\n".join(["login", *(login(place) for place in range(voters))]) + "\n").encode()
