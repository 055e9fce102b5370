"""A record and its log as a folder that any web server or disk can hold. Design section 5; docs/protocol.md section 8.5.

Everything is taken at one checkpoint and made anew from the entries in the database, not copied from the server's tiles: what was
damaged there since does not get out, and entries that do not give the signed root are no export. The folder gets its name last.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from veche.ballot.manifest import Manifest, parse_manifest
from veche.crypto.errors import Inconsistent, Refused
from veche.ledger.annex import parse_annex
from veche.ledger.checkpoint import Checkpoint
from veche.ledger.signed_checkpoint import parse_signed, verify_log
from veche.ledger.tile import Resource
from veche.ledger.tile_growth import Edge, grow, lasting
from veche.ledger.tile_reader import verify_root
from veche.observer.database import Database
from veche.observer.durable_files import sync_folder
from veche.observer.mirror_data import named_by, texts_of
from veche.observer.mirror_folder import log_of, read_pieces
from veche.observer.published_files import write_record
from veche.observer.record_rows import data_part, data_size, election_row, entries_but_ballots, manifest_of, records_of

_ENTRIES: Final = "entries.jsonl"


@dataclass(frozen=True, slots=True)
class Exported:
    """What the folder holds: so many entries, under this checkpoint; None where the log has signed nothing yet."""

    entries: int
    checkpoint: Checkpoint | None


def export_election(database: Database, note: bytes | None, uuid: str, target: Path) -> Exported:
    """`target` is the folder form of this election, whole and on the disk; `note` is the checkpoint as it is served.

    Without a checkpoint the record goes as far as the database does. Raises Refused `folder-taken`, `no-election`; Inconsistent
    `log-behind`, `root-differs`, `data-missing`, and what else is wrong with a record that is none; OSError.
    """
    refuse_taken(target)
    folder = target.absolute().with_name(f".{target.absolute().name}.{secrets.token_hex(8)}")
    folder.mkdir()
    try:
        with database.reading() as connection:
            done = _fill(connection, note, uuid, folder)
        # One call for thousands of files: an fsync for each would take minutes.
        os.sync()
        try:
            folder.replace(target.absolute())
        except OSError as error:
            refuse_taken(target)
            raise error
        sync_folder(target.absolute().parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return done


def refuse_taken(target: Path) -> None:
    """Raises Refused `folder-taken` when there is something at `target` but an empty folder."""
    if target.is_symlink() or (target.exists() and not (target.is_dir() and not any(target.iterdir()))):
        raise Refused("folder-taken", f"{target} is there already and is not empty: an export needs a folder of its own")


def _fill(connection: Connection, note: bytes | None, uuid: str, folder: Path) -> Exported:
    row, raw = election_row(connection, uuid), manifest_of(connection, uuid)
    manifest = parse_manifest(raw)
    checkpoint = None if note is None else _verified(note, manifest)
    size = row.entries if checkpoint is None else checkpoint.size
    if row.entries < size:
        raise Inconsistent("log-behind", f"election {uuid}: the log has signed {size} entries, this database has {row.entries}")
    (folder / "manifest.json").write_bytes(raw)
    with (folder / f"{uuid}.bel").open("wb") as archive, (folder / _ENTRIES).open("wb") as lines:
        write_record(connection, uuid, row.archive_time, archive, lines, count=size)
    if note is not None and checkpoint is not None:
        _write_log(folder, checkpoint)
        (folder / "checkpoint").write_bytes(note)
    for digest in sorted(_data_of(connection, manifest, raw, size)):
        _write(folder / "data" / digest[:2] / digest, _data(connection, uuid, digest))
    return Exported(size, checkpoint)


def _verified(note: bytes, manifest: Manifest) -> Checkpoint:
    signed, log = parse_signed(note), log_of(manifest)
    verify_log(signed, log.origin, log.keys)
    return signed.checkpoint


def _write_log(folder: Path, checkpoint: Checkpoint) -> None:
    """Tiles and bundles of the entries in the folder, which give the root that was signed."""
    edge = Edge()
    for texts in read_pieces(folder / _ENTRIES):
        growth = grow(edge, texts)
        _write_resources(folder, lasting(growth, checkpoint.size))
        edge = growth.edge
    verify_root(edge, checkpoint)


def _write_resources(folder: Path, resources: Iterable[tuple[Resource, bytes]]) -> None:
    for resource, data in resources:
        _write(folder / resource.path(), data)


def _data_of(connection: Connection, manifest: Manifest, raw: bytes, size: int) -> set[str]:
    """What the manifest and the first `size` entries name, and neither the archive up to there nor manifest.json is."""
    rows = [one for one in entries_but_ballots(connection, manifest.uuid) if one.place < size]
    annexes = (parse_annex(one.text, manifest.uuid) for one in rows if one.height is None)
    named = {*texts_of(manifest), *named_by(annexes, lambda digest: _data(connection, manifest.uuid, digest))}
    return named - {sha256(raw).hexdigest(), *_archived(connection, manifest.uuid, [one.height for one in rows])}


def _archived(connection: Connection, uuid: str, heights: Iterable[int | None]) -> Iterator[str]:
    """The names of the archive's data records before the events of these heights."""
    for height in heights:
        if height is not None:
            yield from (sha256(content).hexdigest() for content in records_of(connection, uuid, height))


def _data(connection: Connection, uuid: str, digest: str) -> bytes:
    """The content of this SHA-256, whether it is a data file or, since Setup, a record of the archive."""
    size = data_size(connection, uuid, digest)
    # SQLite takes no part of what is empty.
    content = b"" if size == 0 else data_part(connection, uuid, digest, 0, size or 0)
    if content is None or sha256(content).hexdigest() != digest:
        raise Inconsistent("data-missing", f"data/{digest[:2]}/{digest} is named by the record, and not in the database")
    return content


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
