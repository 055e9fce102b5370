"""The organizer's plan of a contest, SPEC.json: written by hand, read once, and turned into the manifest and the questions.

docs/protocol.md section 4.4 (veche-record section 7). Times may be written as people write them; in the manifest they are seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from veche.ballot.ballot_length import verify_ballot_length
from veche.ballot.election import Question, verify_limits
from veche.ballot.manifest import Allocation, Log, Manifest, Option, Value, parse_manifest
from veche.crypto.canonical_json import Json, array, boolean, dumps, encode, fields, integer, parse, parse_canonical, text
from veche.crypto.errors import Malformed, Said, said
from veche.crypto.scalar import Randomness
from veche.crypto.signed_note import VerifierKey, parse_verifier_key
from veche.ledger.policy import policy_of_manifest

One = TypeVar("One")

UUID_LENGTH: Final = 14
CHECKPOINT_PERIOD: Final = 10
SMALL_PERIOD: Final = 60
SMALL: Final = 500
"""Below this many voters checkpoints are further apart (seconds): few vote, and none of them should be timed by a checkpoint."""

_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

_REQUIRED: Final = ("title", "opens_at", "closes_at", "electorate", "questions")
_KNOWN: Final = (
    "host", "campaign", "contest", "rehearsal", "level", "title", "description", "opens_at", "closes_at", "zone", "extended_until",
    "minimum_ballots", "electorate", "eligibility", "appeal_days", "registrar", "policy", "spare_key", "allocation", "questions",
)  # fmt: skip

EXAMPLE: Final = """{
  "host": "vote.example.org",
  "campaign": "budget-2026",
  "contest": "district-7",
  "level": "strict",
  "title": {"ru": "Бюджет района 7", "en": "Budget of district 7"},
  "description": "Which project should the district build first?",
  "opens_at": "2026-10-01T09:00:00+03:00",
  "closes_at": "2026-10-14T20:00:00+03:00",
  "zone": "Europe/Moscow",
  "extended_until": "2026-10-15T20:00:00+03:00",
  "minimum_ballots": 5,
  "electorate": 1200,
  "eligibility": "residents",
  "appeal_days": 3,
  "allocation": {"rule": "greedy-skip", "budget": 500000000, "currency": "RUB"},
  "questions": [
    {
      "question": "Which project should be built first?",
      "min": 1,
      "max": 1,
      "blank": true,
      "options": [
        {"project": "playground", "title": "A playground on Linden Street", "cost": 120000000},
        {"project": "lamps", "title": "Lamps along the river", "cost": 90000000},
        {"project": "benches", "title": "Benches in the park", "cost": 30000000}
      ]
    }
  ]
}
"""


@dataclass(frozen=True, slots=True)
class Draft:
    """What goes into election.json beside the key, kept until Setup: `description` is without the level line."""

    uuid: str
    name: str
    description: str
    questions: tuple[Question, ...]

    def encode(self) -> bytes:
        """The file `draft/1` of the organizer."""
        questions: list[Json] = [question.to_json() for question in self.questions]
        return encode(
            {"veche": "draft/1", "election": self.uuid, "name": self.name, "description": self.description, "questions": questions}
        )


def parse_draft(raw: bytes) -> Draft:
    """The draft of exactly this file. Raises Malformed `draft-malformed`."""
    try:
        found = fields(parse_canonical(raw), ("veche", "election", "name", "description", "questions"))
        if found["veche"] != "draft/1":
            raise Malformed("wrong-type", 'a draft says "veche":"draft/1"')
        questions = tuple(_drafted_question(one) for one in array(found["questions"]))
        return Draft(text(found["election"]), text(found["name"]), text(found["description"]), questions)
    except Malformed as error:
        raise Malformed("draft-malformed", f"the organizer's draft: {error.message}") from error


@dataclass(frozen=True, slots=True)
class Plan:
    """A contest as SPEC.json describes it, with the projects' texts."""

    manifest: Manifest
    draft: Draft
    texts: tuple[bytes, ...]


