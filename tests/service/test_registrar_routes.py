"""The registrar hands in public lists and signed words, by the token of an invitation; a code or a name is never taken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.service.hand_clock import HandClock
from tests.service.office import CAMPAIGN, Office, open_office
from veche.cli.registrar import register
from veche.cli.voter_codes import encode_codes
from veche.crypto.canonical_json import array, encode, parse
from veche.crypto.scalar import system_randomness
from veche.crypto.signed_note import NoteSigner
from veche.observer.audit import audit
from veche.observer.database_source import DatabaseSource
from veche.service.registrar_work import MAX_ENTRY, SMALL, RegistrarWork, refuse_private
from veche.service.server import Server
from veche.service.tables import contests


@pytest.fixture
def office(server: Server, clock: HandClock, tmp_path: Path) -> Iterator[Office]:
    """A campaign of two contests with fixed rules, whose registrar has drawn six codes."""
    with ExitStack() as stack:
        opened = open_office(server, clock, tmp_path / "people", stack)
        opened.make(contests=2)
        opened.done("fix")
        opened.invite_registrar()
        opened.register()
        yield opened


@pytest.fixture
def uuid(office: Office) -> str:
    return office.uuids()[0]


def code(office: Office, method: str, path: str, content: bytes | None, kind: str = "application/octet-stream") -> str:
    answer = office.registrar(method, path, content, kind)
    assert 400 <= answer.status_code < 500, answer.text
    return str(answer.json()["code"])


def items(office: Office, uuid: str) -> list[str]:
    return [str(one) for one in array(parse(office.public[uuid]))]


def kept(office: Office, uuid: str) -> tuple[bytes | None, int | None]:
    with office.server.storage.database.reading() as connection:
        query = select(contests.c.credentials, contests.c.credentials_count).where(contests.c.uuid == uuid)
        row = connection.execute(query).one()
    return None if row.credentials is None else bytes(row.credentials), row.credentials_count


def test_the_registrar_sees_every_contest_with_its_uuid_and_manifest(office: Office) -> None:
    found = office.registrar("GET", "contests").json()
    assert found["campaign"] == CAMPAIGN
    assert [one["election"] for one in found["contests"]] == office.uuids()
    assert {one["state"] for one in found["contests"]} == {"draft"}
    for uuid in office.uuids():
        manifest = parse(office.registrar("GET", f"contests/{uuid}/manifest.json").content)
        assert isinstance(manifest, dict)
        assert manifest["uuid"] == uuid


def test_a_list_is_kept_until_the_seal_and_replaced_by_a_later_one(office: Office, uuid: str) -> None:
    shorter = encode(list(items(office, uuid)[:4]))
    assert office.registrar("PUT", f"contests/{uuid}/credentials", shorter).json() == {"election": uuid, "credentials": 4}
    assert office.hand_in(uuid).json() == {"election": uuid, "credentials": 6}
    assert kept(office, uuid) == (office.public[uuid], 6)
    assert office.registrar("GET", "contests").json()["contests"][0]["credentials"] == 6


def test_after_the_seal_the_list_is_in_the_record_and_in_no_other_place(office: Office, uuid: str) -> None:
    office.hand_in(uuid)
    office.make_keys()
    office.drill(uuid)
    office.seal(uuid)
    assert kept(office, uuid) == (None, 6)
    assert office.sealed(uuid).credentials.raw == office.public[uuid]
    assert code(office, "PUT", f"contests/{uuid}/credentials", office.public[uuid]) == "entry-order"


def test_what_is_wrong_with_a_list_is_named_by_its_item(office: Office, uuid: str) -> None:
    wrong = items(office, uuid)
    wrong[2] = "f" * 64
    answer = office.registrar("PUT", f"contests/{uuid}/credentials", encode(list(wrong)))
    assert (answer.status_code, answer.json()["code"]) == (400, "credential-invalid")
    assert "public credential 3" in answer.json()["detail"]
    twice = items(office, uuid)
    twice[5] = twice[0]
    answer = office.registrar("PUT", f"contests/{uuid}/credentials", encode(list(twice)))
    assert answer.json()["code"] == "duplicate-credential"
    assert kept(office, uuid) == (None, None)


def test_more_credentials_than_people_are_refused(office: Office, uuid: str) -> None:
    office.register(voters=10)
    assert office.hand_in(uuid).status_code == 200
    with pytest.raises(Exception, match="promises an electorate of 10"):
        office.register(voters=11)
    manifest = office.registrar("GET", f"contests/{uuid}/manifest.json").content
    crowd = "\n".join(["login", *(f"v{one}" for one in range(11))]) + "\n"
    assert b'"electorate":10' in manifest
    made = register(crowd.encode(), [uuid], [], system_randomness).public[uuid]
    assert code(office, "PUT", f"contests/{uuid}/credentials", made) == "electorate"


def test_private_files_are_refused_before_anything_is_done_with_them(office: Office, uuid: str) -> None:
    private = encode_codes(office.codes)
    files = (
        private,
        b"login;code\nanna;" + private[12:40],
        b'["Anna Ivanova"]',
        b"",
        b"PK\x03\x04",
        b'[{"login":"anna"}]',
        b'["abc"]',
    )
    for raw in files:
        for method, path in (("PUT", "credentials"), ("POST", "issued")):
            answer = office.registrar(method, f"contests/{uuid}/{path}", raw)
            assert (answer.status_code, answer.json()["code"]) == (409, "private-file")
            assert "codes or names" in answer.json()["detail"]
            assert "Anna" not in answer.text
    assert kept(office, uuid) == (None, None)
    refuse_private(office.public[uuid])
    refuse_private(b"[]")


def test_names_that_hide_behind_a_first_credential_are_refused_too(office: Office, uuid: str) -> None:
    office.hand_in(uuid)
    office.make_keys()
    office.drill(uuid)
    office.seal(uuid)
    hidden = encode([items(office, uuid)[0], "Anna Ivanova"])
    entry = office.issued(uuid).split(b"\n")[0]
    assert code(office, "POST", f"contests/{uuid}/issued", entry + b"\n" + hidden) == "issued-credentials"
    answer = office.registrar("PUT", f"contests/{office.uuids()[1]}/credentials", hidden)
    assert (answer.status_code, answer.json()["code"]) == (400, "credential-invalid")
    assert "public credential 2" in answer.json()["detail"]
    assert "Anna" not in answer.text


@pytest.fixture
def sealed(office: Office, uuid: str) -> Office:
    office.hand_in(uuid)
    office.make_keys()
    office.drill(uuid)
    office.seal(uuid)
    return office


def test_the_signed_word_stands_in_the_record_with_its_list(sealed: Office, uuid: str) -> None:
    answer = sealed.registrar("POST", f"contests/{uuid}/issued", sealed.issued(uuid), "application/x-ndjson")
    assert (answer.status_code, answer.json()) == (201, {"election": uuid, "total": 6})
    source = DatabaseSource(sealed.server.storage.database, sealed.server.storage.files, uuid)
    assert audit(source, level="strict").verdict == "ok"
    assert sealed.standing()["contests"][0]["issued"] == 6


def test_a_word_that_the_registrar_did_not_sign_is_refused(sealed: Office, uuid: str) -> None:
    other = NoteSigner.generate(sealed.signer.verifier.name, system_randomness)
    answer = sealed.registrar("POST", f"contests/{uuid}/issued", sealed.issued(uuid, signer=other))
    assert (answer.status_code, answer.json()["code"]) == (422, "issued-signature")


def test_a_word_with_another_list_than_it_names_is_refused(sealed: Office, uuid: str) -> None:
    entry, _, listed = sealed.issued(uuid).partition(b"\n")
    assert (
        code(sealed, "POST", f"contests/{uuid}/issued", entry + b"\n" + encode(list(items(sealed, uuid)[:5])))
        == "issued-credentials"
    )
    assert code(sealed, "POST", f"contests/{uuid}/issued", entry) == "issued-malformed"
    assert code(sealed, "POST", f"contests/{uuid}/issued", entry + b" " * MAX_ENTRY + b"\n" + listed) == "issued-malformed"
    other = sealed.uuids()[1]
    assert code(sealed, "POST", f"contests/{other}/issued", entry + b"\n" + listed) == "entry-election"


def test_a_list_longer_than_its_electorate_needs_is_not_read_to_its_end(office: Office, uuid: str) -> None:
    limit = RegistrarWork(office.server.storage, office.clock).limit(CAMPAIGN, uuid)
    assert limit == SMALL + 10 * 100
    assert office.registrar("PUT", f"contests/{uuid}/credentials", b'["' + b"0" * limit).status_code == 413
    assert office.registrar("POST", f"contests/{uuid}/issued", b'["' + b"0" * (limit + MAX_ENTRY)).status_code == 413


def test_a_form_of_a_web_page_is_no_list(office: Office, uuid: str) -> None:
    answer = office.registrar("PUT", f"contests/{uuid}/credentials", office.public[uuid], "multipart/form-data")
    assert (answer.status_code, answer.json()["code"]) == (415, "media-type")


def test_an_invitation_opens_one_campaign_and_one_role(office: Office, uuid: str) -> None:
    other = office.eve.post("/api/campaigns", content=office.file(campaign="other"), headers={"Content-Type": "text/csv"})
    assert other.status_code == 201
    theirs = office.eve.get("/api/campaigns/other").json()["contests"][0]["election"]
    headers = {**office.bearer, "Content-Type": "application/json"}
    put = office.anybody.put(f"/api/campaigns/other/registrar/contests/{theirs}/credentials", content=b"[]", headers=headers)
    assert (put.status_code, put.json()["code"]) == (403, "not-allowed")
    # And through her own campaign the other one's contest is not there.
    assert code(office, "PUT", f"contests/{theirs}/credentials", office.public[uuid]) == "no-election"
    trustee = office.done("trustees")["invitations"][0]["link"].partition("#")[2]
    office.bearer = {"Authorization": f"Bearer {trustee}"}
    assert code(office, "GET", "contests", None) == "not-allowed"
    office.bearer = {}
    assert code(office, "GET", "contests", None) == "not-signed-in"


def test_a_new_invitation_makes_the_one_before_worthless(office: Office) -> None:
    before = office.bearer
    office.invite_registrar()
    after, office.bearer = office.bearer, before
    assert code(office, "GET", "contests", None) == "not-signed-in"
    office.bearer = after
    assert office.registrar("GET", "contests").status_code == 200
