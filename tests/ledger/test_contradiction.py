"""Specifies ledger/contradiction.py: a log that shows two histories is convicted, and an honest one never is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.naive_tree import NaiveTree
from tests.ledger.small_log import LOG_KEY, LOG_SIGNER, ORIGIN, SPARE, STRANGER, signed_over, signer
from veche.crypto.canonical_json import Json, encode, parse_canonical
from veche.crypto.errors import ElectionError, Inconsistent, InvalidProof, InvalidSignature, Malformed, Refused
from veche.ledger.checkpoint import Checkpoint
from veche.ledger.contradiction import Contradiction, find_contradiction, parse_contradiction, verify_contradiction
from veche.ledger.merkle import leaf_hash
from veche.ledger.signed_checkpoint import SignedCheckpoint, parse_signed, sign_checkpoint

LARGEST = 60
HONEST = [b"entry %d" % number for number in range(LARGEST)]
TREE = NaiveTree([leaf_hash(entry) for entry in HONEST])
KEYS = (LOG_KEY,)


def forked_at(place: int) -> list[bytes]:
    return [*HONEST[:place], b"another", *HONEST[place + 1 :]]


def signed(entries: list[bytes]) -> SignedCheckpoint:
    return parse_signed(signed_over(entries))


def tree(entries: list[bytes]) -> NaiveTree:
    return NaiveTree([leaf_hash(entry) for entry in entries])


def evidence(old: int = 20, new: int = 50, place: int = 7) -> Contradiction:
    found = find_contradiction(signed(HONEST[:old]), signed(forked_at(place)[:new]), tree(forked_at(place)), KEYS)
    assert found is not None
    return found


@given(data=st.data())
def test_every_fork_gives_evidence_that_anybody_verifies(data: st.DataObject) -> None:
    old = data.draw(st.integers(1, LARGEST))
    new, place = data.draw(st.integers(old, LARGEST)), data.draw(st.integers(0, old - 1))
    found = evidence(old, new, place)
    again = parse_contradiction(found.data())
    assert again == found
    assert again.data() == found.data()
    verify_contradiction(again, again.keys)


@given(data=st.data())
def test_an_honest_log_is_never_accused(data: st.DataObject) -> None:
    old, new = data.draw(st.integers(0, LARGEST)), data.draw(st.integers(0, LARGEST))
    assert find_contradiction(signed(HONEST[:old]), signed(HONEST[:new]), TREE, KEYS) is None


def test_two_checkpoints_of_one_size_need_no_tiles() -> None:
    found = find_contradiction(signed(HONEST[:9]), signed(forked_at(3)[:9]), None, KEYS)
    assert found is not None
    assert found.proof == ()
    verify_contradiction(found, KEYS)


def test_the_order_in_which_they_were_seen_does_not_matter() -> None:
    newer = signed(forked_at(7)[:50])
    assert find_contradiction(newer, signed(HONEST[:20]), tree(forked_at(7)), KEYS) == evidence()


def test_a_log_that_says_nothing_is_something_is_convicted() -> None:
    nothing = parse_signed(sign_checkpoint(Checkpoint(ORIGIN, 0, bytes(32)), [LOG_SIGNER]))
    found = find_contradiction(nothing, signed(HONEST), None, KEYS)
    assert found is not None
    verify_contradiction(parse_contradiction(found.data()), KEYS)


@pytest.mark.parametrize("swap", [False, True])
def test_of_two_checkpoints_of_no_entries_the_false_one_is_convicted_in_either_order(swap: bool) -> None:
    good, bad = signed([]), parse_signed(sign_checkpoint(Checkpoint(ORIGIN, 0, bytes(32)), [LOG_SIGNER]))
    pair = (bad, good) if swap else (good, bad)
    for nodes in (None, TREE):
        found = find_contradiction(*pair, nodes, KEYS)
        assert found is not None
        verify_contradiction(parse_contradiction(found.data()), KEYS)
    assert find_contradiction(good, good, None, KEYS) is None


def test_the_key_that_signed_need_not_be_the_same() -> None:
    forked = parse_signed(sign_checkpoint(signed(forked_at(7)[:50]).checkpoint, [SPARE]))
    found = find_contradiction(signed(HONEST[:20]), forked, tree(forked_at(7)), (LOG_KEY, SPARE.verifier))
    assert found is not None
    with pytest.raises(InvalidSignature):
        verify_contradiction(found, KEYS)


def test_bad_tiles_accuse_nobody() -> None:
    # Tiles of a third history: they show another beginning, but do not lead to what was signed.
    with pytest.raises(InvalidProof):
        find_contradiction(signed(HONEST[:20]), signed(HONEST[:50]), tree(forked_at(7)), KEYS)
    # Tiles that end wrongly: the beginning agrees, the rest is not the signed tree.
    with pytest.raises(InvalidProof):
        find_contradiction(signed(HONEST[:20]), signed(HONEST[:50]), tree(forked_at(30)), KEYS)


def test_without_tiles_nothing_is_said_of_different_sizes() -> None:
    with pytest.raises(Inconsistent) as refusal:
        find_contradiction(signed(HONEST[:20]), signed(forked_at(7)[:50]), None, KEYS)
    assert refusal.value.code == "evidence-void"


def refused(found: Contradiction, code: str, keys: tuple[object, ...] = KEYS) -> None:
    with pytest.raises(ElectionError) as refusal:
        verify_contradiction(found, keys)  # type: ignore[arg-type]  # a tuple of keys
    assert refusal.value.code == code


def test_checkpoints_that_agree_are_no_evidence() -> None:
    old, new = signed(HONEST[:20]), signed(HONEST[:50])
    honest = Contradiction(old, new, old.checkpoint.root, tuple(TREE.consistency(20, 50)), KEYS)
    refused(honest, "evidence-void")
    # Nor does another root that the proof does not lead from, nor a proof that leads nowhere: anybody can write those.
    refused(replace(honest, begins_with=bytes(32)), "consistency-wrong")
    refused(replace(honest, begins_with=bytes(32), proof=()), "consistency-wrong")
    refused(replace(honest, older=new, newer=old), "consistency-wrong")
    refused(Contradiction(old, old, old.checkpoint.root, (), KEYS), "evidence-void")


def test_two_logs_may_differ() -> None:
    other = signer("vote.example/e/other")
    checkpoint = replace(signed(forked_at(7)[:50]).checkpoint, origin="vote.example/e/other")
    refused(replace(evidence(), newer=parse_signed(sign_checkpoint(checkpoint, [other]))), "checkpoint-origin")


def test_a_checkpoint_that_the_log_did_not_sign_is_no_evidence() -> None:
    unsigned = signed(HONEST[:20]).data().replace(b"\n20\n", b"\n21\n")
    for side in ("older", "newer"):
        refused(replace(evidence(), **{side: parse_signed(unsigned)}), "note-signature")  # type: ignore[arg-type]
    refused(evidence(), "checkpoint-unsigned", (SPARE.verifier,))
    refused(evidence(), "checkpoint-unsigned", (STRANGER.verifier,))


@pytest.mark.parametrize("place", range(3))
def test_a_changed_hash_is_no_evidence(place: int) -> None:
    found = evidence()
    proof = tuple(bytes(32) if number == place else one for number, one in enumerate(found.proof))
    refused(replace(found, proof=proof), "consistency-wrong")


# --- The file -----------------------------------------------------------------------------------


def changed(**fields: Json) -> bytes:
    value = parse_canonical(evidence().data())
    assert isinstance(value, dict)
    return encode({**value, **fields})


VALUE = parse_canonical(evidence().data())
assert isinstance(VALUE, dict)

BAD_FILES = {
    "nothing": b"",
    "another form": changed(veche="contradiction/2"),
    "no keys": changed(keys=[]),
    "too many keys": changed(keys=[signer(f"k{number}").verifier.text() for number in range(17)]),
    "no key": changed(keys=["x"]),
    "keys no list": changed(keys="x"),
    "older no note": changed(older="x"),
    "newer no note": changed(newer="x"),
    "older no text": changed(older=1),
    "root of 31 bytes": changed(begins_with="AAAA"),
    "root no base64": changed(begins_with="*"),
    "hash of 3 bytes": changed(proof=["AAAA"]),
    "hash no base64": changed(proof=["*"]),
    "too many hashes": changed(proof=[VALUE["begins_with"]] * 65),
    "another field": changed(more=1),
    "a field less": encode({name: one for name, one in VALUE.items() if name != "keys"}),
    "another order": encode(dict(reversed(VALUE.items()))),
    "white space": evidence().data() + b"\n",
    "cut short": evidence().data()[:-1],
}


@pytest.mark.parametrize("data", BAD_FILES.values(), ids=BAD_FILES.keys())
def test_what_is_no_evidence_file_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_contradiction(data)
    assert refusal.value.code in ("evidence-malformed", "note-malformed")


def test_the_one_accused_is_named() -> None:
    assert evidence().origin == ORIGIN


def test_evidence_of_a_log_whose_name_differs_in_the_older_checkpoint_is_refused() -> None:
    other = signer("vote.example/e/other")
    older = parse_signed(sign_checkpoint(replace(signed(HONEST[:20]).checkpoint, origin="vote.example/e/other"), [other]))
    with pytest.raises(Refused):
        verify_contradiction(replace(evidence(), older=older), (LOG_KEY, other.verifier))
