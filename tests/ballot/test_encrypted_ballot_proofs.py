"""Specifies ballot/encrypted_ballot.py, steps 9.6.9 to 9.6.11: each proof holds for nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from tests.ballot.small_election import (
    ALL_KINDS,
    BLANK,
    LEGAL,
    PLAIN,
    RANGED,
    add_to,
    cast,
    check,
    election,
    key,
    put,
    resigned,
)
from veche.ballot.election import Question
from veche.ballot.encrypted_ballot import counted_rows
from veche.crypto.errors import ElectionError, InvalidProof

GOOD = cast(election(), 0, LEGAL, "good")
PROOFS = {
    "individual-proof": ("answers", 1, "individual_proofs", 2, 1),
    "blank-proof": ("answers", 2, "blank_proof", 0),
    "overall-proof": ("answers", 2, "overall_proof", 1),
}


def code_of(raw: bytes) -> str:
    with pytest.raises(ElectionError) as refusal:
        check(raw, election())
    return refusal.value.code


def test_answers_copied_from_another_voter_are_refused() -> None:
    stolen = json.loads(cast(election(), 1, LEGAL))["answers"]
    with pytest.raises(InvalidProof) as refusal:
        check(resigned(GOOD, 0, put(stolen, "answers")), election())
    assert refusal.value.code == "individual-proof"


def test_one_answer_copied_from_the_voters_own_older_ballot_is_that_voters_to_use() -> None:
    """Same election, same credential: nothing in version 1 tells such a ballot from one made anew. It counts once."""
    older = json.loads(cast(election(), 0, LEGAL))["answers"][1]
    assert check(resigned(GOOD, 0, put(older, "answers", 1)), election()).credential == key("voter 0").public.hex()


def test_answers_made_for_another_election_are_refused_here() -> None:
    other = cast(election(ALL_KINDS, uuid="4hVecheTestC33"), 0, LEGAL)
    assert code_of(resigned(GOOD, 0, put(json.loads(other)["answers"], "answers"))) == "individual-proof"


def test_the_answer_to_one_question_is_no_answer_to_another_of_the_same_shape() -> None:
    """Version 1 does not bind the number of the question, so exchanged answers are another legal vote of the same voter."""
    asked = election((PLAIN, PLAIN))
    raw = cast(asked, 0, ((1, 0), (0, 1)))
    exchanged = resigned(raw, 0, lambda value: value["answers"].reverse())
    assert counted_rows(exchanged) == counted_rows(raw)[::-1]
    check(exchanged, asked)


@pytest.mark.parametrize("field", ["challenge", "response"])
@pytest.mark.parametrize("code", PROOFS)
def test_any_changed_proof_is_refused_and_named(code: str, field: str) -> None:
    assert code_of(resigned(GOOD, 0, add_to(field, *PROOFS[code]))) == code


def test_an_overall_proof_without_blank_is_refused_when_changed() -> None:
    assert code_of(resigned(GOOD, 0, add_to("response", "answers", 1, "overall_proof", 0))) == "overall-proof"


@pytest.mark.parametrize("part", ["alpha", "beta"])
def test_a_changed_ciphertext_is_refused(part: str) -> None:
    for answer, choice in ((0, 0), (1, 2), (2, 0), (2, 2)):
        other = key("somebody").public.hex()
        assert code_of(resigned(GOOD, 0, put(other, "answers", answer, "choices", choice, part))) == "individual-proof"


def test_exchanged_choices_are_refused() -> None:
    def exchange(value: Any) -> None:
        value["answers"][1]["choices"].reverse()

    def exchange_with_proofs(value: Any) -> None:
        value["answers"][1]["choices"].reverse()
        value["answers"][1]["individual_proofs"].reverse()

    assert code_of(resigned(GOOD, 0, exchange)) == "individual-proof"
    assert code_of(resigned(GOOD, 0, exchange_with_proofs)) == "overall-proof"


def test_an_overvote_whose_proof_speaks_of_a_wider_range_is_refused() -> None:
    """Made under an election that allows two marks, cast where one is allowed: it lacks nothing but the right range."""
    wide = Question(PLAIN.text, PLAIN.answers, 0, 2, False)
    asked, wider = election((PLAIN,)), election((wide,))
    own = cast(asked, 0, ((1, 0),))
    overvote = json.loads(cast(wider, 0, ((1, 1),)))["answers"]

    def code(change: Callable[[Any], None]) -> str:
        with pytest.raises(ElectionError) as refusal:
            check(resigned(own, 0, change), asked)
        return refusal.value.code

    assert code(put(overvote, "answers")) == "ballot-shape"
    del overvote[0]["overall_proof"][2]
    assert code(put(overvote, "answers")) == "individual-proof"


def test_a_ballot_made_by_our_own_code_for_a_wider_range_is_refused_by_its_overall_proof() -> None:
    """The voter's program lies about the election's limits and nothing else: the fingerprint is the right one."""
    asked = election((RANGED,))
    lying = replace(asked, questions=(Question(RANGED.text, RANGED.answers, 2, 3, False),))
    raw = cast(lying, 0, ((1, 1, 1),))
    with pytest.raises(InvalidProof, match=r"between 1 and 2") as refusal:
        check(raw, asked)
    assert refusal.value.code == "overall-proof"


def test_a_blank_vote_that_marks_something_is_refused_by_its_blank_proof() -> None:
    """Answer 3 of one ballot says blank, of the other says Bob; the ciphertexts of both together would be a double vote."""
    asked = election((BLANK,))
    blank, bob = (json.loads(cast(asked, 0, (marks,), seed))["answers"][0] for marks, seed in (((1, 0, 0), 1), ((0, 0, 1), 2)))

    def mix(value: Any) -> None:
        answer = value["answers"][0]
        answer["choices"] = [blank["choices"][0], *bob["choices"][1:]]
        answer["individual_proofs"] = [blank["individual_proofs"][0], *bob["individual_proofs"][1:]]

    with pytest.raises(InvalidProof) as refusal:
        check(resigned(cast(asked, 0, ((1, 0, 0),), 1), 0, mix), asked)
    assert refusal.value.code == "blank-proof"


def test_the_refusal_names_ballot_question_and_choice() -> None:
    raw = resigned(GOOD, 0, add_to("response", "answers", 1, "individual_proofs", 2, 0))
    with pytest.raises(InvalidProof) as refusal:
        check(raw, election())
    assert refusal.value.message == (
        f'ballot {sha256(raw).hexdigest()[:16]}…: choice 3 of question 2 ("Parks") is not shown to be 0 or 1'
    )
