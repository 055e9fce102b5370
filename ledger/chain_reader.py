"""The archive, event by event, each with the data records it brings. docs/protocol.md steps 9.1.5 to 9.1.9.

Memory is bounded by the records of one event, so an archive larger than memory can be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias

from veche.ballot.share import parse_owned
from veche.ballot.tally import parse_sized_tally
from veche.crypto.errors import Inconsistent, Malformed, Refused
from veche.ledger.archive import Record, data_record, event_record, read_further_records, read_records
from veche.ledger.chain import verify_follows
from veche.ledger.event import DATA_RECORDS, Event, EventType, parse_event
from veche.ledger.event_order import EventOrder

DataRecord: TypeAlias = Record
"""A record of kind `data`: `name` is its SHA-256 in hex, `offset` where its content can be read again."""

MAX_DATA_RECORDS = len(DATA_RECORDS[EventType.SETUP]) + 1


@dataclass(frozen=True, slots=True)
class ChainItem:
    """An event with its data records, all of which fit together: the unit by which an archive grows.

    `owner` is whose share or shuffle it is. `order` is where the chain stands after it. An archive cut at `start` or at
    `end` (bytes) is the legal archive of the election just before or just after this event.
    """

    event: Event
    event_text: bytes
    event_hash: str
    records: tuple[DataRecord, ...]
    owner: int | None
    order: EventOrder
    start: int
    end: int


def read_chain(stream: BinaryIO) -> Iterator[ChainItem]:
    """The events of the archive in order; each has passed all of 9.1 when it is yielded. Stops at the first error.

    An archive may end after any event, and also after its first record: an election without Setup yet.

    Raises, beside what `archive.read_records` raises: Malformed `event-malformed`, `record-order`, and
    `archive-truncated` when data records stand at the end without their event; Inconsistent `event-height` and
    `event-parent`; Refused `event-order`.
    """
    records = read_records(stream)
    next(records)
    yield from _items(records, None, EventOrder())


def read_chain_after(stream: BinaryIO, last: ChainItem, timestamp: int) -> Iterator[ChainItem]:
    """What follows `last` in an archive of this time, which was read up to there before. Raises as `read_chain`."""
    stream.seek(last.end)
    yield from _items(read_further_records(stream, last.end, timestamp), last.event, last.order)


def _items(records: Iterator[Record], previous: Event | None, order: EventOrder) -> Iterator[ChainItem]:
    pending: list[DataRecord] = []
    for record in records:
        if record.kind == "event":
            item = _item(record, tuple(pending), previous, order)
            yield item
            previous, order, pending = item.event, item.order, []
            continue
        pending.append(record)
        if len(pending) > MAX_DATA_RECORDS:
            at = record.start
            raise Malformed("record-order", f"{len(pending)} data records in a row at byte {at}; no event has so many")
    if pending:
        raise Malformed("archive-truncated", "the archive ends after data records whose event is missing")


def item_records(event: Event, contents: Sequence[bytes], timestamp: int) -> bytes:
    """The exact bytes by which an archive of this time grows with `event` and its data, `contents` in order."""
    return b"".join(data_record(content, timestamp) for content in contents) + event_record(event.text(), timestamp)


def _item(record: Record, records: tuple[DataRecord, ...], previous: Event | None, order: EventOrder) -> ChainItem:
    height = 0 if previous is None else previous.height + 1
    try:
        event = parse_event(record.content)
    except Malformed as error:
        raise Malformed("event-malformed", f"event {height}: {error.message}") from error
    verify_follows(event, previous)
    try:
        # A ballot after the end is just that, whatever data it brings: so the type comes first, and the owner last.
        order = order.after(event.type)
        owner = _verify_records(event, records)
        if event.type is EventType.PARTIAL_DECRYPTION and owner is not None:
            order = order.with_share_of(owner)
    except Refused as error:
        raise Refused("event-order", f"event {height}: {error.message}") from error
    start = records[0].start if records else record.start
    return ChainItem(event, record.content, record.name, records, owner, order, start, record.end)


def _verify_records(event: Event, records: tuple[DataRecord, ...]) -> int | None:
    """Check step 9.1.9; the owner for the types that have one.

    What Setup's last record says is step 9.3.1: see `payload.verify_setup_data`.
    """
    names = DATA_RECORDS[event.type]
    # Belenios 3.2 may add the certificate of the credentials.
    allowed = (len(names), len(names) + 1) if event.type is EventType.SETUP else (len(names),)
    if len(records) not in allowed:
        raise Malformed(
            "record-order",
            f"event {event.height}: before a {event.type} event stand {len(names)} data records"
            f" ({', '.join(names) or 'none'}), found {len(records)}",
        )
    if records and event.payload != records[-1].name:
        raise Inconsistent("record-order", f"event {event.height}: its payload does not name the record before it")
    return _verify_named(event, records)


def _verify_named(event: Event, records: tuple[DataRecord, ...]) -> int | None:
    owner: int | None = None
    try:
        match event.type:
            case EventType.ENCRYPTED_TALLY:
                named = parse_sized_tally(records[-1].content).encrypted_tally
            case EventType.SHUFFLE | EventType.PARTIAL_DECRYPTION:
                owned = parse_owned(records[-1].content)
                owner, named = owned.owner, owned.payload
            case _:
                return None
    except Malformed as error:
        raise Malformed("record-order", f"event {event.height}: {error.message}") from error
    if named != records[0].name:
        what, last = DATA_RECORDS[event.type]
        raise Inconsistent("record-order", f"event {event.height}: its {last} does not name the {what} before it")
    return owner
