"""A ballot's way into the record: cheap checks, proofs in another process, then a short turn under the lock. Design section 4.

docs/protocol.md section 8.2. The same bytes again give the same acknowledgement and add nothing.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from veche.ballot.acknowledgement import Acknowledgement, make_acknowledgement
from veche.ballot.encrypted_ballot import EncryptedBallot, UncheckedBallot, read_ballot
from veche.ballot.manifest import Manifest, parse_manifest
from veche.crypto.errors import ElectionError, InvalidProof, Refused
from veche.observer.record_rows import (
    BallotRow,
    ElectionRow,
    ballot_row,
    credential_row,
    election_row,
    manifest_of,
    records_of,
)
from veche.service.ballot_checkers import BallotCheckers, checked
from veche.service.budgets import PER_ADDRESS, PER_CREDENTIAL, Budget
from veche.service.clock import Clock
from veche.service.contest_desk import time_at
from veche.service.record_writer import Timed, add_ballot
from veche.service.signing_keys import SigningKeys
from veche.service.storage import Storage

AT_ONCE: Final = 64
"""Most ballots in one commit."""

WAITING: Final = 256
"""Most ballots under way at once: more are told to come again (attack E5)."""


class Busy(Exception):
    """Too much is under way, or storage does not answer for the moment. Nothing of this ballot was written."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The acknowledgement's bytes, and whether the ballot was new."""

    note: bytes
    new: bool


