"""How far a record has come, kept outside the database: an older database is noticed at start. Design decision 9.

The file has two slots that are written in turn, in place, each with its own hash and followed by an fsync. A power cut can tear the
slot being written, never the other one; so the newest head that was ever acknowledged, or the one just before it, is always there.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from veche.crypto.canonical_json import encode, fields, integer, parse_canonical, text
from veche.crypto.errors import Inconsistent, Malformed

SLOT: Final = 512


@dataclass(frozen=True, slots=True)
class Head:
    """The record had this many entries, and the event of this height (-1: none yet) had this hash (hex; empty: none yet)."""

    entries: int
    height: int
    event: str


class HeadFile:
    """The file of one election. One process writes it at a time; several are kept apart by the election's row lock."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Head | None:
        """The newest head of the two slots; None when there is no file. Raises Inconsistent `head-file` when neither is whole."""
        if not self._path.exists():
            return None
        content = self._path.read_bytes()
        found = [head for slot in (0, 1) if (head := _parse(content[slot * SLOT : (slot + 1) * SLOT])) is not None]
        if not found:
            raise Inconsistent("head-file", f"{self._path} is damaged: restore it, or find out how far the record had come")
        return max(found, key=lambda head: head.entries)

    def write(self, head: Head) -> None:
        """`head` has reached the disk. One that is not newer than the file's changes nothing. Raises OSError."""
        before = self.read()
        if before is not None and before.entries >= head.entries:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        slot = head.entries % 2 if before is None else 1 - self._slot_of(before)
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            os.pwrite(handle, _encoded(head), slot * SLOT)
            os.fsync(handle)
        finally:
            os.close(handle)
        if before is None:
            _sync_folder(self._path.parent)

    def _slot_of(self, head: Head) -> int:
        return 0 if _parse(self._path.read_bytes()[:SLOT]) == head else 1


def _encoded(head: Head) -> bytes:
    content = encode({"entries": head.entries, "height": head.height + 1, "event": head.event})
    return (sha256(content).hexdigest().encode("ascii") + b" " + content).ljust(SLOT - 1) + b"\n"


def _parse(slot: bytes) -> Head | None:
    """The head of a slot; None when it is empty or torn."""
    named, _, content = slot.strip(b" \n\0").partition(b" ")
    if not content or sha256(content).hexdigest().encode("ascii") != named:
        return None
    try:
        found = fields(parse_canonical(content), ("entries", "height", "event"))
        return Head(integer(found["entries"]), integer(found["height"]) - 1, text(found["event"]))
    except Malformed:
        return None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
