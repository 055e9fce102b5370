"""What a log has signed last, kept outside the database: it moves by compare-and-swap and only forward. Design decision 9.

A log that signs two histories is caught by its witnesses. So nothing is signed before this file was asked, and nothing is served
before this file has it on the disk.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from veche.crypto.canonical_json import digest, encode, fields, integer, parse_canonical, text
from veche.crypto.errors import Inconsistent, Malformed
from veche.ledger.checkpoint import Checkpoint
from veche.ledger.signed_checkpoint import parse_signed
from veche.observer import durable_files
from veche.observer.log_store import make_durable_folder


@dataclass(frozen=True, slots=True)
class LogState:
    """The newest checkpoint that was signed: `size` entries with this root; the note as signed; when (seconds since 1970)."""

    size: int
    root: bytes
    note: bytes
    time: int

    def checkpoint(self) -> Checkpoint:
        """What the note says."""
        return parse_signed(self.note).checkpoint


class LogStateFile:
    """The file of one election. Whoever signs holds it from before reading the entries until the new state is on the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else signs meanwhile, in this process or another."""
        make_durable_folder(self._path.parent)
        handle = os.open(self._path.with_name(f".{self._path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def read(self) -> LogState | None:
        """The newest state, None before the first. Raises Inconsistent `log-state` when the file is damaged."""
        try:
            raw = durable_files.read_file(self._path)
        except FileNotFoundError:
            return None
        try:
            return _parse(raw)
        except Malformed as error:
            raise Inconsistent(
                "log-state",
                f"{self._path} is damaged ({error.message}): bring it back from a copy of the newest checkpoint, or the log may "
                "contradict itself",
            ) from error

    def swap(self, before: LogState | None, after: LogState) -> None:
        """`after` has reached the disk in place of `before`; only while `held`. Raises Inconsistent `log-moved`, OSError."""
        found = self.read()
        if found != before or (before is not None and after.size <= before.size):
            size = 0 if found is None else found.size
            raise Inconsistent("log-moved", f"the log was signed at {size} entries meanwhile; {after.size} is not signed over it")
        durable_files.replace(self._path, _encoded(after), private=True)


def _encoded(state: LogState) -> bytes:
    note = state.note.decode("utf-8")
    return encode({"size": state.size, "root": state.root.hex(), "note": note, "time": state.time})


def _parse(raw: bytes) -> LogState:
    found = fields(parse_canonical(raw), ("size", "root", "note", "time"))
    state = LogState(
        integer(found["size"]), bytes.fromhex(digest(found["root"])), text(found["note"]).encode("utf-8"), integer(found["time"])
    )
    checkpoint = state.checkpoint()
    if (checkpoint.size, checkpoint.root) != (state.size, state.root):
        raise Malformed("log-state", "its note says another size or root")
    return state
