"""The forms' fields of a campaign that was planned already, and what of its plan they leave as it is.

A plan that came from a file may say more than the forms show: which witnesses confirm the log, a spare key, the seconds of an hour.
The plan of each contest therefore stays in its draft. What no form shows is taken from it, and so is what the forms show and nobody
changed: who changes a title must not change a rule without seeing it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.numbers import get_currency_precision

from veche.crypto.canonical_json import Json, encode, parse
from veche.crypto.errors import Malformed
from veche.service.campaign_draft import NEW, NO_RULE, Typed
from veche.service.campaigns import Campaign, Contest
from veche.service.contest_plan import parse_time

PLAN: Final = "plan"
"""The field, below the contest's own, that keeps the plan which the draft began with. No page shows it or takes it."""

_OWN: Final[Mapping[str, str]] = {"minimum_ballots": "5", "appeal_days": "3"}
"""What a contest may have of its own, and what is so where its plan does not say it: as in `contest_plan`."""

_SHOWN: Final = (
    "campaign", "rehearsal", "host", "zone", "contest", "title", "description", "opens_at", "closes_at", "extended_until",
    "electorate", "minimum_ballots", "appeal_days", "allocation", "questions",
)  # fmt: skip
"""The fields of a plan that are on some page of the forms, or are the campaign's."""


def typed_of(campaign: Campaign, contests: Sequence[Contest]) -> dict[str, str]:
    """The fields of this campaign, which was made from a form or a file."""
    typed = {
        "campaign": campaign.id,
        **{f"title.{language}": str(one) for language, one in campaign.title.items()},
        "rehearsal": "yes" if campaign.rehearsal else "no",
        "host": campaign.host,
        "registrar": campaign.registrar or "",
        "threshold": str(campaign.threshold),
    }
    for row, trustee in enumerate(campaign.trustees):
        typed |= {f"trustees.{row}.name": trustee.name, f"trustees.{row}.email": trustee.email}
    specs = [one.spec() for one in contests]
    # As in `contest_plan`, not as in a new form: the times of a plan that names no zone are in UTC.
    typed["zone"] = next((str(spec["zone"]) for spec in specs if "zone" in spec), "UTC")
    rules = [_rules(spec) for spec in specs]
    general = {name: _usual([one[name] for one in rules if name in one], NEW[name]) for name in ("rule", "currency", *_OWN)}
    typed |= general
    for row, (contest, spec, own) in enumerate(zip(contests, specs, rules, strict=True)):
        different = {name: value or NO_RULE for name, value in own.items() if value != general[name]}
        currency = own.get("currency", general["currency"])
        fields = {**typed_contest(spec, typed["zone"], currency), **different, "way_in": contest.way_in, PLAN: _text(spec)}
        typed |= {f"contests.{row}.{name}": value for name, value in fields.items()}
    return typed


def _rules(spec: dict[str, Json]) -> dict[str, str]:
    """The rules that the forms show once for all contests, as this contest has them."""
    allocation = spec.get("allocation")
    found = {name: str(spec.get(name, otherwise)) for name, otherwise in _OWN.items()}
    if not isinstance(allocation, dict):
        return {**found, "rule": ""}
    return {**found, "rule": str(allocation.get("rule", "")), "currency": str(allocation.get("currency", NEW["currency"]))}


def _usual(values: Sequence[str], otherwise: str) -> str:
    """What most contests have."""
    return Counter(values).most_common(1)[0][0] if values else otherwise


def typed_contest(spec: dict[str, Json], zone: str, currency: str) -> dict[str, str]:
    """A contest's own fields as its page shows them, with times of this zone and sums of this currency."""
    typed: dict[str, str] = {name: str(spec[name]) for name in ("contest", "description", "electorate") if name in spec}
    for name in ("opens_at", "closes_at", "extended_until"):
        if name in spec:
            typed[name] = _clock(spec[name], zone)
    title, allocation = spec.get("title"), spec.get("allocation")
    if isinstance(title, dict):
        typed |= {f"title.{language}": str(one) for language, one in title.items()}
    if isinstance(allocation, dict):
        typed["budget"] = _money(allocation.get("budget"), currency)
    for number, question in enumerate(_objects(spec.get("questions"))):
        typed |= {f"questions.{number}.{name}": value for name, value in _typed_question(question, currency).items()}
    return typed


