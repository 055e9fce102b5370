"""One of several claims holds: shown without saying which, and never of a claim where none holds."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.crypto.drawing import drawing, only_zeros
from tests.vectors import VECTORS, load
from veche.crypto.backend import Counting, Sodium, using
from veche.crypto.disjunction import (
    Disjunction,
    commitments,
    in_range,
    prove_disjunction,
    verify_commitments,
    verify_disjunction,
)
from veche.crypto.elgamal import NOTHING, Ciphertext, encrypt
from veche.crypto.errors import InvalidProof, Refused
from veche.crypto.group import G, Point, secret_multiple, total
from veche.crypto.proof import Proof
from veche.crypto.scalar import Q, Secret
from veche.crypto.version1 import answer_context, ballot_context, blank_prefix, disjunction_prefix, hash_to_scalar

DRAW = drawing("disjunction")
KEY = secret_multiple(Secret.random(DRAW), G)
OTHER_KEY = secret_multiple(Secret.random(DRAW), G)
Proofs = tuple[Proof, ...]


def encrypted(value: int, randomness: Secret, key: Point = KEY) -> Ciphertext:
    return Ciphertext(secret_multiple(randomness, G), secret_multiple(randomness, key) + value * G)


def prefix(ciphertext: Ciphertext, context: str = "phi|credential") -> str:
    return disjunction_prefix(context, ciphertext.alpha, ciphertext.beta)


def proved(value: int, values: list[int]) -> tuple[Disjunction, Proofs]:
    """The claim that an encryption of `value` holds one of `values`, with its proof (of the first part when it is false)."""
    secret = Secret.random(DRAW)
    ciphertext = encrypted(value, secret)
    claim = in_range(prefix(ciphertext), ciphertext, values)
    true = values.index(value) if value in values else 0
    return claim, prove_disjunction(KEY, claim, true, secret, DRAW)


@settings(max_examples=60)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=6, unique=True), st.data())
def test_whichever_part_is_true_the_claim_is_shown(values: list[int], data: st.DataObject) -> None:
    claim, proofs = proved(data.draw(st.sampled_from(values)), values)
    assert len(proofs) == len(values)
    verify_disjunction(KEY, claim, proofs)


@settings(max_examples=60)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=6, unique=True), st.integers(0, 12))
def test_a_value_outside_the_list_is_never_shown_to_be_inside(values: list[int], value: int) -> None:
    claim, proofs = proved(value, values)
    if value in values:
        verify_disjunction(KEY, claim, proofs)
    else:
        with pytest.raises(InvalidProof):
            verify_disjunction(KEY, claim, proofs)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=4), st.data())
def test_the_parts_may_speak_of_different_ciphertexts(parts: list[tuple[int, int]], data: st.DataObject) -> None:
    # Part i says that an encryption of parts[i][0] holds parts[i][1]; one part at least is made true.
    true = data.draw(st.integers(0, len(parts) - 1))
    parts[true] = (parts[true][1], parts[true][1])
    secrets = [Secret.random(DRAW) for _ in parts]
    ciphertexts = tuple(encrypted(value, secret) for (value, _), secret in zip(parts, secrets, strict=True))
    claim = Disjunction(blank_prefix(1, "context"), ciphertexts, tuple(said for _, said in parts))
    verify_disjunction(KEY, claim, prove_disjunction(KEY, claim, true, secrets[true], DRAW))


CLAIM, PROOFS = proved(1, [0, 1, 2])
CIPHERTEXT = CLAIM.ciphertexts[0]
MOVED = Ciphertext(CIPHERTEXT.alpha, CIPHERTEXT.beta + G)

OTHER_CLAIMS = {
    "another context": replace(CLAIM, prefix=prefix(CIPHERTEXT, "phi|credentiam")),
    "another election": replace(CLAIM, prefix=prefix(CIPHERTEXT, "phj|credential")),
    "another ciphertext in the prefix": replace(CLAIM, prefix=prefix(MOVED)),
    "another ciphertext": replace(CLAIM, ciphertexts=(MOVED,) * 3),
    "another ciphertext everywhere": in_range(prefix(MOVED), MOVED, [0, 1, 2]),
    "another value": replace(CLAIM, values=(0, 1, 3)),
    "values in another order": replace(CLAIM, values=(1, 0, 2)),
    "values moved": replace(CLAIM, values=(1, 2, 3)),
    "as a blank proof": replace(CLAIM, prefix=blank_prefix(0, "phi|credential")),
}


@pytest.mark.parametrize("other", OTHER_CLAIMS.values(), ids=OTHER_CLAIMS.keys())
def test_a_proof_holds_for_no_other_claim(other: Disjunction) -> None:
    verify_disjunction(KEY, CLAIM, PROOFS)
    with pytest.raises(InvalidProof) as refusal:
        verify_disjunction(KEY, other, PROOFS)
    assert refusal.value.code == "disjunction-wrong"


def test_a_proof_made_for_one_election_key_is_refused_under_another() -> None:
    with pytest.raises(InvalidProof):
        verify_disjunction(OTHER_KEY, CLAIM, PROOFS)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_every_number_of_the_proof_matters(place: int) -> None:
    one = PROOFS[place]
    wrong = [
        Proof((one.challenge + 1) % Q, one.response),
        Proof(one.challenge, (one.response + 1) % Q),
        Proof(one.response, one.challenge),
        Proof(0, 0),
    ]
    for other in wrong:
        with pytest.raises(InvalidProof):
            verify_disjunction(KEY, CLAIM, (*PROOFS[:place], other, *PROOFS[place + 1 :]))


def test_the_right_sum_of_challenges_alone_is_not_enough() -> None:
    first, second, third = PROOFS
    moved = (replace(first, challenge=(first.challenge + 1) % Q), replace(second, challenge=(second.challenge - 1) % Q), third)
    with pytest.raises(InvalidProof):
        verify_disjunction(KEY, CLAIM, moved)
    with pytest.raises(InvalidProof):
        verify_disjunction(KEY, CLAIM, (second, first, third))


def test_a_proof_with_a_wider_interval_is_refused() -> None:
    # It holds for 0..2; the election allows 0..1. Only the length, which comes from the election, tells (attack C12).
    narrow = in_range(prefix(CIPHERTEXT), CIPHERTEXT, [0, 1])
    with pytest.raises(InvalidProof) as refusal:
        verify_disjunction(KEY, narrow, PROOFS)
    assert refusal.value.code == "disjunction-length"
    with pytest.raises(InvalidProof) as refusal:
        verify_commitments(narrow, PROOFS, commitments(KEY, [(CLAIM, PROOFS)])[0])
    assert refusal.value.code == "disjunction-length"


@pytest.mark.parametrize("proofs", [(), PROOFS[:1], PROOFS[:2], (*PROOFS, PROOFS[0])], ids=["none", "one", "two", "four"])
def test_a_proof_with_too_few_or_too_many_parts_is_refused(proofs: Proofs) -> None:
    with pytest.raises(InvalidProof) as refusal:
        verify_disjunction(KEY, CLAIM, proofs)
    assert refusal.value.code == "disjunction-length"


def test_an_empty_proof_of_an_empty_claim_is_refused() -> None:
    # A sum over nothing is 0, and a prefix could be looked for whose hash is 0 mod q (attack B9).
    empty = Disjunction("prove|x|", (), ())
    with pytest.raises(InvalidProof) as refusal:
        verify_disjunction(KEY, empty, ())
    assert refusal.value.code == "disjunction-length"
    with pytest.raises(InvalidProof):
        verify_commitments(empty, (), ())


def test_flipping_any_hashed_field_changes_the_challenge() -> None:
    points = commitments(KEY, [(CLAIM, PROOFS)])[0]
    statements: list[tuple[str, list[Point]]] = [(CLAIM.prefix, points)]
    statements += [(other.prefix, points) for other in OTHER_CLAIMS.values() if other.prefix != CLAIM.prefix]
    statements += [(CLAIM.prefix, [*points[:i], points[i] + G, *points[i + 1 :]]) for i in range(len(points))]
    assert len({hash_to_scalar(text, hashed) for text, hashed in statements}) == len(set(map(str, statements)))


def test_which_part_is_true_does_not_change_the_work() -> None:
    spent = set()
    for value in (0, 1, 2):
        secret = Secret.random(DRAW)
        ciphertext = encrypted(value, secret)
        with using(counting := Counting(Sodium())):
            prove_disjunction(KEY, in_range(prefix(ciphertext), ciphertext, [0, 1, 2]), value, secret, DRAW)
        spent.add((counting.terms, counting.secret_multiples))
    assert len(spent) == 1


def test_nothing_is_proved_with_a_generator_that_gives_zeros() -> None:
    with pytest.raises(Refused):
        prove_disjunction(KEY, CLAIM, 1, Secret.of(5), only_zeros)


def test_many_claims_are_recomputed_in_one_batch_and_each_keeps_its_own() -> None:
    made = [proved(value, [0, 1]) for value in (0, 1, 1)] + [proved(2, [1, 2, 3])]
    for (claim, proofs), points in zip(made, commitments(KEY, made), strict=True):
        assert len(points) == 2 * len(proofs)
        verify_commitments(claim, proofs, points)


# --- Proofs that belenios-tool made -------------------------------------------------------


def tool_ballot(fixture: str, number: int = 0) -> dict[str, Any]:
    lines = (VECTORS / f"fixtures/belenios/{fixture}/public/ballots.jsonl").read_text(encoding="utf-8").splitlines()
    ballot: dict[str, Any] = json.loads(lines[number])
    return ballot


def tool_key(fixture: str) -> Point:
    return Point.from_hex(load(f"fixtures/belenios/{fixture}/public/election.json")["public_key"])


def tool_ciphertexts(answer: dict[str, Any]) -> list[Ciphertext]:
    return [Ciphertext(Point.from_hex(one["alpha"]), Point.from_hex(one["beta"])) for one in answer["choices"]]


def tool_proofs(value: list[dict[str, Any]]) -> Proofs:
    return tuple(Proof.from_json(one) for one in value)


def known_challenge(name: str, source: str) -> int:
    found = next(one for one in load("spec/belenios-vectors.json") if name in one["name"] and one["source"].startswith(source))
    return int(found["mod_q"])


def add_up(ciphertexts: list[Ciphertext]) -> Ciphertext:
    return Ciphertext(total([(1, one.alpha) for one in ciphertexts]), total([(1, one.beta) for one in ciphertexts]))


def test_individual_and_overall_proofs_of_the_tool_hold() -> None:
    ballot, key = tool_ballot("simple"), tool_key("simple")
    context = ballot_context(ballot["election_hash"], Point.from_hex(ballot["credential"]))
    answer = ballot["answers"][0]
    choices = tool_ciphertexts(answer)
    for ciphertext, written in zip(choices, answer["individual_proofs"], strict=True):
        verify_disjunction(key, in_range(prefix(ciphertext, context), ciphertext, (0, 1)), tool_proofs(written))
    whole = answer_context(context, [(one.alpha, one.beta) for one in choices])
    added, overall = add_up(choices), tool_proofs(answer["overall_proof"])
    verify_disjunction(key, in_range(prefix(added, whole), added, (1,)), overall)
    assert sum(one.challenge for one in overall) % Q == known_challenge("overall proof", "simple ballot")
    first = tool_proofs(answer["individual_proofs"][0])
    assert sum(one.challenge for one in first) % Q == known_challenge("individual proof", "simple ballot")


def test_blank_proofs_of_the_tool_hold() -> None:
    ballot, key = tool_ballot("multi"), tool_key("multi")
    answer = ballot["answers"][1]
    choices = tool_ciphertexts(answer)
    context = ballot_context(ballot["election_hash"], Point.from_hex(ballot["credential"]))
    whole = answer_context(context, [(one.alpha, one.beta) for one in choices])
    blank, rest = choices[0], add_up(choices[1:])
    either, legal = tool_proofs(answer["blank_proof"]), tool_proofs(answer["overall_proof"])
    verify_disjunction(key, Disjunction(blank_prefix(0, whole), (blank, rest), (0, 0)), either)
    verify_disjunction(key, Disjunction(blank_prefix(1, whole), (blank, rest), (1, 1)), legal)
    assert sum(one.challenge for one in either) % Q == known_challenge("bproof0", "multi")
    assert sum(one.challenge for one in legal) % Q == known_challenge("bproof1", "multi")
    with pytest.raises(InvalidProof):
        verify_disjunction(key, Disjunction(blank_prefix(0, whole), (blank, rest), (0, 0)), legal)


def test_an_individual_proof_cannot_be_given_to_another_voter() -> None:
    ballot, other, key = tool_ballot("simple", 0), tool_ballot("simple", 1), tool_key("simple")
    answer = ballot["answers"][0]
    ciphertext = tool_ciphertexts(answer)[0]
    context = ballot_context(ballot["election_hash"], Point.from_hex(other["credential"]))
    claim, proofs = in_range(prefix(ciphertext, context), ciphertext, (0, 1)), tool_proofs(answer["individual_proofs"][0])
    with pytest.raises(InvalidProof):
        verify_disjunction(key, claim, proofs)


def test_a_vote_made_by_encrypt_is_shown_to_be_0_or_1() -> None:
    for bit in (0, 1):
        secret = Secret.random(DRAW)
        ciphertext = encrypt(bit, KEY, secret)
        claim = in_range(prefix(ciphertext), ciphertext, (0, 1))
        verify_disjunction(KEY, claim, prove_disjunction(KEY, claim, bit, secret, DRAW))


def test_the_sum_of_no_ciphertexts_is_shown_to_be_0_by_no_proof_over_1() -> None:
    claim = in_range(prefix(NOTHING), NOTHING, (1,))
    with pytest.raises(InvalidProof):
        verify_disjunction(KEY, claim, prove_disjunction(KEY, claim, 0, Secret.of(0), DRAW))
