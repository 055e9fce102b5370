"""The line at the end of the description ties the manifest to the election; the seal is what people compare."""

from __future__ import annotations

from base64 import b32decode
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vectors import load
from veche.ballot.manifest import (
    LevelLine,
    Manifest,
    level_line,
    parse_description,
    parse_manifest,
    seal,
    verify_manifest,
)
from veche.crypto.errors import ElectionError, Inconsistent, Malformed

VECTOR = load("spec/veche-record-vectors.json")["manifest"]
RAW = VECTOR["text"].encode()
UUID = "4hVecheTestA11"
MANIFEST = parse_manifest(RAW)


def test_the_known_line_ends_the_known_description() -> None:
    line = parse_description(VECTOR["description"])
    assert line == LevelLine("strict", VECTOR["sha256"])
    assert level_line("strict", VECTOR["sha256"]) == VECTOR["line"] == line.text()


def test_the_known_manifest_line_and_answers_agree() -> None:
    verify_manifest(MANIFEST, RAW, LevelLine("strict", VECTOR["sha256"]), UUID, VECTOR["answers"])


CODES = {
    "line-malformed": "manifest-line",
    "manifest-hash": "manifest-hash",
    "level-differs": "manifest-level",
    "not-canonical": "manifest-malformed",
    "project-twice": "manifest-malformed",
    "times": "manifest-times",
    "keys": "manifest-keys",
    "options-differ": "manifest-options",
}


def check(text: str, description: str, answers: list[list[str]]) -> None:
    """What an audit does with manifest and election; a strict election without the line is refused by the audit."""
    line = parse_description(description)
    if line is None:
        raise Malformed("manifest-line", "no line")
    manifest = parse_manifest(text.encode())
    verify_manifest(manifest, text.encode(), line, UUID, answers)


@pytest.mark.parametrize("vector", VECTOR["refused"], ids=lambda vector: vector["what"])
def test_every_known_wrong_manifest_is_refused_for_its_own_cause(vector: dict[str, Any]) -> None:
    with pytest.raises(ElectionError) as refusal:
        check(vector["text"], vector["description"], vector["answers"])
    assert refusal.value.code == CODES[vector["reason"]]


# --- The line ---------------------------------------------------------------------------------

LINE = VECTOR["line"]


@pytest.mark.parametrize("description", ["", "Choose.", "Choose. " + LINE, " " + LINE, "Veche:1", "\tveche:1", "a\n b veche:"])
def test_a_description_without_the_line_has_no_level(description: str) -> None:
    assert parse_description(description) is None


@pytest.mark.parametrize("before", ["", "Choose.\n", "a\n\nb\n", "\n"])
@pytest.mark.parametrize("level", ["strict", "belenios"])
def test_the_line_ends_the_description(before: str, level: str) -> None:
    assert parse_description(before + level_line(level, "0a" * 32)) == LevelLine(level, "0a" * 32)


@pytest.mark.parametrize(
    "description",
    [
        LINE + "\n",
        LINE + "\nmore",
        LINE + " ",
        LINE + "\n" + LINE,
        "veche:\n" + LINE,
        "veche:1 level=strict\n" + LINE,
        LINE.replace("veche:1", "veche:2"),
        LINE.replace("veche:1", "veche:01"),
        LINE.replace("strict", "Strict"),
        LINE.replace("strict", "none"),
        LINE.replace("sha256", "sha512"),
        LINE.replace(" ", "  "),
        LINE[:-1],
        LINE + "0",
        LINE[:-1] + "A",
        "veche:",
        "veche:hello",
        LINE + "\r",
    ],
)
def test_any_other_line_that_begins_so_is_refused(description: str) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_description(description)
    assert refusal.value.code == "manifest-line"


# --- Agreement ----------------------------------------------------------------------------------

GOOD_LINE = LevelLine("strict", VECTOR["sha256"])


def disagreement(manifest: Manifest = MANIFEST, line: LevelLine = GOOD_LINE, uuid: str = UUID, answers: Any = None) -> str:
    with pytest.raises(Inconsistent) as refusal:
        verify_manifest(manifest, RAW, line, uuid, VECTOR["answers"] if answers is None else answers)
    return refusal.value.code


def test_manifest_line_and_election_must_agree_in_everything() -> None:
    first, second = VECTOR["answers"]
    assert disagreement(line=LevelLine("strict", "0" * 64)) == "manifest-hash"
    assert disagreement(line=LevelLine("belenios", VECTOR["sha256"])) == "manifest-level"
    assert disagreement(uuid="4hVecheTestA12") == "manifest-election"
    wrong_answers = [[], [first], [first, second, []], [first, []], [first[:2], second], [second, first], [first[::-1], second]]
    for answers in wrong_answers:
        assert disagreement(answers=answers) == "manifest-options"


def test_titles_are_compared_byte_for_byte() -> None:
    # The same letter é, composed and decomposed: people see no difference, bytes do.
    manifest = replace(MANIFEST, options=((replace(MANIFEST.options[1][0], title="Caf\u00e9"),),))
    verify_manifest(manifest, RAW, GOOD_LINE, UUID, [["Caf\u00e9"]])
    assert disagreement(manifest, answers=[["Cafe\u0301"]]) == "manifest-options"


# --- The seal -----------------------------------------------------------------------------------


@given(st.binary(min_size=32, max_size=32))
def test_the_seal_is_the_first_80_bits_of_the_setup_hash(digest: bytes) -> None:
    groups = seal(digest.hex()).split("-")
    assert [len(group) for group in groups] == [4, 4, 4, 4]
    assert b32decode("".join(groups)) == digest[:10]
