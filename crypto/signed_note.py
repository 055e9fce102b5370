"""Signed notes and verifier keys. docs/protocol.md section 8.6 (transparency-log section 3; C2SP signed-note 1.0).

Ed25519 (type 1) signatures are made and checked here; lines of other types and unknown keys are carried and ignored. What the
lines of types 4 and 6 sign is a matter of checkpoints: `ledger/cosignature.py`.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from nacl import bindings, exceptions

from veche.crypto.errors import InvalidSignature, Malformed, said
from veche.crypto.scalar import Randomness

ED25519 = 1
COSIGNATURE = 4
"""Ed25519 with a time: `cosignature/v1`."""
ML_DSA_44 = 6
"""ML-DSA-44 with a time."""
MAX_BYTES = 1_000_000
MAX_LINES = 64

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_MARK = "\u2014 "


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name. `text()` is the vkey form `NAME+HEXID+BASE64`."""

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """First 4 bytes of SHA-256(name, newline, type byte, public key)."""
        return sha256(self.name.encode("utf-8") + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def text(self) -> str:
        key = b64encode(bytes([self.kind]) + self.public).decode("ascii")
        return f"{self.name}+{self.key_id.hex()}+{key}"


def parse_verifier_key(text: str) -> VerifierKey:
    """The key written as a vkey. Raises Malformed: bad name, key ID that does not belong to the key, not strict base64."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise Malformed("vkey-malformed", said("a verifier key is written NAME+ID+KEY"))
    name, key_id, encoded = parts
    verify_name(name)
    data = strict_base64(encoded)
    if len(data) < 2 or (data[0] == ED25519 and len(data) != 33):
        raise Malformed(
            "vkey-malformed",
            said("the key of %(name)s has %(found)s bytes; an Ed25519 key has 33 with its type", name=name, found=len(data)),
        )
    key = VerifierKey(name, data[0], data[1:])
    if key.key_id.hex() != key_id:
        raise Malformed(
            "vkey-malformed",
            said("the key ID of %(name)s should be %(wanted)s, found %(id)s", name=name, wanted=key.key_id.hex(), id=key_id[:16]),
        )
    return key


class NoteSigner:
    """An Ed25519 signing key with its name; the repr shows the public key only."""

    __slots__ = ("_seed", "verifier")

    def __init__(self, name: str, seed: bytes) -> None:
        verify_name(name)
        if len(seed) != 32:
            raise Malformed("seed-malformed", "an Ed25519 seed has 32 bytes")
        self._seed = seed
        self.verifier = VerifierKey(name, ED25519, bindings.crypto_sign_seed_keypair(seed)[0])

    @classmethod
    def generate(cls, name: str, randomness: Randomness) -> NoteSigner:
        return cls(name, randomness(32))

    @classmethod
    def from_private_text(cls, text: str) -> NoteSigner:
        """The key in the form of Go's tools, `PRIVATE+KEY+NAME+ID+BASE64`. Raises Malformed without showing it."""
        parts = text.split("+", 4)
        if len(parts) != 5 or parts[:2] != ["PRIVATE", "KEY"]:
            raise Malformed("seed-malformed", "not a private note key (PRIVATE+KEY+NAME+ID+KEY)")
        data = strict_base64(parts[4])
        if len(data) != 33 or data[0] != ED25519:
            raise Malformed("seed-malformed", "not an Ed25519 private note key")
        signer = cls(parts[2], data[1:])
        if signer.verifier.key_id.hex() != parts[3]:
            raise Malformed("seed-malformed", f"the key ID of {parts[2]} does not belong to this private key")
        return signer

    def private_text(self) -> str:
        """For the owner's key file only."""
        key = b64encode(bytes([ED25519]) + self._seed).decode("ascii")
        return f"PRIVATE+KEY+{self.verifier.name}+{self.verifier.key_id.hex()}+{key}"

    def line(self, text: str) -> str:
        """The signature line of `text` (which ends in a newline), itself without a newline. Deterministic (RFC 8032)."""
        return signature_line(self.verifier, self.sign(text.encode("utf-8")))

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature."""
        return sign_ed25519(self._seed, message)

    def note(self, text: str) -> bytes:
        """`text`, an empty line and the signature line."""
        return f"{text}\n{self.line(text)}\n".encode()

    def __repr__(self) -> str:
        return f"NoteSigner({self.verifier.text()})"


@dataclass(frozen=True, slots=True)
class Note:
    """A note as read: nothing is verified yet. `lines` are (name, key ID, signature)."""

    text: str
    lines: tuple[tuple[str, bytes, bytes], ...]


def parse_note(data: bytes) -> Note:
    """The note in `data`. Raises Malformed: not UTF-8, control characters, no last newline, no signature lines."""
    if len(data) > MAX_BYTES:
        raise Malformed("note-malformed", f"a note of {len(data)} bytes; at most {MAX_BYTES} are read")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("note-malformed", f"byte {error.start} of the note is not UTF-8") from error
    if _CONTROL.search(whole) is not None:
        raise Malformed("note-malformed", "a note holds no control characters but newlines")
    text, separator, rest = whole.rpartition("\n\n")
    lines = rest.split("\n")
    if not separator or not text or lines[-1] != "" or not 2 <= len(lines) <= MAX_LINES + 1:
        raise Malformed("note-malformed", "a note is a text, an empty line, and signature lines that end in a newline")
    return Note(text + "\n", tuple(parse_line(line) for line in lines[:-1]))


def parse_line(line: str) -> tuple[str, bytes, bytes]:
    """(name, key ID, signature) of one signature line without its newline. Raises Malformed."""
    parts = line.removeprefix(_MARK).split(" ")
    if not line.startswith(_MARK) or len(parts) != 2:
        raise Malformed("note-malformed", "a signature line is written: dash, space, key name, space, base64")
    verify_name(parts[0])
    data = strict_base64(parts[1])
    if len(data) < 5:
        raise Malformed("note-malformed", f"the signature line of {parts[0]} is too short")
    return parts[0], data[:4], data[4:]


def signature_line(key: VerifierKey, signature: bytes) -> str:
    """The line, without a newline, that carries what `key` signed."""
    return written_line(key.name, key.key_id, signature)


def written_line(name: str, key_id: bytes, signature: bytes) -> str:
    """The line, without a newline, from which `parse_line` reads these."""
    return f"{_MARK}{name} {b64encode(key_id + signature).decode('ascii')}"


def sign_ed25519(seed: bytes, message: bytes) -> bytes:
    """The signature of 64 bytes (RFC 8032); deterministic."""
    return bytes(bindings.crypto_sign(message, bindings.crypto_sign_seed_keypair(seed)[1])[:64])


def public_ed25519(seed: bytes) -> bytes:
    """The public key of 32 bytes that belongs to the seed."""
    return bytes(bindings.crypto_sign_seed_keypair(seed)[0])


def verify_note(note: Note, keys: Sequence[VerifierKey]) -> tuple[VerifierKey, ...]:
    """The known Ed25519 keys that signed `note`. Raises InvalidSignature: a known key's line is wrong, or there is none."""
    signed: list[VerifierKey] = []
    for name, key_id, signature in note.lines:
        for key in keys:
            if (key.name, key.key_id, key.kind) == (name, key_id, ED25519):
                verify_ed25519(key, note.text.encode("utf-8"), signature)
                signed.append(key)
    if not signed:
        raise InvalidSignature("note-unknown-key", "no known key has signed this note")
    return tuple(signed)


def verify_line(key: VerifierKey, text: str, line: str) -> None:
    """Check that `line` (without newline) is `key`'s Ed25519 signature of `text`. Raises Malformed or InvalidSignature."""
    name, key_id, signature = parse_line(line)
    if (name, key_id) != (key.name, key.key_id):
        raise InvalidSignature("note-unknown-key", f"signed by {name}, not by {key.name}")
    verify_ed25519(key, text.encode("utf-8"), signature)


def verify_ed25519(key: VerifierKey, message: bytes, signature: bytes) -> None:
    """Check an Ed25519 signature (RFC 8032, libsodium's strict rules). Raises InvalidSignature."""
    if key.kind != ED25519:
        raise InvalidSignature("note-signature", f"the key of {key.name} is no Ed25519 key of type 1")
    verify_message(key, message, signature)


def verify_message(key: VerifierKey, message: bytes, signature: bytes) -> None:
    """Check an Ed25519 signature by a key of type 1 or 4, whatever the message is made of. Raises InvalidSignature."""
    if key.kind not in (ED25519, COSIGNATURE) or len(key.public) != 32 or len(signature) != 64:
        raise InvalidSignature("note-signature", f"the signature of {key.name} is no Ed25519 signature of 64 bytes")
    try:
        bindings.crypto_sign_open(signature + message, key.public)
    except exceptions.BadSignatureError as error:
        raise InvalidSignature("note-signature", f"the signature of {key.name} does not belong to this text") from error


def verify_name(name: str) -> None:
    """Check that a key may be called so. Raises Malformed."""
    if not name or "+" in name or any(not one.isprintable() or one.isspace() for one in name):
        raise Malformed(
            "key-name", said("a key's name is not empty and holds neither white space nor a plus sign nor half a character")
        )


def strict_base64(text: str) -> bytes:
    """The bytes of strict base64 with padding. Raises Malformed for any text but the one of these bytes."""
    if _BASE64.fullmatch(text) is None:
        raise Malformed("base64", said("not strict base64"))
    data = b64decode(text)
    if b64encode(data).decode("ascii") != text:
        raise Malformed("base64", said("not the one base64 text of these bytes"))
    return data
