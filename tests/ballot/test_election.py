"""Specifies ballot/election.py."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ballot.small_election import ALL_KINDS, UUID, changed, election, key, questions
from tests.vectors import VECTORS, load
from veche.ballot.election import MAX_ANSWERS, MAX_BYTES, MAX_QUESTIONS, Question, is_uuid, make_election, parse_election
from veche.crypto.backend import Counting, active, using
from veche.crypto.canonical_json import encode
from veche.crypto.errors import ElectionError, Malformed, Unsupported

HONEST = ("simple", "multi", "weighted", "threshold")
QUESTION = {"answers": ["a", "b"], "min": 0, "max": 1, "question": "q"}


def text(**changes: Any) -> bytes:
    """A small election's text with fields changed; None takes a field away."""
    value: dict[str, Any] = {
        "version": 1,
        "description": "",
        "name": "n",
        "group": "Ed25519",
        "public_key": key("trustee").public.hex(),
        "questions": [QUESTION],
        "uuid": UUID,
    }
    return encode({name: one for name, one in (value | changes).items() if one is not None})


def code_of(raw: bytes, kind: type[ElectionError] = Malformed) -> str:
    with pytest.raises(kind) as refusal:
        parse_election(raw)
    return refusal.value.code


def test_minus_zero_is_no_number() -> None:
    assert code_of(text().replace(b'"min":0', b'"min":-0')) == "election-malformed"


@pytest.mark.parametrize("name", HONEST)
def test_the_fixtures_have_the_fingerprint_that_the_tool_computed(name: str) -> None:
    folder = VECTORS / "fixtures/belenios" / name
    raw = (folder / "public/election.json").read_bytes().removesuffix(b"\n")
    expected = load(f"fixtures/belenios/{name}/expected.json")
    read = parse_election(raw)
    assert read.fingerprint == expected["election_hash"]
    assert read.digest == expected["checksums"]["election"]
    assert (read.uuid, read.raw) == (expected["uuid"], raw)


def test_the_texts_of_a_question_are_read_character_for_character() -> None:
    raw = (VECTORS / "fixtures/belenios/multi/public/election.json").read_bytes()
    plain: Any = json.loads(raw)
    read = parse_election(raw)
    assert [(one.text, list(one.answers)) for one in read.questions] == [
        (one["question"], one["answers"]) for one in plain["questions"]
    ]
    assert (read.name, read.description) == (plain["name"], plain["description"])
    assert [one.blank for one in read.questions] == [False, True]
    assert [one.ciphertexts for one in read.questions] == [4, 4]


@given(asked=st.lists(questions(), min_size=1, max_size=4), name=st.text(), description=st.text())
def test_what_is_made_is_read_back(asked: list[Question], name: str, description: str) -> None:
    made = make_election(UUID, name, description, key("trustee").public, tuple(asked))
    assert made.questions == tuple(asked)
    assert (made.name, made.description, made.public_key) == (name, description, key("trustee").public)
    assert parse_election(made.raw) == made


def test_white_space_and_another_order_are_accepted_and_the_bytes_kept() -> None:
    value: Any = json.loads(text())
    spaced = json.dumps(dict(reversed(value.items())), indent=2).encode() + b"\n"
    read, compact = parse_election(spaced), parse_election(text())
    assert read.raw == spaced
    assert read.fingerprint != compact.fingerprint
    assert read.questions == compact.questions


def test_fields_of_later_tools_are_accepted() -> None:
    further = {"administrator": "Ann", "credential_authority": "server", "language": ["fr", "ltr"]}
    assert parse_election(text(**further)).questions == parse_election(text()).questions


@pytest.mark.parametrize("language", ["fr", ["fr"], ["fr", "up"], [1, "ltr"], ["fr", "ltr", "x"], {}, 5])
def test_a_language_in_another_form_is_refused(language: Any) -> None:
    assert code_of(text(language=language)) == "election-malformed"


@pytest.mark.parametrize("group", ["Ed25519 ", "ed25519", "ED25519", "", "RFC-3526-2048", "BELENIOS-2048", "Ristretto255"])
def test_every_other_group_is_unsupported_and_never_mistaken_for_ours(group: str) -> None:
    assert code_of(text(group=group), Unsupported) == "unsupported-group"


def test_group_parameters_never_come_from_the_election() -> None:
    parameters = {"g": "2", "p": "23", "q": "11"}
    assert code_of(text(group=parameters)) == "election-malformed"
    assert code_of(text(group=["Ed25519"])) == "election-malformed"


def test_the_finite_field_fixture_is_unsupported_not_malformed() -> None:
    raw = (VECTORS / "fixtures/belenios/simple-ff/public/election.json").read_bytes()
    assert code_of(raw, Unsupported) == "unsupported-group"


@pytest.mark.parametrize("version", [0, 2, 3])
def test_another_version_is_unsupported_before_anything_else_is_read(version: int) -> None:
    assert code_of(text(version=version, group="other", questions=[], uuid="?"), Unsupported) == "unsupported-version"


@pytest.mark.parametrize("kind", ["NonHomomorphic", "Lists"])
def test_questions_of_other_kinds_are_unsupported_and_named(kind: str) -> None:
    other = {"type": kind, "value": {"answers": ["a"], "question": "q"}}
    with pytest.raises(Unsupported, match=f"question 2 .*{kind}.*not supported yet") as refusal:
        parse_election(text(questions=[QUESTION, other]))
    assert refusal.value.code == "unsupported-question"


