"""Specifies ballot/trustees.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.ballot.fixture_records import PATHS, fixture
from tests.ballot.small_election import changed, key
from tests.crypto.ceremony_story import hold_ceremony, stream
from veche.ballot.trustees import (
    MAX_TRUSTEES,
    SingleTrustee,
    make_trustees,
    parse_trustees,
    verify_election_key,
    verify_trustees,
)
from veche.crypto.backend import Counting, active, using
from veche.crypto.canonical_json import encode
from veche.crypto.errors import ElectionError, Inconsistent, InvalidProof, Malformed
from veche.crypto.group import total
from veche.crypto.pedersen import ThresholdGroup
from veche.crypto.proof import Proof
from veche.crypto.scalar import Q

GROUP = hold_ceremony(name="trustees").group
ANNA, BORIS = (SingleTrustee.make(key(name).secret, key(name).public, name, stream(f"pok {name}")) for name in ("Anna", "Boris"))
NAMELESS = SingleTrustee.make(key("Vera").secret, key("Vera").public, None, stream("pok Vera"))
MIXED = make_trustees((ANNA, GROUP, NAMELESS))
SINGLE = make_trustees((ANNA,)).raw
IDENTITY = "0" * 63 + "1"


def code_of(raw: bytes) -> str:
    with pytest.raises(ElectionError) as refusal:
        verify_trustees(parse_trustees(raw))
    return refusal.value.code


@pytest.mark.parametrize("name", PATHS)
def test_the_trustees_of_every_honest_archive_are_accepted(name: str) -> None:
    made = fixture(name)
    verify_trustees(made.trustees)
    verify_election_key(made.trustees, made.election.public_key)


def test_single_keys_and_groups_stand_side_by_side_and_are_numbered_through() -> None:
    owners = MIXED.owners
    assert [(one.number, one.item, one.place) for one in owners] == [(1, 0, 1), (2, 1, 1), (3, 1, 2), (4, 1, 3), (5, 2, 1)]
    keys = [ANNA.public_key, *(one.public_key for one in GROUP.verification_keys), NAMELESS.public_key]
    assert [one.public_key for one in owners] == keys
    assert [one.name for one in owners] == ["Anna", "Anna", "Boris", "Vera", None]
    assert [MIXED.numbers_of(item) for item in range(3)] == [(1,), (2, 3, 4), (5,)]
    assert MIXED.groups == (GROUP,)


@pytest.mark.parametrize("number", [0, 6, -1])
def test_there_is_no_trustee_with_another_number(number: int) -> None:
    assert MIXED.owner(number) is None
    assert MIXED.owner(5) == MIXED.owners[4]


def test_the_election_key_is_the_sum_of_single_keys_and_group_keys() -> None:
    expected = total([(1, ANNA.public_key), (1, GROUP.public_key()), (1, NAMELESS.public_key)])
    assert MIXED.election_key == expected
    verify_election_key(MIXED, expected)


def test_a_key_that_is_not_the_sum_is_refused() -> None:
    """Whoever made it could know its secret and decrypt alone."""
    for other in (key("somebody").public, ANNA.public_key, GROUP.public_key(), -MIXED.election_key):
        with pytest.raises(Inconsistent) as refusal:
            verify_election_key(MIXED, other)
        assert refusal.value.code == "election-key"


def test_trustees_are_read_back_byte_for_byte() -> None:
    again = parse_trustees(MIXED.raw)
    assert again == MIXED
    assert make_trustees(again.items).raw == MIXED.raw


def test_a_rogue_key_that_cancels_the_others_is_refused_because_nobody_knows_its_secret() -> None:
    """Attack D1: the last trustee publishes K − (sum of the others) for a K of its own, with any proof it can make."""
    mine = key("mine")
    rogue = mine.public - total([(1, ANNA.public_key), (1, BORIS.public_key)])
    for proof in (SingleTrustee.make(mine.secret, rogue, None, stream("rogue")).possession, ANNA.possession, Proof(0, 0)):
        raw = encode([["Single", one.to_json()] for one in (ANNA, BORIS, SingleTrustee(rogue, proof))])
        assert parse_trustees(raw).election_key == mine.public
        with pytest.raises(InvalidProof, match="trustee item 3: ") as refusal:
            verify_trustees(parse_trustees(raw))
        assert refusal.value.code == "trustee-pok"


def test_a_proof_of_possession_holds_for_no_other_key_and_not_when_changed() -> None:
    pok = ANNA.possession
    for proof in (BORIS.possession, Proof((pok.challenge + 1) % Q, pok.response), Proof(pok.challenge, (pok.response + 1) % Q)):
        assert code_of(encode([["Single", SingleTrustee(ANNA.public_key, proof).to_json()]])) == "trustee-pok"


@pytest.mark.parametrize(
    "point", [IDENTITY, "0" * 64, "f" * 64, "", key("Anna").public.hex().upper(), key("Anna").public.encoding.hex()]
)
def test_a_key_that_is_no_member_or_the_identity_is_refused(point: str) -> None:
    assert code_of(changed(SINGLE, lambda value: value[0][1].update(public_key=point))) == "trustee-key"


@pytest.mark.parametrize("point", [IDENTITY, "0" * 64])
def test_a_verification_key_that_is_no_member_or_the_identity_is_refused(point: str) -> None:
    def put(value: Any) -> None:
        value[1][1]["verification_keys"][2]["public_key"] = point

    assert code_of(changed(MIXED.raw, put)) == "trustee-key"


def test_faults_inside_a_group_keep_their_own_codes() -> None:
    def exchange(value: Any) -> None:
        keys = value[1][1]["verification_keys"]
        keys[0], keys[1] = keys[1], keys[0]

    def threshold(value: Any) -> None:
        value[1][1]["threshold"] = 0

    assert code_of(changed(MIXED.raw, exchange)) == "verification-key"
    assert code_of(changed(MIXED.raw, threshold)) == "threshold-limits"
    assert code_of(changed(MIXED.raw, lambda value: value[1][1].pop("signatures"))) == "trustees-malformed"


CHANGES: dict[str, Callable[[Any], None]] = {
    "empty": lambda value: value.clear(),
    "another kind": lambda value: value[0].__setitem__(0, "Double"),
    "a kind in lower case": lambda value: value[0].__setitem__(0, "single"),
    "no kind": lambda value: value.__setitem__(0, value[0][1]),
    "three parts": lambda value: value[0].append({}),
    "a single key that is a group": lambda value: value[0].__setitem__(0, "Pedersen"),
    "no proof": lambda value: value[0][1].pop("pok"),
    "no key": lambda value: value[0][1].pop("public_key"),
    "a key that is no text": lambda value: value[0][1].update(public_key=1),
    "a name that is no text": lambda value: value[0][1].update(name=1),
    "a further field": lambda value: value[0][1].update(x=1),
    "a signature outside a group": lambda value: value[0][1].update(signature={"challenge": "1", "response": "1"}),
    "a scalar not below q": lambda value: value[0][1]["pok"].update(challenge=str(Q)),
    "a scalar with a leading zero": lambda value: value[0][1]["pok"].update(response="01"),
    "an object": lambda value: value.__setitem__(0, {}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_trustees_in_another_form_are_malformed(name: str) -> None:
    assert code_of(changed(SINGLE, CHANGES[name])) == "trustees-malformed"


@pytest.mark.parametrize("raw", [b"", b"{}", b"[null]", SINGLE + b"\n", SINGLE.replace(b",", b", ", 1)])
def test_trustees_in_another_text_are_malformed(raw: bytes) -> None:
    assert code_of(raw) == "trustees-malformed"


def test_more_trustees_than_a_thousand_are_refused_before_any_key_is_decoded() -> None:
    raw, counting = encode([["Single", ANNA.to_json()]] * (MAX_TRUSTEES + 1)), Counting(active())
    with using(counting), pytest.raises(Malformed) as refusal:
        parse_trustees(raw)
    assert refusal.value.code == "trustees-malformed"
    assert counting.memberships == 0


def test_what_is_made_is_checked_like_what_is_read() -> None:
    with pytest.raises(InvalidProof):
        make_trustees((SingleTrustee(ANNA.public_key, BORIS.possession),))
    with pytest.raises(Malformed):
        make_trustees(())


def test_a_group_of_the_form_before_tool_2_5_1_is_read_and_told_apart() -> None:
    groups = {name: fixture(name).trustees.groups for name in ("threshold", "thr-w")}
    assert [one.legacy for one in groups["threshold"]] == [True]
    assert [one.legacy for one in groups["thr-w"]] == [False]
    assert all(isinstance(one, ThresholdGroup) for one in groups["thr-w"])
