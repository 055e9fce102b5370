"""A campaign at work: its file, organizers who are signed in, its trustees and its registrar, all over the application's routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from httpx import Response
from starlette.testclient import TestClient

from tests.service.hand_clock import HandClock
from tests.service.invited_trustees import PutMessages
from tests.service.signed_in import sign_in
from tests.service.town import HOUR, NAMES
from veche.ballot.manifest import parse_manifest
from veche.cli import trustee_ceremony
from veche.cli.issuing import IssuedSoFar, next_issued
from veche.cli.registrar import register
from veche.cli.trustee_ceremony import Desk
from veche.cli.trustee_drill import pass_drill
from veche.cli.trustee_journal import Journal
from veche.cli.trustee_key import read_trustee_key
from veche.cli.voter_codes import parse_codes
from veche.crypto.scalar import system_randomness
from veche.crypto.signed_note import NoteSigner
from veche.observer.board import Sealed, sealed_of
from veche.observer.database_source import DatabaseSource
from veche.service.application import create_application
from veche.service.ceremonies import add_keys_everywhere
from veche.service.ceremony_board import CeremonyBoard
from veche.service.contest_desk import held_desk
from veche.service.lifecycle import seal_contest
from veche.service.sealing import add_drill, known_trustees
from veche.service.server import Server

CAMPAIGN = "budget"
OLGA, OLEG, EVE = "olga@example.org", "oleg@example.org", "eve@example.org"
CSV = {"Content-Type": "text/csv"}


def moment(seconds: int) -> str:
    """The time as a clerk writes it, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def campaign_csv(now: int, contests: int = 3, registrar: str = "", rehearsal: str = "no", campaign: str = CAMPAIGN) -> str:
    """A campaign's table: contest N opens N hours from now and closes a day later."""
    head = [
        f"campaign;{campaign}",
        "title_ru;Бюджет города",
        "title_en;City budget",
        f"rehearsal;{rehearsal}",
        "host;vote.example",
        "threshold;2",
        *(f"trustee;{name};{name.lower()}@example.org" for name in NAMES),
        "minimum_ballots;2",
        "appeal_days;1",
        *([f"registrar;{registrar}"] if registrar else []),
        "",
        "contest;title_en;opens_at;closes_at;extended_until;electorate;question;project;option",
    ]
    rows: list[str] = []
    for number in range(1, contests + 1):
        opens = now - now % 60 + number * HOUR
        times = ";".join(moment(opens + later * HOUR) for later in (0, 24, 26))
        rows.append(f"district-{number};District {number};{times};10;Which project?;bench;A bench")
        rows.append(";;;;;;;lamp;A lamp")
    return "\n".join([*head, *rows]) + "\n"


