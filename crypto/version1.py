"""Every hashed string of Belenios protocol version 1, in one module, so that a version 2 can stand beside it.

`H(prefix, A1..An)` = SHA-256 of prefix ‖ S(A1) "," … S(An), big endian, mod q. docs/protocol.md section 3.1
(belenios-interop sections 5 to 13).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256

from veche.crypto.group import Point
from veche.crypto.scalar import Q

GROUP = "Ed25519"


def hash_to_scalar(prefix: str, points: Sequence[Point]) -> int:
    """H(prefix, points) mod q."""
    hashed = prefix + ",".join(point.hex() for point in points)
    return int.from_bytes(sha256(hashed.encode("utf-8")).digest(), "big") % Q


def compact(data: bytes) -> str:
    """SHA-256 of `data` in standard base64 without padding, 43 characters: fingerprint, tracker, signature hash."""
    return b64encode(sha256(data).digest()).decode("ascii").rstrip("=")


def possession_prefix(public: Point) -> str:
    """Proof of possession of a trustee's key. The election is not bound in."""
    return f"pok|{GROUP}|{public.hex()}|"


def message_prefix(message: str) -> str:
    """Signature of a key-generation message. The key is not bound in."""
    return f"sigmsg|{message}|"


def ballot_signature_prefix(ballot_hash: str) -> str:
    """Signature of a ballot; `ballot_hash` is the compact hash of the ballot without its signature."""
    return f"sig|{ballot_hash}|"


def ballot_context(fingerprint: str, credential: Point) -> str:
    """Z: binds every proof of a ballot to election and credential."""
    return f"{fingerprint}|{credential.hex()}"


def answer_context(context: str, ciphertexts: Iterable[tuple[Point, Point]]) -> str:
    """Z′: Z and all ciphertexts of one answer, the blank one included."""
    return context + "|" + ",".join(f"{alpha.hex()},{beta.hex()}" for alpha, beta in ciphertexts)


def disjunction_prefix(context: str, alpha: Point, beta: Point) -> str:
    """Proof that (alpha, beta) encrypts one of a list of values."""
    return f"prove|{context}|{alpha.hex()},{beta.hex()}|"


def blank_prefix(which: int, context: str) -> str:
    """The two proofs of a question with a blank vote: `which` is 0 (blank proof) or 1 (overall proof)."""
    return f"bproof{which}|{context}|"


def decryption_prefix(fingerprint: str, public: Point) -> str:
    """Decryption proof. Alpha and factor are not bound in: hence the strong proof (attack Z1)."""
    return f"decrypt|{fingerprint}|{public.hex()}|"
