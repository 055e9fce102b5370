"""Specifies ledger/event.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.small_archive import named
from veche.crypto.errors import Malformed
from veche.ledger.event import Event, EventType, has_payload, parse_event

HASH = "0123456789abcdef" * 4
OTHER = "fedcba9876543210" * 4

hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)


@st.composite
def events(draw: st.DrawFn) -> Event:
    kind = draw(st.sampled_from(EventType))
    return Event(
        draw(st.none() | hashes), draw(st.integers(0, 2**62)), kind, draw(hashes) if has_payload(kind) else None
    )


@given(event=events())
def test_an_event_is_read_back_from_its_text(event: Event) -> None:
    assert parse_event(event.text()) == event


@given(event=events(), at=st.integers(0), byte=st.integers(0, 255))
def test_another_text_is_another_event_or_none(event: Event, at: int, byte: int) -> None:
    text = bytearray(event.text())
    text[at % len(text)] = byte
    if bytes(text) == event.text():
        return
    try:
        assert parse_event(bytes(text)) != event
    except Malformed as error:
        assert error.code == "event-malformed"


def test_the_fields_stand_in_the_order_of_belenios_and_the_hash_is_that_of_the_text() -> None:
    event = Event(HASH, 7, EventType.BALLOT, OTHER)
    assert event.text() == f'{{"parent":"{HASH}","height":7,"type":"Ballot","payload":"{OTHER}"}}'.encode()
    assert event.digest == named(event.text())
    assert Event(None, 0, EventType.END_BALLOTS, None).text() == b'{"height":0,"type":"EndBallots"}'


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"height":0, "type":"EndBallots"}', id="a space"),
        pytest.param('{"height":0,"type":"EndBallots"}\n', id="a newline at the end"),
        pytest.param('{"type":"EndBallots","height":0}', id="another order"),
        pytest.param('{"height":0,"type":"EndBallots","x":1}', id="an unknown field"),
        pytest.param('{"height":0,"type":"Closed"}', id="an unknown type"),
        pytest.param('{"height":0,"type":["EndBallots"]}', id="the type of Belenios version 2"),
        pytest.param('{"height":-1,"type":"EndBallots"}', id="a height below 0"),
        pytest.param('{"height":"0","type":"EndBallots"}', id="a height as text"),
        pytest.param('{"height":0.0,"type":"EndBallots"}', id="a height with a point"),
        pytest.param('{"height":true,"type":"EndBallots"}', id="a height that is true"),
        pytest.param('{"parent":null,"height":0,"type":"EndBallots"}', id="a parent that is null"),
        pytest.param(f'{{"parent":"{HASH.upper()}","height":0,"type":"EndBallots"}}', id="a parent in capitals"),
        pytest.param(f'{{"height":0,"type":"EndBallots","payload":"{HASH}"}}', id="a payload too many"),
        pytest.param('{"height":0,"type":"Setup"}', id="a payload missing"),
        pytest.param(f'{{"height":0,"type":"Setup","payload":"{HASH[1:]}"}}', id="a payload of 63 digits"),
        pytest.param("[]", id="no object"),
        pytest.param("", id="nothing"),
    ],
)
def test_a_text_that_is_no_event_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_event(text.encode())
    assert refusal.value.code == "event-malformed"


def test_an_event_that_has_no_text_cannot_be_made() -> None:
    for wrong in (
        (None, 0, EventType.BALLOT, None),
        (None, 0, EventType.END_BALLOTS, HASH),
        (None, -1, EventType.BALLOT, HASH),
        ("parent", 1, EventType.BALLOT, HASH),
        (None, 0, EventType.BALLOT, "payload"),
    ):
        with pytest.raises(Malformed) as refusal:
            Event(*wrong)
        assert refusal.value.code == "event-malformed"
