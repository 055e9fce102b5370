"""Specifies ledger/entry.py."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from tests.ledger.test_annex import UUID, annexes
from tests.ledger.test_event import HASH, events
from tests.vectors import load
from veche.crypto.errors import Malformed
from veche.ledger.annex import Annex, Cancelled, Drill, Opened
from veche.ledger.entry import is_event_text, named_data, parse_entry, step_of, time_of
from veche.ledger.event import Event, EventType
from veche.ledger.record_state import Step

TEXTS: list[dict[str, Any]] = load("spec/veche-record-vectors.json")["annexes"]["texts"]


@given(event=events(), annex=annexes())
def test_an_event_and_an_annex_are_told_apart_by_how_they_begin(event: Event, annex: Annex) -> None:
    assert is_event_text(event.text())
    assert not is_event_text(annex.text())
    assert parse_entry(event.text(), UUID) == event
    assert parse_entry(annex.text(), annex.election) == annex


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        b"{}",
        b"[]",
        b'{"height":0,"type":"Setup"}',
        b'{"parent":1}',
        b'{"annex":"opened"}',
        b"\xff" * 10,
        b'{"height":0}' + b" " * 65_535,
        b"[" * 70_000,
    ],
)
def test_a_text_that_is_neither_is_refused_in_one_way(text: bytes) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_entry(text, None)
    assert refusal.value.code == "entry-malformed"


def test_the_state_machine_sees_the_type_and_the_owner() -> None:
    event = Event(HASH, 5, EventType.PARTIAL_DECRYPTION, HASH)
    assert step_of(event, owner=2) == Step("PartialDecryption", 2)
    assert step_of(Opened(UUID, 1)) == Step("opened")
    drill = next(parse_entry(one["text"].encode(), UUID) for one in TEXTS if one["type"] == "drill")
    assert isinstance(drill, Drill)
    assert step_of(drill) == Step("drill", 1)


def test_only_entries_that_say_when_they_happened_have_a_time() -> None:
    assert time_of(Cancelled(UUID, 17, "court")) == 17
    assert time_of(Event(None, 0, EventType.SETUP, HASH)) is None


@pytest.mark.parametrize("vector", TEXTS, ids=lambda vector: vector["type"])
def test_every_hash_that_an_annex_names_is_named_data(vector: dict[str, str]) -> None:
    hashes = {"manifest", "ceremony", "assets", "credentials", "payload", "result", "audit"}
    entry = parse_entry(vector["text"].encode(), UUID)
    assert named_data(entry) == tuple(getattr(entry, name) for name in entry.__slots__ if name in hashes)


def test_an_event_names_records_of_the_archive_and_no_file() -> None:
    assert named_data(Event(None, 0, EventType.SETUP, HASH)) == ()
