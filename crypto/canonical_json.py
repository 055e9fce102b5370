"""Strict JSON on bytes: one text per value, or `Malformed`.

Parsers that differ about one text let two verifiers see two ballots (duplicate keys, `1.0`, `\\u0041`, a byte order mark, bytes
after the end). So a text is accepted only if printing the parsed value again gives the same bytes. docs/protocol.md section 3.
"""

from __future__ import annotations

import json
import re
from typing import NoReturn, TypeAlias

from veche.crypto.errors import Malformed, said

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"

MAX_DEPTH = 16
MAX_BYTES = 256 * 1024 * 1024

# Never goes back (++, *+), and an unclosed string reaches to the end: otherwise 64 KiB of quotes cost half a minute.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_NOT_BRACKETS = bytes(b for b in range(256) if b not in b"[]{}")


def dumps(value: Json) -> str:
    """The canonical text of `value`: compact, UTF-8 raw, `\\u00xx` in lower case for control characters and 0x7f."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).replace("\x7f", "\\u007f")


def encode(value: Json) -> bytes:
    """The canonical bytes of `value`. Raises Malformed if a string holds half a surrogate pair."""
    try:
        return dumps(value).encode("utf-8")
    except UnicodeEncodeError as error:
        raise Malformed("not-canonical", said("a text holds half a surrogate pair, which is no character")) from error


def parse(data: bytes, limit: int = MAX_BYTES) -> Json:
    """The value of a strict JSON text, which may hold white space and any field order.

    Refuses with Malformed: more than `limit` bytes, invalid UTF-8, a byte order mark, doubled keys, numbers that are not
    integers, more than 16 levels, anything after the end.
    """
    if len(data) > limit:
        raise Malformed("not-json", said("%(found)s bytes where at most %(most)s are allowed", found=len(data), most=limit))
    _refuse_depth(data)
    try:
        value: Json = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=_integer,
            parse_float=_refuse_float,
            parse_constant=_refuse_float,
        )
    except UnicodeDecodeError as error:
        raise Malformed("not-json", said("byte %(place)s is not UTF-8", place=error.start)) from error
    except json.JSONDecodeError as error:
        raise Malformed("not-json", said("not JSON from character %(place)s on, or cut short", place=error.pos + 1)) from error
    except (ValueError, RecursionError) as error:
        raise Malformed("not-json", said("not JSON (%(kind)s)", kind=type(error).__name__)) from error
    if _SURROGATE.search(data) is not None:
        encode(value)  # A lone half would break whatever prints this text later.
    return value


def parse_canonical(data: bytes, limit: int = MAX_BYTES) -> Json:
    """The value of `data`, whose bytes are exactly `encode(value)`; else Malformed."""
    value = parse(data, limit)
    again = encode(value)
    if again != data:
        at = next((i for i, (x, y) in enumerate(zip(data, again, strict=False)) if x != y), min(len(data), len(again)))
        raise Malformed("not-canonical", f"not in the one canonical form (first difference at byte {at})")
    return value


def fields(value: Json, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, Json]:
    """`value` as an object with exactly these fields, in this order (`required` names all, `optional` those that may be absent)."""
    if type(value) is not dict:
        raise Malformed("wrong-fields", f"an object with {', '.join(required)} was expected")
    found = tuple(value)
    if found != required and found != tuple(name for name in required if name not in optional or name in value):
        raise Malformed("wrong-fields", f"fields {', '.join(required)} were expected, found {_shown(found)}")
    return value


def text(value: Json) -> str:
    """`value` as a string."""
    if type(value) is not str:
        raise Malformed("wrong-type", said("a string was expected"))
    return value


def integer(value: Json, least: int = 0, most: int = 2**62) -> int:
    """`value` as an integer of `least`..`most`; true and false are no numbers."""
    if type(value) is not int or not least <= value <= most:
        raise Malformed("wrong-type", said("a whole number from %(least)s to %(most)s was expected", least=least, most=most))
    return value


def boolean(value: Json) -> bool:
    """`value` as true or false."""
    if type(value) is not bool:
        raise Malformed("wrong-type", said("true or false was expected"))
    return value


def array(value: Json, length: int | None = None) -> list[Json]:
    """`value` as a list, of `length` items when given."""
    if type(value) is not list:
        raise Malformed("wrong-type", said("a list was expected"))
    if length is not None and len(value) != length:
        raise Malformed("wrong-length", f"a list of {length} was expected, found {len(value)}")
    return value


_HEX64 = re.compile(r"[0-9a-f]{64}")


def digest(value: Json) -> str:
    """`value` as a SHA-256 in 64 lower-case hexadecimal digits."""
    if type(value) is not str or _HEX64.fullmatch(value) is None:
        raise Malformed("wrong-type", "64 lower-case hexadecimal digits were expected")
    return value


def _shown(names: tuple[str, ...]) -> str:
    shown = ", ".join(name[:40] for name in names[:12]) or "none"
    return shown.encode("unicode_escape").decode("ascii") + ("…" if len(names) > 12 else "")


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("doubled key")
    return value


def _integer(written: str) -> int:
    if written == "-0":
        raise ValueError("minus zero")
    return int(written)


def _refuse_float(_: str) -> NoReturn:
    raise ValueError("not an integer")


def _refuse_depth(data: bytes) -> None:
    """Counted before parsing, so that 100,000 brackets cost one pass and no recursion."""
    depth = 0
    for bracket in _STRING.sub(b"", data).translate(None, _NOT_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            raise Malformed("not-json", said("more than %(most)s levels of lists and objects", most=MAX_DEPTH))
