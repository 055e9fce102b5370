"""Commit before you reveal: nobody can choose its part of the key after seeing the others' parts.

docs/protocol.md section 6.5 (veche-record sections 5.1 and 5.2). The commitment binds a trustee's signed coefficients
and a random lot that hides them; the reveal is signed over all n commitments, so that a server cannot show different
ones to different trustees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from veche.crypto.canonical_json import Json, array, digest, fields, text
from veche.crypto.certificate import Certificate, list_hash
from veche.crypto.errors import Inconsistent, InvalidSignature, Malformed
from veche.crypto.pedersen import Coefficients, verify_coefficients
from veche.crypto.proof import Proof
from veche.crypto.schnorr import verify_signature
from veche.crypto.transcript import digest256, transcript

LOT_BYTES = 32


@dataclass(frozen=True, slots=True)
class Reveal:
    """What opens a commitment: the text E_i and lot_i (32 bytes).

    `secrets` are the SHA-256 (hex) of the n encrypted shares; the signature is over everything.
    """

    coefexps: str
    lot: bytes
    secrets: tuple[str, ...]
    signature: Proof

    @classmethod
    def from_json(cls, value: Json) -> Reveal:
        """The reveal of strict JSON. Raises Malformed; nothing is verified here, not even what E_i holds."""
        found = fields(value, ("coefexps", "lot", "secrets", "signature"))
        return cls(
            text(found["coefexps"]),
            bytes.fromhex(digest(found["lot"])),
            tuple(digest(one) for one in array(found["secrets"])),
            Proof.from_json(found["signature"]),
        )

    def to_json(self) -> dict[str, Json]:
        return {
            "coefexps": self.coefexps,
            "lot": self.lot.hex(),
            "secrets": list(self.secrets),
            "signature": self.signature.to_json(),
        }

    def coefficients(self) -> Coefficients:
        """The coefficients inside E_i. Raises Malformed."""
        return Coefficients.parse(self.coefexps)


def commitment(certificates_hash: bytes, index: int, coefexps: str, lot: bytes) -> str:
    """SHA-256 (hex) over L, i, E_i and lot_i.

    The place is inside: a copied commitment cannot be opened by the copier.
    """
    return digest256("veche/v1/dkg-commit", certificates_hash, index, coefexps, lot).hex()


def reveal_message(certificates_hash: bytes, index: int, commitments: Sequence[str], secrets: Sequence[str]) -> bytes:
    """What the reveal of trustee `index` signs: L, i, n, all commitments and the hashes of its encrypted shares."""
    digests = [bytes.fromhex(one) for one in (*commitments, *secrets)]
    return transcript("veche/v1/dkg-reveal", certificates_hash, index, len(commitments), *digests)


def verify_opening(reveal: Reveal, index: int, certificates: Sequence[Certificate], committed: str) -> None:
    """Check that the reveal opens what trustee `index` committed to. Raises Inconsistent `ceremony-commitment`."""
    if commitment(list_hash(certificates), index, reveal.coefexps, reveal.lot) != committed:
        raise Inconsistent("ceremony-commitment", f"trustee {index} revealed something other than it committed to")


def verify_revealed_coefficients(reveal: Reveal, index: int, certificates: Sequence[Certificate], threshold: int) -> None:
    """Check that E_i holds `threshold` members, rightly signed, and that a hash of a share is given for everyone.

    Raises Inconsistent `ceremony-reveal`.
    """
    try:
        coefficients = reveal.coefficients()
        verify_coefficients(coefficients, certificates[index - 1], index)
    except (Malformed, InvalidSignature) as error:
        raise Inconsistent("ceremony-reveal", f"trustee {index} revealed no signed list of coefficients: {error}") from error
    if len(coefficients.points) != threshold:
        found = len(coefficients.points)
        raise Inconsistent("ceremony-reveal", f"trustee {index}: {threshold} coefficients were expected, found {found}")
    if len(reveal.secrets) != len(certificates):
        raise Inconsistent(
            "ceremony-reveal", f"trustee {index} gives {len(reveal.secrets)} hashes for {len(certificates)} trustees"
        )


def verify_reveal_signature(reveal: Reveal, index: int, certificates: Sequence[Certificate], commitments: Sequence[str]) -> None:
    """Check that trustee `index` signed its reveal over exactly these commitments.

    Raises InvalidSignature `ceremony-reveal`.
    """
    message = reveal_message(list_hash(certificates), index, commitments, reveal.secrets)
    try:
        verify_signature(reveal.signature, certificates[index - 1].verification, message)
    except InvalidSignature as error:
        raise InvalidSignature("ceremony-reveal", f"trustee {index} did not sign its reveal over these commitments") from error


def verify_reveal(
    reveal: Reveal, index: int, certificates: Sequence[Certificate], commitments: Sequence[str], threshold: int
) -> None:
    """Check all of the above: the commitment is opened, E_i is good, and everything is signed over the commitments."""
    verify_opening(reveal, index, certificates, commitments[index - 1])
    verify_revealed_coefficients(reveal, index, certificates, threshold)
    verify_reveal_signature(reveal, index, certificates, commitments)


def is_wrong(reveal: Reveal, index: int, certificates: Sequence[Certificate], commitments: Sequence[str], threshold: int) -> bool:
    """Whether a reveal, signed or not, does not open its commitment or holds no good coefficients."""
    try:
        verify_opening(reveal, index, certificates, commitments[index - 1])
        verify_revealed_coefficients(reveal, index, certificates, threshold)
    except Inconsistent:
        return True
    return False
