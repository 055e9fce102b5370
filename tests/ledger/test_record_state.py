"""Specifies ledger/record_state.py."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest

from tests.vectors import load
from veche.crypto.errors import Refused
from veche.ledger.annex import ANNEX_TYPES
from veche.ledger.event import EventType
from veche.ledger.record_state import FOLLOWS, Level, RecordState, Rules, Step, next_state

SEQUENCES: list[dict[str, Any]] = load("spec/veche-record-vectors.json")["sequences"]
STRICT = Rules("strict", (1, 2, 3), 2, ())


def step(word: str) -> Step:
    """The step that a word of the vectors means: TYPE or TYPE/owner."""
    kind, slash, owner = word.partition("/")
    return Step(kind, int(owner) if slash else None)


def after(rules: Rules, words: str) -> RecordState:
    return reduce(next_state, map(step, words.split()), RecordState(rules))


@pytest.mark.parametrize("vector", SEQUENCES, ids=lambda vector: vector["why"])
def test_known_sequences(vector: dict[str, Any]) -> None:
    rules = Rules(
        vector["level"],
        tuple(vector["group"]),
        vector["threshold"],
        tuple(vector["single"]),
        vector["non_homomorphic"],
    )
    steps = [step(word) for word in vector["entries"]]
    legal = steps if vector["legal"] else steps[: vector["first_illegal"]]
    state = reduce(next_state, legal, RecordState(rules))
    if vector["legal"]:
        assert state.name == vector["state"]
        return
    with pytest.raises(Refused) as refusal:
        next_state(state, steps[vector["first_illegal"]])
    assert refusal.value.code == "entry-order"
    assert state.name in refusal.value.message


def test_there_are_97_sequences_legal_and_illegal() -> None:
    assert len(SEQUENCES) == 97
    assert {vector["legal"] for vector in SEQUENCES} == {True, False}


def test_the_table_speaks_of_entries_that_exist_and_leads_to_states_that_exist() -> None:
    kinds = {kind for follows in FOLLOWS.values() for kind in follows}
    assert kinds == set(ANNEX_TYPES) | {str(kind) for kind in EventType}
    assert {state for follows in FOLLOWS.values() for state in follows.values()} | {"(nothing)"} | {
        "shuffling",
        "proving",
    } == set(FOLLOWS)


def test_the_sentence_says_the_state_and_what_may_follow() -> None:
    with pytest.raises(Refused, match="Ballot may not stand here: the record is ending, closed may follow"):
        next_state(RecordState(STRICT, "ending"), Step("Ballot"))
    with pytest.raises(Refused, match="the record is annulled, nothing may follow"):
        next_state(RecordState(STRICT, "annulled"), Step("annulled"))


@pytest.mark.parametrize("level", ["strict", "belenios"])
def test_a_draft_whose_trustees_are_not_known_yet_has_drills_but_no_setup(level: Level) -> None:
    unknown = Rules(level, (), 0, ())
    state = after(unknown, "manifest software dkg drill/1 drill/7")
    with pytest.raises(Refused, match="there are no trustees"):
        next_state(state, Step("Setup"))
    with pytest.raises(Refused, match="has passed its drill already"):
        next_state(state, Step("drill", 7))


def test_a_share_that_does_not_say_whose_it_is_is_refused() -> None:
    for kind in ("PartialDecryption", "share-refused"):
        with pytest.raises(Refused) as refusal:
            next_state(RecordState(STRICT, "decrypting"), Step(kind))
        assert refusal.value.code == "entry-order"


def test_a_share_of_nobody_in_the_list_cannot_be_refused() -> None:
    with pytest.raises(Refused, match="the trustees are 1, 2, 3"):
        next_state(RecordState(STRICT, "decrypting"), Step("share-refused", 4))


def test_every_threshold_group_of_a_foreign_election_must_give_its_shares() -> None:
    rules = Rules("belenios", (1, 2, 3), 2, (6,), further=(((4, 5), 1),))
    assert rules.owners == {1, 2, 3, 4, 5, 6}
    shares = "PartialDecryption/6 PartialDecryption/1 PartialDecryption/2"
    decrypting = f"manifest software Setup opened EndBallots closed EncryptedTally {shares}"
    with pytest.raises(Refused, match="0 of the 1 shares"):
        after(rules, f"{decrypting} Result")
    assert after(rules, f"{decrypting} PartialDecryption/5 Result").name == "tallied"


def test_at_level_belenios_too_a_proof_stands_directly_after_its_share() -> None:
    rules = Rules("belenios", (1, 2, 3), 2, ())
    decrypting = "manifest software Setup opened EndBallots closed EncryptedTally PartialDecryption/1"
    assert after(rules, f"{decrypting} decryption-proof/1").name == "decrypting"
    for wrong in ("incident decryption-proof/1", "decryption-proof/2", "decryption-proof/1 decryption-proof/1"):
        with pytest.raises(Refused):
            after(rules, f"{decrypting} {wrong}")


def test_shares_of_trustees_outside_the_group_do_not_count_for_its_threshold() -> None:
    rules = Rules("belenios", (1, 2, 3), 2, (4,))
    decrypting = "manifest software Setup opened EndBallots closed EncryptedTally PartialDecryption/4"
    with pytest.raises(Refused, match="0 of the 2 shares"):
        after(rules, f"{decrypting} Result")
    with pytest.raises(Refused, match="1 of the 2 shares"):
        after(rules, f"{decrypting} PartialDecryption/1 PartialDecryption/9 Result")
    assert after(rules, f"{decrypting} PartialDecryption/1 PartialDecryption/3 Result").name == "tallied"


def test_at_level_strict_there_is_no_setup_without_a_ceremony() -> None:
    with pytest.raises(Refused, match="there must be a ceremony"):
        after(STRICT, "manifest software Setup")
