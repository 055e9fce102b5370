"""`veche account`: who may sign in, and invitations of trustees and registrars. Works on the database, also while the server runs.

A link is printed on stdout and kept nowhere. Whoever can run this on the server's machine is the operator: nothing else is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from veche.cli.help_text import WholeSentences
from veche.cli.terminal import answer, answer_json, tell

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from veche.crypto.canonical_json import Json
    from veche.service.accounts import Account
    from veche.service.settings import Settings

app = typer.Typer(
    cls=WholeSentences,
    no_args_is_help=True,
    help="Accounts: who may sign in, and invitations of trustees and registrars.",
)

T = TypeVar("T")

Data = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="The folder of everything that the server keeps.  [veche-data]")
]
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The account's e-mail address.")]
Campaign = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="The campaign's short name.")]


@app.command()
def create(
    email: Annotated[str, typer.Option("--email", help="The e-mail address: one account each, however it is written.")],
    name: Annotated[str, typer.Option("--name", help="The name that others see.")],
    organizer: Annotated[bool, typer.Option("--organizer", help="May make campaigns.")] = False,
    operator: Annotated[bool, typer.Option("--operator", help="May see how the server is doing.")] = False,
    data: Data = None,
) -> None:
    """Make an account. It can be signed in to with a link: by mail, or by `veche account link`."""
    from veche.service.accounts import create_account, existing_account

    def made(connection: Connection, now: int) -> str:
        number = create_account(connection, email, name, now, organizer=organizer, operator=operator)
        _note(connection, now, None, "account-created", number)
        return existing_account(connection, email).email

    with _accounts(data) as (_, change):
        tell(f"There is an account of {change(made)} now.")


@app.command()
def link(email: Email, data: Data = None) -> None:
    """Print a link that lets this account sign in once, within 24 hours."""
    from veche.service.accounts import LOGIN, PRINTED_SECONDS, existing_account, make_link
    from veche.service.mail import login_link

    def made(connection: Connection, now: int) -> str:
        person = existing_account(connection, email)
        token = make_link(connection, person.id, LOGIN, now, expires_at=now + PRINTED_SECONDS)
        _note(connection, now, None, "link-printed", person.id)
        return token

    with _accounts(data) as (settings, change):
        token = change(made)
        tell("This link lets in whoever has it, once, within 24 hours:")
        answer(login_link(settings, token))


@app.command("list")
def list_accounts(
    json: Annotated[bool, typer.Option("--json", help="As one line of JSON.")] = False,
    data: Data = None,
) -> None:
    """Show all accounts, and their roles in campaigns."""
    from veche.service.accounts import all_accounts

    with _accounts(data) as (_, change):
        found = change(lambda connection, _: all_accounts(connection))
    if json:
        answer_json([_as_json(one) for one in found])
        return
    for one in found:
        answer(_in_words(one))
    tell(f"{len(found)} accounts.")


@app.command()
def disable(email: Email, data: Data = None) -> None:
    """Let nobody in by this account any more: its sessions end, its links and invitations are revoked."""
    from veche.service.accounts import disable_account, existing_account

    def done(connection: Connection, now: int) -> str:
        person = existing_account(connection, email)
        disable_account(connection, person.id)
        _note(connection, now, None, "account-disabled", person.id)
        return person.email

    with _accounts(data) as (_, change):
        tell(f"The account of {change(done)} is disabled; what it did stays in the trail.")


@app.command()
def erase(email: Email, data: Data = None) -> None:
    """Erase address and name of a disabled account. What it did stays in the trail, under a number that names nobody.

    A trustee's name in a public record cannot be erased: whoever copied the record has it.
    """
    from veche.service.accounts import erase_account

    def done(connection: Connection, now: int) -> int:
        number = erase_account(connection, email)
        _note(connection, now, None, "account-erased", number)
        return number

    with _accounts(data) as (_, change):
        tell(f"Address and name are erased; account {change(done)} names nobody any more.")


@app.command()
def invite(
    campaign: Campaign,
    email: Email,
    role: Annotated[str, typer.Option("--role", metavar="trustee|registrar", help="What the account is to be in this campaign.")],
    place: Annotated[int | None, typer.Option("--place", metavar="N", help="A trustee's number, from 1.")] = None,
    data: Data = None,
) -> None:
    """Give an account a role in a campaign and print its invitation. Nobody has two roles in one campaign."""
    from veche.crypto.errors import Malformed
    from veche.service.accounts import INVITATION, assign_role, existing_account, make_link
    from veche.service.mail import invitation_link

    if role not in ("trustee", "registrar"):
        raise Malformed("role", f'"{role[:40]}" is not invited by a link: trustee and registrar are')

    def made(connection: Connection, now: int) -> str:
        person = existing_account(connection, email)
        assign_role(connection, campaign, person.id, role, place)
        token = make_link(connection, person.id, INVITATION, now, campaign)
        _note(connection, now, campaign, "invited", person.id, role=role)
        return token

    with _accounts(data) as (settings, change):
        token = change(made)
        tell(f"This link speaks for the {role} until it is revoked; give it to nobody else:")
        answer(invitation_link(settings, role, campaign, token))


@app.command()
def revoke(campaign: Campaign, email: Email, data: Data = None) -> None:
    """Revoke every invitation of this account to this campaign. Its role stays, so that it gets no other one."""
    from veche.service.accounts import existing_account, revoke_invitations

    def done(connection: Connection, now: int) -> int:
        person = existing_account(connection, email)
        count = revoke_invitations(connection, campaign, person.id)
        _note(connection, now, campaign, "invitations-revoked", person.id, count=count)
        return count

    with _accounts(data) as (_, change):
        tell(f"{change(done)} invitations are revoked.")


@contextmanager
def _accounts(data: Path | None) -> Iterator[tuple[Settings, Callable[[Callable[[Connection, int], T]], T]]]:
    """The settings, and what does one change in one transaction, at the time of now.

    A server that was never started has its tables made. Raises Refused `database-version`, Unsupported `no-database`.
    """
    from sqlalchemy.exc import DBAPIError

    from veche.crypto.errors import Unsupported
    from veche.observer.database import Database, why
    from veche.service.clock import SteadyClock
    from veche.service.schema import migrate, verify_current
    from veche.service.server import is_fresh
    from veche.service.settings import read_settings

    settings = read_settings(**({} if data is None else {"data": data}))
    settings.data.mkdir(mode=0o750, parents=True, exist_ok=True)
    database, clock = Database(settings.database_url), SteadyClock()

    def change(step: Callable[[Connection, int], T]) -> T:
        with database.writing() as connection:
            return step(connection, clock.now())

    try:
        if is_fresh(database):
            migrate(settings.database_url)
        verify_current(database)
        yield settings, change
    except DBAPIError as error:
        raise Unsupported("no-database", f"the database does not answer: {why(error)}") from error
    finally:
        database.close()


def _note(connection: Connection, now: int, campaign: str | None, action: str, account: int, **more: str | int) -> None:
    """The act is in the trail: done on the server's machine, so by no account."""
    from veche.service.audit_trail import note

    note(connection, now, None, campaign, None, action, by="command-line", about=account, **more)


def _as_json(one: Account) -> Json:
    return {
        "email": one.person.email,
        "name": one.person.name,
        "organizer": one.person.organizer,
        "operator": one.person.operator,
        "disabled": one.disabled,
        "roles": [{"campaign": campaign, "role": role, "place": place} for campaign, role, place in one.roles],
    }


def _in_words(one: Account) -> str:
    person = one.person
    marked = (("organizer", person.organizer), ("operator", person.operator), ("disabled", one.disabled))
    marks = [word for word, holds in marked if holds]
    held = [f"{role} of {campaign}" if place is None else f"{role} {place} of {campaign}" for campaign, role, place in one.roles]
    told = ", ".join((*marks, *held))
    return f"{person.email}  {person.name}" + (f"  ({told})" if told else "")
