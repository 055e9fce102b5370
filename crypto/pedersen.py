"""The threshold group of `trustees.json`: n trustees, any t of whom can decrypt. Called a Pedersen item in Belenios.

docs/protocol.md section 6.3 (belenios-interop section 23.3; section 6 for groups made before 2.5.1, which are only
read). The codes are those of docs/protocol.md section 9.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from veche.crypto.canonical_json import Json, array, dumps, fields, integer, text
from veche.crypto.certificate import (
    Certificate,
    contents_of,
    verify_contexts,
    verify_keys,
    verify_limits,
    verify_signatures,
)
from veche.crypto.channel import SignedMessage, json_of
from veche.crypto.errors import InvalidProof, InvalidSignature, Malformed
from veche.crypto.group import Point, sums
from veche.crypto.proof import Proof
from veche.crypto.scalar import Randomness, Secret
from veche.crypto.schnorr import prove_possession, sign_version1, verify_possession, verify_version1
from veche.crypto.shamir import public_shares
from veche.crypto.version1 import message_prefix


@dataclass(frozen=True, slots=True)
class Coefficients:
    """A dealer's signed public coefficients A_i0 … A_i,t−1, all members of the group. In files: `coefexps`."""

    signed: SignedMessage
    points: tuple[Point, ...]

    @classmethod
    def make(cls, signing: Secret, points: tuple[Point, ...], randomness: Randomness) -> Coefficients:
        message = dumps({"coefexps": _hexes(points)})
        return cls(SignedMessage.sign(signing, message, randomness), points)

    @classmethod
    def parse(cls, line: str) -> Coefficients:
        """The coefficients of a canonical text. Raises Malformed; the signature is not checked here."""
        return cls.from_signed(SignedMessage.from_json(json_of(line)))

    @classmethod
    def from_signed(cls, signed: SignedMessage) -> Coefficients:
        """Raises Malformed: the form, or `trustee-key` when a coefficient is no member."""
        try:
            return cls(signed, tuple(Point.from_hex_or_identity(one) for one in _coefficient_texts(signed)))
        except Malformed as error:
            raise Malformed("trustee-key", f"a coefficient: {error}") from error

    def line(self) -> str:
        """The exact text, E_i of a ceremony."""
        return dumps(self.signed.to_json())


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """X_j, with proof of possession and (since 3.0) the signature of trustee j over it. Not the identity."""

    pok: Proof
    public_key: Point
    signature: Proof | None
    name: str | None = None

    @classmethod
    def make(cls, signing: Secret, share: Secret, public_key: Point, name: str | None, randomness: Randomness) -> VerificationKey:
        """The key object of the trustee that holds `share`, where public_key = share·G."""
        pok = prove_possession(share, public_key, randomness)
        signature = sign_version1(signing, message_prefix(public_key.hex()), randomness)
        return cls(pok, public_key, signature, name)

    @classmethod
    def from_json(cls, value: Json) -> VerificationKey:
        """Raises Malformed: the form, or `trustee-key` when the key is no member of order q."""
        pok, key, signature, name = _key_shape(value)
        try:
            return cls(pok, Point.from_hex(key), signature, name)
        except Malformed as error:
            raise Malformed("trustee-key", f"a verification key: {error}") from error

    def to_json(self) -> dict[str, Json]:
        value: dict[str, Json] = {"pok": self.pok.to_json(), "public_key": self.public_key.hex()}
        if self.signature is not None:
            value["signature"] = self.signature.to_json()
        if self.name is not None:
            value["name"] = self.name
        return value


