"""From combined factors to counts, and the text of the result. docs/protocol.md sections 7.4 and 7.5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from veche.ballot.election import Election
from veche.ballot.share import MAX_PER_CIPHERTEXT
from veche.ballot.tally import EncryptedTally, weight_from_json, weight_to_json
from veche.crypto.canonical_json import Json, array, encode, fields, parse_canonical
from veche.crypto.discrete_log import LogarithmTable
from veche.crypto.errors import Inconsistent, Malformed
from veche.crypto.group import G, Point, sums


@dataclass(frozen=True, slots=True)
class Result:
    """Per question the counts, the blank vote first where the question has one."""

    counts: tuple[tuple[int, ...], ...]

    def to_json(self) -> list[Json]:
        return [[weight_to_json(count) for count in row] for row in self.counts]

    def encode(self) -> bytes:
        return encode({"result": self.to_json()})


def parse_result(raw: bytes, election: Election) -> Result:
    """The result in `raw`, of the election's shape. Raises Malformed `result-malformed`."""
    limit = MAX_PER_CIPHERTEXT * (sum(question.ciphertexts for question in election.questions) + 1)
    try:
        rows = array(fields(parse_canonical(raw, limit), ("result",))["result"], len(election.questions))
        return Result(
            tuple(
                tuple(weight_from_json(count) for count in array(row, question.ciphertexts))
                for row, question in zip(rows, election.questions, strict=True)
            )
        )
    except Malformed as error:
        raise Malformed("result-malformed", f"result: {error}") from error


def decrypted_points(tally: EncryptedTally, combined: Sequence[Point]) -> list[Point]:
    """beta − F for every choice: the count as a multiple of G."""
    betas = [c.beta for row in tally.rows for c in row]
    return sums([[(1, beta), (-1, factor)] for beta, factor in zip(betas, combined, strict=True)])


def compute_result(tally: EncryptedTally, combined: Sequence[Point], total_weight: int) -> Result:
    """The counts behind the decrypted points, each 0..total_weight. Raises Inconsistent when one is not."""
    table = LogarithmTable(total_weight)
    counts = iter([table.find(point) for point in decrypted_points(tally, combined)])
    return Result(tuple(tuple(next(counts) for _ in row) for row in tally.rows))


def verify_result(result: Result, tally: EncryptedTally, combined: Sequence[Point], total_weight: int, election: Election) -> None:
    """Check 9.10.3 and 9.10.4: every count lies in 0..total_weight and count·G is the decrypted point.

    The range matters: count + q gives the same point. Raises Inconsistent naming question and answer.
    """
    flat = [
        (count, f'question {q} ("{question.text[:60]}"), {_answer_name(election, q - 1, place)}')
        for q, (row, question) in enumerate(zip(result.counts, election.questions, strict=True), 1)
        for place, count in enumerate(row)
    ]
    expected = sums([[(count, G)] for count, _ in flat])
    for (count, name), point, decrypted in zip(flat, expected, decrypted_points(tally, combined), strict=True):
        if count > total_weight:
            raise Inconsistent("result-range", f"result: {name}: {count} votes where {total_weight} is the total weight")
        if point != decrypted:
            raise Inconsistent("result", f"result: {name}: published count {count} is not what the trustees' shares decrypt")


def _answer_name(election: Election, question: int, place: int) -> str:
    asked = election.questions[question]
    if asked.blank and place == 0:
        return "blank vote"
    return f'answer {place + 1 - asked.blank} ("{asked.answers[place - asked.blank][:60]}")'
