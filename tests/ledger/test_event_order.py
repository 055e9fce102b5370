"""Specifies ledger/event_order.py."""

from __future__ import annotations

import re
from functools import reduce
from itertools import product

import pytest

from veche.crypto.errors import Refused
from veche.ledger.event import EventType
from veche.ledger.event_order import EventOrder

LETTERS = dict(zip("SBETHFPR", EventType, strict=True))
LEGAL = re.compile("SB*ET(H*F)?P*R")


def order(letters: str) -> EventOrder:
    return reduce(EventOrder.after, (LETTERS[letter] for letter in letters), EventOrder())


def is_prefix_of_legal(letters: str) -> bool:
    """Whether some continuation is legal; the shortest ones suffice."""
    return any(LEGAL.fullmatch(letters + rest) for rest in ("", "R", "FR", "TR", "ETR", "SETR"))


@pytest.mark.parametrize("length", range(6))
def test_exactly_the_prefixes_of_the_grammar_are_accepted(length: int) -> None:
    for letters in map("".join, product(LETTERS, repeat=length)):
        try:
            order(letters)
            accepted = True
        except Refused as error:
            assert error.code == "event-order"
            accepted = False
        assert accepted == is_prefix_of_legal(letters), letters


@pytest.mark.parametrize(
    ("letters", "state"),
    [
        ("", "(nothing)"),
        ("S", "open"),
        ("SBB", "open"),
        ("SBE", "closed"),
        ("SBETH", "shuffling"),
        ("SBETHF", "decrypting"),
        ("SBETP", "decrypting"),
        ("SBETPPR", "tallied"),
    ],
)
def test_the_state_is_that_of_the_last_event(letters: str, state: str) -> None:
    assert order(letters).state(non_homomorphic=True) == state


def test_after_the_tally_the_questions_decide_what_comes() -> None:
    assert order("SET").state() == "decrypting"
    assert order("SET").state(non_homomorphic=True) == "shuffling"


def test_a_trustee_gives_one_share() -> None:
    given = order("SETP").with_share_of(1).after(EventType.PARTIAL_DECRYPTION).with_share_of(3)
    with pytest.raises(Refused) as refusal:
        given.after(EventType.PARTIAL_DECRYPTION).with_share_of(1)
    assert refusal.value.code == "event-order"
    assert given.shared == {1, 3}
