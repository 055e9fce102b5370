"""From the plan to the seal: nothing is made of an unsound plan, and nothing is sealed that was not tried."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.cli.rehearsals import (
    VOTERS,
    At,
    changed_example,
    codes_of,
    contents,
    made_uuid,
    organizer,
    refused,
    single_trustees,
    veche,
    vkey,
)
from veche.ballot.manifest import parse_manifest
from veche.cli.demo_election import Rehearsal
from veche.cli.demo_town import Town
from veche.cli.registrar import register
from veche.cli.trustee_ceremony import DECRYPTION_KEY, SEED
from veche.crypto.canonical_json import encode
from veche.crypto.scalar import system_randomness
from veche.observer.audit import audit
from veche.observer.sources import open_source
from veche.service.contest_plan import EXAMPLE

HUNDRED = [{"project": f"p{number}", "title": f"Project {number}"} for number in range(100)]

def test_the_printed_example_makes_an_election_that_passes_the_audit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert veche("organizer", "example") == 0
    (tmp_path / "SPEC.json").write_text(capsys.readouterr().out)
    assert veche("organizer", "new", tmp_path / "SPEC.json", tmp_path / "town", "--registrar", vkey(tmp_path)) == 0
    uuid = capsys.readouterr().out.strip()
    report = audit(open_source(str(tmp_path / "town")))
    assert (report.verdict, report.state, report.election) == ("ok", "draft", uuid)
    manifest = parse_manifest((tmp_path / "town" / "manifest.json").read_bytes())
    assert manifest.opens_at == 1790834400
    assert manifest.log is not None
    assert manifest.log.origin == f"vote.example.org/e/{uuid}"
    for name in ("log.key", "box.key", "draft.json"):
        assert (tmp_path / "town-private" / name).stat().st_mode & 0o777 == 0o600


def test_a_text_of_a_project_is_kept_by_its_hash(tmp_path: Path) -> None:
    (tmp_path / "lamps.txt").write_text("Forty lamps.")
    question = json.loads(EXAMPLE)["questions"][0]
    question["options"][1]["text"] = "lamps.txt"
    spec = changed_example(tmp_path, questions=[question])
    assert veche("organizer", "new", spec, tmp_path / "town", "--registrar", vkey(tmp_path)) == 0
    name = sha256(b"Forty lamps.").hexdigest()
    assert (tmp_path / "town" / "data" / name[:2] / name).read_text() == "Forty lamps."
    assert audit(open_source(str(tmp_path / "town"))).verdict == "ok"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"title": ...}, "spec-malformed"),
        ({"colour": "blue"}, "spec-malformed"),
        ({"opens_at": "tomorrow"}, "spec-malformed"),
        ({"opens_at": "2026-10-15T00:00:00+03:00"}, "manifest-times"),
        ({"zone": "Nowhere/At all", "opens_at": "2026-10-01T09:00:00"}, "spec-malformed"),
        ({"zone": "Europe/Moskva"}, "spec-malformed"),
        ({"zone": "localtime"}, "spec-malformed"),
        ({"opens_at": 200, "closes_at": 100}, "manifest-times"),
        ({"extended_until": 1}, "manifest-times"),
        ({"electorate": "many"}, "spec-malformed"),
        ({"level": "high"}, "manifest-malformed"),
        ({"registrar": "me"}, "vkey-malformed"),
        ({"appeal_days": -1}, "spec-malformed"),
        ({"questions": []}, "spec-malformed"),
        ({"questions": [{"question": "Which?", "options": []}]}, "question-limits"),
        ({"questions": [{"question": "Which?", "max": 2, "options": [{"project": "a", "title": "A"}]}]}, "question-limits"),
        ({"questions": [{"question": "Which?", "max": 100, "options": HUNDRED}]}, "question-limits"),
        ({"questions": [{"question": "Which?", "options": [{"project": "a"}]}]}, "spec-malformed"),
        ({"questions": [{"question": "Which?", "options": [{"project": "a", "title": "A", "cots": 5}]}]}, "spec-malformed"),
        ({"description": "veche:1 level=strict"}, "spec-malformed"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else None,
)
def test_a_plan_that_is_not_sound_makes_nothing(
    changes: dict[str, Any], code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = changed_example(tmp_path, **changes)
    registrar = [] if "registrar" in changes else ["--registrar", vkey(tmp_path)]
    before = contents(tmp_path)
    assert veche("organizer", "new", spec, tmp_path / "town", *registrar) == 1
    assert f"[{code}]" in codes_of(capsys)
    assert contents(tmp_path) == before


def test_level_strict_needs_a_registrar(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert veche("organizer", "new", changed_example(tmp_path), tmp_path / "town") == 1
    assert "[manifest-keys]" in codes_of(capsys)
    assert not (tmp_path / "town-private").exists()


def test_a_plan_that_is_no_json_or_doubles_a_field_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("{", '{"title":{"en":"a"},"title":{"en":"b"}}', "[]"):
        (tmp_path / "SPEC.json").write_text(text)
        assert veche("organizer", "new", tmp_path / "SPEC.json", tmp_path / "town") == 1
        assert "[spec-malformed]" in codes_of(capsys)


@pytest.mark.parametrize("taken", ["town/mine", "town-private/box.key"])
def test_nothing_that_is_there_is_written_over(taken: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / taken).parent.mkdir()
    (tmp_path / taken).write_text("mine")
    spec, key = changed_example(tmp_path), vkey(tmp_path)
    before = contents(tmp_path)
    assert veche("organizer", "new", spec, tmp_path / "town", "--registrar", key) == 1
    assert "[file-exists]" in codes_of(capsys)
    assert contents(tmp_path) == before


def test_another_time_than_the_clocks_is_for_rehearsals_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec, key = changed_example(tmp_path), vkey(tmp_path)
    assert veche("organizer", "new", spec, tmp_path / "town", "--registrar", key, "--at", "1000") == 1
    assert "[clock]" in codes_of(capsys)
    assert veche("organizer", "new", spec, tmp_path / "town", "--registrar", key) == 0
    assert veche("organizer", "incident", tmp_path / "town", "test", "--at", "1000") == 1
    assert "[clock]" in codes_of(capsys)
    assert veche("organizer", "incident", tmp_path / "town", "test") == 0


def test_at_level_strict_keys_come_with_the_protocol_of_their_ceremony(
    at: At, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    made = at("rules")
    assert veche("organizer", "keys", made.public, "--trustees", tmp_path / "none.json", "--at", made.now) == 2
    (tmp_path / "trustees.json").write_bytes(single_trustees(tmp_path)[0])
    refused(made, "level-strict", capsys, "keys", "--trustees", tmp_path / "trustees.json")


def test_trustees_json_of_the_ceremony_is_public_until_setup_holds_it(at: At) -> None:
    names = sorted(contents(at("keys").public))
    assert len([name for name in names if name.startswith("data/")]) == 3
    assert len([name for name in sorted(contents(at("seal").public)) if name.startswith("data/")]) == 2


def test_keys_of_another_ceremony_are_refused(at: At, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    made = at("keys")
    shared = made.private / "ceremony"
    assert veche("organizer", "ceremony", "finish", shared, "--out", tmp_path / "out") == 0
    run = tmp_path / "out" / "run.json"
    (tmp_path / "other.json").write_bytes(single_trustees(tmp_path)[0])
    refused(made, "ceremony-trustees", capsys, "keys", "--trustees", tmp_path / "other.json", "--run", run)
    # The same keys a second time: the record takes one ceremony.
    refused(made, "entry-order", capsys, "keys", "--trustees", tmp_path / "out" / "trustees.json", "--run", run)


def a_drill(made: Rehearsal, owner: int) -> Path:
    key = made.private / f"trustee-{owner}"
    out = made.private.parent / f"drill-{owner}.json"
    line = ["--key", key / SEED, "--dkey", key / DECRYPTION_KEY, "--owner", owner, "--out", out, "--folder", made.public]
    assert veche("trustee", "drill", *line) == 0
    return out


def test_a_drill_is_taken_once_from_its_own_trustee_and_for_this_election(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    made = at("keys")
    drill = a_drill(made, 1)
    value = json.loads(drill.read_bytes())
    other = drill.with_name("other.json")
    for changes, code in (
        ({"owner": 2}, "drill-proof"),
        ({"owner": 9}, "drill-owner"),
        ({"election": "4hVecheTestA11"}, "wrong-election"),
        ({"veche": "drill/2"}, "drill-malformed"),
    ):
        other.write_bytes(encode({**value, **changes}))
        refused(made, code, capsys, "drill", other)
    assert organizer(made, "drill", drill) == 0
    refused(made, "entry-order", capsys, "drill", drill)


def test_of_several_drills_all_are_taken_or_none(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    made = at("keys")
    drill = a_drill(made, 1)
    refused(made, "entry-order", capsys, "drill", drill, drill)
    assert organizer(made, "drill", drill, a_drill(made, 2)) == 0


def test_nothing_is_sealed_while_a_drill_is_missing(at: At, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    made = at("register")
    credentials = tmp_path / "public_creds.json"
    credentials.write_bytes((made.private / "registrar-public" / "public_creds.json").read_bytes())
    assert organizer(made, "seal", "--credentials", credentials) == 0
    sentence = refused(at("keys"), "entry-order", capsys, "seal", "--credentials", credentials)
    assert "drills of trustees 1, 2, 3" in sentence


def test_more_codes_than_people_are_not_sealed(at: At, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    made = at("register")
    uuid = parse_manifest((made.public / "manifest.json").read_bytes()).uuid
    crowd = register(Town(VOTERS + 1, 2, 3, "strict").voters_csv(), [uuid], [], system_randomness)
    (tmp_path / "crowd.json").write_bytes(crowd.public[uuid])
    refused(made, "electorate", capsys, "seal", "--credentials", tmp_path / "crowd.json")
    (tmp_path / "crowd.json").write_bytes(b"[]")
    refused(made, "credentials-malformed", capsys, "seal", "--credentials", tmp_path / "crowd.json")


def test_a_sealed_election_takes_no_other_seal(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    made = at("seal")
    refused(made, "entry-order", capsys, "seal", "--credentials", made.private / "registrar-public" / "public_creds.json")


def test_the_questions_of_another_election_are_not_sealed(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    made = at("register")
    draft = made.private / "draft.json"
    draft.write_bytes(draft.read_bytes().replace(made_uuid(made).encode(), b"4hVecheTestA11"))
    credentials = made.private / "registrar-public" / "public_creds.json"
    refused(made, "wrong-election", capsys, "seal", "--credentials", credentials)
    changed = json.loads(draft.read_bytes())
    changed["election"] = made_uuid(made)
    changed["questions"][0]["answers"][0] = "Something else"
    draft.write_bytes(encode(changed))
    refused(made, "manifest-options", capsys, "seal", "--credentials", credentials)
