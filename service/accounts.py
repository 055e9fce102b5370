"""People's accounts, their roles in campaigns, and the links by which they come in. Pure SQL on a connection.

An account is its e-mail address, written in one way only, so that nobody gets two roles of a campaign by writing it differently.
Links are kept as SHA-256 (`service.tokens`): a token is known to whoever was given it and to nobody else.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from veche.crypto.errors import Malformed, Refused, said
from veche.service.access import Person, person_of
from veche.service.sessions import end_sessions_of
from veche.service.tables import accounts, campaigns, links, roles
from veche.service.tokens import new_token, token_hash

LOGIN_SECONDS: Final = 1800
"""How long a link that was sent by mail lets somebody in."""

PRINTED_SECONDS: Final = 86_400
"""How long a link that the command line printed does."""

ROLES: Final = ("organizer", "registrar", "trustee")
LOGIN: Final = "login"
INVITATION: Final = "invitation"

_KEPT: Final = 86_400
"""Seconds for which a link to sign in stands in the database after its time is over."""

MAX_EMAIL: Final = 254
MAX_NAME: Final = 200
MAX_PLACE: Final = 1000

# Domains with these mean one thing to RFC 3490 and another to RFC 5891: the mail could reach somebody else.
_AMBIGUOUS: Final = frozenset("ßς\u200c\u200d")
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_EMAIL: Final = re.compile(rf"[a-z0-9!#$%&'*+/=?^_`{{|}}~.-]{{1,64}}@{_LABEL}(?:\.{_LABEL})*")


@dataclass(frozen=True, slots=True)
class Account:
    """A person, whether the account is disabled, and the roles it has: campaign, role and place."""

    person: Person
    disabled: bool
    roles: tuple[tuple[str, str, int | None], ...]


def normal_email(email: str) -> str:
    """The one way in which this address is written here: trimmed, small letters, the domain in its ASCII form.

    Raises Malformed `email`. Quoted names and names in other than Latin letters are no addresses here: nothing that a mail's header
    or a page could take for something else is ever stored.
    """
    name, _, domain = email.strip().rpartition("@")
    try:
        fit = len(email) <= MAX_EMAIL and name.isascii() and domain.isprintable() and _AMBIGUOUS.isdisjoint(domain.lower())
        # The codec has the rules of RFC 3490: an empty or too long label is refused, what cannot be seen would be left out.
        found = f"{name}@{domain.encode('idna').decode('ascii')}".lower() if fit else ""
    except UnicodeError:
        found = ""
    if len(found) > MAX_EMAIL or _EMAIL.fullmatch(found) is None:
        raise Malformed("email", said('"%(email)s" is no e-mail address, like name@example.org', email=email[:80]))
    return found


def normal_name(name: str) -> str:
    """A person's name, trimmed: one line of 1 to 200 printable characters. Raises Malformed `name`."""
    found = unicodedata.normalize("NFC", name).strip()
    if not found or len(found) > MAX_NAME or not found.isprintable():
        told = said('"%(name)s" is no name: one line of 1 to %(most)s characters that can be seen', name=name[:80], most=MAX_NAME)
        raise Malformed("name", told)
    return found


def create_account(
    connection: Connection, email: str, name: str, now: int, *, organizer: bool = False, operator: bool = False
) -> int:
    """The new account's number. Raises Malformed `email`, `name`, and Refused `account-exists`."""
    values = {
        "email": normal_email(email),
        "name": normal_name(name),
        "organizer": organizer,
        "operator": operator,
        "disabled": False,
        "created_at": now,
    }
    try:
        return int(connection.execute(insert(accounts).values(values).returning(accounts.c.id)).scalar_one())
    except IntegrityError as error:
        raise Refused("account-exists", f"there is an account with the address {values['email']} already") from error


def account_by_email(connection: Connection, email: str) -> Person | None:
    """The person with this address, however it is written; None when there is none or the account is disabled."""
    try:
        normal = normal_email(email)
    except Malformed:
        return None
    found = connection.execute(select(accounts).where(accounts.c.email == normal, accounts.c.disabled.is_(False))).one_or_none()
    return None if found is None else person_of(found)


def existing_account(connection: Connection, email: str) -> Person:
    """The person with this address. Raises Refused `no-account` when there is none or the account is disabled."""
    found = account_by_email(connection, email)
    if found is None:
        raise Refused("no-account", f'there is no account with the address "{email[:80]}", or it is disabled')
    return found


def all_accounts(connection: Connection) -> list[Account]:
    """Every account, by its address."""
    held: dict[int, list[tuple[str, str, int | None]]] = {}
    for row in connection.execute(select(roles).order_by(roles.c.campaign)):
        held.setdefault(row.account, []).append((row.campaign, row.role, row.place))
    rows = connection.execute(select(accounts).order_by(accounts.c.email))
    return [Account(person_of(row), row.disabled, tuple(held.get(row.id, ()))) for row in rows]


def disable_account(connection: Connection, account: int) -> None:
    """Nobody gets in by this account any more: its sessions have ended, its links and invitations are revoked. Its roles stay."""
    connection.execute(update(accounts).where(accounts.c.id == account).values(disabled=True))
    connection.execute(update(links).where(links.c.account == account).values(revoked=True))
    end_sessions_of(connection, account)


