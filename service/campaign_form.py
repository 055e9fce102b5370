"""What is missing or wrong in a campaign's forms, each at its field; where nothing is, the plan as the campaign's file has it.

The forms are judged by the same rules as a file (`service.campaign_file`): here only what is not there yet, or is no number or
date at all, is found first, so that all of it is said at once and in the reader's language.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from babel.numbers import get_currency_precision

from veche.ballot.ballot_length import longest_ballot
from veche.ballot.encrypted_ballot import MAX_BYTES
from veche.crypto.canonical_json import Json, array
from veche.crypto.errors import Malformed
from veche.service.campaign_draft import NO_RULE, Typed, rows_of
from veche.service.campaign_fields import Mistakes, Place, Written
from veche.service.campaign_file import is_campaign_id, plan_campaign
from veche.service.contest_plan import UUID_LENGTH, planned_question
from veche.service.languages import sentence
from veche.service.planned_fields import with_plan

MISSING: Final = sentence("This is still missing.")
NO_NAME: Final = sentence("1 to 64 of A-Z, a-z, 0-9, “.”, “_” and “-” were expected, without blanks.")
NO_NUMBER: Final = sentence("A whole number was expected.")
NO_SUM: Final = sentence("A sum of money was expected, for example 1500000.")
NO_TIME: Final = sentence("A day and an hour were expected.")
NO_ADDRESS: Final = sentence("An e-mail address was expected.")
NO_TITLE: Final = sentence("A title is needed in at least one language.")
TWICE: Final = sentence("This name stands above already.")
CLOSES_EARLY: Final = sentence("Voting must close after it opens.")
EXTENDED_EARLY: Final = sentence("The latest end must not be before the close.")
FEW_TRUSTEES: Final = sentence("At least two trustees are needed; three or more are wise.")
ALL_NEEDED: Final = sentence("One trustee must be able to be missing: write a smaller number.")
FEW_OPTIONS: Final = sentence("A question needs at least two options.")
NO_CONTEST: Final = sentence("A campaign needs at least one contest.")
TOO_LONG: Final = sentence("A ballot of this contest would be too long: offer fewer options, or ask in several contests.")
NO_CHOICE: Final = sentence("This must be at least 1, at most the number of options, and not less than the smallest number.")

_ANY_UUID: Final = "1" * UUID_LENGTH

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_NUMBER = re.compile(r"[0-9]{1,9}")
_QUESTION = re.compile(r"question ([0-9]{1,3})\b")
_FIELDS_OF: Final = {
    "allocation": "budget",
    # The level itself has no field; who is told of it is who wrote the level line of the description.
    "level": "description",
    "title": "title.ru",
    "questions": "questions.0.question",
    "trustees": "trustees.0.name",
}


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong at this field: a sentence of ours, or one of the file's judge."""

    field: str
    sentence: str


@dataclass(slots=True)
class _Reader:
    """Reads typed fields into the values that the file has, and notes each that cannot be read."""

    typed: Typed
    flaws: list[Flaw] = field(default_factory=list)

    def add(self, name: str, told: str) -> None:
        self.flaws.append(Flaw(name, told))

    def text(self, name: str) -> str:
        return self.typed.get(name, "").strip()

    def needed(self, name: str) -> str:
        """The text; a flaw where there is none."""
        if not self.text(name):
            self.add(name, MISSING)
        return self.text(name)

    def name(self, name: str) -> str:
        """A name that can stand in an address."""
        found = self.needed(name)
        if found and not is_campaign_id(found):
            self.add(name, NO_NAME)
        return found

    def number(self, name: str, otherwise: int | None = None) -> int:
        """A whole number; `otherwise` where nothing was typed and that may be."""
        found = re.sub(r"\s", "", self.text(name))
        if not found and otherwise is not None:
            return otherwise
        if not self.needed(name):
            return 0
        if _NUMBER.fullmatch(found) is None:
            self.add(name, NO_NUMBER)
            return 0
        return int(found)

    def money(self, name: str, currency: str) -> int | None:
        """Kopecks of a sum in roubles; None where nothing was typed."""
        found = re.sub(r"\s", "", self.text(name)).replace(",", ".")
        if not found:
            return None
        try:
            minor = Decimal(found).scaleb(get_currency_precision(currency))
        except InvalidOperation:
            minor = Decimal("NaN")
        if not minor.is_finite() or minor != minor.to_integral_value() or not 0 <= minor < 2**53:
            self.add(name, NO_SUM)
            return None
        return int(minor)

    def time(self, name: str) -> str | None:
        """A day and an hour of the campaign's clock; None where there is none."""
        found = self.text(name)
        try:
            datetime.fromisoformat(found)
        except ValueError:
            if found:
                self.add(name, NO_TIME)
            return None
        return found

    def titles(self, name: str) -> dict[str, Json]:
        """The title by language."""
        # In the order of the plan that came from a file, and in languages that no page asks for.
        languages = [one[len(name) + 1 :] for one in self.typed if one.startswith(f"{name}.")]
        found: dict[str, Json] = {one: self.text(f"{name}.{one}") for one in languages if self.text(f"{name}.{one}")}
        if not found:
            self.add(f"{name}.ru", NO_TITLE)
        return found


