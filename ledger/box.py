"""The ballot box: what may join the chain, decided by the same checks that the audit makes. docs/protocol.md section 8.2.

Pure: it holds what it must remember of the record and gives back the bytes to append; writing them, and the lock under which both
happen, belong to whoever owns the storage.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from veche.ballot.credential import PublicCredentials
from veche.ballot.election import Election
from veche.ballot.encrypted_ballot import EncryptedBallot, read_ballot, verify_ballot
from veche.crypto.errors import Refused
from veche.ledger.chain import Link, append
from veche.ledger.event import Event, EventType


@dataclass(slots=True)
class BallotBox:
    """An open box. `last` is the newest event of the chain, `trackers` (hex) all ballots in it, `issued` the credentials
    that the registrar has handed out (None at level belenios without any `issued`: then every listed one may vote).
    """

    election: Election
    credentials: PublicCredentials
    last: Link
    issued: set[str] | None
    trackers: set[str] = field(default_factory=set)

    def check(self, raw: bytes) -> EncryptedBallot:
        """Every check of section 9.6 but the last, and that the credential was handed out. Changes nothing.

        Raises what `verify_ballot` raises, then Refused `not-issued`: the order of the audit, so that both give one code. It
        costs nothing to come last: only who holds the credential gets past its signature.
        """
        ballot = verify_ballot(read_ballot(raw), self.election, self.credentials.weights)
        if self.issued is not None and ballot.credential not in self.issued:
            raise Refused("not-issued", f"ballot {ballot.tracker[:16]}…: the registrar has not handed out its credential yet")
        return ballot

    def append(self, ballot: EncryptedBallot) -> Event:
        """The event by which a checked ballot joins the chain. Raises Refused `duplicate-ballot` for bytes already in it."""
        if ballot.tracker in self.trackers:
            raise Refused("duplicate-ballot", f"ballot {ballot.tracker[:16]}…: the same ballot is in the chain already")
        event = append(self.last, EventType.BALLOT, ballot.tracker)
        self.last = event
        self.trackers.add(ballot.tracker)
        return event

    def hand_out(self, credentials: Iterable[str]) -> None:
        """The registrar has handed out these credentials: from now on they may vote."""
        self.issued = (self.issued or set()) | set(credentials)
