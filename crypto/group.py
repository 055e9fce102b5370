"""The prime-order group of Ed25519. `Point.decode` is the only way in from bytes. docs/protocol.md section 2."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from veche.crypto import backend
from veche.crypto.errors import Malformed
from veche.crypto.scalar import Q, Secret

_HEX = re.compile(r"[0-9a-f]{64}")

Sum = Sequence[tuple[int, "Point"]]


@dataclass(frozen=True, slots=True)
class Point:
    """An element of the group of order q, as its canonical 32-byte RFC 8032 encoding.

    Invariant: canonical and of order q, or the identity; nothing below checks again. Operators take public scalars.
    """

    encoding: bytes

    @classmethod
    def decode(cls, data: bytes) -> Point:
        """The point of order q with this encoding. Raises Malformed for anything else, the identity included.

        A point with a component of small order would satisfy every proof whose challenges are 0 mod 8 (attack B7).
        """
        if len(data) != 32 or not backend.active().is_member(data):
            raise Malformed("point-not-in-group", "not a canonical encoding of a point of order q")
        return cls(data)

    @classmethod
    def decode_or_identity(cls, data: bytes) -> Point:
        """As `decode`, but the identity is allowed: right in tallies and factors only."""
        return IDENTITY if data == backend.IDENTITY else cls.decode(data)

    @classmethod
    def from_hex(cls, text: object) -> Point:
        """The point of order q in Belenios form: 64 lower-case hex digits, bytes reversed. Raises Malformed."""
        return cls.decode(_bytes_of(text))

    @classmethod
    def from_hex_or_identity(cls, text: object) -> Point:
        """As `from_hex`, but the identity is allowed."""
        return cls.decode_or_identity(_bytes_of(text))

    def hex(self) -> str:
        """Belenios form S(P): the encoding reversed, in lower-case hex."""
        return self.encoding[::-1].hex()

    @property
    def is_identity(self) -> bool:
        return self.encoding == backend.IDENTITY

    def __add__(self, other: Point) -> Point:
        return total([(1, self), (1, other)])

    def __sub__(self, other: Point) -> Point:
        return total([(1, self), (-1, other)])

    def __neg__(self) -> Point:
        return Point(backend.negate(self.encoding))

    def __rmul__(self, scalar: int) -> Point:
        return total([(scalar, self)])

    def __repr__(self) -> str:
        return f"Point({self.hex()[:12]}…)"


def _bytes_of(text: object) -> bytes:
    if type(text) is not str or _HEX.fullmatch(text) is None:
        raise Malformed("point-not-canonical", "a group element is written as 64 lower-case hexadecimal digits")
    return bytes.fromhex(text)[::-1]


G: Final = Point(backend.BASE)
"""The base point of Ed25519."""

IDENTITY: Final = Point(backend.IDENTITY)
"""The neutral element."""


def sums(batch: Sequence[Sum]) -> list[Point]:
    """Σ s·P for every sum of the batch; scalars are public."""
    terms = [[(scalar, point.encoding) for scalar, point in one] for one in batch]
    return [Point(encoding) for encoding in backend.active().sums(terms)]


def total(terms: Sum) -> Point:
    """Σ s·P of one sum."""
    return sums([terms])[0]


def secret_multiple(secret: Secret, point: Point) -> Point:
    """secret·P, in constant time."""
    return Point(backend.active().secret_multiple(secret, point.encoding))


__all__ = ["G", "IDENTITY", "Point", "Q", "Sum", "secret_multiple", "sums", "total"]
