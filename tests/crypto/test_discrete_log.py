"""Counts are found in 0..bound and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.crypto.drawing import drawing
from veche.crypto.discrete_log import LARGEST, LogarithmTable
from veche.crypto.errors import Inconsistent, Refused
from veche.crypto.group import IDENTITY, G, Point, secret_multiple
from veche.crypto.scalar import Q, Secret


def refused_by(table: LogarithmTable, point: Point) -> str:
    with pytest.raises(Inconsistent) as refusal:
        table.find(point)
    return refusal.value.code


def test_every_count_to_2000_is_found() -> None:
    table, point = LogarithmTable(2000), IDENTITY
    for count in range(2001):
        assert table.find(point) == count
        point = point + G


@pytest.mark.parametrize("bound", [0, 1, 2, 3, 4, 8, 9, 10, 99, 100])
def test_the_bound_is_the_last_count_found(bound: int) -> None:
    table = LogarithmTable(bound)
    assert [table.find(count * G) for count in range(bound + 1)] == list(range(bound + 1))
    for outside in (bound + 1, bound + 2, -1, Q - 1):
        assert refused_by(table, outside * G) == "logarithm-missing"


LARGE = LogarithmTable(2**30)


@settings(max_examples=8)
@given(st.integers(0, 2**30))
def test_large_weights_are_found(count: int) -> None:
    assert LARGE.find(count * G) == count


def test_both_ends_of_a_large_range_are_found_and_the_next_is_not() -> None:
    assert LARGE.find(IDENTITY) == 0
    assert LARGE.find(2**30 * G) == 2**30
    assert refused_by(LARGE, (2**30 + 1) * G) == "logarithm-missing"


def test_a_point_that_is_no_count_is_refused() -> None:
    random = secret_multiple(Secret.random(drawing("no count")), G)
    assert refused_by(LogarithmTable(500), random) == "logarithm-missing"


@pytest.mark.parametrize("bound", [-1, LARGEST + 1, 2**62])
def test_a_bound_that_would_take_minutes_and_gigabytes_is_refused_at_once(bound: int) -> None:
    with pytest.raises(Refused) as refusal:
        LogarithmTable(bound)
    assert refusal.value.code == "logarithm-bound"
