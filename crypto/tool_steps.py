"""The ceremony with other people's tools: the step messages of belenios-tool, so that both can sit at one table.

docs/protocol.md section 6.5 (belenios-interop sections 6 and 23.5). No commitments: an election made so has level
`belenios`. What the tool leaves out is done here: all group signatures are verified before a share is taken, and the
finished group is verified.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from veche.crypto.canonical_json import Json, array, dumps, fields, text
from veche.crypto.ceremony import Place, deal_shares, make_key
from veche.crypto.certificate import Certificate
from veche.crypto.channel import Envelope, SignedMessage, TrusteeKeys, json_of, receive, send
from veche.crypto.complaint import share_of, verify_share
from veche.crypto.errors import ElectionError, Inconsistent, Malformed
from veche.crypto.pedersen import (
    Coefficients,
    ThresholdGroup,
    VerificationKey,
    sign_group,
    verify_coefficients,
    verify_group_signature,
    verify_threshold_group,
)
from veche.crypto.proof import Proof
from veche.crypto.scalar import Randomness, Secret
from veche.crypto.shamir import Polynomial


@dataclass(frozen=True, slots=True)
class ToolPolynomial:
    """Step 3, of one dealer: its encrypted polynomial and shares, its coefficients and group signature."""

    polynomial: str
    secrets: tuple[str, ...]
    coefficients: Coefficients
    signature: Proof

    @classmethod
    def from_json(cls, value: Json) -> ToolPolynomial:
        found = fields(value, ("polynomial", "secrets", "coefexps", "signature"))
        return cls(
            text(found["polynomial"]),
            tuple(text(one) for one in array(found["secrets"])),
            Coefficients.from_signed(SignedMessage.from_json(found["coefexps"])),
            Proof.from_json(found["signature"]),
        )

    def to_json(self) -> dict[str, Json]:
        return {
            "polynomial": self.polynomial,
            "secrets": list(self.secrets),
            "coefexps": self.coefficients.signed.to_json(),
            "signature": self.signature.to_json(),
        }


@dataclass(frozen=True, slots=True)
class ToolInput:
    """Step 4, for one trustee: its polynomial, each dealer's share for it, all coefficients and group signatures."""

    polynomial: str
    secrets: tuple[str, ...]
    coefficients: tuple[Coefficients, ...]
    signatures: tuple[Proof, ...]

    @classmethod
    def from_json(cls, value: Json) -> ToolInput:
        found = fields(value, ("polynomial", "secrets", "coefexps", "signatures"))
        return cls(
            text(found["polynomial"]),
            tuple(text(one) for one in array(found["secrets"])),
            tuple(Coefficients.from_signed(SignedMessage.from_json(one)) for one in array(found["coefexps"])),
            tuple(Proof.from_json(one) for one in array(found["signatures"])),
        )

    def to_json(self) -> dict[str, Json]:
        return {
            "polynomial": self.polynomial,
            "secrets": list(self.secrets),
            "coefexps": [one.signed.to_json() for one in self.coefficients],
            "signatures": [one.to_json() for one in self.signatures],
        }


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """Step 5: the `.dkey` text, which only the trustee can open, and its verification key."""

    private_key: str
    public_key: VerificationKey

    @classmethod
    def from_json(cls, value: Json) -> ToolOutput:
        found = fields(value, ("private_key", "public_key"))
        return cls(text(found["private_key"]), VerificationKey.from_json(found["public_key"]))

    def to_json(self) -> dict[str, Json]:
        return {"private_key": self.private_key, "public_key": self.public_key.to_json()}


def tool_polynomial(keys: TrusteeKeys, place: Place, randomness: Randomness) -> ToolPolynomial:
    """Step 3 for the owner of `keys`. The polynomial is kept by the server, encrypted to its maker."""
    polynomial = Polynomial.random(place.threshold, randomness)
    points = polynomial.commitments()
    decimals: list[Json] = [str(one.expose()) for one in polynomial.coefficients]
    return ToolPolynomial(
        send(keys, keys.encryption, dumps({"polynomial": decimals}), place.cipher, randomness),
        deal_shares(keys, place, polynomial, randomness),
        Coefficients.make(keys.signing, points, randomness),
        sign_group(keys.signing, place.certificates, points, randomness),
    )


