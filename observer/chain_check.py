"""Phase 9.1: the archive is read once, and every byte of it is accounted for. docs/protocol.md section 9.1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import BinaryIO

from veche.crypto.errors import ElectionError
from veche.ledger.chain_reader import ChainItem, read_chain
from veche.ledger.event import EventType
from veche.ledger.event_order import EventOrder
from veche.observer.report import Report

Progress = Callable[[str, int, int], None]
"""Told phase, done and total; total 0 means unknown."""


@dataclass(slots=True)
class ReadChain:
    """What later phases need of the archive. Ballots stay in the file: (SHA-256, offset, size) each, about 100 bytes in memory."""

    setup: ChainItem | None = None
    ballots: list[tuple[bytes, int, int]] = field(default_factory=list)
    tally: ChainItem | None = None
    shares: list[ChainItem] = field(default_factory=list)
    result: ChainItem | None = None
    event_hashes: list[bytes] = field(default_factory=list)
    owners: dict[str | None, int] = field(default_factory=dict)
    """Whose share it is, by the payload of its event."""
    hashes: set[bytes] = field(default_factory=set)
    """SHA-256 of every record, events among them."""
    shuffled: bool = False
    """Whether there is an event of a mixnet."""
    order: EventOrder = field(default_factory=EventOrder)
    end: str | None = None
    """Hash of the event EndBallots."""

    def holds(self, digest: str) -> bool:
        """Whether a record of this SHA-256 stands in the archive."""
        return bytes.fromhex(digest) in self.hashes

    def content(self, digest: str) -> bytes | None:
        """The content of the data record of this SHA-256, ballots and events apart: no annex has anything to read there."""
        items = [one for one in (self.setup, self.tally, *self.shares, self.result) if one is not None]
        return next((record.content for item in items for record in item.records if record.name == digest), None)


_ONCE = ("archive-truncated", "archive-header")
_PER_RECORD = ("archive-record", "record-hash")
_PER_EVENT = ("event-malformed", "event-height", "event-parent", "record-order", "event-order")


def check_chain(stream: BinaryIO, report: Report, progress: Progress) -> ReadChain:
    """Read the whole archive. Findings go to `report`; what was read before an error is given back."""
    chain = ReadChain()
    try:
        for item in read_chain(stream):
            _keep(chain, item)
            for code in _PER_RECORD:
                report.count(code, len(item.records) + 1)
            for code in _PER_EVENT:
                report.count(code)
            if len(chain.event_hashes) % 1000 == 0:
                progress("9.1", len(chain.event_hashes), 0)
        for code in _ONCE:
            report.count(code)
    except ElectionError as error:
        report.refuse(error, f"event {len(chain.event_hashes)}")
    report.counts["events"] = len(chain.event_hashes)
    report.state = chain.order.state() if chain.event_hashes else "draft"
    return chain


def _keep(chain: ReadChain, item: ChainItem) -> None:
    chain.event_hashes.append(bytes.fromhex(item.event_hash))
    chain.hashes.add(chain.event_hashes[-1])
    chain.order = item.order
    if item.owner is not None:
        chain.owners[item.event.payload] = item.owner
    if item.event.type is EventType.BALLOT:
        ballot = item.records[0]
        digest = sha256(ballot.content).digest()
        chain.ballots.append((digest, ballot.offset, len(ballot.content)))
        chain.hashes.add(digest)
        return
    chain.hashes.update(bytes.fromhex(record.name) for record in item.records)
    match item.event.type:
        case EventType.SETUP:
            chain.setup = item
        case EventType.END_BALLOTS:
            chain.end = item.event_hash
        case EventType.ENCRYPTED_TALLY:
            chain.tally = item
        case EventType.PARTIAL_DECRYPTION:
            chain.shares.append(item)
        case EventType.RESULT:
            chain.result = item
        case EventType.SHUFFLE | EventType.END_SHUFFLES:
            chain.shuffled = True
