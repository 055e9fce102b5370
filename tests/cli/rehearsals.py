"""Elections played as far as a test needs them, by the functions of the demonstration; each stage is made once and copied."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

from veche.cli.demo_election import STEPS, Rehearsal
from veche.cli.demo_story import Story
from veche.cli.demo_town import Town
from veche.cli.main import run
from veche.crypto.canonical_json import Json

APPEAL_DAYS = 3


@dataclass(frozen=True, slots=True)
class CarefulTown(Town):
    """A town whose manifest allows a later end and gives days for complaints."""

    def spec(self, opens_at: int, closes_at: int) -> dict[str, Json]:
        return {**Town.spec(self, opens_at, closes_at), "extended_until": closes_at + 7200, "appeal_days": APPEAL_DAYS}


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
