"""A private key that signs notes, checkpoints or cosignatures, with its name and type. docs/protocol.md sections 8.6 and 12.3.

Whoever signs is reached through `Signer` alone, so that a key may also live in hardware that never gives it away.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Protocol

from veche.crypto.errors import Malformed
from veche.crypto.ml_dsa import public_ml_dsa, sign_ml_dsa
from veche.crypto.scalar import Randomness
from veche.crypto.signed_note import (
    COSIGNATURE,
    ED25519,
    ML_DSA_44,
    VerifierKey,
    public_ed25519,
    sign_ed25519,
    strict_base64,
    verify_name,
)


class Signer(Protocol):
    """Signs with a key of type 1, 4 or 6: the bytes it is handed, which the caller has made for that type."""

    @property
    def verifier(self) -> VerifierKey:
        """The public key, with name and type."""
        ...

    def sign(self, message: bytes) -> bytes:
        """64 bytes of Ed25519, or 2,420 of ML-DSA-44."""
        ...


class SigningKey:
    """A `Signer` whose seed is in memory; the repr shows the public key only."""

    __slots__ = ("_seed", "_verifier")

    def __init__(self, name: str, seed: bytes, kind: int = ED25519) -> None:
        """Raises Malformed for a bad name, a seed that has not 32 bytes, or another type than 1, 4 and 6."""
        verify_name(name)
        if len(seed) != 32 or kind not in (ED25519, COSIGNATURE, ML_DSA_44):
            raise Malformed("seed-malformed", "a signing key has a seed of 32 bytes and is of type 1, 4 or 6")
        self._seed = seed
        public = public_ml_dsa(seed) if kind == ML_DSA_44 else public_ed25519(seed)
        self._verifier = VerifierKey(name, kind, public)

    @classmethod
    def generate(cls, name: str, randomness: Randomness, kind: int = ED25519) -> SigningKey:
        return cls(name, randomness(32), kind)

    @classmethod
    def from_private_text(cls, text: str) -> SigningKey:
        """The key in the form of Go's tools, `PRIVATE+KEY+NAME+ID+BASE64`, of any type. Raises Malformed without showing it."""
        parts = text.split("+", 4)
        if len(parts) != 5 or parts[:2] != ["PRIVATE", "KEY"]:
            raise Malformed("seed-malformed", "not a private key (PRIVATE+KEY+NAME+ID+KEY)")
        data = strict_base64(parts[4])
        if len(data) != 33:
            raise Malformed("seed-malformed", "a private key has 33 bytes with its type")
        key = cls(parts[2], data[1:], data[0])
        if key.verifier.key_id.hex() != parts[3]:
            raise Malformed("seed-malformed", f"the key ID of {parts[2]} does not belong to this private key")
        return key

    def under(self, name: str) -> SigningKey:
        """The same key under another name: a spare one is made before the logs that it may sign. Raises Malformed."""
        return SigningKey(name, self._seed, self._verifier.kind)

    @property
    def verifier(self) -> VerifierKey:
        return self._verifier

    def sign(self, message: bytes) -> bytes:
        """64 bytes of Ed25519, or 2,420 of ML-DSA-44."""
        sign = sign_ml_dsa if self._verifier.kind == ML_DSA_44 else sign_ed25519
        return sign(self._seed, message)

    def private_text(self) -> str:
        """For the owner's key file only."""
        key = b64encode(bytes([self._verifier.kind]) + self._seed).decode("ascii")
        return f"PRIVATE+KEY+{self._verifier.name}+{self._verifier.key_id.hex()}+{key}"

    def __repr__(self) -> str:
        return f"SigningKey({self._verifier.text()[:200]})"