def tool_inputs(certificates: Sequence[Certificate], threshold: int, polynomials: Sequence[ToolPolynomial]) -> list[ToolInput]:
    """Step 4: what each trustee gets, once every dealer's signatures are found good. Raises as `verify_dealers`."""
    coefficients = tuple(one.coefficients for one in polynomials)
    signatures = tuple(one.signature for one in polynomials)
    verify_dealers(certificates, threshold, coefficients, signatures)
    if any(len(one.secrets) != len(certificates) for one in polynomials):
        raise Malformed("wrong-length", f"every dealer makes {len(certificates)} shares")
    return [
        ToolInput(own.polynomial, tuple(one.secrets[j] for one in polynomials), coefficients, signatures)
        for j, own in enumerate(polynomials)
    ]


def tool_output(keys: TrusteeKeys, place: Place, given: ToolInput, name: str | None, randomness: Randomness) -> ToolOutput:
    """Step 5: the trustee's key, once every dealer and every share is found good.

    `place` holds the certificates seen at step 2.

    Raises as `verify_dealers`; Inconsistent `own-coefficients`; Inconsistent `bad-share`, which names the dealer.
    """
    verify_dealers(place.certificates, place.threshold, given.coefficients, given.signatures)
    if len(given.secrets) != place.size:
        raise Malformed("wrong-length", f"{place.size} shares were expected, found {len(given.secrets)}")
    _verify_own_coefficients(keys, place, given)
    shares = [_share_from(keys, place, given, dealer) for dealer in range(1, place.size + 1)]
    dealers = [one.points for one in given.coefficients]
    key, private_key = make_key(keys, place, dealers, shares, name, randomness)
    return ToolOutput(private_key, key)


def tool_group(
    certificates: Sequence[Certificate],
    threshold: int,
    polynomials: Sequence[ToolPolynomial],
    outputs: Sequence[ToolOutput],
) -> ThresholdGroup:
    """Step 6: the finished group, read back from its own text and fully checked. Raises as the group's checks do."""
    group = ThresholdGroup(
        threshold,
        tuple(certificates),
        tuple(one.coefficients for one in polynomials),
        tuple(one.signature for one in polynomials),
        tuple(one.public_key for one in outputs),
    )
    checked = ThresholdGroup.from_json(group.to_json())
    verify_threshold_group(checked)
    return checked


def verify_dealers(
    certificates: Sequence[Certificate],
    threshold: int,
    coefficients: Sequence[Coefficients],
    signatures: Sequence[Proof],
) -> None:
    """Check that every dealer signed `threshold` coefficients and exactly these certificates.

    Raises Malformed `threshold-limits`, InvalidSignature `coefficients-signature` or `group-signature`. The tool's
    own trustee never looks at the group signatures: there a false one shows only when the finished election is
    verified.
    """
    size = len(certificates)
    if len(coefficients) != size or len(signatures) != size:
        raise Malformed("threshold-limits", f"{size} dealers were expected")
    for place, (one, signature) in enumerate(zip(coefficients, signatures, strict=True), start=1):
        if len(one.points) != threshold:
            raise Malformed("threshold-limits", f"trustee {place}: {threshold} coefficients were expected")
        verify_coefficients(one, certificates[place - 1], place)
        verify_group_signature(signature, certificates, one.points, place)


def _verify_own_coefficients(keys: TrusteeKeys, place: Place, given: ToolInput) -> None:
    """What the server shows as this trustee's coefficients belongs to the polynomial it made in this ceremony."""
    message = receive(keys, keys.verification, given.polynomial)
    decimals = array(fields(json_of(message), ("polynomial",))["polynomial"])
    own = Polynomial(tuple(Secret.from_decimal(one) for one in decimals))
    if own.commitments() != given.coefficients[place.index - 1].points:
        raise Inconsistent("own-coefficients", f"the coefficients shown for trustee {place.index} are not the ones it made")


def _share_from(keys: TrusteeKeys, place: Place, given: ToolInput, dealer: int) -> Secret:
    message = given.secrets[dealer - 1]
    try:
        Envelope.parse_exact(message, place.cipher)
        share = share_of(receive(keys, place.certificates[dealer - 1].verification, message))
        verify_share(share, given.coefficients[dealer - 1].points, dealer, place.index)
    except ElectionError as error:
        raise Inconsistent("bad-share", f"trustee {dealer} sent a bad share to trustee {place.index}: {error}") from error
    return share
