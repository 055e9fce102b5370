"""Campaigns: planned whole or not at all, replaced until their rules are fixed, begun together, opened each at its own time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.service.hand_clock import HandClock
from tests.service.office import CAMPAIGN, CSV, Office, open_office
from tests.service.town import HOUR
from veche.crypto.scalar import system_randomness
from veche.observer.audit import audit
from veche.observer.database_source import DatabaseSource
from veche.observer.tables import elections
from veche.service.contest_desk import held_desk
from veche.service.server import Server
from veche.service.signing_keys import LOG_KEY
from veche.service.tables import campaigns, contests
from veche.service.voting import open_vote


@pytest.fixture
def office(server: Server, clock: HandClock, tmp_path: Path) -> Iterator[Office]:
    with ExitStack() as stack:
        yield open_office(server, clock, tmp_path / "people", stack)


def rows(office: Office) -> tuple[int, int, int]:
    with office.server.storage.database.reading() as connection:
        counted = [
            connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (campaigns, contests, elections)
        ]
    return counted[0], counted[1], counted[2]


def test_a_campaign_is_planned_with_all_its_contests(office: Office) -> None:
    made = office.make()
    assert (made["campaign"], made["kind"], made["rehearsal"]) == (CAMPAIGN, "real", False)
    standing = office.standing()
    assert [one["contest"] for one in standing["contests"]] == ["district-1", "district-2", "district-3"]
    assert {one["state"] for one in standing["contests"]} == {"planned"}
    assert {one["way_in"] for one in standing["contests"]} == {"codes"}
    assert standing["fixed"] is False
    opens = [one["opens_at"] for one in standing["contests"]]
    assert [later - opens[0] for later in opens] == [0, HOUR, 2 * HOUR]


def test_a_file_with_one_mistake_makes_no_campaign_and_no_contest(office: Office) -> None:
    answer = office.olga.post("/api/campaigns", content=office.file().replace(";10;", ";ten;", 1), headers=CSV)
    assert (answer.status_code, answer.json()["code"]) == (400, "campaign-malformed")
    assert "line 15, column electorate" in answer.json()["detail"]
    assert rows(office) == (0, 0, 0)


def test_a_campaign_is_made_once(office: Office) -> None:
    office.make()
    again = office.eve.post("/api/campaigns", content=office.file(), headers=CSV)
    assert (again.status_code, again.json()["code"]) == (409, "campaign-exists")
    assert rows(office) == (1, 3, 0)


def test_a_contest_that_stays_in_a_replaced_plan_keeps_its_uuid(office: Office) -> None:
    office.make(contests=2)
    before = office.uuids()
    answer = office.olga.put(f"/api/campaigns/{CAMPAIGN}/plan", content=office.file(contests=4), headers=CSV)
    assert answer.status_code == 200
    assert office.uuids()[:2] == before
    assert len(office.uuids()) == 4


@pytest.mark.parametrize(
    ("changes", "code"), [({"rehearsal": "yes"}, "rehearsal-fixed"), ({"campaign": "other"}, "other-campaign")]
)
def test_neither_the_kind_nor_the_name_of_a_campaign_ever_changes(office: Office, changes: dict[str, str], code: str) -> None:
    office.make()
    answer = office.olga.put(f"/api/campaigns/{CAMPAIGN}/plan", content=office.file(**changes), headers=CSV)
    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert office.standing()["rehearsal"] is False


def test_fixing_begins_every_record_with_its_manifest_and_keys_on_the_disk(office: Office) -> None:
    office.make()
    office.done("fix")
    assert {one["state"] for one in office.standing()["contests"]} == {"draft"}
    for uuid in office.uuids():
        source = DatabaseSource(office.server.storage.database, office.server.storage.files, uuid)
        assert audit(source, level="strict").state == "draft"
        assert (office.server.settings.data / "keys" / uuid / LOG_KEY).exists()
    assert office.do("fix").json()["code"] == "rules-fixed"
    answer = office.olga.put(f"/api/campaigns/{CAMPAIGN}/plan", content=office.file(), headers=CSV)
    assert answer.json()["code"] == "rules-fixed"


def test_rules_are_not_fixed_without_the_registrars_key_nor_after_an_opening(office: Office, clock: HandClock) -> None:
    office.make(registrar="")
    assert office.do("fix").json()["code"] == "registrar-missing"
    office.olga.put(f"/api/campaigns/{CAMPAIGN}/plan", content=office.file(), headers=CSV)
    office.at(clock.now() + HOUR)
    assert office.do("fix").json()["code"] == "too-late"
    assert rows(office) == (1, 3, 0)


def test_keys_that_an_attempt_before_has_left_are_taken_up_again(office: Office) -> None:
    office.make()
    uuid = office.uuids()[1]
    left = office.server.keys.take(uuid, f"vote.example/e/{uuid}", system_randomness)
    office.done("fix")
    with held_desk(office.server.storage, office.clock, uuid) as desk:
        log = desk.view.manifest.log
    assert log is not None
    assert (log.keys[0], log.box) == (left[0].verifier, left[1].verifier)


def test_the_trustees_keys_come_into_every_record_whether_rules_or_keys_came_first(office: Office) -> None:
    office.make()
    office.make_keys()
    office.done("fix")
    for uuid in office.uuids():
        with held_desk(office.server.storage, office.clock, uuid) as desk:
            assert desk.view.state.has_dkg


def test_a_plan_that_names_other_trustees_takes_the_invitations_of_those_before(office: Office) -> None:
    office.make()
    link = office.done("trustees")["invitations"][2]["link"]
    bearer = {"Authorization": f"Bearer {link.partition('#')[2]}"}
    assert office.anybody.get(f"/api/trustee/{CAMPAIGN}", headers=bearer).status_code == 200
    changed = office.file().replace("Clara;clara@", "Dora;dora@")
    assert office.olga.put(f"/api/campaigns/{CAMPAIGN}/plan", content=changed, headers=CSV).status_code == 200
    assert office.anybody.get(f"/api/trustee/{CAMPAIGN}", headers=bearer).status_code == 401
    assert [one["name"] for one in office.done("trustees")["invitations"]] == ["Anna", "Boris", "Dora"]


def test_who_the_trustees_are_stays_once_they_make_their_keys(office: Office, clock: HandClock) -> None:
    office.make()
    office.done("trustees")
    office.done("ceremony", deadlines=[clock.now() + HOUR, clock.now() + 2 * HOUR, clock.now() + 3 * HOUR])
    changed = office.file().replace("Clara;clara@", "Dora;dora@")
    answer = office.olga.put(f"/api/campaigns/{CAMPAIGN}/plan", content=changed, headers=CSV)
    assert answer.json()["code"] == "ceremony-goes-on"


def test_forty_six_contests_of_one_table_are_fixed_at_once(office: Office) -> None:
    office.make(contests=46)
    begun = time.monotonic()
    office.done("fix")
    # Not a measurement: only that it is no matter of minutes.
    assert time.monotonic() - begun < 60
    assert len(office.uuids()) == 46
    assert {one["state"] for one in office.standing()["contests"]} == {"draft"}


def test_contests_are_sealed_and_opened_at_different_times_with_the_same_codes_and_keys(office: Office, clock: HandClock) -> None:
    office.make(contests=2)
    office.done("fix")
    office.make_keys()
    office.invite_registrar()
    office.register()
    first, second = office.uuids()
    for uuid, other in ((first, second), (second, None)):
        office.drill(uuid)
        assert office.hand_in(uuid).status_code == 200
        office.seal(uuid)
        assert office.registrar("POST", f"contests/{uuid}/issued", office.issued(uuid)).status_code == 201
        assert other is None or office.state(other) == "draft"
        opens = next(one["opens_at"] for one in office.standing()["contests"] if one["election"] == uuid)
        office.at(opens)
        with held_desk(office.server.storage, clock, uuid) as desk:
            open_vote(desk, (1, 2, 3))
        assert office.state(uuid) == "open"
    trustees = [office.sealed(uuid).trustees.raw for uuid in (first, second)]
    assert trustees[0] == trustees[1]
    assert len(office.codes) == 6
    assert set(office.sealed(first).credentials.weights).isdisjoint(office.sealed(second).credentials.weights)
    for uuid in (first, second):
        source = DatabaseSource(office.server.storage.database, office.server.storage.files, uuid)
        assert (audit(source, level="strict").verdict, audit(source, level="strict").state) == ("ok", "open")
