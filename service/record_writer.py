"""The only code that writes the tables of the public record: entries are added, nothing is ever changed. Design decision 9.

Every function here works inside a transaction of the caller's in which the election's row is locked; what it writes stands after
the commit, all of it, or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, select, update

from veche.ballot.credential import verified_weights
from veche.ballot.election import parse_election
from veche.ballot.encrypted_ballot import EncryptedBallot
from veche.ballot.manifest import Manifest
from veche.crypto.canonical_json import array, parse_canonical, text
from veche.crypto.errors import Inconsistent
from veche.ledger.annex import Annex, Extended, Issued
from veche.ledger.archive import BLOCK, header_record
from veche.ledger.chain import Tip, append
from veche.ledger.chain_reader import item_records
from veche.ledger.entry import Entry, time_of
from veche.ledger.event import Event, EventType
from veche.ledger.record import entry_line
from veche.observer.record_rows import ElectionRow, archived, data_of
from veche.observer.tables import archive_records, ballots, credentials, data_files, elections, entries, turnout
from veche.service.record_store import Addition

HOUR = 3600
_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Timed:
    """A checked ballot, and the time of its acknowledgement in seconds since 1970."""

    ballot: EncryptedBallot
    time: int
    weight: int

_MOVING: Final = (
    "state", "entries", "entry_bytes", "archive_bytes", "height", "head", "latest_time", "closes_at", "setup", "fingerprint",
    "listed", "issued", "ballots", "voters",
)  # fmt: skip
"""What an append may change of an election's row."""

# What every ballot needs is written once: to build a statement takes longer than the database needs for it.
_NEW_ENTRY: Final = insert(entries)
_NEW_RECORD: Final = insert(archive_records)
_NEW_BALLOT: Final = insert(ballots)
_VOTED: Final = select(ballots.c.height).where(ballots.c.uuid == bindparam("of"), ballots.c.credential == bindparam("by")).limit(1)
_COUNTED: Final = (
    update(turnout)
    .where(turnout.c.uuid == bindparam("of"), turnout.c.hour == bindparam("within"))
    .values(ballots=turnout.c.ballots + 1, voters=turnout.c.voters + bindparam("more"))
)
_STORED: Final = (
    update(elections)
    .where(elections.c.uuid == bindparam("of"), elections.c.entries == bindparam("at"))
    .values({name: bindparam(f"new_{name}") for name in _MOVING})
)


def create_record(connection: Connection, manifest: Manifest, manifest_raw: bytes, archive_time: int, clock_offset: int) -> None:
    """An empty record of this manifest is there. Raises IntegrityError when the uuid is taken."""
    connection.execute(
        insert(elections).values(
            uuid=manifest.uuid,
            campaign=manifest.campaign,
            contest=manifest.contest,
            rehearsal=manifest.rehearsal,
            clock_offset=clock_offset,
            manifest=manifest_raw,
            archive_time=archive_time,
            state="(nothing)",
            entries=0,
            entry_bytes=0,
            archive_bytes=len(header_record(archive_time)),
            latest_time=0,
            opens_at=manifest.opens_at,
            closes_at=manifest.closes_at,
        )
    )


def add_entries(
    connection: Connection, row: ElectionRow, additions: Sequence[Addition], data: Sequence[bytes], state: str
) -> ElectionRow:
    """The row after these entries, which stand in the record with their data; `state` is the record's state after them.

    For everything but ballots: see `add_ballot`. Raises Inconsistent `record-moved` when somebody else appended meanwhile.
    """
    after = row
    for one in additions:
        after = _add(connection, after, one)
    _add_data(connection, row.uuid, additions, data)
    for one in additions:
        if isinstance(one.entry, Issued):
            after = _hand_out(connection, after, one.entry)
    return _store(connection, row, replace(after, state=state))


def move_clock(connection: Connection, row: ElectionRow, offset: int) -> None:
    """A rehearsal's clock runs `offset` seconds ahead of the server's. The table itself refuses it for a real election."""
    connection.execute(update(elections).where(elections.c.uuid == row.uuid).values(clock_offset=offset))


