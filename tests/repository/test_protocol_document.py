"""docs/protocol.md says what the code does: numbered steps, codes, tags, and the sections that the code cites."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from tests.repository.tree import ROOT, package_files, parsed, shown
from veche.observer.steps import PHASES, STEPS

DOCUMENT: Final = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
VERIFYING: Final = ("crypto", "ballot", "ledger", "observer")
SECOND_VERIFIER: Final = ROOT / "observer" / "onefile.py"

STEP_ROW = re.compile(r"^\| (9\.\d+\.\d+) \| ([a-z0-9-]+) \| [^|]+ \|$", re.MULTILINE)
FINDING_ROW = re.compile(r"^\| ([a-z0-9-]+) \| (error|unchecked|warning|notice) \| [^|]+ \|$", re.MULTILINE)
HEADING = re.compile(r"^#{2,3} (\d+(?:\.\d+)?) ", re.MULTILINE)
TAG = re.compile(r"veche/(?:v1/[a-z-]+|acknowledgement/v1)")
CITATION = re.compile(r"docs/protocol\.md\s+(?:sections?|steps?) (\d+(?:\.\d+)*(?:(?:, | and | to )\d+(?:\.\d+)*)*)")

SEVERITY_OF = {"warn": "warning", "notice": "notice", "unchecked": "unchecked", "error": "error"}
"""What the report's methods say, by the name of the method."""

ALSO = {("strong-proofs-not-supplied", "unchecked")}
"""Findings that have a second severity: this one when the strict level was demanded."""

FORM = "a value is not in its one form; whoever reads it says which value, with the code of a step"
EQUATION = "an equation does not hold; whoever checks it says whose proof it is, with the code of a step"
NOTE = "a signed note or its key; the step that reads the note has its own code"
OPENING = "why an encrypted share cannot be used; the judgement built on it is step 9.5.5"
CEREMONY = "said to a trustee or an organizer while keys are made; what remains in public is checked in 9.5"
MAKING = "said to whoever makes something new or reads an own private file; an audit makes nothing"
LOG = "the transparency log (section 12), said to who reads a receipt, tiles, a policy or evidence; phase 9.13 has codes of its own"
VOTER = "said to a voter or her second device; neither opened ballots nor acknowledgements are in the record"

NOT_VERIFICATION: Final = {
    "acknowledgement-ballot": VOTER,
    "acknowledgement-election": VOTER,
    "acknowledgement-key": VOTER,
    "acknowledgement-malformed": VOTER,
    "ballot-spent": VOTER,
    "base64": NOTE,
    "choices": VOTER,
    "bundle-malformed": LOG,
    "checkpoint-key": LOG,
    "checkpoint-unsigned": LOG,
    "cipher-unknown": FORM,
    "code-malformed": VOTER,
    "commitments-missing": CEREMONY,
    "complaint-after-key": CEREMONY,
    "complaint-late": CEREMONY,
    "complaint-void": CEREMONY,
    "consistency-wrong": LOG,
    "cosignature-malformed": LOG,
    "data-malformed": FORM,
    "decryption-wrong": EQUATION,
    "delivery-malformed": MAKING,
    "disjunction-length": EQUATION,
    "disjunction-wrong": EQUATION,
    "doubled-project": FORM,
    "equality-identity": EQUATION,
    "equality-key": EQUATION,
    "equality-lengths": EQUATION,
    "equality-wrong": EQUATION,
    "evidence-malformed": LOG,
    "evidence-void": LOG,
    "frontier-malformed": LOG,
    "inclusion-wrong": LOG,
    "key-malformed": MAKING,
    "key-name": NOTE,
    "lagrange-indices": MAKING,
    "log-unknown": LOG,
    "logarithm-bound": MAKING,
    "logarithm-missing": MAKING,
    "message-malformed": OPENING,
    "message-point": OPENING,
    "no-proof": OPENING,
    "not-canonical": FORM,
    "not-json": FORM,
    "not-my-certificate": CEREMONY,
    "not-the-dealers-message": CEREMONY,
    "note-malformed": NOTE,
    "note-signature": NOTE,
    "note-unknown-key": NOTE,
    "opened-differs": VOTER,
    "opened-malformed": VOTER,
    "other-group": CEREMONY,
    "own-coefficients": CEREMONY,
    "own-commitment": CEREMONY,
    "own-reveal": CEREMONY,
    "point-not-canonical": FORM,
    "point-not-in-group": FORM,
    "policy-malformed": LOG,
    "possession-wrong": EQUATION,
    "proof-range": LOG,
    "quorum-missing": LOG,
    "randomness-failed": MAKING,
    "receipt-ballot": LOG,
    "receipt-entry": LOG,
    "receipt-malformed": LOG,
    "recipient-wrong": OPENING,
    "reveals-missing": CEREMONY,
    "root-differs": LOG,
    "scalar-not-canonical": FORM,
    "secret-malformed": MAKING,
    "seed-malformed": MAKING,
    "share-delivery": EQUATION,
    "share-wrong": OPENING,
    "shares-wrong": CEREMONY,
    "signature-key": EQUATION,
    "signature-wrong": EQUATION,
    "split-view": CEREMONY,
    "submission-malformed": LOG,
    "tag-wrong": OPENING,
    "tally-malformed": FORM,
    "text-malformed": OPENING,
    "tile-changed": LOG,
    "tile-differs": LOG,
    "tile-malformed": LOG,
    "tile-missing": LOG,
    "tile-path": LOG,
    "tiles-read-only": MAKING,
    "vkey-malformed": NOTE,
    "witness-contradiction": LOG,
    "witness-size": LOG,
    "wrong-code": FORM,
    "wrong-fields": FORM,
    "wrong-length": FORM,
    "wrong-named": FORM,
    "wrong-reveal": CEREMONY,
    "wrong-step": MAKING,
    "wrong-steps": FORM,
    "wrong-type": FORM,
}
"""Codes of the verifying packages that no audit reports, and why each is none of its checks."""