def read_form(typed: Typed, host: str) -> tuple[dict[str, Json], list[Flaw]]:
    """The campaign as its file would have it, and all that is wrong: where there is a flaw, the plan is not complete."""
    reader = _Reader(typed)
    spec = _head(reader)
    contests = [_contest(reader, f"contests.{row}", str(spec["zone"])) for row in range(rows_of(typed, "contests"))]
    if not contests:
        reader.add("contests", NO_CONTEST)
    _refuse_doubled(reader, [f"contests.{row}.contest" for row in range(len(contests))])
    plan: dict[str, Json] = {**spec, "contests": [*contests]}
    if not reader.flaws:
        reader.flaws.extend(_judged(spec, contests, host))
        for row, contest in enumerate(contests):
            _tell_length(reader, contest, f"contests.{row}.questions")
    return plan, reader.flaws


def _tell_length(reader: _Reader, contest: dict[str, Json], own: str) -> None:
    """A ballot that nobody would take is told at the question that needs most of it, instead of in the judge's words."""
    try:
        questions = [planned_question(one, number) for number, one in enumerate(array(contest["questions"]), 1)]
    except Malformed:
        # The judge has said what is wrong with it.
        return
    lengths = [longest_ballot(_ANY_UUID, [one]) for one in questions]
    if longest_ballot(_ANY_UUID, questions) > MAX_BYTES:
        reader.flaws = [one for one in reader.flaws if not one.field.startswith(own)]
        reader.add(f"{own}.{lengths.index(max(lengths))}.options", TOO_LONG)


def _head(reader: _Reader) -> dict[str, Json]:
    spec: dict[str, Json] = {
        "campaign": reader.name("campaign"),
        "title": reader.titles("title"),
        "rehearsal": reader.text("rehearsal") != "no",
        "zone": reader.needed("zone"),
        "trustees": _trustees(reader),
        "threshold": reader.number("threshold"),
        "minimum_ballots": reader.number("minimum_ballots"),
        "appeal_days": reader.number("appeal_days"),
    }
    size = rows_of(reader.typed, "trustees")
    if not any(flaw.field == "threshold" for flaw in reader.flaws) and size >= 2 and reader.number("threshold") >= size:
        reader.add("threshold", ALL_NEEDED)
    for name in ("host", "registrar"):
        if reader.text(name):
            spec[name] = reader.text(name)
    return spec


def _trustees(reader: _Reader) -> list[Json]:
    found: list[Json] = []
    for row in range(rows_of(reader.typed, "trustees")):
        name, email = reader.needed(f"trustees.{row}.name"), reader.needed(f"trustees.{row}.email")
        if email and _EMAIL.fullmatch(email) is None:
            reader.add(f"trustees.{row}.email", NO_ADDRESS)
        found.append({"name": name, "email": email})
    if len(found) < 2:
        reader.add("trustees", FEW_TRUSTEES)
    for part in ("name", "email"):
        _refuse_doubled(reader, [f"trustees.{row}.{part}" for row in range(len(found))])
    return found


