"""A complaint about a share, and its judgement: anyone can tell from public bytes who of the two erred.

docs/protocol.md section 6.6 (veche-record section 5.3). The trustee that receives a share decides by the same function
(`open_share`) as the judge, so it never complains about what the judge would find good.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256

from veche.crypto.canonical_json import Json, fields, integer, text
from veche.crypto.certificate import Certificate, list_hash
from veche.crypto.channel import (
    Cipher,
    Envelope,
    TrusteeKeys,
    json_of,
    key_point,
    open_with,
    read_opened,
)
from veche.crypto.equality import EqualityClaim, prove_equality, verify_equality
from veche.crypto.errors import ElectionError, Inconsistent, InvalidProof, Malformed, Refused
from veche.crypto.group import G, Point, secret_multiple
from veche.crypto.proof import Proof
from veche.crypto.reveal import Reveal
from veche.crypto.scalar import Randomness, Secret
from veche.crypto.shamir import committed_value
from veche.crypto.transcript import transcript


@dataclass(frozen=True, slots=True)
class Dealing:
    """What all had seen before any share went out. Place i stands at index i − 1 of every list.

    `secret_hashes[i][j]`: the SHA-256 (hex) that dealer i + 1 signed for its encrypted share to j + 1.
    """

    certificates: tuple[Certificate, ...]
    cipher: Cipher
    coefficients: tuple[tuple[Point, ...], ...]
    secret_hashes: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, certificates: Sequence[Certificate], cipher: Cipher, reveals: Sequence[Reveal]) -> Dealing:
        """The dealing of a run whose reveals were all found good."""
        coefficients = tuple(one.coefficients().points for one in reveals)
        return cls(tuple(certificates), cipher, coefficients, tuple(one.secrets for one in reveals))

    @property
    def size(self) -> int:
        return len(self.certificates)

    def secret_hash(self, dealer: int, recipient: int) -> str:
        """h_ij."""
        return self.secret_hashes[dealer - 1][recipient - 1]


@dataclass(frozen=True, slots=True)
class OpeningProof:
    """The point K that opens the message, and its recipient's proof that it does; as written, not decoded."""

    point: str
    proof: Json

    @classmethod
    def of(cls, point: Point, proof: Proof) -> OpeningProof:
        return cls(point.hex(), proof.to_json())


@dataclass(frozen=True, slots=True)
class Complaint:
    """Trustee `complainant` shows the encrypted text of `dealer` and says that its share is bad."""

    dealer: int
    complainant: int
    message: str
    opening: OpeningProof | None

    @classmethod
    def from_json(cls, value: Json) -> Complaint:
        """The complaint of strict JSON: point and proof both or neither.

        Raises Malformed; whether they are good is for the judge.
        """
        found = fields(value, ("dealer", "complainant", "message", "point", "proof"), ("point", "proof"))
        if ("point" in found) != ("proof" in found):
            raise Malformed("wrong-fields", "a complaint has both a point and a proof, or neither")
        opening = OpeningProof(text(found["point"]), _proof_shape(found["proof"])) if "point" in found else None
        return cls(integer(found["dealer"]), integer(found["complainant"]), text(found["message"]), opening)

    def to_json(self) -> dict[str, Json]:
        value: dict[str, Json] = {"dealer": self.dealer, "complainant": self.complainant, "message": self.message}
        return value if self.opening is None else {**value, "point": self.opening.point, "proof": self.opening.proof}


