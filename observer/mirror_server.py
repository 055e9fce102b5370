"""What a mirror holds, served read-only under the names that every reader of a record knows. docs/protocol.md section 12.9.

Python's own server: a mirror is run by people who have none of the operator's packages. What is fetched but not yet checked is
not served: every answer goes as far as the last checkpoint that the mirror believes.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Final

from veche.ballot.manifest import Log
from veche.crypto.canonical_json import Json, encode
from veche.crypto.errors import Malformed
from veche.ledger.tile import parse_path
from veche.observer.bounded_server import BoundedServer
from veche.observer.mirror_folder import Held, MirrorFolder

SECONDS: Final = 600
"""A request is over after so long: an archive may be large, and is taken up again where it broke."""

_TEXT: Final = "text/plain; charset=utf-8"
_BYTES: Final = "application/octet-stream"
_JSON: Final = "application/json"
_SHORT: Final = "public, no-cache, no-transform"
_FOR_EVER: Final = "public, max-age=31536000, immutable, no-transform"
_DATA = re.compile(r"data/([0-9a-f]{2})/(\1[0-9a-f]{62})")
_RANGE = re.compile(r"bytes=([0-9]{1,19})-([0-9]{0,19})")
_PIECE: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Shown:
    """How far everything goes: one state of the record."""

    note: bytes
    size: int
    root: str
    entry_bytes: int
    archive_bytes: int


@dataclass(frozen=True, slots=True)
class _File:
    """What stands at a name: a file up to `size` bytes, or these bytes."""

    content: Path | bytes
    size: int
    media_type: str
    cache: str


class MirrorServer(BoundedServer):
    """Serves a mirror's folder at HOST and PORT (0: a free one) below /observer/elections/UUID, once `show` was called."""

    seconds = SECONDS

    def __init__(self, host: str, port: int, folder: MirrorFolder, log: Log, address: str) -> None:
        self._folder, self._log, self._origin = folder, log, address
        self._shown: Shown | None = None
        self._lock = threading.Lock()
        super().__init__(host, port, _Answering)

    @property
    def election(self) -> str:
        """Where the election is read."""
        return f"{self.url}/observer/elections/{self._folder.uuid}"

    def show(self, held: Held) -> None:
        """From now on what is held is served."""
        if held.signed is not None:
            checkpoint = held.signed.checkpoint
            shown = Shown(held.signed.data(), checkpoint.size, checkpoint.root.hex(), held.entry_bytes, held.archive_bytes)
            with self._lock:
                self._shown = shown

    def find(self, path: str) -> _File | None:
        """What stands at this path; None when nothing does."""
        prefix = f"/observer/elections/{self._folder.uuid}"
        with self._lock:
            shown = self._shown
        if shown is None or not (path == prefix or path.startswith(prefix + "/")):
            return None
        name, folder = path.removeprefix(prefix).removeprefix("/"), self._folder
        match name:
            case "":
                summary = encode(self._summary(shown))
                return _File(summary, len(summary), _JSON, _SHORT)
            case "checkpoint":
                return _File(shown.note, len(shown.note), _TEXT, _SHORT)
            case "archive.bel":
                return _File(folder.archive, shown.archive_bytes, _BYTES, _SHORT)
            case "entries.jsonl":
                return _File(folder.entries, shown.entry_bytes, _BYTES, _SHORT)
            case "manifest.json":
                return _whole(folder.path / name, _JSON)
        if _DATA.fullmatch(name) or _is_tile(name):
            return _whole(folder.path / name, _BYTES)
        return None

    def _summary(self, shown: Shown) -> dict[str, Json]:
        keys: list[Json] = [key.text() for key in self._log.keys]
        return {
            "election": self._folder.uuid,
            "mirror_of": self._origin,
            "counts": {"entries": shown.size, "entry_bytes": shown.entry_bytes, "archive_bytes": shown.archive_bytes},
            "log": {"origin": self._log.origin, "vkey": keys[0], "keys": keys, "box": self._log.box.text()},
            "checkpoint": {"size": shown.size, "root": shown.root, "note": shown.note.decode("utf-8")},
        }


class _Answering(BaseHTTPRequestHandler):
    """One request."""

    server: MirrorServer
    timeout = 30
    server_version = "veche-mirror"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, with_body: bool) -> None:
        found = self.server.find(self.path)
        if found is None:
            self._head(HTTPStatus.NOT_FOUND, 0, _TEXT, "no-store")
            return
        part = _RANGE.fullmatch(self.headers.get("Range", ""))
        start, end = 0, found.size
        if part is not None:
            start = int(part[1])
            end = min(found.size, int(part[2]) + 1 if part[2] else found.size)
            if start >= end:
                where = f"bytes */{found.size}"
                self._head(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, 0, _TEXT, "no-store", where)
                return
        status, place = HTTPStatus.OK, None
        if part is not None:
            status, place = HTTPStatus.PARTIAL_CONTENT, f"bytes {start}-{end - 1}/{found.size}"
        self._head(status, end - start, found.media_type, found.cache, place)
        if with_body:
            self._pour(found.content, start, end)

    def _head(self, status: HTTPStatus, size: int, media_type: str, cache: str, where: str | None = None) -> None:
        self.send_response(status)
        headers = {"Content-Type": media_type, "Content-Length": str(size), "Cache-Control": cache, "Accept-Ranges": "bytes"}
        headers |= {"Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff"}
        for name, value in {**headers, **({} if where is None else {"Content-Range": where})}.items():
            self.send_header(name, value)
        self.end_headers()

    def _pour(self, content: Path | bytes, start: int, end: int) -> None:
        if isinstance(content, bytes):
            self.wfile.write(content[start:end])
            return
        with content.open("rb") as stream:
            stream.seek(start)
            while start < end and (piece := stream.read(min(_PIECE, end - start))):
                self.wfile.write(piece)
                start += len(piece)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: the parameter's name is the library's."""


def _whole(path: Path, media_type: str) -> _File | None:
    """The file as it stands, if it is one."""
    try:
        return _File(path, path.stat().st_size, media_type, _FOR_EVER) if path.is_file() else None
    except OSError:
        return None


def _is_tile(name: str) -> bool:
    try:
        parse_path(name)
    except Malformed:
        return False
    return True
