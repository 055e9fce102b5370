"""A challenge and a response: the form of every proof and signature in this project."""

from __future__ import annotations

from dataclasses import dataclass

from veche.crypto.canonical_json import Json, fields
from veche.crypto.scalar import parse_scalar


@dataclass(frozen=True, slots=True)
class Proof:
    """A pair of public scalars, each below q. In JSON `{"challenge":"…","response":"…"}`, decimal strings."""

    challenge: int
    response: int

    @classmethod
    def from_json(cls, value: Json) -> Proof:
        """The proof of strict JSON. Raises Malformed: other fields, leading zeros, a scalar ≥ q."""
        found = fields(value, ("challenge", "response"))
        return cls(parse_scalar(found["challenge"]), parse_scalar(found["response"]))

    def to_json(self) -> dict[str, Json]:
        return {"challenge": str(self.challenge), "response": str(self.response)}
