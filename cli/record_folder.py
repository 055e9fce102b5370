"""The public record as a folder: `UUID.bel`, `manifest.json`, `entries.jsonl`, `data/aa/SHA256`. Design section 5.

An append is whole or did not happen. Before it begins, a journal says how long the files were; a process that is killed in the
middle leaves the journal, and whoever opens the folder next puts everything back. Without a journal nothing is ever cut: a record
whose files do not fit together was damaged by something else, and that must be seen.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final

from veche.cli.terminal import warn
from veche.crypto.canonical_json import Json, array, digest, encode, fields, integer, parse_canonical
from veche.crypto.errors import Inconsistent, Malformed, Refused, Unsupported
from veche.ledger.archive import header_record, read_timestamp
from veche.ledger.chain_reader import item_records
from veche.ledger.event import Event
from veche.ledger.record import entry_line
from veche.observer.board import read_board
from veche.observer.durable_files import read_file, replace, sync_folder, write_new
from veche.observer.sources import Source, open_source
from veche.service.record_store import Addition

JOURNAL: Final = ".unfinished-append"
ENTRIES: Final = "entries.jsonl"
MANIFEST: Final = "manifest.json"


class RecordFolder:
    """A folder that this process alone may write, for as long as `open_folder` holds it."""

    def __init__(self, path: Path, archive: Path, timestamp: int) -> None:
        self.path = path
        self.timestamp = timestamp
        self._archive = archive

    @property
    def uuid(self) -> str:
        return self._archive.stem

    def archive(self) -> BinaryIO:
        """The archive from its beginning."""
        return self._archive.open("rb")

    def entries(self) -> BinaryIO:
        """The file of entries from its beginning."""
        return (self.path / ENTRIES).open("rb")

    def manifest(self) -> bytes:
        return read_file(self.path / MANIFEST)

    def data(self, name: str) -> bytes | None:
        """The data file with this SHA-256 (hex), or None. Raises Inconsistent `data-hash`."""
        path = self._data_path(name)
        if not path.is_file():
            return None
        content = read_file(path)
        if sha256(content).hexdigest() != name:
            raise Inconsistent("data-hash", f"{path}: its content has another hash than its name")
        return content

    def source(self) -> Source:
        return open_source(str(self.path))

    def voters(self) -> int:
        return read_board(str(self.path)).voters()

    def record_at(self, offset: int, size: int) -> bytes:
        """`size` bytes of the archive from `offset`: the content of a record that was read before."""
        with self.archive() as stream:
            stream.seek(offset)
            return stream.read(size)

    def append(self, additions: Sequence[Addition], data: Sequence[bytes], archived: AbstractSet[str]) -> None:
        """All of it stands in the record and has reached the disk. Raises OSError, and then nothing of it does.

        `archived` are the SHA-256 of the archive's data records so far: what stands there is not kept a second time.
        """
        records = b"".join(
            item_records(one.entry, one.contents, self.timestamp) for one in additions if isinstance(one.entry, Event)
        )
        lines = b"".join(entry_line(one.entry.text()) for one in additions)
        archiving = {sha256(content).hexdigest() for one in additions for content in one.contents}
        fresh = {name: content for name, content in _by_name(data).items() if self._is_new(name, archived | archiving)}
        # What becomes a record of the archive is no longer kept beside it.
        obsolete = [name for name in sorted(archiving) if self._data_path(name).exists()]
        self._write_journal("undo", sorted(fresh))
        try:
            for name, content in fresh.items():
                self._data_path(name).parent.mkdir(parents=True, exist_ok=True)
                write_new(self._data_path(name), content)
            _extend(self._archive, records)
            _extend(self.path / ENTRIES, lines)
        except OSError:
            self.recover()
            raise
        self._write_journal("remove", obsolete)
        self.recover()

    def recover(self) -> str | None:
        """The folder is as before or after its last append, never between. What was done, if anything had to be."""
        path = self.path / JOURNAL
        if not path.exists():
            return None
        task, archive, entries, names = _parse_journal(path)
        if task == "undo":
            _cut(self._archive, archive)
            _cut(self.path / ENTRIES, entries)
        for name in names:
            self._remove_data(name)
        path.unlink()
        sync_folder(self.path)
        return "an append that was cut short has been taken back; repeat the command that was running" if task == "undo" else None

    def _is_new(self, name: str, archived: AbstractSet[str]) -> bool:
        if name in archived or name == sha256(self.manifest()).hexdigest():
            return False
        return not self._data_path(name).exists()

    def _write_journal(self, task: str, names: list[str]) -> None:
        content: dict[str, Json] = {
            "task": task,
            "archive": self._archive.stat().st_size,
            "entries": (self.path / ENTRIES).stat().st_size,
            "data": list(names),
        }
        replace(self.path / JOURNAL, encode(content))

    def _remove_data(self, name: str) -> None:
        path = self._data_path(name)
        path.unlink(missing_ok=True)
        if path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()

    def _data_path(self, name: str) -> Path:
        return self.path / "data" / name[:2] / name


def create_folder(path: Path, uuid: str, manifest: bytes, timestamp: int, first: Sequence[Addition], data: Sequence[bytes]) -> None:
    """A new record where nothing was, or an empty folder: the archive's first record, manifest, first entries, their data.

    It is made beside `path` and then gets its name, so that half a record is never seen. Raises Refused `file-exists`, OSError.
    """
    refuse_used(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    growing = path.with_name(f".{path.name}.{uuid}")
    growing.mkdir(mode=0o755)
    try:
        write_new(growing / MANIFEST, manifest)
        write_new(growing / f"{uuid}.bel", header_record(timestamp))
        write_new(growing / ENTRIES, b"")
        RecordFolder(growing, growing / f"{uuid}.bel", timestamp).append(first, data, frozenset())
        growing.rename(path)
    except OSError:
        shutil.rmtree(growing)
        raise
    sync_folder(path.parent)


def refuse_used(path: Path) -> None:
    """Raises Refused `file-exists` unless `path` is free or an empty folder."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise Refused("file-exists", f"{path} is already there and is not an empty folder; name another one")