@dataclass(frozen=True, slots=True)
class _Known:
    """What Setup fixed, for as long as the process lives: it never changes."""

    election_raw: bytes
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A checked ballot that waits for its turn, and whoever waits for its answer."""

    uuid: str
    ballot: EncryptedBallot
    weight: int
    answer: Future[Acknowledged]


class Casting:
    """The ballot box of every election of this server. `close` lets those that wait finish."""

    def __init__(self, storage: Storage, clock: Clock, keys: SigningKeys, checkers: BallotCheckers) -> None:
        self._storage = storage
        self._clock = clock
        self._keys = keys
        self._checkers = checkers
        self._known: dict[str, _Known] = {}
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._addresses, self._credentials = Budget(PER_ADDRESS), Budget(PER_CREDENTIAL)
        self._under_way = 0
        self._appender = threading.Thread(target=self._run, name="appender", daemon=True)
        self._appender.start()

    @property
    def under_way(self) -> int:
        """How many ballots are being checked or wait for their turn."""
        return self._under_way

    def budgets_spent(self) -> dict[str, int]:
        """How many addresses and credentials are turned away now, without saying which."""
        return {"address": self._addresses.spent(), "credential": self._credentials.spent()}

    async def cast(self, uuid: str, raw: bytes, address: str) -> Acknowledged:
        """The ballot stands in the record, and its acknowledgement is what the caller may hand out.

        `address` is used for the budget alone and kept nowhere. Raises what is wrong with the ballot, Refused `not-open`,
        `not-issued` or `rate-limited`, and Busy.
        """
        self._addresses.verify(address)
        if self._under_way >= WAITING:
            raise Busy
        self._under_way += 1
        try:
            return await self._cast(uuid, raw)
        except ElectionError as error:
            if error.code not in ("storage-failed", "rate-limited", "not-open"):
                self._addresses.spend(address)
            raise
        finally:
            self._under_way -= 1

    async def _cast(self, uuid: str, raw: bytes) -> Acknowledged:
        before = await asyncio.to_thread(self._look, uuid, raw)
        if isinstance(before, Acknowledged):
            return before
        ballot, weight, known = before
        self._credentials.verify(ballot.credential)
        refusal = await asyncio.wrap_future(self._checkers.check(known.election_raw, raw, ballot.credential, weight))
        if refusal is not None:
            if isinstance(refusal, InvalidProof):
                # Its signature held, so only the holder of the credential can have spent this budget.
                self._credentials.spend(ballot.credential)
            raise refusal
        waiting = _Waiting(uuid, checked(raw, ballot.credential), weight, Future())
        self._queue.put(waiting)
        return await asyncio.wrap_future(waiting.answer)

    def _look(self, uuid: str, raw: bytes) -> Acknowledged | tuple[UncheckedBallot, int, _Known]:
        """The cheap checks: the ballot's form, its election, its credential, and whether it is there already."""
        self._storage.verify_writable()
        with self._storage.database.reading() as connection:
            row = election_row(connection, uuid)
            stored = ballot_row(connection, uuid, sha256(raw).hexdigest())
            if stored is not None:
                return Acknowledged(self._note(self._fixed(connection, row), row, stored), False)
            ballot = read_ballot(raw)
            name = f"ballot {ballot.tracker[:16]}…"
            if (ballot.value["election_uuid"], ballot.value["election_hash"]) != (row.uuid, row.fingerprint):
                raise Refused("wrong-election", f"{name}: made for another election than {row.uuid} ({row.fingerprint})")
            _verify_open(row, time_at(self._clock, row))
            listed = credential_row(connection, uuid, ballot.credential)
            if listed is None:
                raise Refused("unknown-credential", f"{name}: its credential is not in the election's list")
            known = self._fixed(connection, row)
            self._keys.box(known.manifest)
            everybody = known.manifest.level == "belenios" and row.issued == 0
            if listed.issued is None and not everybody:
                raise Refused("not-issued", f"{name}: the registrar has not handed out its credential yet")
            return ballot, listed.weight, known

    def _fixed(self, connection: Connection, row: ElectionRow) -> _Known:
        known = self._known.get(row.uuid)
        if known is None:
            manifest = parse_manifest(manifest_of(connection, row.uuid))
            known = self._known[row.uuid] = _Known(records_of(connection, row.uuid, 0)[0], manifest)
        return known

    def _note(self, known: _Known, row: ElectionRow, stored: BallotRow) -> bytes:
        """A pure function of the stored row: the same bytes whenever it is asked for."""
        log = known.manifest.log
        if log is None or row.setup is None or row.fingerprint is None:
            raise Refused("no-box", f"election {row.uuid}: its manifest names no ballot box, so no ballot is taken here")
        said = Acknowledgement(
            log.origin, row.fingerprint, row.setup, stored.tracker, stored.height, stored.event, stored.time
        )
        return make_acknowledgement(said, self._keys.box(known.manifest))

    def acknowledgement(self, uuid: str, tracker: str) -> bytes | None:
        """The acknowledgement of a ballot that is in the chain, or None."""
        with self._storage.database.reading() as connection:
            row, stored = election_row(connection, uuid), ballot_row(connection, uuid, tracker)
            return None if stored is None else self._note(self._fixed(connection, row), row, stored)

    def close(self) -> None:
        """Those that wait get their answer; nothing more is taken."""
        self._queue.put(None)
        self._appender.join()

    def _run(self) -> None:
        """The appender: one commit for all ballots of one election that wait."""
        left: list[_Waiting] = []
        while True:
            first = left.pop(0) if left else self._queue.get()
            if first is None:
                return
            batch, left, ends = self._gather(first, left)
            self._append(first.uuid, batch)
            if ends:
                self._queue.put(None)

    def _gather(self, first: _Waiting, left: list[_Waiting]) -> tuple[list[_Waiting], list[_Waiting], bool]:
        waiting, ends = [first, *left], False
        while len(waiting) < 4 * AT_ONCE:
            try:
                one = self._queue.get_nowait()
            except queue.Empty:
                break
            if one is None:
                ends = True
                break
            waiting.append(one)
        same = [one for one in waiting if one.uuid == first.uuid][:AT_ONCE]
        taken = {id(one) for one in same}
        return same, [one for one in waiting if id(one) not in taken], ends

    def _append(self, uuid: str, batch: Sequence[_Waiting]) -> None:
        try:
            answers = self._commit(uuid, batch)
        except (DBAPIError, OSError) as error:
            self._storage.fail_if_broken(error)
            for one in batch:
                one.answer.set_exception(Busy())
            return
        except ElectionError as error:
            for one in batch:
                one.answer.set_exception(type(error)(error.code, error.message))
            return
        # Only now, after the commit and the fsync of the head, may anybody hear of it.
        for one, answer in zip(batch, answers, strict=True):
            one.answer.set_result(answer)

    def _commit(self, uuid: str, batch: Sequence[_Waiting]) -> list[Acknowledged]:
        """All ballots of the batch stand in the record, in one transaction. The clock is read inside it."""
        self._storage.verify_writable()
        with self._storage.database.writing() as connection:
            row = election_row(connection, uuid, lock=True)
            now = time_at(self._clock, row)
            _verify_open(row, now)
            fresh = _distinct(connection, uuid, batch)
            for one in fresh:
                # A savepoint each: whatever is wrong with one of them takes nothing from the others.
                with connection.begin_nested():
                    row = add_ballot(connection, row, Timed(one.ballot, now, one.weight))
            known = self._fixed(connection, row)
            stored = [ballot_row(connection, uuid, one.ballot.tracker) for one in batch]
        self._storage.committed(row)
        first = {one.ballot.tracker: id(one) for one in reversed(fresh)}
        return [
            Acknowledged(self._note(known, row, found), first.get(one.ballot.tracker) == id(one))
            for one, found in zip(batch, stored, strict=True)
            if found is not None
        ]


def _verify_open(row: ElectionRow, now: int) -> None:
    """Check that ballots are taken at this time. The state alone never opens the box. Raises Refused `not-open`."""
    if row.state != "open":
        raise Refused("not-open", f"no ballots are taken now: election {row.uuid} is {row.state}")
    if not row.opens_at <= now < row.closes_at:
        raise Refused("not-open", f"no ballots are taken now: it is {now}, voting is from {row.opens_at} to {row.closes_at}")


def _distinct(connection: Connection, uuid: str, batch: Sequence[_Waiting]) -> list[_Waiting]:
    """The ballots of the batch that are not in the chain, each once."""
    found: dict[str, _Waiting] = {}
    for one in batch:
        if one.ballot.tracker not in found and ballot_row(connection, uuid, one.ballot.tracker) is None:
            found[one.ballot.tracker] = one
    return list(found.values())