class Verdict(Enum):
    """Whom a judgement names. A void complaint names nobody: it could have been made by anyone."""

    VOID = "void"
    DEALER = "dealer"
    COMPLAINANT = "complainant"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and the stable word for its reason."""

    verdict: Verdict
    reason: str

    def named(self, complaint: Complaint) -> int | None:
        """The place of the one who erred, if anyone is named."""
        if self.verdict is Verdict.VOID:
            return None
        return complaint.dealer if self.verdict is Verdict.DEALER else complaint.complainant


def judge(complaint: Complaint, dealing: Dealing) -> Judgement:
    """Who erred, by steps a to d of veche-record section 5.3, in this order."""
    i, j = complaint.dealer, complaint.complainant
    # a. Is this what the dealer signed for, and are these two of us?
    if not (1 <= i <= dealing.size and 1 <= j <= dealing.size) or i == j:
        return Judgement(Verdict.VOID, "no-such-place")
    if _hash_of(complaint.message) != dealing.secret_hash(i, j):
        return Judgement(Verdict.VOID, "not-the-dealers-message")
    # b. A text that is no message of this ceremony speaks for itself: anyone may complain.
    try:
        envelope = Envelope.parse_exact(complaint.message, dealing.cipher)
    except Malformed as error:
        return Judgement(Verdict.DEALER, error.code)
    # c. Only the recipient can show which point opens it.
    try:
        point = _proven_point(complaint, envelope, dealing)
    except (Malformed, InvalidProof) as error:
        return Judgement(Verdict.VOID, _VOID_REASONS.get(error.code, error.code))
    # d. What is inside?
    try:
        open_share(envelope, point, dealing, i, j)
    except ElectionError as error:
        return Judgement(Verdict.DEALER, error.code)
    return Judgement(Verdict.COMPLAINANT, "message-good")


def open_share(envelope: Envelope, point: Point, dealing: Dealing, dealer: int, recipient: int) -> Secret:
    """The share of `recipient` inside, opened with K and found good.

    Raises ElectionError with the reason: `tag-wrong`, `text-malformed`, `signature-wrong`, `recipient-wrong`,
    `share-wrong`.
    """
    sender, reader = dealing.certificates[dealer - 1], dealing.certificates[recipient - 1]
    message = read_opened(open_with(envelope, point), sender.verification, reader.encryption)
    share = share_of(message)
    verify_share(share, dealing.coefficients[dealer - 1], dealer, recipient)
    return share


def share_of(message: str) -> Secret:
    """The share in `{"secret":s}`, s < q. Raises Malformed `text-malformed` without showing it."""
    try:
        return Secret.from_decimal(fields(json_of(message), ("secret",))["secret"])
    except Malformed as error:
        raise Malformed("text-malformed", f"the signed message holds no share ({error.code})") from error


def verify_share(share: Secret, coefficients: Sequence[Point], dealer: int, recipient: int) -> None:
    """Check s·G = Σ_k j^k·A_ik. Raises Inconsistent `share-wrong`."""
    if secret_multiple(share, G) != committed_value(coefficients, recipient):
        raise Inconsistent("share-wrong", f"the share of trustee {dealer} for {recipient} does not fit its coefficients")


def take_share(
    keys: TrusteeKeys, message: str, dealing: Dealing, dealer: int, recipient: int, randomness: Randomness
) -> Secret | Complaint:
    """The share that `dealer` sent to `recipient` (the owner of `keys`), or the complaint that names the dealer.

    Raises Refused `not-the-dealers-message` when the text is not the one the dealer signed for: it was changed on the
    way; ask again.
    """
    if _hash_of(message) != dealing.secret_hash(dealer, recipient):
        raise Refused("not-the-dealers-message", f"this is not the message that trustee {dealer} signed for: ask for it again")
    try:
        envelope = Envelope.parse_exact(message, dealing.cipher)
    except Malformed:
        return Complaint(dealer, recipient, message, None)
    point = key_point(envelope, keys.decryption)
    try:
        return open_share(envelope, point, dealing, dealer, recipient)
    except ElectionError:
        return complain(keys, message, dealing, dealer, recipient, randomness)


def complain(keys: TrusteeKeys, message: str, dealing: Dealing, dealer: int, complainant: int, randomness: Randomness) -> Complaint:
    """A complaint about `message` that opens it for everyone: K and a proof that it is the right point.

    Raises Malformed when the text is no envelope: then no point and no proof are needed.
    """
    envelope = Envelope.parse_exact(message, dealing.cipher)
    point = key_point(envelope, keys.decryption)
    claim = _claim(envelope, point, dealing, dealer, complainant)
    return Complaint(dealer, complainant, message, OpeningProof.of(point, prove_equality(keys.decryption, claim, randomness)))


def verify_timely(complaint: Complaint, now: int, deadline: int, finished: AbstractSet[int]) -> None:
    """Check that the complaint came by `deadline` (seconds since 1970) and before its author sent a verification key.

    `finished`: the places that have sent one. Raises Refused: `complaint-late`, `complaint-after-key`.
    """
    if now > deadline:
        raise Refused("complaint-late", f"the time for complaints ended {now - deadline} seconds ago")
    if complaint.complainant in finished:
        raise Refused(
            "complaint-after-key",
            f"trustee {complaint.complainant} has sent its verification key: it found every share good",
        )


def _claim(envelope: Envelope, point: Point, dealing: Dealing, dealer: int, complainant: int) -> EqualityClaim:
    """dk with encryption key = dk·G and beta − K = dk·alpha, for exactly this message of this run."""
    message_hash = bytes.fromhex(dealing.secret_hash(dealer, complainant))
    context = transcript("veche/v1/complaint", list_hash(dealing.certificates), dealer, complainant, message_hash)
    public = dealing.certificates[complainant - 1].encryption
    return EqualityClaim(context, public, [envelope.alpha], [envelope.beta - point])


_VOID_REASONS = {"equality-wrong": "challenge-differs", "equality-identity": "identity-mismatch"}


def _proven_point(complaint: Complaint, envelope: Envelope, dealing: Dealing) -> Point:
    if complaint.opening is None:
        raise InvalidProof("no-proof", "the complaint does not show which point opens the message")
    point = Point.from_hex_or_identity(complaint.opening.point)
    proof = Proof.from_json(complaint.opening.proof)
    verify_equality(proof, _claim(envelope, point, dealing, complaint.dealer, complaint.complainant))
    return point


def _proof_shape(value: Json) -> Json:
    found = fields(value, ("challenge", "response"))
    return {"challenge": text(found["challenge"]), "response": text(found["response"])}


def _hash_of(message: str) -> str:
    return sha256(message.encode("utf-8", "surrogatepass")).hexdigest()
