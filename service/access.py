"""Who asks, and whether they may: the first line of every route that is not for everybody.

People have a session and its cookie; a request that changes something must also come from our own pages (Origin or Sec-Fetch-Site)
and carry the session's form token, because a browser sends the cookie whoever made the form. Command line tools of trustees and
registrars have a bearer token instead, which no browser sends by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from sqlalchemy import Connection, Row, and_, or_, select

from veche.crypto.errors import Refused
from veche.observer.database import Database
from veche.service.clock import Clock
from veche.service.sessions import find_session, renew_session
from veche.service.settings import Settings
from veche.service.tables import accounts, links, roles
from veche.service.tokens import csrf_token, is_csrf_token, token_hash

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER: Final = "X-CSRF-Token"
CSRF_FIELD: Final = "csrf"

_SIGNED_IN: Final = "signed_in"
_BEARER: Final = "bearer "
_LONGEST_TOKEN: Final = 200


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account. `organizer` may make campaigns, `operator` may see how the server is doing."""

    id: int
    email: str
    name: str
    organizer: bool
    operator: bool


@dataclass(frozen=True, slots=True)
class Invited:
    """Who bears an invitation's token: `role` is trustee or registrar of `campaign`; a trustee may have a `place`, from 1."""

    account: int
    name: str
    campaign: str
    role: str
    place: int | None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session in use: its person, the token that its forms carry, and in how many seconds it ends if nobody uses it."""

    person: Person
    csrf: str = field(repr=False)
    left: int


class Access:
    """Each function gives who asks, or raises Refused `not-signed-in`, `not-allowed`, `cross-site`. Made once per application."""

    def __init__(self, database: Database, clock: Clock, settings: Settings) -> None:
        self._database = database
        self._clock = clock
        self._origin = origin_of(settings.public_url)
        self.secure = settings.public_url.lower().startswith("https:")
        # The prefix makes browsers refuse a cookie that a neighbouring host or an insecure page tries to set.
        self.cookie = "__Host-veche" if self.secure else "veche"

    def person(self, request: Request) -> Person:
        """Who is signed in; where the request changes something, it comes from a page of ours.

        Raises Refused `cross-site` and `not-signed-in`.
        """
        unsafe = request.method not in SAFE
        if unsafe:
            self.verify_same_site(request)
        token = self.session_token(request)
        found = None if token is None else self._signed_in(token)
        if token is None or found is None:
            raise Refused("not-signed-in", "you are not signed in, or were away for too long: sign in again")
        if unsafe and not is_csrf_token(token, _given_csrf(request)):
            raise Refused("cross-site", "this form is not one of your present session: load the page again and send it from there")
        setattr(request.state, _SIGNED_IN, found)
        return found.person

    def organizer(self, request: Request, campaign: str) -> Person:
        """The organizer of exactly this campaign who is signed in. Raises as `person`, and Refused `not-allowed`."""
        person = self.person(request)
        with self._database.reading() as connection:
            if role_of(connection, campaign, person.id) != "organizer":
                # The same words for a campaign that does not exist: who may not look learns nothing.
                raise Refused("not-allowed", "you are not an organizer of this campaign")
        return person

    def operator(self, request: Request) -> Person:
        """The operator who is signed in. Raises as `person`, and Refused `not-allowed`."""
        person = self.person(request)
        if not person.operator:
            raise Refused("not-allowed", "only an operator of this server may do this")
        return person

    def invited(self, request: Request, role: str, campaign: str) -> Invited:
        """Who bears the token of `Authorization: Bearer TOKEN`, an invitation to this role of this campaign.

        Raises Refused `not-signed-in` when it is none, or none any more; `not-allowed` when it is one of another role or campaign.
        """
        token = _bearer(request)
        found = None if token is None else self._invitation(token)
        if found is None:
            raise Refused("not-signed-in", "this needs the token of your invitation, and the one given is unknown or was revoked")
        if (found.campaign, found.role) != (campaign, role):
            raise Refused("not-allowed", f"your invitation is not one of a {role} of this campaign")
        return found

    def signed_in(self, request: Request) -> SignedIn | None:
        """Who is signed in, for pages that everybody may see; None when nobody is. Nothing may follow from it."""
        token = self.session_token(request)
        found = None if token is None else self._signed_in(token)
        if found is not None:
            setattr(request.state, _SIGNED_IN, found)
        return signed_in_by(request)

    def verify_same_site(self, request: Request) -> None:
        """Check that a page of ours made this request, where a browser did. Raises Refused `cross-site`.

        Our pages send no referrer, so that browsers say `Origin: null` with a form; but then they say Sec-Fetch-Site, which no page
        can set. Where they do not, the Origin must be ours.
        """
        site = request.headers.get("sec-fetch-site")
        ours = site == "same-origin" if site is not None else request.headers.get("origin") == self._origin
        if not ours:
            raise Refused("cross-site", "this request was not made by a page of this server")

    def session_token(self, request: Request) -> str | None:
        """The token in the session's cookie, if there is one."""
        token = request.cookies.get(self.cookie)
        return token if token and len(token) <= _LONGEST_TOKEN else None

    def _signed_in(self, token: str) -> SignedIn | None:
        now = self._clock.now()
        with self._database.reading() as connection:
            session = find_session(connection, token, now)
            person = None if session is None else person_by_id(connection, session.account)
        until = None if session is None else session.renewed_until(now)
        if until is not None:
            with self._database.writing() as connection:
                renew_session(connection, token, until)
        if session is None or person is None:
            return None
        return SignedIn(person, csrf_token(token), max(session.expires_at, until or 0) - now)

    def _invitation(self, token: str) -> Invited | None:
        now = self._clock.now()
        query = (
            select(roles.c.account, accounts.c.name, roles.c.campaign, roles.c.role, roles.c.place)
            .select_from(links)
            .join(accounts, accounts.c.id == links.c.account)
            # The role is read anew each time: an invitation alone gives none.
            .join(roles, and_(roles.c.account == links.c.account, roles.c.campaign == links.c.campaign))
            .where(
                links.c.token == token_hash(token),
                links.c.purpose == "invitation",
                links.c.revoked.is_(False),
                or_(links.c.expires_at.is_(None), links.c.expires_at > now),
                accounts.c.disabled.is_(False),
            )
        )
        with self._database.reading() as connection:
            found = connection.execute(query).one_or_none()
        return None if found is None else Invited(found.account, found.name, found.campaign, found.role, found.place)


