"""The manifest: what is promised about an election before it is sealed, and the line that binds it. docs/protocol.md section 4.5.

veche-record section 7. The line stands in `election.description`, so level and manifest are under the election's fingerprint.
"""

from __future__ import annotations

import re
from base64 import b32encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, NamedTuple

from veche.ballot.election import is_uuid
from veche.crypto.canonical_json import Json, array, boolean, digest, encode, fields, integer, parse_canonical, text
from veche.crypto.errors import Inconsistent, Malformed, said
from veche.crypto.signed_note import ED25519, VerifierKey, parse_verifier_key

MAX_BYTES: Final = 1_000_000
LEVELS: Final = ("strict", "belenios")


class _Form(NamedTuple):
    """How a name is written: as the pattern has it, and in words for whoever wrote it otherwise."""

    pattern: re.Pattern[str]
    words: str


_ID = _Form(re.compile(r"[A-Za-z0-9._-]{1,64}"), said('1 to 64 of A-Z, a-z, 0-9, ".", "_" and "-"'))
_LANGUAGE = _Form(re.compile(r"[a-z]{2,3}"), said("2 or 3 small Latin letters"))
_ZONE = _Form(re.compile(r"[A-Za-z0-9_+-]{1,40}(?:/[A-Za-z0-9_+-]{1,40}){0,2}"), said("a name like Europe/Moscow"))
_CURRENCY = _Form(re.compile(r"[A-Z]{3}"), said("3 large Latin letters"))
_PARAMETER = _Form(re.compile(r"[a-z_]+"), said('small Latin letters and "_"'))
_LINE = re.compile(r"veche:1 level=(strict|belenios) manifest=sha256:([0-9a-f]{64})")

# JavaScript's numbers are exact up to here; a larger one would be another value in the voter's browser.
_LARGEST = 2**53 - 1

_FIELDS = (
    "veche", "campaign", "contest", "uuid", "rehearsal", "level", "title", "opens_at", "closes_at", "zone", "extension",
    "minimum_ballots", "electorate", "eligibility", "appeal_days", "registrar", "log", "allocation", "options",
)  # fmt: skip
_MAY_BE_ABSENT = ("extension", "registrar", "log", "allocation")

Value = bool | int | str


@dataclass(frozen=True, slots=True)
class Option:
    """One answer of a question: `title` is the answer's text byte for byte, `cost` in minor units, `text` a SHA-256 in hex."""

    project: str
    title: str
    cost: int | None
    text: str | None

    def to_json(self) -> dict[str, Json]:
        return _without_none(project=self.project, title=self.title, cost=self.cost, text=self.text)


@dataclass(frozen=True, slots=True)
class Log:
    """The public log: its verifier keys (the first is Ed25519 and named `origin`), the box's key, seconds between checkpoints."""

    origin: str
    keys: tuple[VerifierKey, ...]
    box: VerifierKey
    period: int
    policy: str

    def to_json(self) -> dict[str, Json]:
        keys: list[Json] = [key.text() for key in self.keys]
        return {"origin": self.origin, "keys": keys, "box": self.box.text(), "period": self.period, "policy": self.policy}


@dataclass(frozen=True, slots=True)
class Allocation:
    """How totals become decisions: rule, budget in minor units of `currency`, the rule's further parameters in order."""

    rule: str
    budget: int
    currency: str
    parameters: tuple[tuple[str, Value | tuple[Value, ...]], ...] = ()

    def to_json(self) -> dict[str, Json]:
        further: dict[str, Json] = {name: list(value) if isinstance(value, tuple) else value for name, value in self.parameters}
        return {"rule": self.rule, "budget": self.budget, "currency": self.currency, **further}


