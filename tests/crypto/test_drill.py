"""Specifies crypto/drill.py."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import integers

from tests.crypto.ceremony_story import stream
from tests.vectors import load
from veche.crypto.backend import BASE, IDENTITY, clear_cofactor
from veche.crypto.canonical_json import Json
from veche.crypto.drill import Drill, DrillStatement, drill_with_nonce, make_drill, verify_drill
from veche.crypto.equality import EqualityClaim, prove_equality
from veche.crypto.errors import ElectionError, InvalidProof, Malformed
from veche.crypto.group import G, Point, secret_multiple
from veche.crypto.scalar import Secret
from veche.crypto.transcript import transcript

VECTORS = load("spec/veche-record-vectors.json")["drill"]
REFUSED = [one for owner in VECTORS["owners"] for one in owner["refused"]]
GENERATORS = next(one for one in load("spec/belenios-vectors.json") if one["name"] == "generators")


def statement_of(vector: Any) -> DrillStatement:
    given_ = {**VECTORS, **vector}
    return DrillStatement(
        given_["uuid"], bytes.fromhex(given_["manifest"]), bytes.fromhex(given_["trustees"]), vector["owner"]
    )


@pytest.mark.parametrize("vector", VECTORS["owners"], ids=lambda vector: f"owner {vector['owner']}")
def test_known_drills(vector: Any) -> None:
    statement = statement_of(vector)
    secret, public = Secret.from_decimal(vector["secret"]), Point.from_hex(vector["public"])
    assert statement.base().hex() == vector["base"]
    assert statement.context().hex() == vector["context"]
    drill = drill_with_nonce(secret, public, statement, Secret.from_decimal(vector["nonce"]))
    assert drill.to_json() == {"factor": vector["factor"], "proof": vector["proof"]}
    verify_drill(Drill.from_json(drill.to_json()), public, statement)


@pytest.mark.parametrize("vector", REFUSED, ids=lambda vector: vector["what"])
def test_what_must_be_refused_is_refused(vector: Any) -> None:
    with pytest.raises(ElectionError) as refusal:
        drill = Drill.from_json({"factor": vector["factor"], "proof": vector["proof"]})
        verify_drill(drill, Point.from_hex(vector["public"]), statement_of(vector))
    outside = vector["reason"] == "point-not-in-group"
    assert refusal.value.code == ("point-not-in-group" if outside else "drill-proof")


STATEMENT = DrillStatement("4hVecheTestA11", bytes(32), bytes([1]) * 32, 2)


@given(secret=integers(1, 2**200))
def test_a_drill_is_good_for_its_key_and_statement_and_for_nothing_else(secret: int) -> None:
    public = secret * G
    drill = make_drill(Secret.of(secret), public, STATEMENT, stream("drill"))
    verify_drill(drill, public, STATEMENT)
    others = [
        (public + G, STATEMENT, drill),
        (public, replace(STATEMENT, uuid="4hVecheTestA12"), drill),
        (public, replace(STATEMENT, manifest=bytes([2]) * 32), drill),
        (public, replace(STATEMENT, trustees=bytes([2]) * 32), drill),
        (public, replace(STATEMENT, owner=3), drill),
        (public, STATEMENT, replace(drill, factor=drill.factor + G)),
        (public, STATEMENT, replace(drill, proof=replace(drill.proof, challenge=drill.proof.challenge - 1))),
        (public, STATEMENT, replace(drill, proof=replace(drill.proof, response=drill.proof.response - 1))),
    ]
    for key, statement, other in others:
        with pytest.raises(InvalidProof) as refusal:
            verify_drill(other, key, statement)
        assert refusal.value.code == "drill-proof"


def test_a_proof_about_the_same_points_for_another_purpose_is_no_drill() -> None:
    secret, base = Secret.of(5), STATEMENT.base()
    factor = secret_multiple(secret, base)
    context = transcript("veche/v1/share", STATEMENT.uuid)
    proof = prove_equality(secret, EqualityClaim(context, 5 * G, [base], [factor]), stream("purpose"))
    with pytest.raises(InvalidProof):
        verify_drill(Drill(factor, proof), 5 * G, STATEMENT)


def test_every_statement_has_a_base_of_its_own() -> None:
    bases = {replace(STATEMENT, owner=owner).base() for owner in range(1, 40)}
    assert len(bases) == 39
    assert all(Point.decode(base.encoding) == base for base in bases)


def test_a_drill_in_any_other_form_is_refused() -> None:
    good = make_drill(Secret.of(5), 5 * G, STATEMENT, stream("form")).to_json()
    others: list[Json] = [{**good, "more": 1}, {"factor": good["factor"]}, {**good, "factor": "2" + "0" * 63}, []]
    for other in others:
        with pytest.raises(Malformed):
            Drill.from_json(other)


@pytest.mark.parametrize(("name", "seed"), [("h=ggen|-1", "ggen|-1"), ("h0", "ggen|0"), ("h1", "ggen|1")])
def test_known_generators_made_the_same_way(name: str, seed: str) -> None:
    y = int(sha256(seed.encode()).hexdigest(), 16) >> 2
    while (encoding := clear_cofactor(y.to_bytes(32, "little"))) is None:
        y += 1
    assert encoding[::-1].hex() == GENERATORS[name]


def test_clearing_the_cofactor_multiplies_by_eight() -> None:
    assert clear_cofactor(BASE) == (8 * G).encoding
    assert clear_cofactor(IDENTITY) == IDENTITY


def test_clearing_the_cofactor_of_a_small_point_gives_the_identity_and_of_no_point_nothing() -> None:
    order_4 = bytes(32)
    order_2 = (2**255 - 20).to_bytes(32, "little")
    assert clear_cofactor(order_4) == clear_cofactor(order_2) == IDENTITY
    assert clear_cofactor((2).to_bytes(32, "little")) is None
