"""Certificates of a key ceremony: a trustee's two keys, bound to its place, the size of the group and the threshold.

docs/protocol.md section 6.2 (belenios-interop section 23.2). Size, threshold and the order of the trustees are fixed
before anyone makes one. Certificates of tools before 2.5.1 have no context and are only read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from veche.crypto.canonical_json import Json, dumps, fields, integer, text
from veche.crypto.channel import SignedMessage, TrusteeKeys, json_of
from veche.crypto.errors import Inconsistent, InvalidSignature, Malformed
from veche.crypto.group import Point
from veche.crypto.scalar import Randomness
from veche.crypto.version1 import GROUP


@dataclass(frozen=True, slots=True)
class Context:
    """A place: trustee `index` of `size`, any `threshold` of whom can decrypt."""

    size: int
    threshold: int
    index: int
    group: str = GROUP

    @classmethod
    def from_json(cls, value: Json) -> Context:
        found = fields(value, ("group", "size", "threshold", "index"))
        size, threshold, index = (integer(found[name]) for name in ("size", "threshold", "index"))
        return cls(size, threshold, index, text(found["group"]))

    def to_json(self) -> dict[str, Json]:
        return {"group": self.group, "size": self.size, "threshold": self.threshold, "index": self.index}


@dataclass(frozen=True, slots=True)
class Certificate:
    """A signed text that names two keys and (unless made before 2.5.1) their place.

    Both keys are members of the group.
    """

    signed: SignedMessage
    context: Context | None
    verification: Point
    encryption: Point

    @classmethod
    def make(cls, keys: TrusteeKeys, context: Context, randomness: Randomness) -> Certificate:
        """The certificate of the owner of `keys` for this place."""
        contents: dict[str, Json] = {
            "context": context.to_json(),
            "verification": keys.verification.hex(),
            "encryption": keys.encryption.hex(),
        }
        signed = SignedMessage.sign(keys.signing, dumps(contents), randomness)
        return cls(signed, context, keys.verification, keys.encryption)

    @classmethod
    def parse(cls, line: str) -> Certificate:
        """The certificate of one line without its newline. Raises Malformed; nothing is verified yet."""
        return cls.from_signed(SignedMessage.from_json(json_of(line)))

    @classmethod
    def from_signed(cls, signed: SignedMessage) -> Certificate:
        """The certificate that `signed` holds. Raises Malformed: its form, or `trustee-key` when a key is no member."""
        context, verification, encryption = contents_of(signed)
        try:
            keys = Point.from_hex_or_identity(verification), Point.from_hex_or_identity(encryption)
        except Malformed as error:
            raise Malformed("trustee-key", f"a key of a certificate: {error}") from error
        return cls(signed, context, *keys)

    def line(self) -> str:
        """The exact text, without newline."""
        return dumps(self.signed.to_json())

    def file_name(self) -> str:
        """SHA-256 of the inner message in hex, by which belenios-tool names the files of a trustee."""
        return sha256(self.signed.message.encode("utf-8")).hexdigest()


def contents_of(signed: SignedMessage) -> tuple[Context | None, str, str]:
    """Context and both keys as written, from the inner message. Raises Malformed; the keys are not decoded here."""
    found = fields(json_of(signed.message), ("context", "verification", "encryption"), ("context",))
    context = Context.from_json(found["context"]) if "context" in found else None
    return context, text(found["verification"]), text(found["encryption"])


def list_hash(certificates: Sequence[Certificate]) -> bytes:
    """L: SHA-256 of the lines joined by newlines. It names the run of a ceremony."""
    return sha256("\n".join(one.line() for one in certificates).encode("utf-8")).digest()


def verify_certificates(certificates: Sequence[Certificate | None], size: int, threshold: int) -> None:
    """Check the certificates of a new ceremony: places, 1 ≤ threshold < size, keys, contexts and signatures.

    None stands for a certificate that has not come. Raises as `verify_limits`, `verify_keys`, `verify_contexts` and
    `verify_signatures`, in this order; t = n is refused too, because one lost key would lose the election (attack D3).
    """
    verify_limits(len(certificates), size, threshold)
    if threshold >= size:
        raise Malformed("threshold-limits", f"{threshold} of {size}: no trustee could be missing, one must be")
    verify_keys(certificates)
    verify_contexts(certificates, threshold)
    verify_signatures(certificates)


def verify_limits(found: int, size: int, threshold: int) -> None:
    """Check that there are `size` certificates and 1 ≤ threshold ≤ size. Raises Malformed `threshold-limits`."""
    if found != size:
        raise Malformed("threshold-limits", f"{size} certificates were expected, found {found}")
    if not 1 <= threshold <= size:
        raise Malformed("threshold-limits", f"a threshold from 1 to {size} was expected, found {threshold}")


def verify_keys(certificates: Sequence[Certificate | None]) -> None:
    """Check that no key is the identity and none is used twice. Raises Malformed `trustee-key`."""
    seen: set[Point] = set()
    for place, certificate in _placed(certificates):
        for key in (certificate.verification, certificate.encryption):
            if key.is_identity:
                raise Malformed("trustee-key", f"trustee {place}: the identity is nobody's key")
            if key in seen:
                # Else one person could hold two places, or open what was meant for another.
                raise Malformed("trustee-key", f"trustee {place}: its certificate uses a key that was used before")
            seen.add(key)


def verify_contexts(certificates: Sequence[Certificate | None], threshold: int) -> None:
    """Check that the certificate at place i was made for place i of n with this threshold.

    Raises Inconsistent `certificate-context`.
    """
    size = len(certificates)
    for place, certificate in _placed(certificates):
        if certificate.context != Context(size, threshold, place):
            raise Inconsistent(
                "certificate-context",
                f"trustee {place}: its certificate is not one for place {place} of {size} with threshold {threshold}",
            )


def verify_signatures(certificates: Sequence[Certificate | None]) -> None:
    """Check that each certificate is signed by the key it names. Raises InvalidSignature `certificate-signature`."""
    for place, certificate in _placed(certificates):
        try:
            certificate.signed.verify(certificate.verification)
        except InvalidSignature as error:
            raise InvalidSignature("certificate-signature", f"trustee {place}: its certificate is not signed by its key") from error


def _placed(certificates: Sequence[Certificate | None]) -> list[tuple[int, Certificate]]:
    return [(place, one) for place, one in enumerate(certificates, start=1) if one is not None]
