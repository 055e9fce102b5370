"""Specifies ledger/payload.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.small_archive import named, setup_contents
from tests.ledger.test_event import HASH, OTHER, hashes
from veche.crypto.errors import Malformed
from veche.ledger.payload import (
    Owned,
    SetupData,
    SizedTally,
    parse_owned,
    parse_setup_data,
    parse_sized_tally,
    verify_setup_data,
)


@given(owner=st.integers(1, 1000), payload=hashes)
def test_an_owned_text_is_read_back(owner: int, payload: str) -> None:
    assert parse_owned(Owned(owner, payload).text()) == Owned(owner, payload)


@given(number=st.integers(0, 2**40), weight=st.integers(0, 2**70), tally=hashes)
def test_a_sized_tally_is_read_back(number: int, weight: int, tally: str) -> None:
    sized = SizedTally(number, weight, tally)
    assert parse_sized_tally(sized.text()) == sized


@given(names=st.lists(hashes, min_size=3, max_size=4))
def test_setup_data_is_read_back(names: list[str]) -> None:
    setup = SetupData(*names)
    assert parse_setup_data(setup.text()) == setup
    assert list(setup.named()) == names
    verify_setup_data(setup.text(), names)


def test_a_weight_above_the_integers_of_belenios_is_a_decimal_string() -> None:
    assert SizedTally(1, 2**30 - 1, HASH).text().startswith(b'{"num_tallied":1,"total_weight":1073741823,')
    assert SizedTally(1, 2**30, HASH).text().startswith(b'{"num_tallied":1,"total_weight":"1073741824",')


@pytest.mark.parametrize("weight", ["1073741824", '"1073741823"', '"5"', '"01073741824"', "-1", "true", "1.0", '"x"'])
def test_a_weight_has_one_form(weight: str) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_sized_tally(f'{{"num_tallied":1,"total_weight":{weight},"encrypted_tally":"{HASH}"}}'.encode())
    assert refusal.value.code == "record-order"


@pytest.mark.parametrize(
    "text",
    [
        f'{{"owner":0,"payload":"{HASH}"}}',
        f'{{"owner":"1","payload":"{HASH}"}}',
        f'{{"payload":"{HASH}","owner":1}}',
        f'{{"owner":1,"payload":"{HASH}","x":1}}',
        '{"owner":1}',
        f'{{"owner":1,"payload":"{HASH}"}} ',
        "",
    ],
)
def test_an_owned_text_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_owned(text.encode())
    assert refusal.value.code == "record-order"


def test_setup_data_that_names_other_records_is_refused() -> None:
    *first, setup = setup_contents()
    names = [named(content) for content in first]
    verify_setup_data(setup, names)
    for other in (names[:2], [names[1], names[0], names[2]], [*names, OTHER], [OTHER, *names[1:]], []):
        with pytest.raises(Malformed) as refusal:
            verify_setup_data(setup, other)
        assert refusal.value.code == "setup-data"


@pytest.mark.parametrize("text", [b"{}", b"", b'{"election":"x","trustees":"x","credentials":"x"}'])
def test_a_text_that_is_no_setup_data_is_refused(text: bytes) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_setup_data(text)
    assert refusal.value.code == "setup-data"
