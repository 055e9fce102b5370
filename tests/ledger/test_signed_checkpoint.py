"""Specifies ledger/signed_checkpoint.py: who signed a checkpoint, and what cosigners may add to it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.ledger.small_log import (
    CHECKPOINT3,
    CHECKPOINT5,
    COSIGNED5,
    ENTRIES,
    LOG,
    LOG_KEY,
    LOG_QUANTUM,
    LOG_SIGNER,
    ORIGIN,
    QUANTUM_WITNESS,
    SECOND_WITNESS,
    SPARE,
    STRANGER,
    TIME,
    WITNESS,
    WITNESS_KEY,
    checkpoint_over,
    signer,
)
from veche.crypto.errors import InvalidSignature, Malformed, Refused
from veche.crypto.signed_note import VerifierKey
from veche.crypto.signing_key import SigningKey
from veche.ledger.cosignature import Cosignature, make_line
from veche.ledger.signed_checkpoint import (
    MAX_BYTES,
    note_bytes,
    parse_signed,
    sign_checkpoint,
    verify_lines,
    verify_log,
    with_lines,
)

FIVE = checkpoint_over(ENTRIES)
KEYS = (LOG_KEY, SPARE.verifier, LOG_QUANTUM.verifier)


@pytest.mark.parametrize(("data", "size"), [(CHECKPOINT3, 3), (CHECKPOINT5, 5)])
def test_the_known_checkpoints_are_signed_again(data: bytes, size: int) -> None:
    assert sign_checkpoint(checkpoint_over(ENTRIES[:size]), [LOG_SIGNER]) == data


@pytest.mark.parametrize("data", [CHECKPOINT3, CHECKPOINT5, COSIGNED5], ids=["3", "5", "cosigned"])
def test_the_bytes_read_are_written_back(data: bytes) -> None:
    signed = parse_signed(data)
    assert signed.data() == data
    assert verify_log(signed, ORIGIN, KEYS) == (Cosignature(LOG_KEY, 0),)


def test_a_known_cosignature_is_added_as_the_known_bytes() -> None:
    assert with_lines(CHECKPOINT5, [LOG["cosign_line"].removesuffix("\n")], [WITNESS_KEY]) == COSIGNED5
    assert verify_lines(parse_signed(COSIGNED5), [LOG_KEY, WITNESS_KEY]) == (
        Cosignature(LOG_KEY, 0),
        Cosignature(WITNESS_KEY, TIME),
    )


@pytest.mark.parametrize(
    ("signers", "fine"),
    [
        ([LOG_SIGNER], True),
        ([SPARE], True),
        ([SPARE, LOG_SIGNER], True),
        ([LOG_SIGNER, LOG_QUANTUM], True),
        ([LOG_QUANTUM], False),
        ([signer(ORIGIN)], False),
        ([], False),
    ],
)
def test_one_ed25519_key_of_the_manifest_must_have_signed(signers: list[SigningKey], fine: bool) -> None:
    data = note_bytes(FIVE, [*(make_line(one, FIVE, 0) for one in signers), make_line(STRANGER, FIVE, 0)])
    if fine:
        assert {one.key for one in verify_log(parse_signed(data), ORIGIN, KEYS)} == {one.verifier for one in signers}
    else:
        with pytest.raises(InvalidSignature) as refusal:
            verify_log(parse_signed(data), ORIGIN, KEYS)
        assert refusal.value.code == "checkpoint-unsigned"


@pytest.mark.parametrize("bad", [SPARE, LOG_QUANTUM], ids=["ed25519", "ml-dsa"])
def test_one_wrong_line_of_a_known_key_refuses_the_whole(bad: SigningKey) -> None:
    other = replace(FIVE, size=4)
    signed = parse_signed(note_bytes(FIVE, [make_line(LOG_SIGNER, FIVE, 0), make_line(bad, other, 0)]))
    with pytest.raises(InvalidSignature) as refusal:
        verify_log(signed, ORIGIN, KEYS)
    assert refusal.value.code == "note-signature"
    verify_log(signed, ORIGIN, [LOG_KEY])


def test_another_logs_checkpoint_is_refused_even_when_its_key_is_known() -> None:
    other = signer("vote.example/e/other")
    signed = parse_signed(sign_checkpoint(checkpoint_over(ENTRIES, "vote.example/e/other"), [other]))
    with pytest.raises(Refused) as refusal:
        verify_log(signed, ORIGIN, [*KEYS, other.verifier])
    assert refusal.value.code == "checkpoint-origin"


def test_a_key_of_another_name_signs_nothing_for_this_log() -> None:
    signed = parse_signed(note_bytes(FIVE, [make_line(STRANGER, FIVE, 0)]))
    with pytest.raises(InvalidSignature) as refusal:
        verify_log(signed, ORIGIN, [*KEYS, STRANGER.verifier])
    assert refusal.value.code == "checkpoint-unsigned"


def test_keys_of_a_type_we_do_not_know_are_passed_over_and_broken_ones_refused() -> None:
    signed = parse_signed(CHECKPOINT5)
    verify_log(signed, ORIGIN, [LOG_KEY, VerifierKey(ORIGIN, 9, b"x")])
    with pytest.raises(Malformed) as refusal:
        verify_log(signed, ORIGIN, [LOG_KEY, VerifierKey(ORIGIN, 6, bytes(32))])
    assert refusal.value.code == "checkpoint-key"


def test_only_the_logs_own_keys_sign_and_one_is_ed25519() -> None:
    for signers in ([LOG_SIGNER, STRANGER], [LOG_QUANTUM], []):
        with pytest.raises(Refused) as refusal:
            sign_checkpoint(FIVE, signers)
        assert refusal.value.code == "checkpoint-origin"


# --- What cosigners add -----------------------------------------------------------------------

COSIGNERS = [WITNESS_KEY, SECOND_WITNESS.verifier, QUANTUM_WITNESS.verifier]


def test_cosignatures_of_several_come_together_whatever_their_type() -> None:
    lines = [make_line(one, FIVE, TIME) for one in (SECOND_WITNESS, QUANTUM_WITNESS, WITNESS)]
    signed = parse_signed(with_lines(CHECKPOINT5, lines, COSIGNERS))
    assert {one.key for one in verify_lines(signed, COSIGNERS)} == set(COSIGNERS)
    verify_log(signed, ORIGIN, KEYS)


def test_of_one_cosigner_the_newest_line_stays() -> None:
    old, new = (make_line(WITNESS, FIVE, time) for time in (TIME, TIME + 60))
    newest = with_lines(CHECKPOINT5, [new], COSIGNERS)
    assert with_lines(CHECKPOINT5, [old, new], COSIGNERS) == newest
    assert with_lines(newest, [old], COSIGNERS) == newest
    assert with_lines(newest, [new], COSIGNERS) == newest
    assert [one.time for one in verify_lines(parse_signed(newest), COSIGNERS)] == [TIME + 60]


def test_two_lines_of_one_key_are_one_voice() -> None:
    lines = [make_line(LOG_SIGNER, FIVE, 0), *(make_line(WITNESS, FIVE, time) for time in (TIME + 1, TIME, TIME + 2))]
    assert verify_lines(parse_signed(note_bytes(FIVE, lines)), COSIGNERS) == (Cosignature(WITNESS_KEY, TIME + 2),)


def test_a_cosigner_can_add_nothing_but_its_own_word() -> None:
    stranger = make_line(signer("stranger.example/w", 4), FIVE, TIME)
    assert with_lines(CHECKPOINT5, [stranger], COSIGNERS) == CHECKPOINT5
    with pytest.raises(InvalidSignature):
        with_lines(CHECKPOINT5, [make_line(WITNESS, replace(FIVE, size=4), TIME)], COSIGNERS)
    for line in ("", "x", make_line(WITNESS, FIVE, TIME) + "\n", make_line(WITNESS, FIVE, TIME)[1:]):
        with pytest.raises(Malformed):
            with_lines(CHECKPOINT5, [line], COSIGNERS)


# --- What is no signed checkpoint ---------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"",
        FIVE.text().encode(),
        CHECKPOINT5[:-1],
        CHECKPOINT5.replace(b"\n", b"\r\n"),
        CHECKPOINT5.replace(b"\n5\n", b"\n05\n"),
        CHECKPOINT5.replace(b"\n5\n", b"\n5\n\n"),
        b"\xff" + CHECKPOINT5,
        CHECKPOINT5 + b" " * MAX_BYTES,
    ],
)
def test_what_is_no_signed_checkpoint_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_signed(data)
    assert refusal.value.code in ("note-malformed", "checkpoint-malformed")


def test_a_checkpoint_with_sixteen_quantum_cosigners_can_be_read() -> None:
    lines = [make_line(signer(f"w{number}.example", 6), FIVE, TIME) for number in range(16)]
    assert len(parse_signed(note_bytes(FIVE, [make_line(LOG_SIGNER, FIVE, 0), *lines])).note.lines) == 17
