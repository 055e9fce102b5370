"""Entries of the database beside what the log has signed: read in pieces, compared, and the two refusals that say what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import Connection

from veche.crypto.errors import Inconsistent
from veche.ledger.tile import WIDTH
from veche.ledger.tile_growth import Edge
from veche.ledger.tile_reader import verify_root
from veche.observer.record_rows import texts_between
from veche.service.log_state import LogState

AT_ONCE: Final = 64 * WIDTH
"""Entries that are in memory at the same time."""


def chunks(connection: Connection, uuid: str, start: int, end: int) -> Iterator[Sequence[bytes]]:
    """The texts of the entries from `start` up to `end`, in pieces that end at a full bundle where they can."""
    at = start
    while at < end:
        stop = min(end, (at // WIDTH + AT_ONCE // WIDTH) * WIDTH)
        texts = texts_between(connection, uuid, at, stop)
        if len(texts) != stop - at:
            raise Inconsistent(
                "log-differs",
                f"election {uuid}: the database lacks an entry from {at} to {stop - 1}. It is damaged: restore the newest "
                "backup and what was written since; nothing is signed until then",
            )
        yield texts
        at = stop


def verify_signed(uuid: str, edge: Edge, state: LogState) -> None:
    """Check that the entries up to `edge` are those that were signed. Raises Inconsistent `log-differs`."""
    try:
        verify_root(edge, state.checkpoint())
    except Inconsistent as error:
        raise Inconsistent(
            "log-differs",
            f"election {uuid}: the first {state.size} entries of this database are not those that the log has signed. It is "
            "another or a damaged database: bring back the right one; nothing is signed until then",
        ) from error


def behind(uuid: str, entries: int, state: LogState | None) -> Inconsistent:
    """The refusal `log-behind` for a database that has fewer entries than were signed."""
    size = 0 if state is None else state.size
    return Inconsistent(
        "log-behind",
        f"election {uuid}: the log has signed {size} entries, this database has {entries}. It is an older copy: bring back the "
        "newer one, or the log would contradict itself",
    )
