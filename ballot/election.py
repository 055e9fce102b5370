"""election.json: what is asked, under which key. docs/protocol.md sections 4.1 and 4.2 (belenios-interop section 4).

The bytes are law once hashed: they are kept as they came and never printed again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256

from veche.crypto.canonical_json import Json, array, boolean, encode, integer, parse, text
from veche.crypto.errors import Malformed, Unsupported, said
from veche.crypto.group import Point
from veche.crypto.version1 import GROUP, compact

MAX_BYTES = 1_000_000
MAX_QUESTIONS = 100
MAX_ANSWERS = 1000

_UUID = re.compile(r"[1-9A-HJ-NP-Za-km-z]{14,64}")
_REQUIRED = {"version", "description", "name", "group", "public_key", "questions", "uuid"}
_OPTIONAL = {"administrator", "credential_authority", "language"}
_ELSEWHERE = {"NonHomomorphic": "a question that needs a mixnet", "Lists": "a question with lists of candidates"}


@dataclass(frozen=True, slots=True)
class Question:
    """A homomorphic question: each answer gets 0 or 1, `minimum` ≤ sum ≤ `maximum`, or the blank vote where allowed."""

    text: str
    answers: tuple[str, ...]
    minimum: int
    maximum: int
    blank: bool

    @property
    def ciphertexts(self) -> int:
        """How many ciphertexts an answer has: one per answer, and one before them for the blank vote."""
        return len(self.answers) + self.blank

    def to_json(self) -> dict[str, Json]:
        head: dict[str, Json] = {"answers": list(self.answers)}
        if self.blank:
            head["blank"] = True
        return head | {"min": self.minimum, "max": self.maximum, "question": self.text}


@dataclass(frozen=True, slots=True)
class Election:
    """An election as its bytes say it. `fingerprint` is 43 characters, `digest` the same SHA-256 in hex."""

    raw: bytes
    uuid: str
    name: str
    description: str
    public_key: Point
    questions: tuple[Question, ...]

    @property
    def fingerprint(self) -> str:
        return compact(self.raw)

    @property
    def digest(self) -> str:
        return sha256(self.raw).hexdigest()


def is_uuid(value: object) -> bool:
    """Whether this is an election's identifier: at least 14 base58 characters."""
    return type(value) is str and _UUID.fullmatch(value) is not None


def parse_election(raw: bytes) -> Election:
    """The election in `raw`. Raises Malformed `election-malformed` or `question-limits`, or Unsupported."""
    try:
        value = parse(raw, MAX_BYTES)
        if type(value) is not dict:
            raise Malformed("wrong-type", "an object was expected")
        _refuse_unsupported(value)
        if not _REQUIRED <= set(value) <= _REQUIRED | _OPTIONAL:
            odd = sorted(set(value) ^ _REQUIRED - _OPTIONAL)
            raise Malformed("wrong-fields", f"fields missing or unknown: {', '.join(odd)[:80]}")
        return _election(raw, value)
    except Malformed as error:
        if error.code == "question-limits":
            raise
        raise Malformed("election-malformed", said("election.json: %(told)s", told=error.sentence)) from error


def _election(raw: bytes, value: dict[str, Json]) -> Election:
    if not is_uuid(value["uuid"]):
        raise Malformed("wrong-type", "uuid is at least 14 base58 characters")
    asked = array(value["questions"])
    if not 1 <= len(asked) <= MAX_QUESTIONS:
        raise Malformed("wrong-length", f"{len(asked)} questions where 1 to {MAX_QUESTIONS} are allowed")
    for name in ("administrator", "credential_authority"):
        if name in value:
            text(value[name])
    if "language" in value:
        _check_language(value["language"])
    return Election(
        raw=raw,
        uuid=text(value["uuid"]),
        name=text(value["name"]),
        description=text(value["description"]),
        public_key=Point.from_hex(value["public_key"]),
        questions=tuple(_question(one, number) for number, one in enumerate(asked, 1)),
    )


def _check_language(value: Json) -> None:
    """The form that belenios-tool 3.3 writes: `["fr","ltr"]`."""
    language, direction = array(value, 2)
    if type(language) is not str or direction not in ("ltr", "rtl"):
        raise Malformed("wrong-type", "language names a language and the direction of its script, ltr or rtl")


def _refuse_unsupported(value: dict[str, Json]) -> None:
    """Before anything else is read: what belongs to another protocol is not called malformed."""
    version = integer(value.get("version"), -(2**62))
    if version != 1:
        raise Unsupported("unsupported-version", f"protocol version {version} is not supported; this program checks version 1")
    group = text(value.get("group"))
    if group != GROUP:
        raise Unsupported(
            "unsupported-group", f'unsupported group "{group[:40]}"; this program checks elections in the group "{GROUP}"'
        )
    for number, one in enumerate(array(value.get("questions")), 1):
        kind = one.get("type") if type(one) is dict else None
        if type(kind) is str and kind in _ELSEWHERE:
            raise Unsupported("unsupported-question", f"question {number} is {_ELSEWHERE[kind]} ({kind}): not supported yet")


def _question(value: Json, number: int) -> Question:
    if type(value) is not dict or not {"answers", "min", "max", "question"} <= set(value) <= {
        "answers",
        "min",
        "max",
        "question",
        "blank",
    }:
        raise Malformed("wrong-fields", f"question {number}: answers, min, max, question and at most blank were expected")
    question = Question(
        text=text(value["question"]),
        answers=tuple(text(answer) for answer in array(value["answers"])),
        minimum=integer(value["min"], -(2**62)),
        maximum=integer(value["max"], -(2**62)),
        blank=boolean(value.get("blank", False)),
    )
    verify_limits(question, number)
    return question


def verify_limits(question: Question, number: int) -> None:
    """Check 0 ≤ min ≤ max ≤ answers, at least one answer. Raises Malformed; a wider range would let a ballot count twice."""
    low, high, answers = question.minimum, question.maximum, len(question.answers)
    if not 1 <= answers <= MAX_ANSWERS or not 0 <= low <= high <= answers:
        raise Malformed(
            "question-limits",
            said(
                "question %(number)s: min %(min)s, max %(max)s, answers %(answers)s; 0 ≤ min ≤ max ≤ answers and 1 ≤ answers",
                number=number,
                min=low,
                max=high,
                answers=answers,
            ),
        )


def make_election(uuid: str, name: str, description: str, public_key: Point, questions: tuple[Question, ...]) -> Election:
    """A new election in canonical form, refused like a foreign one when its parts are not legal."""
    value: dict[str, Json] = {
        "version": 1,
        "description": description,
        "name": name,
        "group": GROUP,
        "public_key": public_key.hex(),
        "questions": [question.to_json() for question in questions],
        "uuid": uuid,
    }
    return parse_election(encode(value))
