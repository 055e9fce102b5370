"""Specifies ballot/prepared_ballot.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ballot.small_election import (
    ALL_KINDS,
    BLANK,
    LEGAL,
    PLAIN,
    RANGED,
    UUID,
    cast,
    changed,
    check,
    election,
    key,
    legal_choices,
    questions,
)
from tests.crypto.ceremony_story import stream
from veche.ballot.combination import combine
from veche.ballot.encrypted_ballot import read_ballot
from veche.ballot.prepared_ballot import (
    MAX_BYTES,
    PreparedBallot,
    parse_opened,
    prepare_ballot,
    verify_choices,
    verify_opened,
)
from veche.ballot.result import compute_result
from veche.ballot.share import TallyPlace, make_share, parse_share
from veche.ballot.tally import add_weighted, nothing
from veche.ballot.trustees import SingleTrustee, make_trustees
from veche.crypto.backend import Counting, active, using
from veche.crypto.errors import ElectionError, Malformed, Refused
from veche.crypto.scalar import Q
from veche.crypto.version1 import compact


def prepared(choices: Any = LEGAL, seed: str = "prepared") -> PreparedBallot:
    return prepare_ballot(election(), key("voter 0").public, choices, stream(seed))


def code_of(raw: bytes, uuid: str = UUID) -> str:
    with pytest.raises(ElectionError) as refusal:
        verify_opened(parse_opened(raw), election(uuid=uuid))
    return refusal.value.code


OPENED = prepared().open().encode()


# --- encrypting ---


@settings(max_examples=25)
@given(data=st.data())
def test_the_decrypted_tally_is_the_sum_of_the_votes(data: st.DataObject) -> None:
    asked = election(tuple(data.draw(st.lists(questions(), min_size=1, max_size=2))))
    votes = data.draw(st.lists(legal_choices(asked.questions), min_size=1, max_size=4))
    ballots = [check(cast(asked, voter, choices), asked) for voter, choices in enumerate(votes)]
    tally = add_weighted([(1, tuple(one.choices for one in ballot.answers)) for ballot in ballots], nothing(asked))
    trustee = key("trustee")
    trustees = make_trustees((SingleTrustee.make(trustee.secret, trustee.public, None, stream("pok")),))
    share = make_share(trustee.secret, trustee.public, 1, tally, TallyPlace("", "", ""), stream("share")).share
    result = compute_result(tally, combine(trustees, {1: parse_share(share, tally, 1).factors}), len(votes))
    plain = tuple(tuple(map(sum, zip(*(vote[number] for vote in votes), strict=True))) for number in range(len(asked.questions)))
    assert result.counts == plain


def test_every_legal_vote_of_a_small_question_is_accepted_and_every_other_refused() -> None:
    for question in ALL_KINDS:
        asked = election((question,))
        accepted = set()
        for marks in product((0, 1), repeat=question.ciphertexts):
            try:
                check(cast(asked, 0, (marks,)), asked)
                accepted.add(marks)
            except Refused as refusal:
                assert refusal.code == "choices"
        said = marks_allowed(question.minimum, question.maximum, len(question.answers), question.blank)
        assert accepted == said


def marks_allowed(low: int, high: int, answers: int, blank: bool) -> set[tuple[int, ...]]:
    plain = {marks for marks in product((0, 1), repeat=answers) if low <= sum(marks) <= high}
    return {(0, *marks) for marks in plain} | {(1, *[0] * answers)} if blank else plain


ILLEGAL: dict[str, tuple[tuple[int, ...], ...]] = {
    "no answers": (),
    "an answer missing": ((1, 0), (0, 1, 1)),
    "an answer too many": (*LEGAL, (1,)),
    "a mark missing": ((1,), (0, 1, 1), (0, 0, 1)),
    "a mark too many": ((1, 0, 0), (0, 1, 1), (0, 0, 1)),
    "a mark of 2": ((2, 0), (0, 1, 1), (0, 0, 1)),
    "a mark below 0": ((-1, 1), (0, 1, 1), (0, 0, 1)),
    "too many marks": ((1, 1), (0, 1, 1), (0, 0, 1)),
    "too few marks": ((1, 0), (0, 0, 0), (0, 0, 1)),
    "blank and something": ((1, 0), (0, 1, 1), (1, 0, 1)),
    "neither blank nor anything": ((1, 0), (0, 1, 1), (0, 0, 0)),
}


@pytest.mark.parametrize("name", ILLEGAL)
def test_an_illegal_vote_is_refused_before_anything_is_encrypted(name: str) -> None:
    asked, counting = election(), Counting(active())

    def no_randomness(_: int) -> bytes:
        raise AssertionError("randomness was asked for")

    with using(counting), pytest.raises(Refused) as refusal:
        prepare_ballot(asked, key("voter 0").public, ILLEGAL[name], no_randomness)
    assert refusal.value.code == "choices"
    assert (counting.memberships, counting.terms, counting.secret_multiples) == (0, 0, 0)


def test_a_refused_vote_names_the_question_and_what_it_takes() -> None:
    with pytest.raises(Refused, match=r'question 2 \("Parks"\) takes 1 to 2 marks'):
        verify_choices(election(), ILLEGAL["too few marks"])


def test_a_generator_that_gives_zeros_makes_no_ballot() -> None:
    with pytest.raises(Refused) as refusal:
        prepare_ballot(election(), key("voter 0").public, LEGAL, bytes)
    assert refusal.value.code == "randomness-failed"


def test_two_ballots_of_one_vote_share_no_ciphertext_and_no_proof() -> None:
    first, second = (json.loads(cast(election(), 0, LEGAL)) for _ in range(2))
    for one, other in zip(first["answers"], second["answers"], strict=True):
        parts = [{json.dumps(part) for name in one for part in _flat(value[name])} for value in (one, other)]
        assert not parts[0] & parts[1]


def _flat(value: Any) -> list[Any]:
    return [leaf for item in value for leaf in _flat(item)] if isinstance(value, list) else [value]


def test_all_votes_cost_the_same_group_operations() -> None:
    """What could be counted from outside does not show the vote."""
    costs = set()
    for choices in (((0, 0), (1, 0, 0), (1, 0, 0)), ((1, 0), (1, 1, 0), (0, 1, 0)), ((0, 1), (0, 0, 1), (0, 0, 1))):
        counting = Counting(active())
        with using(counting):
            prepare_ballot(election(), key("voter 0").public, choices, stream("cost"))
        costs.add((counting.memberships, counting.terms, counting.secret_multiples))
    assert len(costs) == 1


# --- signed or opened, never both ---


def test_the_commitment_shown_first_is_the_hash_that_is_signed() -> None:
    ballot = prepared()
    shown = ballot.commitment
    raw = ballot.sign(key("voter 0").secret, stream("sign"))
    assert json.loads(raw)["signature"]["hash"] == shown
    check(raw, election())


def test_the_commitment_shown_first_is_that_of_the_opened_ballot() -> None:
    ballot = prepared()
    shown = ballot.commitment
    opened = ballot.open()
    assert opened.commitment == shown == compact(opened.unsigned)
    assert opened.choices == LEGAL


@pytest.mark.parametrize("first", ["sign", "open"])
@pytest.mark.parametrize("second", ["sign", "open"])
def test_a_ballot_is_signed_or_opened_only_once(first: str, second: str) -> None:
    ballot = prepared()
    step: dict[str, Callable[[], object]] = {
        "sign": lambda: ballot.sign(key("voter 0").secret, stream("sign")),
        "open": ballot.open,
    }
    step[first]()
    with pytest.raises(Refused) as refusal:
        step[second]()
    assert refusal.value.code == "ballot-spent"


def test_an_opened_ballot_cannot_be_cast() -> None:
    with pytest.raises(Malformed) as refusal:
        read_ballot(prepared().open().unsigned)
    assert refusal.value.code == "ballot-malformed"


def test_a_prepared_ballot_shows_only_its_commitment() -> None:
    ballot = prepared()
    assert repr(ballot) == f"PreparedBallot({ballot.commitment})"


# --- opened ballots ---


@settings(max_examples=40)
@given(data=st.data())
def test_an_honest_device_is_never_accused(data: st.DataObject) -> None:
    asked = election(tuple(data.draw(st.lists(questions(), min_size=1, max_size=2))))
    choices = data.draw(legal_choices(asked.questions))
    opened = prepare_ballot(asked, key("voter 0").public, choices, stream(str(choices))).open()
    assert parse_opened(opened.encode()) == opened
    verify_opened(parse_opened(opened.encode()), asked)


def test_any_other_legal_choice_than_the_encrypted_one_is_seen() -> None:
    rows = [marks_allowed(one.minimum, one.maximum, len(one.answers), one.blank) for one in ALL_KINDS]
    others = [choices for choices in product(*rows) if choices != LEGAL]
    assert others
    for choices in others:
        told = [list(row) for row in choices]
        assert code_of(changed(OPENED, partial(dict.update, choices=told))) == "opened-differs"


def test_any_changed_random_number_is_seen() -> None:
    for row, question in enumerate(ALL_KINDS):
        for place in range(question.ciphertexts):

            def add_one(value: Any, row: int = row, place: int = place) -> None:
                value["randomness"][row][place] = str((int(value["randomness"][row][place]) + 1) % Q)

            assert code_of(changed(OPENED, add_one)) == "opened-differs"


@pytest.mark.parametrize("part", ["alpha", "beta"])
def test_any_changed_ciphertext_is_seen(part: str) -> None:
    for row, question in enumerate(ALL_KINDS):
        for place in range(question.ciphertexts):

            def other(value: Any, row: int = row, place: int = place) -> None:
                unsigned = json.loads(value["ballot"])
                unsigned["answers"][row]["choices"][place][part] = key("somebody").public.hex()
                value["ballot"] = json.dumps(unsigned, separators=(",", ":"))

            assert code_of(changed(OPENED, other)) == "opened-differs"


def test_a_ballot_opened_for_another_election_is_refused() -> None:
    assert code_of(OPENED, uuid="4hVecheTestC33") == "wrong-election"
    assert code_of(changed(OPENED, lambda value: value.update(election="4hVecheTestC33"))) == "wrong-election"
    other = prepare_ballot(election(uuid="4hVecheTestC33"), key("voter 0").public, LEGAL, stream("other")).open()
    assert code_of(changed(OPENED, lambda value: value.update(ballot=other.unsigned.decode()))) == "wrong-election"


def test_an_illegal_choice_is_refused_though_the_ciphertexts_would_fit() -> None:
    assert code_of(changed(OPENED, lambda value: value["choices"].__setitem__(0, [1, 1]))) == "choices"


def in_ballot(change: Callable[[Any], None]) -> Callable[[Any], None]:
    def change_text(value: Any) -> None:
        unsigned = json.loads(value["ballot"])
        change(unsigned)
        value["ballot"] = json.dumps(unsigned, separators=(",", ":"))

    return change_text


ODD: dict[str, Callable[[Any], None]] = {
    "a row of randomness missing": lambda value: value["randomness"].pop(),
    "a random number missing": lambda value: value["randomness"][1].pop(),
    "an answer missing in the ballot": in_ballot(lambda ballot: ballot["answers"].pop()),
    "a choice missing in the ballot": in_ballot(lambda ballot: ballot["answers"][1]["choices"].pop()),
    "a ballot that is signed": in_ballot(lambda ballot: ballot.update(signature={})),
    "an answer with a further field": in_ballot(lambda ballot: ballot["answers"][0].update(x=1)),
    "a ballot that is no JSON": lambda value: value.update(ballot="x"),
    "a random number not below q": lambda value: value["randomness"][0].__setitem__(0, str(Q)),
}


@pytest.mark.parametrize("name", ODD)
def test_an_opened_ballot_of_another_form_is_refused_and_never_accepted(name: str) -> None:
    assert code_of(changed(OPENED, ODD[name])) == "opened-malformed"


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.update(veche="opened/2"),
        lambda value: value.update(x=1),
        lambda value: value.pop("choices"),
        lambda value: value.update(choices=[[2]]),
        lambda value: value.update(choices=[["1"]]),
        lambda value: value.update(choices={}),
        lambda value: value.update(randomness=[[1]]),
        lambda value: value.update(election=1),
        lambda value: value.update(ballot={}),
    ],
)
def test_a_file_that_is_no_opened_ballot_is_malformed(change: Callable[[Any], None]) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_opened(changed(OPENED, change))
    assert refusal.value.code == "opened-malformed"


def test_an_opened_ballot_has_a_largest_size() -> None:
    with pytest.raises(Malformed) as refusal:
        parse_opened(b" " * (MAX_BYTES + 1))
    assert refusal.value.code == "opened-malformed"


def test_the_largest_legal_ballot_can_be_opened_and_checked() -> None:
    """65,536 bytes hold about 45 choices; opened, with its randomness, it must still be a legal file."""
    asked = election((PLAIN, RANGED, BLANK) * 5)
    opened = prepare_ballot(asked, key("voter 0").public, LEGAL * 5, stream("large")).open()
    verify_opened(parse_opened(opened.encode()), asked)
