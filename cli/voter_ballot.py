"""A voter's ballot on the command line: code, marks, encrypting, opening for checking. docs/protocol.md sections 4.3, 5."""

from __future__ import annotations

from collections.abc import Sequence

from veche.ballot.credential import derive, derive_legacy, parse_code, parse_legacy_code, public_credential, wrong_groups
from veche.ballot.election import Election, Question
from veche.ballot.encrypted_ballot import read_ballot, verify_ballot
from veche.ballot.prepared_ballot import Choices, OpenedBallot, PreparedBallot, prepare_ballot, verify_choices
from veche.crypto.canonical_json import array, integer, parse
from veche.crypto.errors import Malformed, Refused, one_line
from veche.crypto.scalar import Randomness, Secret
from veche.observer.board import Sealed

BLANK = ("blank", "пусто")


def listed_secret(typed: str, sealed: Sealed) -> Secret:
    """The secret of a typed code, whose public credential stands in the election's list.

    Raises Malformed when it cannot be a code. Raises Refused `code-mistyped` naming the groups where a typing error probably is, or
    `code-unknown`: it is no code of this election. Neither shows the code.
    """
    old = _legacy_secret(typed, sealed)
    if old is not None:
        return old
    secret = derive(parse_code(typed), sealed.election.uuid)
    if public_credential(secret).hex() in sealed.credentials.weights:
        return secret
    wrong = wrong_groups(typed)
    if wrong:
        groups = ", ".join(str(number) for number in wrong)
        raise Refused("code-mistyped", f"the code is mistyped in group {groups} of 4; compare that part with your letter")
    raise Refused(
        "code-unknown", f"this code is not in the voters' list of election {sealed.election.uuid}: is it for another vote?"
    )


def _legacy_secret(typed: str, sealed: Sealed) -> Secret | None:
    """For elections made with tools before 2.3, whose codes have 15 characters; None when this is no such code or not listed."""
    try:
        secret = derive_legacy(parse_legacy_code(typed), sealed.election.uuid)
    except Malformed:
        return None
    return secret if public_credential(secret).hex() in sealed.credentials.weights else None


def parse_marks(written: str, election: Election) -> Choices:
    """The marks as other people's tools write them: `[[1,0],[0,1,0]]`, the blank vote first. Raises Malformed or Refused."""
    try:
        rows = array(parse(written.encode("utf-8")))
        marks = tuple(tuple(integer(mark, 0, 1) for mark in array(row)) for row in rows)
    except Malformed as error:
        raise Malformed("choices-malformed", f"the choices are written [[1,0],[0,1,0]], one list per question ({error})") from error
    verify_choices(election, marks)
    return marks


def parse_options(written: Sequence[str], election: Election) -> Choices:
    """The marks from the options' numbers: one item per question, `2` or `1,3`, `blank` for a blank vote, `none` for no mark.

    Raises Malformed or Refused naming the question.
    """
    if len(written) != len(election.questions):
        raise Refused("choices", f"{len(written)} answers to {len(election.questions)} questions; answer each one, in order")
    marks = tuple(
        _marks(one, question, number) for number, (one, question) in enumerate(zip(written, election.questions, strict=True), 1)
    )
    verify_choices(election, marks)
    return marks


def _marks(written: str, question: Question, number: int) -> tuple[int, ...]:
    wanted = written.strip().lower()
    chosen: set[int] = set()
    if wanted in BLANK:
        if not question.blank:
            raise Refused("choices", f"question {number} takes no blank vote")
        chosen = {0}
    elif wanted not in ("none", ""):
        for part in wanted.split(","):
            option = part.strip()
            if not (option.isascii() and option.isdigit() and 1 <= int(option) <= len(question.answers)):
                raise Malformed(
                    "choices-malformed", f'question {number}: "{option[:20]}" is none of the options 1 to {len(question.answers)}'
                )
            chosen.add(int(option) - 1 + question.blank)
    return tuple(1 if place in chosen else 0 for place in range(question.ciphertexts))


def encrypt_vote(sealed: Sealed, secret: Secret, choices: Choices, randomness: Randomness) -> PreparedBallot:
    """The encrypted ballot, neither signed nor opened yet: show its commitment before asking which."""
    return prepare_ballot(sealed.election, public_credential(secret), choices, randomness)


def sign_ballot(sealed: Sealed, prepared: PreparedBallot, secret: Secret, randomness: Randomness) -> bytes:
    """The ballot's bytes, checked as the box will check them, so that a computer's error shows here and not after the close."""
    raw = prepared.sign(secret, randomness)
    verify_ballot(read_ballot(raw), sealed.election, sealed.credentials.weights)
    return raw


def describe_choices(opened: OpenedBallot, election: Election) -> list[str]:
    """What an opened ballot says, question by question, in the words of the ballot."""
    lines: list[str] = []
    for number, (question, marks) in enumerate(zip(election.questions, opened.choices, strict=True), 1):
        names = (["blank vote"] if question.blank else []) + list(question.answers)
        chosen = [name for name, mark in zip(names, marks, strict=True) if mark]
        lines.append(one_line(f"{number}. {question.text}: {', '.join(chosen) or 'no mark'}"))
    return lines
