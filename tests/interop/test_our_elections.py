"""The real belenios-tool accepts our elections: the archive, every ballot, the encrypted tally byte for byte, and the result."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest

from tests.election.record_builder import Story, archive_of
from tests.election.trustee_keys import single
from tests.interop.joint_record import JointRecord
from tests.interop.tool import BeleniosTool, at_once
from veche.ballot.election import Question
from veche.ballot.result import Result
from veche.ledger.event import EventType
from veche.observer.audit import audit
from veche.observer.sources import open_source

pytestmark = pytest.mark.interop

TREES = Question("Wo sollen die Bäume stehen? «Где?» \\ \" / \x7f", ("By the river", "At the school", "Nowhere"), 1, 2, True)
ROOF = Question("A new roof?", ("Yes", "No"), 0, 1, False)
ONE_OF_FIVE = Question("Which one?", tuple("ABCDE"), 1, 1, False)


def vote_for_trees(voter: int) -> tuple[int, ...]:
    """Blank, one or two answers."""
    return ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 1), (0, 1, 0, 1))[voter % 4]


def vote_for_roof(voter: int) -> tuple[int, ...]:
    """Yes, no or nothing."""
    return ((1, 0), (0, 1), (0, 0))[voter % 3]


def vote_for_one(voter: int) -> tuple[int, ...]:
    return tuple(int(place == voter % 5) for place in range(5))


@cache
def twenty_voters() -> Story:
    """One choice of five; four voters change their minds, one of them twice; two of them never vote."""
    casts = [*range(18), 3, 7, 0, 11, 3]
    votes = tuple((voter, (vote_for_one(voter + place // 18),)) for place, voter in enumerate(casts))
    return Story(questions=(ONE_OF_FIVE,), voters=20, votes=votes)


@cache
def weighted() -> Story:
    """Weights from 0 to more than 2^30: a JSON integer cannot hold the total, so it is written as a string."""
    votes = tuple((voter, (vote_for_roof(voter),)) for voter in (0, 1, 2, 3, 4, 5, 1))
    return Story(questions=(ROOF,), voters=7, votes=votes, weights=(0, 1, 2**30 - 1, 2**30, 2_000_000_000, 7, 3))


@cache
def blank_and_two_questions() -> Story:
    """A question with a blank vote beside one without, and texts with every character that JSON treats specially."""
    votes = tuple((voter % 8, (vote_for_trees(voter), vote_for_roof(voter))) for voter in range(10))
    return Story(questions=(TREES, ROOF), voters=9, votes=votes)


@cache
def with_mandatory_trustee() -> Story:
    """A single trustee, whose share must be there, beside the threshold group."""
    votes = tuple((voter, (vote_for_roof(voter),)) for voter in range(6))
    return Story(questions=(ROOF,), voters=6, votes=votes, items=(single("auditor"),), shares=(2, 3, 4))


@cache
def nobody_votes() -> Story:
    """No ballot at all: a tally of nothing but identities."""
    return Story(votes=(), level="belenios", changes={"manifest": lambda right, _: {**right, "minimum_ballots": 0}})


STORIES = [twenty_voters, weighted, blank_and_two_questions, with_mandatory_trustee, nobody_votes]
tell = pytest.mark.parametrize("tell", STORIES, ids=lambda story: story.__name__)


@tell
def test_the_tool_accepts_our_archive_and_our_audit_does(tell: Callable[[], Story], tool: BeleniosTool, tmp_path: Path) -> None:
    story = tell()
    story.bel_only(tmp_path / "tool")
    tool.at(tmp_path / "tool").verify()
    report = audit(open_source(str(story.write(tmp_path / "ours"))))
    assert (report.codes(), report.verdict) == ((), "ok")


@tell
def test_the_tool_accepts_every_ballot_we_make(tell: Callable[[], Story], tool: BeleniosTool, tmp_path: Path) -> None:
    record = JointRecord(tell().bel_only(tmp_path))
    assert tool.objections(record.path, record.chain(EventType.BALLOT)) == []


@tell
def test_the_tool_counts_the_same_encrypted_tally_byte_for_byte(
    tell: Callable[[], Story], tool: BeleniosTool, tmp_path: Path
) -> None:
    record = JointRecord(tell().bel_only(tmp_path))
    tally, sized = tool.at(tmp_path).compute_encrypted_tally()
    published = record.chain(EventType.ENCRYPTED_TALLY)[0]
    assert [tally, sized] == [one.content for one in published.records]


@tell
def test_the_result_is_the_plain_count_of_the_last_votes(
    tell: Callable[[], Story], tool: BeleniosTool, tmp_path: Path
) -> None:
    story = tell()
    record = JointRecord(story.bel_only(tmp_path))
    expected = Result(story.counts())
    assert record.contents(EventType.RESULT) == [expected.encode()]
    assert record.our_result() == expected
    assert tool.at(tmp_path).compute_result() == expected.encode()


@pytest.mark.parametrize("tell", [twenty_voters, with_mandatory_trustee], ids=lambda story: story.__name__)
def test_any_two_trustees_of_three_decrypt_to_the_same_result(
    tell: Callable[[], Story], tool: BeleniosTool, tmp_path: Path
) -> None:
    story = tell()
    others = [owner for owner in story.secrets if owner > 3]
    shares = {owner: story.delivery(owner) for owner in story.secrets}
    before = [one for one in story.events if b'"PartialDecryption"' not in one[0] and b'"Result"' not in one[0]]
    for pair in combinations((1, 2, 3), 2):
        folder = tmp_path / "-".join(map(str, pair))
        record = JointRecord(folder / story.bel_only(folder).name)
        record.path.write_bytes(archive_of(before))
        for owner in (*pair, *others):
            record.append(EventType.PARTIAL_DECRYPTION, shares[owner].share, shares[owner].owned)
        assert record.our_result() == Result(story.counts())
        assert tool.at(folder).compute_result() == Result(story.counts()).encode()


@pytest.mark.parametrize("place", ["alpha", "beta", "challenge", "response", "hash", "credential", "election_hash"])
def test_a_ballot_with_one_flipped_digit_is_refused_by_the_tool(place: str, tool: BeleniosTool, tmp_path: Path) -> None:
    record = JointRecord(blank_and_two_questions().bel_only(tmp_path))
    first = record.chain(EventType.BALLOT)[0]
    archive, right = record.path.read_bytes()[: first.start], first.records[0].content
    assert tool.objection(right, archive, record.path.name) is None
    wrong = every_flip(right, place)
    refusals = at_once(lambda one: tool.objection(one, archive, record.path.name), wrong)
    assert [refusal and refusal.code for refusal in refusals] == [124] * len(wrong)


def every_flip(ballot: bytes, name: str) -> list[bytes]:
    """The ballot once for each field of this name, with one digit of it changed into another digit of the same alphabet."""
    label = b'"%s":"' % name.encode()
    assert label in ballot
    flipped: list[bytes] = []
    at = ballot.find(label)
    while at >= 0:
        # Not the first digit, by which a number could grow beyond q, nor the last one of Base64, which holds two bits only.
        digit = at + len(label) + 9
        old = ballot[digit : digit + 1]
        flipped.append(ballot[:digit] + (b"1" if old != b"1" else b"2") + ballot[digit + 1 :])
        at = ballot.find(label, digit)
    return flipped
