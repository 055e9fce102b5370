"""Specifies ledger/prefix.py."""

from __future__ import annotations

from io import BufferedReader, BytesIO
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.small_archive import archive_of, chain_of, whole_election
from tests.ledger.test_archive import Pieces
from tests.vectors import VECTORS
from veche.crypto.errors import Inconsistent
from veche.ledger.prefix import verify_prefix

ARCHIVE = archive_of(whole_election())
TAMPERED = VECTORS / "belenios" / "archives-tampered-1"


def sentence(older: bytes, newer: bytes, what: Literal["archive", "entries"]) -> str:
    with pytest.raises(Inconsistent) as refusal:
        verify_prefix(BytesIO(older), BytesIO(newer), what)
    assert refusal.value.code == "history-changed"
    return refusal.value.message


def test_every_beginning_of_an_archive_is_its_older_copy() -> None:
    for item in chain_of(ARCHIVE):
        verify_prefix(BytesIO(ARCHIVE[: item.end]), BytesIO(ARCHIVE), "archive")


@given(at=st.integers(0, len(ARCHIVE) - 1))
def test_any_changed_byte_is_seen(at: int) -> None:
    newer = bytearray(ARCHIVE)
    newer[at] ^= 1
    assert "something else" in sentence(ARCHIVE, bytes(newer), "archive")


@given(length=st.integers(0, len(ARCHIVE) - 1))
def test_a_newer_copy_that_is_shorter_lost_something(length: int) -> None:
    assert "the newer one ends before that" in sentence(ARCHIVE, ARCHIVE[:length], "archive")


def test_the_first_record_that_differs_is_named() -> None:
    items = chain_of(ARCHIVE)
    ballot = items[2].records[0]
    for at, where in (
        (600, "its first record"),
        (ballot.offset, f"data record {ballot.name} of event 2"),
        (items[2].end - 1, "event 2"),
    ):
        newer = bytearray(ARCHIVE)
        newer[at] ^= 1
        assert sentence(ARCHIVE, bytes(newer), "archive").startswith(f"the older copy has {where}, but")


def test_the_first_entry_that_differs_is_named() -> None:
    older = b'{"a":1}\n{"b":2}\n'
    verify_prefix(BytesIO(older), BytesIO(older + b'{"c":3}\n'), "entries")
    assert "has entry 1, but the newer one has something else" in sentence(older, b'{"a":1}\n{"x":2}\n', "entries")
    assert "has entry 1, but the newer one ends" in sentence(older, b'{"a":1}\n', "entries")
    assert "has entry 0, but" in sentence(older, b"", "entries")


def test_an_older_copy_that_cannot_be_read_is_compared_all_the_same() -> None:
    assert "has byte 3 of its archive" in sentence(b"junk", b"jun", "archive")
    assert "has byte 3 of its entries" in sentence(b"{}\n\n", b"{}\n{", "entries")


def test_a_difference_beyond_the_first_megabyte_is_found_in_a_stream_of_odd_portions() -> None:
    older = b"x" * 60_000 + b"\n"
    lines = older * 40
    newer = lines[:-2] + b"y\n"
    with pytest.raises(Inconsistent, match="entry 39"):
        verify_prefix(BytesIO(lines), BufferedReader(Pieces(iter([newer]))), "entries")


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("control.bel", True),
        ("num-tallied-changed.bel", True),
        ("superseded-ballot-dropped.bel", False),
        ("revote-reordered.bel", False),
        ("ballot-dropped.bel", False),
    ],
)
def test_a_rewritten_history_is_caught_by_an_older_snapshot(name: str, same: bool) -> None:
    older = (TAMPERED / "snapshot-before-close.bel").read_bytes()
    newer = (TAMPERED / name).read_bytes()
    if same:
        verify_prefix(BytesIO(older), BytesIO(newer), "archive")
    else:
        assert "of event" in sentence(older, newer, "archive")
