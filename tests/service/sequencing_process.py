"""A log that is sequenced by processes of their own while entries arrive: they can be killed, and two can write at once."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

from sqlalchemy import insert, update

from tests.service.town import ServedTown
from veche.ledger.signed_checkpoint import SignedCheckpoint, parse_signed, verify_log
from veche.ledger.tile_growth import edge_of
from veche.ledger.tile_reader import TileReader, proven_consistency, verify_root, verify_tiles
from veche.observer import tables
from veche.observer.database import Database
from veche.observer.durable_files import read_file
from veche.observer.log_store import FolderTiles
from veche.observer.record_rows import election_row, entries_from
from veche.service.clock import SteadyClock
from veche.service.log_state import LogStateFile
from veche.service.sequencer import Sequencer, log_folder
from veche.service.signing_keys import SigningKeys
from veche.service.storage import Storage

MOST: Final = 700
"""Entries that arrive at once: more than two bundles."""

BEGUN: Final = ".begun"

_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])


def sequence_for_ever(url: str, root: Path, uuid: str, notes: Path) -> None:
    """What a server's thread does, without a pause; every checkpoint that it serves is written to `notes` as well."""
    notes.with_suffix(BEGUN).touch()
    sequencer = Sequencer(Storage(Database(url, pool=2), root), SteadyClock(), SigningKeys(root / "keys"))
    sequencer.verify_start()

    def keep(_: str) -> None:
        newest = sequencer.newest(uuid)
        if newest is not None:
            with notes.open("ab") as stream:
                stream.write(newest.data() + b"\0")

    sequencer.signed.append(keep)
    while True:
        sequencer.sequence(uuid)


class Sequenced:
    """The log of `town`, its processes, and every checkpoint that anybody has seen of it."""

    def __init__(self, town: ServedTown) -> None:
        self.uuid, self.manifest = town.uuid, town.manifest
        self.root = town.server.storage.root
        self.url = town.server.settings.database_url
        self.database = town.server.storage.database
        self.state = LogStateFile(self.root / "log-state" / self.uuid)
        self.tiles = FolderTiles(log_folder(self.root, self.uuid))
        self._notes = self.root / "notes"
        self._seen: set[SignedCheckpoint] = set()
        self._count = 0

    def begin(self) -> BaseProcess:
        """A process that sequences until it is killed."""
        self._count += 1
        process = _CONTEXT.Process(target=sequence_for_ever, args=(self.url, self.root, self.uuid, self._part(self._count)))
        process.start()
        return process

    def wait(self, process: BaseProcess, signed: bool) -> None:
        """The newest process is at work: it has begun to check what it found, or it has signed."""
        path = self._part(self._count) if signed else self._part(self._count).with_suffix(BEGUN)
        end = time.monotonic() + 60
        while not path.exists():
            assert process.is_alive(), "it ended by itself"
            assert time.monotonic() < end, "it does not get to work"
            time.sleep(0.002)

    @contextmanager
    def arriving(self, draw: random.Random) -> Iterator[None]:
        """Entries come in while the block runs."""
        stopped = threading.Event()
        thread = threading.Thread(target=self._arrive, args=(draw, stopped))
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()

    def append(self, count: int) -> None:
        """So many entries more, in one transaction."""
        with self.database.writing() as connection:
            size = election_row(connection, self.uuid, lock=True).entries
            rows = [
                {"uuid": self.uuid, "place": place, "kind": "Ballot", "text": b"ballot %d of many" % place}
                for place in range(size, size + count)
            ]
            connection.execute(insert(tables.entries), rows)
            connection.execute(update(tables.elections).where(tables.elections.c.uuid == self.uuid).values(entries=size + count))

    def look(self) -> int:
        """What a crash has left is remembered: state and served checkpoint. The tiles give the root that was signed; its size."""
        state = self.state.read()
        if state is None:
            return 0
        served = self._served()
        assert served is None or served.checkpoint.size <= state.size
        assert TileReader(self.tiles, state.size).root() == state.root
        self._seen.add(parse_signed(state.note))
        if served is not None:
            self._seen.add(served)
        return state.size

    def verify_one_history(self) -> int:
        """Every checkpoint ever seen is signed, and the beginning of the next; the last is of the entries. How many there were."""
        for number in range(1, self._count + 1):
            self._seen |= self._noted(number)
        assert self.manifest.log is not None
        for one in self._seen:
            verify_log(one, self.manifest.log.origin, self.manifest.log.keys)
        ordered = sorted({one.checkpoint for one in self._seen}, key=lambda one: one.size)
        assert len({one.size for one in ordered}) == len(ordered)
        for older, newer in pairwise(ordered):
            proven_consistency(self.tiles, older, newer)
        verify_tiles(self.tiles, ordered[-1])
        with self.database.reading() as connection:
            verify_root(edge_of(row.text for row in entries_from(connection, self.uuid, 0, ordered[-1].size)), ordered[-1])
        return len(ordered)

    def checkpoints_of(self, number: int) -> int:
        """How many checkpoints the process of this number, from 1, has served."""
        return len(self._noted(number))

    def _noted(self, number: int) -> set[SignedCheckpoint]:
        path = self._part(number)
        # What a kill left unfinished has no end.
        return {parse_signed(note) for note in path.read_bytes().split(b"\0")[:-1]} if path.exists() else set()

    def _served(self) -> SignedCheckpoint | None:
        try:
            return parse_signed(read_file(log_folder(self.root, self.uuid) / "checkpoint"))
        except FileNotFoundError:
            return None

    def _part(self, number: int) -> Path:
        return self._notes.with_name(f"notes-{number}")

    def _arrive(self, draw: random.Random, stopped: threading.Event) -> None:
        while not stopped.wait(draw.uniform(0.005, 0.05)):
            self.append(draw.choice((1, 2, 7, draw.randint(1, MOST))))