def add_ballot(connection: Connection, row: ElectionRow, timed: Timed) -> ElectionRow:
    """The row after this ballot, which is not in the chain yet and was checked."""
    ballot = timed.ballot
    event = append(tip_of(row), EventType.BALLOT, ballot.tracker)
    first = timed.weight > 0 and not _has_voted(connection, row.uuid, ballot.credential)
    connection.execute(_NEW_ENTRY, [_entry_values(row, event, None)])
    connection.execute(_NEW_RECORD, [_record_values(row.uuid, event, 0, ballot.raw)])
    connection.execute(_NEW_BALLOT, [_ballot_values(row, timed, event)])
    _count_turnout(connection, row.uuid, timed.time // HOUR, first)
    after = _after_event(row, event, (ballot.raw,))
    latest = max(row.latest_time, timed.time)
    return _store(connection, row, replace(after, ballots=row.ballots + 1, voters=row.voters + first, latest_time=latest))


def tip_of(row: ElectionRow) -> Tip | None:
    """What the next event continues."""
    return None if row.height is None or row.head is None else Tip(row.height, row.head)


def _add(connection: Connection, row: ElectionRow, one: Addition) -> ElectionRow:
    connection.execute(_NEW_ENTRY, [_entry_values(row, one.entry, one.owner)])
    if isinstance(one.entry, Annex):
        after = replace(row, entries=row.entries + 1, entry_bytes=row.entry_bytes + len(entry_line(one.entry.text())))
        closes_at = one.entry.closes_at if isinstance(one.entry, Extended) else row.closes_at
        return replace(after, latest_time=max(row.latest_time, time_of(one.entry) or 0), closes_at=closes_at)
    for number, content in enumerate(one.contents):
        connection.execute(_NEW_RECORD, [_record_values(row.uuid, one.entry, number, content)])
        # What becomes a record of the archive is no longer kept beside it.
        name = sha256(content).hexdigest()
        connection.execute(data_files.delete().where(data_files.c.uuid == row.uuid, data_files.c.sha256 == name))
    after = _after_event(row, one.entry, one.contents)
    return _sealed(connection, after, one) if one.entry.type is EventType.SETUP else after


def _after_event(row: ElectionRow, event: Event, contents: Sequence[bytes]) -> ElectionRow:
    return replace(
        row,
        entries=row.entries + 1,
        entry_bytes=row.entry_bytes + len(entry_line(event.text())),
        archive_bytes=row.archive_bytes + len(item_records(event, contents, row.archive_time)),
        height=event.height,
        head=event.digest,
    )


def _sealed(connection: Connection, row: ElectionRow, setup: Addition) -> ElectionRow:
    election, listed = parse_election(setup.contents[0]), verified_weights(setup.contents[2])
    values = [
        {"uuid": row.uuid, "credential": credential, "weight": str(weight), "listed": place}
        for place, (credential, weight) in enumerate(listed.items())
    ]
    for first in range(0, len(values), _AT_ONCE):
        connection.execute(insert(credentials), values[first : first + _AT_ONCE])
    return replace(row, setup=row.head, fingerprint=election.fingerprint, listed=len(values))


def _hand_out(connection: Connection, row: ElectionRow, entry: Issued) -> ElectionRow:
    raw = data_of(connection, row.uuid, entry.credentials)
    if raw is None:
        query = select(archive_records.c.content).where(
            archive_records.c.uuid == row.uuid, archive_records.c.sha256 == entry.credentials
        )
        raw = bytes(connection.execute(query).scalars().first() or b"")
    place = row.entries - 1
    named = [text(one) for one in array(parse_canonical(raw))]
    for first in range(0, len(named), _AT_ONCE):
        piece = named[first : first + _AT_ONCE]
        table = credentials
        connection.execute(
            update(table).where(table.c.uuid == row.uuid, table.c.credential.in_(piece)).values(issued=place)
        )
    return replace(row, issued=entry.total)


def _add_data(connection: Connection, uuid: str, additions: Sequence[Addition], data: Sequence[bytes]) -> None:
    """The data files are there, but for what stands in the archive or is manifest.json."""
    manifest = connection.execute(select(elections.c.manifest).where(elections.c.uuid == uuid)).scalar_one()
    for content in data:
        name = sha256(content).hexdigest()
        known = content == manifest or archived(connection, uuid, name) or data_of(connection, uuid, name) is not None
        if not known:
            connection.execute(insert(data_files), [{"uuid": uuid, "sha256": name, "content": content}])


def _entry_values(row: ElectionRow, entry: Entry, owner: int | None) -> dict[str, Any]:
    is_event = isinstance(entry, Event)
    return {
        "uuid": row.uuid,
        "place": row.entries,
        "kind": str(entry.type) if isinstance(entry, Event) else entry.TYPE,
        "owner": owner if is_event else getattr(entry, "owner", None),
        "height": entry.height if isinstance(entry, Event) else None,
        "text": entry.text(),
    }


def _record_values(uuid: str, event: Event, number: int, content: bytes) -> dict[str, Any]:
    name = sha256(content).hexdigest()
    return {"uuid": uuid, "height": event.height, "number": number, "sha256": name, "content": content}


def _ballot_values(row: ElectionRow, one: Timed, event: Event) -> dict[str, Any]:
    ballot = one.ballot
    return {
        "uuid": row.uuid,
        "tracker": ballot.tracker,
        "height": event.height,
        "credential": ballot.credential,
        "event": event.digest,
        "time": one.time,
        "offset": row.archive_bytes + BLOCK,
        "size": len(ballot.raw),
    }


def _has_voted(connection: Connection, uuid: str, credential: str) -> bool:
    return connection.execute(_VOTED, {"of": uuid, "by": credential}).first() is not None


def _count_turnout(connection: Connection, uuid: str, hour: int, first: bool) -> None:
    changed = connection.execute(_COUNTED, {"of": uuid, "within": hour, "more": int(first)})
    if changed.rowcount == 0:
        connection.execute(insert(turnout), [{"uuid": uuid, "hour": hour, "ballots": 1, "voters": int(first)}])


def _store(connection: Connection, before: ElectionRow, after: ElectionRow) -> ElectionRow:
    stood = {"of": before.uuid, "at": before.entries}
    changed = connection.execute(_STORED, stood | {f"new_{name}": getattr(after, name) for name in _MOVING})
    if changed.rowcount != 1:
        raise Inconsistent("record-moved", f"the record of election {before.uuid} went on while this step was made; try again")
    return after
