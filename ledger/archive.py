"""The `.bel` archive, record by record, as a stream. docs/protocol.md section 9.1, steps 9.1.1 to 9.1.4.

An archive is an old-style tar without end blocks: records of one 512-byte header and the content, filled up with zeros
to whole blocks. Every byte of a header follows from the record's name and size and from the one timestamp of the
archive, so reading compares whole headers, and writing the same records again gives the same bytes. Memory is bounded
by one record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO, Final, Literal, TypeAlias

from veche.crypto.canonical_json import encode, fields, integer, parse_canonical, text
from veche.crypto.errors import Inconsistent, Malformed, Unsupported
from veche.ledger.event import MAX_ENTRY_BYTES

BLOCK: Final = 512
HEADER_NAME: Final = "BELENIOS"
MAX_HEADER_BYTES: Final = 4096
MAX_DATA_BYTES: Final = 256 * 1024 * 1024
"""Largest data record that is read: a list of about three million credentials."""

Kind: TypeAlias = Literal["header", "data", "event"]

_LARGEST: Final[dict[Kind, int]] = {"header": MAX_HEADER_BYTES, "data": MAX_DATA_BYTES, "event": MAX_ENTRY_BYTES}
_NAME = re.compile(r"([0-9a-f]{64})\.(data|event)\.json")
_OCTAL = re.compile(rb"[0-7]{11}")
_TIMESTAMP = re.compile(r"0|[1-9][0-9]{0,9}")
_MAX_TIMESTAMP: Final = 8**11 - 1
_CHUNK: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its name (for data and events the SHA-256 of the content in hex), its content, and its place.

    `offset` is where the content's first byte stands in the archive; the header stands in the 512 bytes before.
    """

    kind: Kind
    name: str
    content: bytes
    offset: int

    @property
    def start(self) -> int:
        """Where the record begins."""
        return self.offset - BLOCK

    @property
    def end(self) -> int:
        """Where the next record begins."""
        return self.offset + len(self.content) + _padding(len(self.content))


def header_record(timestamp: int) -> bytes:
    """The exact bytes with which an archive of this time (seconds since 1970) begins."""
    content = encode({"version": 1, "timestamp": str(timestamp)})
    return _record(HEADER_NAME, content, timestamp)


def data_record(content: bytes, timestamp: int) -> bytes:
    """The exact bytes of a data record in an archive of this time."""
    return _record(f"{sha256(content).hexdigest()}.data.json", content, timestamp)


def event_record(event_text: bytes, timestamp: int) -> bytes:
    """The exact bytes of an event record in an archive of this time."""
    return _record(f"{sha256(event_text).hexdigest()}.event.json", event_text, timestamp)


def read_records(stream: BinaryIO) -> Iterator[Record]:
    """The records of the archive in order, the header first; each has passed steps 9.1.1 to 9.1.4 when it is yielded.

    Raises Unsupported `not-an-archive` and `unsupported-version`; Malformed `archive-truncated`, `archive-record`,
    `archive-header`; Inconsistent `record-hash`.
    """
    first, timestamp = _read_first(stream)
    yield first
    yield from read_further_records(stream, first.end, timestamp)


def read_further_records(stream: BinaryIO, offset: int, timestamp: int) -> Iterator[Record]:
    """The records of an archive of this time from byte `offset` on, where the stream stands. Raises as `read_records`."""
    while block := read_up_to(stream, BLOCK):
        record = _read_record(stream, block, offset, timestamp)
        yield record
        offset = record.end


def read_timestamp(stream: BinaryIO) -> int:
    """The archive's time in seconds since 1970, from its first record, which is read from `stream` and checked."""
    return _read_first(stream)[1]


def read_up_to(stream: BinaryIO, size: int) -> bytes:
    """The next `size` bytes; fewer only where the stream ends.

    Read in pieces, so that a record that claims a false size costs no more memory than there are bytes.
    """
    pieces: list[bytes] = []
    while size > 0 and (piece := stream.read(min(size, _CHUNK))):
        pieces.append(piece)
        size -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _read_first(stream: BinaryIO) -> tuple[Record, int]:
    block = read_up_to(stream, BLOCK)
    magic = HEADER_NAME.encode("ascii") + b"\0"
    if block[: len(magic)] != magic[: len(block)]:
        raise Unsupported("not-an-archive", "this is no Belenios archive: it does not begin with BELENIOS")
    _refuse_partial(block, BLOCK, 0)
    # The time that the header repeats from the content is taken on trust for one moment: the content decides below.
    if _OCTAL.fullmatch(block[136:147]) is None:
        raise Malformed("archive-record", "the header of the first record has no time of 11 octal digits")
    claimed = int(block[136:147], 8)
    record = _read_record(stream, block, 0, claimed)
    timestamp = _parse_header(record.content)
    if timestamp != claimed:
        raise Malformed("archive-record", f"the first record's header has the time {claimed}, its content {timestamp}")
    return record, timestamp


