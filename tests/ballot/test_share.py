"""Specifies ballot/share.py: checks 9.9.1 to 9.9.6 of docs/protocol.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ballot.fixture_records import PATHS, fixture
from tests.ballot.small_election import BLANK, RANGED, cast, changed, election, key
from tests.crypto.ceremony_story import stream
from tests.vectors import load
from veche.ballot.election import parse_election
from veche.ballot.encrypted_ballot import counted_rows
from veche.ballot.share import (
    Delivery,
    OwnedShare,
    PartialDecryption,
    TallyPlace,
    make_share,
    parse_delivery,
    parse_owned,
    parse_share,
    verify_delivery,
    verify_share,
    verify_strong_proof,
)
from veche.ballot.tally import EncryptedTally, add_weighted, nothing, parse_tally
from veche.crypto.backend import Counting, active, using
from veche.crypto.errors import ElectionError, InvalidProof, InvalidSignature, Malformed, Refused
from veche.crypto.group import IDENTITY, Point
from veche.crypto.proof import Proof
from veche.crypto.scalar import Q

ASKED = election((RANGED, BLANK))
OTHER = election((RANGED, BLANK), uuid="4hVecheTestC33")
UUID = ASKED.uuid
PLACE = TallyPlace(ASKED.fingerprint, "1" * 64, "2" * 64)
TALLY, OTHER_TALLY = (
    add_weighted([(1, counted_rows(cast(ASKED, voter, ((1, 1, 0), (0, 0, 1)), voter)))], nothing(ASKED)) for voter in (0, 1)
)
ANNA, BORIS = key("Anna"), key("Boris")
MADE = make_share(ANNA.secret, ANNA.public, 1, TALLY, PLACE, stream("share"))
SHARE = parse_share(MADE.share, TALLY, 1)
HASH = "ab" * 32


def verify(share: PartialDecryption, owner: int = 1, public: Point = ANNA.public, **other: Any) -> None:
    verify_share(share, owner, public, other.get("tally", TALLY), other.get("fingerprint", ASKED.fingerprint))


def refused(raw: bytes, tally: EncryptedTally = TALLY) -> str:
    with pytest.raises(ElectionError, match="trustee 1") as refusal:
        verify(parse_share(raw, tally, 1), tally=tally)
    return refusal.value.code


# --- the Belenios share ---


@pytest.mark.parametrize("name", PATHS)
def test_every_share_that_belenios_tool_made_is_accepted(name: str) -> None:
    made = fixture(name)
    assert made.shares
    for number, owned_text, raw in made.shares:
        owned, owner = parse_owned(owned_text), made.trustees.owner(number)
        assert owner is not None
        assert owned == OwnedShare(number, sha256(raw).hexdigest())
        assert owned.encode() == owned_text
        share = parse_share(raw, made.tally, number)
        verify_share(share, number, owner.public_key, made.tally, made.election.fingerprint)


def test_a_share_made_here_is_accepted() -> None:
    verify(SHARE)
    assert parse_owned(MADE.owned) == OwnedShare(1, sha256(MADE.share).hexdigest())


def test_the_share_of_a_tally_of_nothing_is_identities_and_accepted() -> None:
    empty = nothing(ASKED)
    made = make_share(ANNA.secret, ANNA.public, 1, empty, PLACE, stream("empty"))
    share = parse_share(made.share, empty, 1)
    assert set(share.factors) == {IDENTITY}
    verify(share, tally=empty)
    statement = PLACE.statement(1, made.owned)
    verify_strong_proof(made.proof, share, 1, ANNA.public, empty, statement)


def test_a_share_is_refused_for_another_trustee_tally_or_election() -> None:
    for other in (
        {"public": BORIS.public},
        {"tally": OTHER_TALLY},
        {"fingerprint": OTHER.fingerprint},
    ):
        with pytest.raises(InvalidProof) as refusal:
            verify(SHARE, **other)
        assert refusal.value.code == "decryption-proof"


def put(new: Any, *path: Any) -> Callable[[Any], None]:
    def change(value: Any) -> None:
        for step in path[:-1]:
            value = value[step]
        value[path[-1]] = new

    return change


@pytest.mark.parametrize(("row", "place"), [(0, 0), (0, 2), (1, 1)])
def test_any_changed_factor_or_proof_is_refused(row: int, place: int) -> None:
    proof = SHARE.proofs[row * 3 + place]
    assert refused(changed(MADE.share, put(BORIS.public.hex(), "decryption_factors", row, place))) == "decryption-proof"
    for field, value in (("challenge", proof.challenge), ("response", proof.response)):
        path = ("decryption_proofs", row, place, field)
        assert refused(changed(MADE.share, put(str((value + 1) % Q), *path))) == "decryption-proof"


def test_exchanged_factors_are_refused() -> None:
    assert refused(changed(MADE.share, lambda value: value["decryption_factors"][0].reverse())) == "decryption-proof"
    assert refused(changed(MADE.share, lambda value: value["decryption_factors"].reverse())) == "decryption-proof"


@pytest.mark.parametrize("point", ["0" * 64, "f" * 64, "", "0" * 63 + "2", ANNA.public.hex().upper(), "8" + "0" * 62 + "1"])
def test_a_factor_that_is_no_canonical_member_is_refused(point: str) -> None:
    assert refused(changed(MADE.share, put(point, "decryption_factors", 0, 0))) == "share-factor"


def test_a_factor_is_the_identity_exactly_where_alpha_is() -> None:
    """Else the first factor of all could be claimed to be nothing, and the option's count be whatever remains."""
    assert refused(changed(MADE.share, put(IDENTITY.hex(), "decryption_factors", 0, 0))) == "share-factor"
    empty = nothing(ASKED)
    made = make_share(ANNA.secret, ANNA.public, 1, empty, PLACE, stream("empty"))
    assert refused(changed(made.share, put(BORIS.public.hex(), "decryption_factors", 0, 0)), empty) == "share-factor"


