"""How the tests run the second verifier, and the vectors they give it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.vectors import VECTORS, load
from veche.observer import onefile
from veche.observer.onefile import CheckError, FindingError, Report

SOURCE = Path(onefile.__file__)
RECORD = load("spec/veche-record-vectors.json")
BELENIOS = load("spec/belenios-vectors.json")
MUTATED = load("belenios/ballots-mutated-1.json")
HONEST = VECTORS / "fixtures/belenios"
TAMPERED = VECTORS / "belenios/archives-tampered-1"
SIMPLE = HONEST / "simple/SVwStQ2shhP8JK.bel"
Json = dict[str, Any]


def run(*arguments: object, flags: tuple[str, ...] = ()) -> tuple[int, Json]:
    """Exit code and JSON of the program, run as a sceptic would."""
    command = [sys.executable, *flags, str(SOURCE), *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=300)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}


def codes(report: Report | Json, *severities: str) -> list[str]:
    findings = report.findings if isinstance(report, Report) else report["findings"]
    return [one["code"] for one in findings if one["severity"] in (severities or ("error", "unchecked"))]


def refused(work: Callable[[], object]) -> bool:
    try:
        work()
    except (CheckError, FindingError):
        return True
    return False
