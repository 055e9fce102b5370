"""Accounts, roles and links: one person is one account, has one role in a campaign, and a token is kept by nobody but its owner."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, func, insert, select, text, update

from tests.service.hand_clock import BEGINNING
from tests.service.hostile_texts import CONTROLS, SCRIPTS
from veche.crypto.errors import ElectionError, Malformed
from veche.service.access import Person, role_of
from veche.service.accounts import (
    LOGIN_SECONDS,
    ROLES,
    account_by_email,
    all_accounts,
    assign_role,
    create_account,
    disable_account,
    existing_account,
    make_link,
    normal_email,
    normal_name,
    revoke_invitations,
    use_login_link,
)
from veche.service.server import Server
from veche.service.sessions import begin_session, find_session
from veche.service.tables import accounts, campaigns, links, roles

NOW = BEGINNING


@pytest.fixture
def connection(server: Server) -> Iterator[Connection]:
    """A writing transaction on an empty database, committed when the test ends."""
    with server.storage.database.writing() as opened:
        yield opened


def campaign(connection: Connection, name: str = "2027-06") -> str:
    values = {"id": name, "title": "{}", "rehearsal": True, "demo": False, "host": "vote.example.org", "created_at": NOW}
    connection.execute(insert(campaigns).values(values))
    return name


def code_of(error: pytest.ExceptionInfo[ElectionError]) -> str:
    return error.value.code


def anna(connection: Connection, email: str = "anna@example.org") -> int:
    return create_account(connection, email, "Anna", NOW)


# --- addresses and names ---


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("  Anna@Example.ORG ", "anna@example.org"),
        ("anna@ПРИМЕР.рф", "anna@xn--e1afmkfd.xn--p1ai"),
        ("anna+vote@localhost", "anna+vote@localhost"),
        ("o'neil@example.org", "o'neil@example.org"),
    ],
)
def test_an_address_is_written_in_one_way(given: str, kept: str) -> None:
    assert normal_email(given) == kept


@pytest.mark.parametrize(
    "given",
    [
        "", "anna", "@example.org", "anna@", "anna@ex ample.org", "an na@example.org", "anna@example..org", "anna@-example.org",
        "anna@[127.0.0.1]", '"anna"@example.org', "anna@example.org,bob@example.org", "<anna@example.org>", "анна@example.org",
        "a" * 65 + "@example.org", "a@" + "b" * 64 + ".org", "a@" + "b." * 140 + "org",
        # Small letters of another alphabet that would become Latin ones: the mail would reach somebody else.
        "\u212aate@example.org", "stra\u00dfe@example.org", "anna@stra\u00dfe.de", "anna@STRA\u1e9eE.de",
        *SCRIPTS, *(f"{one}@example.org" for one in (*SCRIPTS, *CONTROLS)), *(f"anna@example.org{one}" for one in CONTROLS),
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_in_one_printable_line(given: str) -> None:
    with pytest.raises(Malformed) as refused:
        normal_email(given)
    assert code_of(refused) == "email"
    assert refused.value.message.isprintable()


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, *CONTROLS])
def test_a_name_is_one_line_that_can_be_seen(name: str) -> None:
    with pytest.raises(Malformed) as refused:
        normal_name(name)
    assert code_of(refused) == "name"
    assert refused.value.message.isprintable()


@pytest.mark.parametrize("name", [*SCRIPTS, "Анна Öberg", "x" * 200])
def test_any_printable_line_is_a_name_and_is_kept_as_it_is(name: str) -> None:
    assert normal_name(f" {name} ") == name


# --- accounts ---


def test_an_account_is_found_however_its_address_is_written(connection: Connection) -> None:
    number = create_account(connection, "Anna@Example.org", "Anna", NOW, organizer=True)
    assert account_by_email(connection, " ANNA@example.ORG") == Person(number, "anna@example.org", "Anna", True, False)
    assert existing_account(connection, "anna@example.org").id == number
    assert account_by_email(connection, "other@example.org") is None
    assert account_by_email(connection, "no address") is None


def test_an_address_has_one_account_however_it_is_written(server: Server) -> None:
    with server.storage.database.writing() as connection:
        anna(connection)
    with pytest.raises(ElectionError) as refused, server.storage.database.writing() as connection:
        anna(connection, "ANNA@EXAMPLE.ORG ")
    assert code_of(refused) == "account-exists"


def test_a_disabled_account_is_nobody_and_its_address_stays_taken(server: Server) -> None:
    with server.storage.database.writing() as connection:
        number = anna(connection)
        link = make_link(connection, number, "login", NOW)
        session = begin_session(connection, number, NOW)
        disable_account(connection, number)
    with server.storage.database.writing() as connection:
        assert account_by_email(connection, "anna@example.org") is None
        assert use_login_link(connection, link, NOW) is None
        assert find_session(connection, session, NOW) is None
        assert [one.disabled for one in all_accounts(connection)] == [True]
        with pytest.raises(ElectionError) as refused:
            existing_account(connection, "anna@example.org")
        assert code_of(refused) == "no-account"
    with pytest.raises(ElectionError) as refused, server.storage.database.writing() as connection:
        anna(connection)
    assert code_of(refused) == "account-exists"


# --- roles ---


def test_nobody_has_two_roles_in_a_campaign(connection: Connection) -> None:
    number = anna(connection)
    for first in ROLES:
        name = campaign(connection, f"first-{first}")
        assign_role(connection, name, number, first)
        for second in ROLES:
            if first == second:
                assign_role(connection, name, number, second)
                continue
            with pytest.raises(ElectionError) as refused:
                assign_role(connection, name, number, second)
            assert code_of(refused) == "two-roles"
        assert role_of(connection, name, number) == first


def test_an_address_in_other_letters_is_no_way_to_a_second_role(connection: Connection) -> None:
    name = campaign(connection)
    anna(connection)
    for written in ("anna@example.org", "ANNA@Example.org", " anna@EXAMPLE.ORG\t"):
        found = account_by_email(connection, written)
        assert found is not None
        if written == "anna@example.org":
            assign_role(connection, name, found.id, "organizer")
            continue
        with pytest.raises(ElectionError) as refused:
            assign_role(connection, name, found.id, "registrar")
        assert code_of(refused) == "two-roles"


def test_roles_of_other_campaigns_do_not_count(connection: Connection) -> None:
    number = anna(connection)
    assign_role(connection, campaign(connection), number, "organizer")
    assign_role(connection, campaign(connection, "2028-06"), number, "trustee", 1)
    (found,) = all_accounts(connection)
    assert found.roles == (("2027-06", "organizer", None), ("2028-06", "trustee", 1))


def test_a_place_belongs_to_one_trustee_and_does_not_move(connection: Connection) -> None:
    name, first, second = campaign(connection), anna(connection), anna(connection, "bob@example.org")
    assign_role(connection, name, first, "trustee")
    assign_role(connection, name, first, "trustee", 1)
    assign_role(connection, name, first, "trustee")
    with pytest.raises(ElectionError) as refused:
        assign_role(connection, name, second, "trustee", 1)
    assert code_of(refused) == "place-taken"
    with pytest.raises(ElectionError) as refused:
        assign_role(connection, name, first, "trustee", 2)
    assert code_of(refused) == "place-taken"
    assert connection.execute(select(roles.c.account, roles.c.place)).all() == [(first, 1)]


def test_there_are_three_roles_and_trustees_have_places(connection: Connection) -> None:
    number, name = anna(connection), campaign(connection)
    wrong: list[tuple[str, int | None]] = [("", None), ("admin", None), ("registrar", 1), ("trustee", 0), ("trustee", 1001)]
    for role, place in wrong:
        with pytest.raises(Malformed) as refused:
            assign_role(connection, name, number, role, place)
        assert code_of(refused) == "role"


def test_a_role_needs_a_campaign(connection: Connection) -> None:
    with pytest.raises(ElectionError) as refused:
        assign_role(connection, "none", anna(connection), "trustee")
    assert code_of(refused) == "no-campaign"


# --- links ---


def test_a_link_lets_in_once(connection: Connection) -> None:
    token = make_link(connection, anna(connection), "login", NOW)
    person = use_login_link(connection, token, NOW)
    assert person is not None and person.email == "anna@example.org"
    assert use_login_link(connection, token, NOW) is None


def test_a_link_lets_in_until_its_time_is_over(connection: Connection) -> None:
    number = anna(connection)
    early, late, printed = (
        make_link(connection, number, "login", NOW),
        make_link(connection, number, "login", NOW),
        make_link(connection, number, "login", NOW, expires_at=NOW + 86_400),
    )
    assert use_login_link(connection, early, NOW + LOGIN_SECONDS - 1) is not None
    assert use_login_link(connection, late, NOW + LOGIN_SECONDS) is None
    assert use_login_link(connection, printed, NOW + 86_399) is not None


def test_a_revoked_link_or_an_invitation_lets_nobody_in(connection: Connection) -> None:
    number, name = anna(connection), campaign(connection)
    assign_role(connection, name, number, "trustee")
    revoked, invitation = make_link(connection, number, "login", NOW), make_link(connection, number, "invitation", NOW, name)
    connection.execute(update(links).where(links.c.purpose == "login").values(revoked=True))
    assert use_login_link(connection, revoked, NOW) is None
    assert use_login_link(connection, invitation, NOW) is None
    connection.execute(update(links).where(links.c.purpose == "invitation").values(expires_at=NOW + 100))
    assert use_login_link(connection, invitation, NOW) is None


def test_a_token_is_kept_as_its_hash_only(connection: Connection) -> None:
    number, name = anna(connection), campaign(connection)
    tokens = [
        make_link(connection, number, "login", NOW),
        make_link(connection, number, "invitation", NOW, name),
        begin_session(connection, number, NOW),
    ]
    assert len(set(tokens)) == 3
    assert all(len(token) == 43 for token in tokens)
    for table in ("link", "session", "account", "role"):
        kept = str(connection.execute(text(f"SELECT * FROM {table}")).all())
        assert not any(token in kept for token in tokens)


def test_a_link_has_one_of_two_purposes(connection: Connection) -> None:
    number, name = anna(connection), campaign(connection)
    for purpose, given in (("login", name), ("invitation", None), ("other", None)):
        with pytest.raises(Malformed) as refused:
            make_link(connection, number, purpose, NOW, given)
        assert code_of(refused) == "link"


def test_revoking_ends_the_invitations_of_this_campaign_and_no_other_link(connection: Connection) -> None:
    number, name, other = anna(connection), campaign(connection), campaign(connection, "2028-06")
    for one in (name, name, other):
        make_link(connection, number, "invitation", NOW, one)
    make_link(connection, number, "login", NOW)
    assert revoke_invitations(connection, name, number) == 2
    assert revoke_invitations(connection, name, number) == 0
    left = connection.execute(select(links.c.purpose, links.c.campaign).where(links.c.revoked.is_(False))).all()
    assert sorted(left, key=str) == [("invitation", other), ("login", None)]


def test_an_account_made_by_hand_with_capital_letters_is_not_found(connection: Connection) -> None:
    # The normal form is the only one: what else stands in the table is no address of ours.
    anna(connection)
    connection.execute(update(accounts).values(email="Anna@example.org"))
    assert account_by_email(connection, "Anna@example.org") is None


def test_a_link_that_is_long_over_is_gone_from_the_database(connection: Connection) -> None:
    number, name = anna(connection), campaign(connection)
    make_link(connection, number, "invitation", NOW, name)
    make_link(connection, number, "login", NOW)
    make_link(connection, number, "login", NOW + LOGIN_SECONDS + 86_400)
    assert connection.execute(select(func.count()).select_from(links)).scalar_one() == 3
    make_link(connection, number, "login", NOW + LOGIN_SECONDS + 86_401)
    assert connection.execute(select(func.count()).select_from(links)).scalar_one() == 3