def erase_account(connection: Connection, email: str) -> int:
    """Nothing tells any more whose account it was; its number, which stays in the audit trail and in roles, is given back.

    Raises Refused `no-account`, and `account-in-use` until it is disabled: first it is decided that somebody goes, then erased.
    """
    found = connection.execute(select(accounts).where(accounts.c.email == normal_email(email))).one_or_none()
    if found is None:
        raise Refused("no-account", f'there is no account with the address "{email[:80]}"')
    if not found.disabled:
        raise Refused("account-in-use", "this account still lets somebody in: disable it first (veche account disable)")
    connection.execute(delete(links).where(links.c.account == found.id))
    gone = {"email": f"erased-{found.id}@erased.invalid", "name": "erased", "organizer": False, "operator": False}
    connection.execute(update(accounts).where(accounts.c.id == found.id).values(gone))
    return int(found.id)


def assign_role(connection: Connection, campaign: str, account: int, role: str, place: int | None = None) -> None:
    """The account has this role in this campaign; nothing changes when it has it already.

    Raises Refused `two-roles` when it has another role there, `place-taken` when another trustee has that place, or it another one;
    `no-campaign` when there is none, and Malformed `role`.
    """
    _verify_role(role, place)
    # The campaign's row is held, so that two people cannot be given the same place at the same moment.
    if connection.execute(select(campaigns.c.id).where(campaigns.c.id == campaign).with_for_update()).first() is None:
        raise Refused("no-campaign", f'there is no campaign "{campaign[:80]}"')
    held = connection.execute(select(roles).where(roles.c.campaign == campaign, roles.c.account == account)).one_or_none()
    if held is not None and held.role != role:
        raise Refused("two-roles", f"this account is {held.role} of {campaign}; nobody has two roles in one campaign")
    _verify_place_free(connection, campaign, account, held.place if held is not None else None, place)
    values = {"campaign": campaign, "account": account, "role": role, "place": place}
    if held is None:
        connection.execute(insert(roles).values(values))
    elif held.place is None and place is not None:
        connection.execute(update(roles).where(roles.c.campaign == campaign, roles.c.account == account).values(place=place))


def make_link(
    connection: Connection, account: int, purpose: str, now: int, campaign: str | None = None, expires_at: int | None = None
) -> str:
    """The token of a new link, which is kept nowhere else.

    `login` lets the account sign in once, within 30 minutes unless `expires_at` says otherwise; `invitation` speaks for it in
    `campaign` until it is revoked or expires. Raises Malformed `link`.
    """
    if purpose not in (LOGIN, INVITATION) or (purpose == INVITATION) != (campaign is not None):
        raise Malformed("link", "a link is a login, or an invitation to a campaign")
    if purpose == LOGIN and expires_at is None:
        expires_at = now + LOGIN_SECONDS
    # Links to sign in that are over say when somebody came: they are not kept.
    connection.execute(delete(links).where(links.c.purpose == LOGIN, links.c.expires_at < now - _KEPT))
    token = new_token()
    values = {
        "token": token_hash(token),
        "purpose": purpose,
        "account": account,
        "campaign": campaign,
        "expires_at": expires_at,
        "revoked": False,
    }
    connection.execute(insert(links).values(values))
    return token


def use_login_link(connection: Connection, token: str, now: int) -> Person | None:
    """Whom this link lets in; it never will again. None when it is unknown, used, too old or revoked, which is not told apart."""
    # One statement both asks and marks: of two requests at the same moment one gets in.
    used = (
        update(links)
        .where(
            links.c.token == token_hash(token),
            links.c.purpose == LOGIN,
            links.c.used_at.is_(None),
            links.c.revoked.is_(False),
            links.c.expires_at > now,
        )
        .values(used_at=now)
        .returning(links.c.account)
    )
    account = connection.execute(used).scalar_one_or_none()
    # Asked in any case, so that a link that was good takes no other time than one that is not.
    query = select(accounts).where(accounts.c.id == (0 if account is None else account), accounts.c.disabled.is_(False))
    found = connection.execute(query).one_or_none()
    return None if found is None else person_of(found)


def revoke_invitations(connection: Connection, campaign: str, account: int) -> int:
    """How many invitations of this account to this campaign speak for it no more. Its role stays, so that no other one is given."""
    given = (links.c.account == account, links.c.campaign == campaign, links.c.purpose == INVITATION)
    return int(connection.execute(update(links).where(*given, links.c.revoked.is_(False)).values(revoked=True)).rowcount)


def _verify_role(role: str, place: int | None) -> None:
    if role not in ROLES:
        raise Malformed("role", f'"{role[:40]}" is no role: {", ".join(ROLES)}')
    if place is not None and (role != "trustee" or not 1 <= place <= MAX_PLACE):
        raise Malformed("role", f"a trustee alone has a place, from 1 to {MAX_PLACE}")


def _verify_place_free(connection: Connection, campaign: str, account: int, held: int | None, place: int | None) -> None:
    if place is None or place == held:
        return
    if held is not None:
        raise Refused("place-taken", f"this trustee has place {held} in {campaign} already")
    taken = select(roles.c.account).where(roles.c.campaign == campaign, roles.c.place == place, roles.c.account != account)
    if connection.execute(taken).first() is not None:
        raise Refused("place-taken", f"another trustee has place {place} in {campaign}")
