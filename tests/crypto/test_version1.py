"""Every hashed string of Belenios version 1, against strings that its own tool hashed."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from tests.vectors import VECTORS, load
from veche.crypto.group import Point
from veche.crypto.version1 import (
    answer_context,
    ballot_context,
    ballot_signature_prefix,
    blank_prefix,
    compact,
    decryption_prefix,
    disjunction_prefix,
    hash_to_scalar,
    message_prefix,
    possession_prefix,
)

HASHED = [
    vector
    for vector in load("spec/belenios-vectors.json")
    if {"mod_q", "hashed"} <= set(vector) and "simple-ff" not in vector["source"] and "shuffle" not in vector["name"]
]


def points(written: str) -> list[Point]:
    return [Point.from_hex_or_identity(one) for one in written.split(",")]


def named(part: str) -> dict[str, Any]:
    return next(vector for vector in HASHED if part in vector["name"])


@pytest.mark.parametrize("vector", HASHED, ids=lambda vector: f"{vector['name']}, {vector['source']}")
def test_known_strings_are_hashed_to_known_scalars(vector: dict[str, Any]) -> None:
    prefix, _, commitments = vector["hashed"].rpartition("|")
    assert hash_to_scalar(prefix + "|", points(commitments)) == int(vector["mod_q"])
    assert sha256(vector["hashed"].encode()).hexdigest() == vector["sha256"]
    assert len(vector["hashed"].encode()) == vector["length"]


def test_at_least_eleven_strings_are_compared() -> None:
    assert len(HASHED) >= 11


def test_the_prefix_of_a_proof_of_possession() -> None:
    parts = named("pok")["hashed"].split("|")
    assert named("pok")["hashed"].startswith(possession_prefix(Point.from_hex(parts[2])))


@pytest.mark.parametrize("name", ["individual proof", "overall proof"])
def test_the_prefix_of_a_disjunctive_proof(name: str) -> None:
    hashed = named(name)["hashed"]
    _, fingerprint, credential, *ciphertexts, statement, commitments = hashed.split("|")
    context = ballot_context(fingerprint, Point.from_hex(credential))
    if ciphertexts:
        flat = points(ciphertexts[0])
        context = answer_context(context, list(zip(flat[::2], flat[1::2], strict=True)))
    alpha, beta = points(statement)
    assert disjunction_prefix(context, alpha, beta) + commitments == hashed


@pytest.mark.parametrize("which", [0, 1])
def test_the_prefix_of_a_proof_with_a_blank_vote(which: int) -> None:
    hashed = named(f"bproof{which}")["hashed"]
    _, fingerprint, credential, ciphertexts, commitments = hashed.split("|")
    flat = points(ciphertexts)
    pairs = list(zip(flat[::2], flat[1::2], strict=True))
    context = answer_context(ballot_context(fingerprint, Point.from_hex(credential)), pairs)
    assert blank_prefix(which, context) + commitments == hashed


def test_the_prefix_of_a_ballots_signature() -> None:
    _, ballot_hash, commitment = named("ballot signature")["hashed"].split("|")
    assert ballot_signature_prefix(ballot_hash) + commitment == named("ballot signature")["hashed"]


def test_the_prefix_of_a_decryption_proof() -> None:
    _, fingerprint, key, commitments = named("decryption proof")["hashed"].split("|")
    assert decryption_prefix(fingerprint, Point.from_hex(key)) + commitments == named("decryption proof")["hashed"]


def test_the_prefix_of_a_signed_message() -> None:
    hashed = named("certificate 3.x")["hashed"]
    message = hashed.removeprefix("sigmsg|").rpartition("|")[0]
    assert message_prefix(message) + hashed.rpartition("|")[2] == hashed


def test_a_fingerprint_is_43_characters_of_base64() -> None:
    raw = (VECTORS / "fixtures/belenios/simple/public/election.json").read_bytes().removesuffix(b"\n")
    assert compact(raw) == "QjE6eGzJ8nC5YLF0We3/R5lJ0WwlSxKGu3Gk/IONMD4"