def _contest(reader: _Reader, own: str, zone: str) -> dict[str, Json]:
    spec: dict[str, Json] = {"contest": reader.name(f"{own}.contest"), "title": reader.titles(f"{own}.title")}
    times = {name: reader.time(f"{own}.{name}") for name in ("opens_at", "closes_at", "extended_until")}
    for name in ("opens_at", "closes_at"):
        reader.needed(f"{own}.{name}")
    opens, closes, until = times.values()
    if opens and closes and opens >= closes:
        reader.add(f"{own}.closes_at", CLOSES_EARLY)
    if closes and until and until < closes:
        reader.add(f"{own}.extended_until", EXTENDED_EARLY)
    spec |= {name: value for name, value in times.items() if value is not None}
    spec["electorate"] = reader.number(f"{own}.electorate")
    for name in ("description", "way_in"):
        if reader.text(f"{own}.{name}"):
            spec[name] = reader.text(f"{own}.{name}").replace("\r\n", "\n")
    for name in ("minimum_ballots", "appeal_days"):
        if reader.text(f"{own}.{name}"):
            spec[name] = reader.number(f"{own}.{name}")
    rule, currency = (reader.text(f"{own}.{name}") or reader.text(name) for name in ("rule", "currency"))
    currency = currency or "RUB"
    if rule not in ("", NO_RULE):
        reader.needed(f"{own}.budget")
        spec["allocation"] = {"rule": rule, "budget": reader.money(f"{own}.budget", currency) or 0, "currency": currency}
    questions = [_question(reader, f"{own}.questions.{row}", currency) for row in range(rows_of(reader.typed, f"{own}.questions"))]
    if not questions:
        reader.add(f"{own}.questions", MISSING)
    spec["questions"] = [*questions]
    return with_plan(spec, reader.typed, own, zone, currency)


def _question(reader: _Reader, own: str, currency: str) -> dict[str, Json]:
    options: list[Json] = []
    asked = reader.needed(f"{own}.question")
    size = rows_of(reader.typed, f"{own}.options")
    for row in range(size):
        place = f"{own}.options.{row}"
        # A name that nobody typed is the option's number: voters see titles only.
        project = reader.name(f"{place}.project") if reader.text(f"{place}.project") else f"option-{row + 1}"
        option: dict[str, Json] = {"project": project, "title": reader.needed(f"{place}.title")}
        cost = reader.money(f"{place}.cost", currency)
        if cost is not None:
            option["cost"] = cost
        if reader.text(f"{place}.text"):
            option["text"] = reader.text(f"{place}.text").replace("\r\n", "\n")
        options.append(option)
    if size < 2:
        reader.add(f"{own}.options", FEW_OPTIONS)
    for part in ("project", "title"):
        _refuse_doubled(reader, [f"{own}.options.{row}.{part}" for row in range(size)])
    low, high = reader.number(f"{own}.min", 1), reader.number(f"{own}.max", 1)
    if not any(flaw.field == f"{own}.max" for flaw in reader.flaws) and not max(low, 1) <= high <= max(size, 1):
        reader.add(f"{own}.max", NO_CHOICE)
    blank = reader.text(f"{own}.blank") == "yes"
    return {"question": asked, "min": low, "max": high, "blank": blank, "options": options}


def _refuse_doubled(reader: _Reader, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if reader.text(name) and reader.text(name) in seen:
            reader.add(name, TWICE)
        seen.add(reader.text(name))


def _judged(spec: dict[str, Json], contests: list[dict[str, Json]], host: str) -> list[Flaw]:
    """What the judge of files finds: one mistake for each contest, at the field that it names or at the contest's name."""
    mistakes = Mistakes()
    written = [Written(one, _place(f"contests.{row}")) for row, one in enumerate(contests)]
    plan_campaign(Written(spec, lambda name: name), written, host, mistakes)
    return [Flaw(*_placed(one.place, one.told)) for one in mistakes.found]


def _place(own: str) -> Place:
    return lambda name: f"{own}.{name}"


def _placed(place: str, told: str) -> tuple[str, str]:
    """The field of the form for a place in the file."""
    own, _, name = place.rpartition(".")
    number = _QUESTION.search(told)
    if name == "questions" and number is not None:
        name = f"questions.{int(number[1]) - 1}.question"
    name = _FIELDS_OF.get(name, name)
    return f"{own}.{name}" if own else name, told
