"""Reading and checking an encrypted ballot. Box and audit run this same code: whatever the box accepts, the audit accepts.

The checks stand in the order of docs/protocol.md section 9.6: cheap ones first, so that a hostile ballot costs little (attack E6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from veche.ballot.election import Election, Question
from veche.crypto.canonical_json import Json, array, encode, fields, parse_canonical, text
from veche.crypto.disjunction import Disjunction, commitments, in_range, verify_commitments
from veche.crypto.elgamal import Ciphertext
from veche.crypto.errors import InvalidProof, InvalidSignature, Malformed, Refused
from veche.crypto.group import Point, sums
from veche.crypto.proof import Proof
from veche.crypto.schnorr import verify_version1
from veche.crypto.version1 import (
    answer_context,
    ballot_context,
    ballot_signature_prefix,
    blank_prefix,
    compact,
    disjunction_prefix,
)

MAX_BYTES = 65_536

Proofs = tuple[Proof, ...]


@dataclass(frozen=True, slots=True)
class UncheckedBallot:
    """A ballot whose form is canonical (9.6.1) and about which nothing else is known."""

    raw: bytes
    value: dict[str, Json]

    @property
    def tracker(self) -> str:
        """SHA-256 of the ballot's bytes, 64 hex digits."""
        return sha256(self.raw).hexdigest()

    @property
    def credential(self) -> str:
        return text(self.value["credential"])


@dataclass(frozen=True, slots=True)
class EncryptedAnswer:
    """One question's ciphertexts, the blank one first where the question has one, with their proofs."""

    choices: tuple[Ciphertext, ...]
    individual: tuple[Proofs, ...]
    overall: Proofs
    blank: Proofs | None


@dataclass(frozen=True, slots=True)
class EncryptedBallot:
    """A ballot that passed every check of section 9.6 but the last (whether its bytes stand in the chain already)."""

    raw: bytes
    tracker: str
    credential: str
    answers: tuple[EncryptedAnswer, ...]


def read_ballot(raw: bytes) -> UncheckedBallot:
    """Check 9.6.1: at most 65,536 bytes of canonical JSON with exactly the fields of a ballot. Raises Malformed."""
    try:
        value = fields(parse_canonical(raw, MAX_BYTES), ("election_uuid", "election_hash", "credential", "answers", "signature"))
        for name in ("election_uuid", "election_hash", "credential"):
            text(value[name])
        for answer in array(value["answers"]):
            _check_answer_fields(answer)
        signature = fields(value["signature"], ("hash", "proof"))
        text(signature["hash"])
        _check_proof_fields(signature["proof"])
    except Malformed as error:
        raise Malformed("ballot-malformed", f"ballot {_short(raw)}: {error}") from error
    return UncheckedBallot(raw, value)


def verify_ballot(ballot: UncheckedBallot, election: Election, credentials: Mapping[str, int]) -> EncryptedBallot:
    """Check 9.6.2 to 9.6.11 against the election and its list of public credentials (hex → weight).

    Raises Refused, Malformed, InvalidSignature or InvalidProof with the code of the first check that fails.
    """
    value, name = ballot.value, f"ballot {_short(ballot.raw)}"
    if value["election_uuid"] != election.uuid or value["election_hash"] != election.fingerprint:
        raise Refused("wrong-election", f"{name}: made for another election than {election.uuid} ({election.fingerprint})")
    if ballot.credential not in credentials:
        raise Refused("unknown-credential", f"{name}: its credential is not in the election's list")
    answers = [fields_of for fields_of in array(value["answers"]) if type(fields_of) is dict]
    _verify_shape(name, answers, election)
    proofs, signature = _scalars(name, answers, value["signature"])
    _verify_signature(name, ballot, signature)
    checked = tuple(
        EncryptedAnswer(_points(name, number, answer), *its_proofs)
        for number, (answer, its_proofs) in enumerate(zip(answers, proofs, strict=True), 1)
    )
    verify_answers(name, checked, ballot.credential, election)
    return EncryptedBallot(ballot.raw, ballot.tracker, ballot.credential, checked)


