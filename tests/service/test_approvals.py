"""Two organizers for what cannot be undone: sealing, cancelling, annulling; and each sees exactly what will happen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.service.hand_clock import HandClock
from tests.service.office import CAMPAIGN, Office, open_office
from veche.ballot.election import is_uuid
from veche.crypto.canonical_json import encode, parse
from veche.crypto.errors import ElectionError
from veche.observer.audit import audit
from veche.observer.database_source import DatabaseSource
from veche.service.lifecycle import seal_contest
from veche.service.server import Server
from veche.service.tables import jobs

SUCCESSOR = "2" * 14


@pytest.fixture
def office(server: Server, clock: HandClock, tmp_path: Path) -> Iterator[Office]:
    """A campaign of one contest whose trustees have passed their drills, and whose registrar's list is there."""
    with ExitStack() as stack:
        opened = open_office(server, clock, tmp_path / "people", stack)
        opened.make(contests=1)
        opened.done("fix")
        opened.make_keys()
        opened.invite_registrar()
        opened.register()
        uuid = opened.uuids()[0]
        opened.drill(uuid)
        assert opened.hand_in(uuid).status_code == 200
        yield opened


@pytest.fixture
def uuid(office: Office) -> str:
    found = office.uuids()[0]
    assert is_uuid(found)
    return found


def refusal(office: Office, path: str, who: object = None, **body: object) -> str:
    answer = office.do(path, who, **body)  # type: ignore[arg-type]
    assert answer.status_code >= 400, answer.text
    return str(answer.json()["code"])


def actions(office: Office) -> list[str]:
    return [str(one["action"]) for one in office.trail()]


def test_a_seal_that_two_organizers_approve_writes_the_very_setup_that_was_shown(office: Office, uuid: str) -> None:
    asked = office.done(f"contests/{uuid}/seal")
    assert asked["details"]["questions"][0]["answers"] == ["A bench", "A lamp"]
    assert asked["details"]["credentials"] == 6
    assert office.state(uuid) == "draft"
    office.done(f"approvals/{asked['id']}/approve", office.oleg)
    seal_contest(office.server, uuid)
    assert office.state(uuid) == "sealed"
    assert office.standing()["contests"][0]["setup"] == asked["details"]["setup"]
    source = DatabaseSource(office.server.storage.database, office.server.storage.files, uuid)
    assert audit(source, level="strict").verdict == "ok"


def test_approving_queues_one_job_for_the_worker(office: Office, uuid: str) -> None:
    asked = office.done(f"contests/{uuid}/seal")
    office.done(f"approvals/{asked['id']}/approve", office.oleg)
    with office.server.storage.database.reading() as connection:
        found = connection.execute(select(jobs.c.kind, jobs.c.topic, jobs.c.payload).where(jobs.c.kind == "seal")).all()
    assert [(one.kind, one.topic, parse(one.payload.encode())) for one in found] == [("seal", f"seal {uuid}", {"election": uuid})]


def test_nobody_approves_what_she_asked_for_herself(office: Office, uuid: str) -> None:
    asked = office.done(f"contests/{uuid}/seal")
    assert refusal(office, f"approvals/{asked['id']}/approve", office.olga) == "second-organizer"
    assert "approve-seal-refused" in actions(office)
    assert office.standing()["approvals"][0]["status"] == "asked"


def test_an_organizer_of_another_campaign_is_no_second_organizer(office: Office, uuid: str) -> None:
    asked = office.done(f"contests/{uuid}/seal")
    assert refusal(office, f"approvals/{asked['id']}/approve", office.eve) == "not-allowed"
    # Through her own campaign's address the request is not there.
    made = office.eve.post("/api/campaigns", content=office.file(campaign="other"), headers={"Content-Type": "text/csv"})
    assert made.status_code == 201
    answer = office.eve.post(f"/api/campaigns/other/approvals/{asked['id']}/approve", json={})
    assert (answer.status_code, answer.json()["code"]) == (404, "no-approval")
    assert office.eve.post(f"/api/campaigns/other/contests/{uuid}/seal", json={}).json()["code"] == "no-election"


def test_the_same_is_not_asked_for_twice_and_not_decided_twice(office: Office, uuid: str) -> None:
    asked = office.done(f"contests/{uuid}/seal")
    assert refusal(office, f"contests/{uuid}/seal") == "already-asked"
    assert office.done(f"approvals/{asked['id']}/refuse", office.oleg)["status"] == "refused"
    assert refusal(office, f"approvals/{asked['id']}/approve", office.oleg) == "already-decided"
    again = office.done(f"contests/{uuid}/seal")
    assert office.done(f"approvals/{again['id']}/refuse", office.olga)["status"] == "withdrawn"


