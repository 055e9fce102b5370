"""Specifies ledger/record.py."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.test_annex import annexes
from veche.crypto.errors import ElectionError, Inconsistent
from veche.ledger.annex import Annex
from veche.ledger.record import entry_line, read_entries, verify_same_chain


def code_of(lines: bytes) -> str:
    with pytest.raises(ElectionError) as refusal:
        list(read_entries(BytesIO(lines)))
    return refusal.value.code


@given(entries=st.lists(annexes(), max_size=5))
def test_entries_are_read_back_in_order(entries: list[Annex]) -> None:
    lines = b"".join(entry_line(entry.text()) for entry in entries)
    assert list(read_entries(BytesIO(lines))) == [(index, entry.text()) for index, entry in enumerate(entries)]


def test_the_empty_record_has_no_entries() -> None:
    assert list(read_entries(BytesIO(b""))) == []


@pytest.mark.parametrize("lines", [b"{}", b"{}\n{}", b"\n", b"{}\n\n", b"{}\n\n{}\n", b"\n{}\n"])
def test_each_line_holds_an_entry_and_ends_in_one_newline(lines: bytes) -> None:
    assert code_of(lines) == "folder-form"


def test_an_entry_has_at_most_65535_bytes() -> None:
    assert len(list(read_entries(BytesIO(b"x" * 65_535 + b"\n")))) == 1
    assert code_of(b"x" * 65_536 + b"\n") == "entry-malformed"
    assert code_of(b"{}\n" + b"x" * 1_000_000) == "entry-malformed"


def test_the_events_among_the_entries_are_those_of_the_archive() -> None:
    verify_same_chain([b"a", b"b"], iter([b"a", b"b"]))
    verify_same_chain([], [])


@pytest.mark.parametrize(
    ("entries", "archive", "sentence"),
    [
        ([b"a"], [b"a", b"b"], "event 1 is missing among the entries"),
        ([b"a", b"b"], [b"a"], "event 1 is missing in the archive"),
        ([b"a", b"c"], [b"a", b"b"], "event 1 among the entries is another"),
        ([b"b", b"a"], [b"a", b"b"], "event 0 among the entries is another"),
    ],
)
def test_any_other_events_are_two_histories(entries: list[bytes], archive: list[bytes], sentence: str) -> None:
    with pytest.raises(Inconsistent, match=sentence) as refusal:
        verify_same_chain(entries, archive)
    assert refusal.value.code == "chain-differs"