@dataclass(frozen=True, slots=True)
class Manifest:
    """The manifest's content. Times are seconds since 1970; `until` is the latest end that an extension may set.

    Nothing is checked here: a new one is checked by `parse_manifest(manifest.encode())`.
    """

    campaign: str
    contest: str
    uuid: str
    rehearsal: bool
    level: str
    title: tuple[tuple[str, str], ...]
    opens_at: int
    closes_at: int
    zone: str
    until: int | None
    minimum_ballots: int
    electorate: int
    eligibility: str
    appeal_days: int
    registrar: VerifierKey | None
    log: Log | None
    allocation: Allocation | None
    options: tuple[tuple[Option, ...], ...]

    def encode(self) -> bytes:
        """The one text of this manifest, which is the file."""
        return encode(self.to_json())

    @property
    def digest(self) -> str:
        """SHA-256 of the file in hex."""
        return sha256(self.encode()).hexdigest()

    def to_json(self) -> dict[str, Json]:
        titles: dict[str, Json] = dict(self.title)
        return _without_none(
            veche="manifest/1",
            campaign=self.campaign,
            contest=self.contest,
            uuid=self.uuid,
            rehearsal=self.rehearsal,
            level=self.level,
            title=titles,
            opens_at=self.opens_at,
            closes_at=self.closes_at,
            zone=self.zone,
            extension=None if self.until is None else {"until": self.until},
            minimum_ballots=self.minimum_ballots,
            electorate=self.electorate,
            eligibility={"class": self.eligibility},
            appeal_days=self.appeal_days,
            registrar=None if self.registrar is None else self.registrar.text(),
            log=None if self.log is None else self.log.to_json(),
            allocation=None if self.allocation is None else self.allocation.to_json(),
            options=[[option.to_json() for option in question] for question in self.options],
        )


@dataclass(frozen=True, slots=True)
class LevelLine:
    """The last line of `election.description`: the level, and the SHA-256 of the manifest in hex."""

    level: str
    digest: str

    def text(self) -> str:
        return f"veche:1 level={self.level} manifest=sha256:{self.digest}"


def level_line(level: str, manifest_sha256: str) -> str:
    """The line to stand at the end of the description, without a newline after it."""
    return LevelLine(level, manifest_sha256).text()


def parse_description(description: str) -> LevelLine | None:
    """The level line of a description; None when no line begins with `veche:`. Raises Malformed `manifest-line` (9.4.5)."""
    lines = description.split("\n")
    if not any(line.startswith("veche:") for line in lines):
        return None
    found = _LINE.fullmatch(lines[-1])
    if found is None or any(line.startswith("veche:") for line in lines[:-1]):
        raise Malformed(
            "manifest-line",
            "the description must end in exactly one line veche:1 level=strict|belenios manifest=sha256:HEX, and no other line "
            "begins with veche:",
        )
    return LevelLine(found[1], found[2])


def seal(setup_hash: str) -> str:
    """The Setup hash as people compare it aloud: its first 80 bits in base32, `XXXX-XXXX-XXXX-XXXX`."""
    letters = b32encode(bytes.fromhex(setup_hash)).decode("ascii")
    return "-".join(letters[start : start + 4] for start in range(0, 16, 4))


def parse_manifest(raw: bytes) -> Manifest:
    """The manifest in `raw`, with checks 9.4.2 to 9.4.4.

    Raises Malformed `manifest-malformed`, `manifest-times` or `manifest-keys`.
    """
    try:
        found = fields(parse_canonical(raw, MAX_BYTES), _FIELDS, _MAY_BE_ABSENT)
        _check_key_forms(found)
        manifest = _read(found)
    except Malformed as error:
        raise Malformed("manifest-malformed", said("manifest.json: %(told)s", told=error.sentence)) from error
    _verify_times(manifest)
    return _with_keys(manifest, found)


def verify_manifest(manifest: Manifest, raw: bytes, line: LevelLine, uuid: str, questions: Sequence[Sequence[str]]) -> None:
    """Check that manifest, level line and election agree: 9.4.1 and 9.4.6 to 9.4.8. `questions` are the answers of each question.

    Raises Inconsistent `manifest-hash`, `manifest-level`, `manifest-election` or `manifest-options`.
    """
    found = sha256(raw).hexdigest()
    if found != line.digest:
        raise Inconsistent("manifest-hash", f"manifest.json has SHA-256 {found[:16]}…, the description names {line.digest[:16]}…")
    if manifest.level != line.level:
        raise Inconsistent("manifest-level", f"the description says level {line.level}, the manifest says {manifest.level}")
    if manifest.uuid != uuid:
        raise Inconsistent("manifest-election", f"the manifest is of election {manifest.uuid}, not of {uuid}")
    _verify_options(manifest, questions)


