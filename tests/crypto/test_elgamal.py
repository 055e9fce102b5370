"""A ciphertext hides a bit, and adding ciphertexts adds what they hide."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.crypto.drawing import drawing
from veche.crypto.backend import Counting, Sodium, using
from veche.crypto.elgamal import NOTHING, Ciphertext, encrypt
from veche.crypto.group import G, Point, secret_multiple
from veche.crypto.scalar import Secret

DRAW = drawing("elgamal")
SECRET = Secret.random(DRAW)
KEY = secret_multiple(SECRET, G)


def opened(ciphertext: Ciphertext) -> Point:
    return ciphertext.beta - secret_multiple(SECRET, ciphertext.alpha)


@given(st.lists(st.integers(0, 1), max_size=8))
def test_the_sum_of_ciphertexts_encrypts_the_sum_of_votes(votes: list[int]) -> None:
    total = NOTHING
    for vote in votes:
        total = total + encrypt(vote, KEY, Secret.random(DRAW))
    assert opened(total) == sum(votes) * G


def test_no_votes_are_an_encryption_of_zero() -> None:
    assert opened(NOTHING).is_identity
    one = encrypt(1, KEY, Secret.of(7))
    assert one + NOTHING == one


def test_the_equations_are_those_of_the_paper() -> None:
    for bit in (0, 1):
        assert encrypt(bit, KEY, Secret.of(12345)) == Ciphertext(12345 * G, 12345 * KEY + bit * G)


def test_both_votes_cost_the_same_work() -> None:
    spent = []
    for bit in (0, 1):
        with using(counting := Counting(Sodium())):
            encrypt(bit, KEY, Secret.of(99))
        spent.append((counting.terms, counting.secret_multiples))
    assert spent[0] == spent[1]