CHANGES: dict[str, Callable[[Any], None]] = {
    "a row missing": lambda value: value["decryption_factors"].pop(),
    "a factor missing": lambda value: value["decryption_factors"][0].pop(),
    "a factor too many": lambda value: value["decryption_factors"][0].append(ANNA.public.hex()),
    "a proof missing": lambda value: value["decryption_proofs"][1].pop(),
    "no proofs": put([[], []], "decryption_proofs"),
    "no factors": put([], "decryption_factors"),
    "neither": lambda value: value.update(decryption_factors=[], decryption_proofs=[]),
    "a further field": put(1, "x"),
    "a field missing": lambda value: value.pop("decryption_proofs"),
    "a further field of a proof": put("1", "decryption_proofs", 0, 0, "x"),
    "a scalar not below q": put(str(Q), "decryption_proofs", 0, 0, "challenge"),
    "a scalar with a leading zero": put("01", "decryption_proofs", 0, 0, "challenge"),
    "a scalar that is a number": put(1, "decryption_proofs", 0, 0, "challenge"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_share_of_another_form_or_shape_is_malformed(name: str) -> None:
    assert refused(changed(MADE.share, CHANGES[name])) == "share-malformed"


@pytest.mark.parametrize("raw", [b"", b"[]", MADE.share + b"\n", MADE.share.replace(b",", b", ", 1)])
def test_a_share_in_another_text_is_malformed(raw: bytes) -> None:
    assert refused(raw) == "share-malformed"


def test_a_malformed_share_costs_no_group_operation() -> None:
    counting = Counting(active())
    with using(counting):
        for change in CHANGES.values():
            with pytest.raises(Malformed):
                parse_share(changed(MADE.share, change), TALLY, 1)
    assert (counting.memberships, counting.terms) == (0, 0)


# --- whose it is ---


@given(owner=st.integers(1, 1000), payload=st.binary(min_size=32, max_size=32))
def test_an_owned_text_is_read_back(owner: int, payload: bytes) -> None:
    owned = OwnedShare(owner, payload.hex())
    assert parse_owned(owned.encode()) == owned


@pytest.mark.parametrize(
    "text",
    [
        f'{{"owner":0,"payload":"{HASH}"}}',
        f'{{"owner":-1,"payload":"{HASH}"}}',
        f'{{"owner":"1","payload":"{HASH}"}}',
        f'{{"owner":true,"payload":"{HASH}"}}',
        f'{{"owner":1,"payload":"{HASH[1:]}"}}',
        f'{{"owner":1,"payload":"{HASH.upper()}"}}',
        f'{{"payload":"{HASH}","owner":1}}',
        f'{{"owner":1,"payload":"{HASH}","x":1}}',
        '{"owner":1}',
        f'{{"owner":1,"payload":"{HASH}"}} ',
        " " * 2000,
        "",
    ],
)
def test_an_owned_text_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_owned(text.encode())
    assert refusal.value.code == "share-malformed"


# --- the strong proof and the delivery ---


def check_strong(**other: Any) -> None:
    """The strong proof with one thing changed."""
    place = replace(PLACE, **{name: other.pop(name) for name in ("setup", "encrypted_tally") if name in other})
    statement = place.statement(other.get("owner", 1), other.get("owned", MADE.owned))
    proof, share = other.get("proof", MADE.proof), other.get("share", SHARE)
    verify_strong_proof(proof, share, 1, other.get("public", ANNA.public), other.get("tally", TALLY), statement)


def with_factor(point: Point) -> PartialDecryption:
    return replace(SHARE, factors=(point, *SHARE.factors[1:]))


CHANGED_STATEMENTS: dict[str, dict[str, Any]] = {
    "another Setup": {"setup": "3" * 64},
    "another tally event": {"encrypted_tally": "3" * 64},
    "another owner's number": {"owner": 2},
    "another key": {"public": BORIS.public},
    "another share named": {"owned": OwnedShare(1, HASH).encode()},
    "another owner named": {"owned": OwnedShare(2, parse_owned(MADE.owned).payload).encode()},
    "another alpha": {"tally": OTHER_TALLY},
    "another factor": {"share": with_factor(SHARE.factors[1])},
    "another challenge": {"proof": Proof((MADE.proof.challenge + 1) % Q, MADE.proof.response)},
    "another response": {"proof": Proof(MADE.proof.challenge, (MADE.proof.response + 1) % Q)},
}


@pytest.mark.parametrize("name", CHANGED_STATEMENTS)
def test_a_strong_proof_holds_for_nothing_else(name: str) -> None:
    check_strong()
    with pytest.raises(InvalidProof, match="trustee 1: strong proof") as refusal:
        check_strong(**CHANGED_STATEMENTS[name])
    assert refusal.value.code == "strong-proof"


def test_a_strong_proof_made_in_another_election_is_refused() -> None:
    other = make_share(ANNA.secret, ANNA.public, 1, TALLY, TallyPlace(OTHER.fingerprint, "4" * 64, "2" * 64), stream("other"))
    with pytest.raises(InvalidProof):
        check_strong(proof=other.proof, owned=other.owned)


def check_delivery(delivery: Delivery, owner: int = 1, public: Point = ANNA.public, place: TallyPlace = PLACE) -> None:
    verify_delivery(delivery.signature, delivery.proof, owner, public, place.statement(owner, delivery.owned))


def test_a_delivery_is_signed_by_its_trustee_and_for_nothing_else() -> None:
    check_delivery(MADE)
    changes: list[Callable[[], None]] = [
        lambda: check_delivery(MADE, public=BORIS.public),
        lambda: check_delivery(MADE, owner=2),
        lambda: check_delivery(MADE, place=replace(PLACE, setup="3" * 64)),
        lambda: check_delivery(MADE, place=replace(PLACE, encrypted_tally="3" * 64)),
        lambda: check_delivery(replace(MADE, owned=OwnedShare(1, HASH).encode())),
        lambda: check_delivery(replace(MADE, proof=Proof(1, MADE.proof.response))),
        lambda: check_delivery(replace(MADE, proof=Proof(MADE.proof.challenge, 1))),
        lambda: check_delivery(replace(MADE, signature=Proof(1, MADE.signature.response))),
        lambda: check_delivery(replace(MADE, signature=Proof(MADE.signature.challenge, 1))),
        lambda: check_delivery(MADE, public=IDENTITY),
    ]
    for change in changes:
        with pytest.raises(InvalidSignature, match="said to be of trustee") as refusal:
            change()
        assert refusal.value.code == "share-delivery"


def test_nobody_is_framed_with_a_share_that_another_signed() -> None:
    """The organizer replaces Anna's share by a bad one of its own and signs with a key it has."""
    bad = make_share(BORIS.secret, BORIS.public, 1, TALLY, PLACE, stream("framed"))
    with pytest.raises(InvalidSignature):
        check_delivery(bad)


def test_a_delivery_is_read_back_from_its_file() -> None:
    assert parse_delivery(MADE.encode(UUID), UUID) == MADE


def test_a_delivery_for_another_election_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        parse_delivery(MADE.encode(UUID), OTHER.uuid)
    assert refusal.value.code == "wrong-election"


@pytest.mark.parametrize(
    "change",
    [
        put("delivery/2", "veche"),
        put(1, "owned"),
        put({}, "share"),
        put(1, "election"),
        put(1, "x"),
        put({"challenge": "1"}, "proof"),
        put({"challenge": "1", "response": str(Q)}, "signature"),
        lambda value: value.pop("signature"),
    ],
)
def test_a_delivery_in_another_form_is_malformed(change: Callable[[Any], None]) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_delivery(changed(MADE.encode(UUID), change), UUID)
    assert refusal.value.code == "delivery-malformed"


# --- the worked example of the specification ---

VECTOR = load("spec/veche-record-vectors.json")["strong_decryption"]


def test_the_strong_proof_and_delivery_of_the_worked_example_hold() -> None:
    asked = parse_election(VECTOR["election"].encode())
    tally = parse_tally(VECTOR["tally"].encode(), asked)
    place = TallyPlace(asked.fingerprint, VECTOR["setup_hash"], VECTOR["encrypted_tally_hash"])
    for one in VECTOR["shares"]:
        owner, public, owned = one["owner"], Point.from_hex(one["public"]), one["owned"].encode()
        assert parse_owned(owned).payload == sha256(one["partial_decryption"].encode()).hexdigest()
        share = parse_share(one["partial_decryption"].encode(), tally, owner)
        verify_share(share, owner, public, tally, asked.fingerprint)
        statement, proof = place.statement(owner, owned), Proof.from_json(one["proof"])
        verify_strong_proof(proof, share, owner, public, tally, statement)
        verify_delivery(Proof.from_json(one["delivery"]["signature"]), proof, owner, public, statement)