def _verify_options(manifest: Manifest, questions: Sequence[Sequence[str]]) -> None:
    if len(manifest.options) != len(questions):
        raise Inconsistent(
            "manifest-options", f"the manifest lists {len(manifest.options)} questions, the election has {len(questions)}"
        )
    for number, (options, answers) in enumerate(zip(manifest.options, questions, strict=True), 1):
        if len(options) != len(answers):
            raise Inconsistent(
                "manifest-options",
                f"question {number}: {len(options)} options in the manifest, the election has {len(answers)} answers",
            )
        for place, (option, answer) in enumerate(zip(options, answers, strict=True), 1):
            if option.title != answer:
                raise Inconsistent(
                    "manifest-options",
                    f'question {number}, option {place}: titled "{option.title[:60]}", the answer is "{answer[:60]}"',
                )


def _read(found: dict[str, Json]) -> Manifest:
    """Everything but the keys, which `_with_keys` puts in."""
    if found["veche"] != "manifest/1":
        raise Malformed("wrong-type", "veche must be manifest/1")
    if not is_uuid(found["uuid"]):
        raise Malformed("wrong-type", "uuid is at least 14 base58 characters")
    level = text(found["level"])
    if level not in LEVELS:
        raise Malformed("wrong-type", said("level is strict or belenios"))
    extension = fields(found["extension"], ("until",)) if "extension" in found else None
    return Manifest(
        campaign=_matching(found["campaign"], _ID, said("campaign")),
        contest=_matching(found["contest"], _ID, said("contest")),
        uuid=text(found["uuid"]),
        rehearsal=boolean(found["rehearsal"]),
        level=level,
        title=_titles(found["title"]),
        opens_at=integer(found["opens_at"], 0, _LARGEST),
        closes_at=integer(found["closes_at"], 0, _LARGEST),
        zone=_matching(found["zone"], _ZONE, said("zone")),
        until=None if extension is None else integer(extension["until"], 0, _LARGEST),
        minimum_ballots=integer(found["minimum_ballots"], 0, _LARGEST),
        electorate=integer(found["electorate"], 0, _LARGEST),
        eligibility=_matching(fields(found["eligibility"], ("class",))["class"], _ID, said("eligibility class")),
        appeal_days=integer(found["appeal_days"], -_LARGEST, _LARGEST),
        registrar=None,
        log=None,
        allocation=_allocation(found["allocation"]) if "allocation" in found else None,
        options=tuple(_question(one, number) for number, one in enumerate(array(found["options"]), 1)),
    )


def _titles(value: Json) -> tuple[tuple[str, str], ...]:
    if type(value) is not dict or not value:
        raise Malformed("wrong-type", said("title gives a text for at least one language"))
    return tuple((_matching(language, _LANGUAGE, said("language")), text(title)) for language, title in value.items())


def _question(value: Json, number: int) -> tuple[Option, ...]:
    options = tuple(_option(one) for one in array(value))
    if len({option.project for option in options}) != len(options):
        raise Malformed("doubled-project", said("question %(number)s names a project twice", number=number))
    return options


def _option(value: Json) -> Option:
    found = fields(value, ("project", "title", "cost", "text"), ("cost", "text"))
    return Option(
        project=_matching(found["project"], _ID, said("project")),
        title=text(found["title"]),
        cost=integer(found["cost"], 0, _LARGEST) if "cost" in found else None,
        text=digest(found["text"]) if "text" in found else None,
    )


def _allocation(value: Json) -> Allocation:
    named = ("rule", "budget", "currency")
    if type(value) is not dict or tuple(value)[:3] != named:
        raise Malformed("wrong-fields", "allocation begins with rule, budget, currency")
    return Allocation(
        rule=_matching(value["rule"], _ID, said("allocation rule")),
        budget=integer(value["budget"], 0, _LARGEST),
        currency=_matching(value["currency"], _CURRENCY, said("currency")),
        parameters=tuple(
            (_matching(name, _PARAMETER, said("allocation parameter")), _parameter(one))
            for name, one in value.items()
            if name not in named
        ),
    )


