"""An archive in a folder that our functions and the tool's commands lengthen in turn."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tests.ledger.small_archive import chain_of
from veche.ballot.combination import combine
from veche.ballot.credential import PublicCredentials, parse_public_credentials
from veche.ballot.election import Election, parse_election
from veche.ballot.encrypted_ballot import counted_rows, read_ballot
from veche.ballot.result import Result, compute_result
from veche.ballot.share import Delivery, TallyPlace, make_share, parse_share, verify_share
from veche.ballot.tally import EncryptedTally, SizedTally, add_weighted, nothing, size_tally
from veche.ballot.trustees import Trustees, parse_trustees
from veche.crypto.group import G, Point, secret_multiple
from veche.crypto.scalar import Secret, system_randomness
from veche.ledger.archive import header_record, read_timestamp
from veche.ledger.box import BallotBox
from veche.ledger.chain import append
from veche.ledger.chain_reader import ChainItem, item_records
from veche.ledger.event import EventType
from veche.ledger.payload import SetupData
from veche.observer.audit import audit
from veche.observer.report import Report
from veche.observer.sources import open_source

TIMESTAMP = 1_793_000_000


@dataclass(frozen=True)
class JointRecord:
    """The archive at `path`. Everything is read from its bytes, whoever wrote them."""

    path: Path

    @classmethod
    def begin(cls, folder: Path, election: Election, trustees: Trustees, credentials: bytes) -> JointRecord:
        """An archive that our writer begins, with its Setup."""
        folder.mkdir(parents=True, exist_ok=True)
        record = cls(folder / f"{election.uuid}.bel")
        record.path.write_bytes(header_record(TIMESTAMP))
        contents = [election.raw, trustees.raw, credentials]
        record.append(EventType.SETUP, *contents, SetupData(*(sha256(one).hexdigest() for one in contents)).text())
        return record

    def append(self, kind: EventType, *contents: bytes) -> None:
        """Lengthen the archive with our writer."""
        chain, archive = self.chain(), self.path.open("rb")
        with archive:
            timestamp = read_timestamp(archive)
        last = chain[-1].event if chain else None
        event = append(last, kind, sha256(contents[-1]).hexdigest() if contents else None)
        with self.path.open("ab") as end:
            end.write(item_records(event, contents, timestamp))

    def chain(self, kind: EventType | None = None) -> list[ChainItem]:
        """All events, or those of one type, with their data."""
        return [item for item in chain_of(self.path.read_bytes()) if kind is None or item.event.type is kind]

    def contents(self, kind: EventType) -> list[bytes]:
        """The first data record of every event of this type."""
        return [item.records[0].content for item in self.chain(kind)]

    # --- what Setup says ---

    @property
    def election(self) -> Election:
        return parse_election(self.chain()[0].records[0].content)

    @property
    def trustees(self) -> Trustees:
        return parse_trustees(self.chain()[0].records[1].content)

    @property
    def credentials(self) -> PublicCredentials:
        return parse_public_credentials(self.chain()[0].records[2].content)

    # --- our part in the vote and in the count ---

    def offer(self, ballot: bytes) -> None:
        """Our ballot box checks the ballot and takes it. Raises as the box does."""
        trackers = {sha256(raw).hexdigest() for raw in self.contents(EventType.BALLOT)}
        box = BallotBox(self.election, self.credentials, self.chain()[-1].event, None, trackers)
        box.append(box.check(ballot))
        self.append(EventType.BALLOT, ballot)

    def our_tally(self) -> tuple[EncryptedTally, SizedTally]:
        """The tally of the ballots in the archive, as we count them."""
        weights = self.credentials.weights
        last = {read_ballot(raw).credential: raw for raw in self.contents(EventType.BALLOT)}
        parts = [(weights[credential], counted_rows(raw)) for credential, raw in last.items()]
        tally = add_weighted(parts, nothing(self.election))
        return tally, size_tally(tally, len(last), sum(weights[credential] for credential in last))

    def close(self) -> None:
        """End the vote and append our tally."""
        self.append(EventType.END_BALLOTS)
        tally, sized = self.our_tally()
        self.append(EventType.ENCRYPTED_TALLY, tally.encode(), sized.encode())

    def our_share(self, owner: int, secret: Secret) -> Delivery:
        """The share of one trustee, made by us."""
        setup, tally = (self.chain(kind)[0].event_hash for kind in (EventType.SETUP, EventType.ENCRYPTED_TALLY))
        place = TallyPlace(self.election.fingerprint, setup, tally)
        return make_share(secret, secret_multiple(secret, G), owner, self.our_tally()[0], place, system_randomness)

    def our_result(self) -> Result:
        """What the shares in the archive, each found good, decrypt the tally to, by our combination."""
        election, trustees = self.election, self.trustees
        tally, sized = self.our_tally()
        factors: dict[int, tuple[Point, ...]] = {}
        for item in self.chain(EventType.PARTIAL_DECRYPTION):
            owner = trustees.owner(item.owner or 0)
            assert owner is not None
            share = parse_share(item.records[0].content, tally, owner.number)
            verify_share(share, owner.number, owner.public_key, tally, election.fingerprint)
            factors[owner.number] = share.factors
        return compute_result(tally, combine(trustees, factors), sized.total_weight)

    def audit(self) -> Report:
        """Our audit of the archive alone."""
        return audit(open_source(str(self.path)))
