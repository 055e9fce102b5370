"""A campaign run by people in their roles, over HTTP only, against a real server on the loopback.

Organizers have the cookie of a session, the registrar and the trustees the tokens of their invitations, voters nothing but codes.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.service.hand_clock import HandClock
from tests.service.listening import listening
from tests.service.signed_in import account, login_token
from veche.ballot.manifest import parse_manifest
from veche.ballot.prepared_ballot import Choices
from veche.cli.demo_casting import encrypt_all
from veche.cli.demo_people import KeyHolder
from veche.cli.demo_town import login
from veche.cli.issuing import IssuedSoFar, next_issued
from veche.cli.registrar import register
from veche.cli.trustee_at_server import Demands, answer_roll_calls, give_share, pass_drills
from veche.cli.trustee_ceremony import hand_out_shares, make_certificate, make_commitment, make_reveal, parse_place, take_shares
from veche.cli.voter_codes import credentials_of, parse_codes
from veche.cli.voter_sending import send_ballot
from veche.crypto.scalar import system_randomness
from veche.crypto.signed_note import NoteSigner
from veche.observer.board import Board, Sealed, read_sealed
from veche.service.server import Server, open_server
from veche.service.settings import Settings

HOUR = 3600
CAMPAIGN = "budget"
PATIENCE = 60.0
TRUSTEES = ("Anna", "Boris", "Clara")


@contextmanager
def running(folder: Path, database: str, clock: HandClock, **changes: Any) -> Iterator[tuple[Server, str]]:
    """A server that does its jobs and watches its clock, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    settings = Settings(data=folder, database=database, checkers=1, worker=True, base_url=base, **changes)
    server = open_server(settings, clock)
    with listening(server, port):
        yield server, base


