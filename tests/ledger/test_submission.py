"""Specifies ledger/submission.py: every answer of a witness, in the order of its specification."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace

import pytest

from tests.ledger.naive_tree import NaiveTree
from tests.ledger.small_log import (
    CHECKPOINT5,
    ENTRIES,
    LOG,
    LOG_KEY,
    LOG_SIGNER,
    ORIGIN,
    SPARE,
    STRANGER,
    WITNESS_KEY,
    checkpoint_over,
    signed_over,
)
from veche.crypto.errors import ElectionError, Malformed
from veche.crypto.signed_note import VerifierKey
from veche.ledger.checkpoint import Checkpoint
from veche.ledger.cosignature import make_line
from veche.ledger.merkle import EMPTY_ROOT, leaf_hash
from veche.ledger.signed_checkpoint import note_bytes, parse_signed, sign_checkpoint
from veche.ledger.submission import Cosigned, Submission, judge, origin_hash, parse_submission, status_of

KNOWN: bytes = LOG["add_checkpoint_body"].encode()
TREE = NaiveTree([leaf_hash(entry) for entry in ENTRIES])
THREE = Cosigned(3, TREE.root(3))
FIVE = checkpoint_over(ENTRIES)
KEYS = [LOG_KEY, SPARE.verifier]


def status(submission: Submission, keys: list[VerifierKey] = KEYS, cosigned: Cosigned = THREE) -> int:
    """200, or the status and nothing stored."""
    try:
        judge(submission, keys, cosigned)
    except ElectionError as error:
        return status_of(error)
    return 200


def from_to(old: int, new: int) -> Submission:
    return Submission(old, tuple(TREE.consistency(old, new)), parse_signed(signed_over(ENTRIES[:new])))


def test_the_known_request_is_read_written_and_accepted() -> None:
    submission = parse_submission(KNOWN)
    assert submission.data() == KNOWN
    assert judge(submission, KEYS, THREE) == FIVE
    assert submission == from_to(3, 5)


def test_the_known_origin_has_its_known_hash() -> None:
    assert origin_hash(ORIGIN) == LOG["origin_hash_hex"]


@pytest.mark.parametrize("old", range(6))
@pytest.mark.parametrize("new", range(6))
def test_every_growth_is_cosigned_and_nothing_else(old: int, new: int) -> None:
    if old <= new:
        assert status(from_to(old, new), cosigned=Cosigned(old, TREE.root(old))) == 200
    else:
        with pytest.raises(Malformed):
            Submission(old, (), parse_signed(signed_over(ENTRIES[:new])))


def test_an_unknown_log_is_answered_404() -> None:
    assert status(from_to(3, 5), []) == 404
    assert status(from_to(3, 5), [STRANGER.verifier]) == 404


def test_a_checkpoint_without_a_known_signature_is_answered_403() -> None:
    assert status(from_to(3, 5), [SPARE.verifier]) == 403
    unsigned = note_bytes(FIVE, [make_line(STRANGER, FIVE, 0)])
    assert status(replace(from_to(3, 5), signed=parse_signed(unsigned))) == 403


def test_a_known_keys_wrong_line_is_answered_403_even_beside_a_right_one() -> None:
    wrong = make_line(SPARE, replace(FIVE, size=4), 0)
    assert status(replace(from_to(3, 5), signed=parse_signed(note_bytes(FIVE, [make_line(LOG_SIGNER, FIVE, 0), wrong])))) == 403


def test_a_witnesss_key_signs_for_no_log() -> None:
    assert status(from_to(3, 5), [replace(WITNESS_KEY, name=ORIGIN)]) == 404


@pytest.mark.parametrize("size", [0, 1, 2, 4, 5])
def test_another_old_size_is_answered_409(size: int) -> None:
    assert status(from_to(3, 5), cosigned=Cosigned(size, TREE.root(size))) == 409


def test_409_comes_before_422_and_403_before_409() -> None:
    bad_proof = replace(from_to(3, 5), proof=())
    assert status(bad_proof, cosigned=Cosigned(4, TREE.root(4))) == 409
    assert status(bad_proof, [SPARE.verifier], Cosigned(4, TREE.root(4))) == 403


def signed_checkpoint(size: int, root: bytes) -> Submission:
    return Submission(size, (), parse_signed(sign_checkpoint(Checkpoint(ORIGIN, size, root), [LOG_SIGNER])))


def test_an_empty_log_with_another_root_is_answered_422() -> None:
    assert status(signed_checkpoint(0, bytes(32)), cosigned=Cosigned()) == 422
    assert status(signed_checkpoint(0, EMPTY_ROOT), cosigned=Cosigned()) == 200


def test_the_same_size_with_another_root_is_answered_422_and_is_evidence() -> None:
    with pytest.raises(ElectionError) as refusal:
        judge(signed_checkpoint(3, bytes(32)), KEYS, THREE)
    assert (refusal.value.code, status_of(refusal.value)) == ("witness-contradiction", 422)


def test_the_same_checkpoint_again_is_cosigned_again_but_not_with_a_proof() -> None:
    assert status(from_to(3, 3)) == 200
    assert status(replace(from_to(3, 3), proof=(bytes(32),))) == 422


def test_a_proof_from_nothing_is_answered_422() -> None:
    assert status(replace(from_to(0, 5), proof=(bytes(32),)), cosigned=Cosigned()) == 422


@pytest.mark.parametrize("change", ["missing", "fewer", "more", "other", "rewritten"])
def test_a_proof_that_fails_is_answered_422(change: str) -> None:
    right = from_to(3, 5)
    wrong = {
        "missing": replace(right, proof=()),
        "fewer": replace(right, proof=right.proof[:-1]),
        "more": replace(right, proof=(*right.proof, bytes(32))),
        "other": replace(right, proof=(bytes(32), *right.proof[1:])),
        "rewritten": replace(right, signed=parse_signed(signed_over([b"another", *ENTRIES[1:]]))),
    }
    assert status(wrong[change]) == 422


HEAD, _, TAIL = KNOWN.partition(b"\n\n")
LINES = HEAD.split(b"\n")


def with_head(*lines: bytes) -> bytes:
    return b"\n".join(lines) + b"\n\n" + TAIL


BAD_BODIES = {
    "nothing": b"",
    "no old size": with_head(*LINES[1:]),
    "no empty line": HEAD + b"\n" + TAIL.replace(b"\n\n", b"\n"),
    "no number": with_head(b"old ", *LINES[1:]),
    "leading zero": with_head(b"old 03", *LINES[1:]),
    "minus": with_head(b"old -3", *LINES[1:]),
    "two spaces": with_head(b"old  3", *LINES[1:]),
    "capital": with_head(b"Old 3", *LINES[1:]),
    "many digits": with_head(b"old " + b"9" * 5000, *LINES[1:]),
    "old above the size": with_head(b"old 6", *LINES[1:]),
    "hash of 31 bytes": with_head(LINES[0], b64encode(bytes(31))),
    "hash no base64": with_head(LINES[0], b"*"),
    "hash not the one base64": with_head(LINES[0], LINES[1][:-2] + b"p="),
    "64 hashes": with_head(LINES[0], *[LINES[1]] * 64),
    "not ASCII": with_head("old \u0663".encode(), *LINES[1:]),
    "carriage returns": KNOWN.replace(b"\n", b"\r\n"),
    "no checkpoint": HEAD + b"\n\n",
    "checkpoint cut short": KNOWN[:-1],
    "checkpoint malformed": KNOWN.replace(b"\n5\n", b"\n05\n"),
    "too long": KNOWN + b"a" * 300_000,
}


@pytest.mark.parametrize("data", BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_malformed_request_is_answered_400(data: bytes) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_submission(data)
    assert status_of(refusal.value) == 400


def test_sixty_three_hashes_are_read() -> None:
    data = with_head(LINES[0], *[LINES[1]] * 63)
    assert parse_submission(data).data() == data


def test_a_first_submission_says_old_0_and_needs_no_hashes() -> None:
    assert parse_submission(b"old 0\n\n" + CHECKPOINT5) == from_to(0, 5)
