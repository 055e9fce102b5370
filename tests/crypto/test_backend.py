"""The library's arithmetic against edwards25519 in whole numbers, at every edge where libsodium refuses to answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vectors import load
from veche.crypto import backend
from veche.crypto.backend import BASE, IDENTITY, Counting, Sodium, Terms, clear_cofactor, negate
from veche.crypto.group import G, Point, total
from veche.crypto.scalar import Q, Secret

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
BASE_Y = 4 * pow(5, -1, P) % P

Affine = tuple[int, int]


def add(left: Affine, right: Affine) -> Affine:
    """The complete addition law of RFC 8032 section 5.1.4."""
    (x1, y1), (x2, y2) = left, right
    product = D * x1 * x2 * y1 * y2 % P
    return (
        (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P,
        (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P,
    )


def multiple(scalar: int, point: Affine) -> Affine:
    """Double and add."""
    scalar %= Q
    result = (0, 1)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point, scalar = add(point, point), scalar >> 1
    return result


def encoded(point: Affine) -> bytes:
    """RFC 8032: y little endian, the parity of x in the top bit."""
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def reference(terms: list[tuple[int, int]]) -> bytes:
    """Σ s·(e·B) for (s, e): one multiplication of the base, since all exponents are known here."""
    return encoded(multiple(sum(s * e for s, e in terms), (BASE_X, BASE_Y)))


def points(exponents: list[tuple[int, int]]) -> Terms:
    return [(s, encoded(multiple(e, (BASE_X, BASE_Y)))) for s, e in exponents]


edges = st.sampled_from([0, 1, 2, 3, -1, -2, Q, Q - 1, Q + 1, -Q, 2**256])
scalars = st.integers(-(2**260), 2**260) | edges
exponents = st.integers(0, 40) | st.sampled_from([Q - 1, Q - 2])
sums = st.lists(st.tuples(scalars, exponents), max_size=5)


def test_base_and_identity_are_what_rfc_8032_says() -> None:
    assert encoded((BASE_X, BASE_Y)) == BASE
    assert encoded((0, 1)) == IDENTITY
    assert encoded(multiple(Q, (BASE_X, BASE_Y))) == IDENTITY


@settings(max_examples=60)
@given(st.lists(sums, max_size=3))
def test_sums_are_those_of_the_curve(batch: list[list[tuple[int, int]]]) -> None:
    assert Sodium().sums([points(terms) for terms in batch]) == [reference(terms) for terms in batch]


@pytest.mark.parametrize(
    "terms",
    [
        [],
        [(0, 1)],
        [(Q, 5)],
        [(5, 0)],
        [(0, 0)],
        [(1, 1), (-1, 1)],
        [(1, 7), (1, Q - 7)],
        [(3, 2), (-2, 3)],
        [(3, 2), (-2, 3), (1, 4)],
        [(1, 1), (1, 1)],
        [(-1, 4), (-1, 4)],
        [(Q - 1, 3), (1, 3)],
        [(2, 1), (2, 1), (-4, 1)],
        [(-(2**300), 3)],
    ],
    ids=str,
)
def test_zeros_identities_and_terms_that_cancel_give_the_curves_answer(terms: list[tuple[int, int]]) -> None:
    assert Sodium().sums([points(terms)]) == [reference(terms)]


@settings(max_examples=40)
@given(st.integers(0, Q - 1) | st.sampled_from([0, 1, Q - 1]), exponents)
def test_a_secret_multiple_is_the_public_one(scalar: int, exponent: int) -> None:
    point = encoded(multiple(exponent, (BASE_X, BASE_Y)))
    assert Sodium().secret_multiple(Secret.of(scalar), point) == reference([(scalar, exponent)])


@given(st.integers(0, 50))
def test_the_negative_of_a_point_cancels_it(exponent: int) -> None:
    point = encoded(multiple(exponent, (BASE_X, BASE_Y)))
    assert negate(point) == reference([(-1, exponent)])
    assert negate(negate(point)) == point


def test_a_member_is_canonical_and_of_order_q() -> None:
    sodium = Sodium()
    assert sodium.is_member(BASE)
    assert not sodium.is_member(IDENTITY)
    order_two = encoded((0, P - 1))
    assert not sodium.is_member(order_two)
    assert not sodium.is_member(encoded(add((BASE_X, BASE_Y), (0, P - 1))))


def test_answers_given_to_many_threads_at_once_are_not_mixed() -> None:
    # libsodium runs without Python's lock: a buffer shared by two calls would give one caller the other's point.
    sodium = Sodium()
    sums = [points([(12345 + k, k), (777, 1)]) for k in range(2, 10)]
    expected = [sodium.sums([terms]) for terms in sums]
    with ThreadPoolExecutor(8) as threads:
        for _ in range(3):
            found = threads.map(lambda terms: [sodium.sums([terms]) for _ in range(50)], sums)
            assert [set(map(tuple, one)) for one in found] == [{tuple(one)} for one in expected]


def test_clearing_the_cofactor_of_any_point_gives_a_member_or_the_identity() -> None:
    listed = load("ed25519/points-1.json")["points"]
    cleared = {vector["note"]: (vector["class"], clear_cofactor(bytes.fromhex(vector["rfc8032"]))) for vector in listed}
    for kind, point in cleared.values():
        if kind in {"identity", "low-order"}:
            assert point == IDENTITY
        elif kind in {"prime-order", "mixed-order"}:
            assert point is not None
            assert Sodium().is_member(point)
        elif kind == "off-curve":
            assert point is None
    assert cleared["base point"][1] == cleared["base point + point of order 2"][1] == reference([(8, 1)])


def test_the_counting_backend_counts_what_it_passes_on() -> None:
    counting = Counting(Sodium())
    before = backend.active()
    with backend.using(counting):
        assert backend.active() is counting
        Point.decode(BASE)
        assert total([(2, G), (3, G), (-5, G)]).is_identity
        assert (2 * G).encoding == reference([(2, 1)])
        assert backend.active().secret_multiple(Secret.of(2), BASE) == reference([(2, 1)])
    assert (counting.memberships, counting.terms, counting.secret_multiples) == (1, 4, 1)
    assert backend.active() is before


def test_the_backend_before_returns_even_after_an_error() -> None:
    before = backend.active()
    with pytest.raises(ZeroDivisionError), backend.using(Counting(Sodium())):
        _ = 1 // 0
    assert backend.active() is before
