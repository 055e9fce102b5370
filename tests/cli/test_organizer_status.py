"""At every stage the organizer is told what comes next, and the record stands an audit."""

from __future__ import annotations

import json

import pytest

from tests.cli.rehearsals import (
    At,
    checked,
    contents,
    organizer,
    refused,
)
from veche.cli.demo_election import STEPS
from veche.observer.board import read_board

NEXT = {
    "rules": "veche organizer ceremony start",
    "keys": "veche organizer drill",
    "drill": "veche organizer seal",
    "seal": "veche organizer open",
    "open": "veche organizer accept",
    "close": "veche organizer tally",
    "tally": "veche organizer share",
    "decrypt": "veche organizer result",
    "result": "veche organizer publish",
}


@pytest.mark.parametrize(("stage", "command"), NEXT.items(), ids=list(NEXT))
def test_status_names_the_next_step(stage: str, command: str, at: At, capsys: pytest.CaptureFixture[str]) -> None:
    made = at(stage)
    before = contents(made.public)
    assert organizer(made, "status") == 0
    shown = capsys.readouterr().out
    assert command in shown.splitlines()[-1]
    assert organizer(made, "status", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert command in told["next"]
    assert contents(made.public) == before


def test_every_record_on_the_way_passes_the_audit(at: At) -> None:
    for stage in list(STEPS)[:-1]:
        checked(at(stage))


def test_a_record_whose_files_do_not_fit_together_is_not_added_to(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    made = at("vote")
    archive = next(made.public.glob("*.bel"))
    whole = archive.read_bytes()
    with archive.open("rb") as stream:
        stream.seek(0)
    board = read_board(str(made.public))
    archive.write_bytes(whole[: board.ballots[-1].offset - 512])
    refused(made, "chain-differs", capsys, "suspend", "odd")
    archive.write_bytes(whole)
    entries = made.public / "entries.jsonl"
    lines = entries.read_bytes().splitlines(keepends=True)
    entries.write_bytes(b"".join(lines[:-1]))
    refused(made, "chain-differs", capsys, "suspend", "odd")
    entries.write_bytes(b"".join(lines)[:-1])
    refused(made, "folder-form", capsys, "suspend", "odd")
