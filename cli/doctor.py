"""`veche doctor`: everything that an operator can get wrong, looked at, one line each. docs/operating.md."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from veche.cli.backup import DATA
from veche.cli.terminal import answer, answer_json


def doctor(
    data: Path | None = DATA,
    as_json: bool = typer.Option(False, "--json", help="The answer as JSON."),
) -> None:
    """Look at settings, keys, database, record, disk, clock, mail and jobs; say what to do. It changes nothing.

    Run it before the first start, after each change, and before a contest opens; the server may run meanwhile. Ends with 1 if
    anything must be put right.
    """
    from veche.service.doctor import examine
    from veche.service.settings import read_settings

    settings = read_settings(**({} if data is None else {"data": data}))
    findings = examine(settings, os.environ)
    if as_json:
        answer_json({"findings": [{"about": one.about, "fine": one.fine, "message": one.sentence} for one in findings]})
    else:
        width = max(len(one.about) for one in findings)
        for one in findings:
            answer(f"{'ok  ' if one.fine else 'BAD '} {one.about:<{width}}  {one.sentence}")
    if not all(one.fine for one in findings):
        raise typer.Exit(1)