@dataclass(slots=True)
class HttpCampaign:
    """Three contests, two organizers, a registrar, three trustees any two of whom decrypt. `codes` by login."""

    server: Server
    base: str
    clock: HandClock
    folder: Path
    voters: int
    olga: httpx.Client
    oleg: httpx.Client
    signer: NoteSigner = field(default_factory=lambda: NoteSigner.generate("town/registrar", system_randomness))
    codes: dict[str, str] = field(default_factory=dict)
    registrar: httpx.Client | None = None
    trustees: list[KeyHolder] = field(default_factory=list)
    uuids: list[str] = field(default_factory=list)
    issued: dict[str, frozenset[str]] = field(default_factory=dict)
    accepted: dict[str, list[bytes]] = field(default_factory=dict)

    def prepare(self) -> None:
        """From the plan to sealed contests whose codes are handed out, and a complete roll-call."""
        done(self.olga.post("/api/campaigns", json=self._plan()))
        done(self.olga.post(f"/api/campaigns/{CAMPAIGN}/organizers", json={"email": "oleg@example.org"}))
        invited = done(self.olga.post(f"/api/campaigns/{CAMPAIGN}/registrar", json={"name": "Rita", "email": "rita@example.org"}))
        bearer = {"Authorization": f"Bearer {invited['link'].partition('#')[2]}"}
        self.registrar = httpx.Client(base_url=self.base, headers=bearer, timeout=60)
        links = done(self.olga.post(f"/api/campaigns/{CAMPAIGN}/trustees"))["invitations"]
        self.trustees = [KeyHolder(place, self.folder / f"trustee-{place}", one["link"]) for place, one in enumerate(links, 1)]
        done(self.olga.post(f"/api/campaigns/{CAMPAIGN}/fix"))
        deadlines = [self.clock.time + later * HOUR for later in (1, 2, 3)]
        done(self.olga.post(f"/api/campaigns/{CAMPAIGN}/ceremony", json={"deadlines": deadlines}))
        self._hold_ceremony()
        self._register()
        for holder in self.trustees:
            assert len(list(pass_drills(holder.chair(), None, None, system_randomness))) == len(self.uuids)
        self._seal()
        for uuid in self.uuids:
            self.hand_out(uuid, range(self.voters))
        for holder in self.trustees:
            list(answer_roll_calls(holder.chair(), None))

    def _plan(self) -> dict[str, Any]:
        opens = self.clock.time + HOUR
        contests = [
            {
                "contest": f"district-{number}",
                "title": {"ru": f"Район {number}", "en": f"District {number}"},
                "opens_at": opens + number * HOUR,
                "closes_at": opens + (24 + number) * HOUR,
                "extended_until": opens + 48 * HOUR,
                "electorate": self.voters,
                "minimum_ballots": 5,
                "appeal_days": 1,
                "questions": [question(number)],
            }
            for number in (1, 2, 3)
        ]
        people = [{"name": name, "email": f"{name.lower()}@example.org"} for name in TRUSTEES]
        return {
            "campaign": CAMPAIGN,
            "title": {"ru": "Бюджет", "en": "Budget"},
            "rehearsal": False,
            "registrar": self.signer.verifier.text(),
            "threshold": 2,
            "trustees": people,
            "contests": contests,
        }

    def _hold_ceremony(self) -> None:
        desks = [holder.desk() for holder in self.trustees]
        for holder, desk in zip(self.trustees, desks, strict=True):
            make_certificate(desk, parse_place(f"{holder.place}/2/{len(desks)}"), system_randomness)
        for desk in desks:
            make_commitment(desk, None, system_randomness)
        for desk in desks:
            make_reveal(desk, system_randomness)
        for desk in desks:
            hand_out_shares(desk)
        for desk in desks:
            take_shares(desk, None, system_randomness)

    def _register(self) -> None:
        """The registrar draws codes offline, from the manifests alone, and hands in public credentials and nothing else."""
        root = f"/api/campaigns/{CAMPAIGN}/registrar/contests"
        office = self._registrar()
        self.uuids = [one["election"] for one in done(office.get(root))["contests"]]
        manifests = [parse_manifest(office.get(f"{root}/{uuid}/manifest.json").content) for uuid in self.uuids]
        table = "\n".join(["login", *(login(place) for place in range(self.voters))]) + "\n"
        made = register(table.encode(), [], manifests, system_randomness)
        self.codes = parse_codes(made.codes)
        for uuid, raw in made.public.items():
            handed = done(office.put(f"{root}/{uuid}/credentials", content=raw, headers={"Content-Type": "application/json"}))
            assert handed["credentials"] == self.voters

    def _seal(self) -> None:
        """One organizer asks, the other approves; who asked cannot."""
        for uuid in self.uuids:
            asked = done(self.olga.post(f"/api/campaigns/{CAMPAIGN}/contests/{uuid}/seal"))
            path = f"/api/campaigns/{CAMPAIGN}/approvals/{asked['id']}/approve"
            assert self.olga.post(path).json()["code"] == "second-organizer"
            done(self.oleg.post(path))
        self.wait(lambda: all(self.state(uuid) == "sealed" for uuid in self.uuids), "the contests are sealed")

    def _registrar(self) -> httpx.Client:
        if self.registrar is None:
            raise RuntimeError("nobody has invited the registrar yet")
        return self.registrar

    def hand_out(self, uuid: str, places: Sequence[int], last: bool = False) -> None:
        """The registrar signs that these voters have their codes; `last` after the close."""
        sealed, named = self.sealed(uuid), self.issued.get(uuid, frozenset())
        mine = credentials_of({login(place): self.codes[login(place)] for place in places}, uuid)
        entry, data = next_issued(sealed, IssuedSoFar(named, last, False), mine.values(), self.signer, last)
        path = f"/api/campaigns/{CAMPAIGN}/registrar/contests/{uuid}/issued"
        body = entry.text() + b"\n" + data
        done(self._registrar().post(path, content=body, headers={"Content-Type": "application/octet-stream"}))
        self.issued[uuid] = named | set(mine.values())

    def open(self, uuid: str) -> None:
        """The clock reaches the announced time, and the timers open the vote."""
        self.clock.time = max(self.clock.time, self.summary(uuid)["opens_at"])
        self.wait(lambda: self.state(uuid) == "open", "the vote is open")

    def vote(self, uuid: str, votes: Sequence[tuple[int, Choices]]) -> None:
        """These voters (by place) cast over HTTP, and check the acknowledgement."""
        sealed = self.sealed(uuid)
        made = encrypt_all(self.record(uuid), [(self.codes[login(place)], choices) for place, choices in votes])
        for raw in made:
            send_ballot(self.record(uuid), sealed, raw)
            self.accepted.setdefault(uuid, []).append(raw)

    def close(self, uuid: str) -> None:
        self.clock.time = max(self.clock.time, self.summary(uuid)["closes_at"])
        self.wait(lambda: self.state(uuid) == "closed", "the vote is closed")

    def count(self, uuid: str, present: Sequence[int]) -> None:
        """The registrar's last word, the shares of the trustees at these places, the audit and the publication."""
        self.add_up(uuid)
        self.open_total(uuid, present)
        self.publish(uuid)

    def add_up(self, uuid: str, until: str = "decrypting") -> None:
        """The registrar's last word, and what follows from it: the encrypted total, or that the result is withheld."""
        self.hand_out(uuid, (), last=True)
        self.wait(lambda: self.state(uuid) == until, f"the vote is {until}")

    def open_total(self, uuid: str, present: Sequence[int]) -> None:
        """The trustees at these places give their shares."""
        for place in present:
            chair = self.trustees[place - 1].chair()
            give_share(chair, uuid, self, None, Demands("strict", None, None, 1, False))
        self.wait(lambda: self.state(uuid) == "tallied", "the result is there")

    def publish(self, uuid: str) -> None:
        self.act(uuid, "publish")
        self.wait(lambda: self.state(uuid) == "published", "the result is published")

    def certify(self, uuid: str) -> None:
        self.clock.time += 86_400
        self.act(uuid, "certify", {"complaints": 0})

    def act(self, uuid: str, act: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Olga signs in anew, as days may have passed, and does this."""
        with closing(organizer(self.server, self.base, "olga@example.org")) as olga:
            return done(olga.post(f"/api/campaigns/{CAMPAIGN}/contests/{uuid}/{act}", json=body))

    def approve(self, number: int) -> None:
        """Oleg signs in anew, and approves what Olga has asked for."""
        with closing(organizer(self.server, self.base, "oleg@example.org")) as oleg:
            done(oleg.post(f"/api/campaigns/{CAMPAIGN}/approvals/{number}/approve"))

    def confirmed(self, board: Board, elsewhere: tuple[str, str] | None = None) -> tuple[str, str]:
        """What a trustee reads in the newspaper: Setup as it was sealed, and the end as the observer endpoint's events say."""
        return board.setup, board.end or ""

    def record(self, uuid: str) -> str:
        return f"{self.base}/observer/elections/{uuid}"

    def sealed(self, uuid: str) -> Sealed:
        return read_sealed(self.record(uuid))

    def summary(self, uuid: str) -> dict[str, Any]:
        return done(httpx.get(self.record(uuid)))

    def state(self, uuid: str) -> str:
        return str(self.summary(uuid)["state"])

    def wait(self, reached: Callable[[], bool], what: str) -> None:
        """Timers and jobs are given a minute."""
        until = time.monotonic() + PATIENCE
        while not reached():
            if time.monotonic() > until:
                raise AssertionError(f"a minute has passed before {what}")
            time.sleep(0.05)


def question(number: int) -> dict[str, Any]:
    """Choose one, with a blank vote in the first district; up to two in the third."""
    options = [{"project": f"project-{number}-{one}", "title": f"Project {number}.{one}"} for one in (1, 2, 3)]
    most = 2 if number == 3 else 1
    return {"question": f"What shall district {number} build?", "min": 1, "max": most, "blank": number == 1, "options": options}


def organizer(server: Server, base: str, email: str) -> httpx.Client:
    """A browser in which this organizer has signed in by a link from the command line."""
    account(server, email)
    client = httpx.Client(base_url=base, headers={"Origin": base}, timeout=60)
    answer = client.post("/sign-in", data={"token": login_token(server, email)})
    assert answer.status_code == 303, answer.text
    client.headers["X-CSRF-Token"] = done(client.get("/api/session"))["csrf"]
    return client


def done(answer: httpx.Response) -> dict[str, Any]:
    """The answer of a request that went well."""
    assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    found: dict[str, Any] = answer.json()
    return found


@contextmanager
def campaign(folder: Path, database: str, clock: HandClock, voters: int) -> Iterator[HttpCampaign]:
    """A campaign of which nothing is there yet but the accounts of its two organizers."""
    with running(folder / "data", database, clock) as (server, base):
        people = [organizer(server, base, email) for email in ("olga@example.org", "oleg@example.org")]
        story = HttpCampaign(server, base, clock, folder, voters, people[0], people[1])
        try:
            yield story
        finally:
            for client in (*people, *([] if story.registrar is None else [story.registrar])):
                client.close()
