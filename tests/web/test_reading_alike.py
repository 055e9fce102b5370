"""Python and TypeScript read the same and refuse the same, with the same codes: no text is one thing here and another there."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


def said(read: Callable[[], Any]) -> Any:
    """What was read, or the code of the refusal, in the form of web/tests/reading.ts."""
    try:
        return {"read": read()}
    except ElectionError as error:
        return {"refused": error.code}


def separators() -> list[str]:
    """Every character that Python calls white space or a dash, and neighbours of them."""
    whole = [chr(code) for code in range(0x10000) if not 0xD800 <= code < 0xE000]
    return [one for one in whole if one.isspace() or unicodedata.category(one) in ("Pd", "Cf", "Zs", "Zl", "Zp")]


def test_texts_codes_notes_and_elections_are_read_alike(tmp_path: Path) -> None:
    draw = random.Random("read alike")
    known = load("spec/transparency-log-vectors.json")
    note, asked = known["checkpoint5_cosigned"].encode(), election().raw
    texts = ["".join(draw.choices(PIECES, k=draw.randint(1, 8))).encode() for _ in range(3000)]
    texts += [changed(asked, draw) for _ in range(500)]
    code = generate_code(drawing("read alike"))
    typed = [code[:at] + one + code[at:] for one in separators() for at in (0, 7)]
    typed += ["".join(draw.choices(ALPHABET + "АВСЕНКМОРТХУЅІЈаеорсухѕіјвбЯ0OIl -—é", k=draw.randint(20, 24))) for _ in range(1000)]
    notes = [changed(note, draw) for _ in range(500)]
    elections = [changed(asked, draw) for _ in range(500)]
    answer = run_program(
        "reading",
        {
            "texts": [one.hex() for one in texts],
            "codes": typed,
            "notes": [one.hex() for one in notes],
            "elections": [one.hex() for one in elections],
        },
        tmp_path,
    )
    ours = {
        "texts": [said(lambda one=one: encode(parse(one)).hex()) for one in texts],
        "codes": [said(lambda one=one: [parse_code(one), list(wrong_groups(one))]) for one in typed],
        "notes": [said(lambda one=one: [[name, key.hex()] for name, key, _ in parse_note(one).lines]) for one in notes],
        "elections": [said(lambda one=one: parse_election(one).fingerprint) for one in elections],
    }
    given = {"texts": texts, "codes": typed, "notes": notes, "elections": elections}
    differ = [
        (kind, one, mine, theirs)
        for kind, mine_all in ours.items()
        for one, mine, theirs in zip(given[kind], mine_all, answer[kind], strict=True)
        if mine != theirs
    ]
    assert differ[:20] == []
    assert all(any("read" in one for one in answer[kind]) and any("refused" in one for one in answer[kind]) for kind in answer)