@dataclass(frozen=True, slots=True)
class ThresholdGroup:
    """n trustees in order, any `threshold` of whom can decrypt.

    Invariant: all lists have length n, 1 ≤ threshold ≤ n coefficients per dealer, keys are members.

    `signatures` is empty for a group made before 2.5.1, which then has neither contexts nor signatures of keys.
    """

    threshold: int
    certificates: tuple[Certificate, ...]
    coefficients: tuple[Coefficients, ...]
    signatures: tuple[Proof, ...]
    verification_keys: tuple[VerificationKey, ...]

    @classmethod
    def from_json(cls, value: Json) -> ThresholdGroup:
        """The group of a Pedersen item.

        Raises Malformed `trustees-malformed`, then `threshold-limits`, then `trustee-key`.
        """
        try:
            shape = _Shape.of(value)
        except Malformed as error:
            raise Malformed("trustees-malformed", f"threshold group: {error}") from error
        shape.refuse_limits()
        group = cls(
            shape.threshold,
            tuple(Certificate.from_signed(one) for one in shape.certificates),
            tuple(Coefficients.from_signed(one) for one in shape.coefficients),
            tuple(shape.signatures or ()),
            tuple(VerificationKey.from_json(one) for one in shape.keys),
        )
        verify_keys(group.certificates)
        return group

    def to_json(self) -> dict[str, Json]:
        """The item with the exact texts it was read from."""
        signatures: dict[str, Json] = {} if self.legacy else {"signatures": [one.to_json() for one in self.signatures]}
        return {
            "threshold": self.threshold,
            "certs": [one.signed.to_json() for one in self.certificates],
            "coefexps": [one.signed.to_json() for one in self.coefficients],
            **signatures,
            "verification_keys": [one.to_json() for one in self.verification_keys],
        }

    @property
    def size(self) -> int:
        return len(self.certificates)

    @property
    def legacy(self) -> bool:
        """Whether the group was made before belenios-tool 2.5.1 (notice `legacy-key-generation`)."""
        return not self.signatures

    def public_key(self) -> Point:
        """Σ_i A_i0: what the group adds to the election key."""
        return sums([[(1, one.points[0]) for one in self.coefficients]])[0]


def group_signature_message(certificates: Sequence[Certificate], coefficients: Sequence[Point]) -> str:
    """What `signatures[i]` signs: all n certificates and dealer i's coefficients: all dealt for the same group."""
    certs: list[Json] = [one.signed.to_json() for one in certificates]
    return "certs_sig|" + dumps({"certs": certs, "coefexps": _hexes(coefficients)})


def sign_group(signing: Secret, certificates: Sequence[Certificate], points: Sequence[Point], randomness: Randomness) -> Proof:
    """The entry of `signatures` of the dealer with these coefficients."""
    return sign_version1(signing, message_prefix(group_signature_message(certificates, points)), randomness)


def verify_coefficients(coefficients: Coefficients, certificate: Certificate, place: int) -> None:
    """Check that trustee `place` signed these coefficients. Raises InvalidSignature `coefficients-signature`."""
    try:
        coefficients.signed.verify(certificate.verification)
    except InvalidSignature as error:
        raise InvalidSignature("coefficients-signature", f"trustee {place}: its coefficients are not signed by its key") from error


def verify_group_signature(signature: Proof, certificates: Sequence[Certificate], points: Sequence[Point], place: int) -> None:
    """Check that trustee `place` dealt for exactly these certificates. Raises InvalidSignature `group-signature`."""
    message = group_signature_message(certificates, points)
    try:
        verify_version1(signature, message_prefix(message), certificates[place - 1].verification)
    except InvalidSignature as error:
        raise InvalidSignature("group-signature", f"trustee {place} did not sign this list of certificates") from error


def verify_threshold_group(group: ThresholdGroup) -> None:
    """Check every statement of the group, in the order of docs/protocol.md sections 9.3.10 to 9.3.16.

    Raises InvalidProof (`trustee-pok`, `verification-key`), Inconsistent (`certificate-context`) or InvalidSignature
    (`certificate-signature`, `coefficients-signature`, `group-signature`, `key-signature`), naming the place inside
    the group.
    """
    _verify_possessions(group)
    if not group.legacy:
        verify_contexts(group.certificates, group.threshold)
    verify_signatures(group.certificates)
    for place, (coefficients, certificate) in enumerate(zip(group.coefficients, group.certificates, strict=True), start=1):
        verify_coefficients(coefficients, certificate, place)
    if not group.legacy:
        for place, (signature, coefficients) in enumerate(zip(group.signatures, group.coefficients, strict=True), start=1):
            verify_group_signature(signature, group.certificates, coefficients.points, place)
    verify_verification_keys(group)
    if not group.legacy:
        _verify_key_signatures(group)


