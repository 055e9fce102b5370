"""The second verifier as a file and a command: what stands in it, and its verdict on archives and ballots of the vectors."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.observer.onefile_runs import HONEST, MUTATED, SIMPLE, SOURCE, TAMPERED, Json, codes, run
from tests.vectors import VECTORS, load
from veche.observer import onefile
from veche.observer.steps import BY_CODE, STEPS

# --- the file itself --------------------------------------------------------------------------------------------------


def test_the_file_imports_nothing_but_the_standard_library() -> None:
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= set(sys.stdlib_module_names)
    assert not any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(tree))
    assert not any(isinstance(node, ast.Assert) for node in ast.walk(tree))


def test_the_file_runs_without_any_installed_package(tmp_path: Path) -> None:
    code, report = run(SIMPLE, flags=("-I", "-S"))
    assert (code, report["verdict"]) == (0, "ok")


def test_its_length_has_a_reason_and_its_functions_fit_in_one_look() -> None:
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    assert any(line.startswith("Length:") for line in (ast.get_docstring(tree) or "").splitlines())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert max((node.end_lineno or 0) - node.lineno + 1 for node in functions) <= 60


def test_it_makes_every_check_of_the_list_and_each_stands_beside_its_number() -> None:
    text = SOURCE.read_text(encoding="utf-8")
    assert [step.code for step in STEPS if f'"{step.code}"' not in text] == []
    beside = re.findall(r'step\("([a-z-]+)".*# (9\.[0-9]+\.[0-9]+)', text)
    assert len(beside) > 60
    assert [(code, number) for code, number in beside if BY_CODE[code].number != number] == []


# --- archives ---------------------------------------------------------------------------------------------------------

ARCHIVES = {
    "simple/SVwStQ2shhP8JK.bel": (0, [], [[0, 1, 4]]),
    "multi/piv4HaxpyhW275.bel": (0, [], [[6, 7, 1, 4], [6, 0, 3, 3]]),
    "threshold/gNck4YPCzd6Hnz.bel": (0, [], [[7, 6, 5, 2, 6, 6, 1, 4]]),
    "weighted/RpZnYQFC5d58aK.bel": (0, [], [[13, "2000000016"], ["2000000012", 19, "2000000026"]]),
    "simple-ff/U8VTums6yceycK.bel": (2, ["unsupported-group"], None),
    "mixnet/NZRuDdb7zPMPjo.bel": (2, ["unsupported-question"], None),
    "multi/open/piv4HaxpyhW275.bel": (0, [], None),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_fixture_has_its_verdict(name: str) -> None:
    code, report = run(HONEST / name)
    assert (code, codes(report), report["result"]) == ARCHIVES[name]


@pytest.mark.parametrize("name", ["h-basic", "thr-w", "nh-basic"])
def test_an_honest_election_has_the_expected_result(name: str) -> None:
    code, report = run(VECTORS / "belenios" / name / "election.bel")
    expected = load(f"belenios/{name}/expected-result.json")
    if name == "nh-basic":
        assert (code, codes(report)) == (2, ["unsupported-question"])
    else:
        assert (code, report["result"], report["state"]) == (0, expected["result"], "tallied")


TAMPERED_CODES = {
    "control": [],
    "ballot-dropped": ["encrypted-tally"],
    "superseded-ballot-dropped": [],
    "revote-reordered": [],
    "ballot-after-close": ["event-order"],
    "broken-parent": ["event-parent"],
    "name-is-not-hash": ["record-hash"],
    "result-changed": ["result"],
    "share-missing": ["shares-missing"],
    "num-tallied-changed": ["sized-tally"],
    "garbage-after-end": ["archive-record"],
    "election-key-not-of-trustees": ["election-key"],
    "duplicate-credential": ["duplicate-credential"],
    "mix-control": ["unsupported-question"],
    "mix-duplicate-ciphertext": ["unsupported-question"],
    "mix-no-proofs": ["unsupported-question"],
    "ballot-invalid-proof": ["invalid-signature"],
}


@pytest.mark.parametrize("case", load("belenios/archives-tampered-1/manifest.json"), ids=lambda case: case["id"])
def test_a_tampered_archive_is_refuted_with_its_code(case: Json) -> None:
    code, report = run(TAMPERED / case["file"])
    expected = 2 if case["id"].startswith("mix-") else 0 if case["expect_verify"] == "accept" else 1
    assert (code, codes(report)) == (expected, TAMPERED_CODES[case["id"]])


@pytest.mark.parametrize("name", ["superseded-ballot-dropped", "revote-reordered", "control"])
def test_only_an_older_copy_shows_that_history_was_changed(name: str) -> None:
    code, report = run(TAMPERED / f"{name}.bel", "--against", TAMPERED / "snapshot-before-close.bel")
    assert (code, codes(report)) == ((0, []) if name == "control" else (1, ["history-changed"]))


def test_an_older_copy_of_another_election_or_of_nothing_is_said_to_be_that() -> None:
    assert codes(onefile.audit(SIMPLE, TAMPERED / "snapshot-before-close.bel")[0]) == ["against-other-election"]
    report = onefile.audit(SIMPLE, TAMPERED / "manifest.json")[0]
    assert (codes(report), report.verdict) == (["against-unreadable"], "unchecked")


@pytest.mark.parametrize("name", ["result-changed", "ballot-invalid-proof", "control"])
def test_the_verdict_is_the_same_with_python_O(name: str) -> None:
    code, report = run(TAMPERED / f"{name}.bel", flags=("-O",))
    assert (code, codes(report)) == (bool(TAMPERED_CODES[name]), TAMPERED_CODES[name])


# --- single ballots ---------------------------------------------------------------------------------------------------

MUTATED_CODES = {
    "honest": [],
    "honest-zero": [],
    "copied-answers": ["individual-proof"],
    "unknown-credential": ["unknown-credential"],
    "response-plus-1": ["individual-proof"],
    "other-election-hash": ["wrong-election"],
    "scalar-plus-q": ["ballot-scalar"],
    "upper-case-hex": ["unknown-credential"],
    "duplicate-key-last": ["ballot-malformed"],
    "white-space": ["ballot-malformed"],
    "number-not-string": ["ballot-malformed"],
    "torsion-alpha-order-8": ["ballot-point"],
    "torsion-alpha-order-4": ["ballot-point"],
    "torsion-alpha-order-2": ["ballot-point"],
    "too-few-choices": ["ballot-shape"],
    "empty-proof": ["ballot-shape"],
    "no-signature": ["ballot-malformed"],
    "off-curve": ["ballot-point"],
    "rfc8032-byte-order": ["ballot-point"],
    "trailing-newline": ["ballot-malformed"],
    "leading-zero-scalar": ["ballot-scalar"],
    "trailing-object": ["ballot-malformed"],
}


@pytest.fixture(scope="session")
def ballot_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """verify-ballot's folder with the election of the mutated ballots, and the ballots themselves."""
    folder = tmp_path_factory.mktemp("ballots")
    for name, text in (("election", "election"), ("trustees", "trustees"), ("public_creds", "public_credentials")):
        (folder / f"{name}.json").write_text(MUTATED[text] + "\n", encoding="utf-8")
    for case in MUTATED["cases"]:
        (folder / f"{case['id']}.ballot").write_text(case["ballot"], encoding="utf-8")
    return folder


