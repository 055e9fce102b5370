"""The longest ballot is known before anybody votes, and an election whose ballots would be refused is not planned."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ballot.small_election import election, key
from tests.crypto.ceremony_story import stream
from veche.ballot.ballot_length import longest_ballot, verify_ballot_length
from veche.ballot.election import Question
from veche.ballot.encrypted_ballot import MAX_BYTES
from veche.ballot.prepared_ballot import prepare_ballot
from veche.crypto.errors import Malformed
from veche.crypto.scalar import Q


@st.composite
def questions(draw: st.DrawFn) -> Question:
    answers = draw(st.integers(1, 6))
    low = draw(st.integers(0, answers))
    return Question("Which?", ("a",) * answers, low, draw(st.integers(low, answers)), draw(st.booleans()))


@settings(max_examples=20)
@given(st.lists(questions(), min_size=1, max_size=3))
def test_it_is_as_long_as_a_real_ballot_whose_numbers_are_the_longest(asked: list[Question]) -> None:
    of = election(tuple(asked))
    marks = [[0] * one.blank + [1] * one.minimum + [0] * (len(one.answers) - one.minimum) for one in asked]
    raw = prepare_ballot(of, key("voter 0").public, marks, stream("ballot")).sign(key("voter 0").secret, stream("signature"))
    longest, _ = re.subn(rb'"(challenge|response)":"\d+"', rb'"\1":"%d"' % (Q - 1), raw)
    assert longest_ballot(of.uuid, asked) == len(longest)


def test_what_would_be_refused_when_it_is_cast_is_refused_when_it_is_planned() -> None:
    asked = [Question("Which?", ("a",) * 100, 0, 70, False)]
    assert longest_ballot("4hVecheTestB22", asked) <= MAX_BYTES
    verify_ballot_length("4hVecheTestB22", asked)
    with pytest.raises(Malformed, match=r"up to 65,576 bytes, and no more than 65,536") as refused:
        verify_ballot_length("4hVecheTestB22", [Question("Which?", ("a",) * 100, 0, 71, False)])
    assert refused.value.code == "question-limits"
