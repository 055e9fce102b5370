"""Checkpoints of every election's log: tiles first, then the signed state, then what is served. docs/protocol.md section 12.

Order of every step, under the lock of the signed state: read the state; read the new entries; write tiles and bundles, on the disk;
make the root again from the tiles; sign; move the state; serve. A crash anywhere leaves what the next step takes up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from veche.ballot.manifest import Log, Manifest, parse_manifest
from veche.crypto.errors import ElectionError, Inconsistent, InvalidSignature, Malformed, Refused
from veche.crypto.signing_key import Signer
from veche.ledger.checkpoint import Checkpoint
from veche.ledger.merkle import subtree_root
from veche.ledger.policy import policy_of_manifest
from veche.ledger.signed_checkpoint import SignedCheckpoint, parse_signed, sign_checkpoint, verify_lines, verify_log, with_lines
from veche.ledger.tile import WIDTH
from veche.ledger.tile_growth import Edge, grow, lasting, write_files
from veche.ledger.tile_reader import TileReader, verify_full_tile
from veche.observer import durable_files
from veche.observer.log_store import FolderTiles, make_durable_folder
from veche.observer.record_rows import ElectionRow, all_elections, election_row, manifest_of
from veche.service.clock import Clock
from veche.service.log_state import LogState, LogStateFile
from veche.service.signed_entries import behind, chunks, verify_signed
from veche.service.signing_keys import SigningKeys
from veche.service.storage import Storage

PERIOD: Final = 0.25
"""Seconds between two looks; the manifest says how far apart checkpoints are."""

VOTING: Final = ("open", "suspended")
"""States in which checkpoints come at the ticks of a grid, so that none times a cast. In all others each entry has one at once."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


def log_folder(root: Path, uuid: str) -> Path:
    """The folder with `checkpoint` and `tile/` of an election, below a server's folder."""
    return root / "log" / uuid


