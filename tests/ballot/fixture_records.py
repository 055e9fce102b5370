"""The honest archives of the vectors, taken apart: elections that belenios-tool made, with everything it published."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from io import BytesIO

from tests.vectors import VECTORS
from veche.ballot.credential import PublicCredentials, parse_public_credentials
from veche.ballot.election import Election, parse_election
from veche.ballot.share import TallyPlace
from veche.ballot.tally import EncryptedTally, parse_tally
from veche.ballot.trustees import Trustees, parse_trustees
from veche.ledger.chain_reader import read_chain
from veche.ledger.event import EventType

PATHS = {
    "simple": "fixtures/belenios/simple/SVwStQ2shhP8JK.bel",
    "multi": "fixtures/belenios/multi/piv4HaxpyhW275.bel",
    "weighted": "fixtures/belenios/weighted/RpZnYQFC5d58aK.bel",
    "threshold": "fixtures/belenios/threshold/gNck4YPCzd6Hnz.bel",
    "h-basic": "belenios/h-basic/election.bel",
    "thr-w": "belenios/thr-w/election.bel",
}
"""The honest archives without mixnet."""


@dataclass(frozen=True)
class Fixture:
    """One archive. `shares` are owner, owned text and share, in the order of the chain."""

    election: Election
    trustees: Trustees
    credentials: PublicCredentials
    ballots: tuple[bytes, ...]
    tally: EncryptedTally
    tally_text: bytes
    sized_text: bytes
    shares: tuple[tuple[int, bytes, bytes], ...]
    result_text: bytes
    place: TallyPlace


@cache
def fixture(name: str) -> Fixture:
    """The archive of this name, read by our reader."""
    items = list(read_chain(BytesIO((VECTORS / PATHS[name]).read_bytes())))
    of = {kind: [[one.content for one in item.records] for item in items if item.event.type is kind] for kind in EventType}
    hashes = {item.event.type: item.event_hash for item in items}
    election, trustees, credentials, *_ = of[EventType.SETUP][0]
    tally, sized = of[EventType.ENCRYPTED_TALLY][0]
    read = parse_election(election)
    return Fixture(
        read,
        parse_trustees(trustees),
        parse_public_credentials(credentials),
        tuple(ballot for (ballot,) in of[EventType.BALLOT]),
        parse_tally(tally, read),
        tally,
        sized,
        tuple(
            (item.owner or 0, item.records[1].content, item.records[0].content)
            for item in items
            if item.event.type is EventType.PARTIAL_DECRYPTION
        ),
        of[EventType.RESULT][0][0],
        TallyPlace(read.fingerprint, hashes[EventType.SETUP], hashes[EventType.ENCRYPTED_TALLY]),
    )
