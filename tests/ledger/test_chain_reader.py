"""Specifies ledger/chain_reader.py."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from io import BufferedReader, BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.small_archive import (
    TIMESTAMP,
    Contents,
    archive_of,
    chain_of,
    named,
    owned_contents,
    setup_contents,
    tally_contents,
    vector_archives,
    whole_election,
)
from tests.ledger.test_archive import Pieces
from tests.vectors import VECTORS
from veche.ballot.tally import SizedTally
from veche.crypto.errors import ElectionError
from veche.ledger.archive import data_record, event_record, header_record, read_timestamp
from veche.ledger.chain import append
from veche.ledger.chain_reader import item_records, read_chain
from veche.ledger.event import Event, EventType

TAMPERED = VECTORS / "belenios" / "archives-tampered-1"
REFUSED_HERE = {
    "broken-parent.bel": "event-parent",
    "name-is-not-hash.bel": "record-hash",
    "garbage-after-end.bel": "archive-record",
    "ballot-after-close.bel": "event-order",
}
SHUFFLED: Contents = [
    *whole_election()[:5],
    (EventType.SHUFFLE, owned_contents(1, b"shuffled")),
    (EventType.SHUFFLE, owned_contents(2, b"shuffled again")),
    (EventType.END_SHUFFLES, []),
    *whole_election()[5:],
]


def code_of(archive: bytes) -> str:
    with pytest.raises(ElectionError) as refusal:
        chain_of(archive)
    return refusal.value.code


def with_event(index: int, kind: EventType, contents: list[bytes]) -> Contents:
    """The small election with another event at one place."""
    election = whole_election()
    return [*election[:index], (kind, contents), *election[index + 1 :]]


@pytest.mark.parametrize("path", vector_archives(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_archive_is_read_and_written_again_byte_for_byte_or_refused(path: Path) -> None:
    archive = path.read_bytes()
    if path.parent == TAMPERED and path.name in REFUSED_HERE:
        assert code_of(archive) == REFUSED_HERE[path.name]
        return
    timestamp = read_timestamp(BytesIO(archive))
    again = [header_record(timestamp)]
    for item in chain_of(archive):
        assert item.event_text == item.event.text()
        assert item.event_hash == item.event.digest
        assert item.start == sum(map(len, again))
        again.append(item_records(item.event, [record.content for record in item.records], timestamp))
        assert item.end == sum(map(len, again))
    assert b"".join(again) == archive


@pytest.mark.parametrize("election", [whole_election(), SHUFFLED], ids=["homomorphic", "shuffled"])
def test_every_event_comes_with_its_data_and_its_owner(election: Contents) -> None:
    items = chain_of(archive_of(election))
    assert [(item.event.type, [record.content for record in item.records]) for item in items] == election
    assert [item.event.height for item in items] == list(range(len(election)))
    shares = (EventType.PARTIAL_DECRYPTION, EventType.SHUFFLE)
    assert all((item.owner is not None) == (item.event.type in shares) for item in items)
    assert [item.owner for item in items if item.event.type is EventType.PARTIAL_DECRYPTION] == [1, 3]
    assert items[-1].order.state() == "tallied"


def test_a_ballot_can_be_read_again_at_its_offset() -> None:
    archive = archive_of(whole_election())
    ballot = chain_of(archive)[2].records[0]
    assert archive[ballot.offset : ballot.offset + len(ballot.content)] == b'{"ballot":2}'


def test_an_archive_cut_before_or_after_an_event_is_the_record_of_a_running_election() -> None:
    archive = archive_of(SHUFFLED)
    items = chain_of(archive)
    for item in items:
        assert chain_of(archive[: item.end]) == items[: item.event.height + 1]
        assert chain_of(archive[: item.start]) == items[: item.event.height]


def test_an_archive_cut_anywhere_else_is_refused() -> None:
    archive = archive_of(whole_election()[:3])
    legal = {1024, *(item.end for item in chain_of(archive))}
    for length in range(len(archive)):
        if length not in legal:
            assert code_of(archive[:length]) == "archive-truncated", length


def test_every_single_changed_byte_is_refused() -> None:
    archive = archive_of(whole_election()[:3])
    for at in range(len(archive)):
        broken = bytearray(archive)
        broken[at] ^= 1 + at % 255
        with pytest.raises(ElectionError):
            chain_of(bytes(broken))


@given(at=st.integers(0, len(archive_of(SHUFFLED)) - 1), change=st.integers(1, 255))
def test_any_changed_byte_of_a_whole_election_is_refused(at: int, change: int) -> None:
    broken = bytearray(archive_of(SHUFFLED))
    broken[at] ^= change
    with pytest.raises(ElectionError):
        chain_of(bytes(broken))


def test_an_archive_without_setup_yet_has_no_events() -> None:
    assert chain_of(header_record(TIMESTAMP)) == []


def test_data_records_without_their_event_mean_that_the_file_was_cut() -> None:
    assert code_of(archive_of(whole_election()) + data_record(b"{}", TIMESTAMP)) == "archive-truncated"


def test_more_data_records_than_any_event_has_are_refused_before_memory_fills() -> None:
    archive = header_record(TIMESTAMP) + b"".join(data_record(bytes([n]), TIMESTAMP) for n in range(6))
    assert code_of(archive) == "record-order"


@pytest.mark.parametrize(
    "election",
    [
        pytest.param(with_event(0, EventType.SETUP, setup_contents()[1:]), id="Setup: three records"),
        pytest.param(with_event(0, EventType.SETUP, [b"1", b"2", *setup_contents()]), id="Setup: six records"),
        pytest.param(with_event(1, EventType.BALLOT, [b"{}", b"[]"]), id="Ballot: two records"),
        pytest.param(with_event(4, EventType.ENCRYPTED_TALLY, tally_contents()[1:]), id="tally missing"),
        pytest.param(with_event(4, EventType.ENCRYPTED_TALLY, tally_contents()[::-1]), id="tally after its sizes"),
        pytest.param(
            with_event(4, EventType.ENCRYPTED_TALLY, [b"[[]]", SizedTally(2, 3, named(b"[[1]]")).encode()]),
            id="sizes of another tally",
        ),
        pytest.param(with_event(5, EventType.PARTIAL_DECRYPTION, [b"{}", b"{}"]), id="share owned by nobody"),
        pytest.param(
            with_event(5, EventType.PARTIAL_DECRYPTION, [b"{}", owned_contents(1, b"[]")[1]]), id="another share"
        ),
        pytest.param(with_event(5, EventType.SHUFFLE, [b"{}", owned_contents(1, b"[]")[1]]), id="another shuffle"),
    ],
)
def test_data_records_that_do_not_fit_their_event_are_refused(election: Contents) -> None:
    assert code_of(archive_of(election)) == "record-order"


def test_setup_may_bring_the_certificate_of_its_credentials_and_its_data_is_judged_later() -> None:
    five = with_event(0, EventType.SETUP, [b"election", b"trustees", b"credentials", b"certificate", b"not setup data"])
    assert len(chain_of(archive_of(five))[0].records) == 5


def test_a_payload_that_names_another_record_is_refused() -> None:
    event = append(None, EventType.SETUP, named(b"else"))
    archive = header_record(TIMESTAMP) + item_records(event, setup_contents(), TIMESTAMP)
    assert code_of(archive) == "record-order"


def test_an_event_that_brings_nothing_has_no_data_before_it() -> None:
    election = whole_election()[:3]
    setup_to_ballot = archive_of(election)
    end = append(chain_of(setup_to_ballot)[-1].event, EventType.END_BALLOTS, None)
    assert code_of(setup_to_ballot + item_records(end, [b"{}"], TIMESTAMP)) == "record-order"


@pytest.mark.parametrize(
    "election",
    [
        pytest.param(whole_election()[1:], id="no Setup"),
        pytest.param([whole_election()[0], *whole_election()], id="two Setups"),
        pytest.param([*whole_election()[:4], whole_election()[1]], id="a ballot after the end"),
        pytest.param([*whole_election()[:3], *whole_election()[4:]], id="no EndBallots"),
        pytest.param([*whole_election()[:6], whole_election()[5]], id="the same share twice"),
        pytest.param(
            [*whole_election()[:6], (EventType.PARTIAL_DECRYPTION, owned_contents(1, b"other"))],
            id="another share of the same trustee",
        ),
        pytest.param([*whole_election(), whole_election()[-1]], id="two results"),
    ],
)
def test_events_out_of_order_are_refused(election: Contents) -> None:
    assert code_of(archive_of(election)) == "event-order"


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (Event("0" * 64, 1, EventType.END_BALLOTS, None), "event-parent"),
        (Event("0" * 64, 2, EventType.END_BALLOTS, None), "event-height"),
        (Event(None, 1, EventType.END_BALLOTS, None), "event-malformed"),
    ],
)
def test_an_event_that_is_not_the_next_link_is_refused(event: Event, code: str) -> None:
    assert code_of(archive_of(whole_election()[:1]) + event_record(event.text(), TIMESTAMP)) == code


def test_an_event_text_in_another_form_is_refused_with_its_height() -> None:
    text = b'{"height":1, "type":"EndBallots"}'
    with pytest.raises(ElectionError, match="event 1: ") as refusal:
        chain_of(archive_of(whole_election()[:1]) + event_record(text, TIMESTAMP))
    assert refusal.value.code == "event-malformed"


def test_the_memory_needed_does_not_grow_with_the_number_of_ballots() -> None:
    ballots, size = 3000, 2000

    def pieces() -> Iterator[bytes]:
        yield archive_of(whole_election()[:1])
        event = chain_of(archive_of(whole_election()[:1]))[0].event
        for number in range(ballots):
            ballot = b'{"ballot":%*d}' % (size, number)
            event = append(event, EventType.BALLOT, named(ballot))
            yield item_records(event, [ballot], TIMESTAMP)

    tracemalloc.start()
    try:
        read = sum(1 for _ in read_chain(BufferedReader(Pieces(pieces()))))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read == ballots + 1
    assert peak < 512 * 1024 < ballots * size // 10
