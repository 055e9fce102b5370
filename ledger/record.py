"""The file of entries: one entry's text per line, in the order of the log. docs/protocol.md steps 9.2.1 and 9.2.6."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import BinaryIO

from veche.crypto.errors import Inconsistent, Malformed
from veche.ledger.event import MAX_ENTRY_BYTES


def entry_line(text: bytes) -> bytes:
    """The exact bytes by which the file of entries grows with the entry of this text."""
    return text + b"\n"


def read_entries(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The texts of the entries with their index from 0. Memory is bounded by one entry.

    Raises Malformed `folder-form` when a line is empty or the last does not end in a newline, and `entry-malformed`
    when an entry is longer than 65,535 bytes.
    """
    index = 0
    while line := stream.readline(MAX_ENTRY_BYTES + 1):
        text = line.removesuffix(b"\n")
        if len(text) > MAX_ENTRY_BYTES:
            raise Malformed("entry-malformed", f"entry {index} is longer than {MAX_ENTRY_BYTES} bytes")
        if text == line:
            raise Malformed("folder-form", f"the file of entries ends inside entry {index}: no newline after it")
        if not text:
            raise Malformed("folder-form", f"line {index + 1} of the file of entries is empty")
        yield index, text
        index += 1


def verify_same_chain(entry_events: Iterable[bytes], archive_events: Iterable[bytes]) -> None:
    """Check that the events among the entries are exactly the archive's, text by text. Both are read side by side.

    Raises Inconsistent `chain-differs` (step 9.2.6).
    """
    for height, (entry, archived) in enumerate(zip_longest(entry_events, archive_events)):
        if entry is None or archived is None:
            lacking = "among the entries" if entry is None else "in the archive"
            raise Inconsistent("chain-differs", f"event {height} is missing {lacking}")
        if entry != archived:
            raise Inconsistent("chain-differs", f"event {height} among the entries is another than in the archive")
