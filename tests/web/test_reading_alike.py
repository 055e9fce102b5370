"""Python and TypeScript read the same and refuse the same, with the same codes: no text is one thing here and another there."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable
from pathlib import Path

from tests.ballot.small_election import election
from tests.crypto.drawing import drawing
from tests.vectors import load
from tests.web.node import run_program
from veche.ballot.credential import ALPHABET, generate_code, parse_code, wrong_groups
from veche.ballot.election import parse_election
from veche.crypto.canonical_json import encode, parse
from veche.crypto.errors import ElectionError
from veche.crypto.signed_note import parse_note

PIECES = (
    *("{", "}", "[", "]", ",", ":", "\\", "/", "'", "x", " ", "\n", "\t", "\x0b", "\x00", "\x7f", "\ufeff", "\u2028"),
    *('"', '"a"', '"b"', '"é🌳"', '"\\u0041"', '"\\ud83c\\udf33"', '"\\ud800"', '"\\udc00x"'),
    *("0", "-0", "1", "-17", "01", "1.0", "1e5", "9007199254740993", "true", "false", "null", "NaN"),
)
"""What JSON is made of, and what it is not."""


def changed(data: bytes, draw: random.Random) -> bytes:
    """The bytes with one byte or two changed, lost or doubled."""
    for _ in range(draw.randint(1, 2)):
        at = draw.randrange(len(data))
        put = draw.choice([b"", bytes([draw.randrange(256)]), data[at : at + 1] * 2, b" ", b"\n"])
        data = data[:at] + put + data[at + 1 :]
    return data


def read_text(data: str) -> object:
    return encode(parse(bytes.fromhex(data))).hex()


def read_code(typed: str) -> object:
    return [parse_code(typed), list(wrong_groups(typed))]


def read_note(data: str) -> object:
    return [[name, key.hex()] for name, key, _ in parse_note(bytes.fromhex(data)).lines]


def read_election(data: str) -> object:
    return parse_election(bytes.fromhex(data)).fingerprint


READERS: dict[str, Callable[[str], object]] = {
    "texts": read_text,
    "codes": read_code,
    "notes": read_note,
    "elections": read_election,
}
"""As in web/tests/reading.ts."""


def said(read: Callable[[str], object], given: str) -> object:
    """What was read, or the code of the refusal, in the form of that program."""
    try:
        return {"read": read(given)}
    except ElectionError as error:
        return {"refused": error.code}


def separators() -> list[str]:
    """Every character that Python calls white space or a dash, and neighbours of them."""
    whole = [chr(code) for code in range(0x10000) if not 0xD800 <= code < 0xE000]
    return [one for one in whole if one.isspace() or unicodedata.category(one) in ("Pd", "Cf", "Zs", "Zl", "Zp")]


def test_texts_codes_notes_and_elections_are_read_alike(tmp_path: Path) -> None:
    draw = random.Random("read alike")
    note = load("spec/transparency-log-vectors.json")["checkpoint5_cosigned"].encode()
    asked, code = election().raw, generate_code(drawing("read alike"))
    texts = ["".join(draw.choices(PIECES, k=draw.randint(1, 8))).encode() for _ in range(3000)]
    letters = ALPHABET + "АВСЕНКМОРТХУЅІЈаеорсухѕіјвбЯ0OIl -—é"
    given = {
        "texts": [one.hex() for one in (*texts, *(changed(asked, draw) for _ in range(500)))],
        "codes": [code[:at] + one + code[at:] for one in separators() for at in (0, 7)]
        + ["".join(draw.choices(letters, k=draw.randint(20, 24))) for _ in range(1000)],
        "notes": [changed(note, draw).hex() for _ in range(500)],
        "elections": [changed(asked, draw).hex() for _ in range(500)],
    }
    answer = run_program("reading", given, tmp_path)
    for kind, read in READERS.items():
        ours = [said(read, one) for one in given[kind]]
        differ = [(one, mine, other) for one, mine, other in zip(given[kind], ours, answer[kind], strict=True) if mine != other]
        assert differ[:20] == []
        assert {word for one in ours if isinstance(one, dict) for word in one} == {"read", "refused"}
