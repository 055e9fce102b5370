"""The box's answer: the same bytes for the same row, and evidence against the box alone."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vectors import load
from veche.ballot.acknowledgement import (
    Acknowledgement,
    make_acknowledgement,
    parse_acknowledgement,
    verify_acknowledgement,
)
from veche.crypto.errors import ElectionError, Inconsistent, InvalidSignature, Malformed, Refused
from veche.crypto.signed_note import NoteSigner, parse_verifier_key

VECTOR = load("spec/veche-record-vectors.json")["acknowledgement"]
MANIFEST = load("spec/veche-record-vectors.json")["manifest"]
BOX = NoteSigner(VECTOR["key_name"], bytes.fromhex(VECTOR["key_seed"]))
KEY = parse_verifier_key(VECTOR["vkey"])
NOTE = VECTOR["note"].encode()
TRACKER, EVENT_HASH = (sha256(VECTOR[name].encode()).hexdigest() for name in ("ballot", "event"))
EVENT = json.loads(VECTOR["event"])
GIVEN = Acknowledgement(
    origin="vote.example/e/4hVecheTestA11",
    fingerprint="54yHtPBLQ1D9hAY4OoArMypDYKcUfg0NulpmrXytTAU",
    setup=EVENT["parent"],
    tracker=TRACKER,
    height=EVENT["height"],
    event=EVENT_HASH,
    time=1793000077,
)


def test_the_known_note_is_made_from_ballot_and_event() -> None:
    assert BOX.verifier == KEY
    assert GIVEN.text() == VECTOR["text"]
    assert make_acknowledgement(GIVEN, BOX) == NOTE


def test_the_known_note_is_read() -> None:
    read = parse_acknowledgement(NOTE, KEY)
    assert read == GIVEN
    verify_acknowledgement(read, GIVEN.fingerprint, GIVEN.setup, TRACKER)


@given(st.integers(0, 10**9), st.integers(0, 10**10), st.binary(min_size=32, max_size=32))
def test_the_same_row_gives_the_same_bytes_which_say_what_was_meant(height: int, time: int, tracker: bytes) -> None:
    given_now = replace(GIVEN, height=height, time=time, tracker=tracker.hex())
    note = make_acknowledgement(given_now, BOX)
    assert note == make_acknowledgement(given_now, BOX)
    assert parse_acknowledgement(note, KEY) == given_now


CODES = {
    "signature": "note-signature",
    "key-unknown": "note-unknown-key",
    "lines": "acknowledgement-malformed",
    "wrong-election": "acknowledgement-key",
    "note-malformed": "note-malformed",
}


@pytest.mark.parametrize("vector", VECTOR["refused"], ids=lambda vector: vector["what"])
def test_every_known_wrong_note_is_refused_for_its_own_cause(vector: dict[str, Any]) -> None:
    with pytest.raises(ElectionError) as refusal:
        parse_acknowledgement(vector["note"].encode(), KEY)
    assert refusal.value.code == CODES[vector["reason"]]


OTHERS = {
    "origin": replace(GIVEN, origin="vote.example/e/4hVecheTestA12"),
    "fingerprint": replace(GIVEN, fingerprint="A" * 43),
    "setup": replace(GIVEN, setup="0" * 64),
    "tracker": replace(GIVEN, tracker="0" * 64),
    "height": replace(GIVEN, height=2),
    "event": replace(GIVEN, event="0" * 64),
    "time": replace(GIVEN, time=GIVEN.time + 1),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_the_signature_covers_every_line(other: Acknowledgement) -> None:
    signature = NOTE.rpartition(b"\n\n")[2]
    with pytest.raises((InvalidSignature, Refused)):
        parse_acknowledgement(other.text().encode() + b"\n" + signature, KEY)


def test_an_acknowledgement_of_another_election_or_ballot_is_no_evidence_here() -> None:
    for fingerprint, setup in (("A" * 43, GIVEN.setup), (GIVEN.fingerprint, "0" * 64)):
        with pytest.raises(Inconsistent) as refusal:
            verify_acknowledgement(GIVEN, fingerprint, setup, TRACKER)
        assert refusal.value.code == "acknowledgement-election"
    with pytest.raises(Inconsistent) as refusal:
        verify_acknowledgement(GIVEN, GIVEN.fingerprint, GIVEN.setup, "0" * 64)
    assert refusal.value.code == "acknowledgement-ballot"


def test_only_the_box_key_of_the_origin_makes_one() -> None:
    log = NoteSigner(GIVEN.origin, bytes.fromhex(MANIFEST["key_seeds"]["log"]))
    for signer in (log, NoteSigner("vote.example/e/4hVecheTestA12/box", bytes(32))):
        with pytest.raises(Refused):
            make_acknowledgement(GIVEN, signer)


@pytest.mark.parametrize(
    "wrong",
    [
        replace(GIVEN, origin="vote.example/e/4hVecheTestA11\nx"),
        replace(GIVEN, fingerprint="A" * 42),
        replace(GIVEN, setup="A" * 64),
        replace(GIVEN, tracker=GIVEN.tracker[:-1]),
        replace(GIVEN, height=-1),
        replace(GIVEN, event=""),
        replace(GIVEN, time=-1),
    ],
    ids=["origin", "fingerprint", "setup", "tracker", "height", "event", "time"],
)
def test_what_could_not_be_read_back_is_not_signed(wrong: Acknowledgement) -> None:
    with pytest.raises((Malformed, Refused)):
        make_acknowledgement(wrong, NoteSigner(f"{GIVEN.origin}/box", bytes.fromhex(VECTOR["key_seed"])))


def test_a_second_signature_line_is_refused() -> None:
    other = NoteSigner("other.example/x", bytes(32))
    with pytest.raises(Malformed):
        parse_acknowledgement(NOTE + f"{other.line(GIVEN.text())}\n".encode(), KEY)


def test_an_acknowledgement_is_no_checkpoint() -> None:
    second, third = GIVEN.text().split("\n")[1:3]
    assert not second.isdigit()
    assert not third.isdigit()
