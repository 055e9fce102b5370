"""ML-DSA-44 signatures (FIPS 204), which a quantum computer would not forge, through `cryptography`.

The installed library may stand on one that has no ML-DSA: then a signature is neither accepted nor called wrong.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidSignature as ForeignInvalidSignature
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from veche.crypto.errors import InvalidSignature, Malformed, Unsupported

PUBLIC_BYTES: Final = 1312
SIGNATURE_BYTES: Final = 2420
SEED_BYTES: Final = 32


def public_ml_dsa(seed: bytes) -> bytes:
    """The public key of 1,312 bytes that belongs to the seed of 32 bytes. Raises Malformed, or Unsupported `ml-dsa-missing`."""
    return _private(seed).public_key().public_bytes_raw()


def sign_ml_dsa(seed: bytes, message: bytes) -> bytes:
    """A signature of 2,420 bytes; another one each time. Raises as `public_ml_dsa`."""
    return _private(seed).sign(message)


def verify_ml_dsa(public: bytes, message: bytes, signature: bytes, whose: str) -> None:
    """Check the signature. Raises InvalidSignature `note-signature`, or Unsupported `ml-dsa-missing`."""
    if len(public) != PUBLIC_BYTES or len(signature) != SIGNATURE_BYTES:
        raise InvalidSignature("note-signature", f"the signature of {whose} is no ML-DSA-44 signature of {SIGNATURE_BYTES} bytes")
    try:
        MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)
    except ForeignInvalidSignature as error:
        raise InvalidSignature("note-signature", f"the signature of {whose} does not belong to this text") from error
    except UnsupportedAlgorithm as error:
        raise _missing() from error


def _private(seed: bytes) -> MLDSA44PrivateKey:
    if len(seed) != SEED_BYTES:
        raise Malformed("seed-malformed", f"an ML-DSA-44 seed has {SEED_BYTES} bytes")
    try:
        return MLDSA44PrivateKey.from_seed_bytes(seed)
    except UnsupportedAlgorithm as error:
        raise _missing() from error


def _missing() -> Unsupported:
    return Unsupported("ml-dsa-missing", "the installed library has no ML-DSA-44, so such a signature cannot be checked")
