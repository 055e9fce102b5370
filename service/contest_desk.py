"""The organizer's desk in the server: a record in the database, open for one step.

A short step holds the election's row, so no ballot can come between what it read and what it writes. A long one (adding up all
ballots, the audit) reads first and appends at the end, if nothing was appended meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, nullcontext
from hashlib import sha256
from typing import BinaryIO

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import DBAPIError

from veche.ballot.manifest import parse_manifest
from veche.ballot.trustees import Trustees, parse_trustees
from veche.crypto.errors import Inconsistent, Refused
from veche.crypto.run_file import FinishedRun, parse_run
from veche.ledger.annex import Dkg
from veche.ledger.archive import Record
from veche.ledger.chain_reader import ChainItem
from veche.ledger.entry import parse_entry
from veche.ledger.event import Event, EventType
from veche.ledger.event_order import EventOrder
from veche.ledger.record_state import RecordState
from veche.ledger.timeline import Timeline
from veche.observer.database import Database
from veche.observer.database_source import DatabaseSource
from veche.observer.entry_check import rules_of
from veche.observer.record_rows import (
    ElectionRow,
    EntryRow,
    data_of,
    election_row,
    entries_but_ballots,
    manifest_of,
    records_of,
)
from veche.observer.sources import Source
from veche.service.clock import Clock
from veche.service.contest_plan import Draft, parse_draft
from veche.service.desk import Desk
from veche.service.record_store import Addition
from veche.service.record_view import RecordView
from veche.service.record_writer import add_entries, tip_of
from veche.service.storage import Storage
from veche.service.tables import contests


class ContestRecord:
    """A `RecordStore` over the tables. With `held`, every step runs in that one transaction; without, each append has its own."""

    def __init__(
        self, storage: Storage, row: ElectionRow, held: Connection | None, beside: Callable[[Connection], None] | None = None
    ) -> None:
        self._storage = storage
        self._row = row
        self._held = held
        self._beside = beside
        self.view: RecordView | None = None

    def archive(self) -> BinaryIO:
        return self.source().archive()

    def entries(self) -> BinaryIO:
        return self.source().entries()

    def manifest(self) -> bytes:
        with self._reading() as connection:
            return manifest_of(connection, self._row.uuid)

    def data(self, name: str) -> bytes | None:
        with self._reading() as connection:
            return data_of(connection, self._row.uuid, name)

    def source(self) -> Source:
        return DatabaseSource(self._storage.database, self._storage.files, self._row.uuid)

    def voters(self) -> int:
        return self._row.voters

    def append(self, additions: Sequence[Addition], data: Sequence[bytes], archived: AbstractSet[str]) -> None:
        state = "" if self.view is None else self.view.state.name
        if self._held is not None:
            self._row = add_entries(self._held, self._row, additions, data, state)
            return
        with _writing(self._storage) as connection:
            current = election_row(connection, self._row.uuid, lock=True)
            if current.entries != self._row.entries:
                raise Inconsistent("record-moved", f"the record of election {current.uuid} went on meanwhile; try again")
            after = add_entries(connection, current, additions, data, state)
            if self._beside is not None:
                self._beside(connection)
        # Only what was committed is where the record stands.
        self._row = after
        self._storage.committed(after)

    @property
    def row(self) -> ElectionRow:
        """Where the record stands now."""
        return self._row

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        if self._held is not None:
            yield self._held
            return
        with self._storage.database.reading() as connection:
            yield connection


class ContestDrafts:
    """The organizer's draft of one contest, in the server's tables."""

    def __init__(self, database: Database, uuid: str, held: Connection | None = None) -> None:
        self._database = database
        self._uuid = uuid
        self._held = held

    def draft(self) -> Draft:
        """Raises Refused `no-draft`."""
        raw = self._column("draft")
        if raw is None:
            raise Refused("no-draft", f"the draft of the questions of election {self._uuid} is not there")
        return parse_draft(raw)

    def trustees(self) -> bytes | None:
        return self._column("trustees")

    def keep_trustees(self, raw: bytes) -> None:
        change = update(contests).where(contests.c.uuid == self._uuid).values(trustees=raw)
        with self._database.writing() if self._held is None else nullcontext(self._held) as connection:
            connection.execute(change)

    def _column(self, name: str) -> bytes | None:
        with self._database.reading() if self._held is None else nullcontext(self._held) as connection:
            found = connection.execute(select(contests.c[name]).where(contests.c.uuid == self._uuid)).scalar_one_or_none()
        return None if found is None else bytes(found)


@contextmanager
def held_contest(storage: Storage, clock: Clock, uuid: str) -> Iterator[tuple[Desk, Connection]]:
    """The record for one short step, and the transaction that holds it: nobody else appends until the end.

    All of it is committed then, or none. What belongs to the step (a note in the audit trail, a job) is written to the connection.
    The clock is read once the row is locked. Raises Refused `no-election` or `storage-failed`, or what the step raises.
    """
    with _writing(storage) as connection:
        row = election_row(connection, uuid, lock=True)
        record = ContestRecord(storage, row, connection)
        record.view = read_rows(connection, row)
        yield Desk(record, record.view, time_at(clock, row), ContestDrafts(storage.database, uuid, connection)), connection
        row = record.row
    storage.committed(row)


@contextmanager
def held_desk(storage: Storage, clock: Clock, uuid: str) -> Iterator[Desk]:
    """The record for one short step, as `held_contest` without its transaction."""
    with held_contest(storage, clock, uuid) as (desk, _):
        yield desk


@contextmanager
def reading_desk(
    storage: Storage, clock: Clock, uuid: str, beside: Callable[[Connection], None] | None = None
) -> Iterator[Desk]:
    """The record for a long step, whose append fails with `record-moved` if anything was appended meanwhile.

    `beside` is called in each append's transaction: what it writes stands with the append, or not at all.
    """
    with storage.database.reading() as connection:
        row = election_row(connection, uuid)
        view = read_rows(connection, row)
    record = ContestRecord(storage, row, None, beside)
    record.view = view
    yield Desk(record, view, time_at(clock, row), ContestDrafts(storage.database, uuid))


@contextmanager
def _writing(storage: Storage) -> Iterator[Connection]:
    """A transaction of the database, as long as storage can be trusted; a write that failed is the last one."""
    storage.verify_writable()
    try:
        with storage.database.writing() as connection:
            yield connection
    except DBAPIError as error:
        storage.fail_if_broken(error)
        raise


def time_at(clock: Clock, row: ElectionRow) -> int:
    """The election's time: the clock's, for a rehearsal with its offset, and never before what the record says already."""
    return max(clock.now() + row.clock_offset, row.latest_time)


def read_rows(connection: Connection, row: ElectionRow) -> RecordView:
    """What the record says, read from its few entries that are no ballots. Raises what is wrong with their order."""
    raw = manifest_of(connection, row.uuid)
    manifest = parse_manifest(raw)
    rows = entries_but_ballots(connection, row.uuid)
    trustees = _trustees(connection, row.uuid, rows)
    state = RecordState(rules_of(manifest.level, trustees))
    view = RecordView(manifest, raw, state, Timeline(manifest.closes_at, manifest.until), trustees)
    for one in rows:
        entry = parse_entry(one.text, row.uuid)
        view.follow([Addition(entry, (), one.owner)])
        if isinstance(entry, Event):
            view.kept.append(_item(connection, row, one, entry))
            view.archived.update(record.name for record in view.kept[-1].records)
    view.last = tip_of(row)
    return view


def _item(connection: Connection, row: ElectionRow, one: EntryRow, event: Event) -> ChainItem:
    contents = records_of(connection, row.uuid, event.height)
    records = tuple(Record("data", sha256(content).hexdigest(), content, 0) for content in contents)
    return ChainItem(event, one.text, event.digest, records, one.owner, EventOrder(), 0, 0)


def _trustees(connection: Connection, uuid: str, rows: Sequence[EntryRow]) -> Trustees | None:
    """The trustees of Setup, or those whose finished ceremony the draft names."""
    for one in rows:
        if one.kind == EventType.SETUP:
            return parse_trustees(records_of(connection, uuid, 0)[1])
    for one in rows:
        if one.kind == Dkg.TYPE:
            entry = parse_entry(one.text, uuid)
            run = parse_run(_data(connection, uuid, entry.ceremony if isinstance(entry, Dkg) else ""))
            return parse_trustees(_data(connection, uuid, run.trustees)) if isinstance(run, FinishedRun) else None
    return None


def _data(connection: Connection, uuid: str, name: str) -> bytes:
    found = data_of(connection, uuid, name)
    if found is None:
        raise Inconsistent("data-missing", f"data/{name[:2]}/{name} is named by the record and is not there")
    return found
