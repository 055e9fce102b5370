"""A campaign of many contests in one file, JSON or CSV: read whole, every mistake named by its place, or nothing is taken.

`service.campaign_table` reads the CSV form. Each contest is the plan of `service.contest_plan`: what an organizer can write for one
contest on the command line stands here once per contest; what all contests share may stand once for all. Design decision 11.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, TypeVar

from veche.ballot.election import make_election
from veche.ballot.manifest import level_line
from veche.crypto.canonical_json import Json, array, boolean, integer, parse, text
from veche.crypto.errors import ElectionError, Malformed, Said, said
from veche.crypto.group import G
from veche.crypto.scalar import system_randomness
from veche.crypto.signed_note import NoteSigner, parse_verifier_key
from veche.service.accounts import normal_email, normal_name
from veche.service.campaign_fields import MAX_CONTESTS, MAX_SHOWN, SHARED, WAYS_IN, Mistakes, Place, Written
from veche.service.campaign_table import read_table
from veche.service.contest_plan import draw_uuid, make_plan

One = TypeVar("One")

MAX_BYTES: Final = 16 * 1024 * 1024
MAX_TRUSTEES: Final = 100

HEAD: Final = ("campaign", "title", "rehearsal", "host", "zone", "registrar", "threshold", "trustees", "way_in")
_OF_CONTEST: Final = ("title", "opens_at", "closes_at", "electorate", "questions")
_NEEDED: Final = ("campaign", "title", "rehearsal", "threshold", "trustees")

_OPENINGS: Final = ("the plan of the contest: %(told)s", "manifest.json: %(told)s", "%(field)s: %(told)s")

_ID = re.compile(r"(?!\.+\Z)[A-Za-z0-9._-]{1,64}")
_HOST = re.compile(r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class PlannedTrustee:
    """One who will hold a share of the key."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class PlannedContest:
    """A contest by its name in the campaign; `spec` is its whole plan, as `contest_plan.make_plan` takes it."""

    contest: str
    spec: dict[str, Json]
    way_in: str


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """The campaign as its file describes it: `threshold` of the trustees decrypt; `registrar` is a verifier key, or empty."""

    campaign: str
    title: dict[str, Json]
    rehearsal: bool
    host: str
    registrar: str
    threshold: int
    trustees: tuple[PlannedTrustee, ...]
    contests: tuple[PlannedContest, ...]


def read_campaign(raw: bytes, host: str) -> CampaignPlan:
    """The campaign in a JSON or CSV file, whichever it is; `host` is where the log is served when the file does not say.

    Raises Malformed `campaign-malformed` with all mistakes, 50 of them written out.
    """
    if len(raw) > MAX_BYTES:
        raise Malformed("campaign-malformed", said("the campaign's file has more than %(most)s bytes", most=MAX_BYTES))
    mistakes = Mistakes()
    is_json = raw.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"
    head, contests = _read_json(raw.removeprefix(b"\xef\xbb\xbf"), mistakes) if is_json else read_table(raw, mistakes)
    plan = plan_campaign(head, contests, host, mistakes)
    mistakes.refuse()
    return plan


def is_campaign_id(name: str) -> bool:
    """Whether this could be the name of a campaign or contest at all."""
    return _ID.fullmatch(name) is not None


def _read_json(raw: bytes, mistakes: Mistakes) -> tuple[Written, list[Written]]:
    try:
        found = parse(raw)
        if type(found) is not dict:
            raise Malformed("wrong-type", said("an object was expected"))
        listed = array(found.get("contests"))
    except Malformed as error:
        raise Malformed(
            "campaign-malformed",
            said("the campaign's file: %(told)s; `veche organizer campaign-example` prints a complete one", told=error.sentence),
        ) from error
    head = Written({name: one for name, one in found.items() if name != "contests"}, lambda name: name)
    contests: list[Written] = []
    for number, one in enumerate(listed, 1):
        if type(one) is not dict:
            mistakes.add(said("contest %(number)s", number=number), said("an object was expected"))
            continue
        contests.append(Written(one, _json_place(number, one)))
    return head, contests


def _json_place(number: int, one: dict[str, Json]) -> Place:
    named = one.get("contest")
    shown = f" ({named[:64]})" if isinstance(named, str) else ""
    return lambda name: said("contest %(number)s%(named)s, %(field)s", number=number, named=shown, field=name)


