"""Every numbered check refuses an input that no check else refuses; and what an audit merely remarks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path

import pytest

from tests.observer.refusal_case import Case
from tests.observer.refused_inputs import ALONE, CASES
from tests.observer.remarked_inputs import REMARKS, Remark
from tests.observer.switched_off import Asking, asking
from veche.observer.audit import audit
from veche.observer.report import Report
from veche.observer.sources import open_older, open_source
from veche.observer.steps import STEPS

ASKED_AT_ONCE = [case for case in CASES if not case.off]
ASKED_AFTER_ANOTHER = [case for case in CASES if case.off]


@pytest.fixture(scope="module")
def ask() -> Iterator[Asking]:
    with asking() as process:
        yield process


def audited(case: Case | Remark, folder: Path, level: str | None = None) -> Report:
    """The report about the input, made in this folder."""
    (folder / "record").mkdir()
    (folder / "older").mkdir()
    against = None if case.against is None else open_older(str(case.against(folder / "older")))
    return audit(open_source(str(case.make(folder / "record"))), against=against, level=level)


def test_every_step_has_an_input_of_its_own() -> None:
    codes = sorted(step.code for step in STEPS)
    assert sorted({case.code for case in CASES}) == codes
    assert sorted(case.code for case in ALONE) == codes


def test_no_two_inputs_have_one_name() -> None:
    assert len({case.id for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", ASKED_AT_ONCE, ids=attrgetter("id"))
def test_only_its_own_check_refuses_an_input_and_names_the_record(case: Case, tmp_path: Path) -> None:
    report = audited(case, tmp_path)
    assert report.codes(("error",)) == (case.code,)
    assert (report.verdict, report.exit_code) == ("refuted", 1)
    found = next(one for one in report.findings if one.code == case.code)
    assert re.fullmatch(case.record, found.record)
    assert len(found.message) > 15
    assert re.search(r"\n|object at 0x|Error\(", found.message) is None


@pytest.mark.parametrize("case", ASKED_AFTER_ANOTHER, ids=attrgetter("id"))
def test_a_check_that_another_stands_before_refuses_what_that_one_lets_through(case: Case, tmp_path: Path, ask: Asking) -> None:
    answer = ask.audit(case.off, case.make(tmp_path))
    assert answer.codes == (case.code,)


@pytest.mark.parametrize("remark", REMARKS, ids=attrgetter("id"))
def test_what_an_audit_remarks(remark: Remark, tmp_path: Path) -> None:
    report = audited(remark, tmp_path, remark.asked)
    found = [(one.code, one.severity) for one in report.findings]
    assert found == ([(remark.code, remark.severity)] if remark.code else [])
    assert report.verdict == remark.verdict
    assert re.fullmatch(remark.level, report.level)
