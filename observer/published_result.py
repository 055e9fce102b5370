"""The result, once it is published, as JSON and CSV, each with the sentence that says what it is worth. Design decision 14.

Before the entry `published` there is nothing here: the shares and the result that the archive holds are for its readers to judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

from sqlalchemy import Connection

from veche.ballot.election import Election
from veche.ballot.manifest import Manifest
from veche.ballot.result import Result, parse_result
from veche.ballot.tally import weight_to_json
from veche.crypto.canonical_json import Json
from veche.crypto.errors import Refused
from veche.ledger.annex import Annex, Annulled, Certified, Published, Withheld
from veche.ledger.event import EventType
from veche.observer.csv_text import csv_text
from veche.observer.public_record import Facts, told
from veche.observer.record_rows import ElectionRow, entries_of, records_of
from veche.observer.summary import REHEARSAL, brief_json

OneAnnex = TypeVar("OneAnnex", bound=Annex)

COLUMNS: Final = ("election", "contest", "rehearsal", "standing", "question", "answer", "project", "votes", "sentence")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What may be said of the result. `standing`: preliminary, certified, annulled or withheld; then `result` is None."""

    standing: str
    sentence: str
    result: Result | None
    published_at: int | None
    certified_at: int | None


def read_outcome(connection: Connection, row: ElectionRow, facts: Facts) -> Outcome:
    """The outcome as the record's entries give it. Raises Refused `not-published`."""
    annexes = told(connection, row.uuid)
    published, certified = _last(annexes, Published), _last(annexes, Certified)
    withheld, annulled = _last(annexes, Withheld), _last(annexes, Annulled)
    if withheld is not None:
        later = " Later the election was cancelled." if row.state == "cancelled" else ""
        return _outcome(row, "withheld", _withheld(withheld) + later, None, None, None)
    if published is None or facts.election is None:
        raise Refused("not-published", f"there is no published result of election {row.uuid}: it is {row.state}")
    result = _result(connection, row.uuid, facts.election)
    if annulled is not None:
        standing, sentence = "annulled", _annulled(annulled)
    elif certified is not None:
        standing, sentence = "certified", _certified(certified)
    else:
        standing, sentence = "preliminary", _preliminary(published, facts.manifest)
    return _outcome(row, standing, sentence, result, published.time, None if certified is None else certified.time)


def outcome_json(row: ElectionRow, facts: Facts, outcome: Outcome) -> dict[str, Json]:
    """The outcome with the questions; `result` is the list of the Belenios text."""
    return {
        **brief_json(row, facts),
        "standing": outcome.standing,
        "sentence": outcome.sentence,
        "published_at": outcome.published_at,
        "certified_at": outcome.certified_at,
        "result": None if outcome.result is None else outcome.result.to_json(),
        "questions": _questions(facts, outcome.result),
    }


def outcome_csv(row: ElectionRow, facts: Facts, outcome: Outcome) -> bytes:
    """One line per answer, each with the standing, so that a line cut out of the table still says what it is."""
    same = row.uuid, row.contest, "rehearsal" if row.rehearsal else "real", outcome.standing
    if outcome.result is None:
        return csv_text(COLUMNS, [(*same, None, None, None, None, outcome.sentence)])
    rows: list[tuple[str | int | None, ...]] = []
    for question, answer, project, votes in _lines(facts, outcome.result):
        rows.append((*same, question, answer, project, votes, outcome.sentence))
    return csv_text(COLUMNS, rows)


def _outcome(
    row: ElectionRow, standing: str, sentence: str, result: Result | None, published: int | None, certified: int | None
) -> Outcome:
    said = f"{REHEARSAL} {sentence}" if row.rehearsal else sentence
    return Outcome(standing, said, result, published, certified)


def _result(connection: Connection, uuid: str, election: Election) -> Result:
    event = entries_of(connection, uuid, [EventType.RESULT])[-1]
    return parse_result(records_of(connection, uuid, event.height or 0)[0], election)


def _lines(facts: Facts, result: Result) -> list[tuple[str, str, str | None, int]]:
    """Question, answer, project and votes; the blank vote is an answer of its own."""
    lines: list[tuple[str, str, str | None, int]] = []
    questions = () if facts.election is None else facts.election.questions
    for question, options, counts in zip(questions, facts.manifest.options, result.counts, strict=True):
        rest = iter(counts)
        if question.blank:
            lines.append((question.text, "(blank)", None, next(rest)))
        for answer, option, count in zip(question.answers, options, rest, strict=True):
            lines.append((question.text, answer, option.project, count))
    return lines


def _questions(facts: Facts, result: Result | None) -> list[Json]:
    """Each question with its answers in words; without a result there are no votes to show."""
    asked: list[Json] = []
    questions = () if facts.election is None else facts.election.questions
    for place, (question, options) in enumerate(zip(questions, facts.manifest.options, strict=True)):
        counts = None if result is None else result.counts[place]
        blank = None if counts is None or not question.blank else weight_to_json(counts[0])
        answers: list[Json] = [
            {
                "answer": answer,
                "project": option.project,
                "votes": None if counts is None else weight_to_json(counts[number + question.blank]),
            }
            for number, (answer, option) in enumerate(zip(question.answers, options, strict=True))
        ]
        asked.append({"question": question.text, "answers": answers, "blank": blank})
    return asked


def _preliminary(published: Published, manifest: Manifest) -> str:
    return (
        f"Preliminary result, published {_day(published.time)}. It is not final before it is certified, "
        f"{manifest.appeal_days} days later at the earliest."
    )


def _certified(certified: Certified) -> str:
    return f"Certified result of {_day(certified.time)}, after the days of appeal; complaints: {certified.complaints}."


def _annulled(annulled: Annulled) -> str:
    return f"This result was annulled on {_day(annulled.time)} (reason: {annulled.reason}). It decides nothing."


def _withheld(withheld: Withheld) -> str:
    return (
        f"The result is withheld: {withheld.ballots} people voted and at least {withheld.minimum} are needed, "
        "so that no total shows how somebody voted. Nothing was decrypted."
    )


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _last(annexes: Sequence[Annex], kind: type[OneAnnex]) -> OneAnnex | None:
    found = [one for one in annexes if isinstance(one, kind)]
    return found[-1] if found else None
