"""Two statements never give the same bytes."""

from __future__ import annotations

from hashlib import sha256, sha512
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vectors import load
from veche.crypto.group import IDENTITY, G
from veche.crypto.scalar import Q
from veche.crypto.transcript import Item, challenge, digest256, digest512, transcript

VECTORS = load("spec/veche-record-vectors.json")["transcripts"]


def item(written: dict[str, Any]) -> Item:
    if "bytes" in written:
        return bytes.fromhex(written["bytes"])
    value = written.get("text", written.get("integer"))
    assert isinstance(value, str | int)
    return value


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(len(vector["items"])))
def test_known_answers(vector: dict[str, Any]) -> None:
    items = [item(one) for one in vector["items"]]
    assert transcript(vector["tag"], *items).hex() == vector["bytes"]
    assert digest512(vector["tag"], *items).hex() == vector["sha512"]
    assert digest256(vector["tag"], *items).hex() == vector["sha256"]
    assert str(challenge(vector["tag"], *items)) == vector["challenge"]


def read_back(data: bytes) -> list[bytes]:
    items: list[bytes] = []
    while data:
        size = int.from_bytes(data[:8], "big")
        items.append(data[8 : 8 + size])
        data = data[8 + size :]
    return items


@given(st.text(max_size=8).filter(str.isascii), st.lists(st.binary(max_size=20), max_size=5))
def test_every_item_can_be_read_back(tag: str, items: list[bytes]) -> None:
    assert read_back(transcript(tag, *items)) == [tag.encode(), *items]


def test_moving_a_byte_from_one_item_to_the_next_changes_the_transcript() -> None:
    assert transcript("t", "ab", "c") != transcript("t", "a", "bc")
    assert transcript("t", "ab") != transcript("t", "a", "b")
    assert transcript("t", "") != transcript("t")
    assert transcript("ta", "b") != transcript("t", "ab")


def test_points_numbers_and_texts_have_one_form_each() -> None:
    assert read_back(transcript("t", G, IDENTITY, 0, 120, "я")) == [
        b"t", G.encoding, IDENTITY.encoding, b"0", b"120", "я".encode(),
    ]  # fmt: skip


def test_a_challenge_is_little_endian_mod_q() -> None:
    hashed = sha512(transcript("t", 1)).digest()
    assert challenge("t", 1) == int.from_bytes(hashed, "little") % Q
    assert digest256("t", 1) == sha256(transcript("t", 1)).digest()
