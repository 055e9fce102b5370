"""Public scalars have one text; secret ones show nothing and come from a generator that works."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.crypto.drawing import always, drawing, only_zeros
from veche.crypto.errors import Malformed, Refused
from veche.crypto.scalar import Q, Secret, parse_scalar, system_randomness

numbers = st.integers(0, Q - 1) | st.sampled_from([0, 1, 2, Q - 2, Q - 1])


@given(numbers)
def test_a_scalar_is_read_from_its_one_decimal_text(value: int) -> None:
    assert parse_scalar(str(value)) == value


@pytest.mark.parametrize(
    "written",
    ["", "00", "01", "-1", "+1", " 1", "1 ", "1\n", "1_0", "0x1", "1e3", "٣", str(Q), "9" * 77, "9" * 10_000, 1, None, True],
    ids=repr,
)
def test_every_other_text_is_refused(written: object) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_scalar(written)
    assert refusal.value.code == "scalar-not-canonical"


@given(numbers, numbers)
def test_secrets_add_subtract_and_multiply_mod_q(a: int, b: int) -> None:
    x, y = Secret.of(a), Secret.of(b)
    assert (x + y).expose() == (a + b) % Q
    assert (x - y).expose() == (a - b) % Q
    assert (x * y).expose() == (a * b) % Q


@given(st.integers(-(2**300), 2**300))
def test_a_known_value_is_taken_mod_q(value: int) -> None:
    assert Secret.of(value).expose() == value % Q


@given(st.binary(min_size=32, max_size=32))
def test_a_secret_of_32_bytes_is_reduced(data: bytes) -> None:
    assert Secret(data).expose() == int.from_bytes(data, "little") % Q


@given(st.binary(max_size=64))
def test_a_digest_is_read_big_endian_and_reduced(data: bytes) -> None:
    assert Secret.from_wide_digest(data).expose() == int.from_bytes(data, "big") % Q


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_secret_has_32_bytes(length: int) -> None:
    with pytest.raises(Malformed):
        Secret(bytes(length))


@given(numbers)
def test_a_key_file_is_read_back(value: int) -> None:
    assert Secret.from_decimal(str(Secret.of(value).expose())).expose() == value


def test_a_wrong_key_file_is_refused_without_being_shown() -> None:
    written = "0123456789012345678901234567890"
    with pytest.raises(Malformed) as refusal:
        Secret.from_decimal(written)
    assert written not in str(refusal.value)


def test_no_text_of_a_secret_shows_it() -> None:
    secret = Secret.random(drawing("repr"))
    shown = (repr(secret), str(secret), f"{secret}", f"{[secret]}", "%s" % secret)  # noqa: UP031
    forms = (str(secret.expose()), secret.reveal_bytes().hex(), repr(secret.reveal_bytes()))
    assert not any(form in text for form in forms for text in shown)


def test_a_secret_is_not_pickled_copied_or_turned_into_json() -> None:
    secret = Secret.random(drawing("pickle"))
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.deepcopy(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)


def test_secrets_are_compared_in_constant_time_or_not_at_all() -> None:
    one, same, other = Secret.of(5), Secret.of(5), Secret.of(6)
    assert one.same_as(same)
    assert not one.same_as(other)
    with pytest.raises(TypeError):
        one == same  # noqa: B015
    with pytest.raises(TypeError):
        one != other  # noqa: B015
    with pytest.raises(TypeError):
        hash(one)


def test_a_generator_that_gives_zeros_makes_no_secret_and_no_nonce() -> None:
    with pytest.raises(Refused) as refusal:
        Secret.random(only_zeros)
    assert refusal.value.code == "randomness-failed"
    with pytest.raises(Refused) as refusal:
        Secret.nonce(only_zeros, Secret.of(5), b"statement")
    assert refusal.value.code == "randomness-failed"


def test_random_bytes_that_reduce_to_zero_make_no_secret() -> None:
    with pytest.raises(Refused):
        Secret.random(lambda size: Q.to_bytes(size, "little"))


def test_a_nonce_depends_on_generator_secret_and_statement() -> None:
    # With a generator that repeats itself, two statements must still never share a nonce: two responses would give the key away.
    stuck, secret = always(7), Secret.of(5)
    nonce = Secret.nonce(stuck, secret, b"statement")
    assert nonce.same_as(Secret.nonce(stuck, secret, b"statement"))
    assert not nonce.same_as(Secret.nonce(stuck, secret, b"statements"))
    assert not nonce.same_as(Secret.nonce(stuck, Secret.of(6), b"statement"))
    assert not nonce.same_as(Secret.nonce(always(8), secret, b"statement"))


def test_the_system_gives_fresh_bytes_of_the_size_asked() -> None:
    assert len(system_randomness(48)) == 48
    assert system_randomness(32) != system_randomness(32)