def signed_in_by(request: Request) -> SignedIn | None:
    """Who was found to be signed in while this request was answered, for the page's head and its forms."""
    found = getattr(request.state, _SIGNED_IN, None)
    return found if isinstance(found, SignedIn) else None


def person_by_id(connection: Connection, account: int) -> Person | None:
    """The person of this account; None when there is none or it is disabled."""
    found = connection.execute(select(accounts).where(accounts.c.id == account, accounts.c.disabled.is_(False))).one_or_none()
    return None if found is None else person_of(found)


def person_of(row: Row[tuple[object, ...]]) -> Person:
    """The person that a row of the accounts describes."""
    return Person(row.id, row.email, row.name, row.organizer, row.operator)


def role_of(connection: Connection, campaign: str, account: int) -> str | None:
    """The role of this account in this campaign: organizer, registrar, trustee or None."""
    query = select(roles.c.role).where(roles.c.campaign == campaign, roles.c.account == account)
    found: str | None = connection.execute(query).scalar_one_or_none()
    return found


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL as browsers write them in `Origin`: lower case, the scheme's own port left out."""
    parts = urlsplit(url)
    host = (parts.hostname or "").encode("idna").decode() if ":" not in (parts.hostname or "") else f"[{parts.hostname}]"
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _given_csrf(request: Request) -> str:
    """The form token of this request: the header's, or that of the form that `service.form` read before."""
    found = request.headers.get(CSRF_HEADER)
    return found if found is not None else str(getattr(request.state, CSRF_FIELD, ""))


def _bearer(request: Request) -> str | None:
    given = request.headers.get("authorization", "")
    if not given.lower().startswith(_BEARER):
        return None
    token = given[len(_BEARER) :].strip()
    return token if token and len(token) <= _LONGEST_TOKEN else None
