"""A trustee's share of the decryption: making and checking it. docs/protocol.md sections 7.2 and 7.3."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from veche.ballot.tally import EncryptedTally
from veche.crypto.canonical_json import Json, array, digest, encode, fields, integer, parse_canonical, text
from veche.crypto.chaum_pedersen import decrypt_share, prove_decryption, verify_decryptions
from veche.crypto.equality import prove_equality, verify_equality
from veche.crypto.errors import InvalidProof, InvalidSignature, Malformed, Refused
from veche.crypto.group import Point
from veche.crypto.proof import Proof
from veche.crypto.scalar import Randomness, Secret
from veche.crypto.schnorr import sign, verify_signature
from veche.crypto.strong_decryption import ShareStatement

MAX_OWNER = 1000

MAX_PER_CIPHERTEXT = 1024
"""Bytes of a share or result for each ciphertext, and as much once more: far above what an honest one needs."""


@dataclass(frozen=True, slots=True)
class PartialDecryption:
    """Factors and Belenios proofs, both of the tally's shape, flattened in the tally's order."""

    raw: bytes
    factors: tuple[Point, ...]
    proofs: tuple[Proof, ...]


@dataclass(frozen=True, slots=True)
class OwnedShare:
    """Whose share it is: `owner` counts from 1 over the flattened list of trustees; `payload` is the share's SHA-256 in hex."""

    owner: int
    payload: str

    def encode(self) -> bytes:
        return encode({"owner": self.owner, "payload": self.payload})


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a trustee hands over: owned text, share, strong proof, and the signature over all of it."""

    owned: bytes
    share: bytes
    proof: Proof
    signature: Proof

    def encode(self, election: str) -> bytes:
        """The file `delivery/1` that a trustee hands to the organizer."""
        return encode(
            {
                "veche": "delivery/1",
                "election": election,
                "owned": self.owned.decode("utf-8"),
                "share": self.share.decode("utf-8"),
                "proof": self.proof.to_json(),
                "signature": self.signature.to_json(),
            }
        )


def parse_delivery(raw: bytes, election: str) -> Delivery:
    """The delivery in a file. Raises Malformed `delivery-malformed`, or Refused when made for another election."""
    try:
        value = fields(parse_canonical(raw), ("veche", "election", "owned", "share", "proof", "signature"))
        if value["veche"] != "delivery/1":
            raise Malformed("wrong-type", "not a trustee's delivery")
        made_for = text(value["election"])
        delivery = Delivery(
            text(value["owned"]).encode("utf-8"),
            text(value["share"]).encode("utf-8"),
            Proof.from_json(value["proof"]),
            Proof.from_json(value["signature"]),
        )
    except Malformed as error:
        raise Malformed("delivery-malformed", f"trustee's delivery: {error}") from error
    if made_for != election:
        raise Refused("wrong-election", f"trustee's delivery: made for election {made_for[:64]}, not for {election}")
    return delivery


@dataclass(frozen=True, slots=True)
class TallyPlace:
    """Where a tally stands: the hashes (hex) of the events Setup and EncryptedTally, and the election's fingerprint."""

    fingerprint: str
    setup: str
    encrypted_tally: str

    def statement(self, owner: int, owned: bytes) -> ShareStatement:
        """The statement of the strong proof for the share that `owned` names."""
        return self.statement_of(owner, sha256(owned).hexdigest())

    def statement_of(self, owner: int, payload: str) -> ShareStatement:
        """As `statement`, from the SHA-256 (hex) of the owned text, which need not be at hand."""
        return ShareStatement(bytes.fromhex(self.setup), bytes.fromhex(self.encrypted_tally), owner, bytes.fromhex(payload))


def make_share(
    secret: Secret, public: Point, owner: int, tally: EncryptedTally, place: TallyPlace, randomness: Randomness
) -> Delivery:
    """Decrypt `tally` with one trustee's secret, with both proofs, signed for delivery."""
    factors = [decrypt_share(secret, alpha) for alpha in tally.alphas]
    proofs = [prove_decryption(secret, public, alpha, place.fingerprint, randomness) for alpha in tally.alphas]
    share = encode(
        {
            "decryption_factors": _shaped([factor.hex() for factor in factors], tally),
            "decryption_proofs": _shaped([proof.to_json() for proof in proofs], tally),
        }
    )
    owned = OwnedShare(owner, sha256(share).hexdigest()).encode()
    statement = place.statement(owner, owned)
    proof = prove_equality(secret, statement.claim(public, tally.alphas, factors), randomness)
    return Delivery(owned, share, proof, sign(secret, public, statement.delivery(proof), randomness))


