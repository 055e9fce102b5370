"""What the three types of signature lines sign of a checkpoint. docs/protocol.md section 12.3; C2SP tlog-cosignature 1.0.1.

Type 1 is the log's Ed25519 signature of the text. Types 4 and 6 carry a time, and are made by cosigners: this was the largest
tree I had seen of this origin then, consistent with all I signed before. A log may sign with type 6 too, under its own name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from veche.crypto.errors import InvalidSignature, Malformed, said
from veche.crypto.ml_dsa import PUBLIC_BYTES, SIGNATURE_BYTES, verify_ml_dsa
from veche.crypto.signed_note import COSIGNATURE, ED25519, ML_DSA_44, VerifierKey, signature_line, verify_message
from veche.crypto.signing_key import Signer
from veche.ledger.checkpoint import Checkpoint

MAX_TIME: Final = 2**63 - 1
LOG_KINDS: Final = (ED25519, ML_DSA_44)
COSIGNER_KINDS: Final = (COSIGNATURE, ML_DSA_44)

_PUBLIC_BYTES: Final = {ED25519: 32, COSIGNATURE: 32, ML_DSA_44: PUBLIC_BYTES}
_SIGNATURE_BYTES: Final = {COSIGNATURE: 64, ML_DSA_44: SIGNATURE_BYTES}
_SUBTREE: Final = b"subtree/v1\n\x00"
_TIME_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Cosignature:
    """`key` signed the checkpoint at `time`, seconds since 1970; 0 where the type has none, or its maker did not say."""

    key: VerifierKey
    time: int


def verify_key(key: VerifierKey, kinds: tuple[int, ...], whose: str) -> None:
    """Check that the key is of one of these types and as long as its type wants. Raises Malformed `checkpoint-key`."""
    if key.kind not in kinds or len(key.public) != _PUBLIC_BYTES[key.kind]:
        known: str = str(kinds[0])
        for kind in kinds[1:]:
            known = said("%(kinds)s or %(kind)s", kinds=known, kind=kind)
        raise Malformed(
            "checkpoint-key",
            said(
                "%(whose)s %(name)s: a key of type %(known)s, found %(bytes)s bytes of type %(kind)s",
                whose=whose,
                name=key.name[:100],
                known=known,
                bytes=len(key.public),
                kind=key.kind,
            ),
        )


def signed_message(key: VerifierKey, checkpoint: Checkpoint, time: int) -> bytes:
    """The bytes that the holder of `key` signs. `time` is not used by type 1. Raises Malformed for what type 6 cannot say."""
    if not 0 <= time <= MAX_TIME:
        raise Malformed("cosignature-malformed", f"a cosignature of the time {time}: 0 to 2^63 - 1 was expected")
    match key.kind:
        case 1:
            return checkpoint.text().encode("utf-8")
        case 4:
            # The name is not among what is signed: a key serves one name only.
            return f"cosignature/v1\ntime {time}\n{checkpoint.text()}".encode()
        case 6:
            return _subtree_message(key.name, checkpoint, time)
        case other:
            raise Malformed("checkpoint-key", f"a key of type {other} signs no checkpoints")


def make_line(signer: Signer, checkpoint: Checkpoint, time: int) -> str:
    """The signature line, without a newline, of this signer. A cosigner's `time` (seconds since 1970) is never 0."""
    key = signer.verifier
    signature = signer.sign(signed_message(key, checkpoint, time))
    stamped = signature if key.kind == ED25519 else time.to_bytes(_TIME_BYTES, "big") + signature
    return signature_line(key, stamped)


def verify_signature(key: VerifierKey, checkpoint: Checkpoint, signature: bytes) -> Cosignature:
    """Check what stands after the key ID of a line of `key`; who signed, and when.

    Raises InvalidSignature `note-signature`, Malformed for a key or a time that cannot be, Unsupported `ml-dsa-missing`.
    """
    verify_key(key, (ED25519, COSIGNATURE, ML_DSA_44), "the key of")
    if key.kind == ED25519:
        verify_message(key, signed_message(key, checkpoint, 0), signature)
        return Cosignature(key, 0)
    if len(signature) != _TIME_BYTES + _SIGNATURE_BYTES[key.kind]:
        raise InvalidSignature(
            "note-signature", f"the line of {key.name[:100]} has {len(signature)} bytes: no cosignature of its type"
        )
    time, rest = int.from_bytes(signature[:_TIME_BYTES], "big"), signature[_TIME_BYTES:]
    message = signed_message(key, checkpoint, time)
    if key.kind == ML_DSA_44:
        verify_ml_dsa(key.public, message, rest, key.name)
    else:
        verify_message(key, message, rest)
    return Cosignature(key, time)


def _subtree_message(name: str, checkpoint: Checkpoint, time: int) -> bytes:
    """The whole tree as the subtree from 0 up to its size. Extension lines are not part of it."""
    return b"".join(
        (
            _SUBTREE,
            _short(name),
            time.to_bytes(8, "big"),
            _short(checkpoint.origin),
            (0).to_bytes(8, "big"),
            checkpoint.size.to_bytes(8, "big"),
            checkpoint.root,
        )
    )


def _short(name: str) -> bytes:
    data = name.encode("utf-8")
    if not 1 <= len(data) <= 255:
        raise Malformed("cosignature-malformed", f"the name {name[:40]} has {len(data)} bytes; an ML-DSA line can name 1 to 255")
    return bytes([len(data)]) + data
