"""An older copy of a record is the beginning of a newer one. docs/protocol.md step 9.11.1.

A record that was rewritten consistently, a ballot left out and everything after it made anew, is nowhere at odds with
itself. Only an older copy shows it. So nothing is interpreted here: bytes are compared with bytes.
"""

from __future__ import annotations

from contextlib import suppress
from typing import BinaryIO, Final, Literal

from veche.crypto.errors import ElectionError, Inconsistent
from veche.ledger.archive import read_records, read_up_to
from veche.ledger.record import entry_line, read_entries

_CHUNK: Final = 1024 * 1024


def verify_prefix(older: BinaryIO, newer: BinaryIO, what: Literal["archive", "entries"]) -> None:
    """Check that the bytes of `newer` begin with all bytes of `older`. Both streams stand at their beginning.

    Raises Inconsistent `history-changed` with a sentence that names the first record or entry that differs; `older` is
    read a second time for that, so it must be seekable. Memory is bounded by one record.
    """
    same = 0
    while seen := read_up_to(older, _CHUNK):
        found = read_up_to(newer, len(seen))
        if found != seen:
            same += next((i for i, (x, y) in enumerate(zip(seen, found, strict=False)) if x != y), len(found))
            older.seek(0)
            where = _entry_at(older, same) if what == "entries" else _record_at(older, same)
            ends = len(found) < len(seen) and seen.startswith(found)
            says = "the newer one ends before that" if ends else "the newer one has something else there"
            raise Inconsistent("history-changed", f"the older copy has {where}, but {says}: history was changed")
        same += len(seen)


def _record_at(archive: BinaryIO, offset: int) -> str:
    """What stands at this byte of an archive, for people; one that cannot be read that far is spoken of in bytes.

    That the older copy is broken is another finding, made where that copy is audited.
    """
    height = 0
    with suppress(ElectionError):
        for record in read_records(archive):
            if offset < record.end:
                what = {"header": "its first record", "data": f"data record {record.name} of event {height}"}
                return what.get(record.kind, f"event {height}")
            height += record.kind == "event"
    return f"byte {offset} of its archive"


def _entry_at(entries: BinaryIO, offset: int) -> str:
    """What stands at this byte of a file of entries, for people; as `_record_at`."""
    end = 0
    with suppress(ElectionError):
        for index, text in read_entries(entries):
            end += len(entry_line(text))
            if offset < end:
                return f"entry {index}"
    return f"byte {offset} of its entries"
