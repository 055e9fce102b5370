"""Random elections: the tool and we agree on ballots, trackers, encrypted tally and result."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.crypto.ceremony_story import hold_ceremony
from tests.election.record_builder import Story
from tests.election.trustee_keys import Ceremony, ceremony_of, single
from tests.interop.joint_record import JointRecord
from tests.interop.tool import BeleniosTool
from veche.ballot.election import Question
from veche.ballot.encrypted_ballot import read_ballot
from veche.ballot.result import Result
from veche.ledger.event import EventType

pytestmark = pytest.mark.interop

EXAMPLES = 500 if os.environ.get("VECHE_SOAK") == "1" else 25

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
"""Any characters but surrogates, which no UTF-8 can hold."""

Marks = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Trustees:
    """Who holds the keys: `threshold` of `size` (None: no group), `singles` beside them, and who delivers a share."""

    size: int
    threshold: int | None
    singles: int
    shares: tuple[int, ...]


@cache
def ceremony(size: int, threshold: int) -> Ceremony:
    """One ceremony for each shape: its keys serve all random elections."""
    return ceremony_of(hold_ceremony(size, threshold, name=f"random {threshold} of {size}"))


@st.composite
def questions(draw: st.DrawFn) -> Question:
    answers = tuple(draw(st.lists(TEXT, min_size=1, max_size=4)))
    most = draw(st.integers(0, len(answers)))
    return Question(draw(TEXT), answers, draw(st.integers(0, most)), most, draw(st.booleans()))


@st.composite
def marks_for(draw: st.DrawFn, question: Question) -> tuple[int, ...]:
    """A legal vote: the blank one where there is one, or a legal number of answers."""
    count = len(question.answers)
    if question.blank and draw(st.booleans()):
        return (1, *([0] * count))
    marked = draw(st.integers(question.minimum, question.maximum))
    chosen = draw(st.permutations(range(count)))[:marked]
    return (*([0] * question.blank), *(int(place in chosen) for place in range(count)))


@st.composite
def trustees(draw: st.DrawFn) -> Trustees:
    size = draw(st.sampled_from([0, 2, 3, 4]))
    threshold = draw(st.integers(1, size - 1)) if size else None
    singles = draw(st.integers(0 if size else 1, 2))
    # Sometimes one more share comes than is needed.
    spare = draw(st.booleans()) and threshold is not None
    delivering = draw(st.permutations(range(1, size + 1)))[: (threshold or 0) + spare]
    return Trustees(size, threshold, singles, (*sorted(delivering), *range(size + 1, size + singles + 1)))


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """An election from setup to result, of level belenios."""
    asked = tuple(draw(st.lists(questions(), min_size=1, max_size=3)))
    voters = draw(st.integers(1, 5))
    weights = draw(st.none() | st.lists(st.sampled_from([0, 1, 2, 3, 50, 1000]), min_size=voters, max_size=voters))
    legal_vote = st.tuples(st.integers(0, voters - 1), st.tuples(*(marks_for(question) for question in asked)))
    held = draw(trustees())
    return Story(
        level="belenios",
        ceremony=None if held.threshold is None else ceremony(held.size, held.threshold),
        items=tuple(single(f"random {number}") for number in range(held.singles)),
        questions=asked,
        voters=voters,
        weights=weights,
        votes=tuple(draw(st.lists(legal_vote, max_size=7))),
        shares=held.shares,
    )


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(story=stories())
def test_a_random_election_is_counted_alike_here_and_there(story: Story, tool: BeleniosTool) -> None:
    with TemporaryDirectory() as name:
        record = JointRecord(story.bel_only(Path(name)))
        folder = tool.at(Path(name))
        folder.verify()
        tally = record.chain(EventType.ENCRYPTED_TALLY)[0]
        assert list(folder.compute_encrypted_tally()) == [one.content for one in tally.records]
        assert folder.compute_result() == record.our_result().encode() == Result(story.counts()).encode()
        last = {read_ballot(raw).credential: read_ballot(raw).tracker for raw in record.contents(EventType.BALLOT)}
        assert sorted(folder.ballot_hashes()) == sorted(last.values())
        assert tool.objections(record.path, record.chain(EventType.BALLOT)) == []
        report = record.audit()
        assert (report.codes(), report.result) == ((), Result(story.counts()).to_json())
