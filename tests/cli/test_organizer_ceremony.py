"""The organizer's part in the ceremony: whose file is missing, and how a run ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.rehearsals import (
    codes_of,
    veche,
)


def test_a_ceremony_says_whose_file_is_missing_and_ends_silence_only_after_the_deadline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shared = tmp_path / "shared"
    begin = ["organizer", "ceremony", "start", shared, "--threshold", 2, "--name", "Anna", "--name", "Boris", "--name", "Vera"]
    assert veche(*begin, "--deadline", "100", "--deadline", "200", "--deadline", "4000000000") == 0
    assert veche(*begin) == 1
    assert "[ceremony-file]" in codes_of(capsys)
    for place in (1, 3):
        line = ["--place", f"{place}/2/3", "--private", tmp_path / f"private-{place}", "--folder", shared]
        assert veche("trustee", "certificate", *line) == 0
    capsys.readouterr()
    assert veche("organizer", "ceremony", "status", shared) == 0
    assert "Waiting for the certificate of: Boris." in capsys.readouterr().out
    assert veche("organizer", "ceremony", "finish", shared, "--out", tmp_path / "out") == 1
    assert "[ceremony-unfinished]" in codes_of(capsys)
    assert veche("organizer", "ceremony", "end", shared, "--out", tmp_path / "out") == 0
    assert "no-certificate, which names: Boris" in codes_of(capsys)
    run = json.loads((tmp_path / "out" / "ended-run.json").read_bytes())
    assert (run["code"], run["named"]) == ("no-certificate", [2])


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (["--threshold", 2, "--name", "A", "--name", "B"], "threshold-limits"),
        (["--threshold", 1, "--name", "A", "--name", "A"], "trustee-names"),
        (["--threshold", 1, "--name", "A", "--name", "B", "--cipher", "rot13"], "cipher-unknown"),
        (
            ["--threshold", 1, "--name", "A", "--name", "B", "--deadline", "3", "--deadline", "2", "--deadline", "1"],
            "deadlines",
        ),
    ],
    ids=["t = n", "same names", "cipher", "deadlines"],
)
def test_terms_that_cannot_work_are_refused(
    line: list[object], code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert veche("organizer", "ceremony", "start", tmp_path / "shared", *line) == 1
    assert f"[{code}]" in codes_of(capsys)
    assert not (tmp_path / "shared").exists()