def _check_answer_fields(value: Json) -> None:
    answer = fields(value, ("choices", "individual_proofs", "overall_proof", "blank_proof"), ("blank_proof",))
    for choice in array(answer["choices"]):
        pair = fields(choice, ("alpha", "beta"))
        text(pair["alpha"])
        text(pair["beta"])
    for proofs in array(answer["individual_proofs"]):
        for proof in array(proofs):
            _check_proof_fields(proof)
    for name in ("overall_proof", "blank_proof"):
        for proof in array(answer.get(name, [])):
            _check_proof_fields(proof)


def _check_proof_fields(value: Json) -> None:
    proof = fields(value, ("challenge", "response"))
    text(proof["challenge"])
    text(proof["response"])


def _verify_shape(name: str, answers: list[dict[str, Json]], election: Election) -> None:
    """Check 9.6.4. Lengths come from the election only: no proof over a wider range or over nothing (attacks B9, C12)."""
    if len(answers) != len(election.questions):
        raise Malformed("ballot-shape", f"{name}: {len(answers)} answers to {len(election.questions)} questions")
    for number, (answer, question) in enumerate(zip(answers, election.questions, strict=True), 1):
        individual = [len(array(proofs)) for proofs in array(answer["individual_proofs"])]
        found = (len(array(answer["choices"])), individual, len(array(answer["overall_proof"])), _blank_length(answer))
        overall = question.maximum - question.minimum + 1 + question.blank
        expected = (question.ciphertexts, [2] * question.ciphertexts, overall, 2 if question.blank else None)
        if found != expected:
            raise Malformed(
                "ballot-shape",
                f"{name}: answer {number} has {found[0]} ciphertexts"
                f" with {len(individual)} proofs of {sorted(set(individual))} parts,"
                f" overall proof {found[2]}, blank proof {found[3]};"
                f" expected {expected[0]} with 2 parts each, {expected[2]}, {expected[3]}",
            )


def _blank_length(answer: dict[str, Json]) -> int | None:
    return len(array(answer["blank_proof"])) if "blank_proof" in answer else None


def _scalars(
    name: str, answers: list[dict[str, Json]], signature: Json
) -> tuple[list[tuple[tuple[Proofs, ...], Proofs, Proofs | None]], Proof]:
    """Check 9.6.5: every challenge and response is decimal, without leading zeros, below q."""
    try:
        read = [
            (
                tuple(_proofs(proofs) for proofs in array(answer["individual_proofs"])),
                _proofs(answer["overall_proof"]),
                _proofs(answer["blank_proof"]) if "blank_proof" in answer else None,
            )
            for answer in answers
        ]
        return read, Proof.from_json(fields(signature, ("hash", "proof"))["proof"])
    except Malformed as error:
        raise Malformed("ballot-scalar", f"{name}: a challenge or response is not canonical: {error}") from error


def _proofs(value: Json) -> Proofs:
    return tuple(Proof.from_json(proof) for proof in array(value))


def _verify_signature(name: str, ballot: UncheckedBallot, signature: Proof) -> None:
    """Checks 9.6.6 and 9.6.7: the signature speaks of these very bytes and is the credential's."""
    stated = text(fields(ballot.value["signature"], ("hash", "proof"))["hash"])
    unsigned = encode({field: value for field, value in ballot.value.items() if field != "signature"})
    if stated != compact(unsigned):
        raise InvalidSignature("ballot-hash", f"{name}: signed hash {stated[:43]} is not the hash of its content")
    try:
        # The credential stands in the list, whose points were all decoded: decoding again here would cost a subgroup check.
        verify_version1(signature, ballot_signature_prefix(stated), Point(bytes.fromhex(ballot.credential)[::-1]))
    except InvalidSignature as error:
        raise InvalidSignature("invalid-signature", f"{name}: not signed with the credential it names") from error


def _points(name: str, number: int, answer: dict[str, Json]) -> tuple[Ciphertext, ...]:
    """Check 9.6.8: every point canonical, of order q, not the identity (attacks B7, B8, Z4)."""
    try:
        pairs = [fields(choice, ("alpha", "beta")) for choice in array(answer["choices"])]
        return tuple(Ciphertext(Point.from_hex(pair["alpha"]), Point.from_hex(pair["beta"])) for pair in pairs)
    except Malformed as error:
        raise Malformed("ballot-point", f"{name}: a point of answer {number}: {error}") from error


