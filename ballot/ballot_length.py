"""How long a ballot can become, known before anybody votes: an election whose ballots nobody takes must not be sealed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from veche.ballot.election import Question
from veche.ballot.encrypted_ballot import MAX_BYTES
from veche.crypto.canonical_json import Json, encode
from veche.crypto.errors import Grouped, Malformed, said
from veche.crypto.scalar import Q

_SCALAR: Final = str(Q - 1)
_POINT: Final = "0" * 64
_COMPACT: Final = "0" * 43
_PROOF: Final[Json] = {"challenge": _SCALAR, "response": _SCALAR}


def longest_ballot(uuid: str, questions: Sequence[Question]) -> int:
    """The bytes of the longest ballot of these questions: every number in it as long as it can be. docs/protocol.md section 5."""
    ballot: dict[str, Json] = {
        "election_uuid": uuid,
        "election_hash": _COMPACT,
        "credential": _POINT,
        "answers": [_answer(question) for question in questions],
        "signature": {"hash": _COMPACT, "proof": _PROOF},
    }
    return len(encode(ballot))


def verify_ballot_length(uuid: str, questions: Sequence[Question]) -> None:
    """Check that every ballot of these questions would be taken. Raises Malformed `question-limits`."""
    length = longest_ballot(uuid, questions)
    if length > MAX_BYTES:
        raise Malformed(
            "question-limits",
            said(
                "a ballot would have up to %(length)s bytes, and no more than %(most)s are taken: "
                "ask with fewer options, a smaller max, or in several contests",
                length=Grouped(length),
                most=Grouped(MAX_BYTES),
            ),
        )


def _answer(question: Question) -> dict[str, Json]:
    sums = question.maximum - question.minimum + 1
    answer: dict[str, Json] = {
        "choices": [{"alpha": _POINT, "beta": _POINT}] * question.ciphertexts,
        "individual_proofs": [[_PROOF] * 2] * question.ciphertexts,
        "overall_proof": [_PROOF] * (sums + question.blank),
    }
    return (answer | {"blank_proof": [_PROOF] * 2}) if question.blank else answer
