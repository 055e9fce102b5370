"""No input makes a parser crash, run long or work much: it is read, or refused with a clear sentence.

A hundred thousand changed inputs over all parsers, ten million with VECHE_SOAK=1. VECHE_FUZZ_SEED chooses other ones; each failure
shows seed and input.
"""

from __future__ import annotations

import os
from random import Random, SystemRandom
from time import process_time

import pytest

from tests.fuzz.log_targets import log_targets
from tests.fuzz.mutator import mutate
from tests.fuzz.targets import Target, targets
from veche.crypto.backend import Counting, active, using
from veche.crypto.errors import ElectionError

TARGETS = {one.name: one for one in (*targets(), *log_targets())}
SOAK = bool(os.environ.get("VECHE_SOAK"))
TOTAL = 10_000_000 if SOAK else 100_000
SEED = int(os.environ.get("VECHE_FUZZ_SEED") or (SystemRandom().randrange(2**32) if SOAK else 2026))

SLOW = 1.0
"""CPU seconds that no input may take."""

PARTS = 3
"""Each target's share is done in parts, so that processes share the work evenly."""


def weight(target: Target) -> int:
    """Inputs with many group elements, each of which must be tested, get a smaller share."""
    size = max(map(len, target.valid))
    return 1 if size > 12_000 else 3 if size > 3000 else 6


SHARES = {name: TOTAL * weight(one) // sum(map(weight, TARGETS.values())) // PARTS + 1 for name, one in TARGETS.items()}


def judge(target: Target, data: bytes, counting: Counting) -> bool:
    """Hand the input to the parser; whether it was accepted. Every demand is here."""
    counting.memberships = counting.terms = counting.secret_multiples = 0
    began = process_time()
    try:
        value = target.read(data)
    except ElectionError as refusal:
        value = None
        assert refusal.code.replace("-", "").isalnum(), refusal.code
        assert 0 < len(refusal.message) <= 2000, refusal.message
        assert refusal.message.isprintable(), "a refusal is one line that a terminal shows as it is"
    accepted = value is not None
    assert process_time() - began < SLOW, "too slow"
    # A point is written with 64 digits: no more is decoded than is there, and nothing is computed by reading.
    assert counting.memberships * 64 <= len(data), f"{counting.memberships} group elements decoded"
    assert counting.terms == counting.secret_multiples == 0, "group operations for mere reading"
    if accepted and target.again is not None:
        shown = data.decode("utf-8", "replace").encode()
        assert target.again(value) in (data, shown), "accepted, but not the one text of its value"
    return accepted


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_accepts_what_it_starts_from(name: str) -> None:
    for valid in TARGETS[name].valid:
        assert judge(TARGETS[name], valid, Counting(active())), valid


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", TARGETS)
def test_no_changed_input_crashes_a_parser_or_makes_it_work_much(name: str, part: int) -> None:
    target, counting = TARGETS[name], Counting(active())
    random = Random(f"{SEED} {name} {part}")
    refused = 0
    with using(counting):
        for number in range(SHARES[name]):
            data = mutate(random.choice(target.valid), target.valid, random)
            try:
                refused += not judge(target, data, counting)
            except Exception as error:
                error.add_note(f"target {name}, seed {SEED}, part {part}, number {number}, input {data!r}")
                raise
    assert refused > SHARES[name] // 20, "the changes change nothing"


HOSTILE = {
    "quotes": b'"' * 300_000,
    "backslashes": b'"' + b"\\" * 300_000,
    "escapes": b'"' + b"\\u0041" * 50_000 + b'"',
    "half pairs": b'"' + b"\\ud800" * 50_000 + b'"',
    "open lists": b"[" * 300_000,
    "open objects": b'{"a":' * 60_000,
    "nested lists": b"[" * 150_000 + b"]" * 150_000,
    "digits": b"9" * 300_000,
    "a number in a list": b"[" + b"1" * 4000 + b"]",
    "many numbers": b"[" + b"1," * 150_000 + b"1]",
    "many keys": b"{" + b",".join(b'"%d":1' % n for n in range(30_000)) + b"}",
    "equal keys": b"{" + b",".join([b'"a":1'] * 50_000) + b"}",
    "zeros": bytes(300_000),
    "newlines": b"\n" * 300_000,
    "blanks": b" " * 300_000,
    "dashes": "— ".encode() * 60_000,
    "plus signs": b"+" * 300_000,
    "commas": b"," * 300_000,
    "not UTF-8": b"\xff" * 300_000,
    "byte order mark": b"\xef\xbb\xbf{}",
    "nothing": b"",
    "base64": b"A" * 300_000 + b"=",
    "an archive's name": b"BELENIOS" + bytes(504) + b"x" * 300_000,
}


# Any JSON is JSON; any text may stand before the empty line of a note; a file without entries is one.
LENIENT = {"strict JSON", "canonical JSON", "description", "signed note", "file of entries"}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_text_is_judged_quickly_by_every_parser(kind: str) -> None:
    counting = Counting(active())
    with using(counting):
        for name, target in TARGETS.items():
            assert not judge(target, HOSTILE[kind], counting) or name in LENIENT, name


# White space around a code, and in election.json, is nothing to refuse.
PADDED = {"blanks", "newlines", "nothing"}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_valid_input_with_something_hostile_around_it_is_judged_quickly(kind: str) -> None:
    counting = Counting(active())
    with using(counting):
        for name, target in TARGETS.items():
            for data in (target.valid[0] + HOSTILE[kind], HOSTILE[kind] + target.valid[0]):
                assert not judge(target, data, counting) or name in LENIENT or kind in PADDED, name