def _typed_question(question: dict[str, Json], currency: str) -> dict[str, str]:
    typed = {"blank": "yes" if question.get("blank") is True else "no"}
    typed |= {name: str(question.get(name, 1)) for name in ("question", "min", "max")}
    for row, option in enumerate(_objects(question.get("options"))):
        typed |= {f"options.{row}.{name}": str(option[name]) for name in ("project", "title", "text") if name in option}
        if "cost" in option:
            typed[f"options.{row}.cost"] = _money(option["cost"], currency)
    return typed


def with_plan(spec: dict[str, Json], typed: Typed, own: str, zone: str, currency: str) -> dict[str, Json]:
    """The contest as it was read from the fields below `own`, and the rest as the plan has it which the draft began with."""
    plan = _plan(typed.get(f"{own}.{PLAN}", ""))
    if not plan:
        return spec
    shown = typed_contest(plan, zone, currency)
    found = {name: value for name, value in typed.items() if name.startswith(f"{own}.")}
    fields = {name.removeprefix(f"{own}."): value for name, value in found.items()}
    kept: dict[str, Json] = {name: value for name, value in plan.items() if name not in _SHOWN}
    for name in ("title", "description", "opens_at", "closes_at", "extended_until"):
        if name in plan and name in spec and _same(fields, shown, f"{name}." if name == "title" else name):
            kept[name] = plan[name]
    return {**spec, **kept, **_kept_questions(spec, plan, fields, shown), **_kept_allocation(spec, plan)}


def _kept_questions(spec: dict[str, Json], plan: dict[str, Json], fields: Typed, shown: Typed) -> dict[str, Json]:
    """Each question that stands where it stood and that nobody changed is the plan's, to the last blank."""
    before = _objects(plan.get("questions"))
    questions: list[Json] = []
    for number, question in enumerate(_objects(spec.get("questions"))):
        unchanged = number < len(before) and _same(fields, shown, f"questions.{number}.")
        questions.append(before[number] if unchanged else question)
    return {"questions": questions}


def _kept_allocation(spec: dict[str, Json], plan: dict[str, Json]) -> dict[str, Json]:
    """The further parameters of the rule."""
    before, now = plan.get("allocation"), spec.get("allocation")
    return {"allocation": {**before, **now}} if isinstance(before, dict) and isinstance(now, dict) else {}


def _same(fields: Typed, shown: Typed, start: str) -> bool:
    """Whether the fields that begin so say what was shown: an empty field says nothing."""
    names = {name for name in (*fields, *shown) if name == start or (start.endswith(".") and name.startswith(start))}
    return all(_is_shown(fields.get(name, ""), shown.get(name, "")) for name in names)


def _is_shown(value: str, shown: str) -> bool:
    """Whether a browser sends this value of a field that it was given: it trims, and a field of one line loses its line ends."""
    return value.replace("\r\n", "\n").strip() in (shown.replace("\r\n", "\n").strip(), re.sub(r"[\r\n]", "", shown).strip())


def _plan(raw: str) -> dict[str, Json]:
    found = parse(raw.encode("utf-8")) if raw else {}
    return found if isinstance(found, dict) else {}


def _clock(value: Json, zone: str) -> str:
    """A time as the field for a day and an hour takes it, with seconds where it has some; what is no time as it stands."""
    try:
        moment = datetime.fromtimestamp(parse_time(value, zone, "time"), ZoneInfo(zone))
    except (Malformed, ZoneInfoNotFoundError, ValueError, OverflowError, OSError):
        return str(value)
    return moment.strftime("%Y-%m-%dT%H:%M:%S" if moment.second else "%Y-%m-%dT%H:%M")


def _money(minor: Json, currency: str) -> str:
    """A sum in roubles of what is kept in kopecks."""
    digits = get_currency_precision(currency)
    if not isinstance(minor, int):
        return ""
    whole, part = divmod(minor, 10**digits)
    return f"{whole}.{part:0{digits}}" if part else str(whole)


def _objects(value: Json | None) -> list[dict[str, Json]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: dict[str, Json]) -> str:
    return encode(value).decode("utf-8")
