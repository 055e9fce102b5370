"""The people of a campaign: its organizers, its trustees and its registrar, and the invitations that let them work.

An invitation's link is shown once, to the organizer who made it, and a new one makes the one before worthless. The trail names
accounts by number, never by address.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select

from veche.crypto.canonical_json import Json
from veche.crypto.errors import Refused
from veche.service.access import role_of
from veche.service.accounts import (
    INVITATION,
    account_by_email,
    assign_role,
    create_account,
    existing_account,
    make_link,
    revoke_invitations,
)
from veche.service.audit_trail import note
from veche.service.campaigns import campaign_of
from veche.service.ceremonies import runs_of
from veche.service.jobs import queue_job
from veche.service.tables import accounts, roles


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody with a role in a campaign; a trustee has a place, or none when a ceremony named it."""

    account: int
    name: str
    email: str
    role: str
    place: int | None

    def to_json(self) -> dict[str, Json]:
        return {"account": self.account, "name": self.name, "email": self.email, "role": self.role, "place": self.place}


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link to be handed to one person, kept nowhere; None when it goes there by mail, past the organizers' eyes."""

    member: Member
    link: str | None = field(repr=False)

    def to_json(self) -> dict[str, Json]:
        return {**self.member.to_json(), "link": self.link}


@dataclass(frozen=True, slots=True)
class Inviting:
    """One organizer at work on one campaign, in one transaction. `base` is how people reach the server.

    With `by_mail` invitations are mailed and shown to nobody: whoever has a link acts in that person's name.
    """

    connection: Connection
    campaign: str
    base: str
    account: int
    now: int
    by_mail: bool = False

    def organizer(self, email: str) -> Member:
        """The person with this address is an organizer of the campaign, too.

        Raises Refused `no-account`, `no-organizer` when the account may not organize, or `two-roles`.
        """
        person = existing_account(self.connection, email)
        if not person.organizer:
            raise Refused("no-organizer", "this account is no organizer's; the operator makes those (veche account)")
        assign_role(self.connection, self.campaign, person.id, "organizer")
        self._note("organizer-added", person.id)
        return Member(person.id, person.name, person.email, "organizer", None)

    def registrar(self, name: str, email: str) -> Invitation:
        """The registrar's invitation; one registrar serves a campaign. Raises Refused `two-roles`, `registrar-there`."""
        account = self._account(name, email)
        others = [one for one in members_of(self.connection, self.campaign) if one.role == "registrar" and one.account != account]
        if others:
            raise Refused("registrar-there", f"{others[0].name} is the registrar of this campaign already")
        assign_role(self.connection, self.campaign, account, "registrar")
        return self._invitation(account)

    def trustees(self) -> list[Invitation]:
        """An invitation for each trustee whom the plan names, and for those added since, but for whom a ceremony has named."""
        planned = campaign_of(self.connection, self.campaign, lock=True).trustees
        if not runs_of(self.connection, self.campaign):
            for place, one in enumerate(planned, 1):
                account = self._account(one.name, one.email)
                if role_of(self.connection, self.campaign, account) != "trustee":
                    assign_role(self.connection, self.campaign, account, "trustee", place)
        members = members_of(self.connection, self.campaign)
        found = [one.account for one in members if one.role == "trustee" and one.place is not None]
        if not found:
            raise Refused("trustees-few", "the plan of this campaign names no trustees")
        return [self._invitation(account) for account in found]

    def trustee(self, name: str, email: str) -> Invitation:
        """One more trustee for the next ceremony, or one whom the last had named; only between two ceremonies.

        Raises Refused `ceremony-goes-on`, `two-roles`.
        """
        campaign_of(self.connection, self.campaign, lock=True)
        runs = runs_of(self.connection, self.campaign)
        if runs and runs[-1].status != "ended":
            raise Refused(
                "ceremony-goes-on", "the trustees are at work, or have made their keys; nobody can be added"
            )
        account = self._account(name, email)
        held = next((one for one in members_of(self.connection, self.campaign) if one.account == account), None)
        if held is None or held.place is None:
            last = select(func.max(roles.c.place)).where(roles.c.campaign == self.campaign)
            place = (self.connection.execute(last).scalar_one_or_none() or 0) + 1
            assign_role(self.connection, self.campaign, account, "trustee", place)
        return self._invitation(account)

    def _account(self, name: str, email: str) -> int:
        person = account_by_email(self.connection, email)
        return create_account(self.connection, email, name, self.now) if person is None else person.id

    def _invitation(self, account: int) -> Invitation:
        revoke_invitations(self.connection, self.campaign, account)
        member = next(one for one in members_of(self.connection, self.campaign) if one.account == account)
        self._note("invited", account, role=member.role, by_mail=self.by_mail)
        if self.by_mail:
            letter: dict[str, Json] = {"letter": "invitation", "account": account, "campaign": self.campaign, "role": member.role}
            queue_job(self.connection, "mail", f"invitation:{self.campaign}:{account}", letter, self.now)
            return Invitation(member, None)
        token = make_link(self.connection, account, INVITATION, self.now, self.campaign)
        # A fragment: browsers and our tool keep it to themselves, so no server's log of addresses ever holds it.
        return Invitation(member, f"{self.base}/{member.role}/{self.campaign}#{token}")

    def _note(self, action: str, account: int, **details: Json) -> None:
        note(self.connection, self.now, self.account, self.campaign, None, action, member=account, **details)


def members_of(connection: Connection, campaign: str) -> list[Member]:
    """Everybody with a role in this campaign: by role, then by place and name."""
    query = (
        select(roles.c.account, accounts.c.name, accounts.c.email, roles.c.role, roles.c.place)
        .join(accounts, accounts.c.id == roles.c.account)
        .where(roles.c.campaign == campaign)
        .order_by(roles.c.role, roles.c.place, accounts.c.name, roles.c.account)
    )
    return [Member(**row._mapping) for row in connection.execute(query)]
