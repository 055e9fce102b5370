"""Specifies ledger/archive.py."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from io import BufferedReader, BytesIO, RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.ledger.small_archive import TIMESTAMP, named, vector_archives
from veche.crypto.errors import ElectionError, Inconsistent, Malformed, Unsupported
from veche.ledger.archive import (
    BLOCK,
    MAX_DATA_BYTES,
    data_record,
    event_record,
    header_record,
    read_records,
    read_timestamp,
    read_up_to,
)

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

HEADER = header_record(TIMESTAMP)
DATA = data_record(b'{"ballot":1}', TIMESTAMP)


def code_of(archive: bytes) -> str:
    """The code with which an archive is refused."""
    with pytest.raises(ElectionError) as refusal:
        list(read_records(BytesIO(archive)))
    return refusal.value.code


def changed(record: bytes, at: int, to: bytes, checksum: bool = True) -> bytes:
    """The record with other bytes at one place of its header, and the checksum made right again."""
    block = bytearray(record[:BLOCK])
    block[at : at + len(to)] = to
    if checksum:
        block[148:156] = b"        "
        block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + record[BLOCK:]


class Pieces(RawIOBase):
    """A stream that makes its bytes only when they are read, and hands them out in odd portions."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces = pieces
        self.rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        if not self.rest:
            self.rest = next(self.pieces, b"")
        given, self.rest = self.rest[: min(len(view), 333)], self.rest[min(len(view), 333) :]
        view[: len(given)] = given
        return len(given)


def test_the_first_record_is_the_one_of_the_specification() -> None:
    # Belenios digest, section 22: 38 bytes, size field, mtime field and checksum of the fixture `simple`.
    assert HEADER[512:550] == b'{"version":1,"timestamp":"1795323504"}'
    assert HEADER[124:136] == b"00000000046\0"
    assert HEADER[136:148] == b"15300473160\0"
    assert HEADER[148:156] == b"005707\0 "
    assert len(HEADER) == 1024


def test_records_are_read_back_with_their_place() -> None:
    event = b'{"height":0,"type":"EndBallots"}'
    archive = HEADER + DATA + event_record(event, TIMESTAMP)
    header, data, last = read_records(BytesIO(archive))
    assert (header.kind, data.kind, last.kind) == ("header", "data", "event")
    assert (data.name, last.name) == (named(data.content), named(event))
    for record in (header, data, last):
        assert archive[record.offset :].startswith(record.content)
    assert [record.start for record in (header, data, last)] == [0, 1024, 2048]
    assert last.end == len(archive)


@pytest.mark.parametrize("path", vector_archives(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_reading_an_archive_from_a_stream_in_odd_portions_changes_nothing(path: Path) -> None:
    def outcome(stream: BytesIO | BufferedReader) -> object:
        try:
            return [(record.name, record.offset) for record in read_records(stream)]
        except ElectionError as error:
            return error.code

    archive = path.read_bytes()
    assert outcome(BufferedReader(Pieces(iter([archive])), 600)) == outcome(BytesIO(archive))


def test_the_time_is_read_from_the_first_record() -> None:
    assert read_timestamp(BytesIO(HEADER + b"anything")) == TIMESTAMP


@pytest.mark.parametrize("timestamp", [0, 1, 8**11 - 1])
def test_every_time_that_the_header_can_hold_is_legal(timestamp: int) -> None:
    assert read_timestamp(BytesIO(header_record(timestamp))) == timestamp


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'{"version":1,"timestamp":"01795323504"}', "archive-header"),
        (b'{"version":1,"timestamp":1795323504}', "archive-header"),
        (b'{"version":1, "timestamp":"1795323504"}', "archive-header"),
        (b'{"timestamp":"1795323504","version":1}', "archive-header"),
        (b'{"version":1,"timestamp":"1795323504","x":1}', "archive-header"),
        (b'{"version":1,"timestamp":"99999999999"}', "archive-header"),
        (b'{"version":1,"timestamp":"1795323505"}', "archive-record"),
        (b'{"version":2,"timestamp":"1795323504"}', "unsupported-version"),
        (b"", "archive-header"),
    ],
)
def test_the_first_record_has_one_form(content: bytes, code: str) -> None:
    block = changed(HEADER[:BLOCK], 124, b"%011o" % len(content))
    assert code_of(block + content + bytes(-len(content) % BLOCK)) == code


@pytest.mark.parametrize(
    ("at", "to"),
    [
        pytest.param(0, b"0" * 64 + b".ballot.json", id="a kind of record that does not exist"),
        pytest.param(0, b"A" * 64, id="a name in capitals"),
        pytest.param(0, b"BELENIOS\0", id="a second first record"),
        pytest.param(100, b"0000755", id="mode"),
        pytest.param(108, b"0001750", id="owner"),
        pytest.param(116, b"0001750", id="group"),
        pytest.param(124, b"0000000001x", id="size not octal"),
        pytest.param(135, b" ", id="size ended by a space"),
        pytest.param(136, b"15300473161", id="another time than the first record's"),
        pytest.param(156, b"5", id="a directory"),
        pytest.param(157, b"link", id="the name of a link"),
        pytest.param(257, b"ustar\0", id="the magic of newer tar files"),
        pytest.param(511, b"\1", id="the last byte"),
    ],
)
def test_another_header_is_refused_even_with_a_right_checksum(at: int, to: bytes) -> None:
    assert code_of(HEADER + changed(DATA, at, to)) == "archive-record"


def test_a_wrong_checksum_is_refused() -> None:
    assert code_of(HEADER + changed(DATA, 148, b"000000", checksum=False)) == "archive-record"


def test_padding_that_is_not_zero_is_refused() -> None:
    assert code_of(HEADER + DATA[:-1] + b"\1") == "archive-record"


def test_a_name_that_is_not_the_hash_is_refused() -> None:
    with pytest.raises(Inconsistent) as refusal:
        list(read_records(BytesIO(HEADER + changed(DATA, 0, b"0" * 64))))
    assert refusal.value.code == "record-hash"


def test_the_blocks_with_which_tar_ends_are_refused() -> None:
    assert code_of(HEADER + DATA + bytes(1024)) == "archive-record"


def test_an_empty_file_was_cut_short() -> None:
    with pytest.raises(Malformed) as refusal:
        list(read_records(BytesIO(b"")))
    assert refusal.value.code == "archive-truncated"


@pytest.mark.parametrize("content", [b"{", b'{"election":1}' * 100, b"BELENIOZ", b"BELENIOS.json", bytes(2048)])
def test_a_file_that_is_something_else_is_not_judged(content: bytes) -> None:
    with pytest.raises(Unsupported) as refusal:
        list(read_records(BytesIO(content)))
    assert refusal.value.code == "not-an-archive"


def test_a_size_beyond_the_limit_is_refused_before_anything_is_read() -> None:
    for record, size in ((DATA, MAX_DATA_BYTES + 1), (event_record(b"{}", TIMESTAMP), 65_536), (DATA, 8**11 - 1)):
        assert code_of(HEADER + changed(record, 124, b"%011o" % size)) == "archive-record"


def test_a_false_size_costs_no_more_memory_than_there_are_bytes() -> None:
    archive = HEADER + changed(DATA, 124, b"%011o" % MAX_DATA_BYTES)
    tracemalloc.start()
    try:
        assert code_of(archive) == "archive-truncated"
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_reading_up_to_a_size_stops_at_the_end() -> None:
    assert read_up_to(BytesIO(b"abc"), 2) == b"ab"
    assert read_up_to(BytesIO(b"abc"), 9) == b"abc"
    assert read_up_to(BytesIO(b""), 9) == b""
