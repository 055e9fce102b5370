"""Disjunctive proofs: one of several ciphertexts encrypts the value said of it, and nobody learns which.

Every 0-or-1 proof, range proof and blank-vote proof of a ballot is one of these. docs/protocol.md sections 5.2 to 5.4
(belenios-interop section 9; [Cramer, Damgård, Schoenmakers 1994]).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from veche.crypto.elgamal import Ciphertext
from veche.crypto.errors import InvalidProof
from veche.crypto.group import G, Point, Sum, secret_multiple, sums, total
from veche.crypto.proof import Proof
from veche.crypto.scalar import Q, Randomness, Secret
from veche.crypto.version1 import hash_to_scalar


@dataclass(frozen=True, slots=True)
class Disjunction:
    """The claim "for some i, ciphertexts[i] encrypts values[i]". `prefix` is what is hashed before the commitments: it
    names election, credential and ciphertexts (crypto/version1.py), so that the proof holds for nothing else.
    """

    prefix: str
    ciphertexts: tuple[Ciphertext, ...]
    values: tuple[int, ...]


def in_range(prefix: str, ciphertext: Ciphertext, values: Sequence[int]) -> Disjunction:
    """The claim that one ciphertext encrypts one of `values`."""
    return Disjunction(prefix, (ciphertext,) * len(values), tuple(values))


def commitments(key: Point, claims: Sequence[tuple[Disjunction, Sequence[Proof]]]) -> list[list[Point]]:
    """A_0, B_0, A_1, B_1, … of every claim, recomputed from its proofs in one batch. The work is in here."""
    batch: list[Sum] = []
    for claim, proofs in claims:
        batch.extend(_commitment_sums(key, claim, proofs))
    points = iter(sums(batch))
    return [[next(points) for _ in range(2 * len(proofs))] for _, proofs in claims]


def verify_commitments(claim: Disjunction, proofs: Sequence[Proof], recomputed: Sequence[Point]) -> None:
    """Check that the challenges add up to the hash of the whole statement. Raises InvalidProof.

    An empty list would make a sum over nothing: it is refused by length (attack B9).
    """
    if not proofs or len(proofs) != len(claim.values):
        raise InvalidProof("disjunction-length", f"{len(proofs)} parts of a proof where {len(claim.values)} belong")
    if sum(proof.challenge for proof in proofs) % Q != hash_to_scalar(claim.prefix, recomputed):
        raise InvalidProof("disjunction-wrong", "the challenges do not add up to the hash of the statement")


def verify_disjunction(key: Point, claim: Disjunction, proofs: Sequence[Proof]) -> None:
    """Check one claim. Raises InvalidProof."""
    if len(proofs) != len(claim.values):
        raise InvalidProof("disjunction-length", f"{len(proofs)} parts of a proof where {len(claim.values)} belong")
    verify_commitments(claim, proofs, commitments(key, [(claim, proofs)])[0])


def prove_disjunction(key: Point, claim: Disjunction, true: int, secret: Secret, randomness: Randomness) -> tuple[Proof, ...]:
    """A proof of `claim`, whose part `true` holds: ciphertexts[true] encrypts values[true] with randomness `secret`.

    Every part costs the same work, whichever is the true one.
    """
    simulated = [_simulated(randomness) for _ in claim.values]
    nonce = Secret.nonce(randomness, secret, claim.prefix.encode("utf-8"))
    honest = (secret_multiple(nonce, G), secret_multiple(nonce, key))
    points = sums(_commitment_sums(key, claim, simulated))
    made = [((points[2 * i], points[2 * i + 1]), honest)[i == true] for i in range(len(simulated))]
    others = sum((proof.challenge, 0)[i == true] for i, proof in enumerate(simulated))
    c = (hash_to_scalar(claim.prefix, [point for pair in made for point in pair]) - others) % Q
    real = Proof(c, (nonce - Secret.of(c) * secret).expose())
    return tuple((proof, real)[i == true] for i, proof in enumerate(simulated))


def _simulated(randomness: Randomness) -> Proof:
    return Proof(Secret.random(randomness).expose(), Secret.random(randomness).expose())


def _commitment_sums(key: Point, claim: Disjunction, proofs: Sequence[Proof]) -> list[Sum]:
    """A_i = r_i·G + c_i·alpha_i and B_i = r_i·y + c_i·(beta_i − M_i·G)."""
    made: list[Sum] = []
    before: tuple[Ciphertext, int, Point] | None = None
    for proof, ciphertext, value in zip(proofs, claim.ciphertexts, claim.values, strict=True):
        # beta − M·G from beta − (M−1)·G costs one addition instead of a multiplication.
        if before is not None and before[0] is ciphertext and before[1] + 1 == value:
            shifted = total([(1, before[2]), (-1, G)])
        else:
            shifted = total([(1, ciphertext.beta), (-value, G)])
        before = (ciphertext, value, shifted)
        c, r = proof.challenge, proof.response
        made.append([(r, G), (c, ciphertext.alpha)])
        made.append([(r, key), (c, shifted)])
    return made
