"""The drill, as a trustee does it: one point per manifest, and one manifest per contest."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from tests.cli import desks as table
from tests.cli.desks import RANDOM, ceremony_of
from tests.election.record_builder import CLOSES, DAY, Story
from veche.ballot.manifest import parse_manifest
from veche.ballot.trustees import SingleTrustee, make_trustees, parse_trustees
from veche.cli.main import run
from veche.cli.organizer_desk import open_desk
from veche.cli.trustee_ceremony import (
    Desk,
)
from veche.cli.trustee_drill import cancelled_manifest, drafted, pass_drill
from veche.cli.trustee_journal import Journal, open_journal, parse_journal
from veche.cli.trustee_key import TrusteeKey, make_single_key, read_trustee_key
from veche.crypto.canonical_json import encode, parse
from veche.crypto.drill import Drill, DrillStatement, verify_drill
from veche.crypto.errors import Malformed, Refused
from veche.crypto.proof import Proof
from veche.service.sealing import add_drill


@pytest.fixture
def ceremony(tmp_path: Path) -> tuple[list[Desk], Story]:
    """A ceremony by files, and a record in draft with it."""
    desks, trustees_json, finished = table.hold(tmp_path)
    story = Story(
        changes={"manifest": lambda told, _: told | {"rehearsal": False}},
        ceremony=ceremony_of(desks, trustees_json, finished),
        until="drill 1",
    )
    return desks, story


def key_of(desk: Desk) -> TrusteeKey:
    return read_trustee_key(desk.private / "trustee.key", desk.private / "trustee.dkey")


def test_a_drill_is_good_for_this_manifest_and_these_trustees(ceremony: tuple[list[Desk], Story], tmp_path: Path) -> None:
    desks, story = ceremony
    folder = story.write(tmp_path / "record")
    manifest, trustees = drafted(str(folder))
    assert trustees is not None
    assert trustees == story.trustees
    for owner, desk in enumerate(desks, 1):
        made, journal = pass_drill(key_of(desk), owner, manifest, trustees, Journal(), RANDOM)
        told = json.loads(made)
        assert list(told) == ["veche", "election", "owner", "factor", "proof"]
        statement = DrillStatement(told["election"], sha256(manifest).digest(), sha256(trustees).digest(), owner)
        drill = Drill.from_json({"factor": told["factor"], "proof": told["proof"]})
        verify_drill(drill, key_of(desk).public, statement)
        assert isinstance(drill.proof, Proof)
        assert pass_drill(key_of(desk), owner, manifest, trustees, journal, RANDOM) == (made, journal)


def test_the_organizer_takes_the_drill_that_the_command_wrote(ceremony: tuple[list[Desk], Story], tmp_path: Path) -> None:
    desks, story = ceremony
    folder = story.write(tmp_path / "record")
    key = [f"--key={desks[1].private / 'trustee.key'}", f"--dkey={desks[1].private / 'trustee.dkey'}"]
    assert run(["trustee", "drill", "--folder", str(folder), "--owner=2", *key, "--out", str(tmp_path / "drill.json")]) == 0
    with open_desk(folder) as organizer:
        assert add_drill(organizer, (tmp_path / "drill.json").read_bytes()) == 2
    journal = desks[1].private / "trustee.key.journal"
    assert stat.S_IMODE(journal.stat().st_mode) == 0o600
    assert len(parse_journal(journal.read_bytes()).answered) == 1


def another(manifest: bytes, **changes: object) -> bytes:
    value = json.loads(manifest)
    value.update(changes)
    raw = encode(value)
    parse_manifest(raw)
    return raw


def test_a_second_manifest_of_the_same_contest_is_refused_unless_the_first_was_cancelled(
    ceremony: tuple[list[Desk], Story], tmp_path: Path
) -> None:
    desks, story = ceremony
    key = key_of(desks[0])
    manifest, trustees = story.manifest_text, story.trustees
    _, journal = pass_drill(key, 1, manifest, trustees, Journal(), RANDOM)
    second = another(manifest, uuid="9hVecheTestB22", title={"en": "Another order"})
    with pytest.raises(Refused) as refused:
        pass_drill(key, 1, second, trustees, journal, RANDOM)
    assert refused.value.code == "another-manifest"
    # Another contest, and a rehearsal, are free.
    pass_drill(key, 1, another(second, contest="benches"), trustees, journal, RANDOM)
    _, after = pass_drill(key, 1, another(second, rehearsal=True), trustees, journal, RANDOM)
    assert after == journal
    running = story.write(tmp_path / "running")
    with pytest.raises(Refused) as refused:
        cancelled_manifest(str(running))
    assert refused.value.code == "not-cancelled"
    over = Story(
        changes={**story.changes, "entries": lambda told, _: [*told, cancelled_entry(story)]},
        ceremony=story.ceremony,
        until="drill 1",
    ).write(tmp_path / "cancelled")
    _, journal = pass_drill(key, 1, second, trustees, journal, RANDOM, cancelled_manifest(str(over)))
    # From now on the key answers for the second, and for the first no more.
    with pytest.raises(Refused):
        pass_drill(key, 1, manifest, trustees, journal, RANDOM)


def cancelled_entry(story: Story) -> bytes:
    return encode({"annex": "cancelled", "election": story.manifest["uuid"], "time": CLOSES + DAY, "reason": "wrong-title"})


def test_for_one_manifest_there_is_one_drill_whatever_trustees_json_is_shown(ceremony: tuple[list[Desk], Story]) -> None:
    desks, story = ceremony
    _, journal = pass_drill(key_of(desks[0]), 1, story.manifest_text, story.trustees, Journal(), RANDOM)
    single = SingleTrustee.from_json(parse(make_single_key("One more", RANDOM)[1]))
    longer = make_trustees((parse_trustees(story.trustees).groups[0], single)).raw
    with pytest.raises(Refused) as refused:
        pass_drill(key_of(desks[0]), 1, story.manifest_text, longer, journal, RANDOM)
    assert refused.value.code == "drilled-before"


@pytest.mark.parametrize("owner", [0, 2, 4])
def test_the_drill_of_another_trustee_is_not_made(ceremony: tuple[list[Desk], Story], owner: int) -> None:
    desks, story = ceremony
    with pytest.raises(Refused) as refused:
        pass_drill(key_of(desks[0]), owner, story.manifest_text, story.trustees, Journal(), RANDOM)
    assert refused.value.code == "not-my-number"


def test_the_dkey_beside_the_seed_is_found_without_being_named(ceremony: tuple[list[Desk], Story], tmp_path: Path) -> None:
    desks, story = ceremony
    folder = story.write(tmp_path / "record")
    line = ["trustee", "drill", "--folder", str(folder), "--owner=3", f"--key={desks[2].private / 'trustee.key'}"]
    assert run([*line, "--out", str(tmp_path / "drill.json")]) == 0


def test_a_refused_drill_leaves_nothing_beside_the_key(ceremony: tuple[list[Desk], Story], tmp_path: Path) -> None:
    desks, story = ceremony
    folder = story.write(tmp_path / "record")
    keys = tmp_path / "keys"
    keys.mkdir()
    for name in ("trustee.key", "trustee.dkey"):
        (keys / name).write_bytes((desks[0].private / name).read_bytes())
    taken = tmp_path / "taken.json"
    taken.write_bytes(b"mine")
    line = ["trustee", "drill", "--folder", str(folder), f"--key={keys / 'trustee.key'}"]
    assert run([*line, "--owner=2", "--out", str(tmp_path / "drill.json")]) == 1
    assert run([*line, "--owner=1", "--out", str(taken)]) == 1
    assert taken.read_bytes() == b"mine"
    assert sorted(path.name for path in keys.iterdir()) == ["trustee.dkey", "trustee.key"]


def without_dkey(desk: Desk) -> list[str]:
    alone = desk.private.with_name("seed-alone")
    alone.mkdir(exist_ok=True)
    (alone / "trustee.key").write_bytes((desk.private / "trustee.key").read_bytes())
    return [f"--key={alone / 'trustee.key'}"]


def with_anothers(desk: Desk) -> list[str]:
    return [f"--key={desk.private / 'trustee.key'}", f"--dkey={desk.private.with_name('private-2') / 'trustee.dkey'}"]


@pytest.mark.parametrize("keys", [without_dkey, with_anothers])
def test_key_files_that_do_not_belong_together_are_refused(
    ceremony: tuple[list[Desk], Story], tmp_path: Path, keys: Callable[[Desk], list[str]]
) -> None:
    desks, story = ceremony
    folder = story.write(tmp_path / "record")
    out = tmp_path / "drill.json"
    assert run(["trustee", "drill", "--folder", str(folder), "--owner=1", *keys(desks[0]), "--out", str(out)]) == 1
    assert not out.exists()


def test_a_damaged_journal_stops_everything(tmp_path: Path) -> None:
    key = tmp_path / "t.key"
    key.touch()
    with open_journal(key) as file:
        file.save(Journal())
    (tmp_path / "t.key.journal").write_bytes(b'{"veche":"trustee-journal/1","answered":[]')
    with pytest.raises(Malformed, match="nothing leaves"), open_journal(key):
        pass
