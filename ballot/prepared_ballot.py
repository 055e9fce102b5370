"""Making a ballot, and opening one for checking. docs/protocol.md sections 5.1 to 5.7.

The device encrypts and shows the commitment (`signature.hash`) before it learns whether the voter will cast or test. A prepared
ballot is then signed or opened, never both: an opened ballot has no signature, so it can never be cast (attack E3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from veche.ballot.election import Election, Question
from veche.ballot.encrypted_ballot import answer_claims
from veche.crypto.canonical_json import Json, array, encode, fields, integer, parse_canonical, text
from veche.crypto.disjunction import prove_disjunction
from veche.crypto.elgamal import encrypt
from veche.crypto.errors import Inconsistent, Malformed, Refused
from veche.crypto.group import Point
from veche.crypto.scalar import Randomness, Secret
from veche.crypto.schnorr import sign_version1
from veche.crypto.version1 import ballot_context, ballot_signature_prefix, compact

MAX_BYTES = 262_144

Choices = tuple[tuple[int, ...], ...]
"""Per question the marks, 0 or 1, the blank vote first where the question has one."""


@dataclass(frozen=True, slots=True)
class OpenedBallot:
    """An unsigned ballot with what is inside: the file `opened/1` that another device can check."""

    election: str
    unsigned: bytes
    choices: Choices
    randomness: tuple[tuple[str, ...], ...]

    @property
    def commitment(self) -> str:
        """What the first device showed before it was told to open: compact SHA-256 of the unsigned ballot."""
        return compact(self.unsigned)

    def encode(self) -> bytes:
        return encode(
            {
                "veche": "opened/1",
                "election": self.election,
                "ballot": self.unsigned.decode("utf-8"),
                "choices": [list(marks) for marks in self.choices],
                "randomness": [list(scalars) for scalars in self.randomness],
            }
        )


class PreparedBallot:
    """An encrypted ballot that is not signed yet. `commitment` may be shown; the choices are secret until opened."""

    __slots__ = ("_choices", "_election", "_randomness", "_spent", "_value")

    def __init__(
        self, election: Election, value: dict[str, Json], choices: Choices, randomness: tuple[tuple[Secret, ...], ...]
    ) -> None:
        self._election = election
        self._value = value
        self._choices = choices
        self._randomness = randomness
        self._spent = False

    @property
    def commitment(self) -> str:
        """43 characters: the hash of the unsigned ballot, which will be `signature.hash` if it is cast."""
        return compact(encode(self._value))

    def sign(self, credential: Secret, randomness: Randomness) -> bytes:
        """The ballot's bytes, ready to be cast. Raises Refused when it was opened before."""
        self._spend()
        commitment = self.commitment
        proof = sign_version1(credential, ballot_signature_prefix(commitment), randomness)
        return encode(self._value | {"signature": {"hash": commitment, "proof": proof.to_json()}})

    def open(self) -> OpenedBallot:
        """What is inside, for checking. Such a ballot can never be signed afterwards."""
        self._spend()
        scalars = tuple(tuple(str(r.expose()) for r in row) for row in self._randomness)
        return OpenedBallot(self._election.uuid, encode(self._value), self._choices, scalars)

    def _spend(self) -> None:
        if self._spent:
            raise Refused("ballot-spent", "this ballot was already signed or opened; encrypt a new one")
        self._spent = True

    def __repr__(self) -> str:
        return f"PreparedBallot({self.commitment})"


def prepare_ballot(
    election: Election, credential: Point, choices: Sequence[Sequence[int]], randomness: Randomness
) -> PreparedBallot:
    """Encrypt `choices` to the election's key for `credential`. Raises Refused when they are no legal vote."""
    verify_choices(election, choices)
    context = ballot_context(election.fingerprint, credential)
    made = [
        _answer(election, question, tuple(marks), context, number, randomness)
        for number, (question, marks) in enumerate(zip(election.questions, choices, strict=True), 1)
    ]
    value: dict[str, Json] = {
        "election_uuid": election.uuid,
        "election_hash": election.fingerprint,
        "credential": credential.hex(),
        "answers": [answer for answer, _ in made],
    }
    return PreparedBallot(election, value, tuple(tuple(marks) for marks in choices), tuple(secrets for _, secrets in made))


def verify_choices(election: Election, choices: Sequence[Sequence[int]]) -> None:
    """Check that the marks are a legal vote. Raises Refused naming the question."""
    if len(choices) != len(election.questions):
        raise Refused("choices", f"{len(choices)} answers to {len(election.questions)} questions")
    for number, (question, marks) in enumerate(zip(election.questions, choices, strict=True), 1):
        asked = f'question {number} ("{question.text[:60]}")'
        if len(marks) != question.ciphertexts or any(mark not in (0, 1) for mark in marks):
            raise Refused("choices", f"{asked} takes {question.ciphertexts} marks of 0 or 1")
        if question.blank and marks[0] == 1:
            if any(marks[1:]):
                raise Refused("choices", f"{asked}: a blank vote marks nothing else")
        elif not question.minimum <= sum(marks[question.blank :]) <= question.maximum:
            raise Refused("choices", f"{asked} takes {question.minimum} to {question.maximum} marks")


