"""Who may: signed-in people by their session and a form of ours, invited ones by their token; everybody else is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, insert, update
from starlette.requests import Request

from tests.service.hand_clock import HandClock
from tests.service.signed_in import account, login_token
from veche.crypto.errors import Refused
from veche.service.access import Access, Invited, Person, origin_of
from veche.service.accounts import assign_role, disable_account, make_link, revoke_invitations
from veche.service.server import Server
from veche.service.sessions import begin_session
from veche.service.settings import Settings
from veche.service.tables import campaigns, links, roles
from veche.service.tokens import csrf_token

OURS = "http://127.0.0.1:8000"


def request(method: str = "GET", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": method, "path": "/", "query_string": b"", "headers": raw, "state": {}})


def from_page(session: str, method: str = "POST", **changed: str) -> Request:
    """What a page of ours would send, but for what is changed."""
    headers = {"cookie": f"veche={session}", "sec_fetch_site": "same-origin", "x_csrf_token": csrf_token(session), **changed}
    return request(method, **{name: value for name, value in headers.items() if value})


@pytest.fixture
def access(server: Server) -> Access:
    return Access(server.storage.database, server.clock, server.settings)


def session_of(server: Server, email: str = "anna@example.org", *, operator: bool = False) -> str:
    number = account(server, email, operator=operator)
    with server.storage.database.writing() as connection:
        return begin_session(connection, number, server.clock.now())


def campaign(server: Server, name: str = "2027-06") -> str:
    values = {"id": name, "title": "{}", "rehearsal": True, "demo": False, "host": "vote.example.org", "created_at": 1}
    with server.storage.database.writing() as connection:
        connection.execute(insert(campaigns).values(values))
    return name


def invitation(server: Server, name: str, role: str = "trustee", place: int | None = 2, email: str = "bob@example.org") -> str:
    number = account(server, email)
    with server.storage.database.writing() as connection:
        assign_role(connection, name, number, role, place)
        return make_link(connection, number, "invitation", server.clock.now(), name)


def refusal(act: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(Refused) as refused:
        act(*arguments)
    return refused.value.code


# --- people ---


def test_whoever_has_the_session_is_its_person(server: Server, access: Access) -> None:
    session = session_of(server)
    found = access.person(request(cookie=f"veche={session}"))
    assert found == Person(found.id, "anna@example.org", "anna", True, False)
    assert access.person(from_page(session)) == found


def test_no_session_or_another_token_is_nobody(server: Server, access: Access) -> None:
    session = session_of(server)
    for cookie in ("", "veche=", f"veche={session}x", f"veche={'x' * 43}", f"veche={'x' * 5000}", f"__Host-veche={session}"):
        assert refusal(access.person, request(cookie=cookie)) == "not-signed-in"
    assert refusal(access.person, request()) == "not-signed-in"
    assert access.signed_in(request()) is None


def test_a_change_needs_a_page_of_ours(server: Server, access: Access) -> None:
    session = session_of(server)
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        for site in ("cross-site", "same-site", "none", "SAME-ORIGIN"):
            assert refusal(access.person, from_page(session, method, sec_fetch_site=site)) == "cross-site"
        # Even with our own origin: no browser says both.
        assert refusal(access.person, from_page(session, method, sec_fetch_site="cross-site", origin=OURS)) == "cross-site"
        for origin in ("", "null", "http://evil.example", "http://127.0.0.1:8001", "https://127.0.0.1:8000", OURS + "/"):
            assert refusal(access.person, from_page(session, method, sec_fetch_site="", origin=origin)) == "cross-site"
        assert access.person(from_page(session, method, sec_fetch_site="", origin=OURS)).name
        assert access.person(from_page(session, method, origin="null")).name


def test_a_change_needs_the_token_of_this_session(server: Server, access: Access) -> None:
    session, other = session_of(server), session_of(server)
    for token in ("", csrf_token(other), csrf_token(session)[:-1], csrf_token(session).upper(), session, "é"):
        assert refusal(access.person, from_page(session, x_csrf_token=token)) == "cross-site"


def test_reading_needs_no_token_of_a_form(server: Server, access: Access) -> None:
    session = session_of(server)
    for method in ("GET", "HEAD"):
        assert access.person(request(method, cookie=f"veche={session}", sec_fetch_site="cross-site")).name


def test_over_https_the_cookie_is_one_that_no_neighbour_can_set(server: Server) -> None:
    settings = Settings(data=server.settings.data, base_url="https://vote.example.org/")
    access = Access(server.storage.database, server.clock, settings)
    session = session_of(server)
    assert (access.cookie, access.secure) == ("__Host-veche", True)
    assert access.person(request(cookie=f"__Host-veche={session}")).name
    assert refusal(access.person, request(cookie=f"veche={session}")) == "not-signed-in"
    sent = {"cookie": f"__Host-veche={session}", "x_csrf_token": csrf_token(session)}
    assert access.person(request("POST", origin="https://vote.example.org", **sent)).name
    assert refusal(access.person, request("POST", origin="http://vote.example.org", **sent)) == "cross-site"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Vote.Example.org", "https://vote.example.org"),
        ("https://vote.example.org:443/", "https://vote.example.org"),
        ("https://vote.example.org:8443", "https://vote.example.org:8443"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://пример.рф", "https://xn--e1afmkfd.xn--p1ai"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(url: str, origin: str) -> None:
    assert origin_of(url) == origin


# --- organizers and operators ---


def test_an_organizer_is_one_of_exactly_this_campaign(server: Server, access: Access) -> None:
    here, there, session = campaign(server), campaign(server, "2028-06"), session_of(server)
    seen = request(cookie=f"veche={session}")
    number = account(server)
    # The right to make campaigns opens none of other people's.
    assert refusal(access.organizer, seen, here) == "not-allowed"
    with server.storage.database.writing() as connection:
        assign_role(connection, here, number, "organizer")
        assign_role(connection, there, number, "trustee", 1)
    assert access.organizer(seen, here).id == number
    assert refusal(access.organizer, seen, there) == "not-allowed"
    assert refusal(access.organizer, seen, "no-such") == "not-allowed"
    assert refusal(access.organizer, request(), here) == "not-signed-in"
    assert refusal(access.organizer, from_page(session, x_csrf_token=""), here) == "cross-site"


def test_who_may_not_look_cannot_tell_whether_a_campaign_exists(server: Server, access: Access) -> None:
    here, seen = campaign(server), request(cookie=f"veche={session_of(server)}")
    told = set()
    for name in (here, "no-such"):
        with pytest.raises(Refused) as refused:
            access.organizer(seen, name)
        told.add(refused.value.message)
    assert len(told) == 1


def test_an_operator_is_one_by_the_account(server: Server, access: Access) -> None:
    assert refusal(access.operator, request(cookie=f"veche={session_of(server)}")) == "not-allowed"
    assert refusal(access.operator, request()) == "not-signed-in"
    session = session_of(server, "olga@example.org", operator=True)
    assert access.operator(request(cookie=f"veche={session}")).operator


# --- invitations ---


def test_an_invitation_speaks_for_one_role_of_one_campaign(server: Server, access: Access) -> None:
    here, there = campaign(server), campaign(server, "2028-06")
    token = invitation(server, here)
    for written in (f"Bearer {token}", f"bearer {token}"):
        found = access.invited(request("PUT", authorization=written), "trustee", here)
        assert found == Invited(found.account, "bob", here, "trustee", 2)
    asked = request(authorization=f"Bearer {token}")
    assert refusal(access.invited, asked, "registrar", here) == "not-allowed"
    assert refusal(access.invited, asked, "trustee", there) == "not-allowed"


def test_what_is_no_invitation_is_refused(server: Server, access: Access) -> None:
    here = campaign(server)
    token, session, login = invitation(server, here), session_of(server, "bob@example.org"), login_token(server, "bob@example.org")
    bearers = (f"Bearer {one}" for one in ("", f"{token}x", session, login, "x" * 5000))
    for written in ("", token, f"Basic {token}", *bearers):
        assert refusal(access.invited, request(authorization=written), "trustee", here) == "not-signed-in", written
    # A browser sends cookies by itself, so a cookie is none.
    assert refusal(access.invited, request(cookie=f"veche={token}"), "trustee", here) == "not-signed-in"
    assert refusal(access.person, request(cookie=f"veche={token}")) == "not-signed-in"


def test_an_invitation_ends(server: Server, access: Access, clock: HandClock) -> None:
    here, number = campaign(server), account(server, "bob@example.org")

    def refused_after(change: Callable[[Connection], object]) -> bool:
        asked = request(authorization=f"Bearer {invitation(server, here)}")
        assert access.invited(asked, "trustee", here).name
        with server.storage.database.writing() as connection:
            change(connection)
        return refusal(access.invited, asked, "trustee", here) == "not-signed-in"

    assert refused_after(lambda connection: revoke_invitations(connection, here, number))
    assert refused_after(lambda connection: connection.execute(update(links).values(expires_at=clock.now())))
    # The invitation stays, the role is gone.
    assert refused_after(lambda connection: connection.execute(roles.delete()))
    assert refused_after(lambda connection: disable_account(connection, number))


def test_no_secret_is_shown_by_what_stands_for_who_asks(server: Server, access: Access) -> None:
    session = session_of(server)
    signed_in = access.signed_in(request(cookie=f"veche={session}"))
    assert signed_in is not None
    shown = repr(signed_in) + str(signed_in)
    assert session not in shown and csrf_token(session) not in shown
    assert signed_in.csrf == csrf_token(session)
