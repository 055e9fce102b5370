"""What a witness remembers: the logs it knows, and of each the last checkpoint it cosigned. SQLite, from Python's own library.

One row per log moves by compare-and-swap: of two submissions that continue one checkpoint, one is stored. What is stored has
reached the disk when `advance` returns; a cosignature leaves after that.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from veche.crypto.errors import ElectionError, Inconsistent, Refused
from veche.crypto.signed_note import VerifierKey, parse_verifier_key
from veche.ledger.checkpoint import Checkpoint
from veche.ledger.cosignature import LOG_KINDS, verify_key
from veche.ledger.signed_checkpoint import parse_signed
from veche.ledger.submission import Cosigned, origin_hash

WAIT_SECONDS: Final = 10
"""So long a submission waits for another one that is being stored."""
MAX_KEYS: Final = 16

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS log (
    origin TEXT PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    keys TEXT NOT NULL,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    note BLOB
)
"""


@dataclass(frozen=True, slots=True)
class WatchedLog:
    """A log with its keys, and what was last cosigned of it; `note` has its line and the witness's own, None before the first."""

    origin: str
    keys: tuple[VerifierKey, ...]
    cosigned: Cosigned
    note: bytes | None


def make_store(path: Path) -> None:
    """A new witness's database is there, with its table; what is there already stays."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute(_TABLE)


class WitnessStore:
    """The database in one file. Each call has a connection of its own, so that threads share nothing."""

    def __init__(self, path: Path) -> None:
        """The database that `make_store` made is there. Raises Refused `witness-store-lost`.

        It is never made here: with an empty memory the same key would cosign from the first entry again, another history included.
        """
        self._path = path
        if not path.is_file():
            raise _lost(path)
        with self._open() as connection:
            if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'log'").fetchone() is None:
                raise _lost(path)

    def add_log(self, keys: Sequence[VerifierKey]) -> str:
        """The log with these keys is known from now on, what was cosigned of it stays; its origin, the name of all its keys.

        Raises Refused `witness-log`, Malformed `checkpoint-key`.
        """
        origins = {key.name for key in keys}
        if len(origins) != 1:
            raise Refused("witness-log", "the keys of one log have one name, the log's origin")
        for key in keys:
            verify_key(key, LOG_KINDS, "the log")
        origin = origins.pop()
        with self._writing() as connection:
            known = _log_of(connection, origin)
            together = list(dict.fromkeys([*(known.keys if known else ()), *keys]))
            if len(together) > MAX_KEYS:
                raise Refused("witness-log", f"a log has at most {MAX_KEYS} keys")
            nothing = Cosigned()
            connection.execute(
                "INSERT INTO log (origin, hash, keys, size, root) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (origin) DO UPDATE SET keys = excluded.keys",
                (origin, origin_hash(origin), "\n".join(key.text() for key in together), nothing.size, nothing.root),
            )
        return origin

    def log(self, origin: str) -> WatchedLog | None:
        """The log as it stands, or None when it is not known. Raises Inconsistent `witness-store` when that is damaged."""
        with self._open() as connection:
            return _log_of(connection, origin)

    def newest(self, hashed: str) -> bytes | None:
        """The checkpoint last cosigned of the log whose origin has this hash, or None."""
        with self._open() as connection:
            row = connection.execute("SELECT note FROM log WHERE hash = ?", (hashed,)).fetchone()
        return None if row is None or row[0] is None else bytes(row[0])

    def advance(self, before: Cosigned, checkpoint: Checkpoint, note: bytes) -> None:
        """`checkpoint` follows `before` as the last one cosigned, on the disk. Raises Refused `witness-size`: another did."""
        with self._writing() as connection:
            moved = connection.execute(
                "UPDATE log SET size = ?, root = ?, note = ? WHERE origin = ? AND size = ? AND root = ?",
                (checkpoint.size, checkpoint.root, note, checkpoint.origin, before.size, before.root),
            ).rowcount
            if moved != 1:
                raise Refused("witness-size", f"another checkpoint of {checkpoint.origin[:100]} was cosigned in the meantime")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        # Mode rw: a file that got lost meanwhile is not made again.
        where = f"{self._path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(where, timeout=WAIT_SECONDS, isolation_level=None, uri=True)) as connection:
            # A rollback journal with EXTRA: also the folder has forgotten the journal when COMMIT returns.
            connection.execute("PRAGMA synchronous = EXTRA")
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")


def _lost(path: Path) -> Refused:
    return Refused(
        "witness-store-lost",
        f"{path} is not there, or is empty: without its memory this witness's key would cosign a second history. Bring the newest "
        "file back; if it is lost for ever, make a witness with a new key in another folder, and tell whoever trusts this one",
    )


def _log_of(connection: sqlite3.Connection, origin: str) -> WatchedLog | None:
    row = connection.execute("SELECT keys, size, root, note FROM log WHERE origin = ?", (origin,)).fetchone()
    if row is None:
        return None
    keys, size, root, note = row
    cosigned = Cosigned(size, bytes(root))
    try:
        known = tuple(parse_verifier_key(line) for line in keys.split("\n"))
        shown = None if note is None else parse_signed(bytes(note)).checkpoint
    except ElectionError as error:
        raise _damaged(origin) from error
    if cosigned != (Cosigned() if shown is None else Cosigned(shown.size, shown.root)):
        raise _damaged(origin)
    return WatchedLog(origin, known, cosigned, None if note is None else bytes(note))


def _damaged(origin: str) -> Inconsistent:
    return Inconsistent("witness-store", f"the witness's own memory of {origin[:100]} is damaged")