@pytest.mark.parametrize("case", MUTATED["cases"], ids=lambda case: case["id"])
def test_a_mutated_ballot_has_its_verdict(case: Json, ballot_folder: Path) -> None:
    report, lines = onefile.check_ballot_files(ballot_folder, [ballot_folder / f"{case['id']}.ballot"])
    assert codes(report) == MUTATED_CODES[case["id"]]
    assert (report.verdict == "ok") == (case["expect"] == "accept")
    assert len(lines) == 1


def test_the_command_says_one_line_per_ballot_and_ends_with_1_if_one_is_bad(ballot_folder: Path) -> None:
    files = [ballot_folder / f"{name}.ballot" for name in ("honest", "off-curve")]
    command = [sys.executable, str(SOURCE), str(ballot_folder), "--ballot", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    first, second = done.stdout.splitlines()
    assert done.returncode == 1
    assert f"{files[0]}: good, tracker " in first
    assert f"{files[1]}: ballot-point: " in second


def test_one_final_newline_of_a_ballot_file_is_not_part_of_the_ballot(ballot_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "ballot").write_bytes((ballot_folder / "honest.ballot").read_bytes() + b"\n")
    assert run(ballot_folder, "--ballot", tmp_path / "ballot")[0] == 0


@pytest.mark.parametrize("name", ["simple", "multi", "weighted"])
def test_a_ballot_that_was_not_cast_is_good_for_its_election_only(name: str) -> None:
    uncast = next((HONEST / name / "uncast").iterdir())
    archive = next((HONEST / name / "open").iterdir())
    assert run(archive, "--ballot", uncast)[0] == 0
    other = next((HONEST / "threshold").glob("*.bel"))
    assert codes(run(other, "--ballot", uncast)[1]) == ["wrong-election"]


def test_a_ballot_that_cannot_be_read_is_unchecked(ballot_folder: Path) -> None:
    code, report = run(ballot_folder, "--ballot", ballot_folder / "nothing")
    assert (code, codes(report)) == (2, ["unreadable"])


# --- the command line -------------------------------------------------------------------------------------------------


def test_wrong_usage_ends_with_64() -> None:
    assert run()[0] == 64
    assert run(SIMPLE, "--level", "high")[0] == 64
    assert run(SIMPLE, "--ballot", SIMPLE, "--against", SIMPLE)[0] == 64


def test_what_cannot_be_read_is_unchecked(tmp_path: Path) -> None:
    (tmp_path / "letter.bel").write_text("Dear Sir or Madam", encoding="utf-8")
    assert run(tmp_path / "letter.bel")[0] == 2
    assert codes(onefile.audit(tmp_path / "letter.bel")[0]) == ["not-an-archive"]
    assert codes(onefile.audit(tmp_path / "nothing.bel")[0]) == ["unreadable"]
    (tmp_path / "empty").mkdir()
    assert codes(onefile.audit(tmp_path / "empty")[0]) == ["unreadable"]


def test_a_fault_of_the_program_is_no_verdict() -> None:
    program = "import sys; from veche.observer import onefile; sys.excepthook = onefile.own_fault; 1 / 0"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, "ZeroDivisionError" in done.stderr) == (70, True)


def test_a_ballot_for_a_record_without_election_is_unchecked(tmp_path: Path) -> None:
    (tmp_path / "x.bel").write_bytes(SIMPLE.read_bytes()[:1024])
    code, report = run(tmp_path / "x.bel", "--ballot", SIMPLE)
    assert (code, codes(report)) == (2, ["no-setup"])


def test_the_json_has_the_fields_that_the_audit_has() -> None:
    _, report = run(SIMPLE)
    assert list(report) == ["verdict", "level", "state", "election", "counts", "result", "findings"]
    assert (report["election"], report["state"], report["level"]) == ("SVwStQ2shhP8JK", "tallied", "belenios")
    assert report["counts"]["ballots"] == 5
    assert report["counts"]["proofs"] == 40


def test_the_text_has_a_line_per_phase_and_a_verdict() -> None:
    done = subprocess.run([sys.executable, str(SOURCE), str(SIMPLE)], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[: len(onefile.PHASES)]] == [number for number, _, _ in onefile.PHASES]
    assert lines[-1].startswith("OK")


def test_an_election_of_level_belenios_is_too_low_when_strict_is_asked() -> None:
    assert codes(onefile.audit(SIMPLE, asked="strict")[0]) == ["level-too-low"]
