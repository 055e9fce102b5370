"""The decryption proof of Belenios version 1: log_G(X) = log_alpha(f). docs/protocol.md section 7.2 [Chaum, Pedersen 1992].

Its challenge hashes neither alpha nor f: a trustee who picks the commitments first could solve for a false factor. It is made and
checked because other people's tools read it; the strong proof (strong_decryption.py) is what a strict election stands on.
"""

from __future__ import annotations

from collections.abc import Sequence

from veche.crypto.errors import InvalidProof
from veche.crypto.group import G, Point, Sum, secret_multiple, sums
from veche.crypto.proof import Proof
from veche.crypto.scalar import Randomness, Secret
from veche.crypto.version1 import decryption_prefix, hash_to_scalar


def decrypt_share(secret: Secret, alpha: Point) -> Point:
    """The factor f = x·alpha."""
    return secret_multiple(secret, alpha)


def prove_decryption(secret: Secret, public: Point, alpha: Point, fingerprint: str, randomness: Randomness) -> Proof:
    """A proof that x·alpha was made with the secret behind `public`."""
    nonce = Secret.nonce(randomness, secret, (decryption_prefix(fingerprint, public) + alpha.hex()).encode("utf-8"))
    points = [secret_multiple(nonce, G), secret_multiple(nonce, alpha)]
    c = hash_to_scalar(decryption_prefix(fingerprint, public), points)
    return Proof(c, (nonce - Secret.of(c) * secret).expose())


def verify_decryptions(public: Point, fingerprint: str, statements: Sequence[tuple[Point, Point, Proof]]) -> None:
    """Check every (alpha, factor, proof) in one batch. Raises InvalidProof naming the place, counted from 1."""
    batch: list[Sum] = []
    for alpha, factor, proof in statements:
        batch.append([(proof.response, G), (proof.challenge, public)])
        batch.append([(proof.response, alpha), (proof.challenge, factor)])
    points = sums(batch)
    for k, (_, _, proof) in enumerate(statements):
        if hash_to_scalar(decryption_prefix(fingerprint, public), points[2 * k : 2 * k + 2]) != proof.challenge:
            raise InvalidProof("decryption-wrong", f"factor {k + 1} is not shown to be made with the secret of this key")
