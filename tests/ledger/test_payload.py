"""Specifies ledger/payload.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.small_archive import named, setup_contents
from tests.ledger.test_event import OTHER, hashes
from veche.crypto.errors import Malformed
from veche.ledger.payload import SetupData, parse_setup_data, verify_setup_data


@given(names=st.lists(hashes, min_size=3, max_size=4))
def test_setup_data_is_read_back(names: list[str]) -> None:
    setup = SetupData(*names)
    assert parse_setup_data(setup.text()) == setup
    assert list(setup.named()) == names
    verify_setup_data(setup.text(), names)


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
