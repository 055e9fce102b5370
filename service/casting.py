"""A ballot's way into the record: cheap checks, proofs in another process, then a short turn under the lock.

Design section 4, docs/protocol.md section 8.2. The same bytes again give the same acknowledgement and add nothing. The last part
is done by `appender`.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from veche.ballot.acknowledgement import Acknowledgement, make_acknowledgement
from veche.ballot.election import is_uuid
from veche.ballot.encrypted_ballot import EncryptedBallot, UncheckedBallot, read_ballot
from veche.ballot.manifest import Manifest, parse_manifest
from veche.crypto.canonical_json import digest
from veche.crypto.errors import ElectionError, InvalidProof, Malformed, Refused
from veche.observer.record_rows import (
    BallotRow,
    CredentialRow,
    ElectionRow,
    ballot_row,
    credential_row,
    election_row,
    manifest_of,
    records_of,
)
from veche.service.appender import Acknowledged, Appender, Busy, verify_open
from veche.service.ballot_checkers import BallotCheckers
from veche.service.budgets import PER_ADDRESS, PER_CREDENTIAL, Budget
from veche.service.clock import Clock
from veche.service.contest_desk import time_at
from veche.service.signing_keys import SigningKeys
from veche.service.storage import Storage

WAITING: Final = 256
"""Most ballots under way at once: more are told to come again (attack E5)."""

GLANCE: Final = 0.5
"""Seconds for which the cheap checks believe that a vote is open: what decides is asked again under the lock (attack E6)."""

NOT_THE_SENDERS: Final = frozenset({"storage-failed", "rate-limited", "not-open", "no-box", "box-key"})
"""Refusals that say nothing against whoever sent the ballot, and spend no budget."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What Setup fixed, for as long as the process lives: it never changes."""

    election_raw: bytes
    manifest: Manifest


class Casting:
    """The ballot box of every election of this server. `close` lets those that wait finish."""

    def __init__(self, storage: Storage, clock: Clock, keys: SigningKeys, checkers: BallotCheckers) -> None:
        self._storage = storage
        self._clock = clock
        self._keys = keys
        self._checkers = checkers
        self._known: dict[str, _Known] = {}
        self._open: dict[str, tuple[float, ElectionRow]] = {}
        self._addresses, self._credentials = Budget(PER_ADDRESS), Budget(PER_CREDENTIAL)
        self._under_way = 0
        self._appender = Appender(storage, clock, self._note)

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
            if error.code not in NOT_THE_SENDERS:
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
        await self._check(ballot, weight, known)
        checked = EncryptedBallot(raw, ballot.tracker, ballot.credential, ())
        return await asyncio.wrap_future(self._appender.put(uuid, checked, weight))

    async def _check(self, ballot: UncheckedBallot, weight: int, known: _Known) -> None:
        """Every check of the proofs, in another process. Raises what is wrong, or Busy when that process died."""
        try:
            check = self._checkers.check(known.election_raw, ballot.raw, ballot.credential, weight)
            refusal = await asyncio.wrap_future(check)
        except BrokenExecutor as error:
            raise Busy from error
        if isinstance(refusal, InvalidProof):
            # Its signature held, so only the holder of the credential can have spent this budget.
            self._credentials.spend(ballot.credential)
        if refusal is not None:
            raise refusal

    def _look(self, uuid: str, raw: bytes) -> Acknowledged | tuple[UncheckedBallot, int, _Known]:
        """The cheap checks: the ballot's form, its election, its credential, and whether it is there already."""
        self._storage.verify_writable()
        if not is_uuid(uuid):
            raise Refused("no-election", f"there is no election {uuid[:64]} here")
        try:
            with self._storage.database.reading() as connection:
                return self._looked(connection, uuid, raw)
        except (SQLAlchemyError, OSError) as error:
            self._storage.fail_if_broken(error)
            raise Busy from error

    def _looked(self, connection: Connection, uuid: str, raw: bytes) -> Acknowledged | tuple[UncheckedBallot, int, _Known]:
        row = self._row(connection, uuid)
        stored = ballot_row(connection, uuid, sha256(raw).hexdigest())
        if stored is not None:
            return Acknowledged(self._note(connection, row, stored), False)
        ballot = read_ballot(raw)
        name = f"ballot {ballot.tracker[:16]}…"
        if (ballot.value["election_uuid"], ballot.value["election_hash"]) != (row.uuid, row.fingerprint):
            raise Refused("wrong-election", f"{name}: made for another election than {row.uuid} ({row.fingerprint})")
        verify_open(row, time_at(self._clock, row))
        listed = _listed(connection, uuid, ballot.credential)
        if listed is None:
            raise Refused("unknown-credential", f"{name}: its credential is not in the election's list")
        known = self._fixed(connection, row)
        self._keys.box(known.manifest)
        everybody = known.manifest.level == "belenios" and row.issued == 0
        if listed.issued is None and not everybody:
            raise Refused("not-issued", f"{name}: the registrar has not handed out its credential yet")
        return ballot, listed.weight, known

    def _row(self, connection: Connection, uuid: str) -> ElectionRow:
        """Where the election stands now, or stood a moment ago if it was open then: only the opening must be seen at once."""
        before, now = self._open.get(uuid), time.monotonic()
        if before is not None and now < before[0] + GLANCE:
            return before[1]
        row = election_row(connection, uuid)
        if row.state == "open":
            self._open[uuid] = now, row
        else:
            self._open.pop(uuid, None)
        return row

    def _fixed(self, connection: Connection, row: ElectionRow) -> _Known:
        known = self._known.get(row.uuid)
        if known is None:
            manifest = parse_manifest(manifest_of(connection, row.uuid))
            known = self._known[row.uuid] = _Known(records_of(connection, row.uuid, 0)[0], manifest)
        return known

    def _note(self, connection: Connection, row: ElectionRow, stored: BallotRow) -> bytes:
        """A pure function of the stored row: the same bytes whenever it is asked for."""
        known = self._fixed(connection, row)
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
            return None if stored is None else self._note(connection, row, stored)

    def close(self) -> None:
        """Those that wait get their answer; nothing more is taken."""
        self._appender.close()


def _listed(connection: Connection, uuid: str, credential: str) -> CredentialRow | None:
    """The listed credential. What is no credential at all is in no list, and never asked of a database that may not take it."""
    try:
        return credential_row(connection, uuid, digest(credential))
    except Malformed:
        return None
