"""What the tables say of one election, read in a transaction of the caller's. The only SQL that reads the public record."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, bindparam, func, select

from veche.crypto.errors import Refused
from veche.observer.tables import archive_records, ballots, credentials, data_files, elections, entries, turnout


@dataclass(frozen=True, slots=True)
class ElectionRow:
    """Where one record stands; the columns of `tables.elections` but the manifest."""

    uuid: str
    campaign: str
    contest: str
    rehearsal: bool
    clock_offset: int
    archive_time: int
    state: str
    entries: int
    entry_bytes: int
    archive_bytes: int
    height: int | None
    head: str | None
    latest_time: int
    opens_at: int
    closes_at: int
    setup: str | None
    fingerprint: str | None
    listed: int
    issued: int
    ballots: int
    voters: int


_COLUMNS = [elections.c[name] for name in ElectionRow.__slots__]


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One entry: its type (of event or annex), its owner and height where it has them, and its exact text."""

    place: int
    kind: str
    owner: int | None
    height: int | None
    text: bytes


@dataclass(frozen=True, slots=True)
class BallotRow:
    """A ballot in the chain. `time` is the acknowledgement's; `offset` and `size` say where its bytes stand in the archive."""

    tracker: str
    height: int
    credential: str
    event: str
    time: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """A public credential of Setup; `issued` is the place of the entry that handed it out, None before."""

    credential: str
    weight: int
    listed: int
    issued: int | None


@dataclass(frozen=True, slots=True)
class Hour:
    """Ballots, and credentials that voted for the first time, in one hour, which began `start` seconds after 1970."""

    start: int
    ballots: int
    voters: int


# What every ballot and every receipt asks is written once: to build a statement takes longer than the database needs for it.
_ONE_ELECTION: Final = select(*_COLUMNS).where(elections.c.uuid == bindparam("of"))
_ONE_ELECTION_LOCKED: Final = _ONE_ELECTION.with_for_update()
_BALLOT_OF_TRACKER: Final = select(*(ballots.c[name] for name in BallotRow.__slots__)).where(
    ballots.c.uuid == bindparam("of"), ballots.c.tracker == bindparam("tracked")
)
_LISTED: Final = select(credentials.c.credential, credentials.c.weight, credentials.c.listed, credentials.c.issued).where(
    credentials.c.uuid == bindparam("of"), credentials.c.credential == bindparam("known")
)
_ENTRY_AT_HEIGHT: Final = select(entries.c.place, entries.c.kind, entries.c.owner, entries.c.height, entries.c.text).where(
    entries.c.uuid == bindparam("of"), entries.c.height == bindparam("at")
)


def all_elections(connection: Connection, campaign: str | None = None) -> list[ElectionRow]:
    """Every election, or those of one campaign, by campaign and contest."""
    query = select(*_COLUMNS).order_by(elections.c.campaign, elections.c.contest, elections.c.uuid)
    rows = connection.execute(query if campaign is None else query.where(elections.c.campaign == campaign))
    return [_election(row) for row in rows]


def election_row(connection: Connection, uuid: str, lock: bool = False) -> ElectionRow:
    """The election of this uuid; with `lock`, nobody else appends until the transaction ends. Raises Refused `no-election`."""
    row = connection.execute(_ONE_ELECTION_LOCKED if lock else _ONE_ELECTION, {"of": uuid}).one_or_none()
    if row is None:
        raise Refused("no-election", f"there is no election {uuid[:64]} here")
    return _election(row)


def manifest_of(connection: Connection, uuid: str) -> bytes:
    """manifest.json. Raises Refused `no-election`."""
    found = connection.execute(select(elections.c.manifest).where(elections.c.uuid == uuid)).scalar_one_or_none()
    if found is None:
        raise Refused("no-election", f"there is no election {uuid[:64]} here")
    return bytes(found)