def parse_owned(raw: bytes) -> OwnedShare:
    """Whose share the text names. Raises Malformed `share-malformed`."""
    try:
        value = fields(parse_canonical(raw, 1024), ("owner", "payload"))
        return OwnedShare(integer(value["owner"], 1, MAX_OWNER), digest(value["payload"]))
    except Malformed as error:
        raise Malformed("share-malformed", f"owned share: {error}") from error


def parse_share(raw: bytes, tally: EncryptedTally, owner: int) -> PartialDecryption:
    """The share in `raw`, of the tally's shape. Raises Malformed `share-malformed` or `share-factor` naming the trustee."""
    try:
        parsed = parse_canonical(raw, MAX_PER_CIPHERTEXT * (len(tally.alphas) + 1))
        value = fields(parsed, ("decryption_factors", "decryption_proofs"))
        texts = [text(factor) for factor in _flat(value["decryption_factors"], tally)]
        proofs = tuple(Proof.from_json(proof) for proof in _flat(value["decryption_proofs"], tally))
    except Malformed as error:
        raise Malformed("share-malformed", f"share of trustee {owner}: {error}") from error
    try:
        factors = tuple(Point.from_hex_or_identity(one) for one in texts)
    except Malformed as error:
        raise Malformed("share-factor", f"share of trustee {owner}: a factor: {error}") from error
    return PartialDecryption(raw, factors, proofs)


def verify_share(share: PartialDecryption, owner: int, public: Point, tally: EncryptedTally, fingerprint: str) -> None:
    """Check factors and Belenios proofs (9.9.3, 9.9.4). Raises Malformed or InvalidProof naming the trustee."""
    for place, (alpha, factor) in enumerate(zip(tally.alphas, share.factors, strict=True), 1):
        if alpha.is_identity != factor.is_identity:
            raise Malformed("share-factor", f"share of trustee {owner}: factor {place} is the identity exactly where alpha is")
    try:
        verify_decryptions(public, fingerprint, list(zip(tally.alphas, share.factors, share.proofs, strict=True)))
    except InvalidProof as error:
        raise InvalidProof("decryption-proof", f"share of trustee {owner}: {error}") from error


def verify_strong_proof(
    proof: Proof, share: PartialDecryption, owner: int, public: Point, tally: EncryptedTally, statement: ShareStatement
) -> None:
    """Check the strong proof of a share (9.9.5). Raises InvalidProof naming the trustee."""
    try:
        verify_equality(proof, statement.claim(public, tally.alphas, share.factors))
    except InvalidProof as error:
        raise InvalidProof("strong-proof", f"share of trustee {owner}: strong proof: {error}") from error


def verify_delivery(signature: Proof, proof: Proof, owner: int, public: Point, statement: ShareStatement) -> None:
    """Check that the trustee itself handed over this share and strong proof. Raises InvalidSignature.

    Without it the server could attribute a bad share to an honest trustee.
    """
    try:
        verify_signature(signature, public, statement.delivery(proof))
    except InvalidSignature as error:
        raise InvalidSignature("share-delivery", f"share said to be of trustee {owner}: {error}") from error


def fault_of(
    owned: bytes, share: bytes | None, proof: Proof | None, owner: int, public: Point, tally: EncryptedTally, place: TallyPlace
) -> str | None:
    """Why a delivered share is bad, in the words of `share-refused`, or None: form, then Belenios proofs, then strong proof.

    The organizer refuses by it and the audit judges the refusal by it. `share` is what `owned` names, None when that is not there;
    without `proof` the strong proof is not judged.
    """
    try:
        named = parse_owned(owned)
        if share is None or named.owner != owner or named.payload != sha256(share).hexdigest():
            return "malformed"
        parsed = parse_share(share, tally, owner)
        verify_share(parsed, owner, public, tally, place.fingerprint)
    except Malformed:
        return "malformed"
    except InvalidProof:
        return "belenios-proof"
    try:
        if proof is not None:
            verify_strong_proof(proof, parsed, owner, public, tally, place.statement(owner, owned))
    except InvalidProof:
        return "strong-proof"
    return None


def _shaped(flat: list[Json], tally: EncryptedTally) -> list[Json]:
    items = iter(flat)
    return [[next(items) for _ in row] for row in tally.rows]


def _flat(value: Json, tally: EncryptedTally) -> list[Json]:
    rows = array(value, len(tally.rows))
    return [item for row, shape in zip(rows, tally.rows, strict=True) for item in array(row, len(shape))]