@contextmanager
def open_folder(path: Path) -> Iterator[RecordFolder]:
    """The record in `path`, for this process alone; an append that was cut short is taken back first, with a warning.

    Raises Unsupported `unreadable` when there is no record, Refused `record-busy` when another process has it open.
    """
    archives = sorted(path.glob("*.bel")) if path.is_dir() else []
    if len(archives) != 1 or not (path / ENTRIES).is_file() or not (path / MANIFEST).is_file():
        raise Unsupported("unreadable", f"{path} is not the folder of an election's record (UUID.bel, {ENTRIES}, {MANIFEST})")
    with (path / ENTRIES).open("rb") as entries:
        try:
            # The lock lies on a file of the record itself: none is left behind, and a process that dies gives it back.
            fcntl.flock(entries, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused("record-busy", f"another veche command is writing to {path}; wait until it has ended") from error
        with archives[0].open("rb") as archive:
            timestamp = read_timestamp(archive)
        folder = RecordFolder(path, archives[0], timestamp)
        notice = folder.recover()
        if notice is not None:
            warn(f"Notice: {path}: {notice}.")
        yield folder


def _by_name(data: Sequence[bytes]) -> dict[str, bytes]:
    return {sha256(content).hexdigest(): content for content in data}


def _extend(path: Path, content: bytes) -> None:
    with path.open("ab") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _cut(path: Path, size: int) -> None:
    """The file ends after `size` bytes. Raises Inconsistent `record-damaged` if it has not even these."""
    found = path.stat().st_size
    if found < size:
        raise Inconsistent("record-damaged", f"{path} has {found} bytes where {size} had been written; restore it from a copy")
    with path.open("r+b") as stream:
        stream.truncate(size)
        os.fsync(stream.fileno())


def _parse_journal(path: Path) -> tuple[str, int, int, list[str]]:
    try:
        found = fields(parse_canonical(read_file(path)), ("task", "archive", "entries", "data"))
        task, names = found["task"], [digest(name) for name in array(found["data"])]
        if task not in ("undo", "remove"):
            raise Malformed("wrong-type", "the task is undo or remove")
        return str(task), integer(found["archive"]), integer(found["entries"]), names
    except Malformed as error:
        raise Malformed("record-damaged", f"{path} cannot be read: {error.message}") from error