def entries_from(connection: Connection, uuid: str, place: int, limit: int | None = None) -> Generator[EntryRow, None, None]:
    """The entries from `place` on, in order, fetched piece by piece."""
    table = entries
    query = (
        select(table.c.place, table.c.kind, table.c.owner, table.c.height, table.c.text)
        .where(table.c.uuid == uuid, table.c.place >= place)
        .order_by(table.c.place)
    )
    query = query if limit is None else query.limit(limit)
    with connection.execution_options(yield_per=1000).execute(query) as rows:
        for row in rows:
            yield _entry(row)


def texts_between(connection: Connection, uuid: str, start: int, end: int) -> list[bytes]:
    """The texts of the entries from place `start` up to `end`, in order. As many as asked for: then none of them is missing.

    Only the texts: reading columns of a million rows one by one takes longer than all of the hashing.
    """
    query = select(entries.c.text).where(entries.c.uuid == uuid, entries.c.place >= start, entries.c.place < end)
    return list(connection.execute(query.order_by(entries.c.place)).scalars().all())


def entries_but_ballots(connection: Connection, uuid: str) -> list[EntryRow]:
    """Every entry that is no Ballot event, in order: few, however many have voted."""
    table = entries
    query = (
        select(table.c.place, table.c.kind, table.c.owner, table.c.height, table.c.text)
        .where(table.c.uuid == uuid, table.c.kind != "Ballot")
        .order_by(table.c.place)
    )
    return [_entry(row) for row in connection.execute(query)]


def entries_of(connection: Connection, uuid: str, kinds: Sequence[str]) -> list[EntryRow]:
    """The entries of these types (of event or annex), in order."""
    table = entries
    query = (
        select(table.c.place, table.c.kind, table.c.owner, table.c.height, table.c.text)
        .where(table.c.uuid == uuid, table.c.kind.in_(kinds))
        .order_by(table.c.place)
    )
    return [_entry(row) for row in connection.execute(query)]


def event_text(connection: Connection, uuid: str, height: int) -> bytes | None:
    """The text of the event at this height, or None."""
    query = select(entries.c.text).where(entries.c.uuid == uuid, entries.c.height == height)
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else bytes(found)


def event_entry(connection: Connection, uuid: str, height: int) -> EntryRow | None:
    """The entry with the event at this height, or None."""
    row = connection.execute(_ENTRY_AT_HEIGHT, {"of": uuid, "at": height}).one_or_none()
    return None if row is None else _entry(row)


def records_of(connection: Connection, uuid: str, height: int) -> tuple[bytes, ...]:
    """The contents of the archive's data records before the event of this height, in order."""
    table = archive_records
    query = select(table.c.content).where(table.c.uuid == uuid, table.c.height == height).order_by(table.c.number)
    return tuple(bytes(content) for content in connection.execute(query).scalars())


def records_from(connection: Connection, uuid: str, height: int) -> Generator[tuple[int, bytes], None, None]:
    """Height and content of every data record from this height on, in the archive's order, fetched piece by piece."""
    table = archive_records
    query = (
        select(table.c.height, table.c.content)
        .where(table.c.uuid == uuid, table.c.height >= height)
        .order_by(table.c.height, table.c.number)
    )
    with connection.execution_options(yield_per=1000).execute(query) as rows:
        for found, content in rows:
            yield found, bytes(content)


def archived(connection: Connection, uuid: str, sha256: str) -> bool:
    """Whether the archive has a data record of this name."""
    table = archive_records
    query = select(table.c.number).where(table.c.uuid == uuid, table.c.sha256 == sha256).limit(1)
    return connection.execute(query).first() is not None


def data_of(connection: Connection, uuid: str, sha256: str) -> bytes | None:
    """The data file of this name, or None."""
    query = select(data_files.c.content).where(data_files.c.uuid == uuid, data_files.c.sha256 == sha256)
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else bytes(found)


def data_size(connection: Connection, uuid: str, sha256: str) -> int | None:
    """How many bytes the data file or archive record of this name has; None when there is none.

    A data file becomes a record of the archive when Setup takes it; by its name it is found before and after.
    """
    found = _content(connection, uuid, sha256, func.length)
    return None if found is None else int(found)


def data_part(connection: Connection, uuid: str, sha256: str, start: int, size: int) -> bytes | None:
    """At most `size` bytes from `start` of what `data_size` measures."""
    found = _content(connection, uuid, sha256, lambda column: func.substr(column, start + 1, size))
    return None if found is None else bytes(found)


