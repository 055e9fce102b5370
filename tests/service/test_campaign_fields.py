"""Every mistake that the reader of a campaign's file can name is told in the reader's language, whoever finds it: none is left out.

Length: the cases are one list, a line for each sentence that exists.
"""

from __future__ import annotations

import ast
import copy
import json
import pickle
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any, Final

import pytest

from tests.service.hand_clock import BEGINNING
from tests.service.office import campaign_csv
from veche.ballot import ballot_length, election, manifest
from veche.crypto import canonical_json, signed_note
from veche.crypto.errors import Grouped, Malformed, Said, said
from veche.crypto.scalar import system_randomness
from veche.crypto.signed_note import COSIGNATURE, ED25519, ML_DSA_44, NoteSigner, VerifierKey
from veche.ledger import cosignature, policy
from veche.service import accounts, campaign_fields, campaign_file, campaign_table, contest_plan
from veche.service.campaign_example import JSON_EXAMPLE
from veche.service.campaign_fields import MAX_CONTESTS, Mistake
from veche.service.campaign_file import HEAD, MAX_BYTES, read_campaign
from veche.service.campaign_form import read_form
from veche.service.languages import read_languages

READERS: Final = (
    campaign_fields, campaign_file, campaign_table, contest_plan, accounts, manifest, election, ballot_length, policy, cosignature,
    signed_note, canonical_json,
)  # fmt: skip
"""Whatever reads a part of the file."""

# --- The mistakes ---------------------------------------------------------------------------

KEY: Final = NoteSigner.generate("vote.example/registrar", system_randomness).verifier
OTHER: Final = NoteSigner.generate("vote.example/other", system_randomness).verifier
Change = Callable[[dict[str, Any]], object]


def csv(before: str, after: str, contests: int = 2) -> bytes:
    text = campaign_csv(BEGINNING, contests)
    assert before in text, before
    return text.replace(before, after, 1).encode()


def plan(change: Change | None = None, contest: Change | None = None) -> bytes:
    """The example in JSON, its head and its first contest changed."""
    found = copy.deepcopy(json.loads(JSON_EXAMPLE))
    if change is not None:
        change(found)
    if contest is not None:
        contest(found["contests"][0])
    return json.dumps(found).encode()


def head(**fields: Any) -> bytes:
    return plan(lambda found: found.update(fields))


def contest(**fields: Any) -> bytes:
    return plan(contest=lambda found: found.update(fields))


def asked(**fields: Any) -> bytes:
    return plan(contest=lambda found: found["questions"][0].update(fields))


def options(*given: Any) -> bytes:
    return asked(options=list(given))


def trusted(*lines: str) -> bytes:
    """The policy of these lines, of which those of witnesses come first."""
    return contest(policy="\n".join(lines))


def witness(name: str, kind: int = COSIGNATURE, public: bytes | None = None) -> str:
    return f"witness {name} {VerifierKey(name, kind, public or system_randomness(32)).text()}"


def log(name: str = "vote.example/l", kind: int = ED25519, public: bytes | None = None) -> str:
    return f"log {VerifierKey(name, kind, public or system_randomness(32)).text()}"


def key(data: bytes, name: str = "r") -> str:
    return f"{name}+{VerifierKey(name, data[0], data[1:]).key_id.hex()}+{b64encode(data).decode()}"


def long_question(size: int) -> bytes:
    return options(*({"project": f"p-{one}", "title": "x"} for one in range(size)))


def cases() -> Iterator[bytes]:
    """Files, each with a mistake."""
    yield from _tables()
    yield from _heads()
    yield from _contests()
    yield from _policies()


