"""docs/requirements.md is true: each requirement has one row, and the tests it names exist."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.repository.tree import ROOT

SOURCE = """
async def not_a_test() -> None: ...
def test_result() -> None: ...
class TestAudit:
    def test_verdict(self) -> None: ...
"""


def load_checker() -> ModuleType:
    """Return docs/check_requirements.py as a module: it is a script and belongs to no package."""
    spec = importlib.util.spec_from_file_location("check_requirements", ROOT / "docs" / "check_requirements.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


checker = load_checker()


@pytest.fixture
def faults(tmp_path: Path) -> Callable[[str], list[str]]:
    """The faults that the checker finds in a table for the single requirement P-01."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_audit.py").write_text(SOURCE, encoding="utf-8")

    def found(table: str) -> list[str]:
        return list(checker.faults_of_table(table, tmp_path, ids=("P-01",)))

    return found


def test_the_table_of_requirements_has_no_fault() -> None:
    table = (ROOT / "docs" / "requirements.md").read_text(encoding="utf-8")
    assert list(checker.faults_of_table(table, ROOT)) == []


@pytest.mark.parametrize(
    "shown",
    [
        "`tests/test_audit.py::test_result`",
        "`tests/test_audit.py::test_result`, `tests/test_audit.py::TestAudit::test_verdict`",
        "not yet (part 2)",
        "not yet (later)",
    ],
)
def test_a_row_shown_by_existing_tests_or_honestly_open_is_accepted(
    shown: str, faults: Callable[[str], list[str]]
) -> None:
    assert faults(f"| P-01 | a claim | core | {shown} |") == []


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ("", "P-01: this requirement has no row"),
        ("| P-01 | a claim | core | not yet (later) |\n" * 2, "P-01: has 2 rows, expected one"),
        ("| P-01 | a | core | not yet (later) |\n| P-99 | a | core | not yet (later) |", "P-99: no requirement has"),
        ("| P-01 | a claim | moon | not yet (later) |", "P-01: the layer is 'moon'"),
        ("| P-01 | a claim | core | nothing to test |", "P-01: 'nothing to test' is neither"),
        ("| P-01 | a claim | core | soon |", "P-01: 'soon' is neither"),
        ("| P-01 | a claim | core | `tests/test_audit.py::test_result`, and more |", "is neither a list of tests"),
        ("| P-01 | a claim | core | `tests/test_gone.py::test_result` |", "the file tests/test_gone.py does not exist"),
        ("| P-01 | a claim | core | `tests/test_audit.py::test_gone` |", "tests/test_audit.py has no test test_gone"),
        ("| P-01 | a claim | core | `tests/test_audit.py::not_a_test` |", "has no test not_a_test"),
        ("| P-01 | a claim | core | `tests/test_audit.py::test_verdict` |", "has no test test_verdict"),
    ],
)
def test_a_row_that_promises_too_much_is_named(table: str, fault: str, faults: Callable[[str], list[str]]) -> None:
    found = faults(table)
    assert len(found) == 1
    assert fault in found[0]