def draw_uuid(randomness: Randomness) -> str:
    """A new identifier: 14 uniform base58 characters. Bytes of 232 and more are left out, 256 being no multiple of 58."""
    return "".join(_BASE58[byte % 58] for byte in randomness(64) if byte < 232)[:UUID_LENGTH]


def host_of(spec: dict[str, Json]) -> str:
    """Where the log will be served; it begins the log's name."""
    return _wanted(spec, "host", text, "localhost")


def parse_spec(raw: bytes, name: str) -> dict[str, Json]:
    """The object in SPEC.json with its field names checked; `name` is the file's. Raises Malformed `spec-malformed`."""
    try:
        spec = parse(raw)
    except Malformed as error:
        raise Malformed("spec-malformed", f"{name}: {error.message}") from error
    return known_fields(spec, name)


def known_fields(spec: Json, name: str) -> dict[str, Json]:
    """The plan of one contest with its field names checked. Raises Malformed `spec-malformed`."""
    if type(spec) is not dict:
        raise Malformed("spec-malformed", f"{name}: an object was expected; `veche organizer example` prints one")
    unknown = [name for name in spec if name not in _KNOWN]
    missing = [name for name in _REQUIRED if name not in spec]
    if unknown or missing:
        told = [f"{', '.join(missing)} missing"] if missing else []
        told += [f"{', '.join(unknown)[:100]} unknown"] if unknown else []
        raise Malformed("spec-malformed", f"{name}: {'; '.join(told)}. `veche organizer example` prints a complete one")
    return spec


ReadText = Callable[[str], bytes]
"""Gives the content of a project's text file by the name that the plan has for it."""


def make_plan(
    spec: dict[str, Json],
    read_text: ReadText,
    uuid: str,
    log: VerifierKey,
    box: VerifierKey,
    registrar: str | None,
    second: VerifierKey | None = None,
) -> Plan:
    """The manifest and the draft for this plan, both checked. `second` is a key of ML-DSA-44 with which the log signs, too.

    Raises Malformed: `spec-malformed`, or what the manifest's own checks say.
    """
    try:
        asked = [planned_question(one, number) for number, one in enumerate(array(spec["questions"]), 1)]
        verify_ballot_length(uuid, asked)
        options, texts = _options(spec, read_text)
        manifest = _manifest(spec, uuid, _log(spec, log, box, second), registrar, options)
        draft = Draft(uuid, " / ".join(title for _, title in manifest.title), _wanted(spec, "description", text, ""), tuple(asked))
    except Malformed as error:
        if error.code in ("question-limits", "vkey-malformed", "file-too-large"):
            raise
        raise Malformed("spec-malformed", _of_plan(error.sentence)) from error
    if not asked:
        raise Malformed("spec-malformed", said("the plan of the contest asks no question"))
    if any(line.startswith("veche:") for line in draft.description.split("\n")):
        told = said("no line of the description may begin with veche:, which is kept for the level line")
        raise Malformed("spec-malformed", told)
    _verify_times(manifest)
    return Plan(parse_manifest(manifest.encode()), draft, texts)


def _manifest(
    spec: dict[str, Json],
    uuid: str,
    log: Log,
    registrar: str | None,
    options: tuple[tuple[Option, ...], ...],
) -> Manifest:
    zone = _zone(_wanted(spec, "zone", text, "UTC"))
    titles = spec["title"]
    if type(titles) is not dict:
        raise Malformed("wrong-type", said('title is written {"ru": …, "en": …}'))
    vkey = registrar if registrar is not None else _wanted(spec, "registrar", text, "")
    return Manifest(
        campaign=_wanted(spec, "campaign", text, "campaign"),
        contest=_wanted(spec, "contest", text, "contest"),
        uuid=uuid,
        rehearsal=_wanted(spec, "rehearsal", boolean, False),
        level=_wanted(spec, "level", text, "strict"),
        title=tuple((language, text(title)) for language, title in titles.items()),
        opens_at=parse_time(spec["opens_at"], zone, "opens_at"),
        closes_at=parse_time(spec["closes_at"], zone, "closes_at"),
        zone=zone,
        until=parse_time(spec["extended_until"], zone, "extended_until") if "extended_until" in spec else None,
        minimum_ballots=_wanted(spec, "minimum_ballots", integer, 5),
        electorate=_named("electorate", integer, spec["electorate"]),
        eligibility=_wanted(spec, "eligibility", text, "residents"),
        appeal_days=_wanted(spec, "appeal_days", integer, 3),
        registrar=parse_verifier_key(vkey) if vkey else None,
        log=log,
        allocation=_allocation(spec["allocation"]) if "allocation" in spec else None,
        options=options,
    )


