"""The roll-call before a vote opens: which trustees have shown that they still have their keys. Design section 4.

Votes that nobody can decrypt are lost votes; the opening is the last moment to find out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, select

from veche.ballot.trustees import SingleTrustee, Trustees
from veche.service.tables import roll_calls

FRESH: Final = 7 * 86_400
"""Seconds before the announced opening from which on an answer counts: what a trustee had a month ago may be lost today."""


def answers(connection: Connection, uuid: str, opens_at: int) -> dict[int, int]:
    """The trustees (from 1) whose answer counts, and when it came, in seconds since 1970. A row of this table is after Setup."""
    table = roll_calls
    fresh = select(table.c.owner, table.c.time).where(table.c.uuid == uuid, table.c.time >= opens_at - FRESH)
    query = fresh.order_by(table.c.owner)
    return {row.owner: row.time for row in connection.execute(query)}


def complete_at(trustees: Trustees, level: str, given: Mapping[int, int]) -> int | None:
    """When the roll-call was complete: every single key, and of a group one more than must decrypt. None as long as it is not.

    At level belenios the trustees' tools know no roll-call: it is complete from the beginning.
    """
    if level != "strict":
        return 0
    reached = 0
    for number, item in enumerate(trustees.items):
        times = sorted(given[owner] for owner in trustees.numbers_of(number) if owner in given)
        needed = 1 if isinstance(item, SingleTrustee) else item.threshold + 1
        if len(times) < needed:
            return None
        reached = max(reached, times[needed - 1])
    return reached
