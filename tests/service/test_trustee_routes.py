"""What a trustee's token opens, and what is taken from its bearer. Ceremony messages have `test_ceremonies`."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from httpx import Response
from starlette.testclient import TestClient

from tests.service.hand_clock import HandClock
from tests.service.invited_trustees import CAMPAIGN, Guests, certify, check, commit, deal, guests, hold, reveal
from tests.service.town import ServedTown
from veche.ballot.share import Delivery, OwnedShare, TallyPlace, parse_delivery
from veche.cli.trustee_drill import pass_drill
from veche.cli.trustee_journal import Journal
from veche.crypto.canonical_json import Json, dumps
from veche.crypto.group import G
from veche.crypto.scalar import system_randomness
from veche.crypto.schnorr import sign
from veche.ledger.annex import Cancelled, ShareRefused
from veche.observer.audit import audit
from veche.observer.board import board_of, read_annexes
from veche.service import counting
from veche.service.accounts import revoke_invitations
from veche.service.application import create_application
from veche.service.approved_steps import KEYS_LOST, verify_end
from veche.service.ceremonies import add_campaign_keys
from veche.service.contest_desk import held_desk
from veche.service.sealing import known_trustees
from veche.service.server import Server


@dataclass(slots=True)
class Door:
    """The trustees' door of a server. `ask` speaks as the trustee of a place."""

    invited: Guests
    client: TestClient

    def ask(self, place: int, method: str, path: str, body: str | bytes | None = None, campaign: str = CAMPAIGN) -> Response:
        headers = {"Authorization": f"Bearer {self.invited.tokens[place - 1]}"}
        answer: Response = self.client.request(method, f"/api/trustee/{campaign}{path}", content=body, headers=headers)
        return answer

    def standing(self, place: int = 1) -> Any:
        return self.ask(place, "GET", "").json()

    def contest(self, name: str = "district-1") -> ServedTown:
        """A contest with the campaign's keys, whose trustees hold their seats in the ceremony's folders."""
        town = self.invited.contest(name)
        if not (self.invited.folder / "run-1-trustee-1").exists():
            self.invited.begin()
            hold(self.invited.seats())
        add_campaign_keys(self.invited.server.storage, self.invited.clock, town.uuid)
        town.trustees = [desk.private for desk in self.invited.seats()]
        return town

    def sealed(self) -> ServedTown:
        town = self.contest()
        town.drill()
        town.register(6)
        town.seal()
        town.issue()
        return town

    def counted(self) -> ServedTown:
        """Three have voted, and the encrypted total is there."""
        town = self.sealed()
        town.open()
        for place in range(3):
            asyncio.run(town.server.casting.cast(town.uuid, town.ballot(place), "192.0.2.1"))
        town.close()
        town.tally()
        return town


@pytest.fixture
def door(server: Server, clock: HandClock, tmp_path: Path) -> Iterator[Door]:
    invited = guests(server, clock, tmp_path / "town")
    yield Door(invited, TestClient(create_application(server)))


