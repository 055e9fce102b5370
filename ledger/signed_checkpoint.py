"""A checkpoint with its signature lines: made, read, verified, and joined with what cosigners sent. docs/protocol.md section 12.2.

Two rules of signed notes stand behind everything: a line whose name and key ID are known must verify, or the whole note is
refused; a line of anybody else is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from veche.crypto.errors import InvalidSignature, Malformed, Refused
from veche.crypto.signed_note import ED25519, Note, VerifierKey, parse_line, parse_note, written_line
from veche.crypto.signing_key import Signer
from veche.ledger.checkpoint import Checkpoint, parse_checkpoint
from veche.ledger.cosignature import LOG_KINDS, Cosignature, make_line, verify_key, verify_signature

MAX_BYTES: Final = 256 * 1024
"""Longest signed checkpoint that is read: 64 lines of ML-DSA-44 and some room."""


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint as read, with the lines below it: nothing is verified yet."""

    checkpoint: Checkpoint
    note: Note

    def data(self) -> bytes:
        """The exact bytes it was read from."""
        return note_bytes(self.checkpoint, (written_line(*one) for one in self.note.lines))


def parse_signed(data: bytes) -> SignedCheckpoint:
    """The signed checkpoint of its bytes. Raises Malformed `note-malformed` or `checkpoint-malformed`."""
    if len(data) > MAX_BYTES:
        raise Malformed("checkpoint-malformed", f"a signed checkpoint of {len(data)} bytes; at most {MAX_BYTES} are read")
    note = parse_note(data)
    return SignedCheckpoint(parse_checkpoint(note.text), note)


def sign_checkpoint(checkpoint: Checkpoint, signers: Sequence[Signer], time: int = 0) -> bytes:
    """The checkpoint with a line of each signer of the log, in their order; `time` is for types that have one.

    Raises Refused `checkpoint-origin` when a signer has another name than the log, or none is Ed25519.
    """
    if any(signer.verifier.name != checkpoint.origin for signer in signers):
        raise Refused("checkpoint-origin", f"a checkpoint of {checkpoint.origin[:100]} is signed by keys of this name only")
    if not any(signer.verifier.kind == ED25519 for signer in signers):
        raise Refused("checkpoint-origin", f"a checkpoint of {checkpoint.origin[:100]} needs an Ed25519 line")
    return note_bytes(checkpoint, (make_line(signer, checkpoint, time) for signer in signers))


def note_bytes(checkpoint: Checkpoint, lines: Iterable[str]) -> bytes:
    """The checkpoint's text, an empty line, and these lines."""
    return (checkpoint.text() + "\n" + "".join(f"{line}\n" for line in lines)).encode("utf-8")


def verify_lines(signed: SignedCheckpoint, keys: Sequence[VerifierKey]) -> tuple[Cosignature, ...]:
    """Check the lines of these keys, all of them; who of them signed, each once, in the order of the lines.

    Raises InvalidSignature `note-signature` as soon as a line of a known key does not verify.
    """
    known = {(key.name, key.key_id): key for key in keys}
    signatures: dict[VerifierKey, Cosignature] = {}
    for name, key_id, signature in signed.note.lines:
        key = known.get((name, key_id))
        if key is not None:
            found = verify_signature(key, signed.checkpoint, signature)
            # Two lines of one key are one voice: the newer one.
            signatures[key] = max(found, signatures.get(key, found), key=lambda one: one.time)
    return tuple(signatures.values())


def verify_log(signed: SignedCheckpoint, origin: str, keys: Sequence[VerifierKey]) -> tuple[Cosignature, ...]:
    """Check that the log `origin` with these keys, as its manifest names them, signed the checkpoint; by which keys.

    Any of its Ed25519 keys will do, and one of them must. Raises Refused `checkpoint-origin`, InvalidSignature
    `checkpoint-unsigned` or `note-signature`, Malformed `checkpoint-key`.
    """
    verify_origin(signed.checkpoint, origin)
    own = [key for key in keys if key.name == origin and key.kind in LOG_KINDS]
    for key in own:
        verify_key(key, LOG_KINDS, "the log")
    signed_by = verify_lines(signed, own)
    if not any(one.key.kind == ED25519 for one in signed_by):
        raise InvalidSignature("checkpoint-unsigned", f"no Ed25519 key of the log {origin[:100]} has signed this checkpoint")
    return signed_by


def verify_origin(checkpoint: Checkpoint, origin: str) -> None:
    """Check that it is a checkpoint of this log. Raises Refused `checkpoint-origin`."""
    if checkpoint.origin != origin:
        raise Refused("checkpoint-origin", f"a checkpoint of the log {checkpoint.origin[:100]}, expected {origin[:100]}")


def with_lines(data: bytes, lines: Iterable[str], keys: Sequence[VerifierKey]) -> bytes:
    """The signed checkpoint with further cosignature lines of `keys` added, each verified; of one key the newest stays.

    `lines` come from cosigners, without newlines; those of unknown keys are left out, so that a cosigner can add nothing but
    its own word. Raises Malformed and InvalidSignature.
    """
    signed = parse_signed(data)
    known = {(key.name, key.key_id): key for key in keys}
    times = {(one.key.name, one.key.key_id): one.time for one in verify_lines(signed, keys)}
    kept = list(signed.note.lines)
    for line in lines:
        name, key_id, signature = parse_line(line)
        key = known.get((name, key_id))
        if key is None:
            continue
        time = verify_signature(key, signed.checkpoint, signature).time
        if time > times.get((name, key_id), -1):
            kept = [old for old in kept if old[:2] != (name, key_id)] + [(name, key_id, signature)]
            times[name, key_id] = time
    return note_bytes(signed.checkpoint, (written_line(*one) for one in kept))
