"""A small archive with every event of an election without shuffles: made by hand, meaningless inside, right in form."""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO
from pathlib import Path

from tests.vectors import VECTORS
from veche.ballot.share import OwnedShare
from veche.ballot.tally import SizedTally
from veche.ledger.archive import header_record
from veche.ledger.chain import append
from veche.ledger.chain_reader import ChainItem, item_records, read_chain
from veche.ledger.event import Event, EventType
from veche.ledger.payload import SetupData

TIMESTAMP = 1_795_323_504

Contents = list[tuple[EventType, list[bytes]]]


def named(content: bytes) -> str:
    """The SHA-256 in hex: what the record with this content is called."""
    return sha256(content).hexdigest()


def setup_contents() -> list[bytes]:
    """The four data records of a Setup."""
    first = [b'{"election":1}', b'["trustees"]', b'["credentials"]']
    return [*first, SetupData(*(named(content) for content in first)).text()]


def owned_contents(owner: int, data: bytes) -> list[bytes]:
    """A share or shuffle and the text that says whose it is."""
    return [data, OwnedShare(owner, named(data)).encode()]


def tally_contents() -> list[bytes]:
    """An encrypted tally and its sizes."""
    return [b"[[]]", SizedTally(2, 3, named(b"[[]]")).encode()]


def whole_election() -> Contents:
    """Every event of a small election, with its data."""
    return [
        (EventType.SETUP, setup_contents()),
        (EventType.BALLOT, [b'{"ballot":1}']),
        (EventType.BALLOT, [b'{"ballot":2}']),
        (EventType.END_BALLOTS, []),
        (EventType.ENCRYPTED_TALLY, tally_contents()),
        (EventType.PARTIAL_DECRYPTION, owned_contents(1, b'{"share":1}')),
        (EventType.PARTIAL_DECRYPTION, owned_contents(3, b'{"share":3}')),
        (EventType.RESULT, [b'{"result":[[1,2]]}']),
    ]


def archive_of(election: Contents, timestamp: int = TIMESTAMP) -> bytes:
    """The archive of these events, chained."""
    written = [header_record(timestamp)]
    previous: Event | None = None
    for kind, contents in election:
        previous = append(previous, kind, named(contents[-1]) if contents else None)
        written.append(item_records(previous, contents, timestamp))
    return b"".join(written)


def chain_of(archive: bytes) -> list[ChainItem]:
    """All events of an archive that is in memory."""
    return list(read_chain(BytesIO(archive)))


def vector_archives() -> list[Path]:
    """Every archive among the vectors, honest and tampered."""
    return sorted(VECTORS.glob("**/*.bel"))