def test_the_mixnet_fixture_is_unsupported_not_malformed() -> None:
    raw = (VECTORS / "fixtures/belenios/mixnet/public/election.json").read_bytes()
    assert code_of(raw, Unsupported) == "unsupported-question"


@pytest.mark.parametrize(
    ("low", "high", "answers"),
    [(-1, 1, 2), (0, 3, 2), (2, 1, 2), (0, -1, 2), (0, 0, 0), (3, 3, 2), (-(2**40), 2**40, 2), (0, 1, MAX_ANSWERS + 1)],
)
def test_limits_that_no_ballot_can_keep_or_that_count_twice_are_refused(low: int, high: int, answers: int) -> None:
    question = QUESTION | {"min": low, "max": high, "answers": ["x"] * answers}
    with pytest.raises(Malformed, match="question 2: ") as refusal:
        parse_election(text(questions=[QUESTION, question]))
    assert refusal.value.code == "question-limits"


@pytest.mark.parametrize(("low", "high", "answers"), [(0, 0, 1), (1, 1, 1), (0, 2, 2), (2, 2, 2), (0, 1, MAX_ANSWERS)])
def test_the_widest_legal_limits_are_accepted(low: int, high: int, answers: int) -> None:
    parse_election(text(questions=[QUESTION | {"min": low, "max": high, "answers": ["x"] * answers}]))


@pytest.mark.parametrize("count", [0, MAX_QUESTIONS + 1])
def test_no_question_and_too_many_questions_are_refused(count: int) -> None:
    assert code_of(text(questions=[QUESTION] * count)) == "election-malformed"


def test_a_text_too_long_is_refused_before_it_is_parsed() -> None:
    assert code_of(b" " * MAX_BYTES + text()) == "election-malformed"
    parse_election(b" " * (MAX_BYTES - len(text())) + text())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        text()[:-1],
        text() + b"x",
        b"\xef\xbb\xbf" + text(),
        text().replace(b'"version":1', b'"version":1.0'),
        text().replace(b'"version":1', b'"version":"1"'),
        text().replace(b'"version":1', b'"version":true'),
        text().replace(b'"min":0', b'"min":0e0'),
        text().replace(b'"min":0', b'"min":false'),
        text().replace(b'"version":1', b'"version":1,"version":1'),
        text().replace(b'"min":0', b'"min":0,"min":0'),
        text().replace(b'"name":"n"', b'"name":"\xff"'),
        text().replace(b'"name":"n"', b'"name":"\\ud800"'),
        text(description=None),
        text(public_key=None),
        text(extra=1),
        text(questions=None),
        text(questions={}),
        text(questions=["q"]),
        text(questions=[QUESTION | {"extra": 1}]),
        text(questions=[QUESTION | {"blank": 1}]),
        text(questions=[QUESTION | {"type": "Other"}]),
        text(questions=[{"answers": ["a"], "min": 0, "max": 1}]),
        text(questions=[QUESTION | {"answers": [1]}]),
        text(administrator=1),
        text(name=1),
    ],
    ids=lambda raw: raw[:40].decode("latin-1") + f" ({len(raw)})",
)
def test_anything_else_is_malformed(raw: bytes) -> None:
    assert code_of(raw) == "election-malformed"


def test_lists_nested_without_end_are_refused_without_recursion() -> None:
    assert code_of(b"[" * 400_000 + b"]" * 400_000) == "election-malformed"


@pytest.mark.parametrize("uuid", ["4hVecheTestB2", "4hVecheTest0B2", "4hVecheTestB2I", "", "1" * 65, "4hVecheTestB22\n", 14])
def test_a_uuid_is_14_to_64_base58_characters(uuid: Any) -> None:
    assert not is_uuid(uuid)
    assert code_of(text(uuid=uuid)) == "election-malformed"


@pytest.mark.parametrize(
    "point",
    ["0" * 63 + "1", "f" * 64, key("trustee").public.hex().upper(), key("trustee").public.encoding.hex(), "", "00"],
    ids=["identity", "no point", "upper case", "RFC 8032 order", "empty", "short"],
)
def test_a_key_that_is_no_canonical_member_or_the_identity_is_refused(point: str) -> None:
    assert code_of(text(public_key=point)) == "election-malformed"


def test_a_blank_vote_said_to_be_absent_is_the_same_question() -> None:
    said = parse_election(text(questions=[QUESTION | {"blank": False}]))
    assert said.questions == parse_election(text()).questions


def test_reading_an_election_costs_one_group_operation_however_large_it_is() -> None:
    raw = text(questions=[QUESTION | {"answers": ["x"] * MAX_ANSWERS}] * 50)
    counting = Counting(active())
    with using(counting):
        parse_election(raw)
    assert (counting.memberships, counting.terms, counting.secret_multiples) == (1, 0, 0)


def test_another_text_is_another_election() -> None:
    made = election(ALL_KINDS)
    other = parse_election(changed(made.raw, lambda value: value["questions"][0]["answers"].reverse()))
    assert other.fingerprint != made.fingerprint