def verify_answers(name: str, answers: tuple[EncryptedAnswer, ...], credential: str, election: Election) -> None:
    """Checks 9.6.9 to 9.6.11, all proofs of a ballot in one batch. Raises InvalidProof naming question and choice."""
    context = ballot_context(election.fingerprint, Point(bytes.fromhex(credential)[::-1]))
    claims = [
        claim
        for number, (answer, question) in enumerate(zip(answers, election.questions, strict=True), 1)
        for claim in answer_claims(answer.choices, question, context, number)
    ]
    proofs = [proof for answer in answers for proof in _proofs_in_order(answer)]
    recomputed = commitments(election.public_key, [(claim.statement, proof) for claim, proof in zip(claims, proofs, strict=True)])
    for claim, proof, points in zip(claims, proofs, recomputed, strict=True):
        try:
            verify_commitments(claim.statement, proof, points)
        except InvalidProof as error:
            raise _named(name, claim, election.questions[claim.question - 1]) from error


@dataclass(frozen=True, slots=True)
class AnswerClaim:
    """What one proof of an answer claims: `kind` is individual, blank or overall; `choice` counts from 0."""

    statement: Disjunction
    kind: str
    question: int
    choice: int


def answer_claims(choices: tuple[Ciphertext, ...], question: Question, context: str, number: int) -> list[AnswerClaim]:
    """The claims of one answer in the order individual…, blank, overall. docs/protocol.md sections 5.2 to 5.4."""
    made = [
        AnswerClaim(in_range(disjunction_prefix(context, c.alpha, c.beta), c, (0, 1)), "individual", number, place)
        for place, c in enumerate(choices)
    ]
    whole = answer_context(context, [(c.alpha, c.beta) for c in choices])
    span = range(question.minimum, question.maximum + 1)
    if not question.blank:
        total = add_up(choices)
        prefix = disjunction_prefix(whole, total.alpha, total.beta)
        return [*made, AnswerClaim(in_range(prefix, total, span), "overall", number, 0)]
    blank, rest = choices[0], add_up(choices[1:])
    # "The blank is not marked, or nothing else is", and "the blank is marked, or a legal number of answers is".
    either = Disjunction(blank_prefix(0, whole), (blank, rest), (0, 0))
    legal = Disjunction(blank_prefix(1, whole), (blank, *[rest] * len(span)), (1, *span))
    return [*made, AnswerClaim(either, "blank", number, 0), AnswerClaim(legal, "overall", number, 0)]


def add_up(ciphertexts: tuple[Ciphertext, ...]) -> Ciphertext:
    """The encryption of the sum of all plaintexts."""
    alpha, beta = sums([[(1, c.alpha) for c in ciphertexts], [(1, c.beta) for c in ciphertexts]])
    return Ciphertext(alpha, beta)


def _proofs_in_order(answer: EncryptedAnswer) -> list[Proofs]:
    blank = [] if answer.blank is None else [answer.blank]
    return [*answer.individual, *blank, answer.overall]


def _named(name: str, claim: AnswerClaim, question: Question) -> InvalidProof:
    asked = f'question {claim.question} ("{question.text[:60]}")'
    if claim.kind == "individual":
        return InvalidProof("individual-proof", f"{name}: choice {claim.choice + 1} of {asked} is not shown to be 0 or 1")
    if claim.kind == "blank":
        return InvalidProof("blank-proof", f"{name}: {asked}: not shown that a blank vote marks nothing else")
    return InvalidProof(
        "overall-proof",
        f"{name}: {asked}: the number of marks is not shown to lie between {question.minimum} and {question.maximum}",
    )


def _short(raw: bytes) -> str:
    return sha256(raw).hexdigest()[:16] + "…"


def counted_rows(raw: bytes) -> tuple[tuple[Ciphertext, ...], ...]:
    """The ciphertexts of a ballot that `verify_ballot` has accepted before: its points are not tested a second time."""
    value = read_ballot(raw).value
    answers = [fields(answer, tuple(answer))["choices"] for answer in array(value["answers"]) if type(answer) is dict]
    return tuple(tuple(_trusted(choice) for choice in array(choices)) for choices in answers)


def _trusted(choice: Json) -> Ciphertext:
    pair = fields(choice, ("alpha", "beta"))
    alpha, beta = (Point(bytes.fromhex(text(pair[name]))[::-1]) for name in ("alpha", "beta"))
    return Ciphertext(alpha, beta)
