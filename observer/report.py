"""What an audit found, counted: a check that is not counted is no check (attack Z2). docs/protocol.md section 9."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from veche.crypto.canonical_json import Json
from veche.crypto.errors import ElectionError, Unsupported, one_line
from veche.observer.steps import BY_CODE, PHASES, STEPS, phase_of

Severity = Literal["error", "unchecked", "warning", "notice"]
Verdict = Literal["ok", "refuted", "unchecked"]

EXIT_CODES: dict[Verdict, int] = {"ok": 0, "refuted": 1, "unchecked": 2}

MAX_FINDINGS_PER_CODE = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: a stable code, how bad it is, which record it is about, and a sentence."""

    code: str
    severity: Severity
    record: str
    message: str

    def to_json(self) -> dict[str, Json]:
        return {"code": self.code, "severity": self.severity, "record": self.record, "message": self.message}


@dataclass(slots=True)
class Report:
    """The outcome of one audit, filled while it runs. Counts: how often each numbered step was carried out."""

    source: str
    complete: bool = False
    level: str = "belenios"
    state: str = ""
    election: str | None = None
    setup_hash: str | None = None
    fingerprint: str | None = None
    result: list[Json] | None = None
    questions: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)
    at: str = ""
    """Which record is being looked at, for a finding that does not know."""

    def count(self, code: str, times: int = 1) -> None:
        """The step with this code was carried out `times` more."""
        number = BY_CODE[code].number
        self.done[number] = self.done.get(number, 0) + times

    def add(self, finding: Finding) -> None:
        """Keep a finding; after 20 of one code the rest is only counted."""
        finding = replace(finding, record=one_line(finding.record), message=one_line(finding.message))
        same = sum(1 for one in self.findings if one.code == finding.code)
        if same < MAX_FINDINGS_PER_CODE:
            self.findings.append(finding)
        else:
            self.cut[finding.code] = self.cut.get(finding.code, 0) + 1

    def refuse(self, error: ElectionError, record: str) -> None:
        """Keep a refusal: an error, or `unchecked` when the thing is merely unsupported."""
        severity: Severity = "unchecked" if isinstance(error, Unsupported) else "error"
        self.add(Finding(error.code, severity, record, error.message))

    def error(self, code: str, record: str, message: str) -> None:
        self.add(Finding(code, "error", record, message))

    def unchecked(self, code: str, record: str, message: str) -> None:
        self.add(Finding(code, "unchecked", record, message))

    def warn(self, code: str, record: str, message: str) -> None:
        self.add(Finding(code, "warning", record, message))

    def notice(self, code: str, record: str, message: str) -> None:
        self.add(Finding(code, "notice", record, message))

    def stopped(self) -> bool:
        """Whether a phase found an error or something that cannot be checked, so that later phases make no sense."""
        return any(one.severity in ("error", "unchecked") for one in self.findings)

    @property
    def verdict(self) -> Verdict:
        severities = {one.severity for one in self.findings}
        if "error" in severities:
            return "refuted"
        return "unchecked" if "unchecked" in severities else "ok"

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.verdict]

    def codes(self, severities: Iterable[str] = ("error", "unchecked")) -> tuple[str, ...]:
        """The distinct codes of these severities, in the order found."""
        return tuple(dict.fromkeys(one.code for one in self.findings if one.severity in severities))

    def phases(self) -> list[tuple[str, str, int, int]]:
        """Per phase: number, sentence, checks carried out, findings of severity error."""
        rows = []
        for number, sentence in PHASES.items():
            checks = sum(times for step, times in self.done.items() if phase_of(step) == number)
            errors = sum(1 for one in self.findings if one.severity == "error" and _phase_of_code(one.code) == number)
            rows.append((number, sentence, checks, errors))
        return rows

    def to_json(self) -> dict[str, Json]:
        """The object of design section 5, with the steps beside it."""
        counts: dict[str, Json] = dict(self.counts)
        steps: list[Json] = [{"step": step.number, "code": step.code, "checked": self.done.get(step.number, 0)} for step in STEPS]
        cut: dict[str, Json] = dict(self.cut)
        return {
            "verdict": self.verdict,
            "level": self.level,
            "state": self.state,
            "election": self.election,
            "fingerprint": self.fingerprint,
            "setup": self.setup_hash,
            "counts": counts,
            "result": self.result,
            "findings": [one.to_json() for one in self.findings],
            "more": cut,
            "steps": steps,
        }


def _phase_of_code(code: str) -> str:
    step = BY_CODE.get(code)
    return "" if step is None else phase_of(step.number)