@dataclass(frozen=True, slots=True)
class Said:
    """A code in the source: `how` is the error class or the severity of a finding; None stands for a computed code."""

    code: str | None
    how: str
    where: str


def verifying_files() -> list[Path]:
    """The modules an audit is made of; the second verifier is another program and has tests of its own below.

    Of `observer` those that the audit imports: what serves, mirrors or watches a record refuses things, too, and verifies nothing.
    """
    files = [path for path in package_files() if path.relative_to(ROOT).parts[0] in VERIFYING]
    audited = imported_by_audit()
    return [path for path in files if path != SECOND_VERIFIER and (path.parent.name != "observer" or path in audited)]


def imported_by_audit() -> set[Path]:
    """The modules of `observer` that `observer/audit.py` reaches."""
    found, waiting = set[Path](), [ROOT / "observer" / "audit.py"]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        nodes = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.ImportFrom)]
        names = [node.module for node in nodes if node.module is not None and node.module.startswith("veche.observer.")]
        waiting += [ROOT / "observer" / f"{name.rpartition('.')[2]}.py" for name in names]
    return found


def error_classes() -> set[str]:
    """The names of the refusals in crypto/errors.py; their root has no code of its own, and a class of another root is none."""
    classes = [node for node in parsed(ROOT / "crypto" / "errors.py").body if isinstance(node, ast.ClassDef)]
    names = {"ElectionError"}
    # A class stands below the one it is of.
    for node in classes:
        if names & {base.id for base in node.bases if isinstance(base, ast.Name)}:
            names.add(node.name)
    return names - {"ElectionError"}


def literal(call: ast.Call, place: int = 0) -> str | None:
    """The text written as an argument of the call, if one is."""
    argument = call.args[place] if len(call.args) > place else None
    return argument.value if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else None


def refusals() -> Iterator[Said]:
    """Every place that makes an error of our tree, whether it is raised there or handed to whoever raises it."""
    classes = error_classes()
    for path in verifying_files():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in classes:
                yield Said(literal(node), node.func.id, f"{shown(path)}:{node.lineno}")


def reports() -> Iterator[Said]:
    """Every finding that a module gives its code at once: `report.warn("code", …)` and its like."""
    for path in verifying_files():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SEVERITY_OF:
                code = literal(node)
                if code is not None:
                    yield Said(code, SEVERITY_OF[node.func.attr], f"{shown(path)}:{node.lineno}")