def _parse_header(content: bytes) -> int:
    """The timestamp of the first record's content: `{"version":1,"timestamp":"…"}` (step 9.1.3)."""
    try:
        found = fields(parse_canonical(content), ("version", "timestamp"))
        version, written = integer(found["version"], most=10**10 - 1), text(found["timestamp"])
    except Malformed as error:
        raise Malformed("archive-header", f"the archive's first record: {error.message}") from error
    if version != 1:
        raise Unsupported("unsupported-version", f"an archive of version {version}; this program reads version 1")
    if _TIMESTAMP.fullmatch(written) is None or int(written) > _MAX_TIMESTAMP:
        raise Malformed("archive-header", "the archive's timestamp is not a number of seconds without leading zeros")
    return int(written)


def _read_record(stream: BinaryIO, block: bytes, start: int, timestamp: int) -> Record:
    """The record whose header `block` was read at `start`, with its content and padding read from the stream."""
    _refuse_partial(block, BLOCK, start)
    kind, name, size = _parse_block(block, start)
    full_name = HEADER_NAME if kind == "header" else f"{name}.{kind}.json"
    expected = _block(full_name, size, timestamp)
    if block != expected:
        at = next(i for i, (found, right) in enumerate(zip(block, expected, strict=True)) if found != right)
        raise Malformed("archive-record", f"{_place(start)}: byte {at} of the header is not as the format has it")
    content = read_up_to(stream, size)
    _refuse_partial(content, size, start)
    padding = read_up_to(stream, _padding(size))
    _refuse_partial(padding, _padding(size), start)
    if any(padding):
        raise Malformed("archive-record", f"{_place(start)}: the content is not filled up with zeros")
    if kind != "header" and (found := sha256(content).hexdigest()) != name:
        raise Inconsistent(
            "record-hash", f"{_place(start)} is called {name}, but the SHA-256 of its content is {found}"
        )
    return Record(kind, name, content, start + BLOCK)


def _parse_block(block: bytes, start: int) -> tuple[Kind, str, int]:
    """Kind, name and size that a header claims; refuses a size that no such record has before it is read."""
    written = block[:100].split(b"\0", 1)[0].decode("latin-1")
    size_field = block[124:135]
    match = _NAME.fullmatch(written)
    if (match is None) == (start > 0) or _OCTAL.fullmatch(size_field) is None:
        rule = "SHA-256.data.json or SHA-256.event.json" if start > 0 else HEADER_NAME
        raise Malformed("archive-record", f"{_place(start)}: no header with a name {rule} and a size stands here")
    size = int(size_field, 8)
    kind: Kind = "header" if match is None else "data" if match[2] == "data" else "event"
    if size > _LARGEST[kind]:
        raise Malformed("archive-record", f"{_place(start)}: {size} bytes, more than the {_LARGEST[kind]} allowed")
    return kind, HEADER_NAME if match is None else match[1], size


def _record(name: str, content: bytes, timestamp: int) -> bytes:
    return _block(name, len(content), timestamp) + content + bytes(_padding(len(content)))


def _block(name: str, size: int, timestamp: int) -> bytes:
    """The one header that a record of this name and size has in an archive of this time."""
    block = bytearray(BLOCK)
    block[: len(name)] = name.encode("ascii")
    for at, value in (
        (100, b"0000644\0"),
        (108, b"0000000\0"),
        (116, b"0000000\0"),
        (124, b"%011o\0" % size),
        (136, b"%011o\0" % timestamp),
        (148, b"        "),
        (156, b"0"),
    ):
        block[at : at + len(value)] = value
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def _padding(size: int) -> int:
    return -size % BLOCK


def _refuse_partial(found: bytes, size: int, start: int) -> None:
    if len(found) < size:
        raise Malformed("archive-truncated", f"{_place(start)}: the file ends inside it, it was cut short")


def _place(start: int) -> str:
    return f"the record at byte {start}"
