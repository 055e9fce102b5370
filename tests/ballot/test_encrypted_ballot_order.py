"""Specifies ballot/encrypted_ballot.py: the first check that fails refuses, and little is spent before the signature holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.ballot.small_election import (
    ALL_KINDS,
    LEGAL,
    add_to,
    cast,
    changed,
    check,
    credentials,
    election,
    put,
    resigned,
    without,
)
from veche.ballot.encrypted_ballot import read_ballot, verify_ballot
from veche.crypto.backend import Counting, active, using
from veche.crypto.errors import ElectionError, Refused

HEX_IDENTITY = "0" * 63 + "1"
GOOD = cast(election(), 0, LEGAL, "good")
PROOFS = {
    "individual-proof": ("answers", 1, "individual_proofs", 2, 1),
    "blank-proof": ("answers", 2, "blank_proof", 0),
    "overall-proof": ("answers", 2, "overall_proof", 1),
}
ORDER_OF_CHECKS = (
    "ballot-malformed",
    "wrong-election",
    "unknown-credential",
    "ballot-shape",
    "ballot-scalar",
    "ballot-hash",
    "invalid-signature",
    "ballot-point",
    "individual-proof",
    "blank-proof",
    "overall-proof",
)


def code_of(raw: bytes) -> str:
    with pytest.raises(ElectionError) as refusal:
        check(raw, election())
    return refusal.value.code


def cost_of(raw: bytes) -> tuple[int, int]:
    """Subgroup checks and terms of sums that judging this ballot takes. A term is one multiplication at most."""
    credentials()
    counting = Counting(active())
    asked = election()
    with using(counting):
        try:
            check(raw, asked)
        except ElectionError:
            return counting.memberships, counting.terms
    return counting.memberships, counting.terms


def stages() -> dict[str, bytes]:
    """A ballot for each check that fails there first, though everything behind it is wrong too."""
    spoil: dict[str, Callable[[Any], None]] = {
        "overall-proof": add_to("response", "answers", 2, "overall_proof", 0),
        "blank-proof": add_to("response", *PROOFS["blank-proof"]),
        "individual-proof": add_to("response", *PROOFS["individual-proof"]),
        "ballot-point": put(HEX_IDENTITY, "answers", 0, "choices", 0, "alpha"),
    }
    made: dict[str, bytes] = {}
    done: list[Callable[[Any], None]] = []

    def all_done(value: Any) -> None:
        for change in done:
            change(value)

    for code, change in spoil.items():
        done.append(change)
        made[code] = resigned(GOOD, 0, all_done)
    raw = made["ballot-point"]
    for code, later in {
        "invalid-signature": add_to("response", "signature", "proof"),
        "ballot-hash": put("A" * 43, "signature", "hash"),
        "ballot-scalar": put("01", "answers", 0, "overall_proof", 0, "response"),
        "ballot-shape": without("answers", 0, "choices", 1),
        "unknown-credential": put("00", "credential"),
        "wrong-election": put("4hVecheTestC33", "election_uuid"),
        "ballot-malformed": put(1, "x"),
    }.items():
        raw = made[code] = changed(raw, later)
    return made


def test_a_ballot_is_refused_by_the_first_check_that_fails() -> None:
    made = stages()
    assert {code: code_of(raw) for code, raw in made.items()} == {code: code for code in ORDER_OF_CHECKS}


def test_nothing_before_the_signature_costs_a_single_group_operation() -> None:
    made = stages()
    for code in ORDER_OF_CHECKS[: ORDER_OF_CHECKS.index("invalid-signature")]:
        assert cost_of(made[code]) == (0, 0), code


def test_a_refused_signature_costs_less_than_a_fifth_of_a_good_ballot() -> None:
    memberships, terms = cost_of(stages()["invalid-signature"])
    good_memberships, good_terms = cost_of(GOOD)
    assert memberships == 0
    assert terms * 5 < good_terms
    assert good_memberships == 2 * sum(one.ciphertexts for one in ALL_KINDS)


def test_no_ballot_costs_more_than_a_good_one() -> None:
    good = cost_of(GOOD)
    for code, raw in stages().items():
        memberships, terms = cost_of(raw)
        assert memberships <= good[0], code
        assert terms <= good[1], code


def test_a_refusal_shows_nothing_of_the_text_but_its_hash() -> None:
    for code, raw in stages().items():
        with pytest.raises(ElectionError) as refusal:
            check(raw, election())
        secret = json.loads(raw)["answers"][1]["individual_proofs"][0][0]["response"]
        assert secret not in refusal.value.message, code


def test_credentials_decide_and_not_the_ballot() -> None:
    with pytest.raises(Refused) as refusal:
        verify_ballot(read_ballot(GOOD), election(), {})
    assert refusal.value.code == "unknown-credential"