def _tables() -> Iterator[bytes]:
    row = ";;;;;;;lamp;A lamp"
    yield csv("threshold;2", "threshold;two")
    yield csv("rehearsal;no", "rehearsal;maybe")
    yield csv("rehearsal;no\n", "")
    yield csv("host;vote.example", "hosts;vote.example")
    yield csv("minimum_ballots;2", "minimum_ballots;2\nminimum_ballots;3")
    yield csv("minimum_ballots;2", "minimum_ballots;2;3")
    yield csv(";electorate;", ";voters;")
    yield csv(";project;option", ";project;project")
    yield csv("district-2;District 2", "district-1;District 2")
    yield csv(row, ";;;;;;;;A lamp")
    yield csv(row, ";;;;;;;bench;A lamp")
    yield csv(row, f"{row};x;y;z")
    yield csv("Which project?;bench", ";bench")
    yield csv("\ndistrict-1;", "\n;")
    yield csv("\ncontest;", "\nconquest;")
    yield csv(row, f"{row}\ndistrict-2;;;;;;;x;y\ndistrict-1;;;;;;;z;y")
    yield (
        csv("question;project", "min;question;project")
        .replace(b"10;Which project?", b"10;1;Which project?")
        .replace(row.encode(), b";;;;;;2;;lamp;A lamp", 1)
    )
    yield csv("A bench", '"A bench')
    yield csv("A bench", f'"{"x" * 140_000}"')
    yield campaign_csv(BEGINNING).encode("cp1251")
    yield b"campaign" + b";" * 4_000_001
    yield campaign_csv(BEGINNING, 1).encode() + "".join(f"c-{one};;;;;;;x;y\n" for one in range(MAX_CONTESTS + 1)).encode()
    yield csv(";10;", ";ten;", 60).replace(b";10;", b";ten;")


def _heads() -> Iterator[bytes]:
    anna, boris = ({"name": name, "email": f"{name}@example.org"} for name in ("anna", "boris"))
    yield b"{" + b" " * MAX_BYTES
    yield from (b'{"a": "\xff"}', b'{"a":', b'{"a": 1, "a": 2}', b"{" * 20, b'{"a": "\\ud800"}')
    yield head(campaign="the budget")
    yield head(title=[])
    yield head(title={"Русский": "Бюджет"})
    yield head(rehearsal="yes")
    yield head(host="vote.example.org/evil")
    yield head(way_in="passport")
    yield head(motto="x")
    yield head(contests=[])
    yield head(contests=[3])
    yield head(contests=[{}] * (MAX_CONTESTS + 1))
    yield plan(lambda found: found.update(contests=found["contests"] * 2))
    yield head(threshold=3)
    yield head(trustees="anna")
    yield head(trustees=[anna])
    yield head(trustees=[anna, {"name": "boris"}])
    yield head(trustees=[anna, {**boris, "name": " "}])
    yield head(trustees=[anna, {**boris, "email": "boris"}])
    yield head(trustees=[anna, {**boris, "name": "anna"}])
    yield head(trustees=[anna, {**boris, "email": "anna@example.org"}])
    yield head(registrar="nobody")
    yield head(registrar=key(bytes([ED25519, *b"short"])))
    yield head(registrar=KEY.text().replace("+", "+0", 1))
    yield head(registrar=KEY.text().replace("vote.example/registrar", ""))
    yield head(registrar="r+00+***")
    yield head(registrar="r+00+AR==")


def _contests() -> Iterator[bytes]:
    bench, lamp = ({"project": name, "title": name} for name in ("bench", "lamp"))
    yield contest(colour=1)
    yield contest(contest=7)
    yield contest(level="weak")
    yield contest(description="veche:1 level=strict")
    yield contest(description="x" * 1_000_001)
    yield contest(title={})
    yield contest(title="Район")
    yield contest(title={"LONG": "x"})
    yield contest(title={"ru": "x" * 1_000_001})
    yield contest(electorate="many")
    yield contest(opens_at="tomorrow")
    yield contest(opens_at="2026-10-20T09:00")
    yield contest(extended_until="2026-10-03T09:00")
    yield head(zone="Europe/Atlantis")
    yield contest(eligibility="all residents")
    yield contest(spare_key=VerifierKey("x", ML_DSA_44, bytes(1312)).text())
    yield plan(lambda found: found.update(registrar=KEY.text()), lambda found: found.update(spare_key=KEY.text()))
    yield contest(allocation={})
    yield contest(allocation={"rule": "by votes", "budget": 1, "currency": "RUB"})
    yield contest(allocation={"rule": "greedy-skip", "budget": 1, "currency": "roubles"})
    yield contest(allocation={"rule": "greedy-skip", "budget": 1, "currency": "RUB", "Tie": "lot"})
    yield contest(questions=[])
    yield contest(questions=[{}])
    yield asked(min="one")
    yield asked(max=5)
    yield asked(colour=1)
    yield asked(blank=1)
    yield options(bench, {"project": "lamp"})
    yield options(bench, {"title": "lamp"})
    yield options(bench, {**lamp, "colour": 1})
    yield options(bench, {**lamp, "project": "уличный фонарь"})
    yield options(bench, {**lamp, "project": "bench"})
    yield long_question(400)


