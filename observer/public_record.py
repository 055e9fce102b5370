"""The record as a reader meets it: the database asked by a few at a time, and what Setup fixed kept in memory.

Many observers may poll while people vote. They share a few connections, so that a ballot never waits for one of them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection

from veche import __version__
from veche.ballot.election import Election, is_uuid, parse_election
from veche.ballot.manifest import Manifest, parse_manifest
from veche.ballot.trustees import Trustees, parse_trustees
from veche.crypto.errors import Refused
from veche.ledger.annex import Annex, parse_annex
from veche.observer.database import Database
from veche.observer.published_files import PublishedFiles
from veche.observer.record_rows import ElectionRow, election_row, entries_of, manifest_of, records_of

AT_ONCE: Final = 8
"""Readers that ask the database at the same time."""

WAIT_SECONDS: Final = 10
_KEPT: Final = 1000

_TOLD: Final = (
    "opened", "extended", "suspended", "resumed", "incident", "closed", "withheld",
    "published", "certified", "cancelled", "annulled",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Facts:
    """What never changes: the manifest, and from Setup on the questions and the trustees."""

    manifest: Manifest
    election: Election | None
    trustees: Trustees | None


class PublicRecord:
    """Every record of one database, read only."""

    def __init__(self, database: Database, files: PublishedFiles) -> None:
        self.files = files
        self._database = database
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._facts: dict[tuple[str, bool], Facts] = {}

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One state of the database. Raises Refused `busy` when too many ask."""
        if not self._turns.acquire(timeout=WAIT_SECONDS):
            raise Refused("busy", "very many are reading the record just now; ask again in a moment")
        try:
            with self._database.reading() as connection:
                yield connection
        finally:
            self._turns.release()

    def facts(self, connection: Connection, row: ElectionRow) -> Facts:
        """What is fixed about this election by now."""
        key = row.uuid, row.setup is not None
        known = self._facts.get(key)
        if known is None:
            known = _read_facts(connection, row)
            if len(self._facts) >= _KEPT:
                self._facts.clear()
            self._facts[key] = known
        return known


def row_of(connection: Connection, uuid: str) -> ElectionRow:
    """Where this record stands. Raises Refused `no-election`, also for what can be no uuid: the database is not asked for that."""
    if not is_uuid(uuid):
        raise Refused("no-election", "there is no such election here")
    return election_row(connection, uuid)


def etag_of(*rows: ElectionRow) -> str:
    """Changes with every entry of these records, and with this program, which may say the same in other words."""
    states = "".join(f"{row.uuid}/{row.entries}/{row.head or ''} " for row in rows)
    digest = sha256(f"{__version__} {states}".encode()).hexdigest()
    return f'"{digest[:32]}"'


def told(connection: Connection, uuid: str) -> list[Annex]:
    """The entries that say what happened and when, in order."""
    return [parse_annex(row.text, uuid) for row in entries_of(connection, uuid, _TOLD)]


def _read_facts(connection: Connection, row: ElectionRow) -> Facts:
    manifest = parse_manifest(manifest_of(connection, row.uuid))
    if row.setup is None:
        return Facts(manifest, None, None)
    election, trustees, *_ = records_of(connection, row.uuid, 0)
    return Facts(manifest, parse_election(election), parse_trustees(trustees))
