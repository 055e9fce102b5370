"""The command `veche` answers, and the README names only commands that exist."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.repository.tree import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
# `veche audit FOLDER  # …` names the command `audit`; what follows in capitals or with dashes is for the reader.
NAMED = sorted(set(re.findall(r"^veche ((?:[a-z-]+ )*[a-z-]+)(?= |$)", README.replace("--help", ""), re.MULTILINE)))


def explanation(*command: str) -> str:
    """Return the help text of one command; it must be there."""
    asked = [sys.executable, "-m", "veche.cli.main", *command, "--help"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_the_command_explains_itself() -> None:
    answer = explanation()
    assert "audit" in answer
    assert "demo" in answer


def test_the_readme_opens_a_door_for_voter_observer_organizer_and_operator() -> None:
    assert {name.split()[0] for name in NAMED} == {"voter", "audit", "watch", "mirror", "organizer", "serve"}


@pytest.mark.parametrize("command", NAMED)
def test_every_command_of_the_readme_exists(command: str) -> None:
    assert "Usage" in explanation(*command.split())
