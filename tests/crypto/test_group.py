"""`Point.decode` is the only way in: canonical, of order q, and never the identity unless asked for."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vectors import load
from veche.crypto.errors import Malformed
from veche.crypto.group import IDENTITY, G, Point, secret_multiple, sums, total
from veche.crypto.scalar import Q, Secret

POINTS = load("ed25519/points-1.json")["points"]
POWERS = next(one for one in load("spec/belenios-vectors.json") if one["name"] == "small powers")


def is_accepted(data: bytes) -> bool:
    try:
        return Point.decode(data).encoding == data
    except Malformed as error:
        assert error.code == "point-not-in-group"
        return False


def test_there_are_28_encodings_to_judge() -> None:
    assert len(POINTS) == 28
    assert sum(one["decode_as_group_element"] == "accept" for one in POINTS) == 6


@pytest.mark.parametrize("vector", POINTS, ids=lambda vector: f"{vector['class']}: {vector['note']}")
def test_known_encodings_are_judged_as_they_must_be(vector: dict[str, Any]) -> None:
    data, verdict = bytes.fromhex(vector["rfc8032"]), vector["decode_as_group_element"]
    assert data[::-1].hex() == vector["belenios"]
    assert is_accepted(data) == (verdict == "accept")
    if verdict == "accept":
        assert Point.from_hex(vector["belenios"]).hex() == vector["belenios"]
    else:
        with pytest.raises(Malformed):
            Point.from_hex(vector["belenios"])


@pytest.mark.parametrize("vector", POINTS, ids=lambda vector: f"{vector['class']}: {vector['note']}")
def test_only_the_one_encoding_of_the_identity_passes_where_it_is_allowed(vector: dict[str, Any]) -> None:
    if vector["decode_as_group_element"] == "refuse":
        with pytest.raises(Malformed):
            Point.decode_or_identity(bytes.fromhex(vector["rfc8032"]))
        with pytest.raises(Malformed):
            Point.from_hex_or_identity(vector["belenios"])
    else:
        point = Point.from_hex_or_identity(vector["belenios"])
        assert point.is_identity == (vector["class"] == "identity")
        assert point.hex() == vector["belenios"]


@given(st.binary(max_size=40))
def test_any_bytes_are_a_point_or_refused(data: bytes) -> None:
    if not is_accepted(data):
        with pytest.raises(Malformed):
            Point.decode(data)


@pytest.mark.parametrize(
    "written",
    ["", "６" * 64, "66" * 31, "66" * 33, (2 * G).hex().upper(), G.hex() + "\n", "0x" + G.hex()[2:], None, 5, []],
    ids=repr,
)
def test_a_point_is_written_in_64_lower_case_hexadecimal_digits(written: object) -> None:
    for read in (Point.from_hex, Point.from_hex_or_identity):
        with pytest.raises(Malformed) as refusal:
            read(written)
        assert refusal.value.code == "point-not-canonical"


def test_belenios_names_for_small_powers_are_ours() -> None:
    assert G.hex() == POWERS["g"]
    assert (2 * G).hex() == POWERS["g^2"]
    assert IDENTITY.hex() == POWERS["identity"]
    assert str(Q) == POWERS["q"]


@given(st.integers(-50, 50), st.integers(-50, 50))
def test_points_add_like_their_logarithms(a: int, b: int) -> None:
    assert a * G + b * G == (a + b) * G
    assert a * G - b * G == (a - b) * G
    assert -(a * G) == -a * G
    assert total([(a, G), (b, G), (3, IDENTITY)]) == (a + b) * G
    assert sums([[(a, G)], [], [(b, G)]]) == [a * G, IDENTITY, b * G]


def test_the_group_has_order_q() -> None:
    assert (Q * G).is_identity
    assert (Q + 1) * G == G
    assert secret_multiple(Secret.of(Q - 1), G) == -G


def test_a_point_cannot_be_changed_and_shows_little() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        G.encoding = IDENTITY.encoding  # type: ignore[misc]
    assert repr(G) == "Point(666666666666…)"
