"""Private, signed messages between trustees: seeds, keys, signatures, two ciphers.

docs/protocol.md section 6.4 (belenios-interop sections 6 and 23.4). A message is signed first and encrypted
afterwards; the signed text names its recipient, so that a message cannot be passed on as if it were meant for
somebody else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM

from veche.crypto.canonical_json import Json, dumps, fields, parse_canonical, text
from veche.crypto.errors import Inconsistent, Malformed, Refused
from veche.crypto.group import G, Point, secret_multiple
from veche.crypto.proof import Proof
from veche.crypto.scalar import Randomness, Secret
from veche.crypto.schnorr import sign_version1, verify_version1
from veche.crypto.version1 import message_prefix

BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
SEED_LENGTH: Final = 22

_SEED = re.compile(f"[{BASE58}]{{{SEED_LENGTH}}}")
_HEX = re.compile(r"(?:[0-9a-f]{2})*")
_LONG = 65536


class Cipher(Enum):
    """How messages are encrypted: CCM is read by belenios-tool up to 3.0, GCM by 3.1 and later. One per ceremony."""

    CCM = "ccm"
    GCM = "gcm"

    @classmethod
    def from_json(cls, value: Json) -> Cipher:
        """The cipher of this name. Raises Malformed."""
        for cipher in cls:
            if cipher.value == value:
                return cipher
        raise Malformed("cipher-unknown", 'the cipher of a ceremony is "ccm" or "gcm"')


@dataclass(frozen=True, slots=True)
class Seed:
    """What a trustee keeps: 22 base58 characters (129 bits), from which both its keys follow.

    Its repr shows nothing.
    """

    characters: str = field(repr=False)

    @classmethod
    def random(cls, randomness: Randomness) -> Seed:
        """A uniform seed. Raises Refused when the generator does not work."""
        fresh = randomness(64)
        # Bytes of 232 and more are left out: 256 is no multiple of 58, and low digits would be likelier.
        digits = [BASE58[byte % 58] for byte in fresh if byte < 232]
        if not any(fresh) or len(digits) < SEED_LENGTH:
            raise Refused("randomness-failed", "the random generator does not work; no seed was made")
        return cls("".join(digits[:SEED_LENGTH]))

    @classmethod
    def parse(cls, characters: str) -> Seed:
        """The seed of a `.key` file without its newline. Raises Malformed without showing it."""
        if _SEED.fullmatch(characters) is None:
            raise Malformed("seed-malformed", f"a trustee's seed is {SEED_LENGTH} base58 characters")
        return cls(characters)

    def keys(self) -> TrusteeKeys:
        """The signing and the decryption key: SHA-256 of "sk|" and "dk|" with the seed, big endian, mod q."""
        return TrusteeKeys.of(self._scalar("sk|"), self._scalar("dk|"))

    def _scalar(self, prefix: str) -> Secret:
        return Secret.from_wide_digest(sha256((prefix + self.characters).encode("ascii")).digest())


@dataclass(frozen=True, slots=True)
class TrusteeKeys:
    """A trustee's keys for one ceremony: verification = signing·G, encryption = decryption·G."""

    signing: Secret
    decryption: Secret
    verification: Point
    encryption: Point

    @classmethod
    def of(cls, signing: Secret, decryption: Secret) -> TrusteeKeys:
        return cls(signing, decryption, secret_multiple(signing, G), secret_multiple(decryption, G))


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """A text with a signature of version 1 over exactly its bytes: `{"message":M,"signature":{…}}`."""

    message: str
    signature: Proof

    @classmethod
    def sign(cls, secret: Secret, message: str, randomness: Randomness) -> SignedMessage:
        return cls(message, sign_version1(secret, message_prefix(message), randomness))

    @classmethod
    def from_json(cls, value: Json) -> SignedMessage:
        """The message of strict JSON. Raises Malformed; the signature is not checked here."""
        found = fields(value, ("message", "signature"))
        return cls(text(found["message"]), Proof.from_json(found["signature"]))

    def to_json(self) -> dict[str, Json]:
        return {"message": self.message, "signature": self.signature.to_json()}

    def verify(self, public: Point) -> None:
        """Check that the owner of `public` signed exactly this text. Raises InvalidSignature."""
        verify_version1(self.signature, message_prefix(self.message), public)


