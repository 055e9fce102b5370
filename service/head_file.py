"""How far a record has come, kept outside the database: an older database is noticed at start. Design decision 9.

The file has two slots that are written in turn, in place, each with its own hash and followed by an fsync. A power cut can tear the
slot being written, never the other one; so the newest head that was ever acknowledged, or the one just before it, is always there.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from veche.crypto.canonical_json import encode, fields, integer, parse_canonical, text
from veche.crypto.errors import Inconsistent, Malformed
from veche.observer import durable_files

SLOT: Final = 512
LOCK: Final = ".lock"


@dataclass(frozen=True, slots=True)
class Head:
    """The record had this many entries, and the event of this height (-1: none yet) had this hash (hex; empty: none yet)."""

    entries: int
    height: int
    event: str


class HeadFile:
    """The file of one election. Several processes may write it, one at a time."""

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
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(self._path.parent / LOCK):
            before = self.read()
            if before is None:
                # Under its name there is never a file without a head: one that was torn could not be told from a damaged one.
                durable_files.replace(self._path, _encoded(head))
            elif before.entries < head.entries:
                self._overwrite(1 - self._slot_of(before), head)

    def _overwrite(self, slot: int, head: Head) -> None:
        handle = os.open(self._path, os.O_RDWR)
        try:
            os.pwrite(handle, _encoded(head), slot * SLOT)
            os.fsync(handle)
        finally:
            os.close(handle)

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


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """No other process of this server writes a head meanwhile: after their commits they come here in any order."""
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
