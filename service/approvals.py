"""What one organizer asks for and a second one of the same campaign must approve: sealing, cancelling, annulling.

One account alone can thus neither fix a list of credentials nor end an election. What is approved is written down when it is asked
for; whoever approves sees exactly that, and it is refused when it no longer holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Row, Select, insert, select, update

from veche.crypto.canonical_json import Json, encode, parse
from veche.crypto.errors import Refused
from veche.service.tables import accounts, approvals

ACTIONS: Final = ("seal", "cancel", "annul")


@dataclass(frozen=True, slots=True)
class Approval:
    """A request as it stands: `status` is asked, done, refused or withdrawn; `asker` is the name of who asked."""

    id: int
    campaign: str
    uuid: str
    action: str
    details: dict[str, Json]
    asked_by: int
    asker: str
    asked_at: int
    status: str
    decided_by: int | None
    decided_at: int | None

    def to_json(self) -> dict[str, Json]:
        """The request as the interface shows it."""
        return {
            "id": self.id,
            "election": self.uuid,
            "action": self.action,
            "details": self.details,
            "asked_by": self.asker,
            "asked_at": self.asked_at,
            "status": self.status,
            "decided_at": self.decided_at,
        }


def ask(
    connection: Connection, campaign: str, uuid: str, action: str, details: dict[str, Json], account: int, now: int
) -> Approval:
    """The request waits for a second organizer. Raises Refused `already-asked` while the same waits already.

    The caller holds the election's row, so that the same is not asked twice at one moment.
    """
    waiting = (approvals.c.uuid == uuid, approvals.c.action == action, approvals.c.status == "asked")
    if connection.execute(select(approvals.c.id).where(*waiting)).first() is not None:
        raise Refused("already-asked", f"{action} was asked for already and waits for a second organizer")
    values = {
        "campaign": campaign,
        "uuid": uuid,
        "action": action,
        "details": encode(details).decode("utf-8"),
        "asked_by": account,
        "asked_at": now,
        "status": "asked",
    }
    made = connection.execute(insert(approvals).values(values).returning(approvals.c.id)).scalar_one()
    return approval_of(connection, campaign, int(made))


def approval_of(connection: Connection, campaign: str, number: int) -> Approval:
    """This request of this campaign. Raises Refused `no-approval`."""
    row = connection.execute(_query().where(approvals.c.campaign == campaign, approvals.c.id == number)).one_or_none()
    if row is None:
        raise Refused("no-approval", f"campaign {campaign[:64]} has no request {number}")
    return _approval(row)


def approvals_of(connection: Connection, campaign: str, waiting: bool = False) -> list[Approval]:
    """The campaign's requests, newest first, at most 500; with `waiting` those that nobody has decided on."""
    query = _query().where(approvals.c.campaign == campaign).order_by(approvals.c.id.desc()).limit(500)
    return [_approval(row) for row in connection.execute(query.where(approvals.c.status == "asked") if waiting else query)]


def approved_seal(connection: Connection, uuid: str) -> Approval | None:
    """The newest approved request to seal this election, or None."""
    query = _query().where(approvals.c.uuid == uuid, approvals.c.action == "seal", approvals.c.status == "done")
    row = connection.execute(query.order_by(approvals.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _approval(row)


def verify_second(approval: Approval, account: int) -> None:
    """Check that this account may approve: another organizer than the one who asked. Raises Refused `second-organizer`."""
    if approval.asked_by == account:
        raise Refused("second-organizer", "you asked for this yourself; another organizer of the campaign must approve it")


def decide(connection: Connection, approval: Approval, status: str, account: int, now: int) -> None:
    """The request has ended with this status. Raises Refused `already-decided` when somebody was quicker."""
    changed = connection.execute(
        update(approvals)
        .where(approvals.c.id == approval.id, approvals.c.status == "asked")
        .values(status=status, decided_by=account, decided_at=now)
    )
    if changed.rowcount != 1:
        raise Refused("already-decided", f"request {approval.id} waits no longer: it was decided on or withdrawn")


def _query() -> Select[tuple[object, ...]]:
    columns = [approvals.c[name] for name in Approval.__slots__ if name != "asker"]
    return select(*columns, accounts.c.name.label("asker")).join(accounts, accounts.c.id == approvals.c.asked_by)


def _approval(row: Row[tuple[object, ...]]) -> Approval:
    found = parse(row.details.encode("utf-8"))
    return Approval(**{**row._mapping, "details": found if isinstance(found, dict) else {}})
