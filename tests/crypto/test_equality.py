"""One secret behind many factors: shown at once, and for nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.crypto.drawing import drawing, only_zeros
from tests.vectors import load
from veche.crypto.equality import EqualityClaim, prove_equality, prove_with_nonce, verify_equality
from veche.crypto.errors import InvalidProof, Malformed, Refused
from veche.crypto.group import IDENTITY, G, Point, secret_multiple
from veche.crypto.proof import Proof
from veche.crypto.scalar import Q, Secret
from veche.crypto.transcript import transcript

VECTORS = load("spec/veche-record-vectors.json")["equality"]
DRAW = drawing("equality")
SECRET, OTHER_SECRET = Secret.random(DRAW), Secret.random(DRAW)
KEY = secret_multiple(SECRET, G)
CONTEXT = transcript("veche/v1/example-context", "test")


def claim(exponents: list[int], secret: Secret = SECRET) -> EqualityClaim:
    bases = tuple(e * G for e in exponents)
    return EqualityClaim(CONTEXT, secret_multiple(secret, G), bases, tuple(secret_multiple(secret, base) for base in bases))


@settings(max_examples=40)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=6))
def test_a_true_claim_is_shown(exponents: list[int]) -> None:
    true = claim(exponents)
    verify_equality(prove_equality(SECRET, true, DRAW), true)


TRUE = claim([2, 3, 5])
PROOF = prove_equality(SECRET, TRUE, DRAW)

OTHER_CLAIMS = {
    "another context": replace(TRUE, context=transcript("veche/v1/example-context", "tess")),
    "no context": replace(TRUE, context=b""),
    "another key": replace(TRUE, public=secret_multiple(OTHER_SECRET, G)),
    "first base": replace(TRUE, bases=(TRUE.bases[0] + G, *TRUE.bases[1:])),
    "last base": replace(TRUE, bases=(*TRUE.bases[:2], TRUE.bases[2] + G)),
    "first factor": replace(TRUE, factors=(TRUE.factors[0] - G, *TRUE.factors[1:])),
    "last factor": replace(TRUE, factors=(*TRUE.factors[:2], TRUE.factors[2] - G)),
    "factors exchanged": replace(TRUE, factors=(TRUE.factors[1], TRUE.factors[0], TRUE.factors[2])),
    "pairs exchanged": replace(TRUE, bases=TRUE.bases[::-1], factors=TRUE.factors[::-1]),
    "one moved to another": replace(TRUE, factors=(TRUE.factors[0] + G, TRUE.factors[1] - G, TRUE.factors[2])),
    "a pair less": replace(TRUE, bases=TRUE.bases[:2], factors=TRUE.factors[:2]),
    "a pair more": replace(TRUE, bases=(*TRUE.bases, G), factors=(*TRUE.factors, KEY)),
    "an identity pair more": replace(TRUE, bases=(*TRUE.bases, IDENTITY), factors=(*TRUE.factors, IDENTITY)),
    "a whole claim of another secret": claim([2, 3, 5], OTHER_SECRET),
}


@pytest.mark.parametrize("other", OTHER_CLAIMS.values(), ids=OTHER_CLAIMS.keys())
def test_a_proof_holds_for_no_other_claim(other: EqualityClaim) -> None:
    verify_equality(PROOF, TRUE)
    with pytest.raises(InvalidProof) as refusal:
        verify_equality(PROOF, other)
    assert refusal.value.code == "equality-wrong"


def test_no_other_proof_holds_for_the_claim() -> None:
    c, s = PROOF.challenge, PROOF.response
    for wrong in (Proof((c + 1) % Q, s), Proof(c, (s + 1) % Q), Proof(s, c), Proof(0, 0), Proof(c, (Q - s) % Q)):
        with pytest.raises(InvalidProof):
            verify_equality(wrong, TRUE)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_false_factor_is_not_shown_by_the_one_who_knows_the_secret(place: int) -> None:
    factors = [*TRUE.factors]
    factors[place] += G
    false = replace(TRUE, factors=tuple(factors))
    with pytest.raises(InvalidProof):
        verify_equality(prove_equality(SECRET, false, DRAW), false)


def test_two_false_factors_with_the_right_sum_are_caught_by_the_weights() -> None:
    false = OTHER_CLAIMS["one moved to another"]
    with pytest.raises(InvalidProof):
        verify_equality(prove_equality(SECRET, false, DRAW), false)


def refused_code(proof: Proof, false: EqualityClaim) -> str:
    with pytest.raises(InvalidProof) as refusal:
        verify_equality(proof, false)
    return refusal.value.code


def test_what_could_hold_for_no_reason_is_refused_before_any_hash() -> None:
    assert refused_code(PROOF, replace(TRUE, bases=(), factors=())) == "equality-lengths"
    assert refused_code(PROOF, replace(TRUE, factors=TRUE.factors[:2])) == "equality-lengths"
    assert refused_code(PROOF, replace(TRUE, bases=TRUE.bases[:2])) == "equality-lengths"
    assert refused_code(PROOF, replace(TRUE, public=IDENTITY)) == "equality-key"
    assert refused_code(PROOF, replace(TRUE, factors=(IDENTITY, *TRUE.factors[1:]))) == "equality-identity"
    assert refused_code(PROOF, replace(TRUE, bases=(IDENTITY, *TRUE.bases[1:]))) == "equality-identity"


def test_a_tally_of_no_ballots_is_a_legal_claim() -> None:
    empty = claim([0, 0])
    verify_equality(prove_equality(SECRET, empty, DRAW), empty)
    with pytest.raises(InvalidProof):
        verify_equality(prove_equality(OTHER_SECRET, empty, DRAW), empty)


def test_nothing_is_proved_with_a_generator_that_gives_zeros() -> None:
    with pytest.raises(Refused):
        prove_equality(SECRET, TRUE, only_zeros)


def read_claim(vector: dict[str, Any], identity_key: bool = False) -> EqualityClaim:
    read = Point.from_hex_or_identity if identity_key else Point.from_hex
    return EqualityClaim(
        bytes.fromhex(vector["context"]),
        read(vector["X"]),
        tuple(Point.from_hex_or_identity(one) for one in vector["A"]),
        tuple(Point.from_hex_or_identity(one) for one in vector["F"]),
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_known_proofs_are_made_and_hold(vector: dict[str, Any]) -> None:
    secret, nonce, known = Secret.from_decimal(vector["secret"]), Secret.from_decimal(vector["nonce"]), read_claim(vector)
    proof = prove_with_nonce(secret, known, nonce)
    assert proof.to_json() == vector["proof"]
    verify_equality(proof, known)


CODES = {
    "challenge-differs": "equality-wrong",
    "scalar-not-canonical": "scalar-not-canonical",
    "point-not-in-group": "point-not-in-group",
    "point-not-canonical": "point-not-in-group",
    "no-pairs": "equality-lengths",
    "lengths-differ": "equality-lengths",
    "identity-mismatch": "equality-identity",
    "key-is-identity": "equality-key",
}

REFUSED = [(f"{vector['name']}: {one['what']}", one) for vector in VECTORS for one in vector["refused"]]


@pytest.mark.parametrize("vector", [one for _, one in REFUSED], ids=[name for name, _ in REFUSED])
def test_every_known_wrong_proof_is_refused_for_its_own_cause(vector: dict[str, Any]) -> None:
    with pytest.raises((InvalidProof, Malformed)) as refusal:
        proof = Proof.from_json(vector["proof"])
        verify_equality(proof, read_claim(vector, identity_key=vector["reason"] == "key-is-identity"))
    assert refusal.value.code == CODES[vector["reason"]]
