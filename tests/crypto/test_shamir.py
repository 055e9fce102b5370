"""Specifies crypto/shamir.py."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis.strategies import DataObject, data, integers, permutations

from tests.crypto.ceremony_story import stream
from tests.vectors import load
from veche.crypto.errors import Inconsistent, Malformed
from veche.crypto.group import G, secret_multiple
from veche.crypto.scalar import Q, Secret
from veche.crypto.shamir import (
    Polynomial,
    committed_value,
    interpolate,
    lagrange,
    public_shares,
    verify_same_polynomial,
)


@given(size=integers(1, 6), drawn=data())
def test_any_t_values_of_n_give_the_secret(size: int, drawn: DataObject) -> None:
    threshold = drawn.draw(integers(1, size))
    chosen = drawn.draw(permutations(range(1, size + 1)))[:threshold]
    polynomial = Polynomial.random(threshold, stream(f"{size} {threshold}"))
    images = {j: secret_multiple(polynomial.at(j), G) for j in chosen}
    assert interpolate(images) == polynomial.commitments()[0]


@given(threshold=integers(2, 5))
def test_fewer_than_t_values_give_another_point(threshold: int) -> None:
    polynomial = Polynomial.random(threshold, stream("fewer"))
    images = {j: secret_multiple(polynomial.at(j), G) for j in range(1, threshold)}
    assert interpolate(images) != polynomial.commitments()[0]


@given(threshold=integers(1, 5), index=integers(1, 50))
def test_a_value_fits_the_public_coefficients(threshold: int, index: int) -> None:
    polynomial = Polynomial.random(threshold, stream("fits"))
    assert secret_multiple(polynomial.at(index), G) == committed_value(polynomial.commitments(), index)


def test_the_value_is_that_of_the_polynomial() -> None:
    coefficients = [5, 7, Q - 1]
    polynomial = Polynomial(tuple(Secret.of(one) for one in coefficients))
    assert polynomial.at(3).expose() == (5 + 7 * 3 - 9) % Q


def test_public_shares_are_the_sums_over_all_dealers() -> None:
    dealers = [Polynomial.random(3, stream(f"dealer {i}")) for i in range(4)]
    shares = public_shares([one.commitments() for one in dealers], 4)
    for j, share in enumerate(shares, start=1):
        total = Secret.of(0)
        for one in dealers:
            total = total + one.at(j)
        assert secret_multiple(total, G) == share


def test_known_lagrange_coefficients() -> None:
    [vector] = [one for one in load("spec/belenios-vectors.json") if one["name"] == "lagrange"]
    assert lagrange([1, 3]) == [int(vector["lambda1"]), int(vector["lambda3"])]


@pytest.mark.parametrize("indices", [[1, 1], [0, 1], [-1, 2]])
def test_an_index_that_is_repeated_or_no_place_is_refused(indices: list[int]) -> None:
    with pytest.raises(Malformed) as refusal:
        lagrange(indices)
    assert refusal.value.code == "lagrange-indices"


def test_shares_of_one_polynomial_agree_and_any_changed_one_is_noticed() -> None:
    polynomials = [Polynomial.random(2, stream(f"column {k}")) for k in range(3)]
    shares = {j: [secret_multiple(one.at(j), G) for one in polynomials] for j in (1, 3, 4, 5)}
    verify_same_polynomial(shares, 2)
    for index in shares:
        wrong = {**shares, index: [*shares[index][:2], shares[index][2] + G]}
        with pytest.raises(Inconsistent) as refusal:
            verify_same_polynomial(wrong, 2)
        assert refusal.value.code == "shares-disagree"


def test_up_to_t_shares_are_never_in_disagreement() -> None:
    polynomial = Polynomial.random(3, stream("few"))
    for chosen in combinations(range(1, 5), 3):
        verify_same_polynomial({j: [secret_multiple(polynomial.at(j + 1), G)] for j in chosen}, 3)


def test_a_threshold_of_nothing_is_refused() -> None:
    with pytest.raises(Malformed):
        Polynomial.random(0, stream("none"))


def test_the_coefficients_are_not_in_the_repr() -> None:
    polynomial = Polynomial.random(2, stream("repr"))
    assert repr(polynomial) == "Polynomial(coefficients=(Secret(…), Secret(…)))"
