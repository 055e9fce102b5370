"""After the close: the total, the shares, the result; who is named for a bad share, and who is not."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.cli.rehearsals import (
    APPEAL_DAYS,
    At,
    ballots,
    changed_example,
    checked,
    closes,
    codes_of,
    issue_last,
    made_uuid,
    organizer,
    refused,
    single_trustees,
    veche,
)
from veche.ballot.manifest import parse_manifest
from veche.ballot.share import Delivery, OwnedShare, TallyPlace, make_share, parse_delivery
from veche.cli.demo_casting import encrypt_all
from veche.cli.demo_election import Rehearsal
from veche.cli.demo_frauds import rewrite
from veche.cli.demo_town import Town
from veche.cli.organizer_desk import open_desk
from veche.cli.registrar import register
from veche.cli.trustee_ceremony import DECRYPTION_KEY, SEED
from veche.cli.trustee_key import TrusteeKey, read_trustee_key
from veche.cli.voter_codes import parse_codes
from veche.crypto.canonical_json import encode, parse
from veche.crypto.scalar import system_randomness
from veche.crypto.schnorr import sign
from veche.ledger.event import EventType
from veche.observer.audit import audit
from veche.observer.sources import open_source


def test_too_few_ballots_are_withheld_and_never_added_up(at: At, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = at("open")
    assert organizer(made, "accept", *ballots(made, range(4), tmp_path / "box")) == 0
    made.now = closes(made)
    assert organizer(made, "close") == 0
    refused(made, "entry-order", capsys, "withhold")
    issue_last(made)
    sentence = refused(made, "withhold", capsys, "tally")
    assert "4 voted" in sentence
    assert organizer(made, "withhold") == 0
    assert checked(made).state == "withheld"


def test_enough_ballots_are_not_withheld(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    made = at("close")
    refused(made, "not-withheld", capsys, "withhold")


def test_nothing_is_added_up_before_the_registrars_last_word(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    made = at("vote")
    made.now = closes(made)
    assert organizer(made, "close") == 0
    refused(made, "entry-order", capsys, "tally")


def key_of(made: Rehearsal, owner: int) -> TrusteeKey:
    folder = made.private / f"trustee-{owner}"
    return read_trustee_key(folder / SEED, folder / DECRYPTION_KEY)


def delivery(made: Rehearsal, owner: int) -> tuple[Delivery, TallyPlace]:
    with open_desk(made.public, str(made.now)) as desk:
        tally, place = desk.view.tally()
    key = key_of(made, owner)
    return make_share(key.secret, key.public, owner, tally, place, system_randomness), place


def put_share(made: Rehearsal, raw: bytes) -> Path:
    path = made.private.parent / "share.json"
    path.write_bytes(raw)
    return path


def test_a_bad_share_that_its_trustee_signed_is_refused_by_name_and_the_count_goes_on(
    at: At, capsys: pytest.CaptureFixture[str]
) -> None:
    made = at("tally")
    good, place = delivery(made, 1)
    share = json.loads(good.share)
    share["decryption_factors"][0][0], share["decryption_factors"][0][1] = share["decryption_factors"][0][1::-1]
    raw = encode(share)
    owned = OwnedShare(1, sha256(raw).hexdigest()).encode()
    key = key_of(made, 1)
    signature = sign(key.secret, key.public, place.statement(1, owned).delivery(good.proof), system_randomness)
    bad = Delivery(owned, raw, good.proof, signature)
    assert organizer(made, "share", put_share(made, bad.encode(made_uuid(made)))) == 1
    assert "share of trustee 1 (Anna) is bad (belenios-proof)" in codes_of(capsys)
    assert [one.code for one in checked(made).findings if one.severity == "warning"] == ["share-refused-rightly"]
    for owner in (1, 3):
        assert organizer(made, "share", put_share(made, delivery(made, owner)[0].encode(made_uuid(made)))) == 0
    assert organizer(made, "result") == 0
    assert checked(made).state == "tallied"


def test_nobody_is_named_for_a_share_that_it_did_not_sign(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    made = at("tally")
    uuid = made_uuid(made)
    mine, _ = delivery(made, 1)
    others, _ = delivery(made, 2)
    unsigned = Delivery(mine.owned, mine.share, mine.proof, others.signature)
    refused(made, "share-delivery", capsys, "share", put_share(made, unsigned.encode(uuid)))
    # Carried by somebody who put another share beside the signed text: the trustee did not do it.
    exchanged = Delivery(mine.owned, others.share, mine.proof, mine.signature)
    refused(made, "delivery-malformed", capsys, "share", put_share(made, exchanged.encode(uuid)))
    refused(made, "wrong-election", capsys, "share", put_share(made, mine.encode("4hVecheTestA11")))
    refused(made, "level-strict", capsys, "share", put_share(made, mine.share + b"\n" + mine.owned + b"\n"))
    nobody = Delivery(mine.owned.replace(b'"owner":1', b'"owner":7'), mine.share, mine.proof, mine.signature)
    refused(made, "share-owner", capsys, "share", put_share(made, nobody.encode(uuid)))


def test_a_share_for_another_total_is_refused(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    made = at("tally")
    with open_desk(made.public, str(made.now)) as desk:
        tally, place = desk.view.tally()
    key = key_of(made, 1)
    elsewhere = TallyPlace(place.fingerprint, place.setup, "0" * 64)
    other = make_share(key.secret, key.public, 1, tally, elsewhere, system_randomness)
    refused(made, "share-delivery", capsys, "share", put_share(made, other.encode(made_uuid(made))))


def test_a_trustee_gives_one_share_and_t_of_them_make_the_result(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    made = at("tally")
    refused(made, "shares-missing", capsys, "result")
    share = put_share(made, delivery(made, 2)[0].encode(made_uuid(made)))
    assert organizer(made, "share", share) == 0
    refused(made, "entry-order", capsys, "share", share)
    refused(made, "shares-missing", capsys, "result")
    assert organizer(made, "share", put_share(made, delivery(made, 3)[0].encode(made_uuid(made)))) == 0
    capsys.readouterr()
    assert organizer(made, "result") == 0
    assert parse(capsys.readouterr().out.strip().encode()) == checked(made).result


@pytest.mark.parametrize("pair", [(1, 2), (1, 3), (2, 3)])
def test_any_two_trustees_give_the_same_result(pair: tuple[int, int], at: At) -> None:
    made = at("tally")
    for owner in pair:
        assert organizer(made, "share", put_share(made, delivery(made, owner)[0].encode(made_uuid(made)))) == 0
    assert organizer(made, "result") == 0
    assert checked(made).result == checked(at("result")).result


def test_what_does_not_stand_an_audit_is_not_published(at: At, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    made = at("result")

    def forge(lines: list[Any], _: Path) -> list[Any]:
        from dataclasses import replace

        place = next(n for n, line in enumerate(lines) if getattr(line.entry, "type", None) is EventType.RESULT)
        counts = json.loads(lines[place].contents[0])
        # One vote fewer for the first option that has any: whatever was drawn, no count is above the total.
        row = counts["result"][0]
        row[next(place for place, count in enumerate(row) if count)] -= 1
        return [*lines[:place], replace(lines[place], contents=(encode(counts),)), *lines[place + 1 :]]

    rewrite(made.public, tmp_path / "forged", forge)
    made.public = tmp_path / "forged"
    sentence = refused(made, "audit-failed", capsys, "publish")
    assert "[result]" in sentence


def test_a_result_is_certified_after_the_days_of_appeal(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    made = at("result")
    refused(made, "not-published", capsys, "certify")
    assert organizer(made, "publish", "--jobs", 1) == 0
    refused(made, "entry-order", capsys, "publish")
    refused(made, "too-early", capsys, "certify", at=made.now + APPEAL_DAYS * 86_400 - 1)
    assert organizer(made, "certify", "--complaints", 2, at=made.now + APPEAL_DAYS * 86_400) == 0
    report = checked(made)
    assert (report.state, report.done["9.10.6"]) == ("certified", 1)


def test_the_report_of_the_audit_is_kept_with_the_publication(at: At) -> None:
    made = at("result")
    assert organizer(made, "publish", "--jobs", 1) == 0
    lines = (made.public / "entries.jsonl").read_bytes().splitlines()
    published = json.loads(lines[-1])
    report = json.loads((made.public / "data" / published["audit"][:2] / published["audit"]).read_bytes())
    assert (report["verdict"], report["level"], report["state"]) == ("ok", "strict", "tallied")


@pytest.mark.parametrize("stage", ["rules", "keys", "seal", "open", "close", "tally"])
def test_an_election_can_be_given_up_before_its_result_and_then_nothing_follows(
    stage: str, at: At, capsys: pytest.CaptureFixture[str]
) -> None:
    made = at(stage)
    refused(made, "entry-order", capsys, "annul", "too-early")
    assert organizer(made, "cancel", "wrong-question", "--successor", "4hVecheTestA11") == 0
    refused(made, "entry-order", capsys, "incident", "more")
    assert checked(made).state == "cancelled"


def test_a_result_can_only_be_annulled(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    made = at("result")
    refused(made, "entry-order", capsys, "cancel", "too-late")
    assert organizer(made, "annul", "court-order") == 0
    assert checked(made).state == "annulled"


def test_an_election_with_other_peoples_tools_has_level_belenios(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trustees, key = single_trustees(tmp_path)
    (tmp_path / "trustees.json").write_bytes(trustees)
    now = 1_790_000_000
    rules = {"level": "belenios", "rehearsal": True, "minimum_ballots": 1, "electorate": 9, "extended_until": ...}
    spec = changed_example(tmp_path, opens_at=now, closes_at=now + 100, **rules)
    town = tmp_path / "town"
    assert veche("organizer", "new", spec, town, "--at", now) == 0
    assert veche("organizer", "keys", town, "--trustees", tmp_path / "trustees.json", "--at", now) == 0
    uuid = parse_manifest((town / "manifest.json").read_bytes()).uuid
    made = register(Town(9, 1, 2, "belenios").voters_csv(), [uuid], [], system_randomness)
    (tmp_path / "creds.json").write_bytes(made.public[uuid])
    assert veche("organizer", "seal", town, "--credentials", tmp_path / "creds.json", "--at", now) == 0
    assert veche("organizer", "open", town, "--at", now) == 0
    codes = list(parse_codes(made.codes).values())
    cast = encrypt_all(str(town), [(code, ((0, 1, 0, 0),)) for code in codes[:3]])
    for place, raw in enumerate(cast):
        (tmp_path / f"ballot-{place}").write_bytes(raw)
    assert veche("organizer", "accept", town, *(tmp_path / f"ballot-{place}" for place in range(3)), "--at", now) == 0
    for step in ("close", "tally"):
        assert veche("organizer", step, town, "--at", now + 100) == 0
    with open_desk(town, str(now + 100)) as desk:
        tally, place_of = desk.view.tally()
    share = make_share(key.secret, key.public, 1, tally, place_of, system_randomness)
    (tmp_path / "share.txt").write_bytes(share.share + b"\n" + share.owned + b"\n")
    for step in ("share", "result", "publish"):
        extra = [tmp_path / "share.txt"] if step == "share" else []
        assert veche("organizer", step, town, *extra, "--at", now + 100) == 0
    report = audit(open_source(str(town)))
    assert (report.verdict, report.level, report.result) == ("ok", "belenios", [[0, 3, 0, 0]])


def test_a_delivery_is_read_back_as_it_was_made(at: At) -> None:
    made = at("tally")
    good, _ = delivery(made, 1)
    assert parse_delivery(good.encode(made_uuid(made)), made_uuid(made)) == good
