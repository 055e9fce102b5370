"""A backup is a folder: the database as it was at one moment, and a manifest with date, hashes and how far each record had come.

It is made while the server runs. The signing keys are not in it: whoever has a backup cannot sign as the ballot box. Nor are the
files of the record, which follow from the database. docs/operating.md says how to keep keys and heads.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url

from veche import __version__
from veche.ballot.election import is_uuid
from veche.crypto.canonical_json import Json, encode, fields, integer, parse_canonical
from veche.crypto.canonical_json import text as string
from veche.crypto.errors import Inconsistent, Malformed, Refused, Unsupported
from veche.observer.database import Database
from veche.observer.durable_files import read_file, sync_folder, write_private
from veche.observer.record_rows import all_elections
from veche.service.head_file import Head
from veche.service.postgres_tools import run_tool
from veche.service.schema import schema_status
from veche.service.settings import Settings

FORMAT: Final = "veche/backup/v1"
MANIFEST: Final = "manifest.json"
SQLITE_FILE: Final = "database.sqlite3"
POSTGRES_FILE: Final = "database.pgdump"
_FIELDS: Final = ("format", "made_at", "made_by", "database", "schema", "files", "elections")


@dataclass(frozen=True, slots=True)
class BackupManifest:
    """What a backup says of itself. `kind` is sqlite or postgresql; `files` maps a name to its SHA-256 (hex)."""

    made_at: str
    made_by: str
    kind: str
    schema: str
    files: Mapping[str, str]
    heads: Mapping[str, Head]

    @property
    def database_file(self) -> str:
        return SQLITE_FILE if self.kind == "sqlite" else POSTGRES_FILE

    def encoded(self) -> bytes:
        heads: dict[str, Json] = {
            # Heights begin at -1, "no event yet"; the canonical form has no negative numbers.
            uuid: {"entries": head.entries, "events": head.height + 1, "event": head.event}
            for uuid, head in self.heads.items()
        }
        return encode(
            {
                "format": FORMAT,
                "made_at": self.made_at,
                "made_by": self.made_by,
                "database": self.kind,
                "schema": self.schema,
                "files": {**self.files},
                "elections": heads,
            }
        )


def make_backup(settings: Settings, to: Path) -> BackupManifest:
    """`to` is a new folder that only its owner reads, with a whole backup. The server may run meanwhile.

    Raises Refused `backup-exists`, `backup-damaged`, Unsupported `no-database`, `no-tool`, or OSError; then the folder is gone.
    """
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise Refused("backup-exists", f"{to} is already there; a backup goes to a new folder, so that none is ever overwritten")
    to.mkdir(mode=0o700, parents=True, exist_ok=True)
    to.chmod(0o700)
    try:
        return _make(settings, to)
    except BaseException:
        shutil.rmtree(to, ignore_errors=True)
        raise


def read_manifest(folder: Path) -> BackupManifest:
    """The manifest of a backup. Raises Malformed `backup-malformed`, Unsupported `backup-format`, or OSError."""
    path = folder / MANIFEST
    if not path.exists():
        raise Malformed("backup-malformed", f"{folder} is no backup, or one that was never finished: it has no {MANIFEST}")
    try:
        found = fields(parse_canonical(read_file(path)), _FIELDS)
        if found["format"] != FORMAT:
            raise Unsupported("backup-format", f"{path} has a format that this program does not know")
        heads = {_uuid(uuid): _head(value) for uuid, value in _object(found["elections"]).items()}
        files = {name: string(value) for name, value in _object(found["files"]).items()}
        made_at, made_by = string(found["made_at"]), string(found["made_by"])
        return BackupManifest(made_at, made_by, string(found["database"]), string(found["schema"]), files, heads)
    except Malformed as error:
        raise Malformed("backup-malformed", f"{path}: {error.message}") from error


def verify_files(folder: Path, manifest: BackupManifest) -> None:
    """Check that every file is the one that was written. Raises Inconsistent `backup-damaged`, or OSError."""
    if manifest.kind not in ("sqlite", "postgresql") or set(manifest.files) != {manifest.database_file}:
        raise Malformed("backup-malformed", f"{folder}: the manifest must name {manifest.database_file} and no other file")
    for name, wanted in manifest.files.items():
        found = file_hash(folder / name)
        if found != wanted:
            raise Inconsistent("backup-damaged", f"{folder / name} is not the file that was written: {found}, not {wanted}")


def file_hash(path: Path) -> str:
    """SHA-256 (hex) of a file of any size."""
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def _make(settings: Settings, to: Path) -> BackupManifest:
    database = Database(settings.database_url)
    try:
        kind, name = ("sqlite", SQLITE_FILE) if database.sqlite else ("postgresql", POSTGRES_FILE)
        path = to / name
        schema = schema_status(database).found
        # Its owner's from the first byte on: accounts and the audit trail are in it.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        if database.sqlite:
            copy_sqlite(sqlite_path(settings), path)
            heads = _heads_of_copy(path)
        else:
            heads = _dump_postgres(database, settings.database_url, path)
    finally:
        database.close()
    _sync_file(path)
    made_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    manifest = BackupManifest(made_at, f"veche {__version__}", kind, schema, {name: file_hash(path)}, heads)
    # Last: a folder without it is no backup.
    write_private(to / MANIFEST, manifest.encoded())
    sync_folder(to.absolute().parent)
    return manifest


def sqlite_path(settings: Settings) -> Path:
    """The file of the SQLite database in force. Raises Refused `no-database` where it lies in no file."""
    name = make_url(settings.database_url).database
    if not name or name == ":memory:":
        raise Refused("no-database", "this SQLite database lies in no file")
    return Path(name)


def copy_sqlite(source: Path, target: Path) -> None:
    """`target` holds one state of `source`, whatever is written meanwhile, in a single file that was checked.

    Raises Unsupported `no-database`, Inconsistent `backup-damaged`.
    """
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True, timeout=60)) as origin,
            closing(sqlite3.connect(target)) as copy,
        ):
            origin.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
            verdict = str(copy.execute("PRAGMA integrity_check").fetchone()[0])
    except sqlite3.Error as error:
        raise Unsupported("no-database", f"{source} cannot be read: {error}") from error
    if verdict != "ok":
        raise Inconsistent("backup-damaged", f"{source} is damaged: {verdict}")


def _heads_of_copy(path: Path) -> dict[str, Head]:
    engine = create_engine(f"sqlite+pysqlite:///{path.absolute()}")
    try:
        with engine.connect() as connection:
            return heads_in(connection)
    finally:
        engine.dispose()


def heads_in(connection: Connection) -> dict[str, Head]:
    """How far every record has come in this transaction."""
    return {
        row.uuid: Head(row.entries, -1 if row.height is None else row.height, row.head or "") for row in all_elections(connection)
    }


def _dump_postgres(database: Database, url: str, path: Path) -> dict[str, Head]:
    """pg_dump sees exactly the state whose heads are given back: it works in our transaction's snapshot."""
    with database.reading() as connection:
        heads = heads_in(connection)
        snapshot = str(connection.execute(text("SELECT pg_export_snapshot()")).scalar_one())
        options = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", f"--file={path}"]
        run_tool("pg_dump", url, options)
    return heads


def _sync_file(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _object(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise Malformed("backup-malformed", "an object is missing")
    return value


def _uuid(name: str) -> str:
    """The name, which becomes a file's. Raises Malformed where it is none of an election."""
    if not is_uuid(name):
        raise Malformed("uuid", f"{name[:64]!r} is no election's identifier")
    return name


def _head(value: Json) -> Head:
    found = fields(value, ("entries", "events", "event"))
    return Head(integer(found["entries"]), integer(found["events"]) - 1, string(found["event"]))
