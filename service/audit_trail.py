"""Everything an organizer, registrar, trustee or timer did: who, when, what. Rows are only ever added.

A note is written in the same transaction as what it tells of, so there is neither an act without a note nor a note without an act.
It holds no secret and nothing about a voter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, insert, select

from veche.crypto.canonical_json import Json, encode, parse
from veche.service.tables import accounts, audit_trail

SHOWN: Final = 500
"""Notes in one answer, at most."""


@dataclass(frozen=True, slots=True)
class Note:
    """One act. `number` grows; `who` is None for the server's own timers; `details` are the act's values."""

    number: int
    time: int
    who: str | None
    uuid: str | None
    action: str
    details: dict[str, Json]

    def to_json(self) -> dict[str, Json]:
        """The note as the interface shows it."""
        return {
            "number": self.number,
            "time": self.time,
            "who": self.who,
            "election": self.uuid,
            "action": self.action,
            "details": self.details,
        }


def note(
    connection: Connection, now: int, account: int | None, campaign: str | None, uuid: str | None, action: str, **details: Json
) -> None:
    """The act is in the trail as soon as this transaction is committed. `account` None: the server itself, by its timers."""
    values = {
        "time": now,
        "account": account,
        "campaign": campaign,
        "uuid": uuid,
        "action": action,
        "details": encode(details).decode(),
    }
    connection.execute(insert(audit_trail).values(values))


def notes_of(
    connection: Connection, campaign: str, before: int | None = None, uuid: str | None = None, most: int = SHOWN
) -> list[Note]:
    """The newest notes of this campaign, or with `uuid` of this contest alone, newest first; with `before` those older."""
    trail = audit_trail
    query = (
        select(trail.c.id, trail.c.time, accounts.c.name, accounts.c.email, trail.c.uuid, trail.c.action, trail.c.details)
        .select_from(trail.outerjoin(accounts, accounts.c.id == trail.c.account))
        .where(trail.c.campaign == campaign)
        .order_by(trail.c.id.desc())
        .limit(min(most, SHOWN))
    )
    if before is not None:
        query = query.where(trail.c.id < before)
    if uuid is not None:
        query = query.where(trail.c.uuid == uuid)
    return [
        Note(
            row.id,
            row.time,
            None if row.email is None else f"{row.name} <{row.email}>",
            row.uuid,
            row.action,
            _details(row.details),
        )
        for row in connection.execute(query)
    ]


def _details(raw: str) -> dict[str, Json]:
    found = parse(raw.encode("utf-8"))
    return found if isinstance(found, dict) else {}
