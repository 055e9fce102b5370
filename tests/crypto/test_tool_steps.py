"""Specifies crypto/tool_steps.py: a ceremony by the messages of belenios-tool."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.crypto.ceremony_story import Table, sit_down, stream
from tests.crypto.test_pedersen import MODERN
from tests.vectors import VECTORS
from veche.crypto.canonical_json import Json, dumps
from veche.crypto.ceremony import Place, open_decryption_key, take_place
from veche.crypto.certificate import Certificate
from veche.crypto.channel import Cipher, Seed, send
from veche.crypto.errors import ElectionError, Malformed
from veche.crypto.group import G, secret_multiple
from veche.crypto.pedersen import verify_threshold_group
from veche.crypto.tool_steps import (
    ToolInput,
    ToolOutput,
    ToolPolynomial,
    tool_group,
    tool_inputs,
    tool_output,
    tool_polynomial,
)

FOLDER = VECTORS / "belenios/thr-w"
CERTIFICATES = [Certificate.parse(line) for line in (FOLDER / "certs.jsons").read_text().splitlines()]
POLYNOMIALS = [
    ToolPolynomial.from_json(json.loads(line)) for line in (FOLDER / "polynomials.jsons").read_text().splitlines()
]


def file_of(name: str) -> Json:
    value: Json = json.loads((FOLDER / name).read_text())
    return value


def test_the_messages_of_the_tool_are_routed_as_the_tool_routes_them() -> None:
    inputs = tool_inputs(CERTIFICATES, 2, POLYNOMIALS)
    assert [one.to_json() for one in inputs] == [file_of(f"trustee{j}.vinput") for j in (1, 2, 3)]


def test_the_group_of_the_tool_is_put_together_as_the_tool_does() -> None:
    outputs = [ToolOutput.from_json(file_of(f"trustee{j}.voutput")) for j in (1, 2, 3)]
    assert [one.to_json() for one in outputs] == [file_of(f"trustee{j}.voutput") for j in (1, 2, 3)]
    assert dumps(tool_group(CERTIFICATES, 2, POLYNOMIALS, outputs).to_json()) == dumps(MODERN)


@pytest.mark.parametrize("index", [1, 2, 3])
def test_a_trustee_of_ours_in_the_seat_of_a_trustee_of_the_tool_gets_the_same_key(index: int) -> None:
    keys = Seed.parse((FOLDER / f"trustee{index}.key").read_text().rstrip("\n")).keys()
    place = take_place(keys, CERTIFICATES, 3, 2, index, Cipher.CCM)
    given = ToolInput.from_json(file_of(f"trustee{index}.vinput"))
    output = tool_output(keys, place, given, None, stream("seat"))
    expected = ToolOutput.from_json(file_of(f"trustee{index}.voutput"))
    assert output.public_key.public_key == expected.public_key.public_key
    theirs = open_decryption_key(keys, expected.private_key)
    assert open_decryption_key(keys, output.private_key).same_as(theirs)


@pytest.mark.parametrize("cipher", Cipher)
def test_a_ceremony_by_these_messages_gives_a_good_group(cipher: Cipher) -> None:
    table = sit_down(4, 3, cipher)
    polynomials = all_deal(table)
    inputs = tool_inputs(table.certificates, 3, [ToolPolynomial.from_json(one.to_json()) for one in polynomials])
    outputs = [
        tool_output(keys, place, ToolInput.from_json(one.to_json()), None, table.randomness)
        for keys, place, one in zip(table.keys, table.places, inputs, strict=True)
    ]
    group = tool_group(table.certificates, 3, polynomials, outputs)
    verify_threshold_group(group)
    for keys, output, key in zip(table.keys, outputs, group.verification_keys, strict=True):
        assert secret_multiple(open_decryption_key(keys, output.private_key), G) == key.public_key


def all_deal(table: Table) -> list[ToolPolynomial]:
    return [
        tool_polynomial(keys, place, table.randomness) for keys, place in zip(table.keys, table.places, strict=True)
    ]


TABLE = sit_down()
DEALT = all_deal(TABLE)
GIVEN = tool_inputs(TABLE.certificates, 2, DEALT)


def refusal_of(given: ToolInput, place: Place = TABLE.places[0]) -> tuple[str, str]:
    with pytest.raises(ElectionError) as refusal:
        tool_output(TABLE.keys[0], place, given, None, stream("refusal"))
    return refusal.value.code, str(refusal.value)


def test_a_bad_share_names_its_dealer() -> None:
    good = GIVEN[0]
    wrong = send(TABLE.keys[1], TABLE.keys[0].encryption, '{"secret":"1"}', Cipher.GCM, stream("wrong"))
    other_cipher = send(TABLE.keys[1], TABLE.keys[0].encryption, '{"secret":"1"}', Cipher.CCM, stream("wrong"))
    for text in (wrong, other_cipher, good.secrets[2], GIVEN[1].secrets[1], ""):
        code, sentence = refusal_of(replace(good, secrets=(good.secrets[0], text, good.secrets[2])))
        assert code == "bad-share"
        assert sentence.startswith("trustee 2 sent a bad share")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda one: replace(one, signatures=(one.signatures[1], *one.signatures[1:])), "group-signature"),
        (lambda one: replace(one, signatures=one.signatures[:2]), "threshold-limits"),
        (lambda one: replace(one, coefficients=one.coefficients[:2]), "threshold-limits"),
        (lambda one: replace(one, coefficients=one.coefficients[::-1]), "coefficients-signature"),
        (lambda one: replace(one, secrets=one.secrets[:2]), "wrong-length"),
        (lambda one: replace(one, polynomial=GIVEN[1].polynomial), "tag-wrong"),
    ],
)
def test_what_the_tool_leaves_unchecked_is_refused_before_a_key_is_made(
    change: Callable[[ToolInput], ToolInput], code: str
) -> None:
    assert refusal_of(change(GIVEN[0]))[0] == code


def test_coefficients_in_ones_own_name_from_another_polynomial_are_noticed() -> None:
    again = tool_polynomial(TABLE.keys[0], TABLE.places[0], stream("again"))
    good = GIVEN[0]
    replayed = replace(
        good,
        coefficients=(again.coefficients, *good.coefficients[1:]),
        signatures=(again.signature, *good.signatures[1:]),
    )
    assert refusal_of(replayed)[0] == "own-coefficients"


def test_certificates_other_than_those_seen_before_are_noticed() -> None:
    other = sit_down(name="others")
    keys, first = TABLE.keys[0], TABLE.certificates[0]
    place = take_place(keys, [first, *other.certificates[1:]], 3, 2, 1, Cipher.GCM)
    assert refusal_of(GIVEN[0], place)[0] == "group-signature"


def test_every_dealer_must_deal_to_everyone_with_the_threshold_agreed() -> None:
    with pytest.raises(Malformed):
        tool_inputs(TABLE.certificates, 2, [replace(DEALT[0], secrets=DEALT[0].secrets[:2]), *DEALT[1:]])
    with pytest.raises(Malformed):
        tool_inputs(TABLE.certificates, 1, DEALT)
    with pytest.raises(Malformed):
        tool_inputs(TABLE.certificates, 2, DEALT[:2])


def test_messages_in_any_other_form_are_refused() -> None:
    for cls, value in ((ToolPolynomial, DEALT[0].to_json()), (ToolInput, GIVEN[0].to_json())):
        with pytest.raises(Malformed):
            cls.from_json({**value, "more": 1})
    with pytest.raises(Malformed):
        ToolOutput.from_json({"private_key": "", "public_key": {}})
