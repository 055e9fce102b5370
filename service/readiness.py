"""Whether this process can take ballots now, asked by load balancers and by whoever looks after the server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from veche.crypto.errors import ElectionError, Refused
from veche.service.ballot_checkers import BallotCheckers
from veche.service.schema import verify_current
from veche.service.storage import Storage

CHECKERS_SECONDS: Final = 5.0
"""How long a checking process may take to answer, ballots before it included."""

KEPT_SECONDS: Final = 1.0
"""How long an answer is given again: whoever asks a thousand times a second asks the database once."""


class Readiness:
    """The verdict on storage, database, its version, and the processes that check ballots."""

    def __init__(self, storage: Storage, checkers: BallotCheckers, clock: Callable[[], float] = time.monotonic) -> None:
        self._storage = storage
        self._checkers = checkers
        self._clock = clock
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._found: list[str] = []

    def faults(self) -> list[str]:
        """Why no ballot would be taken, each as a sentence; empty when all is well. Blocks for some seconds at most."""
        with self._lock:
            if self._clock() - self._asked_at >= KEPT_SECONDS:
                self._found = list(self._look())
                self._asked_at = self._clock()
            return self._found

    def _look(self) -> list[str]:
        found = []
        for check in (self._storage.verify_writable, self._verify_database, self._verify_version, self._verify_checkers):
            try:
                check()
            except ElectionError as error:
                found.append(error.message)
        return found

    def _verify_database(self) -> None:
        try:
            with self._storage.database.reading() as connection:
                connection.execute(text("SELECT 1")).scalar_one()
        except DBAPIError as error:
            # The driver's reason may name hosts; it is for the log and `veche doctor`, not for the public.
            raise Refused("database-silent", "the database does not answer") from error
        except SQLAlchemyError as error:
            raise Refused("database-silent", "every connection to the database is taken") from error

    def _verify_version(self) -> None:
        try:
            verify_current(self._storage.database)
        except SQLAlchemyError:
            # Said by the check before.
            return

    def _verify_checkers(self) -> None:
        self._checkers.verify_alive(CHECKERS_SECONDS)
