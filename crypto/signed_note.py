"""Signed notes and verifier keys. docs/protocol.md section 8.6 (transparency-log section 3; C2SP signed-note 1.0).

Ed25519 (type 1) signatures are made and checked here; lines of other types and unknown keys are carried and ignored.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from nacl import bindings, exceptions

from veche.crypto.errors import InvalidSignature, Malformed
from veche.crypto.scalar import Randomness

ED25519 = 1
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
        raise Malformed("vkey-malformed", "a verifier key is written NAME+ID+KEY")
    name, key_id, encoded = parts
    _check_name(name)
    data = _base64(encoded)
    if len(data) < 2 or (data[0] == ED25519 and len(data) != 33):
        raise Malformed("vkey-malformed", f"the key of {name} has {len(data)} bytes; an Ed25519 key has 33 with its type")
    key = VerifierKey(name, data[0], data[1:])
    if key.key_id.hex() != key_id:
        raise Malformed("vkey-malformed", f"the key ID of {name} should be {key.key_id.hex()}, found {key_id[:16]}")
    return key


class NoteSigner:
    """An Ed25519 signing key with its name; the repr shows the public key only."""

    __slots__ = ("_seed", "verifier")

    def __init__(self, name: str, seed: bytes) -> None:
        _check_name(name)
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
        data = _base64(parts[4])
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
        secret = bindings.crypto_sign_seed_keypair(self._seed)[1]
        signature = bindings.crypto_sign(text.encode("utf-8"), secret)[:64]
        return f"{_MARK}{self.verifier.name} {b64encode(self.verifier.key_id + signature).decode('ascii')}"

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
    _check_name(parts[0])
    data = _base64(parts[1])
    if len(data) < 5:
        raise Malformed("note-malformed", f"the signature line of {parts[0]} is too short")
    return parts[0], data[:4], data[4:]


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
    if key.kind != ED25519 or len(signature) != 64:
        raise InvalidSignature("note-signature", f"the signature of {key.name} is no Ed25519 signature of 64 bytes")
    try:
        bindings.crypto_sign_open(signature + message, key.public)
    except exceptions.BadSignatureError as error:
        raise InvalidSignature("note-signature", f"the signature of {key.name} does not belong to this text") from error


def _check_name(name: str) -> None:
    if not name or "+" in name or any(not one.isprintable() or one.isspace() for one in name):
        raise Malformed("key-name", "a key's name is not empty and holds neither white space nor a plus sign nor half a character")


def _base64(text: str) -> bytes:
    """Strict base64 with padding: the one text of these bytes."""
    if _BASE64.fullmatch(text) is None:
        raise Malformed("base64", "not strict base64")
    data = b64decode(text)
    if b64encode(data).decode("ascii") != text:
        raise Malformed("base64", "not the one base64 text of these bytes")
    return data
