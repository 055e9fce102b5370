"""Switching any single check off is noticed: the input that only this check refuses is then not refused by it any more.

A check of meaning is the only one that refuses its input: without it the audit is content. A check of form stands before others
that could not read what it lets through; what happens then is said beside each (`Case.ends`), and is no acceptance either.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path

import pytest

from tests.observer.refusal_case import Case
from tests.observer.refused_inputs import ALONE
from tests.observer.switched_off import Asking, asking
from tests.observer.switched_worker import ROOT, VERIFYING, Switches
from veche.observer.steps import STEPS


@pytest.fixture(scope="module")
def ask() -> Iterator[Asking]:
    with asking() as process:
        yield process


@pytest.mark.parametrize("case", ALONE, ids=attrgetter("code"))
def test_switching_a_check_off_is_noticed(case: Case, tmp_path: Path, ask: Asking) -> None:
    (tmp_path / "record").mkdir()
    (tmp_path / "older").mkdir()
    source = case.make(tmp_path / "record")
    against = None if case.against is None else case.against(tmp_path / "older")

    assert ask.audit(case.off, source, against).codes == (case.code,)

    without = ask.audit([*case.off, case.code], source, against)
    assert case.code not in without.codes
    if case.ends:
        assert without.verdict in ("refuted", "exception", "unchecked")
    else:
        assert without.verdict == "ok"


def test_most_checks_are_the_only_ones_that_refuse_their_input() -> None:
    form = [case.code for case in ALONE if case.ends]
    assert form == [
        "data-missing",
        "election-malformed",
        "duplicate-credential",
        "manifest-malformed",
        "ceremony-malformed",
        "checkpoint-malformed",
        "unknown-credential",
        "ballot-scalar",
        "ballot-point",
        "share-malformed",
        "share-owner",
        "share-factor",
        "result-malformed",
        "result-range",
    ]


def refusals_of(tree: ast.Module) -> set[str]:
    """Every code that is given, as a literal, to an error or a finding of severity error."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    named = [(getattr(call.func, "id", "") or getattr(call.func, "attr", ""), call.args[0]) for call in calls]
    errors = ("Malformed", "InvalidProof", "InvalidSignature", "Inconsistent", "Refused", "error")
    return {
        first.value for name, first in named if name in errors and isinstance(first, ast.Constant) and isinstance(first.value, str)
    }


def test_every_step_has_a_place_in_the_code_that_refuses() -> None:
    found: set[str] = set()
    for package in VERIFYING:
        for path in (ROOT / package).glob("*.py"):
            if path.name != "onefile.py":
                found |= refusals_of(ast.parse(path.read_bytes()))
    assert {step.code for step in STEPS} - found == set()


def test_every_refusal_gets_a_switch() -> None:
    tree = ast.parse(
        "def f(x):\n    try:\n        raise A('a', x) from x\n    except B:\n        raise\n    report.error('b', x, y)\n"
    )
    written = ast.unparse(ast.fix_missing_locations(Switches().visit(tree)))
    assert written == (
        "def f(x):\n    try:\n        _refusal = A('a', x)\n        if _is_on(_refusal):\n            raise _refusal from x\n"
        "    except B:\n        raise\n    if _is_code_on('b'):\n        report.error('b', x, y)"
    )
