"""Tagged, length-prefixed hashing of Veche's own proofs. docs/protocol.md section 3.2 (veche-record section 1).

Every item carries its length, so two different statements never give the same bytes (attack B5); every tag has one list of
types, so a transcript made for one purpose is never read as another.
"""

from __future__ import annotations

from hashlib import sha256, sha512

from veche.crypto.group import Point
from veche.crypto.scalar import Q

Item = Point | bytes | int | str


def transcript(tag: str, *items: Item) -> bytes:
    """T(tag, items): each item as its 8-byte big-endian length and its bytes."""
    return b"".join(_item(one) for one in (tag, *items))


def challenge(tag: str, *items: Item) -> int:
    """H(tag, items): SHA-512 of the transcript, 64 bytes little endian, mod q."""
    return int.from_bytes(sha512(transcript(tag, *items)).digest(), "little") % Q


def digest512(tag: str, *items: Item) -> bytes:
    """SHA-512 of the transcript, 64 bytes."""
    return sha512(transcript(tag, *items)).digest()


def digest256(tag: str, *items: Item) -> bytes:
    """SHA-256 of the transcript, 32 bytes."""
    return sha256(transcript(tag, *items)).digest()


def _item(value: Item) -> bytes:
    data = _bytes_of(value)
    return len(data).to_bytes(8, "big") + data


def _bytes_of(value: Item) -> bytes:
    if isinstance(value, Point):
        return value.encoding
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8")
    return b"%d" % value
