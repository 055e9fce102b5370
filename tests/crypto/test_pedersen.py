"""Specifies crypto/pedersen.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from tests.crypto.ceremony_story import Outcome, hold_ceremony, sit_down, stream
from tests.vectors import VECTORS, load
from veche.crypto.canonical_json import dumps, parse_canonical
from veche.crypto.certificate import Certificate, Context
from veche.crypto.channel import SignedMessage
from veche.crypto.errors import ElectionError
from veche.crypto.group import IDENTITY, G
from veche.crypto.pedersen import (
    Coefficients,
    ThresholdGroup,
    VerificationKey,
    group_signature_message,
    sign_group,
    verify_threshold_group,
)
from veche.crypto.scalar import Secret
from veche.crypto.version1 import message_prefix

Item = dict[str, Any]


def record_in_archive(path: str, containing: bytes) -> Item:
    """The Pedersen item of the only record of an archive that contains one."""
    data = (VECTORS / path).read_bytes()
    start = data.index(containing)
    line = data[data.rindex(b"\0", 0, start) + 1 : data.index(b"\0", start)]
    [item] = [value for kind, value in json.loads(line) if kind == "Pedersen"]
    return dict(item)


MODERN = record_in_archive("belenios/thr-w/election.bel", b'["Pedersen",{"threshold"')
OLD = json.loads((VECTORS / "fixtures/belenios/threshold/public/trustees.json").read_text())[0][1]
OURS: Outcome = hold_ceremony()


def refusal_of(item: Item) -> str:
    with pytest.raises(ElectionError) as refusal:
        verify_threshold_group(ThresholdGroup.from_json(item))
    return refusal.value.code


def test_a_group_of_another_tool_is_good() -> None:
    group = ThresholdGroup.from_json(MODERN)
    verify_threshold_group(group)
    assert (group.size, group.threshold, group.legacy) == (3, 2, False)
    assert dumps(group.to_json()) == dumps(MODERN)


def test_a_group_made_before_2_5_1_is_good_and_called_legacy() -> None:
    group = ThresholdGroup.from_json(OLD)
    verify_threshold_group(group)
    assert group.legacy
    assert dumps(group.to_json()) == dumps(OLD)


def test_the_group_key_is_the_election_key() -> None:
    election = json.loads((VECTORS / "fixtures/belenios/threshold/public/election.json").read_text())
    assert ThresholdGroup.from_json(OLD).public_key().hex() == election["public_key"]


def test_the_group_of_our_ceremony_is_good() -> None:
    verify_threshold_group(OURS.group)
    parsed = parse_canonical(OURS.trustees_json)
    assert parsed == [["Pedersen", OURS.group.to_json()]]
    assert ThresholdGroup.from_json(OURS.group.to_json()) == OURS.group


@pytest.mark.parametrize("name", ["coefexps 3.x", "certs_sig 3.x", "verification key signature 3.x"])
def test_known_texts_of_signatures(name: str) -> None:
    [vector] = [one for one in load("spec/belenios-vectors.json") if one["name"].startswith(name)]
    group = ThresholdGroup.from_json(MODERN)
    texts = {
        "coefexps 3.x": group.coefficients[0].signed.message,
        "certs_sig 3.x": group_signature_message(group.certificates, group.coefficients[0].points),
        "verification key signature 3.x": group.verification_keys[0].public_key.hex(),
    }
    assert vector["hashed"].startswith(message_prefix(texts[name]))
    signatures = {
        "coefexps 3.x": group.coefficients[0].signed.signature,
        "certs_sig 3.x": group.signatures[0],
        "verification key signature 3.x": group.verification_keys[0].signature,
    }
    signature = signatures[name]
    assert signature is not None
    assert signature.challenge == int(vector["mod_q"])


def with_change(change: Callable[[Item], object], item: Item = MODERN) -> Item:
    changed = deepcopy(item)
    change(changed)
    return changed


def bump(proof: Item) -> None:
    proof["response"] = str(int(proof["response"]) - 1)


def swap(entries: list[Any]) -> None:
    entries[0], entries[1] = entries[1], entries[0]


def resigned(keys_of: int, message: str) -> Item:
    signing = OURS.table.keys[keys_of - 1].signing
    return dict(SignedMessage.sign(signing, message, stream("resigned")).to_json())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda item: item.update(threshold="2"), "trustees-malformed"),
        (lambda item: item.update(more=1), "trustees-malformed"),
        (lambda item: item.pop("certs"), "trustees-malformed"),
        (lambda item: item["certs"][0].update(more=1), "trustees-malformed"),
        (lambda item: item["certs"][1].update(message=item["certs"][1]["message"] + " "), "trustees-malformed"),
        (lambda item: item["coefexps"][0].update(message='{"coefexps":[1,2]}'), "trustees-malformed"),
        (lambda item: item["verification_keys"][0].update(name=1), "trustees-malformed"),
        (lambda item: item["signatures"][0].update(response="-1"), "trustees-malformed"),
        (lambda item: item["signatures"][0].update(response="007"), "trustees-malformed"),
        (lambda item: item.pop("signatures"), "trustees-malformed"),
        (lambda item: item["verification_keys"][2].pop("signature"), "trustees-malformed"),
        (lambda item: item["certs"].__setitem__(2, OLD["certs"][2]), "trustees-malformed"),
        (lambda item: item.update(threshold=0), "threshold-limits"),
        (lambda item: item.update(threshold=1), "threshold-limits"),
        (lambda item: item.update(threshold=4), "threshold-limits"),
        (lambda item: item["certs"].pop(), "threshold-limits"),
        (lambda item: item["coefexps"].pop(), "threshold-limits"),
        (lambda item: item["signatures"].pop(), "threshold-limits"),
        (lambda item: item["signatures"].clear(), "threshold-limits"),
        (lambda item: item["verification_keys"].pop(), "threshold-limits"),
        (lambda item: item["verification_keys"][0].update(public_key=IDENTITY.hex()), "trustee-key"),
        (lambda item: item["verification_keys"][0].update(public_key="2" + "0" * 63), "trustee-key"),
        (lambda item: item["certs"].__setitem__(1, item["certs"][0]), "trustee-key"),
        (lambda item: bump(item["verification_keys"][1]["pok"]), "trustee-pok"),
        (lambda item: swap(item["certs"]), "certificate-context"),
        (lambda item: bump(item["certs"][2]["signature"]), "certificate-signature"),
        (lambda item: bump(item["coefexps"][2]["signature"]), "coefficients-signature"),
        (lambda item: swap(item["coefexps"]), "coefficients-signature"),
        (lambda item: bump(item["signatures"][0]), "group-signature"),
        (lambda item: swap(item["signatures"]), "group-signature"),
        (lambda item: swap(item["verification_keys"]), "verification-key"),
        (lambda item: bump(item["verification_keys"][2]["signature"]), "key-signature"),
    ],
)
def test_each_fault_has_its_code(change: Callable[[Item], object], code: str) -> None:
    assert refusal_of(with_change(change)) == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda item: item.update(threshold=3), "threshold-limits"),
        (lambda item: bump(item["verification_keys"][1]["pok"]), "trustee-pok"),
        (lambda item: bump(item["certs"][2]["signature"]), "certificate-signature"),
        (lambda item: bump(item["coefexps"][2]["signature"]), "coefficients-signature"),
        (lambda item: swap(item["verification_keys"]), "verification-key"),
        (lambda item: item["certs"].__setitem__(0, MODERN["certs"][0]), "trustees-malformed"),
    ],
)
def test_each_fault_of_an_old_group_has_its_code(change: Callable[[Item], object], code: str) -> None:
    assert refusal_of(with_change(change, OLD)) == code


def test_a_coefficient_may_be_the_identity_but_not_outside_the_group() -> None:
    for point, code in ((IDENTITY.hex(), None), ("2" + "0" * 63, "trustee-key")):
        message = dumps({"coefexps": [G.hex(), point]})
        signed = SignedMessage.sign(Secret.of(7), message, stream("coefficient"))
        if code is None:
            assert Coefficients.from_signed(signed).points == (G, IDENTITY)
        else:
            with pytest.raises(ElectionError) as refusal:
                Coefficients.from_signed(signed)
            assert refusal.value.code == code


def test_a_dealer_that_signed_another_list_of_certificates_is_found() -> None:
    item: Item = deepcopy(dict(OURS.group.to_json()))
    others = sit_down(name="another table").certificates
    points = OURS.group.coefficients[1].points
    item["signatures"][1] = sign_group(OURS.table.keys[1].signing, others, points, stream("group")).to_json()
    assert refusal_of(item) == "group-signature"


def test_a_key_without_its_signature_is_refused() -> None:
    keys = (*OURS.group.verification_keys[:2], replace(OURS.group.verification_keys[2], signature=None))
    with pytest.raises(ElectionError) as refusal:
        verify_threshold_group(replace(OURS.group, verification_keys=keys))
    assert refusal.value.code == "key-signature"


def test_a_rogue_key_is_refused_although_it_makes_the_sum_come_out() -> None:
    """Attack D1: the last trustee publishes a key of its own choice, with a good proof of possession and signature."""
    item: Item = deepcopy(dict(OURS.group.to_json()))
    own = Secret.of(4711)
    signing = OURS.table.keys[2].signing
    item["verification_keys"][2] = VerificationKey.make(signing, own, 4711 * G, "Vera", stream("rogue")).to_json()
    assert refusal_of(item) == "verification-key"


def test_a_certificate_signed_for_another_threshold_is_refused() -> None:
    item: Item = deepcopy(dict(OURS.group.to_json()))
    own = OURS.table.keys[0]
    item["certs"][0] = Certificate.make(own, Context(3, 1, 1), stream("c")).signed.to_json()
    assert refusal_of(item) == "certificate-context"


def test_coefficients_of_another_polynomial_are_found_by_the_keys() -> None:
    item: Item = deepcopy(dict(OURS.group.to_json()))
    points = (G, 2 * G)
    item["coefexps"][0] = resigned(1, dumps({"coefexps": [one.hex() for one in points]}))
    signing = OURS.table.keys[0].signing
    item["signatures"][0] = sign_group(signing, OURS.group.certificates, points, stream("s")).to_json()
    assert refusal_of(item) == "verification-key"
