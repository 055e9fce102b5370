"""The strong proof binds a share to election, tally, place and payload; the delivery binds it to the trustee's hand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.vectors import load
from veche.crypto.equality import EqualityClaim, prove_with_nonce, verify_equality
from veche.crypto.errors import InvalidProof, InvalidSignature, Malformed
from veche.crypto.group import Point
from veche.crypto.proof import Proof
from veche.crypto.scalar import Secret
from veche.crypto.schnorr import sign_with_nonce, verify_signature
from veche.crypto.strong_decryption import ShareStatement

VECTOR = load("spec/veche-record-vectors.json")["strong_decryption"]
SHARES = VECTOR["shares"]
ALPHAS = [Point.from_hex_or_identity(one["alpha"]) for question in json.loads(VECTOR["tally"]) for one in question]


def statement(share: dict[str, Any]) -> ShareStatement:
    return ShareStatement(
        bytes.fromhex(VECTOR["setup_hash"]),
        bytes.fromhex(VECTOR["encrypted_tally_hash"]),
        share["owner"],
        bytes.fromhex(share["payload"]),
    )


def factors(share: dict[str, Any]) -> list[Point]:
    written = json.loads(share["partial_decryption"])["decryption_factors"]
    return [Point.from_hex_or_identity(one) for question in written for one in question]


def claim(share: dict[str, Any]) -> EqualityClaim:
    return statement(share).claim(Point.from_hex(share["public"]), ALPHAS, factors(share))


@pytest.mark.parametrize("share", SHARES, ids=lambda share: f"owner {share['owner']}")
def test_known_proofs_are_made_and_hold(share: dict[str, Any]) -> None:
    known = claim(share)
    assert known.context.hex() == share["context"]
    proof = prove_with_nonce(Secret.from_decimal(share["secret"]), known, Secret.from_decimal(share["nonce"]))
    assert proof.to_json() == share["proof"]
    verify_equality(proof, known)


@pytest.mark.parametrize("share", SHARES, ids=lambda share: f"owner {share['owner']}")
def test_known_deliveries_are_signed_and_hold(share: dict[str, Any]) -> None:
    delivery, public = share["delivery"], Point.from_hex(share["public"])
    message = statement(share).delivery(Proof.from_json(share["proof"]))
    assert message.hex() == delivery["message"]
    signature = sign_with_nonce(Secret.from_decimal(share["secret"]), public, message, Secret.from_decimal(delivery["nonce"]))
    assert signature.to_json() == delivery["signature"]
    verify_signature(signature, public, message)


CODES = {
    "challenge-differs": "equality-wrong",
    "lengths-differ": "equality-lengths",
    "identity-mismatch": "equality-identity",
    "scalar-not-canonical": "scalar-not-canonical",
}


@pytest.mark.parametrize("vector", SHARES[0]["refused"], ids=lambda vector: vector["what"])
def test_every_known_wrong_proof_is_refused_for_its_own_cause(vector: dict[str, Any]) -> None:
    speaks_of = ShareStatement(
        bytes.fromhex(vector["setup_hash"]),
        bytes.fromhex(vector["encrypted_tally_hash"]),
        vector["owner"],
        bytes.fromhex(vector["payload"]),
    )
    bases = [Point.from_hex_or_identity(one) for one in vector["A"]]
    given = [Point.from_hex_or_identity(one) for one in vector["F"]]
    with pytest.raises((InvalidProof, Malformed)) as refusal:
        verify_equality(Proof.from_json(vector["proof"]), speaks_of.claim(Point.from_hex(vector["public"]), bases, given))
    assert refusal.value.code == CODES[vector["reason"]]


def test_the_proof_of_one_trustee_is_refused_for_another() -> None:
    first, second = SHARES
    with pytest.raises(InvalidProof):
        verify_equality(Proof.from_json(first["proof"]), claim(second))


OTHERS = {
    "election": lambda one: replace(one, setup=bytes(32)),
    "tally": lambda one: replace(one, tally=bytes(32)),
    "owner": lambda one: replace(one, owner=one.owner + 1),
    "payload": lambda one: replace(one, payload=bytes(32)),
    "election and tally exchanged": lambda one: replace(one, setup=one.tally, tally=one.setup),
}


@pytest.mark.parametrize("name", OTHERS)
def test_proof_and_delivery_hold_for_no_other(name: str) -> None:
    share = SHARES[0]
    proof, public = Proof.from_json(share["proof"]), Point.from_hex(share["public"])
    other = OTHERS[name](statement(share))
    with pytest.raises(InvalidProof):
        verify_equality(proof, other.claim(public, ALPHAS, factors(share)))
    with pytest.raises(InvalidSignature):
        verify_signature(Proof.from_json(share["delivery"]["signature"]), public, other.delivery(proof))


def test_a_delivery_holds_for_the_proof_it_came_with_only() -> None:
    # Otherwise the server could put a wrong proof beside a signed share and blame the trustee.
    share = SHARES[0]
    proof, public = Proof.from_json(share["proof"]), Point.from_hex(share["public"])
    signature = Proof.from_json(share["delivery"]["signature"])
    for other in (replace(proof, challenge=proof.challenge + 1), replace(proof, response=proof.response + 1)):
        with pytest.raises(InvalidSignature):
            verify_signature(signature, public, statement(share).delivery(other))


def test_a_delivery_is_no_proof_and_a_proof_is_no_delivery() -> None:
    share = SHARES[0]
    public = Point.from_hex(share["public"])
    with pytest.raises(InvalidProof):
        verify_equality(Proof.from_json(share["delivery"]["signature"]), claim(share))
    with pytest.raises(InvalidSignature):
        verify_signature(Proof.from_json(share["proof"]), public, statement(share).delivery(Proof.from_json(share["proof"])))
