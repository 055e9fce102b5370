"""Where a public record is read from: a bare `.bel` archive, a folder, or a server. docs/protocol.md section 8.5.

A source only hands out bytes; nothing here judges them. The record over HTTP is `url_source`, imported when an address is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Protocol

from veche.crypto.errors import ElectionError, Inconsistent, Malformed, Unsupported
from veche.ledger.event import MAX_ENTRY_BYTES
from veche.ledger.signed_checkpoint import MAX_BYTES as MAX_CHECKPOINT
from veche.ledger.tile import WIDTH

MAX_MANIFEST = 1_000_000
MAX_DATA = 64 * 1024 * 1024
MAX_TILE = WIDTH * (2 + MAX_ENTRY_BYTES)

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Source(Protocol):
    """The bytes of one election's public record. `complete`: entries, manifest and data belong to it; `in_folder`: they could."""

    name: str
    complete: bool
    in_folder: bool

    def archive(self) -> BinaryIO:
        """The `.bel` archive, from its beginning, seekable."""

    def archive_name(self) -> str | None:
        """The uuid in the archive's file name, where the form demands one."""

    def entries(self) -> BinaryIO:
        """entries.jsonl, from its beginning."""

    def manifest(self) -> bytes:
        """manifest.json."""

    def data(self, digest: str) -> bytes:
        """The data file of this SHA-256. Raises Inconsistent `data-missing` or `data-hash`."""

    def data_names(self) -> Iterator[str]:
        """Every data file there is, `aa/DIGEST`."""

    def checkpoint(self) -> bytes | None:
        """The log's signed checkpoint, as it is served beside the entries; None where there is none."""

    def tile(self, path: str) -> bytes | None:
        """The tile or bundle of the log at this path, `tile/…`; None where there is none."""

    def tile_names(self) -> Iterator[str] | None:
        """The paths of every tile and bundle there is; None where nobody can list them."""


