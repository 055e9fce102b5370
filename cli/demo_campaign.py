"""`veche serve --demo`: three contests, one counted, one open, one still to come, made by the people who would make them.

It is made over the server's own address while the server runs: trustees hold their ceremony, a registrar hands in credentials, two
organizers seal, nine voters have voted. All of it is a rehearsal and says so. `DIR/demo.json` has the codes and keys, so that
anybody, or a script, can play every role.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import update

from veche.ballot.manifest import Manifest, parse_manifest
from veche.cli.demo_casting import encrypt_all
from veche.cli.demo_people import KeyHolder, People
from veche.cli.demo_town import draw_choices, login
from veche.cli.registrar import register
from veche.cli.trustee_ceremony import DECRYPTION_KEY, SEED
from veche.cli.voter_codes import parse_codes
from veche.cli.voter_sending import send_ballot
from veche.crypto.canonical_json import Json, array, encode, parse, text
from veche.crypto.errors import Unsupported
from veche.crypto.scalar import system_randomness
from veche.crypto.signed_note import NoteSigner
from veche.observer.board import sealed_of
from veche.observer.database_source import DatabaseSource
from veche.observer.durable_files import make_private_folder, read_file, read_line, replace, write_private
from veche.observer.record_rows import ElectionRow, all_elections, election_row, entries_of, manifest_of
from veche.service.access import Invited, Person
from veche.service.accounts import LOGIN, create_account, existing_account, make_link
from veche.service.campaign_people import members_of
from veche.service.lifecycle import advance, count_now
from veche.service.organizer_actions import OrganizerActions
from veche.service.record_writer import move_clock
from veche.service.registrar_work import RegistrarWork
from veche.service.server import Server
from veche.service.tables import campaigns

CAMPAIGN: Final = "demo"
VOTERS: Final = 20
SCRIPTED: Final = 9
DAY: Final = 86_400
PATIENCE: Final = 120.0
"""Seconds that a step of others (a job, a timer) may take."""

# A record has one text for each question, option and name, so these stand in both languages, as on a ballot of two languages.
_HOLDERS: Final = (
    "Анна Петрова, архив / Anna Petrova, archive",
    "Борис Линд, университет / Boris Lind, university",
    "Клара Орлова, счётная палата / Clara Orlova, court of audit",
)
_ORGANIZERS: Final = (("Ольга / Olga", "olga@demo.invalid"), ("Павел / Pavel", "pavel@demo.invalid"))
_ASKED: Final = "Какой проект построить первым? / Which project should be built first?"
_CONTESTS: Final = (
    (
        "district-1",
        "Бюджет района Заречье",
        "Budget of Riverside",
        ("Детская площадка / A playground", "Фонари у реки / Lamps by the river", "Велодорожка / A cycle path"),
    ),
    (
        "district-2",
        "Бюджет района Холмы",
        "Budget of the Hills",
        (
            "Уголок библиотеки / A library corner",
            "Площадка для собак / A dog run",
            "Деревья на главной улице / Trees in the main street",
        ),
    ),
    (
        "district-3",
        "Бюджет района Гавань",
        "Budget of the Harbour",
        ("Сцена / A stage", "Питьевой фонтанчик / A drinking fountain", "Скамейки на набережной / Benches on the quay"),
    ),
)


@dataclass(frozen=True, slots=True)
class Demo:
    """A demonstration on a running server. `folder` holds the private files of its people, and demo.json."""

    server: Server
    folder: Path

    @property
    def description(self) -> Path:
        return self.server.settings.data / "demo.json"

    def make(self, tell: Callable[[str], None]) -> People:
        """The campaign is there with its three contests. Raises what is refused, Unsupported `too-slow`."""
        tell("Three trustees make a key together, two organizers seal, nine people vote. It takes about half a minute …")
        make_private_folder(self.folder)
        people = self._begin()
        rows = self._rows()
        for row in rows:
            people.hand_out(row.uuid, everybody=True)
        people.answer_roll_calls()
        for row in rows[:2]:
            self._open(row)
        counted, opened, _ = rows
        self._vote(people, counted.uuid, range(VOTERS - 4))
        count_now(self.server, counted.uuid)
        self._vote(people, opened.uuid, range(SCRIPTED))
        self._count(people, counted.uuid)
        self.write(people)
        return people

    def remember(self) -> People:
        """The people of a demonstration that was made before. Raises Malformed, OSError."""
        found = parse(read_file(self.folder / "people.json"))
        tokens = [text(one).partition("#")[2] for one in array(found["invitations"])] if type(found) is dict else []
        # The server may have another address today.
        links = [f"{self.server.settings.public_url}/trustee/{CAMPAIGN}#{token}" for token in tokens]
        people = self._people(links, parse_codes(read_file(self.folder / "codes.json")))
        self.write(people)
        return people

    def write(self, people: People) -> None:
        """demo.json says how to play every role; only the server's user can read it."""
        elections: list[Json] = [
            {
                "uuid": row.uuid,
                "contest": row.contest,
                "state": row.state,
                "codes": list(people.codes.values()),
                "trustee_keys": [_key_files(one) for one in people.trustees],
            }
            for row in self._rows()
        ]
        accounts: list[Json] = [
            {"role": "organizer", "email": one.email, "link": self._login(one)} for one in people.organizers
        ]
        accounts += [{"role": "trustee", "place": one.place, "link": one.invitation} for one in people.trustees]
        content: dict[str, Json] = {"base_url": self.server.settings.public_url, "elections": elections, "accounts": accounts}
        replace(self.description, encode(content), private=True)

    def links(self, people: People) -> str:
        """One block of addresses to try, which all work without an account."""
        base, (counted, opened, _) = self.server.settings.public_url, self._rows()
        code = list(people.codes.values())[SCRIPTED]
        return "\n".join(
            (
                "The demonstration is ready. It is a rehearsal: nothing in it counts, and its clock can be moved.",
                f"  vote       {base}/vote/{CAMPAIGN}#{code}",
                f"  watch      {base}/observe/{opened.uuid}",
                f"  count now  {base}/demo/count/{opened.uuid}",
                f"  verify     {base}/observe/{counted.uuid}",
                f"             veche audit {base}/observer/elections/{counted.uuid} --level strict",
                f"  all codes and keys, to play every role: {self.description}",
            )
        )

    def _rows(self) -> list[ElectionRow]:
        with self.server.storage.database.reading() as connection:
            return [row for row in all_elections(connection) if row.campaign == CAMPAIGN]

    def _begin(self) -> People:
        """From the plan to three sealed contests."""
        actions, organizers = OrganizerActions(self.server), self._organizers()
        signer = NoteSigner.generate("registrar.demo", system_randomness)
        write_private(self.folder / "registrar.key", signer.private_text().encode() + b"\n")
        actions.create(organizers[0], encode(_plan(self.server.clock.now(), signer.verifier.text())))
        with self.server.storage.database.writing() as connection:
            connection.execute(update(campaigns).where(campaigns.c.id == CAMPAIGN).values(demo=True))
        actions.add_organizer(organizers[0], CAMPAIGN, organizers[1].email)
        actions.invite_registrar(organizers[0], CAMPAIGN, "Регистратор / Registrar", "registrar@demo.invalid")
        links = [one.link or "" for one in actions.invite_trustees(organizers[0], CAMPAIGN)]
        write_private(self.folder / "people.json", encode({"invitations": list(links)}))
        actions.fix(organizers[0], CAMPAIGN)
        now = self.server.clock.now()
        actions.begin_ceremony(organizers[0], CAMPAIGN, (now + 3600, now + 7200, now + 10_800))
        manifests = self._manifests()
        voters = "\n".join(["login", *(login(place) for place in range(VOTERS))]) + "\n"
        made = register(voters.encode(), [], manifests, system_randomness)
        write_private(self.folder / "codes.json", made.codes)
        people = self._people(links, parse_codes(made.codes))
        people.hold_ceremony(2)
        self._wait("the keys are in the records", lambda row: row.state == "draft" and self._has_keys(row.uuid), 3)
        people.pass_drills()
        work = RegistrarWork(self.server.storage, self.server.clock)
        for uuid, raw in made.public.items():
            work.put_credentials(people.registrar, uuid, raw)
            asked = actions.ask_to_seal(organizers[0], CAMPAIGN, uuid)
            actions.approve(organizers[1], CAMPAIGN, asked.id)
        self._wait("the contests are sealed", lambda row: row.state == "sealed", 3)
        return people

    def _organizers(self) -> tuple[Person, Person]:
        now, found = self.server.clock.now(), list[Person]()
        with self.server.storage.database.writing() as connection:
            for name, email in _ORGANIZERS:
                create_account(connection, email, name, now, organizer=True)
                found.append(existing_account(connection, email))
        return found[0], found[1]

    def _people(self, links: list[str], codes: dict[str, str]) -> People:
        with self.server.storage.database.reading() as connection:
            members = members_of(connection, CAMPAIGN)
            organizers = tuple(existing_account(connection, one.email) for one in members if one.role == "organizer")
        registrar = next(one for one in members if one.role == "registrar")
        invited = Invited(registrar.account, registrar.name, CAMPAIGN, "registrar", None)
        signer = NoteSigner.from_private_text(read_line(self.folder / "registrar.key"))
        holders = tuple(KeyHolder(place, self.folder / f"trustee-{place}", link) for place, link in enumerate(links, 1))
        return People(self.server, CAMPAIGN, organizers, invited, signer, codes, holders)

    def _login(self, person: Person) -> str:
        now = self.server.clock.now()
        with self.server.storage.database.writing() as connection:
            token = make_link(connection, person.id, LOGIN, now, expires_at=now + 30 * DAY)
        return f"{self.server.settings.public_url}/login/{token}"

    def _open(self, row: ElectionRow) -> None:
        """This contest's clock stands at its opening: a rehearsal's may be moved forward."""
        with self.server.storage.database.writing() as connection:
            current = election_row(connection, row.uuid, lock=True)
            move_clock(connection, current, current.opens_at - self.server.clock.now())
        advance(self.server, row.uuid)
        self._wait("the vote is open", lambda one: one.uuid == row.uuid and one.state == "open", 1)

    def _vote(self, people: People, uuid: str, places: range) -> None:
        """These voters have cast their ballots over HTTP, and hold the box's acknowledgements."""
        source = DatabaseSource(self.server.storage.database, self.server.storage.files, uuid)
        sealed = sealed_of(source)
        votes = [(people.codes[login(place)], draw_choices(sealed.election.questions)) for place in places]
        address = f"{self.server.settings.public_url}/observer/elections/{uuid}"
        for raw in encrypt_all(address, votes):
            send_ballot(address, sealed, raw)

    def _count(self, people: People, uuid: str) -> None:
        """The result of this contest is certified: registrar, trustees, timers and the audit have done their parts."""
        until = time.monotonic() + PATIENCE
        while next(row for row in self._rows() if row.uuid == uuid).state != "certified":
            if time.monotonic() > until:
                raise Unsupported("too-slow", "the demonstration's result did not come in two minutes: the machine is too busy")
            people.act()
            time.sleep(0.2)

    def _wait(self, what: str, reached: Callable[[ElectionRow], bool], count: int) -> None:
        until = time.monotonic() + PATIENCE
        while sum(reached(row) for row in self._rows()) < count:
            if time.monotonic() > until:
                raise Unsupported("too-slow", f"the demonstration waited two minutes until {what}: the machine is too busy")
            time.sleep(0.1)

    def _has_keys(self, uuid: str) -> bool:
        with self.server.storage.database.reading() as connection:
            return bool(entries_of(connection, uuid, ["dkg"]))

    def _manifests(self) -> list[Manifest]:
        with self.server.storage.database.reading() as connection:
            return [parse_manifest(manifest_of(connection, row.uuid)) for row in self._rows()]


