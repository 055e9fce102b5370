"""Specifies ledger/annex.py and ledger/annex_fields.py."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.test_event import HASH, hashes
from tests.vectors import load
from veche.crypto.errors import ElectionError, Inconsistent, Malformed
from veche.crypto.proof import Proof
from veche.crypto.scalar import Q
from veche.ledger.annex import (
    ANNEX_TYPES,
    Annex,
    Cancelled,
    Closed,
    Drill,
    Incident,
    Issued,
    Opened,
    ShareRefused,
    Software,
    parse_annex,
    unsigned_issued_text,
)
from veche.ledger.annex_fields import FORMS, REFUSAL_REASONS

VECTORS: dict[str, Any] = load("spec/veche-record-vectors.json")["annexes"]
UUID = "4hVecheTestA11"

codes = st.from_regex(r"[a-z0-9-]{1,64}", fullmatch=True)
numbers = st.integers(0, 2**62)
uuids = st.from_regex(r"[1-9A-HJ-NP-Za-km-z]{14,20}", fullmatch=True)
proofs = st.builds(Proof, st.integers(0, Q - 1), st.integers(0, Q - 1))
texts = st.text(st.characters(codec="utf-8"), max_size=40)

BY_FIELD: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("election", "successor"), uuids),
    **dict.fromkeys(("time", "closes_at", "ballots", "minimum", "total", "complaints"), numbers),
    **dict.fromkeys(("manifest", "ceremony", "assets", "credentials", "payload", "result", "audit", "factor"), hashes),
    **dict.fromkeys(("proof", "signature"), proofs),
    **dict.fromkeys(("code", "reason"), codes),
    "owner": st.integers(1, 1000),
    "version": texts,
    "issued.signature": texts,
    "share-refused.reason": st.sampled_from(REFUSAL_REASONS),
}


@st.composite
def annexes(draw: st.DrawFn) -> Annex:
    kind = draw(st.sampled_from(sorted(ANNEX_TYPES.values(), key=lambda one: one.TYPE)))
    values: dict[str, Any] = {}
    for field in fields(kind):
        name = f"{kind.TYPE}.{field.name}"
        strategy = BY_FIELD[name if name in BY_FIELD else field.name]
        values[field.name] = draw(st.none() | strategy if field.name in kind.OPTIONAL else strategy)
    return kind(**values)


@given(annex=annexes())
def test_an_annex_is_read_back_from_its_text(annex: Annex) -> None:
    assert parse_annex(annex.text(), annex.election) == annex
    assert parse_annex(annex.text(), None) == annex


@given(annex=annexes(), at=st.integers(0), byte=st.integers(0, 255))
def test_another_text_is_another_annex_or_none(annex: Annex, at: int, byte: int) -> None:
    text = bytearray(annex.text())
    text[at % len(text)] = byte
    if bytes(text) == annex.text():
        return
    try:
        assert parse_annex(bytes(text), None) != annex
    except Malformed as error:
        assert error.code == "entry-malformed"


@pytest.mark.parametrize("vector", VECTORS["texts"], ids=lambda vector: vector["type"])
def test_known_texts(vector: dict[str, str]) -> None:
    annex = parse_annex(vector["text"].encode(), UUID)
    assert type(annex) is ANNEX_TYPES[vector["type"]]
    assert annex.text() == vector["text"].encode()


def test_every_type_has_a_known_text_and_every_field_a_form() -> None:
    assert {vector["type"] for vector in VECTORS["texts"]} == set(ANNEX_TYPES)
    used = {field.name for kind in ANNEX_TYPES.values() for field in fields(kind)}
    assert {name for name in FORMS if "." not in name} == used


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["what"])
def test_known_refusals(vector: dict[str, str]) -> None:
    text = vector["text"].encode()
    if vector["reason"] == "registrar-signature":
        # Readable: whether the registrar signed it is another check, made where the manifest is known.
        assert isinstance(parse_annex(text, UUID), Issued)
        return
    with pytest.raises(ElectionError) as refusal:
        parse_annex(text, UUID)
    assert refusal.value.code == ("entry-election" if vector["reason"] == "wrong-election" else "entry-malformed")


def test_an_annex_of_another_election_is_refused_only_when_one_is_expected() -> None:
    text = Opened(UUID, 1).text()
    with pytest.raises(Inconsistent) as refusal:
        parse_annex(text, "4hVecheTestA12")
    assert refusal.value.code == "entry-election"
    assert parse_annex(text, None) == Opened(UUID, 1)


def test_what_the_registrar_signs_is_the_annex_without_its_signature_and_a_newline() -> None:
    vector = next(one for one in VECTORS["texts"] if one["type"] == "issued")
    annex = parse_annex(vector["text"].encode(), UUID)
    assert isinstance(annex, Issued)
    assert annex.signed_text() == VECTORS["issued"]["signed_note_text"].encode()
    assert annex.signature == VECTORS["issued"]["line"]
    assert unsigned_issued_text(UUID, annex.total, annex.credentials) == annex.signed_text()


def test_a_factor_outside_the_group_is_readable_because_the_drill_check_must_name_its_owner() -> None:
    identity = "0" * 63 + "1"
    for factor in (identity, "f" * 64, "0" * 64):
        drill = Drill(UUID, 1, factor, Proof(0, 0))
        assert parse_annex(drill.text(), UUID) == drill


def test_an_annex_that_has_no_text_cannot_be_made() -> None:
    wrong: list[tuple[type[Annex], tuple[Any, ...]]] = [
        (Opened, (UUID, -1)),
        (Opened, (UUID, True)),
        (Opened, ("short", 1)),
        (Opened, (UUID, None)),
        (Closed, (UUID, 1, "5")),
        (Incident, (UUID, 1, "")),
        (Incident, (UUID, 1, "a" * 65)),
        (Incident, (UUID, 1, "Mail late")),
        (Cancelled, (UUID, 1, "court", "0")),
        (Drill, (UUID, 0, HASH, Proof(0, 0))),
        (Drill, (UUID, 1, HASH, Proof(Q, 0))),
        (Drill, (UUID, 1, HASH, None)),
        (ShareRefused, (UUID, 1, HASH, None, None, "late")),
        (Software, (UUID, "1" * 65_535, HASH)),
    ]
    for kind, values in wrong:
        with pytest.raises(Malformed) as refusal:
            kind(*values)
        assert refusal.value.code == "entry-malformed"


def test_an_annex_may_have_65535_bytes_and_not_one_more() -> None:
    room = 65_535 - len(Software(UUID, "", HASH).text())
    longest = Software(UUID, "1" * room, HASH).text()
    assert len(longest) == 65_535
    assert parse_annex(longest, UUID).text() == longest
    with pytest.raises(Malformed) as refusal:
        parse_annex(longest.replace(b'"version":"', b'"version":"1'), UUID)
    assert refusal.value.code == "entry-malformed"
