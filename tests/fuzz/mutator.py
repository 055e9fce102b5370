"""Cheap changes to valid inputs: of bytes, blindly, and of JSON values, so that what is deeper inside is reached too.

Everything follows from the random generator that is handed in; the same seed gives the same inputs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

TOKENS = (
    *(b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\\u0000", b"\\ud800", b"\\u007f", b"\n", b"\r\n", b" ", b"\t", b"\0"),
    *(b"\xff", b"\xc3", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"-", b"0", b"-0", b"00", b"1e9", b"1.0", b"NaN", b"Infinity", b"null"),
    *(b"true", b"9" * 30, b"9" * 5000, b"+", b"=", b"==", b"\xe2\x80\x94 ", b"veche:", b'"annex"', b"[" * 20, b'{"a":' * 20),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 255, 2**30 - 1, 2**30, 2**53, 2**62, 2**63, 10**30, "", "0", "1", "-1", "01", "x", [], {}),
    *([[]], [{}], {"": ""}, "\0", "\x7f", "\u2028", "é", "\n", ["1"]),
    *("0" * 64, "0" * 63 + "1", "f" * 64, "A" * 43, "9" * 77, "1" * 30),
    "7237005577332262213973186563042994240857116359379907606001950938285454250989",
)
_NUMBER = re.compile(rb"[0-9]+")


def mutate(valid: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """One input near `valid`; `others` are valid inputs too, whose parts may be mixed in."""
    data = valid
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        change = random.choice(CHANGES)
        data = change(data, others, random)
    return data


def _at(data: bytes, random: Random) -> int:
    return random.randrange(len(data) + 1)


def _span(data: bytes, random: Random) -> tuple[int, int]:
    start = _at(data, random)
    return start, min(len(data), start + random.choice((1, 1, 2, 4, 16, 64, 512)))


def flip_bit(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    if not data:
        return data
    at = random.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]


def set_byte(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    start, _end = _span(data, random)
    return data[:start] + bytes([random.randrange(256)]) + data[start + 1 :]


def delete(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    start, end = _span(data, random)
    return data[:start] + data[end:]


def repeat(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    start, end = _span(data, random)
    return data[:end] + data[start:end] * random.choice((1, 1, 2, 8)) + data[end:]


def insert_token(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    at = _at(data, random)
    return data[:at] + random.choice(TOKENS) + data[at:]


def exchange(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    a, b, c, d = sorted(_at(data, random) for _ in range(4))
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def cut(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    at = _at(data, random)
    return random.choice((data[:at], data[at:]))


def splice(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    other = random.choice(others)
    return data[: _at(data, random)] + other[_at(other, random) :]


def another_number(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    found = list(_NUMBER.finditer(data, _at(data, random)))[:1]
    if not found:
        return data
    number = random.choice((b"0", b"00", b"1", b"-1", b"7", b"8", b"2147483648", b"18446744073709551616", b"9" * 100, b""))
    return data[: found[0].start()] + number + data[found[0].end() :]


def change_value(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """One node of the JSON value changed, and the text canonical again. A text inside a text may be JSON itself."""
    try:
        value = json.loads(data)
        changed = _changed(value, others, random)
        return json.dumps(changed, separators=(",", ":"), ensure_ascii=False).replace("\x7f", "\\u007f").encode("utf-8")
    except (ValueError, RecursionError):
        return flip_bit(data, others, random)


def _changed(value: Any, others: Sequence[bytes], random: Random) -> Any:
    """`value` with one node changed, found by walking down at random."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        return _changed_object(value, others, random)
    if isinstance(value, list) and value and random.random() < 0.9:
        return _changed_list(value, others, random)
    if isinstance(value, str) and random.random() < 0.7:
        return _changed_text(value, others, random)
    if type(value) is int and random.random() < 0.5:
        return value + random.choice((-1, 1, 2**31))
    return random.choice(VALUES)


def _changed_object(value: dict[str, Any], others: Sequence[bytes], random: Random) -> dict[str, Any]:
    name, what = random.choice(list(value)), random.random()
    if what < 0.75:
        return {**value, name: _changed(value[name], others, random)}
    if what < 0.83:
        return {other: one for other, one in value.items() if other != name}
    if what < 0.9:
        return {other if other != name else "x" + name: one for other, one in value.items()}
    if what < 0.95:
        return dict(sorted(value.items(), key=lambda _: random.random()))
    return {**value, "x": random.choice(VALUES)}


def _changed_list(value: list[Any], others: Sequence[bytes], random: Random) -> list[Any]:
    at, what = random.randrange(len(value)), random.random()
    if what < 0.7:
        return [*value[:at], _changed(value[at], others, random), *value[at + 1 :]]
    if what < 0.78:
        return [*value[:at], *value[at + 1 :]]
    if what < 0.86:
        return [*value[: at + 1], *value[at:]]
    if what < 0.94:
        return value[::-1]
    return [*value[:at], random.choice(value), *value[at + 1 :]]


def _changed_text(value: str, others: Sequence[bytes], random: Random) -> str:
    if value[:1] in ("{", "["):
        return change_value(value.encode("utf-8"), others, random).decode("utf-8", "replace")
    if not value or random.random() < 0.3:
        return str(random.choice(VALUES))
    at = random.randrange(len(value))
    return value[:at] + random.choice('0123456789abcdefABCDEF "\\+=,-zZé\n\0') + value[at + random.choice((0, 1)) :]


Change = Callable[[bytes, Sequence[bytes], Random], bytes]

# Half of all changes keep the text canonical: the others are mostly refused by the first check of all.
BYTES: tuple[Change, ...] = (flip_bit, set_byte, delete, repeat, insert_token, exchange, cut, splice, another_number)
CHANGES: tuple[Change, ...] = (*BYTES, *(change_value,) * len(BYTES))