def _key_files(holder: KeyHolder) -> Json:
    return {"owner": holder.place, "key": str(holder.folder / SEED), "dkey": str(holder.folder / DECRYPTION_KEY)}


def _plan(now: int, registrar: str) -> dict[str, Json]:
    """The campaign's file, as an organizer would write it."""
    trustees: list[Json] = [
        {"name": name, "email": f"trustee{place}@demo.invalid"} for place, name in enumerate(_HOLDERS, 1)
    ]
    contests: list[Json] = [
        {
            "contest": contest,
            "title": {"ru": russian, "en": english},
            "opens_at": now + DAY,
            "closes_at": now + 15 * DAY,
            "electorate": VOTERS,
            "minimum_ballots": 5,
            "appeal_days": 0,
            "questions": [_question(answers)],
        }
        for contest, russian, english, answers in _CONTESTS
    ]
    return {
        "campaign": CAMPAIGN,
        "title": {"ru": "Показ: бюджет трёх районов", "en": "Demonstration: the budget of three districts"},
        "rehearsal": True,
        "zone": "Europe/Moscow",
        "registrar": registrar,
        "threshold": 2,
        "trustees": trustees,
        "contests": contests,
    }


def _question(answers: tuple[str, ...]) -> Json:
    options: list[Json] = [{"project": f"project-{place}", "title": title} for place, title in enumerate(answers, 1)]
    return {"question": _ASKED, "min": 1, "max": 1, "blank": True, "options": options}