def plan_campaign(head: Written, contests: list[Written], host: str, mistakes: Mistakes) -> CampaignPlan:
    """The whole plan; a partial one only where a mistake was added."""
    _verify_names(head, contests, mistakes)
    campaign = _take(head, "campaign", _id, "", mistakes)
    untitled: dict[str, Json] = {}
    title = _take(head, "title", _title, untitled, mistakes)
    rehearsal = _take(head, "rehearsal", boolean, True, mistakes)
    served = _take(head, "host", _host, host, mistakes)
    registrar = _take(head, "registrar", _registrar, "", mistakes)
    nobody: tuple[PlannedTrustee, ...] = ()
    trustees = _take(head, "trustees", _trustees, nobody, mistakes)
    threshold = _take(head, "threshold", lambda value: _threshold(value, len(trustees)), 0, mistakes)
    shared: dict[str, Json] = {name: head.fields[name] for name in SHARED if name in head.fields}
    common: dict[str, Json] = {"campaign": campaign, "rehearsal": rehearsal, "host": served}
    if "zone" in head.fields:
        common["zone"] = head.fields["zone"]
    usual = _take(head, "way_in", _way_in, WAYS_IN[0], mistakes)
    check = _ContestCheck(served, registrar)
    planned: list[PlannedContest] = []
    names: dict[str, str] = {}
    for one in contests:
        if len(mistakes.found) >= 4 * MAX_SHOWN:
            break
        contest = _take(one, "contest", _id, "", mistakes)
        if contest and names.setdefault(contest, one.place("contest")) != one.place("contest"):
            told = said('the contest "%(contest)s" is there already (%(place)s)', contest=contest, place=names[contest])
            mistakes.add(one.place("contest"), told)
        way_in = _take(one, "way_in", _way_in, usual, mistakes)
        own = {name: value for name, value in one.fields.items() if name in (*SHARED, "contest", "title")}
        spec: dict[str, Json] = {**shared, **own, **common}
        general, special = shared.get("allocation"), own.get("allocation")
        if isinstance(general, dict) and isinstance(special, dict):
            # One rule and currency for all, and a budget for each.
            spec["allocation"] = {**general, **special}
        absent = [name for name in _OF_CONTEST if name not in spec]
        for name in absent:
            mistakes.missing(one.place(name))
        wrong = None if absent or campaign == "" or contest == "" else check.mistake(spec, _place_of(one, head))
        if wrong is not None:
            mistakes.add(*wrong)
        planned.append(PlannedContest(contest, spec, way_in))
    return CampaignPlan(campaign, title, rehearsal, served, registrar, threshold, trustees, tuple(planned))


def _place_of(one: Written, head: Written) -> Place:
    """Where a field of this contest stands: with the contest, or above with what holds for all."""
    return lambda name: head.place(name) if name in head.fields and name not in one.fields else one.place(name)


def _verify_names(head: Written, contests: list[Written], mistakes: Mistakes) -> None:
    for name in head.fields:
        if name not in HEAD and name not in SHARED:
            mistakes.add(head.place(name[:60]), said("a campaign has no such field"))
    for name in _NEEDED:
        if name not in head.fields:
            mistakes.missing(head.place(name))
    if not contests and not mistakes.found:
        mistakes.add(head.place("contests"), said("there is no contest"))
    if len(contests) > MAX_CONTESTS:
        told = said("%(found)s contests; a campaign has at most %(most)s", found=len(contests), most=MAX_CONTESTS)
        raise Malformed("campaign-malformed", told)
    for one in contests:
        for name in one.fields:
            if name not in SHARED and name not in ("contest", "title", "way_in"):
                mistakes.add(one.place(name[:60]), said("a contest has no such field"))
        if "contest" not in one.fields:
            mistakes.missing(one.place("contest"))


@dataclass(frozen=True, slots=True)
class _ContestCheck:
    """Makes each contest's manifest and questions once, with keys thrown away, so that nothing is left to fail at the seal.

    The registrar's key may come later, up to the moment when the rules are fixed.
    """

    host: str
    registrar: str

    def mistake(self, spec: dict[str, Json], place: Place) -> tuple[str, str] | None:
        """Where and what the first mistake of this contest is, or None."""
        uuid = draw_uuid(system_randomness)
        names = (f"{self.host}/e/{uuid}{end}" for end in ("", "/box", "/registrar"))
        log, box, registrar = (NoteSigner.generate(name, system_randomness).verifier for name in names)
        try:
            plan = make_plan(spec, lambda written: written.encode("utf-8"), uuid, log, box, self.registrar or registrar.text())
            line = level_line(plan.manifest.level, sha256(b"").hexdigest())
            description = f"{plan.draft.description}\n{line}" if plan.draft.description else line
            make_election(uuid, plan.draft.name, description, G, plan.draft.questions)
        except ElectionError as error:
            return _placed(error.sentence, place)
        return None


