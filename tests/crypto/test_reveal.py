"""Specifies crypto/reveal.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.crypto.ceremony_story import all_commit, all_reveal, reveals_of, sit_down, stream
from tests.vectors import load
from veche.crypto.canonical_json import dumps
from veche.crypto.certificate import list_hash
from veche.crypto.channel import SignedMessage
from veche.crypto.errors import ElectionError, Malformed
from veche.crypto.group import G, Point, secret_multiple
from veche.crypto.reveal import Reveal, commitment, reveal_message, verify_reveal
from veche.crypto.run_file import FinishedRun, parse_run
from veche.crypto.scalar import Secret
from veche.crypto.schnorr import sign, sign_with_nonce
from veche.crypto.transcript import transcript

RUNS = load("spec/veche-record-vectors.json")["ceremony"]["runs"]
REFUSED = [one for run in RUNS for one in run.get("refused", [])]


@pytest.mark.parametrize("vector", RUNS, ids=lambda vector: vector["kind"])
def test_known_commitments_and_reveals(vector: Any) -> None:
    run = parse_run(vector["file"].encode())
    certificates = [one for one in run.certificates if one is not None]
    commitments = [one for one in run.commitments if one is not None]
    named = list_hash(certificates)
    assert named.hex() == vector["list_hash"]
    for i, one in enumerate(run.reveals):
        assert one is not None
        made = transcript("veche/v1/dkg-commit", named, i + 1, one.coefexps, one.lot)
        assert made.hex() == vector["commit_transcripts"][i]
        assert commitment(named, i + 1, one.coefexps, one.lot) == commitments[i]
        message = reveal_message(named, i + 1, commitments, one.secrets)
        assert message.hex() == vector["reveal_messages"][i]
        signing = Secret.from_decimal(vector["secret_keys"][i]["sign"])
        nonce = Secret.from_decimal(vector["reveal_nonces"][i])
        assert sign_with_nonce(signing, secret_multiple(signing, G), message, nonce) == one.signature
        polynomial = [Secret.from_decimal(a) for a in vector["polynomials"][i]]
        assert one.coefficients().points == tuple(secret_multiple(a, G) for a in polynomial)
        verify_reveal(one, i + 1, certificates, commitments, run.terms.threshold)


@pytest.mark.parametrize("vector", REFUSED, ids=lambda vector: vector["what"])
def test_what_must_be_refused_is_refused(vector: Any) -> None:
    run = parse_run(RUNS[2]["file"].encode())
    assert isinstance(run, FinishedRun)
    with pytest.raises(ElectionError) as refusal:
        verify_reveal(Reveal.from_json(vector["reveal"]), vector["trustee"], run.certificates, vector["commitments"], 2)
    opened = vector["reason"] != "commitment-differs"
    assert refusal.value.code == ("ceremony-reveal" if opened else "ceremony-commitment")


TABLE = sit_down()
STATES = all_reveal(TABLE, all_commit(TABLE))
COMMITMENTS = STATES[0].commitments
GOOD = reveals_of(STATES)


def code_of(reveal: Reveal, commitments: tuple[str, ...] = COMMITMENTS, threshold: int = 2) -> str:
    with pytest.raises(ElectionError) as refusal:
        verify_reveal(reveal, 1, TABLE.certificates, commitments, threshold)
    return refusal.value.code


def again(reveal: Reveal) -> tuple[Reveal, tuple[str, ...]]:
    """The reveal as trustee 1 could have committed to it and signed it."""
    named = list_hash(TABLE.certificates)
    commitments = (commitment(named, 1, reveal.coefexps, reveal.lot), *COMMITMENTS[1:])
    keys = TABLE.keys[0]
    message = reveal_message(named, 1, commitments, reveal.secrets)
    return replace(reveal, signature=sign(keys.signing, keys.verification, message, stream("again"))), commitments


def test_a_reveal_is_good_for_its_place_and_commitments_only() -> None:
    for place, one in enumerate(GOOD, start=1):
        verify_reveal(one, place, TABLE.certificates, COMMITMENTS, 2)
    assert code_of(GOOD[1]) == "ceremony-commitment"
    assert code_of(GOOD[0], (COMMITMENTS[0], COMMITMENTS[2], COMMITMENTS[1])) == "ceremony-reveal"


def test_every_field_of_a_reveal_is_bound() -> None:
    good = GOOD[0]
    other_hashes = (good.secrets[1], good.secrets[0], good.secrets[2])
    assert code_of(replace(good, coefexps=GOOD[1].coefexps)) == "ceremony-commitment"
    assert code_of(replace(good, lot=bytes(32))) == "ceremony-commitment"
    assert code_of(replace(good, secrets=other_hashes)) == "ceremony-reveal"
    assert code_of(replace(good, signature=GOOD[1].signature)) == "ceremony-reveal"


def coefficients_text(points: list[Point], signer: int) -> str:
    message = dumps({"coefexps": [one.hex() for one in points]})
    return dumps(SignedMessage.sign(TABLE.keys[signer].signing, message, stream("text")).to_json())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        coefficients_text([G], 0),
        coefficients_text([G, G, G], 0),
        coefficients_text([G, G], 1),
        coefficients_text([G, G], 0).replace(G.hex(), "2" + "0" * 63),
        coefficients_text([G, G], 0) + "\n",
    ],
)
def test_what_was_committed_must_be_t_coefficients_signed_by_the_trustee(text: str) -> None:
    reveal, commitments = again(replace(GOOD[0], coefexps=text))
    assert code_of(reveal, commitments) == "ceremony-reveal"


def test_a_hash_is_given_for_every_share() -> None:
    reveal, commitments = again(replace(GOOD[0], secrets=GOOD[0].secrets[:2]))
    assert code_of(reveal, commitments) == "ceremony-reveal"


def test_the_json_form_is_exact() -> None:
    form = GOOD[0].to_json()
    assert Reveal.from_json(form) == GOOD[0]
    for change in ({"lot": "00"}, {"lot": "A" * 64}, {"secrets": ["0"]}, {"coefexps": 1}, {"more": 1}):
        with pytest.raises(Malformed):
            Reveal.from_json({**form, **change})  # type: ignore[dict-item]
