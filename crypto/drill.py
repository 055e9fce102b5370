"""The drill: before the vote, each trustee shows that it still has its key, by multiplying a point that nobody chose.

docs/protocol.md section 6.8 (veche-record section 6). The base is hashed to the group from four public values and
computed by the trustee itself: a trustee that multiplied points from outside would decrypt ballots one by one (attack
D7).
"""

from __future__ import annotations

from dataclasses import dataclass

from veche.crypto.backend import clear_cofactor
from veche.crypto.canonical_json import Json, fields
from veche.crypto.equality import EqualityClaim, prove_with_nonce, verify_equality
from veche.crypto.errors import InvalidProof
from veche.crypto.group import IDENTITY, Point, secret_multiple
from veche.crypto.proof import Proof
from veche.crypto.scalar import Randomness, Secret
from veche.crypto.transcript import digest256, transcript


@dataclass(frozen=True, slots=True)
class DrillStatement:
    """For what and whom: uuid, SHA-256 (32 bytes) of manifest and of trustees.json, the owner's number from 1."""

    uuid: str
    manifest: bytes
    trustees: bytes
    owner: int

    def base(self) -> Point:
        """B = 8·point(b): the first y at or after the hash that lies on the curve. Nobody knows its logarithm."""
        hashed = digest256("veche/v1/drill", self.uuid, self.manifest, self.trustees, self.owner)
        y = int.from_bytes(hashed, "big") >> 2
        while (point := _point_above(y)) is None:
            y += 1
        return point

    def context(self) -> bytes:
        return transcript("veche/v1/drill-proof", self.uuid, self.manifest, self.trustees, self.owner)


@dataclass(frozen=True, slots=True)
class Drill:
    """F = x·B and the proof that x is the owner's key."""

    factor: Point
    proof: Proof

    @classmethod
    def from_json(cls, value: Json) -> Drill:
        """Factor and proof of `{"factor":…,"proof":…}`. Raises Malformed."""
        found = fields(value, ("factor", "proof"))
        return cls(Point.from_hex_or_identity(found["factor"]), Proof.from_json(found["proof"]))

    def to_json(self) -> dict[str, Json]:
        return {"factor": self.factor.hex(), "proof": self.proof.to_json()}


def make_drill(secret: Secret, public: Point, statement: DrillStatement, randomness: Randomness) -> Drill:
    """The drill of the owner of `public` = secret·G."""
    return drill_with_nonce(secret, public, statement, Secret.nonce(randomness, secret, statement.context()))


def drill_with_nonce(secret: Secret, public: Point, statement: DrillStatement, nonce: Secret) -> Drill:
    """As `make_drill` with a given nonce, which must never serve twice."""
    base = statement.base()
    factor = secret_multiple(secret, base)
    claim = EqualityClaim(statement.context(), public, [base], [factor])
    return Drill(factor, prove_with_nonce(secret, claim, nonce))


def verify_drill(drill: Drill, public: Point, statement: DrillStatement) -> None:
    """Check that the owner of `public` made this drill for this statement. Raises InvalidProof `drill-proof`."""
    claim = EqualityClaim(statement.context(), public, [statement.base()], [drill.factor])
    try:
        verify_equality(drill.proof, claim)
    except InvalidProof as error:
        raise InvalidProof(
            "drill-proof", f"trustee {statement.owner}: its drill does not show that it has its key: {error}"
        ) from error


def _point_above(y: int) -> Point | None:
    """8·P for the curve point with this y and even x; None when there is none or 8·P is the identity."""
    encoding = clear_cofactor(y.to_bytes(32, "little"))
    return None if encoding is None or encoding == IDENTITY.encoding else Point.decode(encoding)