def _log(spec: dict[str, Json], key: VerifierKey, box: VerifierKey, second: VerifierKey | None) -> Log:
    """The log with all keys that may sign it, and the policy that says which witnesses confirm it. Raises Malformed."""
    spare = (_named("spare_key", lambda value: _spare(text(value), key), spec["spare_key"]),) if "spare_key" in spec else ()
    further = () if second is None else (second,)
    period = SMALL_PERIOD if _named("electorate", integer, spec["electorate"]) < SMALL else CHECKPOINT_PERIOD
    policy = _wanted(spec, "policy", text, "").strip()
    made = Log(key.name, (key, *spare, *further), box, period, f"{policy}\n" if policy else "")
    if made.policy:
        try:
            policy_of_manifest(made)
        except Malformed as error:
            raise Malformed("policy-malformed", _at("policy", error.sentence)) from error
    return made


def _spare(written: str, key: VerifierKey) -> VerifierKey:
    """The spare key under the log's own name: it was made before anybody knew how the log would be called."""
    found = parse_verifier_key(written)
    if found.kind != key.kind:
        raise Malformed("wrong-type", said("a spare key is an Ed25519 key, as `veche log-key spare` makes one"))
    return VerifierKey(key.name, found.kind, found.public)


@cache
def _known_zones() -> frozenset[str]:
    """Read once: a campaign has many contests, and the list is a walk through hundreds of files. Without names no browser knows."""
    return frozenset(available_timezones()) - {"Factory", "localtime"}


def _zone(name: str) -> str:
    """The name, if this machine knows such a zone or knows none at all. Raises Malformed."""
    known = _known_zones()
    if known and name not in known:
        told = said('this machine knows no time zone "%(zone)s"; write it as in "Europe/Moscow"', zone=name[:60])
        raise Malformed("wrong-type", _at("zone", told))
    return name


def _verify_times(manifest: Manifest) -> None:
    """The same rule as the audit's 9.4.3, said in the times that the plan uses. Raises Malformed."""
    opens, closes = (show_time(seconds, manifest.zone) for seconds in (manifest.opens_at, manifest.closes_at))
    if manifest.opens_at >= manifest.closes_at:
        told = said("voting opens at %(opens)s, not before it closes at %(closes)s", opens=opens, closes=closes)
        raise Malformed("manifest-times", _of_plan(told))
    if manifest.until is not None and manifest.until < manifest.closes_at:
        until = show_time(manifest.until, manifest.zone)
        told = said("extended_until %(until)s comes before closes_at %(closes)s", until=until, closes=closes)
        raise Malformed("manifest-times", _of_plan(told))


def parse_time(value: Json, zone: str, name: str) -> int:
    """Seconds since 1970 of a time written as ISO 8601, in `zone` where it names none, or already in seconds. Raises Malformed."""
    if type(value) is int:
        return value
    try:
        moment = datetime.fromisoformat(text(value))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(zone))
    except (ValueError, ZoneInfoNotFoundError) as error:
        raise Malformed("wrong-type", _at(name, said('a time like "2026-10-01T09:00:00+03:00" was expected'))) from error
    return int(moment.timestamp())


def show_time(seconds: int, zone: str) -> str:
    """The time as people of that zone write it; in UTC where this machine does not know the zone."""
    try:
        moment = datetime.fromtimestamp(seconds, ZoneInfo(zone))
    except (ValueError, OverflowError, OSError, ZoneInfoNotFoundError):
        try:
            return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        except (ValueError, OverflowError, OSError):
            return f"{seconds} s after 1970"
    return moment.strftime("%Y-%m-%d %H:%M:%S %Z")


