"""Group arithmetic comes from a library, through one hot primitive: many short sums of scalar multiples.

`Backend.sums` takes a batch of sums Σ s·P and gives their encodings. Points are 32-byte RFC 8032 encodings that `group.Point`
has already found canonical and in the prime-order group; scalars in `sums` are public integers. Secret scalars only ever
meet `secret_multiple`. Nothing outside this module may know which backend runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from nacl import bindings

# The compiled module behind nacl.bindings: the same functions of libsodium without PyNaCl's checks of argument types, which cost as
# much as an addition. The lengths it relies on are kept by `Point` (32 bytes) and `int.to_bytes(32, …)`.
from nacl._sodium import ffi, lib
from nacl.exceptions import RuntimeError as SodiumError

from veche.crypto.scalar import Q, Secret

Terms = Sequence[tuple[int, bytes]]

IDENTITY: Final = b"\x01" + bytes(31)
BASE: Final = b"\x58" + b"\x66" * 31

# A new buffer for every call: the calls run without Python's lock, so a shared one would mix the answers of two threads.
_OUT: Final = ffi.typeof("unsigned char[32]")


class Backend(Protocol):
    """What a curve library must offer. All results are canonical encodings."""

    def is_member(self, encoding: bytes) -> bool:
        """Whether these 32 bytes are canonical and of order q (the identity is not)."""

    def sums(self, batch: Sequence[Terms]) -> list[bytes]:
        """Σ s·P for every sum of the batch; public scalars, any integers, taken mod q; an empty sum is the identity."""

    def secret_multiple(self, secret: Secret, point: bytes) -> bytes:
        """secret·P in constant time."""


def negate(encoding: bytes) -> bytes:
    """The encoding of −P: the sign bit of x flipped (the identity has x = 0 and stays)."""
    return encoding if encoding == IDENTITY else encoding[:31] + bytes([encoding[31] ^ 0x80])


def clear_cofactor(encoding: bytes) -> bytes | None:
    """8·P for any point P of the whole curve, or None when these 32 bytes are no encoding of one. Public input only.

    libsodium's addition asks that both points lie on the curve, not that they have order q. Eight times any point has order q
    or is the identity.
    """
    try:
        for _ in range(3):
            encoding = bindings.crypto_core_ed25519_add(encoding, encoding)
    except SodiumError:
        return None
    return encoding


class Sodium:
    """libsodium through PyNaCl: always there.

    libsodium's calls refuse a scalar 0 and the identity, as input and as result, so both are handled here.
    """

    def is_member(self, encoding: bytes) -> bool:
        return len(encoding) == 32 and lib.crypto_core_ed25519_is_valid_point(encoding) == 1

    def sums(self, batch: Sequence[Terms]) -> list[bytes]:
        return [self._sum(terms) for terms in batch]

    def secret_multiple(self, secret: Secret, point: bytes) -> bytes:
        if point == IDENTITY or secret.is_zero():
            return IDENTITY
        if point == BASE:
            return bindings.crypto_scalarmult_ed25519_base_noclamp(secret.reveal_bytes())
        return bindings.crypto_scalarmult_ed25519_noclamp(secret.reveal_bytes(), point)

    def _sum(self, terms: Terms) -> bytes:
        total = IDENTITY
        for scalar, point in terms:
            total = self._add(total, self._multiple(scalar, point))
        return total

    def _add(self, left: bytes, right: bytes) -> bytes:
        if left == IDENTITY:
            return right
        if right == IDENTITY:
            return left
        # libsodium gives the encoding of the identity for P + (−P).
        out = ffi.new(_OUT)
        return self._done(lib.crypto_core_ed25519_add(out, left, right), out)

    def _multiple(self, scalar: int, point: bytes) -> bytes:
        if scalar == 1 or point == IDENTITY:
            return point
        if scalar == -1:
            return negate(point)
        scalar %= Q
        if scalar == 0:
            return IDENTITY
        reduced, out = scalar.to_bytes(32, "little"), ffi.new(_OUT)
        if point == BASE:
            return self._done(lib.crypto_scalarmult_ed25519_base_noclamp(out, reduced), out)
        return self._done(lib.crypto_scalarmult_ed25519_noclamp(out, reduced, point), out)

    @staticmethod
    def _done(status: int, out: Any) -> bytes:
        if status != 0:
            raise RuntimeError("libsodium refused a point that was found to be in the group before")
        return bytes(ffi.buffer(out))


@dataclass
class Counting:
    """Another backend with its work counted, so that tests can bound what a hostile input costs."""

    inner: Backend
    memberships: int = 0
    terms: int = 0
    secret_multiples: int = 0

    def is_member(self, encoding: bytes) -> bool:
        self.memberships += 1
        return self.inner.is_member(encoding)

    def sums(self, batch: Sequence[Terms]) -> list[bytes]:
        self.terms += sum(len(terms) for terms in batch)
        return self.inner.sums(batch)

    def secret_multiple(self, secret: Secret, point: bytes) -> bytes:
        self.secret_multiples += 1
        return self.inner.secret_multiple(secret, point)


_active: Backend = Sodium()


def active() -> Backend:
    """The backend in use."""
    return _active


@contextmanager
def using(backend: Backend) -> Iterator[None]:
    """Within the block, all group arithmetic of this process goes through `backend`."""
    global _active
    before, _active = _active, backend
    try:
        yield
    finally:
        _active = before
