"""Elections played as far as a test needs them, by the functions of the demonstration; each stage is made once and copied."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from veche.ballot.manifest import parse_manifest
from veche.ballot.trustees import make_trustees
from veche.cli.demo_casting import encrypt_all
from veche.cli.demo_election import STEPS, Rehearsal
from veche.cli.demo_story import Story
from veche.cli.demo_town import Town, draw_choices, login
from veche.cli.main import run
from veche.cli.organizer_keys import read_single
from veche.cli.registrar import save_issued, sign_issued
from veche.cli.trustee_key import TrusteeKey, make_single_key, read_trustee_key
from veche.crypto.canonical_json import Json
from veche.crypto.scalar import system_randomness
from veche.crypto.signed_note import NoteSigner
from veche.observer.audit import audit
from veche.observer.report import Report
from veche.observer.sources import open_source
from veche.service.contest_plan import EXAMPLE

VOTERS = 6
APPEAL_DAYS = 3


@dataclass(frozen=True, slots=True)
class CarefulTown(Town):
    """A town whose manifest allows a later end and gives days for complaints."""

    def spec(self, opens_at: int, closes_at: int) -> dict[str, Json]:
        return {**Town.spec(self, opens_at, closes_at), "extended_until": closes_at + 7200, "appeal_days": APPEAL_DAYS}


At = Callable[[str], Rehearsal]
"""Gives the election after a step."""


@dataclass(slots=True)
class Stages:
    """One election, copied after every step."""

    root: Path
    rehearsal: Rehearsal
    done: list[str] = field(default_factory=list)
    clocks: dict[str, int] = field(default_factory=dict)

    def copy(self, stage: str, to: Path) -> Rehearsal:
        """The election as it was after this step, in folders of the test's own."""
        for name, step in STEPS.items():
            if stage in self.done:
                break
            if name not in self.done:
                step(self.rehearsal)
                self.done.append(name)
                self.clocks[name] = self.rehearsal.now
                shutil.copytree(self.rehearsal.public, self.root / name / "town")
                shutil.copytree(self.rehearsal.private, self.root / name / "town-private")
        for name in ("town", "town-private"):
            shutil.rmtree(to / name, ignore_errors=True)
        shutil.copytree(self.root / stage, to, dirs_exist_ok=True)
        return replace(self.rehearsal, public=to / "town", private=to / "town-private", now=self.clocks[stage])


def stages(root: Path, town: Town) -> Stages:
    """An election of this town, not begun yet."""
    root.mkdir(parents=True, exist_ok=True)
    return Stages(root, Rehearsal(town, Story(to_stderr=True), root / "growing" / "town", root / "growing" / "town-private"))


def veche(*arguments: object) -> int:
    """Carry out one command line; its exit code."""
    return run([str(one) for one in arguments])


def organizer(rehearsal: Rehearsal, command: str, *arguments: object, at: int | None = None) -> int:
    """One command of the organizer at the rehearsal's time; its exit code."""
    return veche("organizer", command, rehearsal.public, *arguments, "--at", rehearsal.now if at is None else at)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file under a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def codes_of(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err


def refused(rehearsal: Rehearsal, code: str, capsys: pytest.CaptureFixture[str], *line: object, at: int | None = None) -> str:
    """The command is refused with this code in one sentence, exit code 1, and every file is as it was; the sentence."""
    before = contents(rehearsal.public), contents(rehearsal.private)
    capsys.readouterr()
    assert organizer(rehearsal, str(line[0]), *line[1:], at=at) == 1
    shown = capsys.readouterr().err
    assert f"[{code}]" in shown, shown
    assert shown.count("\n") == 1
    assert (contents(rehearsal.public), contents(rehearsal.private)) == before
    return shown


def checked(rehearsal: Rehearsal) -> Report:
    """The audit of the record, which must hold."""
    report = audit(open_source(str(rehearsal.public)))
    assert report.verdict == "ok", report.findings
    return report


def ballots(rehearsal: Rehearsal, places: range, folder: Path) -> list[Path]:
    """A file with a fresh ballot for each of these voters."""
    questions = rehearsal.sealed().election.questions
    votes = [(rehearsal.codes[login(place)], draw_choices(questions)) for place in places]
    folder.mkdir(exist_ok=True)
    paths = [folder / f"ballot-{place}.json" for place in places]
    for path, raw in zip(paths, encrypt_all(str(rehearsal.public), votes), strict=True):
        path.write_bytes(raw + b"\n")
    return paths


def made_uuid(made: Rehearsal) -> str:
    return parse_manifest((made.public / "manifest.json").read_bytes()).uuid


def single_trustees(folder: Path) -> tuple[bytes, TrusteeKey]:
    """trustees.json of one single key, and that key."""
    private, public = make_single_key("Only One", system_randomness)
    (folder / "single.key").write_bytes(private)
    (folder / "single.json").write_bytes(public)
    return make_trustees((read_single(folder / "single.json"),)).raw, read_trustee_key(folder / "single.key", None)


def vkey(tmp_path: Path) -> Path:
    path = tmp_path / "registrar.pub"
    path.write_text(NoteSigner.generate("town/registrar", system_randomness).verifier.text() + "\n")
    return path


def changed_example(tmp_path: Path, **changes: Any) -> Path:
    spec = tmp_path / "SPEC.json"
    value = {**json.loads(EXAMPLE), **changes}
    spec.write_text(json.dumps({name: one for name, one in value.items() if one is not ...}, ensure_ascii=False))
    return spec


def opens(made: Rehearsal) -> int:
    return parse_manifest((made.public / "manifest.json").read_bytes()).opens_at


def closes(made: Rehearsal) -> int:
    return parse_manifest((made.public / "manifest.json").read_bytes()).closes_at


def issue_last(made: Rehearsal) -> None:
    signer = NoteSigner.from_private_text((made.private / "registrar" / "registrar.key").read_text().strip())
    entry, data, total = sign_issued(str(made.public), made.codes, None, signer, True)
    paths = save_issued(entry, data, total, made.private / "last-word")
    assert organizer(made, "issued", paths[0]) == 0
