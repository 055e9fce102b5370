"""Everything an organizer, registrar, trustee or timer does is in the trail, with whoever did it, and so is what was refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.service.hand_clock import HandClock
from tests.service.hostile_texts import CONTROLS, SCRIPTS
from tests.service.office import CAMPAIGN, Office, open_office
from tests.service.signed_in import account, text_of
from veche.crypto.errors import Malformed
from veche.service.audit_trail import SHOWN, note, notes_of
from veche.service.server import Server
from veche.service.tables import audit_trail


@pytest.fixture
def office(server: Server, clock: HandClock, tmp_path: Path) -> Iterator[Office]:
    with ExitStack() as stack:
        yield open_office(server, clock, tmp_path / "people", stack)


def test_a_note_says_who_when_and_what(server: Server, clock: HandClock) -> None:
    number = account(server)
    with server.storage.database.writing() as connection:
        note(connection, 7, number, "c", None, "planned", contests=46, why=None)
        note(connection, 8, None, "c", "u", "opened")
    with server.storage.database.reading() as connection:
        later, earlier = notes_of(connection, "c")
    assert (earlier.time, earlier.who, earlier.action) == (7, "anna <anna@example.org>", "planned")
    assert earlier.details == {"contests": 46, "why": None}
    assert (later.who, later.uuid) == (None, "u")


def test_a_trail_shows_its_own_campaign_only_and_page_by_page(server: Server) -> None:
    with server.storage.database.writing() as connection:
        for one in range(SHOWN + 3):
            note(connection, one, None, "c", None, f"act-{one}")
        note(connection, 0, None, "d", None, "other")
    with server.storage.database.reading() as connection:
        first = notes_of(connection, "c")
        rest = notes_of(connection, "c", first[-1].number)
    assert len(first) == SHOWN
    assert [one.action for one in rest] == ["act-2", "act-1", "act-0"]


def test_any_text_in_a_note_comes_back_as_it_was(server: Server) -> None:
    texts = [*SCRIPTS, *CONTROLS[:-1]]
    with server.storage.database.writing() as connection:
        for one in texts:
            note(connection, 0, None, "c", None, "said", text=one)
    with server.storage.database.reading() as connection:
        found = [one.details["text"] for one in notes_of(connection, "c")]
    assert found == texts[::-1]
    with pytest.raises(Malformed), server.storage.database.writing() as connection:
        note(connection, 0, None, "c", None, "said", text="\ud800")


def test_an_act_that_is_rolled_back_leaves_no_note(server: Server) -> None:
    with pytest.raises(ZeroDivisionError), server.storage.database.writing() as connection:
        note(connection, 0, None, "c", None, "said")
        raise ZeroDivisionError
    with server.storage.database.reading() as connection:
        assert notes_of(connection, "c") == []


def test_what_organizers_and_registrar_do_is_in_the_trail_and_what_was_refused_too(office: Office) -> None:
    office.make(contests=1)
    office.done("fix")
    office.do("fix")
    office.make_keys()
    office.invite_registrar()
    office.register()
    uuid = office.uuids()[0]
    office.drill(uuid)
    office.hand_in(uuid)
    office.registrar("PUT", f"contests/{uuid}/credentials", b"[]")
    office.seal(uuid)
    office.registrar("POST", f"contests/{uuid}/issued", office.issued(uuid))
    office.done(f"contests/{uuid}/incident", reason="power-cut")
    office.do(f"contests/{uuid}/suspend", reason="fire")
    found = {str(one["action"]): one for one in office.trail()}
    wanted = (
        "campaign-created organizer-added rules-fixed fix-rules-refused invited ceremony-begun ceremony-message put-credentials "
        "ask-seal approve-seal sealed add-issued incident suspend-refused"
    )
    assert set(wanted.split()) <= set(found)
    assert found["approve-seal"]["who"] == "oleg <oleg@example.org>"
    assert found["put-credentials"]["who"] == "Rita <rita@example.org>"
    assert found["sealed"]["who"] is None
    assert found["suspend-refused"]["details"] == {"code": "entry-order"}
    page = office.olga.get(f"/organizer/{CAMPAIGN}/trail").text
    told = ("An incident was recorded", "The contest was sealed", "The seal was approved", "The vote was suspended – was refused")
    assert all(one in text_of(page) for one in told)


def test_the_trail_is_for_organizers_of_that_campaign_only_and_holds_no_token_and_no_code(office: Office) -> None:
    office.make(contests=1)
    office.done("fix")
    links = [one["link"] for one in office.done("trustees")["invitations"]]
    office.invite_registrar()
    office.register()
    for client, status in ((office.eve, 403), (office.anybody, 401)):
        assert client.get(f"/api/campaigns/{CAMPAIGN}/trail").status_code == status
        assert client.get(f"/organizer/{CAMPAIGN}/trail").status_code == status
    with office.server.storage.database.reading() as connection:
        whole = "\n".join(str(row) for row in connection.execute(select(audit_trail)))
    secrets = [*(link.partition("#")[2] for link in links), *office.codes.values(), office.bearer["Authorization"][7:]]
    assert all(secret and secret not in whole for secret in secrets)
