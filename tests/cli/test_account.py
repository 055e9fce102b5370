"""`veche account`: accounts, links and invitations from the server's machine, also while the server runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from starlette.testclient import TestClient

from tests.service.hostile_texts import CONTROLS, SCRIPTS
from tests.service.signed_in import SAME_SITE
from veche.cli.main import FINE, REFUSED, WRONG_USAGE, run
from veche.observer.database import Database
from veche.service.application import create_application
from veche.service.server import open_server
from veche.service.settings import Settings
from veche.service.tables import audit_trail, campaigns

ANNA = ("create", "--email", "Anna@Example.org", "--name", "Анна")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder that no server has seen yet."""
    return tmp_path / "data"


def account(data: Path, *arguments: str) -> int:
    return run(["account", *arguments, "--data", str(data)])


def campaign(data: Path) -> str:
    database = Database(Settings(data=data).database_url)
    values = {"id": "2027-06", "title": "{}", "rehearsal": True, "demo": False, "host": "vote.example.org", "created_at": 1}
    with database.writing() as connection:
        connection.execute(insert(campaigns).values(values))
    database.close()
    return "2027-06"


def kept(data: Path) -> str:
    """Everything that stands in the database about people."""
    database = Database(Settings(data=data).database_url)
    tables = ("account", "link", "session", "role", "audit_trail", "job")
    with database.reading() as connection:
        found = "".join(str(connection.execute(text(f"SELECT * FROM {one}")).all()) for one in tables)
    database.close()
    return found


def trail(data: Path) -> list[tuple[str, str | None, dict[str, object]]]:
    database = Database(Settings(data=data).database_url)
    with database.reading() as connection:
        rows = connection.execute(select(audit_trail).order_by(audit_trail.c.id)).all()
    database.close()
    assert all(row.account is None for row in rows)
    return [(row.action, row.campaign, json.loads(row.details)) for row in rows]


