"""Equality of many discrete logarithms in one proof: one x with X = x·G and F_k = x·A_k for every k.

docs/protocol.md section 3.4 (veche-record section 3, after RFC 9497 section 2.2). The whole statement is hashed before any weight
or challenge exists, so nobody can choose a false factor afterwards (attacks B1, Z1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha512

from veche.crypto.errors import InvalidProof
from veche.crypto.group import G, Point, secret_multiple, total
from veche.crypto.proof import Proof
from veche.crypto.scalar import Randomness, Secret
from veche.crypto.transcript import challenge, digest512, transcript


@dataclass(frozen=True, slots=True)
class EqualityClaim:
    """One x with `public` = x·G and factors[k] = x·bases[k]. `context` is a transcript that names what the claim is for."""

    context: bytes
    public: Point
    bases: Sequence[Point]
    factors: Sequence[Point]


def prove_equality(secret: Secret, claim: EqualityClaim, randomness: Randomness) -> Proof:
    """A proof of `claim`, made by the one who knows x."""
    return prove_with_nonce(secret, claim, Secret.nonce(randomness, secret, _seed(claim)))


def prove_with_nonce(secret: Secret, claim: EqualityClaim, nonce: Secret) -> Proof:
    """As `prove_equality` with a given nonce, which must never serve twice."""
    seed = _seed(claim)
    base, factor = _combined(seed, claim)
    c = challenge("veche/v1/equality", seed, base, factor, secret_multiple(nonce, G), secret_multiple(nonce, base))
    return Proof(c, (nonce + Secret.of(c) * secret).expose())


def verify_equality(proof: Proof, claim: EqualityClaim) -> None:
    """Check `claim`. Raises InvalidProof: no pairs, unequal numbers, an identity on one side only, a proof that does not hold."""
    if not claim.bases or len(claim.bases) != len(claim.factors):
        raise InvalidProof(
            "equality-lengths", f"{len(claim.bases)} bases and {len(claim.factors)} factors: as many of each, and at least one"
        )
    if claim.public.is_identity:
        raise InvalidProof("equality-key", "the identity is nobody's key")
    if any(a.is_identity != f.is_identity for a, f in zip(claim.bases, claim.factors, strict=True)):
        raise InvalidProof("equality-identity", "a factor is the identity exactly where its base is")
    c, s = proof.challenge, proof.response
    seed = _seed(claim)
    base, factor = _combined(seed, claim)
    u = total([(s, G), (-c, claim.public)])
    v = total([(s, base), (-c, factor)])
    if challenge("veche/v1/equality", seed, base, factor, u, v) != c:
        raise InvalidProof("equality-wrong", "the factors are not shown to be made with the secret of this key")


def _seed(claim: EqualityClaim) -> bytes:
    pairs = [point for pair in zip(claim.bases, claim.factors, strict=True) for point in pair]
    return digest512("veche/v1/equality-seed", claim.context, claim.public, len(claim.bases), *pairs)


def _combined(seed: bytes, claim: EqualityClaim) -> tuple[Point, Point]:
    """Σ ρ_k·A_k and Σ ρ_k·F_k with 128-bit weights drawn from the seed: a false pair survives with probability 2^-128."""
    weights = [_weight(seed, k) for k in range(1, len(claim.bases) + 1)]
    return (
        total(list(zip(weights, claim.bases, strict=True))),
        total(list(zip(weights, claim.factors, strict=True))),
    )


def _weight(seed: bytes, k: int) -> int:
    return int.from_bytes(sha512(transcript("veche/v1/equality-weight", seed, k)).digest()[:16], "little")
