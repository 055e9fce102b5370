"""The encrypted tally: for each question the weighted sum of all counted ballots, still encrypted. docs/protocol.md section 7.1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from veche.ballot.election import Election
from veche.crypto.canonical_json import Json, array, digest, encode, fields, integer, parse_canonical
from veche.crypto.elgamal import NOTHING, Ciphertext
from veche.crypto.errors import Malformed
from veche.crypto.group import Point, sums

LARGEST_INTEGER = 2**30 - 1
MAX_SIZED_BYTES = 1024

Rows = tuple[tuple[Ciphertext, ...], ...]


@dataclass(frozen=True, slots=True)
class EncryptedTally:
    """One ciphertext per question and choice, in the order of a ballot's choices."""

    rows: Rows

    def encode(self) -> bytes:
        """The text that the archive holds, `[[{"alpha":…,"beta":…}…]…]`."""
        return encode([[{"alpha": c.alpha.hex(), "beta": c.beta.hex()} for c in row] for row in self.rows])

    @property
    def alphas(self) -> tuple[Point, ...]:
        """All alphas, question by question: what the trustees multiply."""
        return tuple(c.alpha for row in self.rows for c in row)


@dataclass(frozen=True, slots=True)
class SizedTally:
    """How many credentials were counted, with what total weight, in which encrypted tally (hex digest)."""

    num_tallied: int
    total_weight: int
    encrypted_tally: str

    def encode(self) -> bytes:
        return encode(
            {
                "num_tallied": self.num_tallied,
                "total_weight": weight_to_json(self.total_weight),
                "encrypted_tally": self.encrypted_tally,
            }
        )


def weight_to_json(weight: int) -> Json:
    """Weights and counts above 2^30 − 1 are decimal strings (belenios-interop section 3)."""
    return weight if weight <= LARGEST_INTEGER else str(weight)


def weight_from_json(value: Json) -> int:
    """The number written by `weight_to_json`, and only so. Raises Malformed."""
    if type(value) is str:
        if not value.isascii() or not value.isdigit() or len(value) > 20 or weight_to_json(int(value)) != value:
            raise Malformed("wrong-type", "a number above 2^30 − 1 is a decimal string without leading zeros")
        return int(value)
    return integer(value, 0, LARGEST_INTEGER)


def nothing(election: Election) -> EncryptedTally:
    """The tally of no ballots."""
    return EncryptedTally(tuple((NOTHING,) * question.ciphertexts for question in election.questions))


def add_weighted(parts: Sequence[tuple[int, Rows]], start: EncryptedTally) -> EncryptedTally:
    """`start` + Σ weight·rows, component by component in one batch. A negative weight takes a ballot out again."""
    used = [(weight, rows) for weight, rows in parts if weight != 0]
    if not used:
        return start
    shape = [(i, j) for i, row in enumerate(start.rows) for j in range(len(row))]
    alphas = sums([[(1, start.rows[i][j].alpha), *((w, rows[i][j].alpha) for w, rows in used)] for i, j in shape])
    betas = sums([[(1, start.rows[i][j].beta), *((w, rows[i][j].beta) for w, rows in used)] for i, j in shape])
    made = iter(zip(alphas, betas, strict=True))
    return EncryptedTally(tuple(tuple(Ciphertext(*next(made)) for _ in row) for row in start.rows))


def size_tally(tally: EncryptedTally, num_tallied: int, total_weight: int) -> SizedTally:
    """The sized tally of `tally`."""
    return SizedTally(num_tallied, total_weight, sha256(tally.encode()).hexdigest())


def parse_tally(raw: bytes, election: Election) -> EncryptedTally:
    """The tally in `raw`, of the election's shape; identities are allowed. Raises Malformed `tally-malformed`."""
    try:
        rows = array(parse_canonical(raw), len(election.questions))
        return EncryptedTally(
            tuple(
                tuple(_ciphertext(one) for one in array(row, question.ciphertexts))
                for row, question in zip(rows, election.questions, strict=True)
            )
        )
    except Malformed as error:
        raise Malformed("tally-malformed", f"encrypted tally: {error}") from error


def parse_sized_tally(raw: bytes) -> SizedTally:
    """The sized tally in `raw`. Raises Malformed `tally-malformed`."""
    try:
        value = fields(parse_canonical(raw, MAX_SIZED_BYTES), ("num_tallied", "total_weight", "encrypted_tally"))
        return SizedTally(integer(value["num_tallied"]), weight_from_json(value["total_weight"]), digest(value["encrypted_tally"]))
    except Malformed as error:
        raise Malformed("tally-malformed", f"sized tally: {error}") from error


def _ciphertext(value: Json) -> Ciphertext:
    pair = fields(value, ("alpha", "beta"))
    return Ciphertext(Point.from_hex_or_identity(pair["alpha"]), Point.from_hex_or_identity(pair["beta"]))
