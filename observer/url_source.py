"""A record over HTTP: the address of an election at an observer endpoint, and names below it. docs/protocol.md section 8.5.

The two growing files are taken as one state of the record: the summary says in one answer how long both are, and each is read so
far, never twice. Everything is fetched when it is asked for: whoever encrypts a ballot loads Setup and not all other ballots.
Standard library only.
"""

from __future__ import annotations

import io
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import urlsplit

from veche.ballot.election import is_uuid
from veche.crypto.canonical_json import Json, integer, parse
from veche.crypto.errors import Inconsistent, Malformed, Unsupported
from veche.ledger.signed_checkpoint import MAX_BYTES as MAX_CHECKPOINT
from veche.observer.downloading import NotThere, Patience, Site
from veche.observer.sources import MAX_DATA, MAX_MANIFEST
from veche.observer.url_tiles import UrlTiles

MAX_SUMMARY: Final = 8 * 1024 * 1024
MAX_FILE: Final = 1 << 37
"""128 GiB: thirty million ballots. More is no election."""


LEAST: Final = 1 << 20
MOST: Final = 1 << 26
"""Bytes that are fetched in one request: the more, the further the reader has come."""


class UrlSource:
    """The record as it stood when this was made: what is appended later is not seen."""

    complete = True
    in_folder = True

    def __init__(self, address: str, patience: Patience | None = None) -> None:
        """How far the record goes is known; what is read of it stays on this computer for as long as anybody reads.

        Raises Unsupported `unreachable` or `election-address`, Inconsistent `other-election`; reading raises these and Inconsistent
        `record-cut` when the server has less than it said.
        """
        self.name, self._uuid = parse_address(address)
        self._site = Site(self.name, patience or Patience())
        self._tiles = UrlTiles(self._site)
        # Asked before the counts: what it covers is then among the entries, however fast the record grows.
        self._checkpoint = self._newest()
        counts, folder = self._counts(), _Folder()
        self._entries = _Download(self._site, "entries.jsonl", folder, counts["entry_bytes"])
        self._archive = _Download(self._site, "archive.bel", folder, counts["archive_bytes"])

    def archive(self) -> BinaryIO:
        return self._archive.open()

    def archive_name(self) -> str | None:
        return self._uuid

    def entries(self) -> BinaryIO:
        return self._entries.open()

    def manifest(self) -> bytes:
        try:
            return self._site.small("manifest.json", MAX_MANIFEST)
        except NotThere as error:
            raise Malformed("folder-form", f"{self.name} has no manifest.json") from error

    def data(self, digest: str) -> bytes:
        name = f"data/{digest[:2]}/{digest}"
        try:
            content = self._site.small(name, MAX_DATA)
        except NotThere as error:
            raise Inconsistent("data-missing", f"{name} is named by the record and is not there") from error
        if sha256(content).hexdigest() != digest:
            raise Inconsistent("data-hash", f"{name}: its content has another hash than its name")
        return content

    def data_names(self) -> Iterator[str]:
        """None: a server has no list of what nothing names, and hands out nothing that was not asked for."""
        return iter(())

    def checkpoint(self) -> bytes | None:
        """The checkpoint of this state of the record or of an earlier one. One that does not end is no checkpoint: empty."""
        return self._checkpoint

    def tile(self, path: str) -> bytes | None:
        return self._tiles.get(path)

    def tile_names(self) -> Iterator[str] | None:
        return None

    def _newest(self) -> bytes | None:
        try:
            return self._site.small("checkpoint", MAX_CHECKPOINT)
        except NotThere:
            return None
        except Malformed:
            return b""

    def _counts(self) -> dict[str, int]:
        """How long both files are in one state of the record."""
        try:
            raw = self._site.small("", MAX_SUMMARY)
        except NotThere as error:
            raise Unsupported("unreachable", f"{self.name} cannot be read: the server has no such election") from error
        except Malformed as error:
            raise Unsupported("unreachable", f"{self.name} cannot be read: its answer does not end") from error
        try:
            found = parse(raw, MAX_SUMMARY)
            counts = found.get("counts") if type(found) is dict else None
            if type(found) is not dict or type(counts) is not dict:
                raise Malformed("wrong-type", "an object with counts was expected")
            sizes = {name: integer(counts.get(name), 0, MAX_FILE) for name in ("entry_bytes", "archive_bytes")}
        except Malformed as error:
            raise Unsupported("unreachable", f"{self.name} does not answer as an election's address does: {error}") from error
        self._verify_same(found.get("election"))
        return sizes

    def _verify_same(self, served: Json) -> None:
        if served != self._uuid:
            raise Inconsistent("other-election", f"{self.name} answers for another election, {str(served)[:64]}")


class _Folder:
    """A folder for as long as anybody reads from it, also without the source."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="veche-"))
        weakref.finalize(self, shutil.rmtree, self.path, True)


class _Download:
    """The first `size` bytes of a file on a server, fetched as far as they are read and kept on this computer."""

    def __init__(self, site: Site, name: str, folder: _Folder, size: int) -> None:
        self.size = size
        self._site = site
        self._name = name
        self._folder = folder
        self._path = folder.path / name
        self._path.touch()
        self._have = 0

    def open(self) -> BinaryIO:
        """Those bytes, seekable. Raises Malformed `folder-form` when the server has no such file, and whatever `into` raises."""
        self.reach(min(1, self.size))
        return io.BufferedReader(_Reader(self, self._path))

    def reach(self, end: int) -> None:
        """So many bytes are here, and some more, so that a long file takes few requests."""
        if end <= self._have:
            return
        wanted = min(self.size, max(end, self._have + min(max(self._have, LEAST), MOST)))
        try:
            with self._path.open("r+b") as stream:
                self._site.into(self._name, stream, wanted, self.size)
                self._have = stream.tell()
        except NotThere as error:
            raise Malformed("folder-form", f"{self._site.address} has no {self._name}") from error


class _Reader(io.RawIOBase):
    """A file that is fetched while it is read."""

    def __init__(self, download: _Download, path: Path) -> None:
        self._download = download
        self._stream = path.open("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        place = self._stream.tell()
        end = min(self._download.size, place + len(buffer))
        self._download.reach(end)
        found = self._stream.read(max(0, end - place)) or b""
        buffer[: len(found)] = found
        return len(found)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            return self._stream.seek(self._download.size + offset)
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def close(self) -> None:
        self._stream.close()
        super().close()


def is_address(where: str) -> bool:
    """Whether this names a server and no file."""
    return where.startswith(("http://", "https://"))


def parse_address(where: str) -> tuple[str, str]:
    """The address without a slash at its end, and the uuid it ends in. Raises Unsupported `election-address`."""
    address = where.rstrip("/")
    try:
        place = urlsplit(address)
        # The port is read, too, so that one which is none is found here.
        good = is_address(address) and bool(place.hostname) and (place.port is None or place.port > 0)
        good = good and place.username is None and not place.query and not place.fragment
    except ValueError:
        good = False
    uuid = address.rpartition("/")[2]
    if not good or not is_uuid(uuid) or re.fullmatch(r"[!-~]+", address) is None:
        raise Unsupported("election-address", "an election's address looks like https://HOST/observer/elections/UUID")
    return address, uuid
