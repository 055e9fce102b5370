"""A proof has two scalars, each with one text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veche.crypto.canonical_json import Json
from veche.crypto.errors import Malformed
from veche.crypto.proof import Proof
from veche.crypto.scalar import Q


@given(st.integers(0, Q - 1), st.integers(0, Q - 1))
def test_a_proof_is_read_back(challenge: int, response: int) -> None:
    proof = Proof(challenge, response)
    assert Proof.from_json(proof.to_json()) == proof


REFUSED: list[Json] = [
    {"challenge": "1"},
    {"response": "1", "challenge": "1"},
    {"challenge": "1", "response": "1", "commitment": "1"},
    {"challenge": 1, "response": "1"},
    {"challenge": "01", "response": "1"},
    {"challenge": "1", "response": str(Q)},
    {"challenge": str(Q), "response": "1"},
    {"challenge": "1", "response": "-1"},
    {"challenge": "1", "response": None},
    ["1", "1"],
    "1",
    None,
]


@pytest.mark.parametrize("value", REFUSED, ids=str)
def test_any_other_form_is_refused(value: Json) -> None:
    with pytest.raises(Malformed):
        Proof.from_json(value)
