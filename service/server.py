"""The server's parts, put together for one process. What needs a part is handed it; nothing is global."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from veche.crypto.errors import Refused
from veche.observer.database import Database
from veche.service.ballot_checkers import BallotCheckers
from veche.service.casting import Casting
from veche.service.clock import Clock, SteadyClock
from veche.service.metrics import Metrics
from veche.service.schema import migrate, verify_current
from veche.service.sequencer import Sequencer
from veche.service.settings import Settings, secrets_folder
from veche.service.signing_keys import SigningKeys
from veche.service.storage import Storage
from veche.service.witness_start import verify_witnesses
from veche.service.witness_submission import WitnessSubmission


@dataclass(frozen=True, slots=True)
class Server:
    """All parts. `close` ends them in order."""

    settings: Settings
    storage: Storage
    clock: Clock
    keys: SigningKeys
    checkers: BallotCheckers
    casting: Casting
    metrics: Metrics
    sequencer: Sequencer
    witnesses: WitnessSubmission
    lock: BinaryIO | None

    def close(self) -> None:
        """Ballots under way get their answer; then everything is given back. Once more changes nothing."""
        self.casting.close()
        self.checkers.close()
        self.storage.database.close()
        if self.lock is not None:
            self.lock.close()


def open_server(settings: Settings, clock: Clock | None = None, checkers: BallotCheckers | None = None) -> Server:
    """The server over its folder and database, ready to take ballots; it closes `checkers`, those given or its own.

    Raises Refused when another process has the folder (SQLite), when the database is not durable or not of this version, and
    Inconsistent when the database is older than, or another one than, what was acknowledged, what a log has signed, or what a
    witness has cosigned.
    """
    settings.data.mkdir(mode=0o750, parents=True, exist_ok=True)
    database = Database(settings.database_url)
    lock = lock_folder(settings.data) if database.sqlite else None
    try:
        database.verify_durable()
        if is_fresh(database):
            migrate(settings.database_url)
        verify_current(database)
        storage = Storage(database, settings.data)
        storage.verify_heads()
        steady, keys = clock or SteadyClock(), SigningKeys(settings.data / "keys", secrets_folder(os.environ))
        sequencer = Sequencer(storage, steady, keys)
        witnesses = WitnessSubmission(sequencer, settings.data, settings.witness_addresses)
        if settings.sign_log:
            sequencer.verify_start()
            verify_witnesses(sequencer, settings.data, settings.witness_addresses)
    except BaseException:
        database.close()
        if lock is not None:
            lock.close()
        raise
    checkers = checkers or BallotCheckers(settings.checking_processes)
    casting, metrics = Casting(storage, steady, keys, checkers), Metrics()
    metrics.watch(storage, casting, steady, sequencer, witnesses)
    return Server(settings, storage, steady, keys, checkers, casting, metrics, sequencer, witnesses, lock)


def is_fresh(database: Database) -> bool:
    """Whether the database has no table yet."""
    from sqlalchemy import inspect

    return not inspect(database.engine).get_table_names()


def lock_folder(folder: Path) -> BinaryIO:
    """This process alone has the folder: SQLite has one writer. Raises Refused `already-running`."""
    # No child inherits it: a process that checks ballots and outlives this one for a moment does not keep the folder.
    handle = os.fdopen(os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        handle.close()
        raise Refused("already-running", f"another veche server works in {folder}; with SQLite there is one at a time") from error
    return handle
