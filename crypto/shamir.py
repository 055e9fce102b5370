"""Sharing a secret among n so that any t recover it: polynomials, their public coefficients, Lagrange interpolation.

docs/protocol.md section 6.3 ([Shamir 1979], [Feldman 1987]; belenios-interop sections 6 and 14). Coefficients and
values are `Secret`; indices are small public integers from 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from veche.crypto.errors import Inconsistent, Malformed
from veche.crypto.group import G, Point, Sum, secret_multiple, sums, total
from veche.crypto.scalar import Q, Randomness, Secret


@dataclass(frozen=True, slots=True)
class Polynomial:
    """f(z) = a_0 + a_1·z + … + a_{t−1}·z^{t−1} mod q, all coefficients secret.

    Any t values give f(0), fewer give nothing.
    """

    coefficients: tuple[Secret, ...]

    @classmethod
    def random(cls, threshold: int, randomness: Randomness) -> Polynomial:
        """A uniform polynomial of `threshold` coefficients, each from 64 random bytes."""
        if threshold < 1:
            raise Malformed("threshold-limits", f"a threshold is at least 1, found {threshold}")
        return cls(tuple(Secret.random(randomness) for _ in range(threshold)))

    def at(self, index: int) -> Secret:
        """f(index), by Horner's rule in constant-time arithmetic."""
        z = Secret.of(index)
        value = Secret.of(0)
        for coefficient in reversed(self.coefficients):
            value = value * z + coefficient
        return value

    def commitments(self) -> tuple[Point, ...]:
        """A_k = a_k·G for every coefficient: what lets everyone check a value without learning it."""
        return tuple(secret_multiple(coefficient, G) for coefficient in self.coefficients)


def committed_value(commitments: Sequence[Point], index: int) -> Point:
    """Σ_k index^k·A_k: the public image f(index)·G of the value at `index`."""
    return total(_powers(commitments, index))


def public_shares(dealers: Sequence[Sequence[Point]], size: int) -> list[Point]:
    """X_j = Σ_i Σ_k j^k·A_ik for j = 1..size.

    The dealers' polynomials are added first, so this costs size·t multiples.
    """
    added = sums([[(1, point) for point in column] for column in zip(*dealers, strict=True)])
    return sums([_powers(added, j) for j in range(1, size + 1)])


def lagrange(indices: Sequence[int], at: int = 0) -> list[int]:
    """λ_j with f(at) = Σ_j λ_j·f(j) mod q, for every polynomial of at most as many coefficients as `indices`.

    Raises Malformed when an index is repeated or below 1.
    """
    if len(set(indices)) != len(indices) or any(index < 1 for index in indices):
        raise Malformed("lagrange-indices", f"different places from 1 were expected, found {list(indices)}")
    return [_lagrange_one(j, indices, at) for j in indices]


def interpolate(shares: Mapping[int, Point], at: int = 0) -> Point:
    """Σ_j λ_j·P_j: the image at `at` of the polynomial whose images at the indices are given."""
    return total(list(zip(lagrange(list(shares), at), shares.values(), strict=True)))


def verify_same_polynomial(shares: Mapping[int, Sequence[Point]], threshold: int) -> None:
    """Check that in every column all shares lie on one polynomial of `threshold` coefficients. Raises Inconsistent.

    `shares` gives for each index one point per column (per ciphertext of a tally). With at most `threshold` shares
    there is nothing to compare. Any t of them then give the same result (attack Z1).
    """
    indices = sorted(shares)
    chosen, extra = indices[:threshold], indices[threshold:]
    for index in extra:
        weights = lagrange(chosen, at=index)
        columns = zip(*(shares[j] for j in chosen), strict=True)
        expected = sums([list(zip(weights, column, strict=True)) for column in columns])
        if expected != list(shares[index]):
            raise Inconsistent("shares-disagree", f"the share of place {index} does not lie on the polynomial of {chosen}")


def _powers(points: Sequence[Point], index: int) -> Sum:
    return [(pow(index, k, Q), point) for k, point in enumerate(points)]


def _lagrange_one(j: int, indices: Sequence[int], at: int) -> int:
    numerator = denominator = 1
    for k in indices:
        if k != j:
            numerator = numerator * (at - k) % Q
            denominator = denominator * (j - k) % Q
    return numerator * pow(denominator, -1, Q) % Q
