"""A record in the database as a source of the audit: the same bytes that everybody is served."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from veche.crypto.errors import Inconsistent
from veche.observer.database import Database
from veche.observer.published_files import Extent, PublishedFiles
from veche.observer.record_rows import data_names, data_of, election_row, manifest_of
from veche.observer.sources import LogFolder


class DatabaseSource:
    """The record as it stood when this was made: what is appended later is not seen."""

    complete = True
    in_folder = True

    def __init__(self, database: Database, files: PublishedFiles, uuid: str, log: Path | None = None) -> None:
        """`log` is the folder with `checkpoint` and `tile/…` of this election, if it has any."""
        self.name = uuid
        self._log = None if log is None else LogFolder(log)
        # Read before the extent: what it covers is then among the entries.
        self._checkpoint = None if self._log is None else self._log.checkpoint()
        self._database = database
        self._files = files
        with database.reading() as connection:
            self._extent: Extent = files.extend(connection, uuid)
            self._names = data_names(connection, uuid)
            election_row(connection, uuid)

    def archive(self) -> BinaryIO:
        return self._files.open_archive(self.name, self._extent)

    def archive_name(self) -> str | None:
        return self.name

    def entries(self) -> BinaryIO:
        return self._files.open_entries(self.name, self._extent)

    def manifest(self) -> bytes:
        with self._database.reading() as connection:
            return manifest_of(connection, self.name)

    def data(self, digest: str) -> bytes:
        with self._database.reading() as connection:
            found = data_of(connection, self.name, digest)
        if found is None:
            raise Inconsistent("data-missing", f"data/{digest[:2]}/{digest} is named by the record and is not there")
        return found

    def data_names(self) -> Iterator[str]:
        return (f"{name[:2]}/{name}" for name in self._names)

    def checkpoint(self) -> bytes | None:
        return self._checkpoint

    def tile(self, path: str) -> bytes | None:
        return None if self._log is None else self._log.tile(path)

    def tile_names(self) -> Iterator[str] | None:
        """None: tiles of entries that came later are none of this state's."""
        return None
