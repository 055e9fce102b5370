"""Scalars: integers mod q for what is public, `Secret` for what is not.

A `Secret` is 32 bytes that only libsodium's constant-time functions touch; Python's integers, whose running time depends on their
value, meet it at three named places: reading a key file (`from_decimal`), writing one, and publishing a response (`expose`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha512
from typing import Final

from nacl import bindings, utils

from veche.crypto.errors import Malformed, Refused

Q: Final = 2**252 + 27742317777372353535851937790883648493
"""Order of the group: the prime of edwards25519."""

Randomness = Callable[[int], bytes]
"""Gives n fresh random bytes. Tests pass their own; everything else passes `system_randomness`."""

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,76}")


def system_randomness(size: int) -> bytes:
    """`size` bytes from libsodium's generator, which is the operating system's."""
    return utils.random(size)


def parse_scalar(text: object) -> int:
    """A scalar from its JSON form: a string of decimal digits without leading zeros, below q. Raises Malformed."""
    if type(text) is not str or _DECIMAL.fullmatch(text) is None or int(text) >= Q:
        raise Malformed("scalar-not-canonical", "a decimal string without leading zeros and below q was expected")
    return int(text)


class Secret:
    """A secret scalar mod q (32 bytes, little endian). Its repr shows nothing, it cannot be pickled or compared by ==."""

    __slots__ = ("_bytes",)

    def __init__(self, reduced: bytes) -> None:
        if len(reduced) != 32:
            raise Malformed("secret-malformed", "a secret scalar has 32 bytes")
        self._bytes = bindings.crypto_core_ed25519_scalar_reduce(reduced + bytes(32))

    @classmethod
    def random(cls, randomness: Randomness) -> Secret:
        """A uniform secret from 64 random bytes. Raises Refused when the generator gives zeros."""
        return cls._from_wide(randomness(64))

    @classmethod
    def nonce(cls, randomness: Randomness, secret: Secret, statement: bytes) -> Secret:
        """A nonce that stays unpredictable even if the generator fails: random bytes, secret and statement hashed.

        docs/protocol.md section 2.4. Two proofs with one nonce would give the key away.
        """
        fresh = randomness(64)
        if not any(fresh):
            raise Refused("randomness-failed", "the random generator gave only zeros; nothing was made")
        hashed = sha512(b"veche/v1/nonce" + fresh + secret._bytes + sha512(statement).digest())
        return cls._from_wide(hashed.digest())

    @classmethod
    def _from_wide(cls, wide: bytes) -> Secret:
        value = cls(bindings.crypto_core_ed25519_scalar_reduce(wide))
        if value.is_zero():
            raise Refused("randomness-failed", "the random generator gave zero; nothing was made")
        return value

    @classmethod
    def from_wide_digest(cls, digest: bytes) -> Secret:
        """The secret given by a digest of at most 64 bytes, read big endian and reduced mod q."""
        return cls(bindings.crypto_core_ed25519_scalar_reduce(digest[::-1].ljust(64, b"\0")))

    @classmethod
    def from_decimal(cls, text: object) -> Secret:
        """The secret written in a key file. Raises Malformed without showing it."""
        return cls(parse_scalar(text).to_bytes(32, "little"))

    @classmethod
    def of(cls, value: int) -> Secret:
        """A small known value (a vote, an index, a challenge) where a secret is computed with."""
        return cls((value % Q).to_bytes(32, "little"))

    def __add__(self, other: Secret) -> Secret:
        return Secret(bindings.crypto_core_ed25519_scalar_add(self._bytes, other._bytes))

    def __sub__(self, other: Secret) -> Secret:
        return Secret(bindings.crypto_core_ed25519_scalar_sub(self._bytes, other._bytes))

    def __mul__(self, other: Secret) -> Secret:
        return Secret(bindings.crypto_core_ed25519_scalar_mul(self._bytes, other._bytes))

    def is_zero(self) -> bool:
        """Whether this is 0, compared in constant time."""
        return bindings.sodium_memcmp(self._bytes, bytes(32))

    def same_as(self, other: Secret) -> bool:
        """Whether both are the same scalar, compared in constant time."""
        return bindings.sodium_memcmp(self._bytes, other._bytes)

    def reveal_bytes(self) -> bytes:
        """The 32 bytes, for the constant-time calls of backend.py and for key files only."""
        return self._bytes

    def expose(self) -> int:
        """The value as an integer: a response about to be published, or a key about to be written to its owner's file."""
        return int.from_bytes(self._bytes, "little")

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        raise TypeError("secrets are compared by same_as, in constant time")

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is not pickled")