def _policies() -> Iterator[bytes]:
    public = system_randomness(32)
    yield trusted("quorum none\x01")
    yield trusted(witness("w"))
    yield trusted("quorum none", "quorum none")
    yield trusted("quorum w")
    yield trusted("nonsense")
    yield trusted(witness("w"), witness("w"))
    yield trusted(witness("w", public=public), witness("v", public=public))
    yield trusted(witness("w"), "group g 2 w")
    yield trusted(witness("w"), "group g any w w")
    yield trusted(witness("w", ED25519))
    yield trusted(log(kind=COSIGNATURE))
    yield trusted(log(), "quorum none")
    yield trusted(log(public=public), log(public=public))
    yield trusted(*(witness(f"w-{one}") for one in range(1001)))


def told(raw: bytes) -> tuple[str, ...]:
    """What the page shows of this file's mistakes."""
    with pytest.raises(Malformed) as refused:
        read_campaign(raw, "vote.example")
    assert refused.value.code == "campaign-malformed"
    return refused.value.listed or (refused.value.sentence,)


@cache
def all_told() -> tuple[tuple[bytes, tuple[str, ...]], ...]:
    return tuple((raw, told(raw)) for raw in cases())


def patterns(sentence: object) -> Iterator[str]:
    if isinstance(sentence, Said):
        yield sentence.pattern
        for value in sentence.values.values():
            yield from patterns(value)


# --- All of them are there, and none in English ------------------------------------------------

PLACED_AWAY: Final = {
    "the plan of the contest: %(told)s": "stands before what a command says; in a list of mistakes the place is said",
    "manifest.json: %(told)s": "as above",
    "campaign": "the form of a campaign's name is judged before the manifest is made",
    "contest": "as above",
    "zone": "whether the machine knows the zone is asked before",
    "a name like Europe/Moscow": "as above",
}


def sentences_of_readers() -> set[str]:
    found: set[str] = set()
    for module in READERS:
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "said":
                assert isinstance(node.args[0], ast.Constant), f"{module.__name__}:{node.lineno}"
                found.add(str(node.args[0].value))
    return found


def test_there_is_a_file_for_every_mistake_that_can_be_named() -> None:
    met = {pattern for _, lines in all_told() for line in lines for pattern in patterns(line)}
    assert sentences_of_readers() - met == set(PLACED_AWAY)


NAMES: Final = frozenset(
    (
        *HEAD, *(word for name in contest_plan._KNOWN for word in name.split("_")), "min", "max", "blank", "options", "option",
        "project", "cost", "text", "name", "email", "veche", "organizer", "campaign", "example", "json", "JSON", "ValueError",
        "CSV", "UTF", "base", "election", "way", "column", "true", "false", "strict", "belenios", "codes", "any", "all", "log",
        "key", "spare", "question", "quorum", "witness", "group", "org", "vote", "Europe", "Moscow", "rule", "budget", "currency",
        "contest", "contests", "trustee", "trustees", "MSK",
    )
)  # fmt: skip
"""Latin words of a Russian sentence: fields and what a file, a command or a key is called. None of them makes a sentence."""


def test_a_russian_reader_meets_no_english_in_any_of_them() -> None:
    russian, english = (read_languages().by_name[name] for name in ("ru", "en"))
    for raw, lines in all_told():
        own = raw[:100_000].decode("utf-8", "replace")
        for line in lines:
            assert isinstance(line, Said), line
            said_in_russian = unescape(russian.say(line))
            assert re.search("[а-я]{3}", said_in_russian), line
            words = re.findall(r"[A-Za-z]{3,}", re.sub(r"\b[0-9a-f]{8}\b", "", said_in_russian))
            assert [one for one in words if one not in NAMES and one not in own] == [], said_in_russian
            assert unescape(english.say(line)).strip() == line.strip() or "byte" in line


