"""Specifies ledger/chain.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.test_event import HASH, OTHER
from veche.crypto.errors import Inconsistent, Malformed
from veche.ledger.chain import append, verify_follows
from veche.ledger.event import Event, EventType, has_payload


@given(kinds=st.lists(st.sampled_from(EventType), max_size=20))
def test_what_is_appended_follows_what_was_there(kinds: list[EventType]) -> None:
    previous: Event | None = None
    for height, kind in enumerate(kinds):
        event = append(previous, kind, HASH if has_payload(kind) else None)
        assert event.height == height
        verify_follows(event, previous)
        previous = event


def test_the_continuation_of_another_history_is_refused() -> None:
    first, other = append(None, EventType.SETUP, HASH), append(None, EventType.SETUP, OTHER)
    with pytest.raises(Inconsistent) as refusal:
        verify_follows(append(other, EventType.BALLOT, HASH), first)
    assert refusal.value.code == "event-parent"


def test_a_gap_or_a_repeated_height_is_refused() -> None:
    first = append(None, EventType.SETUP, HASH)
    for height in (0, 2):
        with pytest.raises(Inconsistent) as refusal:
            verify_follows(Event(first.digest, height, EventType.BALLOT, HASH), first)
        assert refusal.value.code == "event-height"
    with pytest.raises(Inconsistent) as refusal:
        verify_follows(Event(None, 1, EventType.SETUP, HASH), None)
    assert refusal.value.code == "event-height"


def test_the_first_event_has_no_parent_and_every_other_has_one() -> None:
    first = append(None, EventType.SETUP, HASH)
    for event, previous in (
        (Event(HASH, 0, EventType.SETUP, HASH), None),
        (Event(None, 1, EventType.BALLOT, HASH), first),
    ):
        with pytest.raises(Malformed) as refusal:
            verify_follows(event, previous)
        assert refusal.value.code == "event-malformed"