def _answer(
    election: Election, question: Question, marks: tuple[int, ...], context: str, number: int, randomness: Randomness
) -> tuple[dict[str, Json], tuple[Secret, ...]]:
    key = election.public_key
    secrets = tuple(Secret.random(randomness) for _ in marks)
    choices = tuple(encrypt(mark, key, r) for mark, r in zip(marks, secrets, strict=True))
    answer: dict[str, Json] = {"choices": [{"alpha": c.alpha.hex(), "beta": c.beta.hex()} for c in choices]}
    individual: list[Json] = []
    named: dict[str, Json] = {}
    for claim in answer_claims(choices, question, context, number):
        if claim.kind == "individual":
            true, secret = marks[claim.choice], secrets[claim.choice]
        else:
            true, secret = _true_part(claim.kind, question, marks, secrets)
        proof = prove_disjunction(key, claim.statement, true, secret, randomness)
        if claim.kind == "individual":
            individual.append([part.to_json() for part in proof])
        else:
            named[claim.kind] = [part.to_json() for part in proof]
    answer |= {"individual_proofs": individual, "overall_proof": named["overall"]}
    return (answer | {"blank_proof": named["blank"]}) if question.blank else answer, secrets


def _true_part(kind: str, question: Question, marks: tuple[int, ...], secrets: tuple[Secret, ...]) -> tuple[int, Secret]:
    """Which part of an overall or blank proof holds, and the randomness of its ciphertext. The same work for every vote."""
    if not question.blank:
        return sum(marks) - question.minimum, _sum(secrets)
    rest = _sum(secrets[1:])
    # Of the blank proof, part 0 says "the blank is not marked" and part 1 "nothing else is marked"; of the overall proof, part 0
    # says "the blank is marked" and the others how many marks there are.
    if kind == "blank":
        return ((0, secrets[0]), (1, rest))[marks[0]]
    return ((1 + sum(marks[1:]) - question.minimum, rest), (0, secrets[0]))[marks[0]]


def _sum(secrets: tuple[Secret, ...]) -> Secret:
    total = Secret.of(0)
    for secret in secrets:
        total = total + secret
    return total


def parse_opened(raw: bytes) -> OpenedBallot:
    """The opened ballot in a file. Raises Malformed."""
    try:
        value = fields(parse_canonical(raw, MAX_BYTES), ("veche", "election", "ballot", "choices", "randomness"))
        if value["veche"] != "opened/1":
            raise Malformed("wrong-type", "not an opened ballot")
        return OpenedBallot(
            election=text(value["election"]),
            unsigned=text(value["ballot"]).encode("utf-8"),
            choices=tuple(tuple(integer(mark, 0, 1) for mark in array(marks)) for marks in array(value["choices"])),
            randomness=tuple(tuple(text(r) for r in array(row)) for row in array(value["randomness"])),
        )
    except Malformed as error:
        raise Malformed("opened-malformed", f"opened ballot: {error}") from error


def verify_opened(opened: OpenedBallot, election: Election) -> None:
    """Check that the unsigned ballot encrypts exactly the stated choices. Raises Inconsistent naming the question.

    Each ciphertext is made again from the stated mark and randomness and compared.
    """
    if opened.election != election.uuid:
        raise Refused("wrong-election", f"opened ballot: made for {opened.election[:64]}, not for {election.uuid}")
    verify_choices(election, opened.choices)
    try:
        for number, stated in enumerate(_stated(opened, election), 1):
            for choice, mark, scalar in stated:
                expected = encrypt(mark, election.public_key, Secret.from_decimal(scalar))
                if choice != {"alpha": expected.alpha.hex(), "beta": expected.beta.hex()}:
                    raise Inconsistent("opened-differs", f"opened ballot: question {number} does not encrypt the choice it states")
    except Malformed as error:
        raise Malformed("opened-malformed", f"opened ballot: {error}") from error


def _stated(opened: OpenedBallot, election: Election) -> list[list[tuple[Json, int, str]]]:
    """For each question: every ciphertext with the mark and the random number said of it. Raises Malformed or Refused."""
    value = fields(parse_canonical(opened.unsigned, MAX_BYTES), ("election_uuid", "election_hash", "credential", "answers"))
    if value["election_uuid"] != election.uuid or value["election_hash"] != election.fingerprint:
        raise Refused("wrong-election", f"opened ballot: made for another election than {election.uuid}")
    answers = array(value["answers"], len(election.questions))
    if len(opened.randomness) != len(election.questions):
        raise Malformed("wrong-length", f"{len(opened.randomness)} rows of random numbers for {len(election.questions)} questions")
    names = ("choices", "individual_proofs", "overall_proof", "blank_proof")
    stated: list[list[tuple[Json, int, str]]] = []
    for answer, marks, scalars in zip(answers, opened.choices, opened.randomness, strict=True):
        found = array(fields(answer, names, ("blank_proof",))["choices"], len(marks))
        if len(scalars) != len(marks):
            raise Malformed("wrong-length", f"{len(scalars)} random numbers for {len(marks)} choices")
        stated.append(list(zip(found, marks, scalars, strict=True)))
    return stated
