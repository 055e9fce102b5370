"""A told election behind a small server of a test's own, which can be made to lie about any part of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

import pytest

from tests.election.record_builder import Story
from tests.observer.live_server import lying
from veche.crypto.canonical_json import encode
from veche.crypto.errors import ElectionError
from veche.observer.audit import audit
from veche.observer.board import board_of
from veche.observer.downloading import Patience
from veche.observer.report import Report
from veche.observer.url_source import UrlSource

UUID = "4hVecheTestA11"
PATH = f"/observer/elections/{UUID}"
HASTY = Patience(seconds=0.5, tries=2, pause=0.01, slowest=1_000_000)


@dataclass(slots=True)
class Shown:
    """What a server has, by name below the election; the empty name is the summary. `asked` is every request's name."""

    files: dict[str, bytes]
    asked: list[str] = field(default_factory=list)
    odd: Callable[[BaseHTTPRequestHandler, str], bool] = lambda _, __: False

    def __call__(self, reader: BaseHTTPRequestHandler) -> None:
        name = reader.path.removeprefix(PATH).removeprefix("/")
        self.asked.append(name)
        if self.odd(reader, name):
            return
        content = self.files.get(name)
        if content is None or not reader.path.startswith(PATH):
            send(reader, 404, b"{}")
            return
        part = re.fullmatch(r"bytes=(\d+)-(\d+)", reader.headers.get("Range", ""))
        if part is None:
            send(reader, 200, content)
        elif int(part[1]) >= len(content):
            send(reader, 416, b"{}", {"Content-Range": f"bytes */{len(content)}"})
        else:
            start, end = int(part[1]), min(int(part[2]) + 1, len(content))
            send(reader, 206, content[start:end], {"Content-Range": f"bytes {start}-{end - 1}/{len(content)}"})


def send(reader: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
    reader.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
        reader.send_header(name, value)
    reader.end_headers()
    reader.wfile.write(body)


def summary(archive: bytes, entries: bytes, uuid: str = UUID) -> bytes:
    return encode({"election": uuid, "counts": {"archive_bytes": len(archive), "entry_bytes": len(entries)}})


def record(story: Story | None = None) -> Shown:
    """A finished election at level strict, or as the story tells it."""
    told = story or Story()
    entries = b"".join(entry + b"\n" for entry in told.entries)
    data = {f"data/{digest[:2]}/{digest}": content for digest, content in told.data.items()}
    files = {"": summary(told.archive, entries), "archive.bel": told.archive, "entries.jsonl": entries}
    return Shown({**files, "manifest.json": told.manifest_text, **data})


@contextmanager
def served(shown: Shown) -> Iterator[str]:
    with lying(shown) as address:
        yield address + PATH


def audited(shown: Shown, level: str | None = "strict") -> Report:
    with served(shown) as address:
        return audit(UrlSource(address, HASTY), level=level)


def refusal(shown: Shown) -> ElectionError:
    with served(shown) as address, pytest.raises(ElectionError) as refused:
        board_of(UrlSource(address, HASTY))
    return refused.value
