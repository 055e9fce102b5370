"""Everything the server keeps: database, files of the record, heads and keys; and whether it may still be trusted to keep more.

After a failed write nothing is tried again: a second fsync can succeed without the first one's data
(PostgreSQL learned it in 2018).
The server stops accepting, says so, and begins anew from what is on the disk.
"""

from __future__ import annotations

import threading
from hashlib import sha256
from pathlib import Path

import structlog
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from veche.crypto.errors import Inconsistent, Refused
from veche.observer.database import Database, why
from veche.observer.published_files import PublishedFiles
from veche.observer.record_rows import ElectionRow, all_elections, event_text
from veche.service.head_file import Head, HeadFile

logger = structlog.get_logger(__name__)


class Storage:
    """`root` is the server's folder: `public/`, `heads/`, `keys/`."""

    def __init__(self, database: Database, root: Path) -> None:
        self.database = database
        self.root = root
        self.files = PublishedFiles(root / "public")
        self._failure: str | None = None
        self._heads = threading.Lock()

    @property
    def failure(self) -> str | None:
        """Why nothing more is accepted, or None."""
        return self._failure

    def fail(self, reason: str) -> None:
        """Nothing is accepted from now on, until the process begins anew."""
        if self._failure is None:
            self._failure = reason
            logger.critical("storage has failed, nothing is accepted any more", reason=reason)

    def fail_if_broken(self, error: SQLAlchemyError | OSError) -> bool:
        """Whether this error means that storage cannot be trusted; then it has failed for good."""
        if isinstance(error, OSError):
            self.fail(str(error.strerror))
        elif isinstance(error, DBAPIError) and is_write_failure(error):
            self.fail(why(error))
        else:
            return False
        return True

    def verify_writable(self) -> None:
        """Raises Refused `storage-failed` once a write has failed."""
        if self._failure is not None:
            raise Refused("storage-failed", f"the server has stopped accepting: {self._failure}")

    def committed(self, row: ElectionRow) -> None:
        """The head outside the database reaches as far as what was committed. Answers leave after this.

        Raises Refused `storage-failed`: what was committed stands, but nobody may hear of it before a new start has found it.
        """
        head = Head(row.entries, -1 if row.height is None else row.height, row.head or "")
        try:
            with self._heads:
                self._head_file(row.uuid).write(head)
        except OSError as error:
            self.fail_if_broken(error)
            self.verify_writable()
        except Inconsistent as error:
            # A head that was damaged meanwhile: nobody may hear of what it does not vouch for.
            self.fail(error.message)
            self.verify_writable()

    def verify_heads(self) -> None:
        """Check that no record is older than its head, nor another one. Raises Inconsistent `database-older`, `database-other`."""
        with self.database.reading() as connection:
            rows = {row.uuid: row for row in all_elections(connection)}
            for path in sorted((self.root / "heads").glob("[!.]*")):
                head, row = HeadFile(path).read(), rows.get(path.name)
                if head is None:
                    continue
                if row is None or row.entries < head.entries:
                    found = 0 if row is None else row.entries
                    raise Inconsistent(
                        "database-older",
                        f"election {path.name}: {head.entries} entries were acknowledged, this database has {found}. It is an "
                        "older copy; bring back the newer one, or acknowledged ballots would be lost",
                    )
                text = None if head.height < 0 else event_text(connection, path.name, head.height)
                if head.height >= 0 and (text is None or sha256(text).hexdigest() != head.event):
                    raise Inconsistent(
                        "database-other",
                        f"election {path.name}: event {head.height} of this database is not the one that was acknowledged",
                    )

    def _head_file(self, uuid: str) -> HeadFile:
        return HeadFile(self.root / "heads" / uuid)


def is_write_failure(error: DBAPIError) -> bool:
    """Whether a database error means that what was to be written may be lost: a full disk, an I/O error, a damaged file."""
    original = error.orig
    state = getattr(original, "sqlstate", None)
    if state is not None:
        # 53100 disk full, 58xxx system error, XX internal error and damaged data.
        return state == "53100" or state[:2] in ("58", "XX")
    name = getattr(original, "sqlite_errorname", "")
    lost = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_READONLY")
    return any(name.startswith(prefix) for prefix in lost)