def code(response: Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


def drill_of(town: ServedTown, place: int) -> bytes:
    """The drill as the trustee's tool makes it."""
    with held_desk(town.server.storage, town.clock, town.uuid) as desk:
        raw, keys = desk.view.manifest_raw, known_trustees(desk).raw
    return pass_drill(town.key(place), place, raw, keys, Journal(), system_randomness)[0]


PATHS = [
    ("GET", ""),
    ("GET", "/ceremony"),
    ("GET", "/ceremony/messages/terms.json"),
    ("PUT", "/ceremony/messages/certificate-1.json"),
    ("GET", "/ceremony/trustees.json"),
    ("GET", "/ceremony/run.json"),
    ("GET", "/elections/11111111111111/manifest.json"),
    ("GET", "/elections/11111111111111/trustees.json"),
    ("PUT", "/elections/11111111111111/drill"),
    ("POST", "/elections/11111111111111/roll-call"),
    ("POST", "/elections/11111111111111/shares"),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_every_route_is_for_trustees_of_this_campaign_only(door: Door, method: str, path: str) -> None:
    address = f"/api/trustee/{CAMPAIGN}{path}"
    client = door.client
    assert code(client.request(method, address)) == (401, "not-signed-in")
    for wrong in ("Bearer " + "A" * 43, "Bearer ", "Basic abc", "Bearer " + "A" * 5000):
        assert code(client.request(method, address, headers={"Authorization": wrong})) == (401, "not-signed-in")
    assert code(client.request(method, address, headers={"Cookie": f"veche={door.invited.tokens[0]}"})) == (401, "not-signed-in")
    other = guests(door.invited.server, door.invited.clock, door.invited.folder / "other", "other")
    for campaign, token in ((CAMPAIGN, other.tokens[0]), ("other", door.invited.tokens[0]), ("none", door.invited.tokens[0])):
        headers = {"Authorization": f"Bearer {token}"}
        assert code(client.request(method, f"/api/trustee/{campaign}{path}", headers=headers)) == (403, "not-allowed")
    with door.invited.server.storage.database.writing() as connection:
        revoke_invitations(connection, CAMPAIGN, door.invited.accounts[0])
    assert code(door.ask(1, method, path)) == (401, "not-signed-in")


def test_a_message_has_its_author_its_size_and_is_not_replaced(door: Door) -> None:
    door.invited.begin()
    seats = door.invited.seats()
    certify(seats)
    own = (seats[0].private / "0-certificate.json").read_text()
    path = "/ceremony/messages/certificate-1.json"
    assert door.ask(1, "PUT", path, own).status_code == 200
    assert code(door.ask(2, "PUT", path, own)) == (403, "not-allowed")
    assert code(door.ask(1, "PUT", path, own.replace("1", "2", 1))) == (409, "ceremony-file")
    assert code(door.ask(1, "PUT", "/ceremony/messages/commitment-1.json", "x" * 300_000)) == (413, "too-large")
    assert code(door.ask(1, "PUT", "/ceremony/messages/commitment-1.json", "{")) == (400, "not-json")
    assert code(door.ask(1, "PUT", "/ceremony/messages/terms.json", "{}")) == (404, "message-name")
    assert code(door.ask(1, "GET", "/ceremony/messages/key-1.json")) == (404, "not-found")
    assert code(door.ask(1, "GET", "/ceremony/messages/secrets")) == (404, "message-name")
    assert door.ask(3, "GET", path).text == own
    listed = door.ask(2, "GET", "/ceremony").json()["names"]
    assert listed == ["certificate-1.json", "certificate-2.json", "certificate-3.json", "terms.json"]


def test_a_late_complaint_is_refused(door: Door) -> None:
    door.invited.begin()
    seats = door.invited.seats()
    for step in (certify, commit, reveal, deal):
        step(seats)
    check(seats[:1])
    value: Json = {"dealer": 1, "complainant": 2, "message": seats[1].shared.share(1, 2)}
    after_key: Json = {"dealer": 2, "complainant": 1, "message": seats[0].shared.share(2, 1)}
    assert code(door.ask(1, "PUT", "/ceremony/messages/complaint-1-2.json", dumps(after_key))) == (409, "complaint-after-key")
    door.invited.clock.time += 3 * 3600 + 1
    assert code(door.ask(2, "PUT", "/ceremony/messages/complaint-2-1.json", dumps(value))) == (409, "complaint-late")


def test_before_a_ceremony_there_is_none(door: Door) -> None:
    assert door.standing()["ceremony"] is None
    assert code(door.ask(1, "GET", "/ceremony")) == (404, "no-ceremony")
    assert code(door.ask(1, "PUT", "/ceremony/messages/certificate-1.json", "{}")) == (404, "no-ceremony")
    door.invited.begin()
    assert code(door.ask(1, "GET", "/ceremony/trustees.json")) == (404, "not-found")


def test_the_standing_says_what_is_waited_for(door: Door) -> None:
    door.invited.begin()
    certify(door.invited.seats()[:2])
    found = door.standing(2)
    assert (found["place"], found["ceremony"]["waiting"]["step"], found["ceremony"]["waiting"]["places"]) == (2, "certificate", [3])
    town = door.invited.contest()
    (contest,) = door.standing()["contests"]
    assert contest == {
        "election": town.uuid, "contest": "district-1", "title": dict(town.manifest.title), "state": "draft", "keys": False,
        "ballots": 0, "drilled": False, "present": False, "share": "none",
    }  # fmt: skip


def test_a_drill_is_taken_from_its_own_trustee_once(door: Door) -> None:
    town = door.contest()
    path = f"/elections/{town.uuid}/drill"
    assert door.ask(1, "GET", f"/elections/{town.uuid}/manifest.json").content == town.manifest.encode()
    made = drill_of(town, 1)
    assert code(door.ask(2, "PUT", path, made)) == (403, "not-allowed")
    assert code(door.ask(1, "PUT", path, b"1" * 20_000)) == (413, "too-large")
    assert code(door.ask(1, "PUT", path, made.replace(b'"factor":"', b'"factor":"0', 1)))[1] == "drill-malformed"
    assert code(door.ask(1, "PUT", "/elections/11111111111111/drill", made)) == (404, "no-election")
    assert not door.standing()["contests"][0]["drilled"]
    assert door.ask(1, "PUT", path, made).status_code == 201
    assert door.ask(1, "PUT", path, made).status_code == 200
    assert door.standing()["contests"][0]["drilled"]
    assert not door.standing(2)["contests"][0]["drilled"]


def test_the_roll_call_is_held_between_sealing_and_opening(door: Door) -> None:
    town = door.contest()
    path = f"/elections/{town.uuid}/roll-call"
    assert code(door.ask(1, "POST", path)) == (409, "entry-order")
    town.drill()
    town.register(6)
    town.seal()
    town.issue()
    answer = door.ask(2, "POST", path)
    assert (answer.status_code, answer.json()) == (200, {"owner": 2, "time": town.clock.now()})
    town.clock.time += 60
    assert door.ask(2, "POST", path).json()["time"] == town.clock.now()
    assert [door.standing(place)["contests"][0]["present"] for place in (1, 2, 3)] == [False, True, False]
    town.open()
    assert code(door.ask(1, "POST", path)) == (409, "entry-order")


def test_a_good_share_is_taken_and_a_signed_bad_one_is_refused_by_name(door: Door) -> None:
    town = door.counted()
    path = f"/elections/{town.uuid}/shares"
    good = town.share(1)
    assert code(door.ask(2, "POST", path, good)) == (403, "not-allowed")
    spoiled = json.loads(good)
    spoiled["signature"]["response"] = "1"
    assert code(door.ask(1, "POST", path, dumps(spoiled))) == (422, "share-delivery")
    assert not [one for one in read_annexes(town.source(), town.uuid) if isinstance(one, ShareRefused)]
    assert door.ask(1, "POST", path, good).status_code == 201
    assert code(door.ask(1, "POST", path, good)) == (409, "entry-order")
    assert code(door.ask(2, "POST", path, signed_and_wrong(town, 2))) == (409, "share-refused")
    (refused,) = [one for one in read_annexes(town.source(), town.uuid) if isinstance(one, ShareRefused)]
    assert refused.owner == 2
    assert [door.standing(place)["contests"][0]["share"] for place in (1, 2, 3)] == ["given", "refused", "none"]
    assert door.ask(3, "POST", path, town.share(3)).status_code == 201
    assert audit(town.source(), level="strict").verdict == "ok"


def signed_and_wrong(town: ServedTown, owner: int) -> bytes:
    """A delivery of trustee `owner`, signed by its key, whose share holds another factor."""
    made = parse_delivery(town.share(owner), town.uuid)
    value = json.loads(made.share)
    value["decryption_factors"][0][0] = G.hex()
    share = dumps(value).encode()
    owned = OwnedShare(owner, sha256(share).hexdigest()).encode()
    board = board_of(town.source())
    place = TallyPlace(board.sealed.election.fingerprint, board.setup, board.tally_event or "")
    statement = place.statement(owner, owned)
    key = town.key(owner)
    signature = sign(key.secret, key.public, statement.delivery(made.proof), system_randomness)
    return Delivery(owned, share, made.proof, signature).encode(town.uuid)


def test_keys_that_are_lost_beyond_the_threshold_end_the_election_as_cancelled(door: Door) -> None:
    town = door.counted()
    assert door.ask(1, "POST", f"/elections/{town.uuid}/shares", town.share(1)).status_code == 201
    with held_desk(town.server.storage, town.clock, town.uuid) as desk:
        verify_end(desk, "cancel", KEYS_LOST, None)
        counting.cancel(desk, KEYS_LOST, None)
    last = read_annexes(town.source(), town.uuid)[-1]
    assert isinstance(last, Cancelled)
    assert last.reason == "keys-lost"
    assert (audit(town.source(), level="strict").verdict, door.standing()["contests"][0]["state"]) == ("ok", "cancelled")
    assert code(door.ask(2, "POST", f"/elections/{town.uuid}/shares", town.share(2)))[0] == 409


def test_an_invitation_opened_in_a_browser_says_what_to_do_and_nothing_of_the_campaign(door: Door) -> None:
    page = door.client.get(f"/trustee/{CAMPAIGN}")
    assert page.status_code == 200
    for command in ("take-part", "drill", "roll-call", "share"):
        assert f"veche trustee {command} --server-file invitation" in page.text
    scripts = re.findall("<script[^>]*>", page.text)
    assert scripts and all('type="application/json"' in one or 'integrity="sha384-' in one for one in scripts)
    assert door.client.get(f"/ru/trustee/{CAMPAIGN}/script").status_code == 200
    assert page.text.replace(CAMPAIGN, "no-such") == door.client.get("/trustee/no-such").text
    assert door.client.get("/trustee/%3Cb%3Ex").status_code == 404
