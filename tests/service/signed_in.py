"""People with accounts, and clients of the application that are signed in as one of them."""

from __future__ import annotations

import re
from html import unescape

from starlette.testclient import TestClient

from veche.service.accounts import LOGIN, account_by_email, create_account, make_link
from veche.service.server import Server

SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


def account(server: Server, email: str = "anna@example.org", *, organizer: bool = True, operator: bool = False) -> int:
    """The number of this person's account, made where it is missing."""
    with server.storage.database.writing() as connection:
        found = account_by_email(connection, email)
        if found is not None:
            return found.id
        name, now = email.partition("@")[0], server.clock.now()
        return create_account(connection, email, name, now, organizer=organizer, operator=operator)


def login_token(server: Server, email: str = "anna@example.org") -> str:
    """The token of a link that lets this person in once."""
    with server.storage.database.writing() as connection:
        found = account_by_email(connection, email)
        assert found is not None
        return make_link(connection, found.id, LOGIN, server.clock.now())


def sign_in(client: TestClient, server: Server, email: str = "anna@example.org") -> str:
    """The client has the session's cookie, and sends with everything what a page of ours would; the token of its forms.

    The account is made if there is none, of somebody who may make campaigns.
    """
    account(server, email)
    client.headers.update(SAME_SITE)
    answer = client.post("/sign-in", data={"token": login_token(server, email)}, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    token = str(client.get("/api/session").json()["csrf"])
    client.headers["X-CSRF-Token"] = token
    return token


def text_of(page: str) -> str:
    """What a reader sees of a page: tags taken away, entities resolved."""
    return unescape(re.sub(r"<[^>]*>", "", page))
