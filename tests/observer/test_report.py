"""The report of an audit: what is counted, how findings become a verdict, and how it is printed."""

from __future__ import annotations

import json

import pytest

from veche.crypto.errors import Inconsistent, Unsupported
from veche.observer.report import EXIT_CODES, MAX_FINDINGS_PER_CODE, Finding, Report, Severity
from veche.observer.steps import BY_CODE, PHASES, STEPS, phase_of


def with_findings(*severities: Severity) -> Report:
    report = Report("record")
    for place, severity in enumerate(severities):
        report.add(Finding(f"code-{place}", severity, "record", "A sentence."))
    return report


@pytest.mark.parametrize(
    ("severities", "verdict", "exit_code"),
    [
        ((), "ok", 0),
        (("notice", "warning"), "ok", 0),
        (("notice", "unchecked"), "unchecked", 2),
        (("unchecked", "error", "warning"), "refuted", 1),
    ],
)
def test_the_worst_finding_is_the_verdict(severities: tuple[Severity, ...], verdict: str, exit_code: int) -> None:
    report = with_findings(*severities)
    assert (report.verdict, report.exit_code) == (verdict, exit_code)
    assert report.stopped() == (verdict != "ok")


def test_the_three_verdicts_have_three_exit_codes() -> None:
    assert EXIT_CODES == {"ok": 0, "refuted": 1, "unchecked": 2}


def test_what_is_merely_not_supported_is_no_refutation() -> None:
    report = Report("record")
    report.refuse(Unsupported("unsupported-group", "Another group."), "election.json")
    assert report.findings == [Finding("unsupported-group", "unchecked", "election.json", "Another group.")]
    report.refuse(Inconsistent("election-key", "Another key."), "trustees.json")
    assert report.findings[-1] == Finding("election-key", "error", "trustees.json", "Another key.")


def test_of_one_code_only_the_first_twenty_are_kept_and_the_rest_is_counted() -> None:
    report = Report("record")
    for place in range(50):
        report.error("individual-proof", f"ballot {place}", "Not shown.")
    report.error("blank-proof", "ballot 7", "Not shown.")
    assert len(report.findings) == MAX_FINDINGS_PER_CODE + 1
    assert report.cut == {"individual-proof": 50 - MAX_FINDINGS_PER_CODE}
    assert report.codes(("error",)) == ("individual-proof", "blank-proof")
    assert report.to_json()["more"] == {"individual-proof": 30}


def test_codes_are_given_once_in_the_order_found_and_by_severity() -> None:
    report = Report("record")
    report.warn("equal-alphas", "ballots", "Twice.")
    report.error("result", "Result", "Wrong.")
    report.error("result", "Result", "Wrong.")
    report.unchecked("unreadable", "older", "Not there.")
    report.notice("log-not-served", "log", "Not here.")
    assert report.codes() == ("result", "unreadable")
    assert report.codes(("warning", "notice")) == ("equal-alphas", "log-not-served")


def test_every_step_is_counted_under_its_number_and_phase() -> None:
    report = Report("record")
    report.count("individual-proof", 12)
    report.count("individual-proof")
    report.count("blank-proof", 3)
    report.error("blank-proof", "ballot", "Not shown.")
    assert report.done == {"9.6.9": 13, "9.6.10": 3}
    phase = next(row for row in report.phases() if row[0] == "9.6")
    assert phase[2:] == (16, 1)


def test_the_printed_report_is_json_with_all_steps() -> None:
    report = with_findings("error")
    report.count("record-hash", 26)
    printed = json.loads(json.dumps(report.to_json()))
    assert printed["verdict"] == "refuted"
    assert printed["findings"] == [{"code": "code-0", "severity": "error", "record": "record", "message": "A sentence."}]
    assert [step["step"] for step in printed["steps"]] == [step.number for step in STEPS]
    assert next(step for step in printed["steps"] if step["code"] == "record-hash")["checked"] == 26


def test_the_steps_are_numbered_without_a_gap_and_each_has_one_code() -> None:
    numbers: dict[str, list[int]] = {}
    for step in STEPS:
        numbers.setdefault(phase_of(step.number), []).append(int(step.number.rsplit(".", 1)[1]))
    assert list(numbers) == list(PHASES)
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())
    assert len(BY_CODE) == len(STEPS)