class LogFolder:
    """The log's files below a folder: `checkpoint` and `tile/…`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def checkpoint(self) -> bytes | None:
        """Its bytes; of one that is too long only so many that this is seen. A link or a pipe is no checkpoint of the record."""
        path = self._path / "checkpoint"
        return _beginning_of(path, MAX_CHECKPOINT + 1) if _is_plain(path) else b"" if path.is_symlink() or path.exists() else None

    def tile(self, path: str) -> bytes | None:
        """The bytes at `path`; of one that is too long only so many that this is seen. None for a link or a pipe."""
        place = self._path / path
        return _beginning_of(place, MAX_TILE + 1) if _is_plain(place) else None

    def tile_names(self) -> Iterator[str]:
        root = self._path / "tile"
        for path in sorted(root.rglob("*")):
            if path.is_symlink() or not path.is_dir():
                yield path.relative_to(self._path).as_posix()


class NoLog:
    """What stands alone has no log beside it."""

    def checkpoint(self) -> bytes | None:
        return None

    def tile(self, path: str) -> bytes | None:
        return None

    def tile_names(self) -> Iterator[str] | None:
        return None


class BareArchive(NoLog):
    """A single `.bel` file."""

    complete = False

    def __init__(self, path: Path, in_folder: bool = False) -> None:
        self.name = str(path)
        self.in_folder = in_folder
        self._path = path

    def archive(self) -> BinaryIO:
        return _open(self._path)

    def archive_name(self) -> str | None:
        return None

    def entries(self) -> BinaryIO:
        raise Malformed("folder-form", f"{self.name} is a bare archive and has no entries")

    def manifest(self) -> bytes:
        raise Malformed("folder-form", f"{self.name} is a bare archive and has no manifest.json")

    def data(self, digest: str) -> bytes:
        raise Inconsistent("data-missing", f"{self.name} is a bare archive and has no data {digest[:16]}…")

    def data_names(self) -> Iterator[str]:
        return iter(())


class Folder(LogFolder):
    """The folder form: `UUID.bel`, `manifest.json`, `entries.jsonl`, `data/aa/SHA256`; `checkpoint` and `tile/…` of the log."""

    complete = True
    in_folder = True

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.name = str(path)

    def archive(self) -> BinaryIO:
        return _open(self._archive_path())

    def archive_name(self) -> str | None:
        return self._archive_path().stem

    def entries(self) -> BinaryIO:
        return _open(self._required("entries.jsonl"))

    def manifest(self) -> bytes:
        return _read(self._required("manifest.json"), MAX_MANIFEST)

    def data(self, digest: str) -> bytes:
        path = self._path / "data" / digest[:2] / digest
        if not _is_plain(path) or path.parent.is_symlink() or path.parent.parent.is_symlink():
            raise Inconsistent("data-missing", f"data/{digest[:2]}/{digest} is named by the record and is not there")
        content = _read(path, MAX_DATA)
        if sha256(content).hexdigest() != digest:
            raise Inconsistent("data-hash", f"data/{digest[:2]}/{digest}: its content has another hash than its name")
        return content

    def data_names(self) -> Iterator[str]:
        root = self._path / "data"
        for path in sorted(root.rglob("*")):
            if path.is_symlink() or not path.is_dir():
                yield path.relative_to(root).as_posix()

    def _archive_path(self) -> Path:
        found = sorted(self._path.glob("*.bel"))
        if len(found) != 1:
            raise Malformed("folder-form", f"{self.name} holds {len(found)} files *.bel; exactly one is expected")
        return found[0]

    def _required(self, name: str) -> Path:
        path = self._path / name
        if not _is_plain(path):
            raise Malformed("folder-form", f"{self.name} has no {name}")
        return path


class Unreadable(NoLog):
    """A record that could not be opened: whoever asks for it is told why."""

    complete = False
    in_folder = False

    def __init__(self, where: str, error: ElectionError) -> None:
        self.name = where
        self._error = error

    def archive(self) -> BinaryIO:
        raise self._error

    def archive_name(self) -> str | None:
        return None

    def entries(self) -> BinaryIO:
        raise self._error

    def manifest(self) -> bytes:
        raise self._error

    def data(self, digest: str) -> bytes:
        raise self._error

    def data_names(self) -> Iterator[str]:
        return iter(())


def open_source(where: str) -> Source:
    """The source at a path, or at an election's address (http:// or https://), where nothing is fetched twice from.

    A folder with nothing but one `.bel` is a bare archive, as other people's tools keep it. Raises Unsupported `unreadable` or
    `unreachable` when there is nothing to read, Inconsistent when a server answers for another election.
    """
    if where.startswith(("http://", "https://")):
        from veche.observer.url_source import UrlSource

        return UrlSource(where)
    path = Path(where)
    if path.is_dir():
        archives = sorted(path.glob("*.bel"))
        if not archives and not (path / "entries.jsonl").exists():
            raise Unsupported("unreadable", f"{where} is a folder without an archive (*.bel) of an election")
        if len(archives) == 1 and not any((path / name).exists() for name in ("entries.jsonl", "manifest.json", "data")):
            return BareArchive(archives[0], in_folder=True)
        return Folder(path)
    if not path.exists():
        raise Unsupported("unreadable", f"{where} does not exist")
    return BareArchive(path)


def open_older(where: str) -> Source:
    """The source of an older copy. Whether it can be read is found where it is compared (`against-unreadable`)."""
    try:
        return open_source(where)
    except ElectionError as error:
        return Unreadable(where, error)


def _is_plain(path: Path) -> bool:
    """A file of the record itself: no link to somewhere else, no pipe that never ends."""
    return path.is_file() and not path.is_symlink()


def _open(path: Path) -> BinaryIO:
    if path.exists() and not path.is_file():
        raise Unsupported("unreadable", f"{path} is no file")
    try:
        return path.open("rb")
    except OSError as error:
        raise Unsupported("unreadable", f"{path} cannot be read ({error.strerror})") from error


def _beginning_of(path: Path, limit: int) -> bytes:
    with _open(path) as stream:
        return stream.read(limit)


def _read(path: Path, limit: int) -> bytes:
    with _open(path) as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise Malformed("folder-form", f"{path.name} is larger than {limit} bytes")
    return content
