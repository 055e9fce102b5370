"""Two verifiers that share no code say the same: the audit, and observer/onefile.py.

They agree on verdict, exit code and every code that decides it; where the verdict is ok, also on warnings and notices, level, state
and result.
One thing the second verifier leaves out, and says so: it does not open the encrypted messages of a complaint.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.election.record_builder import archive_of
from tests.observer.beginnings import STATES, beginning
from tests.observer.refusal_case import TAMPERED, Case, Make, bare
from tests.observer.refused_inputs import ALONE, CASES
from tests.observer.refused_logs import ONE_WITNESS, logged
from tests.observer.remarked_inputs import REMARKS, Remark
from tests.vectors import VECTORS, load
from veche.crypto.errors import ElectionError, Unsupported
from veche.observer import onefile
from veche.observer.audit import audit
from veche.observer.ballot_files import load_voting, read_ballot_file
from veche.observer.report import Report
from veche.observer.sources import open_older, open_source

# Thousands of small audits by the slow verifier: in CI, not before every commit.
pytestmark = pytest.mark.slow

ARCHIVES = sorted(VECTORS.glob("**/*.bel"))
SNAPSHOT = TAMPERED / "snapshot-before-close.bel"
EXPECTED = {one["file"]: one for one in load("belenios/archives-tampered-1/manifest.json")}
MUTATED = load("belenios/ballots-mutated-1.json")
WHOLE = logged(ONE_WITNESS, cosigned="rightly")
NOT_OPENED = "messages-not-opened"


def first(source: Path, against: Path | None = None, level: str | None = None) -> Report:
    """What the audit says."""
    report = Report(source.name)
    try:
        older = None if against is None else open_older(str(against))
        return audit(open_source(str(source)), against=older, level=level)
    except Unsupported as error:
        report.refuse(error, source.name)
    return report


def second(source: Path, against: Path | None = None, level: str | None = None) -> dict[str, Any]:
    """What the second verifier says, as it prints it."""
    report, _ = onefile.audit(source, against, level)
    said: dict[str, Any] = json.loads(report.as_json())
    return said | {"exit": onefile.EXIT_CODES[report.verdict]}


def codes(said: dict[str, Any]) -> set[tuple[str, str]]:
    """What was found. Of a bad record one may have noticed more of what does not matter, before it stopped."""
    found = {(one["code"], one["severity"]) for one in said["findings"] if one["code"] != NOT_OPENED}
    return found if said["verdict"] == "ok" else {one for one in found if one[1] in ("error", "unchecked")}


def assert_same(source: Path, against: Path | None = None, level: str | None = None) -> None:
    """Both say the same about this source."""
    report = first(source, against, level)
    mine, other = report.to_json(), second(source, against, level)
    assert codes(other) == codes(mine)
    assert (other["verdict"], other["exit"]) == (mine["verdict"], report.exit_code)
    if mine["verdict"] == "ok":
        for field in ("level", "state", "election", "result"):
            assert other[field] == mine[field], field


def made(case: Case | Remark, folder: Path) -> tuple[Path, Path | None]:
    """The input, and the older copy if there is one."""
    (folder / "record").mkdir()
    (folder / "older").mkdir()
    older: Make | None = case.against
    return case.make(folder / "record"), None if older is None else older(folder / "older")


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_both_say_the_same_about_every_archive(archive: Path) -> None:
    assert_same(archive)


@pytest.mark.parametrize("archive", sorted(TAMPERED.glob("*.bel")), ids=attrgetter("stem"))
def test_both_say_the_same_beside_an_older_copy(archive: Path) -> None:
    assert_same(archive, SNAPSHOT)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_both_say_of_a_tampered_archive_what_is_expected(name: str) -> None:
    expected = EXPECTED[name]
    if name.startswith("mix-"):
        # Shuffles are not supported yet: neither accepted nor refuted.
        assert first(TAMPERED / name).exit_code == second(TAMPERED / name)["exit"] == 2
        return
    code = {"accept": 0, "refuse": 1}
    assert first(TAMPERED / name).exit_code == code[expected["expect_verify"]]
    beside = code[expected.get("expect_verify_diff_against_snapshot", expected["expect_verify"])]
    assert first(TAMPERED / name, SNAPSHOT).exit_code == second(TAMPERED / name, SNAPSHOT)["exit"] == beside


@pytest.mark.parametrize("case", [case for case in ALONE if not case.opened], ids=attrgetter("id"))
def test_both_refuse_by_the_same_check(case: Case, tmp_path: Path) -> None:
    assert_same(*made(case, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if not case.alone and not case.opened], ids=attrgetter("id"))
def test_both_refuse_by_the_same_check_whatever_the_fault(case: Case, tmp_path: Path) -> None:
    assert_same(*made(case, tmp_path))


@pytest.mark.parametrize("case", [case for case in CASES if case.opened], ids=attrgetter("id"))
def test_the_second_says_so_where_a_message_would_have_to_be_opened(case: Case, tmp_path: Path) -> None:
    source, _ = made(case, tmp_path)
    assert first(source).codes() == (case.code,)
    said = second(source)
    assert said["verdict"] == "ok"
    assert [(one["code"], one["severity"]) for one in said["findings"]] == [(NOT_OPENED, "notice")]


# The archive with keys in the old form is large, and among the archives above.
@pytest.mark.parametrize("remark", [one for one in REMARKS if one.code != "legacy-key-generation"], ids=attrgetter("id"))
def test_both_remark_the_same(remark: Remark, tmp_path: Path) -> None:
    assert_same(*made(remark, tmp_path), remark.asked)


def test_both_cannot_read_what_is_not_there(tmp_path: Path) -> None:
    assert_same(tmp_path / "nothing.bel")
    assert_same(tmp_path)
    assert_same(SNAPSHOT, tmp_path / "nothing.bel")
    assert_same(SNAPSHOT, tmp_path)


@pytest.mark.parametrize("length", range(len(STATES) + 1))
def test_both_say_the_same_of_every_beginning(length: int, tmp_path: Path) -> None:
    assert_same(beginning(length, tmp_path))


@pytest.mark.parametrize("count", range(1, 11))
def test_both_say_the_same_of_every_beginning_of_an_archive(count: int, tmp_path: Path) -> None:
    path = tmp_path / "4hVecheTestA11.bel"
    path.write_bytes(archive_of(bare().events[:count]))
    assert_same(path)


def lines_swapped(content: bytes, first: int, second: int) -> bytes:
    lines = content.splitlines(keepends=True)
    i, j = first % len(lines), second % len(lines)
    lines[i], lines[j] = lines[j], lines[i]
    return b"".join(lines)


TOKENS: list[bytes] = [
    b'"',
    b",",
    b"{",
    b"}",
    b"[",
    b"]",
    b"0",
    b"1",
    b" ",
    b"\n",
    b"\\u0041",
    b"null",
    b"true",
    b"-",
    b".0",
    b"\xff",
    b"A",
]
FAULTS: list[Callable[[bytes, int, int], bytes]] = [
    lambda content, at, bit: content[:at] + bytes([content[at] ^ 1 << bit % 8]) + content[at + 1 :],
    lambda content, at, token: content[:at] + TOKENS[token % len(TOKENS)] + content[at + 1 :],
    lambda content, at, token: content[:at] + TOKENS[token % len(TOKENS)] + content[at:],
    lambda content, at, length: content[:at] + content[at + length :],
    lambda content, at, _: content[:at],
    lines_swapped,
]
FILES = ["4hVecheTestA11.bel", "manifest.json", "entries.jsonl", "entries.jsonl", "data", "checkpoint", "checkpoint", "tile"]


@pytest.mark.slow
@settings(max_examples=150)
@given(
    name=st.sampled_from(FILES),
    place=st.floats(0, 1, exclude_max=True),
    fault=st.sampled_from(FAULTS),
    how=st.integers(0, 100),
)
def test_both_say_the_same_whatever_is_wrong_in_a_file(
    name: str,
    place: float,
    fault: Callable[[bytes, int, int], bytes],
    how: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = WHOLE(tmp_path_factory.mktemp("record"))
    files = [path for path in sorted((folder / name).rglob("*")) if path.is_file()] if name in ("data", "tile") else [folder / name]
    path = files[how % len(files)]
    content = path.read_bytes() or b"x"
    path.write_bytes(fault(content, int(place * len(content)), how))
    assert_same(folder)


@pytest.fixture(scope="module")
def election(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `verify-ballot` takes, for the mutated ballots."""
    folder = tmp_path_factory.mktemp("election")
    (folder / "election.json").write_text(MUTATED["election"], encoding="utf-8")
    (folder / "trustees.json").write_text(MUTATED["trustees"], encoding="utf-8")
    (folder / "public_creds.json").write_text(MUTATED["public_credentials"], encoding="utf-8")
    return folder


@pytest.mark.parametrize("case", MUTATED["cases"], ids=lambda case: case["id"])
def test_both_say_the_same_of_a_ballot_and_what_is_expected(case: dict[str, Any], election: Path, tmp_path: Path) -> None:
    ballot = tmp_path / "ballot.json"
    # A file of a ballot may end in one newline; the ballot `trailing-newline` has one itself.
    ballot.write_text(case["ballot"] + "\n", encoding="utf-8")
    code = ""
    try:
        load_voting(str(election)).verify(read_ballot_file(str(ballot)))
    except ElectionError as error:
        code = error.code
    report, _ = onefile.check_ballot_files(election, [ballot])
    assert [finding["code"] for finding in report.findings] == ([code] if code else [])
    assert (code == "") == (case["expect"] == "accept")
