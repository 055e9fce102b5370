"""Specifies crypto/ceremony.py: whole ceremonies, honest and not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers, sampled_from

from tests.crypto.ceremony_story import (
    Outcome,
    all_check,
    all_commit,
    all_finish,
    all_reveal,
    changed,
    commitments_of,
    hold_ceremony,
    received,
    reveals_of,
    share,
    sit_down,
    stream,
)
from tests.vectors import VECTORS, load
from veche.crypto.canonical_json import dumps, encode, parse_canonical
from veche.crypto.ceremony import (
    Committed,
    Place,
    Revealed,
    Sharing,
    State,
    assemble,
    check_reveals,
    finish,
    open_decryption_key,
    reveal,
    state_from_json,
    take_place,
    verify_outcome,
)
from veche.crypto.certificate import Certificate, Context, list_hash
from veche.crypto.channel import Cipher, Seed, send
from veche.crypto.complaint import Dealing
from veche.crypto.errors import ElectionError, Inconsistent, InvalidSignature, Malformed, Refused
from veche.crypto.group import G, Point, secret_multiple, sums
from veche.crypto.pedersen import verify_threshold_group
from veche.crypto.reveal import Reveal, commitment, reveal_message
from veche.crypto.scalar import Q, Secret
from veche.crypto.schnorr import sign
from veche.crypto.shamir import lagrange


def shares_of(outcome: Outcome) -> dict[int, Secret]:
    return {
        one.place.index: open_decryption_key(keys, one.decryption_key)
        for keys, one in zip(outcome.table.keys, outcome.finished, strict=True)
    }


@settings(max_examples=12)
@given(size=integers(2, 4), short=integers(1, 3), cipher=sampled_from(Cipher))
def test_any_t_trustees_hold_the_key_of_the_group(size: int, short: int, cipher: Cipher) -> None:
    threshold = max(1, size - short)
    outcome = hold_ceremony(size, threshold, cipher)
    shares = shares_of(outcome)
    public = outcome.group.public_key()
    for chosen in combinations(shares, threshold):
        weights = lagrange(chosen)
        whole = sum(weight * shares[j].expose() for weight, j in zip(weights, chosen, strict=True)) % Q
        assert whole * G == public


def test_fewer_than_t_shares_give_another_key() -> None:
    outcome = hold_ceremony(3, 2)
    for share_ in shares_of(outcome).values():
        assert secret_multiple(share_, G) != outcome.group.public_key()


def test_each_trustee_finds_the_published_group_to_be_its_own() -> None:
    outcome = hold_ceremony()
    for one in outcome.finished:
        verify_outcome(one, outcome.group)


def test_a_group_of_another_ceremony_is_refused_by_the_trustee() -> None:
    ours, other = hold_ceremony(), hold_ceremony(name="other")
    verify_threshold_group(other.group)
    with pytest.raises(Inconsistent) as refusal:
        verify_outcome(ours.finished[0], other.group)
    assert refusal.value.code == "other-group"


def test_every_state_is_the_same_after_a_pause() -> None:
    outcome = hold_ceremony()
    table = outcome.table
    committed = all_commit(table)
    revealed = all_reveal(table, committed)
    states: list[State] = [committed[1], revealed[1], all_check(revealed)[1], outcome.finished[1]]
    for state in states:
        assert state_from_json(parse_canonical(encode(state.to_json()))) == state


def test_states_in_another_form_are_refused() -> None:
    good = all_commit(sit_down())[0].to_json()
    for other in ({**good, "step": "revealed"}, {**good, "more": 1}, {}, {**good, "step": 1}):
        with pytest.raises(Malformed):
            state_from_json(other)
    with pytest.raises(Malformed):
        state_from_json([])
    for kind in (Revealed, Sharing):
        with pytest.raises(Malformed):
            kind.from_json(good)
    with pytest.raises(Malformed):
        Committed.from_json({**good, "step": "other"})


def test_no_secret_shows_in_a_repr() -> None:
    table = sit_down()
    committed = all_commit(table)[0]
    shown = repr(committed) + repr(all_reveal(table, all_commit(table))[0].committed)
    assert committed.coefexps not in shown
    assert repr(committed.lot) not in shown
    assert committed.secrets[0] not in shown


def test_only_a_hash_is_shown_before_all_have_committed() -> None:
    table = sit_down()
    committed = all_commit(table)
    for missing in range(3):
        seen: list[str | None] = [one.commitment for one in committed]
        seen[missing] = None
        with pytest.raises(Refused) as refusal:
            reveal(table.keys[0], committed[0], seen, table.randomness)
        assert refusal.value.code == "commitments-missing"


@pytest.mark.parametrize("number", [0, 2, 4])
def test_another_number_of_commitments_is_refused(number: int) -> None:
    table = sit_down()
    committed = all_commit(table)
    seen = [committed[index % 3].commitment for index in range(number)]
    with pytest.raises(Refused):
        reveal(table.keys[0], committed[0], seen, table.randomness)


def test_a_commitment_in_ones_own_name_that_one_did_not_make_is_noticed() -> None:
    table = sit_down()
    committed = all_commit(table)
    seen = [one.commitment for one in committed]
    with pytest.raises(Inconsistent) as refusal:
        reveal(table.keys[0], committed[0], [seen[1], *seen[1:]], table.randomness)
    assert refusal.value.code == "own-commitment"


@pytest.mark.parametrize("text", ["", "0", "G" * 64, "A" * 64])
def test_a_commitment_that_is_no_hash_is_refused(text: str) -> None:
    table = sit_down()
    committed = all_commit(table)
    with pytest.raises(Malformed):
        reveal(table.keys[0], committed[0], [committed[0].commitment, text, text], table.randomness)


def test_no_share_goes_out_before_all_reveals_are_there() -> None:
    table = sit_down()
    revealed = all_reveal(table, all_commit(table))
    for missing in range(3):
        seen: list[Reveal | None] = list(reveals_of(revealed))
        seen[missing] = None
        with pytest.raises(Refused) as refusal:
            check_reveals(revealed[0], seen)
        assert refusal.value.code == "reveals-missing"


def refusal_at_reveals(state: Revealed, reveals: Sequence[Reveal]) -> tuple[str, str]:
    with pytest.raises(Inconsistent) as refusal:
        check_reveals(state, reveals)
    return refusal.value.code, str(refusal.value)


def test_who_reveals_something_else_than_it_committed_to_is_named() -> None:
    table = sit_down()
    committed = all_commit(table)
    honest = all_reveal(table, committed)
    seen = [one.commitment for one in committed]
    # Trustee 2 has looked at the others' parts and chosen again; it signs over the commitments that all have seen.
    second_thoughts = all_commit(table)[1]
    lying = replace(second_thoughts, lot=committed[1].lot)
    hashes = honest[1].reveal.secrets
    keys = table.keys[1]
    message = reveal_message(list_hash(table.certificates), 2, seen, hashes)
    signature = sign(keys.signing, keys.verification, message, stream("lie"))
    wrong = Reveal(lying.coefexps, lying.lot, hashes, signature)
    code, sentence = refusal_at_reveals(honest[0], [honest[0].reveal, wrong, honest[2].reveal])
    assert code == "wrong-reveal"
    assert sentence.startswith("trustee 2 is named")


def test_who_copied_a_commitment_cannot_open_it_and_is_named() -> None:
    table = sit_down()
    committed = all_commit(table)
    copied = [committed[0].commitment, committed[0].commitment, committed[2].commitment]
    honest = reveal(table.keys[0], committed[0], copied, table.randomness)
    third = reveal(table.keys[2], committed[2], copied, table.randomness)
    # After trustee 1 has revealed, trustee 2 shows the same text and lot, rightly signed in its own name.
    keys = table.keys[1]
    message = reveal_message(list_hash(table.certificates), 2, copied, honest.reveal.secrets)
    copy = replace(honest.reveal, signature=sign(keys.signing, keys.verification, message, stream("copy")))
    code, sentence = refusal_at_reveals(honest, [honest.reveal, copy, third.reveal])
    assert code == "wrong-reveal"
    assert sentence.startswith("trustee 2 is named")


def test_what_was_committed_must_be_good_coefficients() -> None:
    table = sit_down()
    committed = all_commit(table)
    other = sit_down(3, 1, name="other threshold")
    short = all_commit(other)[1]
    with_short = changed(committed, 2, lambda one: replace(one, coefexps=short.coefexps))
    states = all_reveal(table, with_short)
    code, sentence = refusal_at_reveals(states[0], reveals_of(states))
    assert code == "wrong-reveal"
    assert sentence.startswith("trustee 2 is named")


def test_different_commitments_shown_to_different_trustees_stop_everybody_and_name_nobody() -> None:
    table = sit_down()
    committed = all_commit(table)
    seen = [one.commitment for one in committed]
    # The server shows trustee 3 another commitment in the name of trustee 2.
    forged = commitment(list_hash(table.certificates), 2, "other text", bytes(32))
    first = reveal(table.keys[0], committed[0], seen, table.randomness)
    second = reveal(table.keys[1], committed[1], seen, table.randomness)
    third = reveal(table.keys[2], committed[2], [seen[0], forged, seen[2]], table.randomness)
    reveals = [first.reveal, second.reveal, third.reveal]
    for state in (first, second, third):
        code, sentence = refusal_at_reveals(state, reveals)
        assert code == "split-view"
        assert "named" not in sentence


def test_a_reveal_in_ones_own_name_that_one_did_not_make_is_noticed() -> None:
    table = sit_down()
    revealed = all_reveal(table, all_commit(table))
    reveals = reveals_of(revealed)
    code, _ = refusal_at_reveals(revealed[0], [reveals[1], reveals[1], reveals[2]])
    assert code == "own-reveal"


def test_every_trustee_deals_to_everyone_and_to_itself() -> None:
    table = sit_down()
    sharing = share(table)
    for index in (1, 2, 3):
        shares = received(table, sharing, index)
        assert len(shares) == 3
        assert all(isinstance(one, Secret) for one in shares)


def test_a_share_too_few_or_another_one_gives_no_key() -> None:
    table = sit_down()
    sharing = share(table)
    mine = [one for one in received(table, sharing, 1) if isinstance(one, Secret)]
    theirs = [one for one in received(table, sharing, 2) if isinstance(one, Secret)]
    for wrong in (mine[:2], theirs, [*mine[:2], Secret.of(1)], []):
        with pytest.raises(Inconsistent) as refusal:
            finish(table.keys[0], sharing[0], wrong, None, table.randomness)
        assert refusal.value.code == "shares-wrong"


def test_a_group_in_which_one_contribution_is_wrong_is_not_assembled() -> None:
    table = sit_down()
    sharing = share(table)
    finished = all_finish(table, sharing)
    reveals = sharing[0].reveals
    dealing = Dealing.of(table.certificates, Cipher.GCM, reveals)
    keys = [(one.verification_key, one.group_signature) for one in finished]
    exchanged = [(keys[0][0], keys[1][1]), (keys[1][0], keys[0][1]), keys[2]]
    with pytest.raises(InvalidSignature) as refusal:
        assemble(exchanged, dealing, reveals, 2)
    assert refusal.value.code == "group-signature"
    with pytest.raises(Malformed):
        assemble(keys[:2], dealing, reveals, 2)


def test_a_trustee_takes_the_place_of_its_own_certificate_only() -> None:
    table = sit_down()
    for index in (0, 2, 3, 4):
        with pytest.raises(ElectionError) as refusal:
            take_place(table.keys[0], table.certificates, 3, 2, index, Cipher.GCM)
        assert refusal.value.code == "not-my-certificate"


def test_a_certificate_exchanged_by_the_server_is_noticed_by_its_owner() -> None:
    table = sit_down()
    forged = Certificate.make(Seed.random(stream("forger")).keys(), Context(3, 2, 1), stream("forged"))
    certificates = [forged, *table.certificates[1:]]
    with pytest.raises(Inconsistent) as refusal:
        take_place(table.keys[0], certificates, 3, 2, 1, Cipher.GCM)
    assert refusal.value.code == "not-my-certificate"


def test_no_key_is_made_when_the_generator_gives_zeros() -> None:
    table = sit_down()
    broken = replace(table, randomness=lambda size: bytes(size))
    with pytest.raises(Refused) as refusal:
        all_commit(broken)
    assert refusal.value.code == "randomness-failed"


def test_no_lot_is_made_when_the_generator_gives_zeros() -> None:
    table = sit_down()
    broken = replace(table, randomness=lambda size: bytes(size) if size == 32 else bytes([7]) * size)
    with pytest.raises(Refused) as refusal:
        all_commit(broken)
    assert refusal.value.code == "randomness-failed"


def test_the_commitments_seen_are_those_of_all() -> None:
    table = sit_down()
    committed = all_commit(table)
    assert commitments_of(share(table, committed)) == tuple(one.commitment for one in committed)


FILES = [
    ("belenios/thr-w", "belenios/thr-w"),
    ("fixtures/belenios/threshold/private", "fixtures/belenios/threshold/dkg"),
]


@pytest.mark.parametrize(("keys", "outputs"), FILES, ids=["3.0", "2.1"])
@pytest.mark.parametrize("index", [1, 2, 3])
def test_decryption_keys_of_other_tools_open_with_their_seeds(keys: str, outputs: str, index: int) -> None:
    seed = Seed.parse((VECTORS / keys / f"trustee{index}.key").read_text().rstrip("\n"))
    message = (VECTORS / keys / f"trustee{index}.dkey").read_text().rstrip("\n")
    output = load(f"{outputs}/trustee{index}.voutput")
    secret = open_decryption_key(seed.keys(), message)
    assert secret_multiple(secret, G) == Point.from_hex(output["public_key"]["public_key"])


def test_known_decryption_keys_are_those_of_the_known_polynomials() -> None:
    run = load("spec/veche-record-vectors.json")["ceremony"]["runs"][2]
    for j, key in enumerate(run["decryption_keys"], start=1):
        expected = sum(int(a) * j**k for one in run["polynomials"] for k, a in enumerate(one)) % Q
        assert int(key) == expected


@pytest.mark.parametrize(
    "inside", ['{"decryption_key":"-1"}', '{"decryption_key":5}', '{"decryption_key":"007"}', "{}"]
)
def test_a_key_file_that_holds_no_key_is_refused(inside: str) -> None:
    keys = Seed.random(stream("file")).keys()
    with pytest.raises(Malformed):
        open_decryption_key(keys, send(keys, keys.encryption, inside, Cipher.GCM, stream("send")))


def test_a_place_is_read_back_as_it_was() -> None:
    place = sit_down().places[1]
    assert Place.from_json(parse_canonical(dumps(place.to_json()).encode())) == place


def test_the_group_key_is_the_sum_of_all_first_coefficients() -> None:
    outcome = hold_ceremony()
    first = [(1, one.coefficients().points[0]) for one in outcome.run.reveals]
    assert outcome.group.public_key() == sums([first])[0]