def listed(data: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    capsys.readouterr()
    assert account(data, "list", "--json") == FINE
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


def test_an_account_is_made_before_the_server_first_starts(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert account(data, *ANNA, "--organizer") == FINE
    assert listed(data, capsys) == [
        {"email": "anna@example.org", "name": "Анна", "organizer": True, "operator": False, "disabled": False, "roles": []}
    ]
    open_server(Settings(data=data, checkers=1)).close()


def test_a_printed_link_lets_in_once_while_the_server_runs(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = open_server(Settings(data=data, checkers=1))
    try:
        assert account(data, *ANNA) == FINE
        capsys.readouterr()
        assert account(data, "link", "ANNA@example.org") == FINE
        printed = capsys.readouterr()
        assert printed.out.startswith("http://127.0.0.1:8000/login/") and printed.out.count("\n") == 1
        token = printed.out.strip().rpartition("/")[2]
        assert token not in printed.err
        assert token not in kept(data)
        client = TestClient(create_application(server), headers=SAME_SITE, follow_redirects=False)
        assert client.post("/sign-in", data={"token": token}).status_code == 303
        assert "Анна" in client.get("/account").text
        assert client.post("/sign-in", data={"token": token}).status_code == 409
        assert account(data, "disable", "anna@example.org") == FINE
        assert client.get("/account").status_code == 401
    finally:
        server.close()


def test_one_address_has_one_account(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert account(data, *ANNA) == FINE
    assert account(data, "create", "--email", " ANNA@EXAMPLE.ORG", "--name", "Other") == REFUSED
    assert "[account-exists]" in capsys.readouterr().err
    assert len(listed(data, capsys)) == 1


def test_nobody_is_invited_to_two_roles_of_a_campaign(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    account(data, *ANNA)
    name = campaign(data)
    capsys.readouterr()
    assert account(data, "invite", name, "anna@example.org", "--role", "trustee", "--place", "1") == FINE
    printed = capsys.readouterr().out
    assert printed.startswith("http://127.0.0.1:8000/trustee/2027-06#")
    assert printed.strip().rpartition("#")[2] not in kept(data)
    assert account(data, "invite", name, "ANNA@example.org", "--role", "registrar") == REFUSED
    refused = capsys.readouterr()
    assert "[two-roles]" in refused.err and refused.out == ""
    assert listed(data, capsys)[0]["roles"] == [{"campaign": name, "role": "trustee", "place": 1}]


def test_a_refused_invitation_leaves_nothing(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    account(data, *ANNA)
    name = campaign(data)
    before = kept(data)
    for arguments, code in (
        ((name, "nobody@example.org", "--role", "trustee"), "no-account"),
        (("no-such", "anna@example.org", "--role", "trustee"), "no-campaign"),
        ((name, "anna@example.org", "--role", "organizer"), "role"),
        ((name, "anna@example.org", "--role", "registrar", "--place", "1"), "role"),
        ((name, "anna@example.org", "--role", "trustee", "--place", "0"), "role"),
    ):
        assert account(data, "invite", *arguments) == REFUSED
        assert f"[{code}]" in capsys.readouterr().err
    assert kept(data) == before


def test_a_revoked_invitation_is_counted_and_the_role_stays(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    account(data, *ANNA)
    name = campaign(data)
    account(data, "invite", name, "anna@example.org", "--role", "trustee")
    account(data, "invite", name, "anna@example.org", "--role", "trustee")
    capsys.readouterr()
    assert account(data, "revoke", name, "anna@example.org") == FINE
    assert "2 invitations are revoked" in capsys.readouterr().err
    assert listed(data, capsys)[0]["roles"] == [{"campaign": name, "role": "trustee", "place": None}]


def test_everything_is_in_the_trail_and_names_no_address(data: Path) -> None:
    account(data, *ANNA)
    name = campaign(data)
    for arguments in (
        ("link", "anna@example.org"),
        ("invite", name, "anna@example.org", "--role", "registrar"),
        ("revoke", name, "anna@example.org"),
        ("disable", "anna@example.org"),
    ):
        assert account(data, *arguments) == FINE
    by = {"by": "command-line", "about": 1}
    assert trail(data) == [
        ("account-created", None, by),
        ("link-printed", None, by),
        ("invited", name, {**by, "role": "registrar"}),
        ("invitations-revoked", name, {**by, "count": 1}),
        ("account-disabled", None, by),
    ]


def test_hostile_texts_are_shown_as_text(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, name in enumerate(SCRIPTS[:8]):
        assert account(data, "create", "--email", f"a{number}@example.org", "--name", name) == FINE
    assert [one["name"] for one in listed(data, capsys)] == list(SCRIPTS[:8])
    for name in (one for one in CONTROLS if "\ud800" not in one):
        assert account(data, "create", "--email", "b@example.org", "--name", name) == REFUSED
        assert account(data, "create", "--email", f"b@example.org{name}", "--name", "B") == REFUSED
        assert all(one.isprintable() or one == "\n" for one in capsys.readouterr().err)


def test_a_disabled_account_gets_no_link(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    account(data, *ANNA)
    account(data, "disable", "anna@example.org")
    capsys.readouterr()
    assert account(data, "link", "anna@example.org") == REFUSED
    refused = capsys.readouterr()
    assert "[no-account]" in refused.err and refused.out == ""
    assert account(data, "list") == FINE
    assert capsys.readouterr().out == "anna@example.org  Анна  (disabled)\n"


def test_a_name_is_asked_for(data: Path) -> None:
    assert account(data, "create", "--email", "anna@example.org") == WRONG_USAGE


def test_an_erased_account_names_nobody_and_its_acts_stay(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert account(data, *ANNA) == FINE
    assert account(data, "link", "anna@example.org") == FINE
    assert account(data, "erase", "anna@example.org") == REFUSED
    assert "[account-in-use]" in capsys.readouterr().err
    assert account(data, "disable", "anna@example.org") == FINE
    capsys.readouterr()
    assert account(data, "erase", "ANNA@example.org") == FINE
    shown = capsys.readouterr()
    assert "anna" not in (shown.out + shown.err).lower()
    database = Database(Settings(data=data).database_url)
    with database.reading() as connection:
        left = connection.execute(text("SELECT email, name, disabled FROM account")).all()
        links = connection.execute(text("SELECT count(*) FROM link")).scalar_one()
    database.close()
    assert (left, links) == ([("erased-1@erased.invalid", "erased", 1)], 0)
    assert [one[0] for one in trail(data)][-2:] == ["account-disabled", "account-erased"]
    assert account(data, "erase", "anna@example.org") == REFUSED
    assert account(data, *ANNA) == FINE
