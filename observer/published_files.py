"""The archive and the entries as files that only grow, made from the database: what is served by range, and read by the audit.

They are copies: each byte follows from the database, so a file that is lost or torn is made again. How far a file is known to be
whole stands in a small file beside it, written after an fsync, at most every two seconds while people vote; beyond that nothing is
believed after a restart. What stands beyond is written again in place, with the same bytes, and never cut: another process may be
serving it.
"""

from __future__ import annotations

import fcntl
import io
import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final

from sqlalchemy import Connection

from veche.crypto.canonical_json import encode, fields, integer, parse_canonical
from veche.crypto.errors import Malformed
from veche.ledger.archive import header_record
from veche.ledger.chain_reader import item_records
from veche.ledger.event import parse_event
from veche.ledger.record import entry_line
from veche.observer import durable_files
from veche.observer.database import Database
from veche.observer.record_rows import election_row, entries_from, records_from

MARK_SECONDS: Final = 2.0
"""Seconds between two fsyncs of one election's files: casting must not wait for copies."""

_MARK: Final = ".whole"
_LOCK: Final = ".lock"


@dataclass(frozen=True, slots=True)
class Extent:
    """How far the two files go: entries, and bytes of each file. It always ends after a whole entry."""

    entries: int = 0
    entry_bytes: int = 0
    archive_bytes: int = 0


_NOTHING: Final = Extent()


class PublishedFiles:
    """The two files of every election, in one folder each below `root`. `seconds` is a clock that only runs forward."""

    def __init__(self, root: Path, seconds: Callable[[], float] = time.monotonic) -> None:
        self.root = root
        self._seconds = seconds
        self._known: dict[str, Extent] = {}
        self._marked: dict[str, float] = {}

    def archive(self, uuid: str) -> Path:
        return self.root / uuid / f"{uuid}.bel"

    def entries(self, uuid: str) -> Path:
        return self.root / uuid / "entries.jsonl"

    def extend(self, connection: Connection, uuid: str) -> Extent:
        """Both files reach at least as far as the database does in this transaction; how far that is.

        Several processes may share the folder: they take turns, and each writes only what is not there.
        """
        row = election_row(connection, uuid)
        wanted = Extent(row.entries, row.entry_bytes, row.archive_bytes)
        known = self._known.get(uuid)
        if known is not None and known.entries >= wanted.entries:
            return wanted
        with self._alone(uuid) as folder:
            start = self._extent(folder, uuid, known)
            if start.entries < wanted.entries:
                reached = self._grow(connection, uuid, start, row.archive_time)
                if reached != wanted:
                    raise Malformed("published-files", f"election {uuid}: the files came to {reached}, the database says {wanted}")
                self._mark(folder, uuid, reached)
            self._known[uuid] = max(start, wanted, key=lambda extent: extent.entries)
        return wanted

    def open_archive(self, uuid: str, extent: Extent) -> BinaryIO:
        """The archive as it was at `extent`."""
        return open_part(self.archive(uuid), extent.archive_bytes)

    def open_entries(self, uuid: str, extent: Extent) -> BinaryIO:
        """The entries as they were at `extent`."""
        return open_part(self.entries(uuid), extent.entry_bytes)

    def agrees(self, database: Database, uuid: str) -> bool:
        """Whether the files, as far as they are known to be whole, are what the database says. Nothing is changed."""
        # The mark first: a server at work goes on, so the database is at least as far when it is asked.
        marked = _read_mark(self.root / uuid)
        if marked.entries == 0:
            return True
        with database.reading() as connection:
            if election_row(connection, uuid).entries < marked.entries:
                return False
            try:
                with self.open_archive(uuid, marked) as archive, self.open_entries(uuid, marked) as lines:
                    return _same(connection, uuid, marked.entries, archive, lines)
            except FileNotFoundError:
                return False

    @contextmanager
    def _alone(self, uuid: str) -> Iterator[Path]:
        folder = self.root / uuid
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield folder
        finally:
            os.close(handle)

    def _extent(self, folder: Path, uuid: str, known: Extent | None) -> Extent:
        """How far the files go for certain: a process may have died while writing what stands beyond."""
        marked = _read_mark(folder)
        if known is not None and known.entries > marked.entries:
            marked = known
        for path, size in ((self.archive(uuid), marked.archive_bytes), (self.entries(uuid), marked.entry_bytes)):
            found = path.stat().st_size if path.exists() else 0
            if found < size:
                # A copy that lost bytes is no copy: begin again.
                return Extent()
        return marked

    def _mark(self, folder: Path, uuid: str, reached: Extent) -> None:
        """That the files are whole so far stands beside them, unless that was written just now."""
        before, now = self._marked.get(uuid), self._seconds()
        if before is not None and now < before + MARK_SECONDS:
            return
        for path in (self.archive(uuid), self.entries(uuid)):
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
        _write_mark(folder, reached)
        self._marked[uuid] = now

    def _grow(self, connection: Connection, uuid: str, start: Extent, archive_time: int) -> Extent:
        with _at(self.archive(uuid), start.archive_bytes) as archive, _at(self.entries(uuid), start.entry_bytes) as lines:
            return write_record(connection, uuid, archive_time, archive, lines, start)


