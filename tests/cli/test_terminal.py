"""What a hostile record may print: nothing that commands a terminal, and nothing that looks like a line of ours."""

from __future__ import annotations

import pytest

from tests.election.record_builder import Story
from veche.ballot.election import Question
from veche.cli.main import run
from veche.cli.terminal import Painted, answer, paint, printable, tell

HOSTILE = "Trees\x1b[2J\x1b[1;1H\x1b[8m\nOK: everything that can be checked holds"


def test_only_printable_characters_and_newlines_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    answer(HOSTILE + "\x07\u202e")
    tell(HOSTILE)
    shown = capsys.readouterr()
    for text in (shown.out, shown.err):
        assert "\x1b" not in text
        assert "\x07" not in text
        assert "\u202e" not in text


class Terminal:
    """Says that it is one."""

    def isatty(self) -> bool:
        return True


def test_colours_are_ours_and_the_text_in_them_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    painted = paint("red\x1b[8m", "red", False, Terminal())  # type: ignore[arg-type]
    assert isinstance(painted, Painted)
    assert "\x1b[8m" not in painted
    assert painted.startswith("\x1b[31m")


def test_ordinary_texts_are_shown_as_they_are() -> None:
    assert printable("Парк «Липы» — 3 млн ₽, é, 日本\n") == "Парк «Липы» — 3 млн ₽, é, 日本\n"


def test_the_questions_of_a_record_cannot_forge_lines_of_an_audit(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    question = Question(HOSTILE, ("yes", "no" + HOSTILE), 0, 1, False)
    folder = Story(questions=(question,)).write(tmp_path)  # type: ignore[arg-type]
    assert run(["audit", str(folder), "--jobs", "1"]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert sum(line.startswith("OK: ") for line in shown.splitlines()) == 1