def _content(connection: Connection, uuid: str, sha256: str, taken: Any) -> Any:
    for table in (data_files, archive_records):
        query = select(taken(table.c.content)).where(table.c.uuid == uuid, table.c.sha256 == sha256).limit(1)
        found = connection.execute(query).first()
        if found is not None:
            return found[0]
    return None


def data_names(connection: Connection, uuid: str) -> list[str]:
    """The names of all data files, sorted."""
    query = select(data_files.c.sha256).where(data_files.c.uuid == uuid).order_by(data_files.c.sha256)
    return list(connection.execute(query).scalars())


def ballot_row(connection: Connection, uuid: str, tracker: str) -> BallotRow | None:
    """The ballot of this tracker (hex), or None."""
    row = connection.execute(_BALLOT_OF_TRACKER, {"of": uuid, "tracked": tracker}).one_or_none()
    return None if row is None else _ballot(row)


def ballots_of(connection: Connection, uuid: str, credential: str) -> list[BallotRow]:
    """All ballots of this credential, oldest first: the last one counts."""
    query = _ballots().where(ballots.c.uuid == uuid, ballots.c.credential == credential).order_by(ballots.c.height)
    return [_ballot(row) for row in connection.execute(query)]


def ballots_from(connection: Connection, uuid: str, height: int, limit: int) -> list[BallotRow]:
    """At most `limit` ballots from this height on, in the chain's order."""
    query = _ballots().where(ballots.c.uuid == uuid, ballots.c.height >= height).order_by(ballots.c.height).limit(limit)
    return [_ballot(row) for row in connection.execute(query)]


def credentials_after(connection: Connection, uuid: str, prefix: str, after: str, limit: int) -> list[CredentialRow]:
    """At most `limit` listed credentials that begin with these hex digits and come after `after`, sorted."""
    table = credentials
    query = (
        select(table.c.credential, table.c.weight, table.c.listed, table.c.issued)
        # "g" comes after every hex digit: a range, so that the index is used whatever the database sorts by.
        .where(table.c.uuid == uuid, table.c.credential >= prefix, table.c.credential < prefix + "g", table.c.credential > after)
        .order_by(table.c.credential)
        .limit(limit)
    )
    return [_credential(row) for row in connection.execute(query)]


def ballots_between(connection: Connection, uuid: str, first: str, last: str, height: int) -> list[BallotRow]:
    """The ballots, up to this height, of the credentials from `first` to `last`; each one's oldest first."""
    chosen = ballots.c.credential.between(first, last), ballots.c.height <= height
    query = _ballots().where(ballots.c.uuid == uuid, *chosen).order_by(ballots.c.credential, ballots.c.height)
    return [_ballot(row) for row in connection.execute(query)]


def turnout_of(connection: Connection, uuid: str) -> list[Hour]:
    """Turnout hour by hour, oldest first; hours without a ballot are left out."""
    table = turnout
    query = select(table.c.hour, table.c.ballots, table.c.voters).where(table.c.uuid == uuid).order_by(table.c.hour)
    return [Hour(row.hour * 3600, row.ballots, row.voters) for row in connection.execute(query)]


def credential_row(connection: Connection, uuid: str, credential: str) -> CredentialRow | None:
    """The listed credential (hex), or None."""
    row = connection.execute(_LISTED, {"of": uuid, "known": credential}).one_or_none()
    return None if row is None else _credential(row)


def _ballots() -> Select[Any]:
    return select(*(ballots.c[name] for name in BallotRow.__slots__))


def _election(row: Row[Any]) -> ElectionRow:
    return ElectionRow(**row._mapping)


def _entry(row: Any) -> EntryRow:
    return EntryRow(row.place, row.kind, row.owner, row.height, bytes(row.text))


def _ballot(row: Row[Any]) -> BallotRow:
    return BallotRow(**row._mapping)


def _credential(row: Any) -> CredentialRow:
    return CredentialRow(row.credential, int(row.weight), row.listed, row.issued)
