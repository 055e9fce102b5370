"""Specifies ledger/checkpoint.py: one text for each checkpoint."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.small_log import CHECKPOINT5, ENTRIES, ORIGIN, checkpoint_over
from veche.crypto.errors import Malformed
from veche.ledger.checkpoint import Checkpoint, parse_checkpoint

FIVE = checkpoint_over(ENTRIES)
TEXT = FIVE.text()
ROOT = b64encode(FIVE.root).decode()


def test_the_known_text_is_written_and_read() -> None:
    assert CHECKPOINT5.decode().startswith(TEXT + "\n")
    assert parse_checkpoint(TEXT) == FIVE


def test_an_origin_of_255_bytes_is_read() -> None:
    assert parse_checkpoint(f"{'x' * 255}\n5\n{ROOT}\n").origin == "x" * 255


LINES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)


@given(size=st.integers(0, 2**63 - 1), root=st.binary(min_size=32, max_size=32), extensions=st.lists(LINES, max_size=3))
def test_every_checkpoint_is_read_back(size: int, root: bytes, extensions: list[str]) -> None:
    checkpoint = Checkpoint(ORIGIN, size, root, tuple(extensions))
    assert parse_checkpoint(checkpoint.text()) == checkpoint


BAD_TEXTS = {
    "nothing": "",
    "no last newline": TEXT[:-1],
    "an empty line after": TEXT + "\n",
    "an empty line before an extension": TEXT + "\nx\n",
    "two lines": f"{ORIGIN}\n5\n",
    "no origin": f"\n5\n{ROOT}\n",
    "space in the origin": f"a b\n5\n{ROOT}\n",
    "plus in the origin": f"a+b\n5\n{ROOT}\n",
    "origin of 256 bytes": f"{'ж' * 128}\n5\n{ROOT}\n",
    "no size": f"{ORIGIN}\n\n{ROOT}\n",
    "leading zero": f"{ORIGIN}\n05\n{ROOT}\n",
    "plus before the size": f"{ORIGIN}\n+5\n{ROOT}\n",
    "minus": f"{ORIGIN}\n-5\n{ROOT}\n",
    "space after the size": f"{ORIGIN}\n5 \n{ROOT}\n",
    "other digits": f"{ORIGIN}\n٥\n{ROOT}\n",
    "hexadecimal": f"{ORIGIN}\n0x5\n{ROOT}\n",
    "too large": f"{ORIGIN}\n{2**63}\n{ROOT}\n",
    "many digits": f"{ORIGIN}\n{'9' * 5000}\n{ROOT}\n",
    "31 bytes": f"{ORIGIN}\n5\n{b64encode(bytes(31)).decode()}\n",
    "33 bytes": f"{ORIGIN}\n5\n{b64encode(bytes(33)).decode()}\n",
    "no padding": f"{ORIGIN}\n5\n{ROOT[:-1]}\n",
    "bits in the padding": f"{ORIGIN}\n5\n{ROOT[:-2]}R=\n",
    "url alphabet": f"{ORIGIN}\n5\n{b64encode(bytes([255] * 32)).decode().replace('/', '_')}\n",
    "hex root": f"{ORIGIN}\n5\n{FIVE.root.hex()}\n",
    "carriage return": TEXT.replace("\n", "\r\n"),
    "control character in an extension": TEXT + "a\x07\n",
    "too many extensions": TEXT + "x\n" * 17,
}


@pytest.mark.parametrize("text", BAD_TEXTS.values(), ids=BAD_TEXTS.keys())
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_checkpoint(text)
    assert refusal.value.code == "checkpoint-malformed"


def test_no_field_can_hold_what_could_not_be_read() -> None:
    for change in (
        {"origin": "a b"},
        {"size": -1},
        {"size": 2**63},
        {"root": b""},
        {"extensions": ("",)},
        {"extensions": ("a\nb",)},
    ):
        with pytest.raises(Malformed):
            replace(FIVE, **change)
