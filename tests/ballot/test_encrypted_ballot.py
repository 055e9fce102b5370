"""Specifies ballot/encrypted_ballot.py: the checks of docs/protocol.md section 9.6."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ballot.fixture_records import PATHS, fixture
from tests.ballot.small_election import (
    ALL_KINDS,
    BLANK,
    LEGAL,
    PLAIN,
    RANGED,
    cast,
    changed,
    check,
    credentials,
    election,
    key,
    legal_choices,
    questions,
    resigned,
)
from tests.vectors import load
from veche.ballot.election import Question, parse_election
from veche.ballot.encrypted_ballot import MAX_BYTES, counted_rows, read_ballot, verify_ballot
from veche.crypto.backend import Counting, active, using
from veche.crypto.errors import ElectionError, InvalidProof, InvalidSignature, Malformed, Refused
from veche.crypto.scalar import Q

MUTATED = load("belenios/ballots-mutated-1.json")
VERDICTS = {
    "honest": None,
    "honest-zero": None,
    "copied-answers": "individual-proof",
    "unknown-credential": "unknown-credential",
    "response-plus-1": "individual-proof",
    "other-election-hash": "wrong-election",
    "scalar-plus-q": "ballot-scalar",
    "upper-case-hex": "unknown-credential",
    "duplicate-key-last": "ballot-malformed",
    "white-space": "ballot-malformed",
    "number-not-string": "ballot-malformed",
    "torsion-alpha-order-8": "ballot-point",
    "torsion-alpha-order-4": "ballot-point",
    "torsion-alpha-order-2": "ballot-point",
    "too-few-choices": "ballot-shape",
    "empty-proof": "ballot-shape",
    "no-signature": "ballot-malformed",
    "off-curve": "ballot-point",
    "rfc8032-byte-order": "ballot-point",
    "trailing-newline": "ballot-malformed",
    "leading-zero-scalar": "ballot-scalar",
    "trailing-object": "ballot-malformed",
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
HEX_IDENTITY = "0" * 63 + "1"
GOOD = cast(election(), 0, LEGAL, "good")


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


# --- what is accepted ---


@pytest.mark.parametrize("name", PATHS)
def test_every_ballot_that_belenios_tool_made_is_accepted(name: str) -> None:
    made = fixture(name)
    assert made.ballots
    for raw in made.ballots:
        ballot = verify_ballot(read_ballot(raw), made.election, made.credentials.weights)
        assert ballot.raw == raw
        assert ballot.tracker == sha256(raw).hexdigest()
        assert counted_rows(raw) == tuple(answer.choices for answer in ballot.answers)


def test_every_mutated_ballot_of_the_vectors_has_its_verdict() -> None:
    asked = parse_election(MUTATED["election"].encode())
    listed = {line.split(",")[0]: 1 for line in json.loads(MUTATED["public_credentials"])}
    found: dict[str, str | None] = {}
    for case in MUTATED["cases"]:
        try:
            verify_ballot(read_ballot(case["ballot"].encode()), asked, listed)
            found[case["id"]] = None
        except ElectionError as refusal:
            found[case["id"]] = refusal.code
        assert (case["expect"] == "accept") == (found[case["id"]] is None), case["id"]
    assert found == VERDICTS


def test_a_mutated_ballot_is_judged_within_five_milliseconds_where_no_proof_need_be_looked_at() -> None:
    asked = parse_election(MUTATED["election"].encode())
    listed = {line.split(",")[0]: 1 for line in json.loads(MUTATED["public_credentials"])}
    for case in MUTATED["cases"]:
        if VERDICTS[case["id"]] not in (None, "individual-proof"):
            times = []
            for _ in range(5):
                began = perf_counter()
                with pytest.raises(ElectionError):
                    verify_ballot(read_ballot(case["ballot"].encode()), asked, listed)
                times.append(perf_counter() - began)
            assert min(times) < 0.005, case["id"]


@settings(max_examples=40)
@given(data=st.data())
def test_any_legal_vote_on_any_questions_is_accepted(data: st.DataObject) -> None:
    asked = election(tuple(data.draw(st.lists(questions(), min_size=1, max_size=3))))
    raw = cast(asked, 1, data.draw(legal_choices(asked.questions)))
    assert check(raw, asked).credential == key("voter 1").public.hex()


# --- 9.6.1: form ---


def without(*path: Any) -> Callable[[Any], None]:
    def change(value: Any) -> None:
        for step in path[:-1]:
            value = value[step]
        del value[path[-1]]

    return change


def put(new: Any, *path: Any) -> Callable[[Any], None]:
    def change(value: Any) -> None:
        for step in path[:-1]:
            value = value[step]
        value[path[-1]] = new

    return change


PROOF = {"challenge": "1", "response": "1"}
NOT_A_BALLOT = {
    "no uuid": without("election_uuid"),
    "no hash": without("election_hash"),
    "no credential": without("credential"),
    "no answers": without("answers"),
    "no signature": without("signature"),
    "no signed hash": without("signature", "hash"),
    "no signature proof": without("signature", "proof"),
    "no challenge": without("signature", "proof", "challenge"),
    "no choices": without("answers", 0, "choices"),
    "no alpha": without("answers", 0, "choices", 0, "alpha"),
    "no beta": without("answers", 0, "choices", 0, "beta"),
    "no individual proofs": without("answers", 0, "individual_proofs"),
    "no overall proof": without("answers", 0, "overall_proof"),
    "no response": without("answers", 0, "overall_proof", 0, "response"),
    "further field": put(1, "x"),
    "further field of an answer": put(1, "answers", 0, "x"),
    "further field of a choice": put("1", "answers", 0, "choices", 0, "x"),
    "further field of a proof": put("1", "answers", 0, "individual_proofs", 0, 0, "x"),
    "uuid a number": put(1, "election_uuid"),
    "credential null": put(None, "credential"),
    "answers an object": put({}, "answers"),
    "answer a list": put([], "answers", 0),
    "choices an object": put({}, "answers", 0, "choices"),
    "alpha a number": put(1, "answers", 0, "choices", 0, "alpha"),
    "proofs not nested": put([PROOF], "answers", 0, "individual_proofs"),
    "challenge a number": put(1, "answers", 0, "overall_proof", 0, "challenge"),
    "blank proof null": put(None, "answers", 2, "blank_proof"),
    "hash a number": put(1, "signature", "hash"),
}


@pytest.mark.parametrize("name", NOT_A_BALLOT)
def test_a_ballot_with_other_fields_or_types_is_malformed(name: str) -> None:
    assert code_of(changed(GOOD, NOT_A_BALLOT[name])) == "ballot-malformed"


def test_fields_in_another_order_are_malformed() -> None:
    value: Any = json.loads(GOOD)
    other = dict(reversed(value.items()))
    assert code_of(json.dumps(other, separators=(",", ":")).encode()) == "ballot-malformed"
    value["answers"][0]["choices"][0] = dict(reversed(value["answers"][0]["choices"][0].items()))
    assert code_of(json.dumps(value, separators=(",", ":")).encode()) == "ballot-malformed"


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", b"\xff", GOOD[:-1], GOOD + b"\n", b" " + GOOD, GOOD * 2])
def test_what_is_not_one_canonical_object_is_malformed(raw: bytes) -> None:
    assert code_of(raw) == "ballot-malformed"


def test_a_ballot_of_more_than_65536_bytes_is_refused_unread() -> None:
    counting = Counting(active())
    began = perf_counter()
    with using(counting), pytest.raises(Malformed, match="65537 bytes") as refusal:
        read_ballot(b"[" * (MAX_BYTES + 1))
    assert refusal.value.code == "ballot-malformed"
    assert perf_counter() - began < 0.05


# --- 9.6.2 to 9.6.5 ---


@pytest.mark.parametrize("field", ["election_uuid", "election_hash"])
def test_a_ballot_of_another_election_is_refused_though_its_signature_holds(field: str) -> None:
    other = election(ALL_KINDS, uuid="4hVecheTestC33")
    foreign = {"election_uuid": other.uuid, "election_hash": other.fingerprint}[field]
    assert code_of(resigned(GOOD, 0, put(foreign, field))) == "wrong-election"


def test_a_ballot_cast_in_another_election_is_refused_here() -> None:
    assert code_of(cast(election(ALL_KINDS, trustee="other"), 0, LEGAL)) == "wrong-election"


def test_a_credential_that_is_not_listed_is_refused() -> None:
    assert code_of(cast(election(), 9, LEGAL)) == "unknown-credential"


def test_a_listed_credential_in_another_spelling_is_not_listed() -> None:
    assert code_of(changed(GOOD, put(key("voter 0").public.hex().upper(), "credential"))) == "unknown-credential"


WRONG_SHAPE: dict[str, Callable[[Any], None]] = {
    "an answer missing": without("answers", 2),
    "no answers at all": put([], "answers"),
    "an answer too many": lambda value: value["answers"].append(value["answers"][0]),
    "a choice missing": without("answers", 1, "choices", 2),
    "a choice too many": lambda value: value["answers"][0]["choices"].append(value["answers"][0]["choices"][0]),
    "no choices": put([], "answers", 0, "choices"),
    "an individual proof missing": without("answers", 1, "individual_proofs", 2),
    "no individual proofs": put([], "answers", 0, "individual_proofs"),
    "an individual proof of one part": without("answers", 0, "individual_proofs", 0, 1),
    "an individual proof of nothing": put([], "answers", 0, "individual_proofs", 0),
    "an individual proof of three parts": lambda value: value["answers"][0]["individual_proofs"][0].append(PROOF),
    "an overall proof over a wider range": lambda value: value["answers"][0]["overall_proof"].append(PROOF),
    "an overall proof of nothing": put([], "answers", 0, "overall_proof"),
    "no blank proof where there must be one": without("answers", 2, "blank_proof"),
    "a blank proof where there is no blank vote": put([PROOF, PROOF], "answers", 0, "blank_proof"),
    "an empty blank proof where there is no blank vote": put([], "answers", 0, "blank_proof"),
    "a blank proof of one part": without("answers", 2, "blank_proof", 1),
    "a blank proof of nothing": put([], "answers", 2, "blank_proof"),
}


@pytest.mark.parametrize("name", WRONG_SHAPE)
def test_a_ballot_of_another_shape_than_the_election_asks_is_refused(name: str) -> None:
    assert code_of(resigned(GOOD, 0, WRONG_SHAPE[name])) == "ballot-shape"


@pytest.mark.parametrize("scalar", [str(Q), str(Q + 1), "-1", "+1", "01", "", " 1", "1 ", "0x1", "1.0", "1e3", "١", "9" * 200])
@pytest.mark.parametrize(
    "path",
    [
        ("answers", 0, "individual_proofs", 1, 0, "challenge"),
        ("answers", 1, "overall_proof", 0, "response"),
        ("answers", 2, "blank_proof", 1, "challenge"),
        ("signature", "proof", "response"),
    ],
    ids=str,
)
def test_a_scalar_has_one_form(path: tuple[Any, ...], scalar: str) -> None:
    assert code_of(changed(GOOD, put(scalar, *path))) == "ballot-scalar"


# --- 9.6.6 to 9.6.8 ---


def test_a_signature_over_another_content_is_refused() -> None:
    other = json.loads(cast(election(), 0, LEGAL))
    assert code_of(changed(GOOD, put(other["signature"], "signature"))) == "ballot-hash"
    assert code_of(changed(GOOD, put(other["signature"]["hash"], "signature", "hash"))) == "ballot-hash"


def test_a_signature_by_another_voter_is_refused() -> None:
    with pytest.raises(InvalidSignature) as refusal:
        check(resigned(GOOD, 1, lambda _: None), election())
    assert refusal.value.code == "invalid-signature"


@pytest.mark.parametrize("field", ["challenge", "response"])
def test_a_changed_signature_is_refused(field: str) -> None:
    def add_one(value: Any) -> None:
        value["signature"]["proof"][field] = str((int(value["signature"]["proof"][field]) + 1) % Q)

    assert code_of(changed(GOOD, add_one)) == "invalid-signature"


NOT_A_POINT = {
    "the identity": HEX_IDENTITY,
    "the identity with the sign bit": "8" + "0" * 62 + "1",
    "order 2": "7" + "f" * 61 + "ec",
    "order 4": "0" * 64,
    "no member": "f" * 64,
    "RFC 8032 byte order": key("trustee").public.encoding.hex(),
    "upper case": key("trustee").public.hex().upper(),
    "too short": key("trustee").public.hex()[1:],
    "with 0x": "0x" + key("trustee").public.hex()[2:],
    "empty": "",
}


@pytest.mark.parametrize("part", ["alpha", "beta"])
@pytest.mark.parametrize("name", NOT_A_POINT)
def test_a_point_has_one_form_and_lies_in_the_group(name: str, part: str) -> None:
    assert code_of(resigned(GOOD, 0, put(NOT_A_POINT[name], "answers", 1, "choices", 2, part))) == "ballot-point"


# --- 9.6.9 to 9.6.11: proofs ---


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


def add_to(field: str, *path: Any) -> Callable[[Any], None]:
    def change(value: Any) -> None:
        for step in path:
            value = value[step]
        value[field] = str((int(value[field]) + 1) % Q)

    return change


PROOFS = {
    "individual-proof": ("answers", 1, "individual_proofs", 2, 1),
    "blank-proof": ("answers", 2, "blank_proof", 0),
    "overall-proof": ("answers", 2, "overall_proof", 1),
}


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


# --- the order of the checks, and what they cost ---


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
