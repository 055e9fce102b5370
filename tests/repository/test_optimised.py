"""`python -O` drops assert statements; no verdict may change with it.

Each verdict is asked for twice, in two processes, with and without -O. pytest's own asserts stay in this process.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.repository.tree import ROOT
from tests.vectors import VECTORS, load

AUDIT = ("-m", "veche.cli.main", "audit", "--jobs", "1", "--json")
ONE_FILE = (str(ROOT / "observer" / "onefile.py"),)

TAMPERED = sorted((VECTORS / "belenios" / "archives-tampered-1").glob("*.bel"))
HONEST = sorted(VECTORS.glob("belenios/*/election.bel")) + sorted(VECTORS.glob("fixtures/belenios/*/*.bel"))

pytestmark = pytest.mark.slow


def verdict(optimised: bool, command: tuple[str, ...], *arguments: str) -> tuple[int, str]:
    """Return the exit code and what was printed, run with -O or without."""
    run = [sys.executable, *(["-O"] if optimised else []), *command, *arguments]
    done = subprocess.run(run, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode in (0, 1, 2) and done.stdout, done.stderr
    return done.returncode, done.stdout


@pytest.mark.parametrize("archive", TAMPERED + HONEST, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_audit_says_the_same_with_and_without_asserts(archive: Path) -> None:
    assert verdict(True, AUDIT, str(archive)) == verdict(False, AUDIT, str(archive))


@pytest.mark.parametrize("archive", TAMPERED, ids=lambda path: path.stem)
def test_the_second_verifier_says_the_same_with_and_without_asserts(archive: Path) -> None:
    assert verdict(True, ONE_FILE, str(archive)) == verdict(False, ONE_FILE, str(archive))


def test_every_mutated_ballot_gets_the_same_verdict_with_and_without_asserts(tmp_path: Path) -> None:
    vectors = load("belenios/ballots-mutated-1.json")
    (tmp_path / "election.json").write_text(vectors["election"], encoding="utf-8")
    (tmp_path / "trustees.json").write_text(vectors["trustees"], encoding="utf-8")
    (tmp_path / "public_creds.json").write_text(vectors["public_credentials"], encoding="utf-8")
    ballots = [tmp_path / f"{case['id']}.ballot" for case in vectors["cases"]]
    for ballot, case in zip(ballots, vectors["cases"], strict=True):
        ballot.write_text(case["ballot"], encoding="utf-8")
    asked = ("-m", "veche.cli.main", "verify-ballot", "--election", str(tmp_path))
    assert verdict(True, asked, *map(str, ballots)) == verdict(False, asked, *map(str, ballots))