def codes_of_second_verifier() -> set[str]:
    """Every text in onefile.py that could be a code: it names its steps as arguments, in tables and in comments."""
    nodes = ast.walk(parsed(SECOND_VERIFIER))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def steps_of_document() -> list[tuple[str, str]]:
    """(number, code) of every row of the tables of section 9."""
    return STEP_ROW.findall(DOCUMENT)


def findings_of_document() -> dict[str, str]:
    """Code → severity of section 9.12."""
    return dict(FINDING_ROW.findall(DOCUMENT[DOCUMENT.index("### 9.12 ") :]))


NUMBERED = {code for _, code in STEP_ROW.findall(DOCUMENT)}


def test_steps_are_numbered_from_one_without_a_gap_in_every_phase() -> None:
    numbers = [tuple(int(part) for part in number.split(".")) for number, _ in steps_of_document()]
    phases = [(phase, [step for _, _, step in found]) for phase, found in groupby(numbers, key=lambda one: one[1])]
    assert [phase for phase, _ in phases] == [*range(1, 12), 13]
    for phase, steps in phases:
        assert steps == list(range(1, len(steps) + 1)), f"phase 9.{phase}"


def test_every_row_that_begins_like_a_step_is_read_as_one() -> None:
    beginnings = [line for line in DOCUMENT.splitlines() if line.startswith("| 9.")]
    assert len(beginnings) == len(steps_of_document())


def test_no_code_has_two_numbers_and_no_finding_shares_the_code_of_a_step() -> None:
    codes = [code for _, code in steps_of_document()]
    assert len(codes) == len(set(codes))
    assert NUMBERED.isdisjoint(findings_of_document())


def test_the_steps_of_the_audit_are_the_steps_of_the_document() -> None:
    assert [(step.number, step.code) for step in STEPS] == steps_of_document()
    assert list(PHASES) == list(dict.fromkeys(step.number.rpartition(".")[0] for step in STEPS))


def test_every_step_is_refused_by_some_line_of_code() -> None:
    errors = {one.code for one in refusals()} | {one.code for one in reports() if one.how == "error"}
    assert NUMBERED - errors == set()


def test_every_refusal_has_its_code_as_a_literal() -> None:
    assert [one.where for one in refusals() if one.code is None] == []


def test_every_refusal_in_verifying_code_has_a_number_or_a_reason_to_have_none() -> None:
    known = NUMBERED | findings_of_document().keys() | NOT_VERIFICATION.keys()
    assert [f"{one.where}: {one.code}" for one in refusals() if one.code is not None and one.code not in known] == []


def test_no_code_is_excused_that_nothing_raises_or_that_has_a_number() -> None:
    raised = {one.code for one in refusals()}
    assert NOT_VERIFICATION.keys() - raised == set()
    assert NOT_VERIFICATION.keys() & (NUMBERED | findings_of_document().keys()) == set()


def test_every_finding_that_is_no_step_stands_in_the_document_with_its_severity() -> None:
    listed = {(code, severity) for code, severity in findings_of_document().items()} | ALSO
    said = {(one.code, one.how) for one in reports() if one.code not in NUMBERED}
    unsupported = {(one.code, "unchecked") for one in refusals() if one.how == "Unsupported"}
    assert (said | unsupported) - listed == set()


def test_every_finding_of_the_document_is_said_by_one_of_the_verifiers() -> None:
    said = {one.code for one in (*reports(), *refusals())} | codes_of_second_verifier()
    assert findings_of_document().keys() - said == set()


def test_the_second_verifier_names_every_step() -> None:
    assert NUMBERED - codes_of_second_verifier() == set()


def test_every_tag_that_is_hashed_or_signed_stands_in_the_document() -> None:
    used = {(tag, shown(path)) for path in verifying_files() for tag in TAG.findall(path.read_text(encoding="utf-8"))}
    assert len(used) >= 10
    assert {one for one in used if one[0] not in TAG.findall(DOCUMENT)} == set()


def test_every_section_and_step_that_code_cites_exists() -> None:
    there = set(HEADING.findall(DOCUMENT)) | {number for number, _ in steps_of_document()}
    cited = [
        (number, shown(path))
        for path in package_files()
        for cited in CITATION.findall(path.read_text(encoding="utf-8"))
        for number in re.findall(r"\d+(?:\.\d+)*", cited)
    ]
    assert len(cited) > 20
    assert [one for one in cited if one[0] not in there] == []
