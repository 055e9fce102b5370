"""A backup becomes a server's database again, in a place that has none, and never one that is older than what was acknowledged."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sqlalchemy import MetaData, inspect

from veche.crypto.errors import Inconsistent, Malformed, Refused
from veche.observer.database import Database
from veche.observer.durable_files import make_private_folder, read_file, sync_folder, write_private
from veche.service.backup import BackupManifest, read_manifest, sqlite_path, verify_files
from veche.service.head_file import HeadFile
from veche.service.postgres_tools import run_tool
from veche.service.schema import is_known, verify_current, wanted_version
from veche.service.server import lock_folder
from veche.service.settings import Settings
from veche.service.storage import Storage

KEEPS: Final = frozenset({"keys", "heads", "log-state", "lock"})
"""What may lie in the data folder before: what is kept apart from the backup, and put there first."""

_MOST_KEY_BYTES: Final = 64 * 1024 * 1024


def restore(settings: Settings, source: Path, keys: Path | None = None) -> BackupManifest:
    """The database of the settings is that of the backup, the heads reach as far, and keys from a file of `pack_keys` are there.

    Hashes are checked first; then heads that lie in the data folder: a database behind them is refused, and nothing was changed.
    Raises Inconsistent `backup-damaged`, `database-older`, `database-other`, Refused `place-not-empty`, `backup-kind`,
    `already-running`, and what `read_manifest` and the tools raise.
    """
    manifest = read_manifest(source)
    verify_files(source, manifest)
    packed = {} if keys is None else read_keys(keys)
    settings.data.mkdir(mode=0o750, parents=True, exist_ok=True)
    with lock_folder(settings.data):
        _verify_place(settings, manifest, bool(packed))
        _verify_not_behind(settings.data / "heads", manifest)
        if manifest.kind == "sqlite":
            _restore_sqlite(settings, source / manifest.database_file, manifest)
        else:
            _restore_postgres(settings, source / manifest.database_file, manifest)
        for uuid, head in manifest.heads.items():
            HeadFile(settings.data / "heads" / uuid).write(head)
        _write_keys(settings.data, packed)
    return manifest


def pack_keys(data: Path, to: Path) -> int:
    """`to` is a new file that only its owner reads, a tar archive of all signing keys; how many. Raises Refused `file-exists`."""
    content = io.BytesIO()
    paths = sorted(path for path in (data / "keys").rglob("*") if path.is_file())
    with tarfile.open(fileobj=content, mode="w") as archive:
        for path in paths:
            archive.add(path, path.relative_to(data).as_posix(), recursive=False)
    write_private(to, content.getvalue())
    return len(paths)


def read_keys(source: Path) -> Mapping[str, bytes]:
    """Path below `keys/`, and content, of everything that `pack_keys` packed. Raises Malformed `keys-malformed`, or OSError."""
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(read_file(source, _MOST_KEY_BYTES)), mode="r:") as archive:
            for member in archive.getmembers():
                first, *rest = Path(member.name).parts
                stream = archive.extractfile(member) if member.isfile() else None
                if stream is None or first != "keys" or not rest or ".." in rest:
                    raise Malformed("keys-malformed", f"{source} holds something else than keys")
                found["/".join(rest)] = stream.read()
    except tarfile.TarError as error:
        raise Malformed("keys-malformed", f"{source} is not a file that `veche backup --with-keys` wrote") from error
    return found


def _write_keys(data: Path, packed: Mapping[str, bytes]) -> None:
    for name, content in packed.items():
        path = data / "keys" / name
        make_private_folder(data / "keys")
        make_private_folder(path.parent)
        write_private(path, content)


def _verify_place(settings: Settings, manifest: BackupManifest, with_keys: bool) -> None:
    kind = "sqlite" if settings.database_url.startswith("sqlite") else "postgresql"
    if kind != manifest.kind:
        raise Refused("backup-kind", f"the backup is one of {manifest.kind}, VECHE_DATABASE names a database of {kind}")
    if not is_known(manifest.schema):
        raise Refused(
            "database-version",
            f"the backup has version {manifest.schema}, this program knows up to {wanted_version()}: use a newer one",
        )
    found = sorted(path.name for path in settings.data.iterdir() if path.name not in KEEPS)
    if kind == "sqlite" and sqlite_path(settings).exists():
        found.append(str(sqlite_path(settings)))
    if found:
        raise Refused(
            "place-not-empty",
            f"{settings.data} holds {', '.join(found[:5])} already: a backup is restored beside nothing but keys/, heads/ and "
            "log-state/. Move the rest away; files of the record are made anew",
        )
    if with_keys:
        _verify_no_keys(settings.data)
    if kind == "postgresql":
        _verify_no_tables(settings.database_url)


def _verify_no_keys(data: Path) -> None:
    if any(path.is_file() for path in (data / "keys").rglob("*")):
        raise Refused("keys-exist", f"{data / 'keys'} holds keys already; they are never overwritten")


def _verify_no_tables(url: str) -> None:
    database = Database(url, pool=1)
    try:
        database.verify_durable()
        if inspect(database.engine).get_table_names():
            raise Refused("place-not-empty", "the PostgreSQL database has tables already; make a new one, and restore into that")
    finally:
        database.close()


def _verify_not_behind(heads: Path, manifest: BackupManifest) -> None:
    """Asked of the manifest before anything is written; the database itself is asked again afterwards."""
    for path in sorted(heads.glob("[!.]*")):
        head = HeadFile(path).read()
        found = manifest.heads.get(path.name)
        if head is not None and (found is None or found.entries < head.entries):
            entries = 0 if found is None else found.entries
            raise Inconsistent(
                "database-older",
                f"election {path.name}: {head.entries} entries were acknowledged, this backup of {manifest.made_at} has {entries}. "
                "Look for a newer one, or acknowledged ballots would be lost; see docs/operating.md, \"An older database\"",
            )


def _restore_sqlite(settings: Settings, source: Path, manifest: BackupManifest) -> None:
    target = sqlite_path(settings)
    beside = target.with_name(f"{target.name}.restoring")
    try:
        with source.open("rb") as origin, os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as copy:
            shutil.copyfileobj(origin, copy, 1024 * 1024)
            copy.flush()
            os.fsync(copy.fileno())
        _verify_restored(f"sqlite+pysqlite:///{beside.absolute()}", settings.data, manifest)
        os.replace(beside, target)
    finally:
        for name in (beside.name, f"{beside.name}-wal", f"{beside.name}-shm"):
            beside.with_name(name).unlink(missing_ok=True)
    sync_folder(target.absolute().parent)


def _restore_postgres(settings: Settings, source: Path, manifest: BackupManifest) -> None:
    options = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", str(source.absolute())]
    run_tool("pg_restore", settings.database_url, options)
    try:
        _verify_restored(settings.database_url, settings.data, manifest)
    except Inconsistent:
        _drop_tables(settings.database_url)
        raise


def _verify_restored(url: str, data: Path, manifest: BackupManifest) -> None:
    if manifest.schema != wanted_version():
        # Only `veche db upgrade` can make these tables readable; the server looks at the heads at its start.
        return
    database = Database(url, pool=2)
    try:
        verify_current(database)
        Storage(database, data).verify_heads()
    finally:
        database.close()


def _drop_tables(url: str) -> None:
    """The database is as empty as it was found."""
    database = Database(url, pool=1)
    try:
        found = MetaData()
        found.reflect(database.engine)
        found.drop_all(database.engine)
    finally:
        database.close()