def _placed(sentence: str, place: Place) -> tuple[str, str]:
    """The field that the sentence is about, and the sentence without the words that stand before every one, or that name it."""
    known = (*SHARED, "zone", "title")
    while isinstance(sentence, Said) and sentence.pattern in _OPENINGS:
        column, told = sentence.values.get("field"), sentence.values["told"]
        if not isinstance(told, str) or column not in (None, *known):
            break
        if isinstance(column, str):
            return place(column), told
        sentence = told
    column = next((one for one in known if one in sentence), "questions")
    return place("closes_at" if "voting opens at" in sentence else column), sentence


def _take(one: Written, name: str, read: Callable[[Json], One], otherwise: One, mistakes: Mistakes) -> One:
    if name not in one.fields:
        return otherwise
    try:
        return read(one.fields[name])
    except Malformed as error:
        mistakes.add(one.place(name), error.sentence)
        return otherwise


def _id(value: Json) -> str:
    if not is_campaign_id(text(value)):
        told = said('1 to 64 of A-Z, a-z, 0-9, ".", "_" and "-" were expected, found "%(found)s"', found=text(value)[:60])
        raise Malformed("wrong-type", told)
    return text(value)


def _host(value: Json) -> str:
    if _HOST.fullmatch(text(value)) is None:
        told = said('a host like "vote.example.org" was expected, found "%(found)s"', found=text(value)[:60])
        raise Malformed("wrong-type", told)
    return text(value)


def _title(value: Json) -> dict[str, Json]:
    if type(value) is not dict or not value:
        raise Malformed("wrong-type", said('a title in at least one language was expected: {"ru": …, "en": …}'))
    for language, title in value.items():
        if re.fullmatch(r"[a-z]{2,3}", language) is None or not text(title).strip():
            told = said('the title in "%(language)s": a language like "ru" and a text were expected', language=language[:20])
            raise Malformed("wrong-type", told)
    return value


def _way_in(value: Json) -> str:
    if text(value) not in WAYS_IN:
        told = said('voters get in by %(ways)s; found "%(found)s"', ways=", ".join(WAYS_IN), found=text(value)[:40])
        raise Malformed("wrong-type", told)
    return text(value)


def _registrar(value: Json) -> str:
    return parse_verifier_key(text(value)).text() if text(value) else ""


def _threshold(value: Json, size: int) -> int:
    threshold = integer(value, 1)
    if size and threshold >= size:
        told = said(
            "%(threshold)s of %(size)s trustees: one must be able to be missing, so write %(most)s or less",
            threshold=threshold,
            size=size,
            most=size - 1,
        )
        raise Malformed("threshold-limits", told)
    return threshold


def _trustees(value: Json) -> tuple[PlannedTrustee, ...]:
    found: list[PlannedTrustee] = []
    for number, one in enumerate(array(value), 1):
        if type(one) is not dict or set(one) != {"name", "email"}:
            told = said("trustee %(number)s has a name and an email, and nothing else", number=number)
            raise Malformed("wrong-fields", told)
        try:
            found.append(PlannedTrustee(normal_name(text(one["name"])), normal_email(text(one["email"]))))
        except Malformed as error:
            told = said("trustee %(number)s: %(told)s", number=number, told=error.sentence)
            raise Malformed("wrong-type", told) from error
    if not 2 <= len(found) <= MAX_TRUSTEES:
        told = said("%(found)s trustees; 2 to %(most)s are possible, 3 or more are wise", found=len(found), most=MAX_TRUSTEES)
        raise Malformed("threshold-limits", told)
    if len({one.name for one in found}) != len(found):
        raise Malformed("doubled-trustee", said("two trustees have the same name"))
    if len({one.email for one in found}) != len(found):
        raise Malformed("doubled-trustee", said("two trustees have the same email"))
    return tuple(found)
