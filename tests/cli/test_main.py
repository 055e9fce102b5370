"""Every ending has its exit code and one sentence; nothing is coloured off a terminal; nothing heavy is loaded for nothing."""

from __future__ import annotations

import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
import typer

from tests.cli.rehearsals import veche
from veche.cli import main
from veche.cli.main import COMMANDS

ROLES = {
    "organizer": (
        "example new keys drill seal issued open accept extend suspend resume incident close tally withhold share result publish "
        "certify cancel annul status"
    ),
    "organizer ceremony": "start status finish end",
    "registrar": "key credentials letters issue status",
    "trustee": "key certificate commit reveal deal check confirm drill share",
    "voter": "encrypt check-opened track my-ballots",
}


@pytest.mark.parametrize("line", [*COMMANDS, *(f"{role} {one}" for role, names in ROLES.items() for one in names.split())])
def test_every_command_explains_itself(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert veche(*line.split(), "--help") == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"Usage: veche {line} ")
    assert "completion" not in shown


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert veche("--version") == 0
    assert capsys.readouterr().out.startswith("veche ")


@pytest.mark.parametrize(
    "line",
    ["nonsense", "organizer nonsense", "organizer new", "demo --voters many", "demo --trustees 3/3", "demo --level high", "audit"],
)
def test_wrong_usage_ends_with_64_and_says_how(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert veche(*line.split()) == 64
    captured = capsys.readouterr()
    assert "Usage" in captured.err
    assert captured.out == ""


def test_a_refusal_ends_with_1_and_one_sentence_with_its_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "SPEC.json"
    spec.write_text("{}")
    assert veche("organizer", "new", spec, tmp_path / "town") == 1
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "[spec-malformed]" in captured.err
    assert captured.out == ""


def test_what_cannot_be_read_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert veche("organizer", "new", tmp_path / "no.json", tmp_path / "town") == 2
    assert "no.json: No such file or directory" in capsys.readouterr().err
    assert veche("organizer", "status", tmp_path) == 2
    assert "is not the folder of an election's record" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_named_and_no_temporary_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["trustee", "key", "--private", tmp_path / "nowhere" / "t.key", "--public", tmp_path / "t.pub"]
    assert veche(*line) == 2
    assert capsys.readouterr().err == f"{tmp_path / 'nowhere'}: there is no such folder; make it first\n"


def test_a_question_nobody_can_answer_is_wrong_usage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(""))
    asking = typer.Typer()

    @asking.command()
    def ask() -> None:
        typer.prompt("A question", err=True)

    monkeypatch.setattr(main, "app", asking)
    assert main.run([]) == 64
    assert "no answer came" in capsys.readouterr().err


def test_a_list_of_commands_breaks_no_sentence_off(capsys: pytest.CaptureFixture[str]) -> None:
    for line in ([], ["organizer"], ["organizer", "ceremony"], ["registrar"], ["trustee"], ["voter"]):
        assert veche(*line, "--help") == 0
        assert "..." not in capsys.readouterr().out.replace("COMMAND [ARGS]...", "")


def test_a_disk_that_refuses_is_no_mistake_of_ours(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(main.COMMANDS, "broken", ("tests.cli.broken_command", "unreadable"))
    assert veche("broken") == 2
    assert capsys.readouterr().err == "letters.csv: Permission denied\n"


def test_a_mistake_of_ours_ends_with_70_and_shows_no_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("VECHE_TRACEBACK", raising=False)
    monkeypatch.setitem(main.COMMANDS, "broken", ("tests.cli.broken_command", "mistaken"))
    assert veche("broken") == 70
    shown = capsys.readouterr().err
    assert "a mistake in Veche" in shown
    assert "Traceback" not in shown
    assert "12345" not in shown


def test_the_traceback_is_there_for_who_asks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("VECHE_TRACEBACK", "1")
    monkeypatch.setitem(main.COMMANDS, "broken", ("tests.cli.broken_command", "mistaken"))
    assert veche("broken") == 70
    assert "Traceback" in capsys.readouterr().err


def test_there_is_no_colour_off_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # What continuous-integration machines set, and what makes some libraries colour files.
    for name in ("FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS", "CLICOLOR_FORCE"):
        monkeypatch.setenv(name, "1")
    for line in (["--help"], ["organizer", "--help"], ["nonsense"], ["organizer", "status", str(tmp_path)]):
        veche(*line)
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out + captured.err


@pytest.mark.parametrize(
    ("line", "heavy"),
    [
        (["--version"], ["nacl", "cryptography", "rich"]),
        (["organizer", "--help"], ["nacl", "cryptography", "rich"]),
        (["audit", "--help"], ["nacl", "cryptography", "veche.cli.trustee", "veche.cli.demo"]),
    ],
    ids=["version", "organizer", "audit"],
)
def test_nothing_heavy_is_loaded_for_a_line_of_help(line: list[str], heavy: list[str]) -> None:
    code = f"import sys; from veche.cli.main import run; run({line}); print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_module_can_be_run_by_its_name() -> None:
    asked = [sys.executable, "-m", "veche.cli.main", "audit", "/nowhere/at/all.bel"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "/nowhere/at/all.bel" in done.stdout + done.stderr
