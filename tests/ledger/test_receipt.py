"""Specifies ledger/receipt.py: the file a voter keeps, and that it holds for her entry alone."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.naive_tree import NaiveTree
from tests.ledger.small_log import (
    COSIGNED5,
    ENTRIES,
    LOG,
    ORIGIN,
    SECOND_WITNESS,
    STRANGER,
    WITNESS,
    checkpoint_over,
    signed_over,
)
from veche.crypto.errors import ElectionError, Inconsistent, InvalidProof, InvalidSignature, Malformed, Refused
from veche.ledger.event import Event, EventType
from veche.ledger.merkle import leaf_hash
from veche.ledger.policy import parse_policy
from veche.ledger.receipt import FIRST_LINE, Receipt, make_receipt, parse_receipt, verify_ballot, verify_receipt
from veche.ledger.signed_checkpoint import parse_signed, sign_checkpoint

KNOWN: bytes = LOG["tlog_proof"].encode()
POLICY = parse_policy(f"log {LOG['log_vkey']}\nwitness w1 {LOG['witness_vkey']}\nquorum w1\n".encode())
TRACKER = "ab" * 32
BALLOT_EVENT = Event("cd" * 32, 17, EventType.BALLOT, TRACKER).text()
MANY = [*(b'{"annex":"opened"}' for _ in range(40)), BALLOT_EVENT, *(b"entry %d" % number for number in range(40))]
TREE = NaiveTree([leaf_hash(entry) for entry in MANY])
OURS = make_receipt(BALLOT_EVENT, 40, tuple(TREE.inclusion(40, len(MANY))), signed_over(MANY, WITNESS))


def test_the_known_receipt_is_read_written_and_verified() -> None:
    receipt = parse_receipt(KNOWN)
    assert receipt.data() == KNOWN
    assert (receipt.index, receipt.extra) == (3, None)
    logged = verify_receipt(receipt, POLICY, ENTRIES[3])
    assert (logged.origin, logged.index, logged.size, logged.entry) == (ORIGIN, 3, 5, ENTRIES[3])
    assert [name for name, _ in logged.confirmation.witnesses] == ["w1"]


def test_the_known_receipt_is_made() -> None:
    tree = NaiveTree([leaf_hash(entry) for entry in ENTRIES])
    made = make_receipt(ENTRIES[3], 3, tuple(tree.inclusion(3, 5)), COSIGNED5)
    assert replace(parse_receipt(made), extra=None).data() == KNOWN
    assert parse_receipt(made).extra == ENTRIES[3]


def test_our_receipt_carries_its_entry_and_needs_nothing_else() -> None:
    receipt = parse_receipt(OURS)
    assert receipt.data() == OURS
    logged = verify_receipt(receipt, POLICY)
    assert logged.entry == BALLOT_EVENT
    assert verify_ballot(logged, TRACKER) == 17


@given(st.data())
def test_no_byte_of_a_receipt_can_be_changed(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(OURS) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda other: other != OURS[place]))
    with pytest.raises(ElectionError):
        verify_receipt(parse_receipt(OURS[:place] + bytes([byte]) + OURS[place + 1 :]), POLICY)


@given(st.integers(0, len(OURS) - 1))
def test_no_receipt_cut_short_passes(at: int) -> None:
    with pytest.raises(ElectionError):
        verify_receipt(parse_receipt(OURS[:at]), POLICY)


def test_an_extra_that_is_not_the_entry_is_not_believed() -> None:
    forged = replace(parse_receipt(OURS), extra=Event("cd" * 32, 17, EventType.BALLOT, "ef" * 32).text())
    with pytest.raises(InvalidProof):
        verify_receipt(forged, POLICY)
    # A reader who has the text herself does not ask the file.
    assert verify_receipt(forged, POLICY, BALLOT_EVENT).entry == BALLOT_EVENT


def test_a_receipt_without_the_entry_is_not_enough_alone() -> None:
    with pytest.raises(Refused) as refusal:
        verify_receipt(parse_receipt(KNOWN), POLICY)
    assert refusal.value.code == "receipt-entry"


@pytest.mark.parametrize("change", ["index", "hash", "fewer", "more", "entry"])
def test_a_receipt_holds_for_its_place_only(change: str) -> None:
    receipt, entry = parse_receipt(KNOWN), ENTRIES[3]
    match change:
        case "index":
            receipt = replace(receipt, index=2)
        case "hash":
            receipt = replace(receipt, proof=(bytes(32), *receipt.proof[1:]))
        case "fewer":
            receipt = replace(receipt, proof=receipt.proof[:-1])
        case "more":
            receipt = replace(receipt, proof=(*receipt.proof, bytes(32)))
        case _:
            entry = ENTRIES[2]
    with pytest.raises(InvalidProof) as refusal:
        verify_receipt(receipt, POLICY, entry)
    assert refusal.value.code == "inclusion-wrong"


def test_log_and_witnesses_come_from_the_readers_policy() -> None:
    receipt = parse_receipt(OURS)
    strangers = parse_policy(f"log {STRANGER.verifier.text()}\nquorum none\n".encode())
    with pytest.raises(Refused) as unknown:
        verify_receipt(receipt, strangers)
    assert unknown.value.code == "checkpoint-origin"
    other = parse_policy(f"log {LOG['log_vkey']}\nwitness w {SECOND_WITNESS.verifier.text()}\nquorum w\n".encode())
    with pytest.raises(Refused) as missing:
        verify_receipt(receipt, other)
    assert missing.value.code == "quorum-missing"
    forged = replace(receipt, signed=parse_signed(sign_checkpoint(checkpoint_over(MANY, "stranger.example/log"), [STRANGER])))
    with pytest.raises((Refused, InvalidSignature)):
        verify_receipt(forged, POLICY)


def test_no_receipt_is_made_for_another_entry() -> None:
    with pytest.raises(InvalidProof):
        make_receipt(b"another", 40, tuple(TREE.inclusion(40, len(MANY))), signed_over(MANY))


@pytest.mark.parametrize(
    "entry",
    [
        MANY[0],
        MANY[41],
        Event("cd" * 32, 17, EventType.BALLOT, "ef" * 32).text(),
        Event("cd" * 32, 17, EventType.RESULT, TRACKER).text(),
    ],
)
def test_an_entry_that_is_not_this_ballot_is_told_apart(entry: bytes) -> None:
    logged = replace(verify_receipt(parse_receipt(OURS), POLICY), entry=entry)
    with pytest.raises(Inconsistent) as refusal:
        verify_ballot(logged, TRACKER)
    assert refusal.value.code == "receipt-ballot"


def test_a_printed_receipt_of_a_log_of_one_entry_has_no_hashes() -> None:
    data = make_receipt(b"x", 0, (), signed_over([b"x"], WITNESS))
    assert verify_receipt(parse_receipt(data), POLICY).size == 1


HEAD, _, TAIL = KNOWN.partition(b"\n\n")
LINES = HEAD.split(b"\n")


def with_head(*lines: bytes) -> bytes:
    return b"\n".join(lines) + b"\n\n" + TAIL


HASH = LINES[2]

BAD_RECEIPTS = {
    "nothing": b"",
    "no empty line": HEAD + b"\n",
    "no checkpoint": HEAD + b"\n\n",
    "another first line": with_head(b"c2sp.org/tlog-proof@v2", *LINES[1:]),
    "space after the first line": with_head(LINES[0] + b" ", *LINES[1:]),
    "a line before": with_head(b"x", *LINES),
    "no index": with_head(LINES[0], *LINES[2:]),
    "index twice": with_head(LINES[0], LINES[1], LINES[1], *LINES[2:]),
    "leading zero": with_head(LINES[0], b"index 03", *LINES[2:]),
    "minus": with_head(LINES[0], b"index -3", *LINES[2:]),
    "index without a number": with_head(LINES[0], b"index ", *LINES[2:]),
    "two spaces": with_head(LINES[0], b"index  3", *LINES[2:]),
    "index too large": with_head(LINES[0], b"index 9223372036854775808", *LINES[2:]),
    "index with many digits": with_head(LINES[0], b"index " + b"9" * 5000, *LINES[2:]),
    "index in capitals": with_head(LINES[0], b"Index 3", *LINES[2:]),
    "extra after the index": with_head(*LINES[:2], b"extra QQ==", *LINES[2:]),
    "extra twice": with_head(LINES[0], b"extra QQ==", b"extra QQ==", *LINES[1:]),
    "extra not base64": with_head(LINES[0], b"extra *", *LINES[1:]),
    "extra not the one base64": with_head(LINES[0], b"extra QR==", *LINES[1:]),
    "extra too long": with_head(LINES[0], b"extra " + b64encode(bytes(65_536)), *LINES[1:]),
    "hash of 31 bytes": with_head(*LINES[:2], b64encode(bytes(31))),
    "hash of 33 bytes": with_head(*LINES[:2], b64encode(bytes(33))),
    "hash without padding": with_head(*LINES[:2], HASH[:-1]),
    "hash with a space after": with_head(*LINES[:2], HASH + b" "),
    "64 hashes": with_head(*LINES[:2], *[HASH] * 64),
    "carriage returns": KNOWN.replace(b"\n", b"\r\n"),
    "not ASCII": with_head(LINES[0], "index \u0663".encode(), *LINES[2:]),
    "no last newline": KNOWN[:-1],
    "something after": KNOWN + b"\n",
    "too long": KNOWN + b"a" * 400_000,
}


@pytest.mark.parametrize("data", BAD_RECEIPTS.values(), ids=BAD_RECEIPTS.keys())
def test_what_is_no_receipt_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_receipt(data)
    assert refusal.value.code in ("receipt-malformed", "note-malformed", "checkpoint-malformed")


def test_the_first_line_is_that_of_the_specification() -> None:
    assert FIRST_LINE.encode() == LINES[0]


def test_no_field_can_hold_what_could_not_be_read() -> None:
    signed = parse_signed(COSIGNED5)
    for index, proof, extra in (
        (-1, (), None),
        (2**63, (), None),
        (0, (b"",), None),
        (0, (bytes(32),) * 64, None),
        (0, (), bytes(65_536)),
    ):
        with pytest.raises(Malformed):
            Receipt(index, proof, signed, extra)