def how_long(seconds: int) -> str:
    """A span of time for people, rounded down."""
    for size, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {name}"
    return f"{seconds} seconds"


def _options(spec: dict[str, Json], read_text: ReadText) -> tuple[tuple[tuple[Option, ...], ...], tuple[bytes, ...]]:
    texts: dict[str, bytes] = {}
    questions: list[tuple[Option, ...]] = []
    for question in array(spec["questions"]):
        options: list[Option] = []
        for one in array(question["options"] if type(question) is dict else None):
            found = _object(one, ("project", "title", "cost", "text"), ("project", "title"), said("an option"))
            digest = None
            if "text" in found:
                content = read_text(text(found["text"]))
                digest = sha256(content).hexdigest()
                texts[digest] = content
            cost = integer(found["cost"]) if "cost" in found else None
            options.append(Option(text(found["project"]), text(found["title"]), cost, digest))
        questions.append(tuple(options))
    return tuple(questions), tuple(texts.values())


def planned_question(value: Json, number: int) -> Question:
    """The question of this number as a plan has it. Raises Malformed, `question-limits` among others."""
    named = said("question %(number)s", number=number)
    found = _object(value, ("question", "min", "max", "blank", "options"), ("question", "options"), named)
    option = said("question %(number)s, an option", number=number)
    answers = tuple(text(_object(one, None, ("title",), option)["title"]) for one in array(found["options"]))
    low, high = (_wanted(found, name, integer, 1) for name in ("min", "max"))
    question = Question(text(found["question"]), answers, low, high, _wanted(found, "blank", boolean, False))
    verify_limits(question, number)
    return question


def _drafted_question(value: Json) -> Question:
    found = fields(value, ("answers", "blank", "min", "max", "question"), ("blank",))
    answers = tuple(text(one) for one in array(found["answers"]))
    low, high = integer(found["min"]), integer(found["max"])
    return Question(text(found["question"]), answers, low, high, boolean(found.get("blank", False)))


def _allocation(value: Json) -> Allocation:
    found = _object(value, None, ("rule", "budget", "currency"), said("allocation"))
    further = {name: one for name, one in found.items() if name not in ("rule", "budget", "currency")}
    parameters = tuple((name, _parameter(name, one)) for name, one in further.items())
    return Allocation(text(found["rule"]), integer(found["budget"]), text(found["currency"]), parameters)


def _parameter(name: str, value: Json) -> Value | tuple[Value, ...]:
    if isinstance(value, bool | int | str):
        return value
    return tuple(one if isinstance(one, bool | int | str) else text(one) for one in array(value))


def _object(value: Json, known: tuple[str, ...] | None, required: tuple[str, ...], name: str) -> dict[str, Json]:
    if type(value) is not dict or any(one not in value for one in required):
        raise Malformed("wrong-fields", said("%(name)s has at least %(fields)s", name=name, fields=", ".join(required)))
    odd = [one for one in value if known is not None and one not in known]
    if odd:
        listed = {"odd": ", ".join(odd)[:100], "known": ", ".join(known or ())}
        raise Malformed("wrong-fields", said("%(name)s: %(odd)s unknown; it may have %(known)s", name=name, **listed))
    return value


def _wanted(spec: dict[str, Json], name: str, read: Callable[[Json], One], otherwise: One) -> One:
    return _named(name, read, spec[name]) if name in spec else otherwise


def _named(name: str, read: Callable[[Json], One], value: Json) -> One:
    try:
        return read(value)
    except Malformed as error:
        told = said("%(told)s; found %(found)s", told=error.sentence, found=dumps(value)[:60])
        raise Malformed("wrong-type", _at(name, told)) from error


def _of_plan(told: str) -> Said:
    return said("the plan of the contest: %(told)s", told=told)


def _at(field: str, told: str) -> Said:
    """What is wrong, with the name of the field before it."""
    return said("%(field)s: %(told)s", field=field, told=told)