@dataclass(slots=True)
class Office:
    """Two organizers of one campaign and one of another, each with a client of the same application."""

    server: Server
    clock: HandClock
    folder: Path
    olga: TestClient
    oleg: TestClient
    eve: TestClient
    anybody: TestClient
    signer: NoteSigner = field(default_factory=lambda: NoteSigner.generate("vote.example/registrar", system_randomness))
    codes: dict[str, str] = field(default_factory=dict)
    public: Mapping[str, bytes] = field(default_factory=dict)
    bearer: dict[str, str] = field(default_factory=dict)

    def file(self, **changes: Any) -> str:
        return campaign_csv(self.clock.now(), **{"registrar": self.signer.verifier.text(), **changes})

    def make(self, **changes: Any) -> dict[str, Any]:
        """The campaign is planned; Oleg is its second organizer."""
        made = self.olga.post("/api/campaigns", content=self.file(**changes), headers=CSV)
        assert made.status_code == 201, made.text
        added = self.olga.post(f"/api/campaigns/{CAMPAIGN}/organizers", json={"email": OLEG})
        assert added.status_code == 201, added.text
        found: dict[str, Any] = made.json()
        return found

    def do(self, path: str, who: TestClient | None = None, **body: Any) -> Response:
        """A POST below the campaign, by Olga unless somebody else is named."""
        answer: Response = (who or self.olga).post(f"/api/campaigns/{CAMPAIGN}/{path}", json=body)
        return answer

    def done(self, path: str, who: TestClient | None = None, **body: Any) -> dict[str, Any]:
        """What came of a POST that must succeed."""
        answer = self.do(path, who, **body)
        assert answer.status_code < 300, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def at(self, seconds: int) -> None:
        """It is this time; everybody signs in anew, for sessions have ended meanwhile."""
        self.clock.time = seconds
        for client, email in zip((self.olga, self.oleg, self.eve), (OLGA, OLEG, EVE), strict=True):
            client.cookies.clear()
            sign_in(client, self.server, email)

    def standing(self) -> dict[str, Any]:
        found: dict[str, Any] = self.olga.get(f"/api/campaigns/{CAMPAIGN}").json()
        return found

    def uuids(self) -> list[str]:
        return [one["election"] for one in self.standing()["contests"]]

    def state(self, uuid: str) -> str:
        return next(str(one["state"]) for one in self.standing()["contests"] if one["election"] == uuid)

    def trail(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.olga.get(f"/api/campaigns/{CAMPAIGN}/trail").json()["notes"]
        return found

    def make_keys(self) -> None:
        """The trustees are invited and hold their ceremony; its keys are in every contest's record."""
        self.done("trustees")
        now = self.clock.now()
        self.done("ceremony", deadlines=[now + HOUR // 4, now + HOUR // 2, now + 3 * HOUR // 4])
        desks = [
            Desk(self.folder / f"trustee-{place}", CeremonyBoard(PutMessages(self.server, self.clock, place)))
            for place in range(1, len(NAMES) + 1)
        ]
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
        add_keys_everywhere(self.server.storage, self.clock, CAMPAIGN)

    def drill(self, uuid: str) -> None:
        """Every trustee shows that its key is there."""
        with held_desk(self.server.storage, self.clock, uuid) as desk:
            trustees = known_trustees(desk)
            for place in range(1, len(NAMES) + 1):
                folder = self.folder / f"trustee-{place}"
                key = read_trustee_key(folder / trustee_ceremony.SEED, folder / trustee_ceremony.DECRYPTION_KEY)
                made, _ = pass_drill(key, place, desk.view.manifest_raw, trustees.raw, Journal(), system_randomness)
                add_drill(desk, made)

    def invite_registrar(self) -> None:
        link = self.done("registrar", name="Rita", email="rita@example.org")["link"]
        self.bearer = {"Authorization": f"Bearer {link.partition('#')[2]}"}

    def register(self, voters: int = 6) -> None:
        """The registrar draws one code for everybody, for all contests of the campaign."""
        contests = self.registrar("GET", "contests").json()["contests"]
        raw = [self.registrar("GET", f"contests/{one['election']}/manifest.json").content for one in contests]
        listed = "\n".join(["login", *(f"voter-{place}" for place in range(voters))]) + "\n"
        made = register(listed.encode(), [], [parse_manifest(one) for one in raw], system_randomness)
        self.codes, self.public = parse_codes(made.codes), made.public

    def registrar(self, method: str, path: str, content: bytes | None = None, kind: str = "application/octet-stream") -> Response:
        """A request of the registrar's tool, which has no cookie."""
        headers = {**self.bearer, "Content-Type": kind}
        root = f"/api/campaigns/{CAMPAIGN}/registrar"
        answer: Response = self.anybody.request(method, f"{root}/{path}", content=content, headers=headers)
        return answer

    def hand_in(self, uuid: str) -> Response:
        return self.registrar("PUT", f"contests/{uuid}/credentials", self.public[uuid])

    def prepare(self) -> str:
        """Of the one contest that is planned nothing is missing for the seal; its uuid."""
        self.done("fix")
        self.make_keys()
        self.invite_registrar()
        self.register()
        (uuid,) = self.uuids()
        self.drill(uuid)
        assert self.hand_in(uuid).status_code < 300
        return uuid

    def seal(self, uuid: str) -> None:
        """Olga asks, Oleg approves, and the job is done."""
        asked = self.done(f"contests/{uuid}/seal")
        self.done(f"approvals/{asked['id']}/approve", self.oleg)
        seal_contest(self.server, uuid)

    def sealed(self, uuid: str) -> Sealed:
        return sealed_of(DatabaseSource(self.server.storage.database, self.server.storage.files, uuid))

    def issued(self, uuid: str, credentials: Sequence[str] | None = None, signer: NoteSigner | None = None) -> bytes:
        """What the registrar hands in: the signed entry, a newline, and its list."""
        sealed = self.sealed(uuid)
        named = list(sealed.credentials.weights) if credentials is None else credentials
        so_far = IssuedSoFar(frozenset(), False, False)
        entry, data = next_issued(sealed, so_far, named, signer or self.signer)
        return entry.text() + b"\n" + data


def open_office(server: Server, clock: HandClock, folder: Path, stack: ExitStack) -> Office:
    """The office over one application, which `stack` ends."""
    application = create_application(server)
    clients = [TestClient(application, raise_server_exceptions=True) for _ in range(4)]
    for client, email in zip(clients, (OLGA, OLEG, EVE), strict=False):
        sign_in(client, server, email)
    stack.callback(lambda: [client.close() for client in clients])
    return Office(server, clock, folder, *clients)
