"""Exponential ElGamal. docs/protocol.md section 5.1."""

from __future__ import annotations

from dataclasses import dataclass

from veche.crypto.group import IDENTITY, G, Point, secret_multiple
from veche.crypto.scalar import Secret


@dataclass(frozen=True, slots=True)
class Ciphertext:
    """An encryption of m under public key y: alpha = r·G, beta = m·G + r·y. Both points lie in the prime-order group."""

    alpha: Point
    beta: Point

    def __add__(self, other: Ciphertext) -> Ciphertext:
        """Encrypt the sum of both plaintexts without learning either."""
        return Ciphertext(self.alpha + other.alpha, self.beta + other.beta)


NOTHING = Ciphertext(IDENTITY, IDENTITY)
"""The encryption of 0 with randomness 0: the tally of no ballots."""


def encrypt(bit: int, key: Point, randomness: Secret) -> Ciphertext:
    """alpha = r·G, beta = m·G + r·y for m = 0 or 1. Both candidates are computed, so that the time taken does not show the vote."""
    masked = secret_multiple(randomness, key)
    return Ciphertext(secret_multiple(randomness, G), (masked, masked + G)[bit])
