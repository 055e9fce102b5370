"""Specifies ballot/result.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ballot.fixture_records import PATHS, Fixture, fixture
from tests.ballot.small_election import BLANK, RANGED, election
from veche.ballot.combination import combine
from veche.ballot.election import Election
from veche.ballot.result import Result, compute_result, decrypted_points, parse_result, verify_result
from veche.ballot.share import parse_share
from veche.ballot.tally import EncryptedTally, parse_sized_tally
from veche.crypto.elgamal import Ciphertext
from veche.crypto.errors import Inconsistent, Malformed
from veche.crypto.group import IDENTITY, G, Point
from veche.crypto.scalar import Q

ASKED = election((RANGED, BLANK))
COUNTS = ((3, 0, 7), (2, 5, 0))


def tally_of(*rows: tuple[int, ...]) -> tuple[EncryptedTally, list[Point]]:
    """A tally that decrypts to these counts, with the combined factors."""
    factors = [(17 + place) * G for place in range(sum(map(len, rows)))]
    given = iter(factors)
    return EncryptedTally(tuple(tuple(Ciphertext(G, next(given) + count * G) for count in row) for row in rows)), factors


def code_of(result: Result, bound: int, asked: Election = ASKED) -> tuple[str, str]:
    tally, factors = tally_of(*COUNTS)
    with pytest.raises(Inconsistent) as refusal:
        verify_result(result, tally, factors, bound, asked)
    return refusal.value.code, refusal.value.message


def factors_of(made: Fixture) -> list[Point]:
    shares = {owner: parse_share(raw, made.tally, owner).factors for owner, _, raw in made.shares}
    return combine(made.trustees, shares)


@pytest.mark.parametrize("name", PATHS)
def test_the_published_result_is_what_the_shares_decrypt(name: str) -> None:
    made = fixture(name)
    total = parse_sized_tally(made.sized_text).total_weight
    result = parse_result(made.result_text, made.election)
    assert result.encode() == made.result_text
    verify_result(result, made.tally, factors_of(made), total, made.election)


@pytest.mark.parametrize("name", [name for name in PATHS if name not in ("weighted", "thr-w")])
def test_the_computed_result_is_the_published_one(name: str) -> None:
    made = fixture(name)
    total = parse_sized_tally(made.sized_text).total_weight
    assert compute_result(made.tally, factors_of(made), total).encode() == made.result_text


def test_counts_of_billions_are_checked_without_any_logarithm() -> None:
    made = fixture("weighted")
    assert max(count for row in parse_result(made.result_text, made.election).counts for count in row) > 2 * 10**9
    verify_result(parse_result(made.result_text, made.election), made.tally, factors_of(made), 10**20 - 1, made.election)


@given(counts=st.lists(st.integers(0, 40), min_size=3, max_size=3), bound=st.integers(40, 60))
def test_counts_are_found_from_their_points(counts: list[int], bound: int) -> None:
    tally, factors = tally_of(tuple(counts))
    assert decrypted_points(tally, factors) == [count * G for count in counts]
    assert compute_result(tally, factors, bound).counts == (tuple(counts),)


def test_a_point_that_is_no_count_up_to_the_total_weight_gives_no_result() -> None:
    tally, factors = tally_of((8, 0, 0))
    with pytest.raises(Inconsistent) as refusal:
        compute_result(tally, factors, 7)
    assert refusal.value.code == "logarithm-missing"


def test_the_tally_of_nothing_decrypts_to_nothing() -> None:
    tally = EncryptedTally(((Ciphertext(IDENTITY, IDENTITY),) * 2,))
    assert compute_result(tally, [IDENTITY, IDENTITY], 0).counts == ((0, 0),)


def test_a_count_plus_the_order_of_the_group_is_out_of_range_though_its_point_is_right() -> None:
    tally, factors = tally_of(*COUNTS)
    verify_result(Result(COUNTS), tally, factors, 7, ASKED)
    assert code_of(Result(((3 + Q, 0, 7), COUNTS[1])), 7)[0] == "result-range"


def test_a_count_above_the_total_weight_is_out_of_range() -> None:
    code, message = code_of(Result(COUNTS), 6)
    assert code == "result-range"
    assert 'question 1 ("Parks"), answer 3 ("East"): 7 votes where 6 is the total weight' in message


@pytest.mark.parametrize("row", [0, 1])
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("change", [1, -1])
def test_any_changed_count_is_refused(row: int, place: int, change: int) -> None:
    told = [list(counts) for counts in COUNTS]
    told[row][place] = abs(told[row][place] + change)
    if told[row][place] != COUNTS[row][place]:
        assert code_of(Result(tuple(map(tuple, told))), 100)[0] == "result"


def test_the_refusal_names_the_blank_vote() -> None:
    code, message = code_of(Result((COUNTS[0], (3, 5, 0))), 100)
    assert code == "result"
    assert 'question 2 ("Chair"), blank vote: published count 3 ' in message


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[[0,0,0],[0,0,0]]",
        b'{"result":[[0,0,0]]}',
        b'{"result":[[0,0,0],[0,0]]}',
        b'{"result":[[0,0,0],[0,0,0,0]]}',
        b'{"result":[[0,0,0],[0,0,0],[]]}',
        b'{"result":[[0,0,-1],[0,0,0]]}',
        b'{"result":[[0,0,1.0],[0,0,0]]}',
        b'{"result":[[0,0,"1"],[0,0,0]]}',
        b'{"result":[[0,0,1073741824],[0,0,0]]}',
        b'{"result":[[0,0,"01073741824"],[0,0,0]]}',
        b'{"result":[[0,0,null],[0,0,0]]}',
        b'{"result":[[0,0,true],[0,0,0]]}',
        b'{"result":[[0,0,0],[0,0,0]],"x":1}',
        b'{"result": [[0,0,0],[0,0,0]]}',
        b'{"result":[[0,0,0],[0,0,0]]}\n',
    ],
)
def test_a_result_in_another_form_or_shape_is_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_result(raw, ASKED)
    assert refusal.value.code == "result-malformed"


@given(counts=st.lists(st.lists(st.integers(0, 10**20 - 1), min_size=3, max_size=3), min_size=2, max_size=2))
def test_a_result_is_read_back(counts: list[list[int]]) -> None:
    result = Result(tuple(map(tuple, counts)))
    assert parse_result(result.encode(), ASKED) == result
