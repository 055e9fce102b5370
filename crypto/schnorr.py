"""Knowledge of a discrete logarithm, three times: possession of a key, signatures of version 1, and Veche's own signature.

docs/protocol.md sections 6.1, 5.5 and 3.3 (belenios-interop sections 5, 6, 8; veche-record section 2; [Schnorr 1991]).
"""

from __future__ import annotations

from veche.crypto.errors import InvalidProof, InvalidSignature
from veche.crypto.group import G, Point, secret_multiple, total
from veche.crypto.proof import Proof
from veche.crypto.scalar import Randomness, Secret
from veche.crypto.transcript import challenge
from veche.crypto.version1 import hash_to_scalar, possession_prefix


def sign_version1(secret: Secret, prefix: str, randomness: Randomness) -> Proof:
    """A = w·G, c = H(prefix, A), r = w − c·x: the signature of Belenios version 1 under the hashed `prefix`."""
    nonce = Secret.nonce(randomness, secret, prefix.encode("utf-8"))
    c = hash_to_scalar(prefix, [secret_multiple(nonce, G)])
    return Proof(c, (nonce - Secret.of(c) * secret).expose())


def verify_version1(proof: Proof, prefix: str, public: Point) -> None:
    """Check that whoever knows log_G(public) signed `prefix`. Raises InvalidSignature.

    The public key is not hashed in version 1: the prefix must name it, or the key must be fixed elsewhere.
    """
    c, r = proof.challenge, proof.response
    if hash_to_scalar(prefix, [total([(r, G), (c, public)])]) != c:
        raise InvalidSignature("signature-wrong", "the signature was not made by this key over this text")


def prove_possession(secret: Secret, public: Point, randomness: Randomness) -> Proof:
    """Proof of possession of the secret behind `public`."""
    return sign_version1(secret, possession_prefix(public), randomness)


def verify_possession(proof: Proof, public: Point) -> None:
    """Check that the owner of `public` knows its secret. Raises InvalidProof.

    Without it the last trustee could publish K − (sum of the others) and decrypt alone (attack D1).
    """
    c, r = proof.challenge, proof.response
    if hash_to_scalar(possession_prefix(public), [total([(r, G), (c, public)])]) != c:
        raise InvalidProof("possession-wrong", "knowledge of the secret of this key is not shown")


_TAG = "veche/v1/signature"


def sign(secret: Secret, public: Point, message: bytes, randomness: Randomness) -> Proof:
    """Veche's signature: c = H(tag, K, w·G, message), s = w + c·k. `message` is a transcript with a tag of its own."""
    return sign_with_nonce(secret, public, message, Secret.nonce(randomness, secret, message))


def sign_with_nonce(secret: Secret, public: Point, message: bytes, nonce: Secret) -> Proof:
    """As `sign` with a given nonce, which must never serve twice."""
    c = challenge(_TAG, public, secret_multiple(nonce, G), message)
    return Proof(c, (nonce + Secret.of(c) * secret).expose())


def verify_signature(signature: Proof, public: Point, message: bytes) -> None:
    """Check that the owner of `public` signed exactly `message`; the key is hashed. Raises InvalidSignature."""
    if public.is_identity:
        raise InvalidSignature("signature-key", "the identity is nobody's key")
    c, s = signature.challenge, signature.response
    if challenge(_TAG, public, total([(s, G), (-c, public)]), message) != c:
        raise InvalidSignature("signature-wrong", "the signature was not made by this key over this text")
