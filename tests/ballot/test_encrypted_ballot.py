"""Specifies ballot/encrypted_ballot.py: the checks of docs/protocol.md section 9.6."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ballot.fixture_records import PATHS, fixture
from tests.ballot.small_election import (
    ALL_KINDS,
    LEGAL,
    cast,
    changed,
    check,
    election,
    key,
    legal_choices,
    put,
    questions,
    resigned,
    without,
)
from tests.vectors import load
from veche.ballot.election import parse_election
from veche.ballot.encrypted_ballot import MAX_BYTES, counted_rows, read_ballot, verify_ballot
from veche.crypto.backend import Counting, active, using
from veche.crypto.errors import ElectionError, InvalidSignature, Malformed
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
HEX_IDENTITY = "0" * 63 + "1"
GOOD = cast(election(), 0, LEGAL, "good")


def code_of(raw: bytes) -> str:
    with pytest.raises(ElectionError) as refusal:
        check(raw, election())
    return refusal.value.code


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