def test_a_seal_is_refused_when_the_list_was_replaced_since_it_was_asked_for(office: Office, uuid: str) -> None:
    asked = office.done(f"contests/{uuid}/seal")
    shorter = encode(parse(office.public[uuid])[:5])  # type: ignore[index]
    assert office.registrar("PUT", f"contests/{uuid}/credentials", shorter).status_code == 200
    assert refusal(office, f"approvals/{asked['id']}/approve", office.oleg) == "contest-changed"
    assert office.state(uuid) == "draft"


def test_the_job_seals_nothing_but_what_was_approved(office: Office, uuid: str) -> None:
    with pytest.raises(ElectionError, match="no two organizers"):
        seal_contest(office.server, uuid)
    asked = office.done(f"contests/{uuid}/seal")
    office.done(f"approvals/{asked['id']}/approve", office.oleg)
    shorter = encode(parse(office.public[uuid])[:5])  # type: ignore[index]
    assert office.registrar("PUT", f"contests/{uuid}/credentials", shorter).status_code == 200
    with pytest.raises(ElectionError) as refused:
        seal_contest(office.server, uuid)
    assert refused.value.code == "contest-changed"
    assert office.state(uuid) == "draft"


def test_sealing_is_not_even_asked_for_before_everything_is_there(server: Server, clock: HandClock, tmp_path: Path) -> None:
    with ExitStack() as stack:
        office = open_office(server, clock, tmp_path / "people", stack)
        office.make(contests=1)
        uuid = office.uuids()[0]
        assert refusal(office, f"contests/{uuid}/seal") == "no-election"
        office.done("fix")
        assert refusal(office, f"contests/{uuid}/seal") == "no-credentials"
        office.invite_registrar()
        office.register()
        assert office.hand_in(uuid).status_code == 200
        assert refusal(office, f"contests/{uuid}/seal") == "no-trustees"
        office.make_keys()
        assert refusal(office, f"contests/{uuid}/seal") == "entry-order"
        office.drill(uuid)
        office.done(f"contests/{uuid}/seal")


def test_an_election_is_cancelled_by_two_organizers_with_reason_and_successor(office: Office, uuid: str) -> None:
    asked = office.done(f"contests/{uuid}/cancel", reason="wrong-list", successor=SUCCESSOR)
    assert asked["details"]["reason"] == "wrong-list"
    assert refusal(office, f"approvals/{asked['id']}/approve") == "second-organizer"
    office.done(f"approvals/{asked['id']}/approve", office.oleg)
    assert office.state(uuid) == "cancelled"


def test_keys_are_called_lost_only_once_there_is_something_to_decrypt_with_them(office: Office, uuid: str) -> None:
    assert refusal(office, f"contests/{uuid}/cancel", reason="keys-lost") == "entry-order"
    office.seal(uuid)
    asked = office.done(f"contests/{uuid}/cancel", reason="keys-lost")
    office.done(f"approvals/{asked['id']}/approve", office.oleg)
    assert office.state(uuid) == "cancelled"


@pytest.mark.parametrize(
    ("step", "body", "code"),
    [
        ("annul", {"reason": "fraud"}, "entry-order"),
        ("cancel", {"reason": "Because Anna Ivanova said so"}, "invalid-request"),
        ("cancel", {"reason": "x", "successor": "nobody"}, "invalid-request"),
        ("cancel", {"reason": "x", "colour": 1}, "invalid-request"),
    ],
)
def test_an_end_that_cannot_be_is_refused_when_it_is_asked_for(
    office: Office, uuid: str, step: str, body: dict[str, str], code: str
) -> None:
    assert refusal(office, f"contests/{uuid}/{step}", **body) == code


def test_an_election_is_not_its_own_successor(office: Office, uuid: str) -> None:
    assert refusal(office, f"contests/{uuid}/cancel", reason="x", successor=uuid) == "successor"


def test_the_page_of_a_request_shows_the_hash_and_the_questions(office: Office, uuid: str) -> None:
    asked = office.done(f"contests/{uuid}/seal")
    page = office.oleg.get(f"/organizer/{CAMPAIGN}/approvals/{asked['id']}").text
    assert asked["details"]["setup"] in page
    assert "Which project?" in page
    assert "A lamp" in page
    assert "Approve" in page
    assert "Approve" not in office.olga.get(f"/organizer/{CAMPAIGN}/approvals/{asked['id']}").text


def test_a_request_to_end_a_draft_does_not_end_the_election_that_it_became(office: Office, uuid: str) -> None:
    asked = office.done(f"contests/{uuid}/cancel", reason="wrong-list")
    office.seal(uuid)
    assert refusal(office, f"approvals/{asked['id']}/approve", office.oleg) == "contest-changed"
    assert office.state(uuid) == "sealed"
    # The old request has ended with that; nobody must withdraw it first.
    assert refusal(office, f"approvals/{asked['id']}/approve", office.oleg) == "already-decided"
    again = office.done(f"contests/{uuid}/cancel", reason="wrong-list")
    office.done(f"approvals/{again['id']}/approve", office.oleg)
    assert office.state(uuid) == "cancelled"
