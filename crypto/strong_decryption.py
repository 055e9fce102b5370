"""The strong decryption proof and the signed delivery of a share. docs/protocol.md section 7.3 (veche-record section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from veche.crypto.equality import EqualityClaim
from veche.crypto.group import Point
from veche.crypto.proof import Proof
from veche.crypto.transcript import transcript


@dataclass(frozen=True, slots=True)
class ShareStatement:
    """What a share speaks of: hashes are 32 raw bytes; `payload` is the event's, which fixes factors and Belenios proofs."""

    setup: bytes
    tally: bytes
    owner: int
    payload: bytes

    def claim(self, public: Point, alphas: Sequence[Point], factors: Sequence[Point]) -> EqualityClaim:
        """The claim that every factor is x·alpha for the x behind `public`, in this election, tally and place."""
        context = transcript("veche/v1/share", self.setup, self.tally, self.owner, self.payload)
        return EqualityClaim(context, public, tuple(alphas), tuple(factors))

    def delivery(self, proof: Proof) -> bytes:
        """The message a trustee signs when it hands over share and strong proof, so that nobody can frame it with another."""
        return transcript(
            "veche/v1/share-delivery",
            self.setup,
            self.tally,
            self.owner,
            self.payload,
            proof.challenge,
            proof.response,
        )
