"""Signatures and proofs of possession: they hold, and for nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.crypto.drawing import drawing, only_zeros
from tests.vectors import VECTORS, load
from veche.crypto.errors import InvalidProof, InvalidSignature, Malformed, Refused
from veche.crypto.group import IDENTITY, G, Point, secret_multiple
from veche.crypto.proof import Proof
from veche.crypto.scalar import Q, Secret
from veche.crypto.schnorr import (
    prove_possession,
    sign,
    sign_version1,
    sign_with_nonce,
    verify_possession,
    verify_signature,
    verify_version1,
)
from veche.crypto.transcript import challenge
from veche.crypto.version1 import ballot_signature_prefix, hash_to_scalar, message_prefix

VECTOR = load("spec/veche-record-vectors.json")["signature"]
DRAW = drawing("schnorr")
SECRET, OTHER_SECRET = Secret.random(DRAW), Secret.random(DRAW)
KEY, OTHER_KEY = secret_multiple(SECRET, G), secret_multiple(OTHER_SECRET, G)

def changed(proof: Proof) -> list[Proof]:
    """Every field in turn, and both at once."""
    c, r = (proof.challenge + 1) % Q, (proof.response + 1) % Q
    exchanged = Proof(proof.response, proof.challenge)
    return [replace(proof, challenge=c), replace(proof, response=r), Proof(c, r), exchanged, Proof(0, 0)]


# --- Veche's own signature -----------------------------------------------------------------


@given(st.binary(max_size=40))
def test_a_signature_holds_for_its_message_and_key_only(message: bytes) -> None:
    signature = sign(SECRET, KEY, message, DRAW)
    verify_signature(signature, KEY, message)
    for another in {message + b"\0", b"\0" + message, message[1:] + b"x"} - {message}:
        with pytest.raises(InvalidSignature):
            verify_signature(signature, KEY, another)
    with pytest.raises(InvalidSignature):
        verify_signature(signature, OTHER_KEY, message)
    for wrong in changed(signature):
        with pytest.raises(InvalidSignature):
            verify_signature(wrong, KEY, message)


def test_a_signature_made_with_another_secret_than_the_keys_does_not_hold() -> None:
    with pytest.raises(InvalidSignature):
        verify_signature(sign(OTHER_SECRET, KEY, b"m", DRAW), KEY, b"m")


def test_the_known_signature_is_made_and_holds() -> None:
    secret, nonce = Secret.from_decimal(VECTOR["secret"]), Secret.from_decimal(VECTOR["nonce"])
    public, message = Point.from_hex(VECTOR["public"]), bytes.fromhex(VECTOR["message"])
    assert secret_multiple(secret, G) == public
    assert secret_multiple(nonce, G).encoding.hex() == VECTOR["commitment"]
    signature = sign_with_nonce(secret, public, message, nonce)
    assert signature.to_json() == VECTOR["signature"]
    verify_signature(signature, public, message)


def refusal(vector: dict[str, Any]) -> str:
    """The code with which the tampered signature is refused."""
    with pytest.raises((InvalidSignature, Malformed)) as refused:
        read = Point.from_hex_or_identity if vector["reason"] == "key-is-identity" else Point.from_hex
        verify_signature(Proof.from_json(vector["signature"]), read(vector["public"]), bytes.fromhex(vector["message"]))
    return refused.value.code


CODES = {
    "challenge-differs": "signature-wrong",
    "scalar-not-canonical": "scalar-not-canonical",
    "malformed": "wrong-fields",
    "key-is-identity": "signature-key",
    "point-not-in-group": "point-not-in-group",
}


@pytest.mark.parametrize("vector", VECTOR["refused"], ids=lambda vector: vector["what"])
def test_every_known_wrong_signature_is_refused_for_its_own_cause(vector: dict[str, Any]) -> None:
    assert refusal(vector) == CODES[vector["reason"]]


def test_flipping_any_hashed_field_changes_the_challenge() -> None:
    tag, message = "veche/v1/signature", b"message"
    statements = [
        (tag, KEY, G, message),
        (tag + "s", KEY, G, message),
        (tag, OTHER_KEY, G, message),
        (tag, KEY, 2 * G, message),
        (tag, KEY, G, message + b"s"),
        (tag, G, KEY, message),
    ]
    assert len({challenge(*statement) for statement in statements}) == len(statements)


# --- Version 1 -----------------------------------------------------------------------------


def test_a_version_1_signature_holds_for_its_text_and_key_only() -> None:
    prefix = ballot_signature_prefix("hash")
    signature = sign_version1(SECRET, prefix, DRAW)
    verify_version1(signature, prefix, KEY)
    for wrong in changed(signature):
        with pytest.raises(InvalidSignature):
            verify_version1(wrong, prefix, KEY)
    # The same text signed as a ballot is no key-generation message.
    for another in (ballot_signature_prefix("hasj"), message_prefix("hash")):
        with pytest.raises(InvalidSignature):
            verify_version1(signature, another, KEY)
    with pytest.raises(InvalidSignature):
        verify_version1(signature, prefix, OTHER_KEY)


def test_version_1_hashes_prefix_and_commitment() -> None:
    statements = [("sig|a|", [G]), ("sig|b|", [G]), ("sigmsg|a|", [G]), ("sig|a|", [2 * G]), ("sig|a|", [G, G])]
    assert len({hash_to_scalar(prefix, points) for prefix, points in statements}) == len(statements)


def test_a_signature_made_by_the_tool_holds_and_only_for_its_ballot() -> None:
    lines = (VECTORS / "fixtures/belenios/simple/public/ballots.jsonl").read_text(encoding="utf-8").splitlines()
    ballots = [json.loads(line) for line in lines]
    for ballot, other in zip(ballots, ballots[1:] + ballots[:1], strict=True):
        signature, prefix = Proof.from_json(ballot["signature"]["proof"]), ballot_signature_prefix(ballot["signature"]["hash"])
        key, other_key = Point.from_hex(ballot["credential"]), Point.from_hex(other["credential"])
        verify_version1(signature, prefix, key)
        with pytest.raises(InvalidSignature):
            verify_version1(signature, ballot_signature_prefix(other["signature"]["hash"]), key)
        with pytest.raises(InvalidSignature):
            verify_version1(signature, prefix, other_key)


# --- Possession ----------------------------------------------------------------------------


def test_possession_of_a_key_is_shown_for_that_key_only() -> None:
    proof = prove_possession(SECRET, KEY, DRAW)
    verify_possession(proof, KEY)
    with pytest.raises(InvalidProof):
        verify_possession(proof, OTHER_KEY)
    for wrong in changed(proof):
        with pytest.raises(InvalidProof):
            verify_possession(wrong, KEY)


def test_who_does_not_know_the_secret_shows_no_possession() -> None:
    # The key that would cancel the other trustee's key out of the sum (attack D1).
    cancelling = OTHER_KEY - KEY
    with pytest.raises(InvalidProof):
        verify_possession(prove_possession(OTHER_SECRET, cancelling, DRAW), cancelling)


def test_a_proof_of_possession_made_by_the_tool_holds() -> None:
    trustees = load("fixtures/belenios/simple/public/trustees.json")
    for _, trustee in trustees:
        verify_possession(Proof.from_json(trustee["pok"]), Point.from_hex(trustee["public_key"]))


def test_a_proof_of_possession_is_no_signature_of_version_1() -> None:
    with pytest.raises(InvalidSignature):
        verify_version1(prove_possession(SECRET, KEY, DRAW), message_prefix(KEY.hex()), KEY)


# --- Nonces --------------------------------------------------------------------------------


def test_nothing_is_signed_with_a_generator_that_gives_zeros() -> None:
    with pytest.raises(Refused):
        sign(SECRET, KEY, b"m", only_zeros)
    with pytest.raises(Refused):
        sign_version1(SECRET, "sig|a|", only_zeros)
    with pytest.raises(Refused):
        prove_possession(SECRET, KEY, only_zeros)


def test_two_signatures_never_share_a_commitment_even_when_the_generator_repeats_itself() -> None:
    def stuck(size: int) -> bytes:
        return b"\x05" * size

    commitments = set()
    for message in (b"one", b"two"):
        signature = sign(SECRET, KEY, message, stuck)
        commitments.add(signature.response * G - signature.challenge * KEY)
    assert len(commitments) == 2


def test_the_identity_signs_nothing() -> None:
    # With K = identity the equation holds for whoever picks R = s·G: the key itself must be refused.
    response = 5
    forged = Proof(challenge("veche/v1/signature", IDENTITY, response * G, b"m"), response)
    with pytest.raises(InvalidSignature) as refused:
        verify_signature(forged, IDENTITY, b"m")
    assert refused.value.code == "signature-key"