class Sequencer:
    """The logs of all elections of one server. `signed` are called with the uuid after each new checkpoint, and must be quick."""

    def __init__(self, storage: Storage, clock: Clock, keys: SigningKeys) -> None:
        self.signed: list[Callable[[str], None]] = []
        self.stopped: dict[str, str] = {}
        self.reasons: dict[str, str] = {}
        self._storage = storage
        self._clock = clock
        self._keys = keys
        self._edges: dict[str, Edge] = {}
        self._manifests: dict[str, Manifest] = {}
        self._looked_at: dict[str, int] = {}
        self._ticks: dict[str, int] = {}
        self._turn = threading.Lock()

    def verify_start(self) -> None:
        """Check every log against what was signed; tiles that got lost are made again.

        Raises Inconsistent `log-behind`, `log-differs`, `log-state`, `tile-changed`; each says what to do.
        """
        with self._storage.database.reading() as connection:
            rows = {row.uuid: row for row in all_elections(connection)}
        for path in sorted((self._storage.root / "log-state").glob("[!.]*")):
            if path.name not in rows:
                raise behind(path.name, 0, self._state(path.name).read())
        for uuid in rows:
            with self._state(uuid).held():
                self._verify_one(uuid)

    def newest(self, uuid: str) -> SignedCheckpoint | None:
        """The checkpoint that is served, with its cosignatures; None before the first."""
        data = self._served(uuid)
        return None if data is None else parse_signed(data)

    def add_cosignatures(self, uuid: str, lines: Iterable[str]) -> None:
        """The served checkpoint carries also these lines of witnesses that the manifest names; others are left out.

        Raises InvalidSignature when a line is not of this very checkpoint, Malformed, Refused `no-checkpoint`.
        """
        known = self.log_of(uuid)
        keys = [witness.key for witness in policy_of_manifest(known).witnesses] if known.policy else []
        with self._state(uuid).held():
            data = self._served(uuid)
            if data is None:
                raise Refused("no-checkpoint", f"the log of {uuid[:64]} has no checkpoint yet")
            joined = with_lines(data, lines, keys)
            if joined != data:
                durable_files.replace(self._folder(uuid) / "checkpoint", joined)

    def step(self) -> int:
        """Every log whose time has come is signed; how many were. What fails is told once and not tried again in this process."""
        done = 0
        with self._storage.database.reading() as connection:
            rows = all_elections(connection)
        for row in rows:
            if row.uuid not in self.stopped and self._storage.failure is None:
                done += self._guarded(row)
        return done

    def sequence(self, uuid: str) -> bool:
        """The log reaches as far as the record does, signed and served; whether anything was new.

        Raises Inconsistent when database, tiles and signed state do not fit together: then nothing was signed; and OSError.
        """
        with self._turn, self._state(uuid).held():
            done = self._sequence(uuid)
        if done:
            for told in self.signed:
                told(uuid)
        return done

    def _sequence(self, uuid: str) -> bool:
        self._storage.verify_writable()
        signers, state = self._keys.log(self._manifest(uuid)), self._state(uuid).read()
        if state is not None and not verify_lines(parse_signed(state.note), [signers[0].verifier]):
            log.warning("the log is signed by another of its keys from now on: add the incident log-key-changed", election=uuid)
        edge = self._edges.get(uuid, Edge())
        if state is not None and edge.size > state.size:
            raise Inconsistent("log-state", f"the signed state of {uuid} went back from {edge.size} to {state.size} entries")
        if state is not None:
            self._verify_served(uuid, state)
        store = FolderTiles(self._folder(uuid))
        with self._storage.database.reading() as connection:
            entries = election_row(connection, uuid).entries
            if state is not None:
                edge = self._caught_up(connection, uuid, edge, state, entries)
            if entries == edge.size:
                self._edges[uuid] = edge
                self._serve(uuid, state)
                return False
            for texts in chunks(connection, uuid, edge.size, entries):
                growth = grow(edge, texts)
                write_files(store, lasting(growth, entries))
                edge = growth.edge
        checkpoint = Checkpoint(signers[0].verifier.name, edge.size, edge.root())
        if TileReader(store, edge.size).root() != checkpoint.root:
            raise Inconsistent("tile-changed", f"election {uuid}: the tiles on the disk do not give the root of the entries")
        self._look_back(uuid, store, edge.size)
        now = self._clock.now()
        after = LogState(edge.size, checkpoint.root, sign_checkpoint(checkpoint, signers, now), now)
        self._state(uuid).swap(state, after)
        self._edges[uuid] = edge
        self._serve(uuid, after)
        return True

    def _look_back(self, uuid: str, store: FolderTiles, size: int) -> None:
        """One full tile, the next each time, is still what it was: what never changes is never read again otherwise."""
        full = size // WIDTH
        if full:
            number = self._looked_at.get(uuid, 0) % full
            verify_full_tile(store, number, size)
            self._looked_at[uuid] = number + 1

    def _caught_up(self, connection: Connection, uuid: str, edge: Edge, state: LogState, entries: int) -> Edge:
        """The edge at what was signed, perhaps by another process; the entries of this database give the root that was signed."""
        if entries < state.size:
            raise behind(uuid, entries, state)
        for texts in chunks(connection, uuid, edge.size, state.size):
            edge = grow(edge, texts).edge
        verify_signed(uuid, edge, state)
        return edge

    def _verify_one(self, uuid: str) -> None:
        state = self._state(uuid).read()
        with self._storage.database.reading() as connection:
            manifest = parse_manifest(manifest_of(connection, uuid))
            if state is None:
                state = self._state_of_served(uuid, manifest)
            if state is None:
                return
            self._verify_served(uuid, state)
            if (entries := election_row(connection, uuid).entries) < state.size:
                raise behind(uuid, entries, state)
            edge, missing = self._compared(connection, uuid, state)
            if missing:
                self._make_again(connection, uuid, state.size)
        self._edges[uuid] = edge
        self._serve(uuid, state)

    def _compared(self, connection: Connection, uuid: str, state: LogState) -> tuple[Edge, bool]:
        """The edge at what was signed, and whether a tile or bundle is missing; those that are there are right."""
        store, edge, changed, missing = FolderTiles(self._folder(uuid)), Edge(), "", False
        for texts in chunks(connection, uuid, 0, state.size):
            growth = grow(edge, texts)
            for resource, data in lasting(growth, state.size):
                found = store.get(resource.path())
                missing = missing or found is None
                changed = changed or ("" if found in (None, data) else resource.path())
            edge = growth.edge
        # What the database gives is asked first: if it is wrong, tiles that differ from it are not the ones to be blamed.
        verify_signed(uuid, edge, state)
        if changed:
            raise Inconsistent(
                "tile-changed",
                f"election {uuid}: {changed} has been changed on the disk; the database is right. Find out why, then delete this "
                "file: it is made again at the next start",
            )
        return edge, missing

    def _make_again(self, connection: Connection, uuid: str, size: int) -> None:
        """Every tile and bundle of this size is there."""
        store, edge = FolderTiles(self._folder(uuid)), Edge()
        for texts in chunks(connection, uuid, 0, size):
            growth = grow(edge, texts)
            write_files(store, lasting(growth, size))
            edge = growth.edge

    def _state_of_served(self, uuid: str, manifest: Manifest) -> LogState | None:
        """Where the state outside the database got lost, what was served last is the least that was signed."""
        data = self._served(uuid)
        if data is None or manifest.log is None:
            return None
        signed = parse_signed(data)
        verify_log(signed, manifest.log.origin, manifest.log.keys)
        state = LogState(signed.checkpoint.size, signed.checkpoint.root, data, self._clock.now())
        self._state(uuid).swap(None, state)
        return state

    def _serve(self, uuid: str, state: LogState | None) -> None:
        """What is served is of what was signed last: after a crash between the two it is not."""
        served = self._whole_served(uuid)
        if state is not None and (served is None or not _is_of(served, state)):
            folder = self._folder(uuid)
            make_durable_folder(folder)
            durable_files.replace(folder / "checkpoint", state.note)

    def _whole_served(self, uuid: str) -> SignedCheckpoint | None:
        """What is served, None also when the file is damaged: the signed state has it."""
        try:
            return self.newest(uuid)
        except Malformed:
            return None

    def _verify_served(self, uuid: str, state: LogState) -> None:
        """Check that nothing is served that the log has signed beyond or beside the state. Raises Inconsistent `log-behind`."""
        served, known = self._whole_served(uuid), self._manifest(uuid).log
        if served is None or known is None or served.checkpoint.size < state.size or _is_of(served, state):
            return
        try:
            verify_log(served, known.origin, known.keys)
        except (Refused, InvalidSignature, Malformed):
            # Not the word of this log: a damaged file, which is served anew.
            return
        raise Inconsistent(
            "log-behind",
            f"election {uuid}: what is served has {served.checkpoint.size} entries and the log's signature, log-state/ has "
            f"{state.size} entries or another root. Database or log-state/ is an older copy: bring back the newer ones, or the "
            "log would contradict itself",
        )

    def _is_due(self, row: ElectionRow) -> bool:
        # Asked also where nothing waits: else the first cast after a quiet time would be signed at once, and timed.
        ticked = row.state not in VOTING or self._has_ticked(row.uuid)
        edge = self._edges.get(row.uuid)
        if edge is not None and edge.size >= row.entries:
            return False
        return ticked and self._manifest(row.uuid).log is not None

    def _has_ticked(self, uuid: str) -> bool:
        """Whether another period of the log has begun since the last look; at the first look, since the last checkpoint."""
        known = self._manifest(uuid).log
        if known is None:
            return False
        tick, last = self._clock.now() // known.period, self._ticks.get(uuid)
        if last is None and (state := self._state(uuid).read()) is not None:
            last = state.time // known.period
        self._ticks[uuid] = tick
        # A clock that was set back must not keep the log from being signed.
        return last != tick

    def _guarded(self, row: ElectionRow) -> bool:
        uuid = row.uuid
        try:
            return self._is_due(row) and self.sequence(uuid)
        except ElectionError as error:
            self.stopped[uuid], self.reasons[uuid] = error.code, error.message
            log.critical("a log is not signed any more", election=uuid, code=error.code, reason=error.message)
        except (OSError, SQLAlchemyError) as error:
            if not self._storage.fail_if_broken(error):
                log.warning("a log could not be signed for the moment", election=uuid, reason=type(error).__name__)
        return False

    def _manifest(self, uuid: str) -> Manifest:
        known = self._manifests.get(uuid)
        if known is None:
            with self._storage.database.reading() as connection:
                known = parse_manifest(manifest_of(connection, uuid))
            self._manifests[uuid] = known
        return known

    def signers(self, uuid: str) -> tuple[Signer, ...]:
        """The keys that sign this log, an Ed25519 one first. Raises Refused `log-key`."""
        return self._keys.log(self._manifest(uuid))

    def root_at(self, uuid: str, size: int) -> bytes | None:
        """The root of the first `size` entries of the database, None when it has fewer."""
        with self._storage.database.reading() as connection:
            if election_row(connection, uuid).entries < size:
                return None
            known = self._edges.get(uuid, Edge())
            if 0 < size <= known.size:
                # Its tiles were compared with the database, and give any older root at once.
                return subtree_root(TileReader(FolderTiles(self._folder(uuid)), known.size), 0, size)
            edge = Edge()
            for texts in chunks(connection, uuid, 0, size):
                edge = grow(edge, texts).edge
        return edge.root()

    def adopt(self, uuid: str, signed: SignedCheckpoint) -> None:
        """The signed state is at least this checkpoint, which this log has signed and the database has: where the state got lost.

        Raises as `verify_start`.
        """
        with self._state(uuid).held():
            state = self._state(uuid).read()
            if (0 if state is None else state.size) < signed.checkpoint.size:
                found = LogState(signed.checkpoint.size, signed.checkpoint.root, signed.data(), self._clock.now())
                self._state(uuid).swap(state, found)
                self._verify_one(uuid)

    def uuids(self) -> list[str]:
        """All elections of this database."""
        with self._storage.database.reading() as connection:
            return [row.uuid for row in all_elections(connection)]

    def log_of(self, uuid: str) -> Log:
        """The log that the manifest names. Raises Refused `no-log`."""
        found = self._manifest(uuid).log
        if found is None:
            raise Refused("no-log", f"election {uuid[:64]} has no log")
        return found

    def _served(self, uuid: str) -> bytes | None:
        try:
            return durable_files.read_file(self._folder(uuid) / "checkpoint")
        except FileNotFoundError:
            return None

    def _folder(self, uuid: str) -> Path:
        return log_folder(self._storage.root, uuid)

    def _state(self, uuid: str) -> LogStateFile:
        return LogStateFile(self._storage.root / "log-state" / uuid)


class Sequencing:
    """The thread that looks at every log. `start` begins it, `stop` ends it after the step that it is at."""

    def __init__(self, sequencer: Sequencer) -> None:
        self._sequencer = sequencer
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sequencer", daemon=True)

    def start(self) -> None:
        """Logs are signed from now on."""
        self._thread.start()

    def stop(self) -> None:
        """The thread has ended."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(PERIOD):
            try:
                self._sequencer.step()
            except (SQLAlchemyError, OSError) as error:
                log.warning("the logs could not be looked at for the moment", reason=type(error).__name__)


def _is_of(served: SignedCheckpoint, state: LogState) -> bool:
    """Whether it is the checkpoint of the state, with all of the log's own lines; witnesses may have added theirs."""
    signed = parse_signed(state.note)
    own = {line for line in signed.note.lines if line[0] == signed.checkpoint.origin}
    return served.checkpoint == signed.checkpoint and own <= set(served.note.lines)