def _parameter(value: Json) -> Value | tuple[Value, ...]:
    if isinstance(value, list):
        return tuple(_plain(one) for one in value)
    return _plain(value)


def _plain(value: Json) -> Value:
    if isinstance(value, bool | str):
        return value
    return integer(value, -_LARGEST, _LARGEST)


def _matching(value: Json, form: _Form, name: str) -> str:
    if form.pattern.fullmatch(text(value)) is None:
        told = said('the %(name)s should be %(form)s, found "%(found)s"', name=name, form=form.words, found=text(value)[:60])
        raise Malformed("wrong-type", told)
    return text(value)


def _check_key_forms(found: dict[str, Json]) -> None:
    """The form of registrar and log, in check 9.4.2; what the keys say is check 9.4.4."""
    if "registrar" in found:
        text(found["registrar"])
    if "log" in found:
        log = fields(found["log"], ("origin", "keys", "box", "period", "policy"))
        for value in (log["origin"], log["box"], log["policy"], *array(log["keys"])):
            text(value)
        integer(log["period"], 1, _LARGEST)


def _verify_times(manifest: Manifest) -> None:
    """Check 9.4.3."""
    if manifest.opens_at >= manifest.closes_at:
        raise Malformed("manifest-times", f"opens at {manifest.opens_at}, which is not before it closes at {manifest.closes_at}")
    if manifest.until is not None and manifest.closes_at > manifest.until:
        raise Malformed("manifest-times", f"closes at {manifest.closes_at}, after {manifest.until}, the latest end")
    if manifest.appeal_days < 0:
        raise Malformed("manifest-times", f"{manifest.appeal_days} days of appeal; 0 or more were expected")


def _with_keys(manifest: Manifest, found: dict[str, Json]) -> Manifest:
    """Check 9.4.4 and put the keys in."""
    if "registrar" not in found and manifest.level == "strict":
        raise Malformed("manifest-keys", "a manifest of level strict names the registrar's key")
    registrar = _key("registrar", text(found["registrar"])) if "registrar" in found else None
    log = _log(found["log"]) if "log" in found else None
    _verify_roles(registrar, log)
    return replace(manifest, registrar=registrar, log=log)


def _log(value: Json) -> Log:
    found = fields(value, ("origin", "keys", "box", "period", "policy"))
    origin, written = text(found["origin"]), [text(key) for key in array(found["keys"])]
    if not written:
        raise Malformed("manifest-keys", "the log has no key")
    first = _key("log", written[0])
    others = tuple(_any_key("log", key) for key in written[1:])
    box = _key("box", text(found["box"]))
    if first.name != origin:
        raise Malformed("manifest-keys", f"the first log key is named {first.name[:80]}, the log {origin[:80]}")
    if box.name != f"{origin}/box":
        raise Malformed("manifest-keys", f"the box key must be named {origin[:80]}/box, found {box.name[:80]}")
    return Log(origin, (first, *others), box, integer(found["period"]), text(found["policy"]))


def _verify_roles(registrar: VerifierKey | None, log: Log | None) -> None:
    """One key for two roles would let its holder play both: the registrar's word could stand in the log's place."""
    roles = [] if log is None else [*log.keys, log.box]
    if registrar is not None:
        if registrar.name in {key.name for key in roles}:
            raise Malformed("manifest-keys", f"the registrar's key has the name {registrar.name[:80]} of another key")
        roles.append(registrar)
    if len({key.public for key in roles}) != len(roles):
        raise Malformed("manifest-keys", said("one public key stands in two places; log, box and registrar have different keys"))


def _key(role: str, written: str) -> VerifierKey:
    key = _any_key(role, written)
    if key.kind != ED25519:
        raise Malformed("manifest-keys", f"the {role} key is of type {key.kind}; Ed25519 (type 1) was expected")
    return key


def _any_key(role: str, written: str) -> VerifierKey:
    try:
        return parse_verifier_key(written)
    except Malformed as error:
        raise Malformed("manifest-keys", f"the {role} key: {error}") from error


def _without_none(**values: Json) -> dict[str, Json]:
    return {name: value for name, value in values.items() if value is not None}