def write_record(
    connection: Connection,
    uuid: str,
    archive_time: int,
    archive: BinaryIO,
    lines: BinaryIO,
    start: Extent = _NOTHING,
    count: int | None = None,
) -> Extent:
    """Both streams, which stand at `start`, go on with the next `count` entries (None: with all); how far they have come."""
    reached = start
    if start.archive_bytes == 0:
        reached = replace(reached, archive_bytes=archive.write(header_record(archive_time)))
    with closing(_Records(connection, uuid)) as records:
        for entry in entries_from(connection, uuid, start.entries, count):
            grown = 0 if entry.height is None else archive.write(records.archive_bytes(entry.text, archive_time))
            written = lines.write(entry_line(entry.text))
            reached = Extent(reached.entries + 1, reached.entry_bytes + written, reached.archive_bytes + grown)
    return reached


def _at(path: Path, offset: int) -> BinaryIO:
    """The file, made if it is not there, to be written from `offset` on."""
    stream = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b")
    stream.seek(offset)
    return stream


class _Records:
    """The data records of one election, read in step with its events: one query, however many events there are."""

    def __init__(self, connection: Connection, uuid: str) -> None:
        self._connection = connection
        self._uuid = uuid
        self._rows: Generator[tuple[int, bytes], None, None] | None = None
        self._next: tuple[int, bytes] | None = None

    def archive_bytes(self, event_text: bytes, archive_time: int) -> bytes:
        """The archive's records of the next event."""
        event = parse_event(event_text)
        if self._rows is None:
            self._rows = records_from(self._connection, self._uuid, event.height)
            self._next = next(self._rows, None)
        contents: list[bytes] = []
        while self._next is not None and self._next[0] == event.height:
            contents.append(self._next[1])
            self._next = next(self._rows, None)
        return item_records(event, contents, archive_time)

    def close(self) -> None:
        """The query has ended, also when not all of it was read."""
        if self._rows is not None:
            self._rows.close()


def _same(connection: Connection, uuid: str, count: int, archive: BinaryIO, lines: BinaryIO) -> bool:
    """Whether the two streams hold exactly the first `count` entries of the database."""
    archive_time = election_row(connection, uuid).archive_time
    header = header_record(archive_time)
    if archive.read(len(header)) != header:
        return False
    with closing(_Records(connection, uuid)) as records, closing(entries_from(connection, uuid, 0, count)) as entries:
        for entry in entries:
            line = entry_line(entry.text)
            event = b"" if entry.height is None else records.archive_bytes(entry.text, archive_time)
            if lines.read(len(line)) != line or archive.read(len(event)) != event:
                return False
    return archive.read(1) == b"" and lines.read(1) == b""


def _read_mark(folder: Path) -> Extent:
    path = folder / _MARK
    if not path.exists():
        return Extent()
    try:
        found = fields(parse_canonical(durable_files.read_file(path)), ("entries", "entry_bytes", "archive_bytes"))
        return Extent(*(integer(found[name]) for name in ("entries", "entry_bytes", "archive_bytes")))
    except Malformed:
        # Torn by a power cut: the files are made again.
        return Extent()


def _write_mark(folder: Path, extent: Extent) -> None:
    content = {"entries": extent.entries, "entry_bytes": extent.entry_bytes, "archive_bytes": extent.archive_bytes}
    durable_files.replace(folder / _MARK, encode({**content}))


class _Part(io.RawIOBase):
    """The first `size` bytes of a file that goes on growing."""

    def __init__(self, path: Path, size: int) -> None:
        self._stream = path.open("rb")
        self._size = size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        left = max(0, self._size - self._stream.tell())
        found = self._stream.read(min(len(buffer), left))
        buffer[: len(found)] = found
        return len(found)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            return self._stream.seek(self._size + offset)
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def close(self) -> None:
        self._stream.close()
        super().close()


def open_part(path: Path, size: int) -> BinaryIO:
    """The first `size` bytes of the file, seekable, whatever is appended meanwhile."""
    return io.BufferedReader(_Part(path, size))
