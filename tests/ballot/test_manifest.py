"""The manifest: one text, and its own rules about form, times and keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vectors import load
from veche.ballot.manifest import (
    Allocation,
    parse_manifest,
)
from veche.crypto.canonical_json import encode
from veche.crypto.errors import Malformed
from veche.crypto.signed_note import NoteSigner, VerifierKey

VECTOR = load("spec/veche-record-vectors.json")["manifest"]
RAW = VECTOR["text"].encode()
UUID = "4hVecheTestA11"
MANIFEST = parse_manifest(RAW)
ORIGIN = f"vote.example/e/{UUID}"

Json = dict[str, Any]


def changed(change: Callable[[Json], object]) -> bytes:
    """The known manifest with something changed, still canonical."""
    value = json.loads(RAW)
    change(value)
    return encode(value)


def refused(raw: bytes) -> str:
    with pytest.raises(Malformed) as refusal:
        parse_manifest(raw)
    return refusal.value.code


def without(*path: str) -> Callable[[Json], object]:
    def change(value: Json) -> None:
        for name in path[:-1]:
            value = value[name]
        del value[path[-1]]

    return change


def setting(*path: Any, to: object) -> Callable[[Json], object]:
    def change(value: Any) -> None:
        for name in path[:-1]:
            value = value[name]
        value[path[-1]] = to

    return change


# --- The known manifest ---------------------------------------------------------------------


def test_the_known_manifest_is_read() -> None:
    assert (MANIFEST.campaign, MANIFEST.contest, MANIFEST.uuid) == ("tvoy-budget-2026", "district-07", UUID)
    assert (MANIFEST.rehearsal, MANIFEST.level, MANIFEST.zone) == (False, "strict", "Europe/Moscow")
    assert (MANIFEST.opens_at, MANIFEST.closes_at, MANIFEST.until) == (1793000000, 1793086400, 1793090000)
    assert (MANIFEST.minimum_ballots, MANIFEST.electorate, MANIFEST.appeal_days) == (5, 20, 3)
    assert dict(MANIFEST.title)["en"] == "Two projects for the district"
    assert MANIFEST.allocation == Allocation("greedy-skip", 9000000000, "RUB")
    assert [[option.project for option in question] for question in MANIFEST.options] == [["p-101", "p-102", "p-117"], ["p-120"]]
    assert MANIFEST.log is not None
    assert (MANIFEST.log.origin, MANIFEST.log.period) == (ORIGIN, 10)


def test_the_known_keys_are_those_of_the_known_seeds() -> None:
    assert MANIFEST.log is not None
    found = {"log": MANIFEST.log.keys[0], "box": MANIFEST.log.box, "registrar": MANIFEST.registrar}
    for role, seed in VECTOR["key_seeds"].items():
        key = found[role]
        assert key is not None
        assert NoteSigner(key.name, bytes.fromhex(seed)).verifier == key


def test_the_known_manifest_is_written_back() -> None:
    assert MANIFEST.encode() == RAW
    assert MANIFEST.digest == VECTOR["sha256"]


def test_the_hash_of_every_ballot_text_stands_in_its_option() -> None:
    texts = {one["project"]: sha256(one["text"].encode()).hexdigest() for one in VECTOR["option_texts"]}
    assert {option.project: option.text for question in MANIFEST.options for option in question} == texts


# --- Form -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(json.loads(RAW)))
def test_only_four_fields_may_be_absent(name: str) -> None:
    raw = changed(without(name))
    if name in {"extension", "log", "allocation"}:
        assert parse_manifest(raw).encode() == raw
    else:
        assert refused(raw) == ("manifest-keys" if name == "registrar" else "manifest-malformed")


NESTED = [
    ("title", "en"),
    ("extension", "until"),
    ("eligibility", "class"),
    *(("log", name) for name in ("origin", "keys", "box", "period", "policy")),
    *(("allocation", name) for name in ("rule", "budget", "currency")),
]


@pytest.mark.parametrize("path", NESTED, ids=".".join)
def test_nothing_inside_may_be_absent_but_a_second_language(path: tuple[str, str]) -> None:
    raw = changed(without(*path))
    if path == ("title", "en"):
        assert parse_manifest(raw).title == (("ru", "Два проекта для района"),)
    else:
        assert refused(raw) == "manifest-malformed"


WRONG_VALUES: list[tuple[tuple[Any, ...], object]] = [
    (("veche",), "manifest/2"),
    (("campaign",), "a b"),
    (("campaign",), ""),
    (("campaign",), "x" * 65),
    (("campaign",), "район"),
    (("contest",), None),
    (("contest",), "a/b"),
    (("uuid",), "short"),
    (("uuid",), "0" * 14),
    (("rehearsal",), 0),
    (("level",), "Strict"),
    (("level",), "none"),
    (("title",), {}),
    (("title",), "text"),
    (("title",), {"english": "x"}),
    (("title",), {"EN": "x"}),
    (("title",), {"en": 5}),
    (("opens_at",), -1),
    (("opens_at",), "1793000000"),
    (("opens_at",), True),
    (("closes_at",), 2**53),
    (("zone",), "Europe/../etc"),
    (("zone",), ""),
    (("zone",), "Europe/Moscow "),
    (("extension",), {"until": 1793090000, "more": 1}),
    (("extension",), None),
    (("minimum_ballots",), -1),
    (("electorate",), -1),
    (("eligibility",), "district-07"),
    (("eligibility",), {"class": "a b"}),
    (("appeal_days",), "3"),
    (("registrar",), 5),
    (("log", "period"), 0),
    (("log", "keys"), "x"),
    (("log", "keys"), [5]),
    (("log", "policy"), None),
    (("allocation", "budget"), -1),
    (("allocation", "currency"), "rub"),
    (("allocation", "rule"), "greedy skip"),
    (("options",), {}),
    (("options", 0), {}),
    (("options", 0, 0, "project"), "a b"),
    (("options", 0, 0, "title"), 5),
    (("options", 0, 0, "cost"), -1),
    (("options", 0, 0, "cost"), None),
    (("options", 0, 0, "text"), "abc"),
    (("options", 0, 0, "more"), 1),
]


@pytest.mark.parametrize(("path", "value"), WRONG_VALUES, ids=str)
def test_a_value_of_another_form_is_malformed(path: tuple[Any, ...], value: object) -> None:
    assert refused(changed(setting(*path, to=value))) == "manifest-malformed"


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", RAW + b"\n", b" " + RAW, RAW.replace(b"5,", b"5.0,", 1), RAW[:-1]])
def test_what_is_no_canonical_manifest_is_malformed(raw: bytes) -> None:
    assert refused(raw) == "manifest-malformed"


@given(st.data())
def test_a_changed_byte_is_refused_or_gives_another_manifest(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(RAW) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda other: other != RAW[place]))
    raw = RAW[:place] + bytes([byte]) + RAW[place + 1 :]
    try:
        manifest = parse_manifest(raw)
    except Malformed as error:
        assert error.code in {"manifest-malformed", "manifest-times", "manifest-keys"}
    else:
        assert manifest.encode() == raw
        assert manifest != MANIFEST


def test_one_project_may_stand_in_two_questions_but_not_twice_in_one() -> None:
    parse_manifest(changed(setting("options", 1, 0, "project", to="p-101")))
    assert refused(changed(setting("options", 0, 1, "project", to="p-101"))) == "manifest-malformed"


def test_cost_and_text_of_an_option_may_be_absent() -> None:
    def bare(value: Json) -> None:
        del value["options"][0][0]["cost"], value["options"][0][0]["text"]

    option = parse_manifest(changed(bare)).options[0][0]
    assert (option.cost, option.text) == (None, None)


FURTHER: Json = {"levels": [1, 2, 3], "tie": "lot", "skip": True, "floor": -5, "names": ["a", "b"], "empty": []}


def test_further_parameters_of_an_allocation_are_kept_in_their_order() -> None:
    raw = changed(lambda value: value["allocation"].update(FURTHER))
    manifest = parse_manifest(raw)
    assert manifest.encode() == raw
    assert manifest.allocation is not None
    assert manifest.allocation.parameters == (
        ("levels", (1, 2, 3)),
        ("tie", "lot"),
        ("skip", True),
        ("floor", -5),
        ("names", ("a", "b")),
        ("empty", ()),
    )


@pytest.mark.parametrize(
    "further",
    [{"A": 1}, {"a1": 1}, {"": 1}, {"a": None}, {"a": {}}, {"a": [[1]]}, {"a": [None]}, {"a": 2**60}],
    ids=str,
)
def test_a_further_parameter_of_another_form_is_malformed(further: Json) -> None:
    assert refused(changed(lambda value: value["allocation"].update(further))) == "manifest-malformed"


def test_rule_budget_and_currency_come_first() -> None:
    raw = changed(setting("allocation", to={"tie": "lot", "rule": "greedy-skip", "budget": 1, "currency": "RUB"}))
    assert refused(raw) == "manifest-malformed"


# --- Times ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "legal"),
    [
        ({"opens_at": 1793086399}, True),
        ({"opens_at": 1793086400}, False),
        ({"extension": {"until": 1793086400}}, True),
        ({"extension": {"until": 1793086399}}, False),
        ({"appeal_days": 0}, True),
        ({"appeal_days": -1}, False),
    ],
    ids=str,
)
def test_an_election_opens_before_it_closes_and_closes_before_its_latest_end(changes: Json, legal: bool) -> None:
    raw = changed(lambda value: value.update(changes))
    if legal:
        assert parse_manifest(raw).encode() == raw
    else:
        assert refused(raw) == "manifest-times"


# --- Keys -----------------------------------------------------------------------------------


def key(name: str, seed: int = 9, kind: int = 1) -> str:
    return VerifierKey(name, kind, NoteSigner(name, bytes([seed]) * 32).verifier.public).text()


REGISTRAR = MANIFEST.registrar
LOG, BOX = (MANIFEST.log.keys[0], MANIFEST.log.box) if MANIFEST.log else (None, None)


def renamed(found: VerifierKey | None, name: str) -> str:
    assert found is not None
    return replace(found, name=name).text()


WRONG_KEYS: dict[str, Callable[[Json], object]] = {
    "no log key": setting("log", "keys", to=[]),
    "log key of another name": setting("log", "keys", to=[key("other.example")]),
    "origin of another name": setting("log", "origin", to="other.example"),
    "log key of another type": setting("log", "keys", to=[key(ORIGIN, kind=4)]),
    "log key that is none": setting("log", "keys", to=["x"]),
    "second log key that is none": lambda value: value["log"]["keys"].append("x"),
    "box named as another log's": setting("log", "box", to=key("other.example/box")),
    "box named as the log": setting("log", "box", to=key(ORIGIN)),
    "box of another type": setting("log", "box", to=key(f"{ORIGIN}/box", kind=4)),
    "box that is none": setting("log", "box", to=""),
    "box with the log's key": setting("log", "box", to=renamed(LOG, f"{ORIGIN}/box")),
    "registrar that is none": setting("registrar", to="registrar"),
    "registrar of another type": setting("registrar", to=key("r.example", kind=6)),
    "registrar named as the log": setting("registrar", to=key(ORIGIN)),
    "registrar named as the box": setting("registrar", to=key(f"{ORIGIN}/box")),
    "registrar with the log's key": setting("registrar", to=renamed(LOG, "r.example")),
    "registrar with the box's key": setting("registrar", to=renamed(BOX, "r.example")),
    "registrar is the box": setting("registrar", to=renamed(BOX, f"{ORIGIN}/box")),
    "second log key with the registrar's key": lambda value: value["log"]["keys"].append(renamed(REGISTRAR, ORIGIN)),
}


@pytest.mark.parametrize("change", WRONG_KEYS.values(), ids=WRONG_KEYS.keys())
def test_log_box_and_registrar_have_their_names_and_three_different_keys(change: Callable[[Json], object]) -> None:
    assert refused(changed(change)) == "manifest-keys"


def test_the_log_may_have_further_keys_of_other_types() -> None:
    raw = changed(lambda value: value["log"]["keys"].append(key(ORIGIN, kind=6)))
    manifest = parse_manifest(raw)
    assert manifest.encode() == raw
    assert manifest.log is not None
    assert [one.kind for one in manifest.log.keys] == [1, 6]


def test_at_level_belenios_a_manifest_may_have_no_registrar_and_no_log() -> None:
    def bare(value: Json) -> None:
        value["level"] = "belenios"
        del value["registrar"], value["log"], value["allocation"], value["extension"]

    manifest = parse_manifest(changed(bare))
    assert (manifest.registrar, manifest.log, manifest.allocation, manifest.until) == (None, None, None, None)
    assert refused(changed(without("registrar"))) == "manifest-keys"


def test_a_new_manifest_is_checked_by_reading_it_back() -> None:
    made = replace(MANIFEST, contest="district-08", title=(("en", "x"),), until=None)
    assert parse_manifest(made.encode()) == made
    assert refused(replace(MANIFEST, closes_at=0).encode()) == "manifest-times"
