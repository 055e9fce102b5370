"""One command plays a whole election, leaves a record that every verifier accepts, and shows three frauds being caught."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.cli.rehearsals import contents, stages, veche
from tests.repository.tree import ROOT
from veche.ballot.election import Question
from veche.ballot.prepared_ballot import verify_choices
from veche.cli.demo_election import STEPS, plain_count
from veche.cli.demo_frauds import cheat
from veche.cli.demo_town import Town, draw_choices
from veche.observer.audit import audit
from veche.observer.board import read_board
from veche.observer.sources import open_source

CODES = {"vote-changed": "invalid-signature", "ballot-dropped": "history-changed", "result-replaced": "result"}


@dataclass(frozen=True)
class Played:
    """What one run of the demonstration left and said."""

    folder: Path
    summary: dict[str, Any]
    story: str


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return play(tmp_path_factory.mktemp("demo"), "--voters", "12")


def play(where: Path, *options: str) -> Played:
    asked = [sys.executable, "-m", "veche.cli.main", "demo", "--json", "--out", "town", *options]
    done = subprocess.run(asked, cwd=where, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    return Played(where / "town", json.loads(done.stdout), done.stderr)


def test_the_demonstration_ends_in_a_certified_strict_election(played: Played) -> None:
    assert (played.summary["verdict"], played.summary["level"], played.summary["state"]) == ("ok", "strict", "certified")
    assert veche("audit", played.folder, "--level", "strict") == 0


def test_each_fraud_is_caught_by_name(played: Played, capsys: pytest.CaptureFixture[str]) -> None:
    assert {one["name"]: one["code"] for one in played.summary["frauds"]} == CODES
    for one in played.summary["frauds"]:
        assert one["verdict"] == "refuted"
        assert one["message"] in played.story
    changed, dropped, replaced = played.summary["frauds"]
    assert changed["record"].startswith("ballot ")
    assert "event" in dropped["message"]
    assert "published count" in replaced["message"]


@pytest.mark.parametrize("name", CODES)
def test_the_forged_copies_can_be_audited_again(name: str, played: Played, capsys: pytest.CaptureFixture[str]) -> None:
    older = ["--against", played.folder.with_name("town-private") / "observer-copy"] if name == "ballot-dropped" else []
    assert veche("audit", played.folder.with_name("town-frauds") / name, *older, "--json") == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    codes = [one["code"] for one in found if one["severity"] == "error"]
    assert CODES[name] in codes
    # The trustees' shares belong to the total with the dropped ballot in it.
    assert set(codes) <= {CODES[name], "decryption-proof"}


@pytest.mark.parametrize("name", CODES)
def test_the_second_verifier_says_the_same(name: str, played: Played) -> None:
    def onefile(*arguments: object) -> int:
        asked = [sys.executable, "observer/onefile.py", *map(str, arguments)]
        return subprocess.run(asked, cwd=ROOT, capture_output=True, check=False, timeout=300).returncode

    older = ["--against", played.folder.with_name("town-private") / "observer-copy"] if name == "ballot-dropped" else []
    assert onefile(played.folder) == 0
    assert onefile(played.folder.with_name("town-frauds") / name, *older) == 1


def test_nothing_secret_lies_in_the_public_folder(played: Played) -> None:
    private = played.folder.with_name("town-private")
    secrets = [(private / name).read_bytes().strip() for name in ("log.key", "box.key", "registrar/registrar.key")]
    secrets += [(private / f"trustee-{place}" / "trustee.key").read_bytes().strip() for place in (1, 2, 3)]
    secrets += [code.encode() for code in json.loads((private / "registrar" / "codes.json").read_bytes()).values()]
    public = b"".join(contents(played.folder).values())
    assert len(secrets) == 3 + 3 + 12
    assert [secret for secret in secrets if secret in public] == []
    assert all(secret.decode() not in played.story for secret in secrets)


def test_what_is_secret_belongs_to_its_owner_only(played: Played) -> None:
    private = played.folder.with_name("town-private")
    assert private.stat().st_mode & 0o777 == 0o700
    for name in ("log.key", "box.key", "registrar/codes.json", "registrar/registrar.key", "trustee-1/trustee.key"):
        assert (private / name).stat().st_mode & 0o777 == 0o600, name


def test_the_record_has_the_folder_form_and_nothing_else(played: Played) -> None:
    uuid = played.summary["election"]
    top = sorted(path.name for path in played.folder.iterdir())
    assert top == sorted([f"{uuid}.bel", "data", "entries.jsonl", "manifest.json"])
    for name, content in contents(played.folder / "data").items():
        assert Path(name).name == sha256(content).hexdigest()


def test_the_story_is_numbered_and_free_of_colours_off_a_terminal(played: Played) -> None:
    numbers = [line.split(".")[0].strip() for line in played.story.splitlines() if line[:3].strip().rstrip(".").isdigit()]
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]
    assert len(numbers) > 15
    assert "\x1b" not in played.story


@pytest.mark.parametrize("taken", ["town", "town-private", "town-frauds"])
def test_a_folder_that_is_in_use_is_left_alone(taken: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / taken).mkdir()
    (tmp_path / taken / "mine").write_text("mine")
    assert veche("demo", "--out", tmp_path / "town") == 1
    assert "[file-exists]" in capsys.readouterr().err
    assert list(contents(tmp_path)) == [f"{taken}/mine"]


VARIANTS: dict[str, Town] = {
    "everybody is issued at once": Town(5, 2, 3, "strict"),
    "one needed of two": Town(6, 1, 2, "strict"),
    "a single trustee beside the group": Town(6, 2, 3, "strict", single=True),
    "weights, zero among them": Town(10, 2, 3, "strict", weights=True),
    "two questions, blank votes": Town(6, 2, 3, "strict", questions=2, blank=True),
    "level belenios": Town(6, 2, 4, "belenios", weights=True, blank=True),
}


@pytest.mark.parametrize("town", VARIANTS.values(), ids=list(VARIANTS))
def test_every_kind_of_town_gets_the_plain_count_and_an_audit_that_holds(town: Town, tmp_path: Path) -> None:
    rehearsal = stages(tmp_path, town).rehearsal
    for step in STEPS.values():
        step(rehearsal)
    report = audit(open_source(str(rehearsal.public)), level=town.level)
    assert (report.verdict, report.level) == ("ok", town.level)
    expected = plain_count(rehearsal, rehearsal.sealed().election)
    assert rehearsal.result == expected
    assert report.result == expected.to_json()
    frauds = cheat(rehearsal.public, tmp_path / "frauds", rehearsal.snapshot)
    assert {one.name: one.finding.code if one.finding else None for one in frauds} == CODES


@pytest.mark.parametrize("question", [Question("?", ("a", "b"), 0, 2, True), Question("?", ("a", "b", "c"), 2, 2, False)])
def test_drawn_votes_are_legal(question: Question) -> None:
    class Asked:
        questions = (question,)

    for _ in range(50):
        verify_choices(Asked, draw_choices((question,)))  # type: ignore[arg-type]


Tool = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.interop
@pytest.mark.parametrize("tool", ["belenios_tool", "belenios_tool_sid"])
def test_the_tool_of_belenios_accepts_what_the_demonstration_leaves(
    tool: str, played: Played, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    path = request.getfixturevalue(tool)
    verified = subprocess.run(
        [str(path), "election", "verify", "--dir", str(played.folder)], capture_output=True, text=True, check=False, timeout=300
    )
    assert verified.returncode == 0, verified.stderr
    assert verified.stderr.splitlines()[-1] == "I: all checks passed"
    # Its `verify` says nothing about ballots since 3.0; adding them up itself says that none is malformed, repeated or unknown.
    board = read_board(str(played.folder))
    tally = subprocess.run(
        [str(path), "election", "compute-encrypted-tally", "--dir", str(played.folder)],
        capture_output=True,
        check=True,
        timeout=300,
    ).stdout
    assert tally.splitlines()[0] == board.tally