def _verify_possessions(group: ThresholdGroup) -> None:
    for place, key in enumerate(group.verification_keys, start=1):
        try:
            verify_possession(key.pok, key.public_key)
        except InvalidProof as error:
            raise InvalidProof("trustee-pok", f"trustee {place}: possession of its verification key is not shown") from error


def verify_verification_keys(group: ThresholdGroup) -> None:
    """Check X_j = Σ_i Σ_k j^k·A_ik for every j. Raises InvalidProof `verification-key`."""
    expected = public_shares([one.points for one in group.coefficients], group.size)
    for place, (key, point) in enumerate(zip(group.verification_keys, expected, strict=True), start=1):
        if key.public_key != point:
            raise InvalidProof("verification-key", f"trustee {place}: its verification key does not follow from the coefficients")


def _verify_key_signatures(group: ThresholdGroup) -> None:
    for place, (key, certificate) in enumerate(zip(group.verification_keys, group.certificates, strict=True), start=1):
        if key.signature is None:
            raise InvalidSignature("key-signature", f"trustee {place}: its verification key is not signed")
        verify_key_signature(key.signature, key.public_key, certificate, place)


def verify_key_signature(signature: Proof, public_key: Point, certificate: Certificate, place: int) -> None:
    """Check that trustee `place` signed its verification key. Raises InvalidSignature `key-signature`."""
    try:
        verify_version1(signature, message_prefix(public_key.hex()), certificate.verification)
    except InvalidSignature as error:
        raise InvalidSignature("key-signature", f"trustee {place}: its verification key is not signed by it") from error


@dataclass(frozen=True, slots=True)
class _Shape:
    """The lists of a group, of the right form, before limits and keys are looked at: faults are told in that order."""

    threshold: int
    certificates: list[SignedMessage]
    coefficients: list[SignedMessage]
    signatures: list[Proof] | None
    keys: list[Json]

    @classmethod
    def of(cls, value: Json) -> _Shape:
        found = fields(value, ("threshold", "certs", "coefexps", "signatures", "verification_keys"), ("signatures",))
        shape = cls(
            integer(found["threshold"]),
            [SignedMessage.from_json(one) for one in array(found["certs"])],
            [SignedMessage.from_json(one) for one in array(found["coefexps"])],
            [Proof.from_json(one) for one in array(found["signatures"])] if "signatures" in found else None,
            array(found["verification_keys"]),
        )
        bound = [contents_of(one)[0] is not None for one in shape.certificates]
        bound += [_key_shape(one)[2] is not None for one in shape.keys]
        if any(one != (shape.signatures is not None) for one in bound):
            # A mixture would let whoever assembles the file leave out the very signature that accuses it.
            raise Malformed("trustees-malformed", "contexts, group signatures and key signatures: either all or none")
        for one in shape.coefficients:
            _coefficient_texts(one)
        return shape

    def refuse_limits(self) -> None:
        size = len(self.certificates)
        verify_limits(size, max(size, 1), self.threshold)
        signatures = self.signatures if self.signatures is not None else self.certificates
        if {len(self.coefficients), len(signatures), len(self.keys)} != {size}:
            raise Malformed("threshold-limits", f"a group of {size} certificates has {size} entries in each of its lists")
        for place, one in enumerate(self.coefficients, start=1):
            found = len(_coefficient_texts(one))
            if found != self.threshold:
                raise Malformed("threshold-limits", f"trustee {place}: {self.threshold} coefficients were expected, found {found}")


def _coefficient_texts(signed: SignedMessage) -> list[str]:
    return [text(one) for one in array(fields(json_of(signed.message), ("coefexps",))["coefexps"])]


def _key_shape(value: Json) -> tuple[Proof, str, Proof | None, str | None]:
    found = fields(value, ("pok", "public_key", "signature", "name"), ("signature", "name"))
    signature = Proof.from_json(found["signature"]) if "signature" in found else None
    name = text(found["name"]) if "name" in found else None
    return Proof.from_json(found["pok"]), text(found["public_key"]), signature, name


def _hexes(points: Sequence[Point]) -> list[Json]:
    return [point.hex() for point in points]
