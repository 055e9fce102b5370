"""The decryption proof of version 1: what it binds, and what it does not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.crypto.archive_records import payloads
from tests.crypto.drawing import drawing, only_zeros
from tests.vectors import VECTORS, load
from veche.crypto.chaum_pedersen import decrypt_share, prove_decryption, verify_decryptions
from veche.crypto.errors import InvalidProof, Refused
from veche.crypto.group import IDENTITY, G, Point, secret_multiple
from veche.crypto.proof import Proof
from veche.crypto.scalar import Q, Secret
from veche.crypto.version1 import compact, decryption_prefix, hash_to_scalar

DRAW = drawing("chaum-pedersen")
SECRET, OTHER_SECRET = Secret.random(DRAW), Secret.random(DRAW)
KEY, OTHER_KEY = secret_multiple(SECRET, G), secret_multiple(OTHER_SECRET, G)
PHI = "f" * 43
SIMPLE = VECTORS / "fixtures/belenios/simple"

Statement = tuple[Point, Point, Proof]


def share(exponent: int, secret: Secret = SECRET) -> Statement:
    alpha = exponent * G
    return alpha, decrypt_share(secret, alpha), prove_decryption(secret, secret_multiple(secret, G), alpha, PHI, DRAW)


@settings(max_examples=40)
@given(st.lists(st.integers(0, 50), max_size=5))
def test_true_factors_are_shown_in_one_batch(exponents: list[int]) -> None:
    verify_decryptions(KEY, PHI, [share(exponent) for exponent in exponents])


ALPHA, FACTOR, PROOF = share(7)

OTHERS: dict[str, tuple[Point, str, Statement]] = {
    "another election": (KEY, "g" * 43, (ALPHA, FACTOR, PROOF)),
    "another trustee": (OTHER_KEY, PHI, (ALPHA, FACTOR, PROOF)),
    "another ciphertext": (KEY, PHI, (ALPHA + G, FACTOR, PROOF)),
    "another factor": (KEY, PHI, (ALPHA, FACTOR - G, PROOF)),
    "the factor's negative": (KEY, PHI, (ALPHA, -FACTOR, PROOF)),
    "the identity as factor": (KEY, PHI, (ALPHA, IDENTITY, PROOF)),
    "challenge": (KEY, PHI, (ALPHA, FACTOR, Proof((PROOF.challenge + 1) % Q, PROOF.response))),
    "response": (KEY, PHI, (ALPHA, FACTOR, Proof(PROOF.challenge, (PROOF.response + 1) % Q))),
    "both exchanged": (KEY, PHI, (ALPHA, FACTOR, Proof(PROOF.response, PROOF.challenge))),
    "both zero": (KEY, PHI, (ALPHA, FACTOR, Proof(0, 0))),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_a_proof_holds_for_nothing_else(other: tuple[Point, str, Statement]) -> None:
    key, fingerprint, statement = other
    verify_decryptions(KEY, PHI, [(ALPHA, FACTOR, PROOF)])
    with pytest.raises(InvalidProof) as refusal:
        verify_decryptions(key, fingerprint, [statement])
    assert refusal.value.code == "decryption-wrong"


def test_the_false_factor_among_many_is_named_by_its_place() -> None:
    statements = [share(exponent) for exponent in (1, 2, 3, 4)]
    alpha, factor, proof = statements[2]
    statements[2] = (alpha, factor + G, proof)
    with pytest.raises(InvalidProof, match="factor 3 "):
        verify_decryptions(KEY, PHI, statements)


def test_who_has_another_secret_shows_no_factor() -> None:
    proof = prove_decryption(OTHER_SECRET, KEY, ALPHA, PHI, DRAW)
    with pytest.raises(InvalidProof):
        verify_decryptions(KEY, PHI, [(ALPHA, decrypt_share(OTHER_SECRET, ALPHA), proof)])


def test_the_challenge_covers_election_key_and_commitments() -> None:
    statements = [
        (decryption_prefix(PHI, KEY), [G, ALPHA]),
        (decryption_prefix("g" * 43, KEY), [G, ALPHA]),
        (decryption_prefix(PHI, OTHER_KEY), [G, ALPHA]),
        (decryption_prefix(PHI, KEY), [2 * G, ALPHA]),
        (decryption_prefix(PHI, KEY), [G, ALPHA + G]),
    ]
    assert len({hash_to_scalar(prefix, points) for prefix, points in statements}) == len(statements)


def test_nothing_is_proved_with_a_generator_that_gives_zeros() -> None:
    with pytest.raises(Refused):
        prove_decryption(SECRET, KEY, ALPHA, PHI, only_zeros)


def test_two_ciphertexts_never_share_a_nonce_even_when_the_generator_repeats_itself() -> None:
    def stuck(size: int) -> bytes:
        return b"\x09" * size

    commitments = set()
    for alpha in (ALPHA, ALPHA + G):
        proof = prove_decryption(SECRET, KEY, alpha, PHI, stuck)
        commitments.add(proof.response * G + proof.challenge * KEY)
    assert len(commitments) == 2


def tool_share() -> tuple[Point, str, list[Statement]]:
    """Trustee 1 of the fixture `simple`, with its share made by belenios-tool."""
    archive = next(SIMPLE.glob("*.bel"))
    (_, tally), (owned, share_of) = payloads(archive, "EncryptedTally")[0], payloads(archive, "PartialDecryption")[0]
    assert owned["owner"] == 1
    statements = [
        (Point.from_hex(ciphertext["alpha"]), Point.from_hex(factor), Proof.from_json(proof))
        for ciphertexts, factors, proofs in zip(
            tally, share_of["decryption_factors"], share_of["decryption_proofs"], strict=True
        )
        for ciphertext, factor, proof in zip(ciphertexts, factors, proofs, strict=True)
    ]
    key: dict[str, Any] = load("fixtures/belenios/simple/public/trustees.json")[0][1]
    fingerprint = compact((SIMPLE / "public/election.json").read_bytes().removesuffix(b"\n"))
    return Point.from_hex(key["public_key"]), fingerprint, statements


def test_a_share_made_by_the_tool_holds_and_its_challenge_is_the_known_one() -> None:
    key, fingerprint, statements = tool_share()
    verify_decryptions(key, fingerprint, statements)
    known = next(one for one in load("spec/belenios-vectors.json") if one["name"].startswith("decryption proof"))
    assert str(statements[0][2].challenge) == known["mod_q"]
    with pytest.raises(InvalidProof):
        verify_decryptions(key, PHI, statements)


def test_our_factor_is_the_one_that_the_tool_computed() -> None:
    _, _, statements = tool_share()
    secret = Secret.from_decimal(load("fixtures/belenios/simple/private/trustee1.privkey"))
    for alpha, factor, _ in statements:
        assert decrypt_share(secret, alpha) == factor
