"""Mails: plain text, Russian and English in one, nothing in them that tells us whether they were read.

A job says whom to write to and why. The link is made when the mail is sent, so that no token ever waits in the table of jobs; if
the mail cannot be handed over, its link is deleted again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime, make_msgid
from ipaddress import ip_address
from typing import Final
from urllib.parse import quote, unquote, urlsplit

import aiosmtplib
from sqlalchemy import Connection, delete

from veche.crypto.canonical_json import Json, integer, text
from veche.crypto.errors import Malformed, Unsupported, one_line
from veche.service.access import Person, person_by_id, role_of
from veche.service.accounts import INVITATION, LOGIN, account_by_email, make_link, normal_email
from veche.service.audit_trail import note
from veche.service.server import Server
from veche.service.settings import Settings
from veche.service.tables import links
from veche.service.tokens import token_hash

SECONDS: Final = 30
"""How long the mail server may take for one step."""

_PORTS: Final = {"smtp": 25, "smtps": 465}


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to one person. Its text may hold a link: no repr."""

    to: str
    subject: str
    text: str = field(repr=False)


def login_link(settings: Settings, token: str) -> str:
    """What a person opens to sign in."""
    return f"{settings.public_url}/login/{token}"


def invitation_link(settings: Settings, role: str, campaign: str, token: str) -> str:
    """What a trustee or registrar opens, or gives to the command line; the token is behind `#`, which no browser sends."""
    return f"{settings.public_url}/{role}/{quote(campaign, safe='')}#{token}"


def send_letter_of(server: Server, payload: dict[str, Json]) -> None:
    """The work of a job `mail`: {"letter": "login", "email"}, or {"letter": "invitation", "account", "campaign", "role"}.

    Nothing is sent when there is no such account any more. Raises Unsupported `mail-not-sent`, Malformed `letter`.
    """
    now = server.clock.now()
    with server.storage.database.writing() as connection:
        made = _made(connection, server.settings, payload, now)
    if made is None:
        return
    letter, token = made
    try:
        send(server.settings, letter, now)
    except Unsupported:
        with server.storage.database.writing() as connection:
            connection.execute(delete(links).where(links.c.token == token_hash(token)))
        raise


def send(settings: Settings, letter: Letter, now: int) -> None:
    """The mail server has the letter. Raises Malformed `email`, Unsupported `no-mail-server`, `mail-not-sent`.

    None of them says what was written.
    """
    if not settings.smtp:
        raise Unsupported("no-mail-server", "no mail can be sent: VECHE_SMTP is not set")
    try:
        asyncio.run(_send(settings, _message(settings, letter, now)))
    except aiosmtplib.SMTPResponseException as error:
        raise Unsupported("mail-not-sent", f"the mail server refused the mail with {error.code}") from None
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        # The library's own words may repeat the letter.
        raise Unsupported("mail-not-sent", f"the mail could not be handed over: {type(error).__name__}") from None


async def _send(settings: Settings, message: EmailMessage) -> None:
    parts = urlsplit(settings.smtp)
    host, user = parts.hostname or "", parts.username
    secure = parts.scheme == "smtps"
    # A password never travels in the open, except within this machine; without one, encryption is used where it is offered.
    must = None if secure or user is None or _is_here(host) else True
    await aiosmtplib.send(
        message,
        hostname=host,
        port=parts.port or _PORTS[parts.scheme],
        username=None if user is None else unquote(user),
        password=None if parts.password is None else unquote(parts.password),
        use_tls=secure,
        start_tls=False if secure else must,
        timeout=SECONDS,
    )


def _message(settings: Settings, letter: Letter, now: int) -> EmailMessage:
    """The letter as it goes out. The library refuses a header with a line break in it; ours are one line in any case."""
    message = EmailMessage(policy=WIRE)
    domain = settings.mail_from.rpartition("@")[2].strip(" >") or "localhost"
    message["From"] = settings.mail_from
    message["To"] = Address(addr_spec=normal_email(letter.to))
    message["Subject"] = one_line(letter.subject)
    message["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    message["Message-ID"] = make_msgid(domain=domain)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text, charset="utf-8", cte="quoted-printable")
    return message


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _made(connection: Connection, settings: Settings, payload: dict[str, Json], now: int) -> tuple[Letter, str] | None:
    """The letter of this job and the token in it."""
    kind = text(payload.get("letter"))
    if kind == LOGIN:
        return _login(connection, settings, text(payload.get("email")), now)
    if kind == INVITATION:
        account, campaign, role = integer(payload.get("account")), text(payload.get("campaign")), text(payload.get("role"))
        return _invitation(connection, settings, account, campaign, role, now)
    raise Malformed("letter", f'there is no letter of kind "{kind[:40]}"')


def _login(connection: Connection, settings: Settings, email: str, now: int) -> tuple[Letter, str] | None:
    person = account_by_email(connection, email)
    if person is None:
        return None
    token = make_link(connection, person.id, LOGIN, now)
    note(connection, now, person.id, None, None, "login-mailed")
    body = _LOGIN_TEXT.format(**_told(settings, person, login_link(settings, token)))
    return Letter(person.email, "Veche: вход / signing in", body), token


def _invitation(
    connection: Connection, settings: Settings, account: int, campaign: str, role: str, now: int
) -> tuple[Letter, str] | None:
    person = person_by_id(connection, account)
    if person is None or role not in _ROLES or role_of(connection, campaign, account) != role:
        return None
    token = make_link(connection, account, INVITATION, now, campaign)
    note(connection, now, None, campaign, None, "invitation-mailed", about=account, role=role)
    told = _told(settings, person, invitation_link(settings, role, campaign, token))
    russian, english = _ROLES[role]
    body = _INVITATION_TEXT.format(**told, campaign=one_line(campaign), russian=russian, english=english)
    return Letter(person.email, f"Veche: приглашение / invitation, {campaign}", body), token


def _told(settings: Settings, person: Person, link: str) -> dict[str, str]:
    return {"name": one_line(person.name), "link": link, "host": settings.public_url}


_ROLES: Final = {
    "trustee": ("хранителем ключа", "a trustee"),
    "registrar": ("регистратором", "the registrar"),
}

_LOGIN_TEXT: Final = """\
Здравствуйте, {name}!

Кто-то (надеемся, вы) попросил ссылку для входа на {host}. Она действует 30 минут и только один раз:

{link}

Если вы её не просили, ничего делать не нужно. Никому не пересылайте это письмо.

--------

Hello {name},

somebody, we hope you, asked for a link to sign in at {host}. It works for 30 minutes and once only:

{link}

If it was not you, there is nothing to do. Do not forward this mail to anybody.
"""

_INVITATION_TEXT: Final = """\
Здравствуйте, {name}!

Вас приглашают быть {russian} в голосовании «{campaign}» на {host}. Ваша личная ссылка:

{link}

Она говорит от вашего имени, пока её не отзовут: храните её и никому не пересылайте.

--------

Hello {name},

you are invited to be {english} of the vote "{campaign}" at {host}. Your personal link:

{link}

It speaks for you until it is revoked: keep it, and do not forward it to anybody.
"""