REACHED_BY_NO_FILE: Final = {
    "contest_plan.parse_draft", "contest_plan.parse_spec", "contest_plan.known_fields",  # files of the command line
    "manifest.parse_description", "manifest._read", "manifest._allocation", "manifest._verify_times", "manifest._with_keys",
    "manifest._log", "manifest._verify_roles", "manifest._key", "manifest._any_key",  # of foreign manifests; judged before in ours
    "election.parse_election", "election._election", "election._check_language", "election._question",  # of foreign elections
    "canonical_json.parse_canonical", "canonical_json.fields", "canonical_json.array", "canonical_json.digest",  # of records
    "signed_note.__init__", "signed_note.from_private_text", "signed_note.parse_note", "signed_note.parse_line",  # of notes
    "cosignature.signed_message", "cosignature.__init__", "cosignature.parse_cosignature", "cosignature._subtree_message",
    "cosignature._short", "accounts.make_link", "accounts._verify_role",  # of signatures, of people
}  # fmt: skip


def test_whatever_reads_the_file_says_what_is_wrong_in_a_sentence_that_can_be_translated() -> None:
    """A refusal with a text of its own, which no page could say in another language, is one that no file can bring about."""
    plain: set[str] = set()
    for module in READERS:
        name = module.__name__.rpartition(".")[2]
        for function in ast.walk(ast.parse(Path(str(module.__file__)).read_text("utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            for node in ast.walk(function):
                called = node.func if isinstance(node, ast.Call) else None
                if isinstance(node, ast.Call) and isinstance(called, ast.Name) and called.id == "Malformed":
                    plain.update({f"{name}.{function.name}"} if isinstance(node.args[1], ast.Constant | ast.JoinedStr) else ())
    assert plain <= REACHED_BY_NO_FILE | {"campaign_fields.refuse"}, plain - REACHED_BY_NO_FILE
    assert "campaign_fields.refuse" in plain, "its first line is the count, which no page shows"


def test_a_judge_of_the_forms_speaks_the_language_too() -> None:
    typed = {
        "campaign": "c", "title.ru": "Бюджет", "zone": "Europe/Atlantis", "trustees.0.name": "a", "trustees.0.email": "a@b.org",
        "trustees.1.name": "b", "trustees.1.email": "b@b.org", "threshold": "1", "minimum_ballots": "5", "appeal_days": "1",
        "contests.0.contest": "d", "contests.0.title.ru": "Район", "contests.0.opens_at": "2026-10-01T09:00",
        "contests.0.closes_at": "2026-10-02T09:00", "contests.0.electorate": "5", "contests.0.questions.0.question": "?",
        "contests.0.questions.0.options.0.title": "x", "contests.0.questions.0.options.1.title": "y",
    }  # fmt: skip
    _, [flaw] = read_form(typed, "vote.example")
    assert flaw.field == "zone"
    assert read_languages().by_name["ru"].say(flaw.sentence).startswith("сервер не знает часового пояса «Europe/Atlantis»")


# --- A sentence remembers what it was made of ---------------------------------------------------


def test_a_sentence_of_values_is_the_same_text_and_keeps_them_on_its_way() -> None:
    inner = said("a list was expected")
    made = said("%(field)s: %(told)s", field="100%(x)s", told=inner)
    assert made == "100%(x)s: a list was expected"
    error: Malformed = pickle.loads(pickle.dumps(Malformed("some-code", made, inner)))  # noqa: S301
    assert (error.message, error.listed) == ("100%(x)s: a list was expected\na list was expected", (inner,))
    assert isinstance(error.sentence, Said)
    assert (error.sentence.pattern, dict(error.sentence.values)) == (made.pattern, dict(made.values))


def test_what_a_file_says_is_text_on_a_page_and_large_numbers_are_written_as_the_language_does() -> None:
    russian = read_languages().by_name["ru"]
    assert "&lt;b&gt;\N{REPLACEMENT CHARACTER}" in russian.say(
        Mistake("x", said('"%(name)s" is no field of a campaign', name="<b>\x1b")).line
    )
    length = said("%(found)s bytes where at most %(most)s are allowed", found=Grouped(65_576), most=7)
    assert length.startswith("65,576 bytes")
    assert russian.say(length).startswith("байт: 65\N{NO-BREAK SPACE}576,")