def json_of(message: str) -> Json:
    """The value of a text in the one canonical form. Raises Malformed."""
    try:
        return parse_canonical(message.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise Malformed("not-canonical", "a text holds half a surrogate pair, which is no character") from error


@dataclass(frozen=True, slots=True)
class Envelope:
    """An encrypted message: alpha = r·G, beta = r·recipient + K, K random; the key of `data` comes from K."""

    cipher: Cipher
    alpha: Point
    beta: Point
    data: bytes

    @classmethod
    def parse(cls, message: str) -> Envelope:
        """The envelope of a canonical text; no `algorithm` or "AES-CCM" means CCM, "AES-GCM" means GCM.

        Raises Malformed: `message-malformed`, or `message-point` when alpha or beta is not canonical of order q.
        """
        try:
            found = fields(json_of(message), ("algorithm", "alpha", "beta", "data"), ("algorithm",))
            cipher = _cipher_named(found.get("algorithm", "AES-CCM"))
            data = _bytes_of_hex(found["data"])
        except Malformed as error:
            raise Malformed("message-malformed", f"not an encrypted message: {error}") from error
        try:
            return cls(cipher, Point.from_hex(found["alpha"]), Point.from_hex(found["beta"]), data)
        except Malformed as error:
            raise Malformed("message-point", f"alpha or beta of an encrypted message: {error}") from error

    @classmethod
    def parse_exact(cls, message: str, cipher: Cipher) -> Envelope:
        """As `parse`, for a text that is exactly what this program writes with `cipher`. Raises Malformed."""
        envelope = cls.parse(message)
        if envelope.cipher is not cipher or envelope.text() != message:
            raise Malformed("message-malformed", f'the message is not in the form "{cipher.value}" of this ceremony')
        return envelope

    def text(self) -> str:
        """The canonical text."""
        value: dict[str, Json] = {"alpha": self.alpha.hex(), "beta": self.beta.hex(), "data": self.data.hex()}
        return dumps({"algorithm": "AES-GCM", **value} if self.cipher is Cipher.GCM else value)


def encrypt(recipient: Point, message: str, cipher: Cipher, randomness: Randomness) -> Envelope:
    """`message` readable by the owner of `recipient` only; r and K are fresh."""
    r = Secret.random(randomness)
    point = secret_multiple(Secret.random(randomness), G)
    alpha = secret_multiple(r, G)
    plaintext = message.encode("utf-8")
    key, iv = _key_and_iv(point, alpha)
    if cipher is Cipher.GCM:
        data = AESGCM(key).encrypt(iv, plaintext, None)
    else:
        data = AESCCM(key, tag_length=8).encrypt(_ccm_nonce(iv, len(plaintext)), plaintext, None)
    return Envelope(cipher, alpha, secret_multiple(r, recipient) + point, data)


def key_point(envelope: Envelope, decryption: Secret) -> Point:
    """K = beta − dk·alpha: the point that opens this envelope, and no other one."""
    return envelope.beta - secret_multiple(decryption, envelope.alpha)


def open_with(envelope: Envelope, point: Point) -> bytes:
    """The bytes inside, opened with K. Raises Malformed `tag-wrong`: they were not encrypted under this point."""
    key, iv = _key_and_iv(point, envelope.alpha)
    data = envelope.data
    try:
        if envelope.cipher is Cipher.GCM:
            return AESGCM(key).decrypt(iv, data, None)
        return AESCCM(key, tag_length=8).decrypt(_ccm_nonce(iv, len(data) - 8), data, None)
    except (InvalidTag, ValueError) as error:
        # ValueError: longer than CCM can carry, so nothing that anybody encrypted.
        raise Malformed("tag-wrong", "the message cannot be opened: its authentication tag is wrong") from error


def read_opened(plaintext: bytes, sender: Point, recipient: Point) -> str:
    """The message that `sender` signed for `recipient`, from the opened bytes.

    Raises Malformed `text-malformed`, InvalidSignature `signature-wrong`, Inconsistent `recipient-wrong`.
    """
    signed = _strict_signed(plaintext)
    signed.verify(sender)
    try:
        found = fields(json_of(signed.message), ("recipient", "message"))
        named, message = text(found["recipient"]), text(found["message"])
    except Malformed as error:
        raise Malformed("text-malformed", f"the signed text is not addressed as it must be ({error.code})") from error
    if named != recipient.hex():
        # Without this a dealer could pass another dealer's words on as its own to a third trustee.
        raise Inconsistent("recipient-wrong", "the message was signed for somebody else")
    return message


def send(sender: TrusteeKeys, recipient: Point, message: str, cipher: Cipher, randomness: Randomness) -> str:
    """The text to hand over: `message` signed by the sender for `recipient`, then encrypted to `recipient`."""
    addressed = dumps({"recipient": recipient.hex(), "message": message})
    signed = SignedMessage.sign(sender.signing, addressed, randomness)
    return encrypt(recipient, dumps(signed.to_json()), cipher, randomness).text()


def receive(recipient: TrusteeKeys, sender: Point, message: str) -> str:
    """What `sender` signed for this recipient, from an encrypted text in either cipher.

    Raises as `read_opened` and `Envelope.parse`.
    """
    envelope = Envelope.parse(message)
    opened = open_with(envelope, key_point(envelope, recipient.decryption))
    return read_opened(opened, sender, recipient.encryption)


def _strict_signed(plaintext: bytes) -> SignedMessage:
    try:
        return SignedMessage.from_json(parse_canonical(plaintext))
    except Malformed as error:
        raise Malformed("text-malformed", f"what was encrypted is not a signed message ({error.code})") from error


def _cipher_named(algorithm: Json) -> Cipher:
    if algorithm == "AES-GCM":
        return Cipher.GCM
    if algorithm == "AES-CCM":
        return Cipher.CCM
    raise Malformed("cipher-unknown", 'the algorithm of a message is "AES-CCM" or "AES-GCM"')


def _bytes_of_hex(value: Json) -> bytes:
    if type(value) is not str or _HEX.fullmatch(value) is None:
        raise Malformed("data-malformed", "data is written in pairs of lower-case hexadecimal digits")
    return bytes.fromhex(value)


def _key_and_iv(point: Point, alpha: Point) -> tuple[bytes, bytes]:
    """Key and nonce material, 32 bytes each. The key belongs to one message: the nonce need not be random."""
    return sha256(f"key|{point.hex()}".encode("ascii")).digest(), sha256(f"iv|{alpha.hex()}".encode("ascii")).digest()


def _ccm_nonce(iv: bytes, length: int) -> bytes:
    """13 bytes, which leave two for the length; 12 where the message needs three."""
    return iv[:13] if length < _LONG else iv[:12]
