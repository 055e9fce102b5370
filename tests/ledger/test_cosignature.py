"""Specifies ledger/cosignature.py: what the lines of types 1, 4 and 6 sign, bit by bit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.ledger.small_log import (
    ENTRIES,
    LOG,
    LOG_KEY,
    LOG_SIGNER,
    QUANTUM_WITNESS,
    SECOND_WITNESS,
    TIME,
    WITNESS,
    WITNESS_KEY,
    checkpoint_over,
)
from veche.crypto.errors import ElectionError, InvalidSignature, Malformed
from veche.crypto.signed_note import VerifierKey, parse_line
from veche.crypto.signing_key import SigningKey
from veche.ledger.cosignature import (
    COSIGNER_KINDS,
    LOG_KINDS,
    MAX_TIME,
    Cosignature,
    make_line,
    signed_message,
    verify_key,
    verify_signature,
)

FIVE = checkpoint_over(ENTRIES)
KNOWN_LINE = LOG["cosign_line"].removesuffix("\n")
KNOWN_QUANTUM_LINE = LOG["mldsa44_cosign_line"].removesuffix("\n")
SIGNERS = [LOG_SIGNER, WITNESS, QUANTUM_WITNESS]
IDS = ["type 1", "type 4", "type 6"]


def test_the_known_messages_are_signed() -> None:
    assert signed_message(WITNESS_KEY, FIVE, TIME).hex() == LOG["cosign_message_hex"]
    assert signed_message(WITNESS_KEY, FIVE, TIME).decode() == LOG["cosign_message"]
    assert signed_message(QUANTUM_WITNESS.verifier, FIVE, TIME).hex() == LOG["mldsa44_cosigned_message_hex"]


def test_the_known_line_is_made_and_verified() -> None:
    assert make_line(WITNESS, FIVE, TIME) == KNOWN_LINE
    assert verify_signature(WITNESS_KEY, FIVE, parse_line(KNOWN_LINE)[2]) == Cosignature(WITNESS_KEY, TIME)


def test_the_known_ml_dsa_line_is_verified_and_ours_is_as_long() -> None:
    key = QUANTUM_WITNESS.verifier
    name, key_id, signature = parse_line(KNOWN_QUANTUM_LINE)
    assert (name, key_id) == (key.name, key.key_id)
    assert verify_signature(key, FIVE, signature) == Cosignature(key, TIME)
    assert len(KNOWN_QUANTUM_LINE.encode()) + 1 == LOG["mldsa44_line_bytes"]
    assert len(make_line(QUANTUM_WITNESS, FIVE, TIME)) == len(KNOWN_QUANTUM_LINE)


@pytest.mark.parametrize("signer", SIGNERS, ids=IDS)
def test_a_line_verifies_for_its_checkpoint_and_key_only(signer: SigningKey) -> None:
    key = signer.verifier
    signature = parse_line(make_line(signer, FIVE, TIME))[2]
    assert verify_signature(key, FIVE, signature) == Cosignature(key, 0 if key.kind == 1 else TIME)
    others = [replace(FIVE, origin="vote.example/e/other"), replace(FIVE, size=4), replace(FIVE, root=bytes(32))]
    for other in others:
        with pytest.raises(InvalidSignature) as refusal:
            verify_signature(key, other, signature)
        assert refusal.value.code == "note-signature"
    stranger = SigningKey(key.name, bytes(32), key.kind).verifier
    for wrong in (
        signature[:-1],
        signature + b"\0",
        b"",
        bytes([signature[0] ^ 1]) + signature[1:],
        signature[:-1] + bytes([signature[-1] ^ 1]),
    ):
        with pytest.raises(ElectionError) as found:
            verify_signature(key, FIVE, wrong)
        assert found.value.code in ("note-signature", "cosignature-malformed")
    with pytest.raises(InvalidSignature):
        verify_signature(stranger, FIVE, signature)


@pytest.mark.parametrize("signer", [WITNESS, QUANTUM_WITNESS], ids=IDS[1:])
def test_the_time_is_signed(signer: SigningKey) -> None:
    signature = parse_line(make_line(signer, FIVE, TIME))[2]
    with pytest.raises(InvalidSignature):
        verify_signature(signer.verifier, FIVE, (TIME + 1).to_bytes(8, "big") + signature[8:])


def test_the_name_is_signed_by_type_6_only() -> None:
    for signer, bound in ((WITNESS, False), (QUANTUM_WITNESS, True)):
        renamed = replace(signer.verifier, name="witness.example/other")
        signature = parse_line(make_line(signer, FIVE, TIME))[2]
        if bound:
            with pytest.raises(InvalidSignature):
                verify_signature(renamed, FIVE, signature)
        else:
            verify_signature(renamed, FIVE, signature)


def test_extension_lines_are_signed_by_types_1_and_4_only() -> None:
    extended = replace(FIVE, extensions=("x",))
    for signer, bound in ((LOG_SIGNER, True), (WITNESS, True), (QUANTUM_WITNESS, False)):
        signature = parse_line(make_line(signer, FIVE, TIME))[2]
        if bound:
            with pytest.raises(InvalidSignature):
                verify_signature(signer.verifier, extended, signature)
        else:
            verify_signature(signer.verifier, extended, signature)


def test_a_log_line_is_no_cosignature_and_a_cosignature_no_log_line() -> None:
    # Were one taken for the other, a witness could speak for the log. Key and signature are the same curve's.
    as_log = replace(WITNESS_KEY, kind=1)
    with pytest.raises(InvalidSignature):
        verify_signature(as_log, FIVE, parse_line(KNOWN_LINE)[2][8:])
    as_witness = replace(LOG_KEY, kind=4)
    with pytest.raises(InvalidSignature):
        verify_signature(as_witness, FIVE, TIME.to_bytes(8, "big") + parse_line(make_line(LOG_SIGNER, FIVE, 0))[2])


@pytest.mark.parametrize("time", [-1, MAX_TIME + 1])
@pytest.mark.parametrize("signer", [WITNESS, QUANTUM_WITNESS], ids=IDS[1:])
def test_a_time_out_of_range_is_refused(signer: SigningKey, time: int) -> None:
    with pytest.raises(Malformed) as refusal:
        make_line(signer, FIVE, time)
    assert refusal.value.code == "cosignature-malformed"
    if time > 0:
        with pytest.raises(Malformed):
            verify_signature(signer.verifier, FIVE, time.to_bytes(8, "big") + bytes(64 if signer is WITNESS else 2420))


@pytest.mark.parametrize("name", ["x" * 256, "\u0436" * 128])
def test_type_6_names_at_most_255_bytes(name: str) -> None:
    with pytest.raises(Malformed) as refusal:
        signed_message(replace(QUANTUM_WITNESS.verifier, name=name), FIVE, TIME)
    assert refusal.value.code == "cosignature-malformed"
    assert signed_message(replace(QUANTUM_WITNESS.verifier, name="x" * 255), FIVE, TIME)


def test_keys_of_other_types_and_lengths_are_refused() -> None:
    verify_key(LOG_KEY, LOG_KINDS, "the log")
    verify_key(WITNESS_KEY, COSIGNER_KINDS, "the witness")
    wrong = [
        (LOG_KEY, COSIGNER_KINDS),
        (WITNESS_KEY, LOG_KINDS),
        (replace(LOG_KEY, public=bytes(31)), LOG_KINDS),
        (replace(QUANTUM_WITNESS.verifier, public=bytes(32)), LOG_KINDS),
        (VerifierKey("k", 2, bytes(32)), LOG_KINDS),
    ]
    for key, kinds in wrong:
        with pytest.raises(Malformed) as refusal:
            verify_key(key, kinds, "the")
        assert refusal.value.code == "checkpoint-key"
    with pytest.raises(Malformed):
        verify_signature(VerifierKey("k", 2, bytes(32)), FIVE, bytes(64))
    with pytest.raises(Malformed):
        signed_message(VerifierKey("k", 5, bytes(32)), FIVE, 0)


def test_keys_of_the_vectors_are_the_small_logs() -> None:
    assert LOG_SIGNER.verifier == LOG_KEY
    assert WITNESS.verifier == WITNESS_KEY
    assert SECOND_WITNESS.verifier != WITNESS_KEY
