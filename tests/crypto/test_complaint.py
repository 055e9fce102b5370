"""Specifies crypto/complaint.py."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from tests.crypto.ceremony_story import (
    Table,
    all_commit,
    changed,
    deal_badly,
    received,
    share,
    sit_down,
    stream,
    with_text,
)
from tests.vectors import load
from veche.crypto.canonical_json import Json
from veche.crypto.channel import Cipher, Seed, encrypt, send
from veche.crypto.complaint import (
    Complaint,
    Dealing,
    Judgement,
    OpeningProof,
    Verdict,
    complain,
    judge,
    take_share,
    verify_timely,
)
from veche.crypto.errors import Malformed, Refused
from veche.crypto.group import IDENTITY, G
from veche.crypto.run_file import parse_run
from veche.crypto.scalar import Secret

RUNS = [one for one in load("spec/veche-record-vectors.json")["ceremony"]["runs"] if "judgements" in one]
JUDGEMENTS = [(run, one) for run in RUNS for one in run["judgements"]]
HERS = [(a, b) for a, b in JUDGEMENTS if (b["complaint"]["dealer"], b["complaint"]["complainant"]) == (2, 3)]


def dealing_of(run: Any) -> Dealing:
    parsed = parse_run(run["file"].encode())
    certificates = [one for one in parsed.certificates if one is not None]
    return Dealing.of(certificates, parsed.terms.cipher, [one for one in parsed.reveals if one is not None])


def with_hash(dealing: Dealing, complaint: Complaint, value: str | None) -> Dealing:
    """The dealing in which the dealer signed for the text with this hash."""
    if value is None:
        return dealing
    hashes = [list(one) for one in dealing.secret_hashes]
    hashes[complaint.dealer - 1][complaint.complainant - 1] = value
    return replace(dealing, secret_hashes=tuple(tuple(one) for one in hashes))


@pytest.mark.parametrize(("run", "vector"), JUDGEMENTS, ids=[f"{a['kind']}: {b['what']}" for a, b in JUDGEMENTS])
def test_known_judgements(run: Any, vector: Any) -> None:
    complaint = Complaint.from_json(vector["complaint"])
    assert complaint.to_json() == vector["complaint"]
    dealing = with_hash(dealing_of(run), complaint, vector["secret_hash"])
    assert judge(complaint, dealing) == Judgement(Verdict(vector["verdict"]), vector["reason"])


@pytest.mark.parametrize(("run", "vector"), HERS, ids=[f"{a['kind']}: {b['what']}" for a, b in HERS])
def test_a_trustee_complains_exactly_when_the_judge_would_name_the_dealer(run: Any, vector: Any) -> None:
    complaint = Complaint.from_json(vector["complaint"])
    i, j = complaint.dealer, complaint.complainant
    dealing = with_hash(dealing_of(run), complaint, sha256(complaint.message.encode()).hexdigest())
    keys = Seed.parse(run["seeds"][j - 1]).keys()
    taken = take_share(keys, complaint.message, dealing, i, j, stream("take"))
    if isinstance(taken, Complaint):
        assert judge(taken, dealing).verdict is Verdict.DEALER
    else:
        honest = complain(keys, complaint.message, dealing, i, j, stream("complain"))
        assert judge(honest, dealing) == Judgement(Verdict.COMPLAINANT, "message-good")


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run["kind"])
def test_the_complaint_of_a_known_run_is_judged_as_worked_out(run: Any) -> None:
    parsed = parse_run(run["file"].encode())
    complaint: Complaint = parsed.complaint  # type: ignore[union-attr, assignment]
    worked = run["complaint_worked"]
    assert judge(complaint, dealing_of(run)) == Judgement(Verdict(worked["verdict"]), worked["reason"])


def told(table: Table, dealer: int = 2, recipient: int = 3) -> tuple[Dealing, Complaint]:
    """A dealing with one wrong share, and the complaint about it."""
    sharing = share(table, deal_badly(table, all_commit(table), dealer, recipient))
    complaint = received(table, sharing, recipient)[dealer - 1]
    assert isinstance(complaint, Complaint)
    return sharing[0].dealing(), complaint


@pytest.mark.parametrize("cipher", Cipher)
@pytest.mark.parametrize("recipient", [1, 3])
def test_a_dealer_that_deals_badly_is_named_and_nobody_else_complains(cipher: Cipher, recipient: int) -> None:
    table = sit_down(cipher=cipher)
    sharing = share(table, deal_badly(table, all_commit(table), 2, recipient))
    for other in {1, 2, 3} - {recipient}:
        assert all(isinstance(one, Secret) for one in received(table, sharing, other))
    complaint = received(table, sharing, recipient)[1]
    assert isinstance(complaint, Complaint)
    judgement = judge(complaint, sharing[0].dealing())
    assert judgement == Judgement(Verdict.DEALER, "share-wrong")
    assert judgement.named(complaint) == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no message at all", "message-malformed"),
        ("", "message-malformed"),
        (encrypt(IDENTITY, "x", Cipher.CCM, stream("ccm")).text(), "message-malformed"),
        (encrypt(G, "for somebody else's key", Cipher.GCM, stream("other")).text(), "tag-wrong"),
    ],
)
def test_a_dealer_that_sends_rubbish_is_named(text: str, reason: str) -> None:
    table = sit_down()
    sharing = share(table, changed(all_commit(table), 1, lambda one: with_text(one, 2, text)))
    complaint = received(table, sharing, 2)[0]
    assert isinstance(complaint, Complaint)
    assert (complaint.opening is None) == (reason == "message-malformed")
    judgement = judge(complaint, sharing[0].dealing())
    assert (judgement.named(complaint), judgement.reason) == (1, reason)


def test_anyone_may_complain_about_a_text_that_is_no_message() -> None:
    table = sit_down()
    sharing = share(table, changed(all_commit(table), 1, lambda one: with_text(one, 2, "rubbish")))
    in_the_name_of_2 = Complaint(1, 2, "rubbish", None)
    assert judge(in_the_name_of_2, sharing[0].dealing()) == Judgement(Verdict.DEALER, "message-malformed")
    nonsense = OpeningProof("not a point", {"challenge": "", "response": ""})
    assert judge(replace(in_the_name_of_2, opening=nonsense), sharing[0].dealing()).verdict is Verdict.DEALER


def test_who_complains_falsely_is_named_itself() -> None:
    table = sit_down()
    sharing = share(table)
    dealing = sharing[0].dealing()
    complaint = complain(table.keys[2], sharing[0].secrets[2], dealing, 1, 3, stream("false"))
    judgement = judge(complaint, dealing)
    assert judgement == Judgement(Verdict.COMPLAINANT, "message-good")
    assert judgement.named(complaint) == 3


def test_a_complaint_in_the_name_of_another_names_nobody() -> None:
    table = sit_down()
    sharing = share(table)
    dealing = sharing[0].dealing()
    message = sharing[0].secrets[2]
    made_by_2 = complain(table.keys[1], message, dealing, 1, 3, stream("name"))
    judgement = judge(made_by_2, dealing)
    assert judgement == Judgement(Verdict.VOID, "challenge-differs")
    assert judgement.named(made_by_2) is None
    assert judge(replace(made_by_2, opening=None), dealing) == Judgement(Verdict.VOID, "no-proof")


def test_a_complaint_about_another_text_than_the_dealer_signed_for_names_nobody() -> None:
    table = sit_down()
    dealing, complaint = told(table)
    forged = send(table.keys[1], table.keys[2].encryption, '{"secret":"1"}', Cipher.GCM, stream("forged"))
    assert judge(replace(complaint, message=forged), dealing) == Judgement(Verdict.VOID, "not-the-dealers-message")
    with pytest.raises(Refused) as refusal:
        take_share(table.keys[2], forged, dealing, 2, 3, stream("take"))
    assert refusal.value.code == "not-the-dealers-message"


@pytest.mark.parametrize(("dealer", "complainant"), [(0, 3), (4, 3), (2, 0), (2, 4), (3, 3)])
def test_who_is_not_at_the_table_or_complains_about_itself_is_not_heard(dealer: int, complainant: int) -> None:
    dealing, complaint = told(sit_down())
    outsider = replace(complaint, dealer=dealer, complainant=complainant)
    assert judge(outsider, dealing) == Judgement(Verdict.VOID, "no-such-place")


def test_a_proof_for_one_run_is_void_in_another() -> None:
    """The same keys and text, but another list of certificates: what is opened in one run does not count elsewhere."""
    table = sit_down()
    dealing, complaint = told(table)
    others = (sit_down(name="other").certificates[0], *dealing.certificates[1:])
    assert judge(complaint, dealing).verdict is Verdict.DEALER
    assert judge(complaint, replace(dealing, certificates=others)).verdict is Verdict.VOID


@pytest.mark.parametrize(
    ("opening", "reason"),
    [
        ({"point": "0" * 64}, "point-not-in-group"),
        ({"point": "2" + "0" * 63}, "point-not-in-group"),
        ({"point": "G"}, "point-not-canonical"),
        ({"point": IDENTITY.hex()}, "challenge-differs"),
        ({"proof": {"challenge": "01", "response": "1"}}, "scalar-not-canonical"),
        ({"proof": {"challenge": "1", "response": "-1"}}, "scalar-not-canonical"),
    ],
)
def test_a_point_or_proof_that_is_not_canonical_is_void(opening: dict[str, Json], reason: str) -> None:
    dealing, complaint = told(sit_down())
    changed_ = Complaint.from_json({**complaint.to_json(), **opening})
    assert judge(changed_, dealing) == Judgement(Verdict.VOID, reason)


def test_a_point_that_is_all_of_beta_is_void() -> None:
    dealing, complaint = told(sit_down())
    beta = str(complaint.message.split('"beta":"')[1][:64])
    changed_ = Complaint.from_json({**complaint.to_json(), "point": beta})
    assert judge(changed_, dealing) == Judgement(Verdict.VOID, "identity-mismatch")


def test_a_complaint_after_the_deadline_is_refused() -> None:
    _, complaint = told(sit_down())
    verify_timely(complaint, 300, 300, frozenset())
    with pytest.raises(Refused) as refusal:
        verify_timely(complaint, 301, 300, frozenset())
    assert refusal.value.code == "complaint-late"


def test_a_complaint_after_ones_own_verification_key_is_refused() -> None:
    _, complaint = told(sit_down())
    verify_timely(complaint, 250, 300, frozenset({1, 2}))
    with pytest.raises(Refused) as refusal:
        verify_timely(complaint, 250, 300, frozenset({1, 3}))
    assert refusal.value.code == "complaint-after-key"


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1},
        {"dealer": "2"},
        {"dealer": -1},
        {"complainant": True},
        {"message": None},
        {"point": 1},
        {"proof": []},
        {"proof": {"challenge": "1"}},
        {"proof": {"challenge": 1, "response": "1"}},
    ],
)
def test_the_json_form_is_exact(change: dict[str, Json]) -> None:
    _, complaint = told(sit_down())
    with pytest.raises(Malformed):
        Complaint.from_json({**complaint.to_json(), **change})


def test_point_and_proof_come_together() -> None:
    _, complaint = told(sit_down())
    for absent in ("point", "proof"):
        with pytest.raises(Malformed):
            Complaint.from_json({name: one for name, one in complaint.to_json().items() if name != absent})
