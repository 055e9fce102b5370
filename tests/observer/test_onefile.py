"""The second verifier: what it accepts, and the code with which it refuses each fraud of the vectors and of our own."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nacl import bindings, exceptions

from tests.observer import onefile_cases as cases
from tests.observer.onefile_cases import CLOSES, CREDENTIALS, OPENS, RESULT, SECRETS, UUID, Story
from tests.vectors import VECTORS, load
from veche.observer import onefile
from veche.observer.onefile import CheckError, FindingError, Report, dumps, parse_json, sha256_hex
from veche.observer.steps import STEPS, phase_of

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
    "ballot-after-close": ["record-order"],
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
    first, second = done.stdout.splitlines()[:2]
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


def test_the_json_has_the_fields_that_the_audit_has() -> None:
    _, report = run(SIMPLE)
    assert list(report) == ["verdict", "level", "state", "election", "counts", "result", "findings"]
    assert (report["election"], report["state"], report["level"]) == ("SVwStQ2shhP8JK", "tallied", "belenios")
    assert report["counts"]["ballots"] == 5
    assert report["counts"]["proofs"] == 40


def test_the_text_has_a_line_per_phase_and_a_verdict() -> None:
    done = subprocess.run([sys.executable, str(SOURCE), str(SIMPLE)], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[:11]] == [number for number, _, _ in onefile.PHASES]
    assert lines[-1].startswith("OK")


def test_an_election_of_level_belenios_is_too_low_when_strict_is_asked() -> None:
    assert codes(onefile.audit(SIMPLE, asked="strict")[0]) == ["level-too-low"]


# --- 9.1, byte by byte ------------------------------------------------------------------------------------------------


def blocks(data: bytes) -> list[bytes]:
    """The records of an archive, each with header and padding."""
    found, offset = [], 0
    while offset < len(data):
        size = 512 + (int(data[offset + 124 : offset + 135], 8) + 511) // 512 * 512
        found.append(data[offset : offset + size])
        offset += size
    return found


def with_event(change: Callable[[Json], Json], index: int = 1) -> bytes:
    """The simple archive, in which one event is written otherwise (and those after it left out)."""
    parts = onefile.read_archive(SIMPLE.read_bytes())
    events = [(event.text, event.data) for event in parts[: index + 1]]
    text = json.dumps(change(json.loads(events[index][0])), separators=(",", ":")).encode()
    return cases.archive([*events[:index], (text, events[index][1])], 1795323504)


def with_data(index: int, change: Callable[[list[bytes]], list[bytes]]) -> bytes:
    """The simple archive up to an event that brings other data."""
    parts = onefile.read_archive(SIMPLE.read_bytes())
    events = [(event.text, event.data) for event in parts[:index]]
    data = change(parts[index].data)
    return cases.archive([*events, (cases.event_text(events, parts[index].kind, data), data)], 1795323504)


def rewritten(record: int, content: bytes) -> bytes:
    """The simple archive with other content in one record, well named."""
    parts = blocks(SIMPLE.read_bytes())
    name = "BELENIOS" if record == 0 else f"{sha256_hex(content)}.data.json"
    parts[record] = cases.record(name, content, 1795323504)
    return b"".join(parts)


def in_order(kinds: list[str]) -> bytes:
    """An archive whose events have these types, in this order, each with the data of the simple election."""
    parts = {event.kind: event for event in onefile.read_archive(SIMPLE.read_bytes())}
    events: list[tuple[bytes, list[bytes]]] = []
    for kind in kinds:
        data = parts[kind].data if kind in parts else [b"{}", dumps({"owner": 1, "payload": sha256_hex(b"{}")})]
        data = [] if kind == "EndShuffles" else data
        events.append((cases.event_text(events, kind, data), data))
    return cases.archive(events, 1795323504)


def end_with_data() -> bytes:
    setup = onefile.read_archive(SIMPLE.read_bytes())[0]
    events = [(setup.text, setup.data)]
    return cases.archive([*events, (cases.event_text(events, "EndBallots", []), [b"{}"])])


def patched(offset: int, new: bytes) -> bytes:
    data = bytearray(SIMPLE.read_bytes())
    data[offset : offset + len(new)] = new
    return bytes(data)


OWNED = dumps({"owner": 1, "payload": "0" * 64})
ARCHIVE_CASES: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty file": (lambda: b"", "archive-truncated"),
    "cut in its magic": (lambda: b"BELEN", "archive-truncated"),
    "cut in a header": (lambda: SIMPLE.read_bytes()[:1324], "archive-truncated"),
    "cut in content": (lambda: SIMPLE.read_bytes()[:1600], "archive-truncated"),
    "cut in padding": (lambda: SIMPLE.read_bytes()[:-1], "archive-truncated"),
    "cut before an event": (lambda: b"".join(blocks(SIMPLE.read_bytes())[:-1]), "archive-truncated"),
    "no event": (lambda: b"".join(blocks(SIMPLE.read_bytes())[:1]), "archive-truncated"),
    "mode": (lambda: patched(1024 + 106, b"5"), "archive-record"),
    "mtime": (lambda: patched(1024 + 146, b"1"), "archive-record"),
    "padding": (lambda: patched(600, b"x"), "archive-record"),
    "magic of another tar": (lambda: patched(1024 + 257, b"ustar"), "archive-record"),
    "end-of-archive blocks": (lambda: SIMPLE.read_bytes() + bytes(1024), "archive-record"),
    "header twice": (lambda: blocks(SIMPLE.read_bytes())[0] + SIMPLE.read_bytes(), "archive-record"),
    "header with a space": (lambda: rewritten(0, b'{"version":1, "timestamp":"1795323504"}'), "archive-header"),
    "timestamp with a zero": (lambda: rewritten(0, b'{"version":1,"timestamp":"01795323504"}'), "archive-header"),
    "other version": (lambda: rewritten(0, b'{"version":2,"timestamp":"1795323504"}'), "unsupported-version"),
    "content changed": (lambda: patched(1024 + 512 + 14, b"x"), "record-hash"),
    "unknown type": (lambda: with_event(lambda event: event | {"type": "Banquet"}), "event-malformed"),
    "unknown field": (lambda: with_event(lambda event: event | {"note": "x"}), "event-malformed"),
    "parent missing": (lambda: with_event(lambda event: dict(list(event.items())[1:])), "event-malformed"),
    "parent at the first": (lambda: with_event(lambda event: {"parent": "0" * 64} | event, 0), "event-malformed"),
    "payload missing": (lambda: with_event(lambda event: dict(list(event.items())[:-1])), "event-malformed"),
    "height as text": (lambda: with_event(lambda event: event | {"height": "1"}), "event-malformed"),
    "height": (lambda: with_event(lambda event: event | {"height": 2}), "event-height"),
    "parent": (lambda: with_event(lambda event: event | {"parent": "0" * 64}), "event-parent"),
    "payload": (lambda: with_event(lambda event: event | {"payload": "0" * 64}), "record-order"),
    "one record more": (lambda: with_data(1, lambda data: [b"{}", *data]), "record-order"),
    "data before EndBallots": (lambda: end_with_data(), "record-order"),
    "sized tally of another": (lambda: with_data(7, lambda data: [b"[]", data[1]]), "record-order"),
    "owned of another": (lambda: with_data(8, lambda data: [data[0], OWNED]), "record-order"),
    "owned with owner 0": (
        lambda: with_data(8, lambda data: [data[0], dumps({"owner": 0, "payload": sha256_hex(data[0])})]),
        "record-order",
    ),
    "no Setup": (lambda: in_order(["Ballot"]), "event-order"),
    "second Setup": (lambda: in_order(["Setup", "Setup"]), "event-order"),
    "ballot after the end": (lambda: in_order(["Setup", "EndBallots", "Ballot"]), "event-order"),
    "two ends": (lambda: in_order(["Setup", "EndBallots", "EndBallots"]), "event-order"),
    "tally before the end": (lambda: in_order(["Setup", "EncryptedTally"]), "event-order"),
    "share twice": (
        lambda: in_order(["Setup", "EndBallots", "EncryptedTally", *["PartialDecryption"] * 2]),
        "event-order",
    ),
    "end of no shuffle": (lambda: in_order(["Setup", "EndBallots", "EndShuffles"]), "event-order"),
    "share inside shuffles": (
        lambda: in_order(["Setup", "EndBallots", "EncryptedTally", "Shuffle", "PartialDecryption"]),
        "event-order",
    ),
    "after the result": (
        lambda: in_order(["Setup", "EndBallots", "EncryptedTally", "PartialDecryption", "Result", "Result"]),
        "event-order",
    ),
}


@pytest.mark.parametrize("name", ARCHIVE_CASES)
def test_an_archive_is_refused_at_its_first_wrong_byte(name: str, tmp_path: Path) -> None:
    make, expected = ARCHIVE_CASES[name]
    (tmp_path / "x.bel").write_bytes(make())
    report, lines = onefile.audit(tmp_path / "x.bel")
    assert codes(report) == [expected]
    assert len(lines) == len(onefile.PHASES)


def test_every_beginning_that_ends_after_an_event_is_a_running_election(tmp_path: Path) -> None:
    parts = blocks(SIMPLE.read_bytes())
    ends = [place + 1 for place, block in enumerate(parts) if b".event.json" in block[:100]]
    states = []
    for end in (ends[0], ends[3], *ends[6:]):
        (tmp_path / "x.bel").write_bytes(b"".join(parts[:end]))
        report, _ = onefile.audit(tmp_path / "x.bel", SIMPLE if end == ends[-1] else None)
        assert report.verdict == "ok"
        states.append(report.state)
    assert states == ["open", "open", "closed", "decrypting", "decrypting", "tallied"]


# --- strict JSON ------------------------------------------------------------------------------------------------------

NOT_JSON = [
    b"", b"{", b'{"a":1}x', b'{"a":1}\n{}', b'{"a":1,"a":1}', b'{"a":1,"\\u0061":1}', b"1.0", b"1e3", b"NaN", b"-Infinity",
    b"-0", b"01", b"+1", b"9" * 400, b"\xef\xbb\xbf1", b'"\xff"', b'"\xed\xa0\x80"', b'"\\ud800"', b'"\n"', b"'a'",
    b"[" * 17 + b"]" * 17, b"[" * 100_000, b"\x00", b"1 2", "\u0661".encode(), b"[1,]", b"nul",
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_JSON, ids=range(len(NOT_JSON)))
def test_what_parsers_differ_about_is_no_json(text: bytes) -> None:
    assert refused(lambda: parse_json(text))


NOT_CANONICAL = [b"[1, 2]", b" 1", b"1\n", b'"\\u0041"', b'"\\/"', b'"\x7f"', b'"\\u007F"', b'"\\u000a"', b'"\\u00e9"']


@pytest.mark.parametrize("text", NOT_CANONICAL)
def test_a_value_has_one_canonical_text(text: bytes) -> None:
    parse_json(text)
    assert refused(lambda: onefile.parse_canonical(text))


def test_a_canonical_text_is_read() -> None:
    text = '{"a":[true,null,"é\\u007f\\u0001\\n/中"],"b":-5}'.encode()
    assert onefile.parse_canonical(text) == {"a": [True, None, "é\x7f\x01\n/中"], "b": -5}
    parse_json(b"[" * 16 + b"]" * 16)


# --- points and Ed25519 -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", load("ed25519/points-1.json")["points"], ids=lambda point: point["note"])
def test_a_point_is_decoded_exactly_when_it_is_a_canonical_member(point: Json) -> None:
    verdict = point["decode_as_group_element"]
    assert refused(lambda: onefile.decode(point["belenios"])) == (verdict != "accept")
    assert refused(lambda: onefile.decode(point["belenios"], True)) == (verdict == "refuse")


def test_small_powers_and_lagrange_weights_are_those_of_the_vectors() -> None:
    powers = next(one for one in BELENIOS if one["name"] == "small powers" and one["source"] == "Ed25519")
    assert onefile.encode(onefile.combine((2, onefile.G))) == powers["g^2"]
    assert onefile.encode(onefile.combine((5, onefile.G), (onefile.Q - 5, onefile.G))) == powers["identity"]
    weights = next(one for one in BELENIOS if one["name"] == "lagrange")
    assert [str(onefile.lagrange((1, 3), j)) for j in (1, 3)] == [weights["lambda1"], weights["lambda3"]]


def libsodium_accepts(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        bindings.crypto_sign_open(signature + message, public)
    except exceptions.BadSignatureError:
        return False
    return True


def test_ed25519_signatures_are_judged_as_wycheproof_says() -> None:
    for group in load("ed25519/wycheproof-ed25519_test.json")["testGroups"]:
        public = bytes.fromhex(group["publicKey"]["pk"])
        for test in group["tests"]:
            message, signature = bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])
            wrong = refused(lambda k=public, m=message, s=signature: onefile.verify_ed25519(k, m, s))  # type: ignore[misc]
            assert wrong == (test["result"] != "valid"), test["tcId"]


def test_ed25519_signatures_of_strange_points_are_judged_as_libsodium_does() -> None:
    for case in load("ed25519/cctv-ed25519vectors.json"):
        public, signature, message = bytes.fromhex(case["key"]), bytes.fromhex(case["sig"]), case["msg"].encode()
        wrong = refused(lambda k=public, m=message, s=signature: onefile.verify_ed25519(k, m, s))  # type: ignore[misc]
        assert wrong != libsodium_accepts(public, message, signature), case["number"]


# --- the worked values of Belenios ------------------------------------------------------------------------------------


def test_every_string_that_the_vectors_hash_is_hashed_here(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: set[str] = set()
    real = onefile.sha256_hex

    def spy(data: bytes) -> str:
        hashed.add(real(data))
        return real(data)

    monkeypatch.setattr(onefile, "sha256_hex", spy)
    for path in (HONEST / "simple/SVwStQ2shhP8JK.bel", HONEST / "multi/piv4HaxpyhW275.bel"):
        assert onefile.audit(path)[0].verdict == "ok"
    for path in (HONEST / "threshold/gNck4YPCzd6Hnz.bel", VECTORS / "belenios/thr-w/election.bel"):
        onefile.check_setup(onefile.read_archive(path.read_bytes())[0].data, Report().counts)
    wanted = [one for one in BELENIOS if "mod_q" in one and "hashed" in one]
    mine = [one for one in wanted if not one["source"].startswith(("simple-ff", "mixnet"))]
    assert len(mine) == 12
    assert [one["name"] for one in mine if one["sha256"] not in hashed] == []
    assert all(int(one["sha256"], 16) % onefile.Q == int(one["mod_q"]) for one in mine)


# --- the worked values of the record ----------------------------------------------------------------------------------


def item(value: Json) -> bytes | int | str:
    if "bytes" in value:
        return bytes.fromhex(value["bytes"])
    return int(value["integer"]) if "integer" in value else str(value["text"])


@pytest.mark.parametrize("vector", RECORD["transcripts"])
def test_a_transcript_and_its_challenge_are_those_of_the_vectors(vector: Json) -> None:
    items = [item(value) for value in vector["items"]]
    assert onefile.transcript(vector["tag"], *items).hex() == vector["bytes"]
    assert str(onefile.record_challenge(vector["tag"], *items)) == vector["challenge"]


def test_the_signature_of_the_vectors_holds_and_no_changed_one() -> None:
    good = RECORD["signature"]
    onefile.verify_signature(good["public"], bytes.fromhex(good["message"]), good["signature"])
    for bad in good["refused"]:
        message = bytes.fromhex(bad["message"])
        assert refused(lambda b=bad, m=message: onefile.verify_signature(b["public"], m, b["signature"])), bad["what"]  # type: ignore[misc]


@pytest.mark.parametrize("vector", RECORD["equality"], ids=lambda vector: vector["name"])
def test_the_equality_proof_of_the_vectors_holds_and_no_changed_one(vector: Json) -> None:
    def verify(one: Json) -> None:
        onefile.verify_equality(bytes.fromhex(one["context"]), one["X"], one["A"], one["F"], one["proof"])

    verify(vector)
    for bad in vector["refused"]:
        assert refused(lambda b=bad: verify(b)), bad["what"]  # type: ignore[misc]


MANIFEST_CODES = {
    "newline after the line": "manifest-line",
    "hash in capitals": "manifest-line",
    "another hash": "manifest-hash",
    "two such lines": "manifest-line",
    "level of the line differs": "manifest-level",
    "space added": "manifest-malformed",
    "fields exchanged": "manifest-malformed",
    "unknown field": "manifest-malformed",
    "field missing": "manifest-malformed",
    "closes before it opens": "manifest-times",
    "end after the limit": "manifest-times",
    "no newline before the line": "manifest-line",
    "project twice": "manifest-malformed",
    "project id with a space": "manifest-malformed",
    "box key is the log key": "manifest-keys",
    "registrar missing at strict": "manifest-keys",
    "key id of the box key is wrong": "manifest-keys",
    "level belenios inside, strict in the line": "manifest-level",
    "answer differs from the title": "manifest-options",
    "an answer more": "manifest-options",
}


def test_the_manifest_of_the_vectors_is_good_and_each_changed_one_has_its_code() -> None:
    good = RECORD["manifest"]

    def check(one: Json) -> None:
        text = one["text"].encode()
        onefile.check_manifest(text, sha256_hex(text), UUID, one["description"], one["answers"])

    check(good)
    for bad in good["refused"]:
        with pytest.raises(FindingError) as caught:
            check(bad)
        assert caught.value.finding["code"] == MANIFEST_CODES[bad["what"]], bad["what"]


@pytest.mark.parametrize("vector", RECORD["ceremony"]["runs"], ids=lambda vector: vector["kind"])
def test_a_run_of_the_vectors_is_checked_and_every_complaint_judged(vector: Json) -> None:
    text, report = vector["file"].encode(), Report()
    assert sha256_hex(text) == vector["sha256"]
    run_file = onefile.parse_run(text)
    certificates = onefile.check_run_certificates(run_file)
    run_hash = onefile.list_hash(run_file["certificates"])
    assert run_hash.hex() == vector["list_hash"]
    onefile.check_reveals(run_file, certificates)
    onefile.check_judgement(run_file, certificates, report)
    assert codes(report, "notice") == ([] if vector["kind"] == "finished" else ["messages-not-opened"])
    keys = [certificate["encryption"] for certificate in certificates]
    for case in vector.get("judgements", []):
        found = onefile.judge_complaint(run_hash, "gcm", keys, case["secret_hash"], case["complaint"])
        needs_opening = case["reason"] in NEEDS_OPENING
        assert found == ("unopened" if needs_opening else case["verdict"]), case["what"]


NEEDS_OPENING = ("tag-wrong", "text-malformed", "signature-wrong", "recipient-wrong", "share-wrong", "message-good")


def fault_of(reveal: Json, place: int, commitments: list[str], run_file: Json) -> str:
    """Which check refuses what trustee `place` revealed."""
    run_hash = onefile.list_hash(run_file["certificates"])
    signer = onefile.check_run_certificates(run_file)[place - 1]["verification"]
    if refused(lambda: onefile.verify_commitment(run_hash, place, commitments[place - 1], reveal)):
        return "commitment"
    return "reveal" if refused(lambda: onefile.verify_reveal(run_hash, place, 2, commitments, reveal, signer)) else ""


def test_a_reveal_that_was_changed_is_refused() -> None:
    run_file = onefile.parse_run(cases.FINISHED["file"].encode())
    for place, reveal in enumerate(run_file["reveals"], 1):
        assert fault_of(reveal, place, run_file["commitments"], run_file) == ""
    for case in cases.FINISHED["refused"]:
        expected = "commitment" if case["reason"] == "commitment-differs" else "reveal"
        assert fault_of(case["reveal"], case["trustee"], case["commitments"], run_file) == expected, case["what"]


@pytest.mark.parametrize("vector", RECORD["drill"]["owners"], ids=lambda vector: str(vector["owner"]))
def test_the_drills_of_the_vectors_are_good_and_no_changed_one(vector: Json) -> None:
    drill = RECORD["drill"]

    def verify(one: Json) -> None:
        hashes = bytes.fromhex(one["manifest"]), bytes.fromhex(one["trustees"])
        onefile.verify_drill(one["uuid"], *hashes, one["owner"], one["public"], one["factor"], one["proof"])

    fixed = {name: drill[name] for name in ("uuid", "manifest", "trustees")}
    hashes = bytes.fromhex(drill["manifest"]), bytes.fromhex(drill["trustees"])
    assert onefile.drill_base(drill["uuid"], *hashes, vector["owner"]) == vector["base"]
    verify(vector | fixed)
    for bad in vector["refused"]:
        assert refused(lambda b=bad: verify(b)), bad["what"]  # type: ignore[misc]


@pytest.mark.parametrize("vector", RECORD["strong_decryption"]["shares"], ids=lambda vector: str(vector["owner"]))
def test_the_strong_proofs_of_the_vectors_hold_and_no_changed_one(vector: Json) -> None:
    strong = RECORD["strong_decryption"]
    tally = json.loads(strong["tally"])
    alphas = [ct["alpha"] for row in tally for ct in row]
    share = json.loads(vector["partial_decryption"])
    flat = [factor for row in share["decryption_factors"] for factor in row]

    def verify(one: Json) -> None:
        context = onefile.share_context(
            one["setup_hash"], one["encrypted_tally_hash"], one["owner"], one["payload"]
        )
        onefile.verify_equality(context, one["public"], one["A"], one["F"], one["proof"])

    hashes = strong["setup_hash"], strong["encrypted_tally_hash"]
    named = dict(zip(("setup_hash", "encrypted_tally_hash"), hashes, strict=True))
    verify(vector | named | {"A": alphas, "F": flat})
    message = onefile.delivery_message(*hashes, vector["owner"], vector["payload"], vector["proof"])
    assert message.hex() == vector["delivery"]["message"]
    onefile.verify_signature(vector["public"], message, vector["delivery"]["signature"])
    data = [one.encode() for one in (strong["election"], cases.FINISHED["trustees.json"], strong["credentials"])]
    election = onefile.check_election(data, Report().counts)
    assert election.fingerprint == strong["fingerprint"]
    assert onefile.verify_share(vector["owner"], vector["partial_decryption"].encode(), election, tally)
    for bad in vector["refused"]:
        assert refused(lambda b=bad: verify(b)), bad["what"]  # type: ignore[misc]


def test_the_delivery_of_a_refused_share_is_signed() -> None:
    refusal = json.loads(next(one["text"] for one in RECORD["annexes"]["texts"] if one["type"] == "share-refused"))
    strong = RECORD["strong_decryption"]
    hashes = strong["setup_hash"], strong["encrypted_tally_hash"]
    message = onefile.delivery_message(*hashes, refusal["owner"], refusal["payload"], refusal["proof"])
    assert message.hex() == RECORD["annexes"]["share_delivery_refused"]["message"]
    onefile.verify_signature(strong["shares"][0]["public"], message, refusal["signature"])


@pytest.mark.parametrize("vector", RECORD["annexes"]["texts"], ids=lambda vector: vector["type"])
def test_an_annex_of_the_vectors_is_read(vector: Json) -> None:
    entry = onefile.parse_entry(0, vector["text"].encode(), UUID)
    assert (entry.kind, entry.annex) == (vector["type"], True)


def verify_issued(text: str) -> None:
    value = onefile.parse_entry(0, text.encode(), UUID).value
    unsigned = dumps({name: part for name, part in value.items() if name != "signature"}) + b"\n"
    with onefile.step("issued-signature", "entry 0"):
        onefile.verify_note_line(onefile.parse_vkey(RECORD["annexes"]["issued"]["vkey"]), unsigned, value["signature"])


@pytest.mark.parametrize("vector", RECORD["annexes"]["refused"], ids=lambda vector: vector["what"])
def test_a_changed_annex_is_refused_with_its_code(vector: Json) -> None:
    expected = {"wrong-election": "entry-election", "registrar-signature": "issued-signature"}
    with pytest.raises(FindingError) as caught:
        (verify_issued if vector["what"].startswith("issued") else _read_entry)(vector["text"])
    assert caught.value.finding["code"] == expected.get(vector["reason"], "entry-malformed")


def _read_entry(text: str) -> None:
    onefile.parse_entry(0, text.encode(), UUID)


def test_the_issued_annex_of_the_vectors_is_signed_by_the_registrar() -> None:
    verify_issued(next(one["text"] for one in RECORD["annexes"]["texts"] if one["type"] == "issued"))


@pytest.mark.parametrize("vector", RECORD["sequences"], ids=lambda vector: vector["why"])
def test_entries_may_come_in_exactly_the_orders_of_the_vectors(vector: Json) -> None:
    groups = [(vector["group"], vector["threshold"])] if vector["group"] else []
    groups += [([owner], 1) for owner in vector["single"]]
    course = onefile.Course(vector["level"] == "strict", vector["non_homomorphic"], groups)
    illegal = None
    for place, text in enumerate(vector["entries"]):
        kind, _, owner = text.partition("/")
        if refused(lambda k=kind, o=owner: course.take(k, int(o) if o else None)):  # type: ignore[misc]
            illegal = place
            break
    assert illegal == vector.get("first_illegal")
    assert illegal is not None or course.state == vector["state"]


def test_the_acknowledgement_of_the_vectors_is_signed_by_the_box() -> None:
    acknowledgement = RECORD["acknowledgement"]
    key = onefile.parse_vkey(acknowledgement["vkey"])
    text, _, line = acknowledgement["note"].rpartition("\n\n")
    onefile.verify_note_line(key, f"{text}\n".encode(), line.removesuffix("\n"))
    assert len(b64decode(line.split()[-1])) == 68


# --- the folder form --------------------------------------------------------------------------------------------------


def test_a_whole_strict_record_is_ok(tmp_path: Path) -> None:
    folder = Story().tell().write(tmp_path)
    code, report = run(folder, "--level", "strict")
    assert (code, report["level"], report["state"], report["result"]) == (0, "strict", "certified", RESULT)
    assert codes(report, "warning", "notice") == ["log-not-served", "messages-not-opened", "messages-not-opened"]
    assert report["counts"]["strong_proofs"] == 2


def belenios(**more: Any) -> Story:
    return Story(manifest={"level": "belenios"}, **more)


FOUR: dict[str, Json] = {"withheld": {"minimum": 4}}
HONEST_STORIES: dict[str, tuple[Callable[[], Story], str]] = {
    "all three shares": (lambda: Story(shares=(3, 1, 2)), "certified"),
    "level belenios": (lambda: belenios(), "certified"),
    "level belenios without proofs": (lambda: belenios(skip={"proof 1", "proof 3", "dkg"}), "certified"),
    "withheld": (lambda: Story(manifest={"withhold": True, "minimum_ballots": 4}, fields=FOUR), "withheld"),
    "a late opening explained": (
        lambda: Story(fields={"opened": {"time": OPENS + 99}}, extra=incident("opened")),
        "certified",
    ),
    "extended": (
        lambda: Story(
            extra={"EndBallots": [("extended", {"time": OPENS + 9, "closes_at": CLOSES + 50, "reason": "outage"})]},
            fields={"closed": {"time": CLOSES + 60}},
        ),
        "certified",
    ),
    "a bad share refused": (lambda: Story(refused=("belenios-proof",)), "certified"),
    "a malformed share refused": (lambda: Story(refused=("malformed",)), "certified"),
    "a bad strong proof refused": (lambda: Story(refused=("strong-proof",)), "certified"),
    "draft": (lambda: Story(until="Setup"), "draft"),
    "draft without ceremony": (lambda: Story(until="dkg"), "draft"),
    "sealed": (lambda: Story(until="opened"), "sealed"),
    "open": (lambda: Story(until="EndBallots"), "open"),
    "ending": (lambda: Story(until="closed"), "ending"),
    "before the proof": (lambda: Story(until="proof 3"), "proving"),
    "no registrar before the last list": (lambda: Story(until="issued 2", skip={"issued 1"}), "closed"),
    "weights": (lambda: Story(weights=[1, 1, 1, 0]), "certified"),
}
def incident(before: str) -> dict[str, list[tuple[str, Json]]]:
    return {before: [("incident", {"time": OPENS, "code": "power-cut"})]}


@pytest.mark.parametrize("name", HONEST_STORIES)
def test_an_honest_record_is_ok_and_has_its_state(name: str, tmp_path: Path) -> None:
    make, state = HONEST_STORIES[name]
    report, _ = onefile.audit(make().tell().write(tmp_path))
    assert codes(report) == []
    assert (report.verdict, report.state) == ("ok", state)


def changed(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """An edit that must change something."""

    def change(text: bytes) -> bytes:
        assert old in text
        return text.replace(old, new, 1)

    return change


def with_json(change: Callable[[Any], Any]) -> Callable[[bytes], bytes]:
    return lambda text: dumps(change(json.loads(text)))


def ballot(change: Callable[[Json], Json], sign: bool = True) -> Callable[[bytes], bytes]:
    """Change a ballot; its credential's owner signs it again."""

    def edit(text: bytes) -> bytes:
        value = change(json.loads(text))
        credential = value["credential"]
        return cases.sign_ballot(value, cases.CREDENTIAL_SECRETS[credential]) if sign else dumps(value)

    return edit


def put(value: Any, path: str, new: Any) -> Any:
    """`value`, in which the place `a/0/b` holds `new`."""
    *way, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    place = value
    for part in way:
        place = place[part]
    place[last] = new(place[last]) if callable(new) else new
    return value


def flip(text: str) -> str:
    """Another scalar of the same length."""
    return text[:-1] + ("1" if text[-1] != "1" else "2")


def texts(**edits: Callable[[bytes], bytes]) -> dict[str, Callable[[bytes], bytes]]:
    return {name.replace("_", " "): edit for name, edit in edits.items()}


def trustee(path: str, new: Any) -> Story:
    """trustees.json changed where no ceremony and no drill fixes it; strings inside strings are opened with `!`."""
    return belenios(
        texts=texts(trustees=with_json(lambda value: put(value, path, new))),
        skip={"dkg", "drill 1", "drill 2", "drill 3"},
        until="opened",
    )


def inner(name: str, change: Callable[[Json], Json]) -> Callable[[str], str]:
    """Change the JSON text that a string holds; `name` only says what."""
    return lambda text: dumps(change(json.loads(text))).decode()


def setup_with(**edits: Callable[[bytes], bytes]) -> Story:
    return Story(texts=texts(**edits), until="opened")


KEY = "0/1/verification_keys/0/public_key"
OTHER = CREDENTIALS[0]
Q_TEXT = str(onefile.Q)
G_TEXT = onefile.encode(onefile.G)

# Each fraud changes one thing, and everything that an attacker could recompute is recomputed.
FRAUDS: dict[str, tuple[Callable[[], Story], str]] = {
    # 9.2
    "annex with a space": (lambda: Story(fields={"software": {"version": 7}}), "entry-malformed"),
    "unknown reason for refusing": (lambda: Story(refused=("dislike",)), "entry-malformed"),
    "annex of another election": (lambda: Story(fields={"opened": {"election": UUID + "2"}}), "entry-election"),
    "no software": (lambda: Story(skip={"software"}), "entry-order"),
    "a drill is missing": (lambda: Story(skip={"drill 2"}), "entry-order"),
    "no strong proof": (lambda: Story(skip={"proof 1"}), "entry-order"),
    "no last list": (lambda: Story(skip={"issued 2"}), "entry-order"),
    "too few shares": (lambda: Story(shares=(1,)), "entry-order"),
    "time goes back": (lambda: Story(fields={"certified": {"time": CLOSES}}), "entry-time"),
    "extended too far": (
        lambda: Story(
            extra={"EndBallots": [("extended", {"time": OPENS + 9, "closes_at": CLOSES + 9999, "reason": "x"})]}
        ),
        "entry-time",
    ),
    "extended without a rule": (
        lambda: Story(
            manifest={"extension": None},
            extra={"EndBallots": [("extended", {"time": OPENS + 9, "closes_at": CLOSES + 9, "reason": "x"})]},
        ),
        "entry-time",
    ),
    "extended after the end": (
        lambda: Story(
            extra={"EndBallots": [("extended", {"time": CLOSES, "closes_at": CLOSES + 9, "reason": "x"})]},
        ),
        "entry-time",
    ),
    # 9.3
    "setup names another": (lambda: setup_with(setup=changed(b'"trustees":"', b'"trustees":"0')), "setup-data"),
    "unknown field": (lambda: setup_with(election=changed(b'"name":', b'"names":')), "election-malformed"),
    "election key off the curve": (
        lambda: setup_with(election=with_json(lambda e: put(e, "public_key", "0" * 63 + "2"))),
        "election-malformed",
    ),
    "election key the identity": (
        lambda: setup_with(election=with_json(lambda e: put(e, "public_key", onefile.IDENTITY_TEXT))),
        "election-malformed",
    ),
    "version 2": (lambda: setup_with(election=changed(b'"version":1', b'"version":2')), "unsupported-version"),
    "other group": (lambda: setup_with(election=changed(b'"Ed25519"', b'"ed25519"')), "unsupported-group"),
    "limits": (lambda: setup_with(election=changed(b'"min":0,"max":2', b'"min":2,"max":1')), "question-limits"),
    "more than all": (lambda: setup_with(election=changed(b'"max":2', b'"max":4')), "question-limits"),
    "no credentials": (lambda: setup_with(credentials=lambda _: b"[]"), "credentials-malformed"),
    "some have weights": (
        lambda: setup_with(credentials=with_json(lambda list_: [list_[0] + ",1", *list_[1:]])),
        "credentials-malformed",
    ),
    "weight with a zero": (
        lambda: setup_with(credentials=with_json(lambda list_: [one + ",01" for one in list_])),
        "credentials-malformed",
    ),
    "credential in capitals": (lambda: setup_with(credentials=lambda text: text.upper()), "credential-invalid"),
    "credential is the identity": (
        lambda: setup_with(credentials=with_json(lambda list_: [*list_[:3], onefile.IDENTITY_TEXT])),
        "credential-invalid",
    ),
    "a clash": (lambda: setup_with(credentials=with_json(lambda list_: [*list_, list_[0]])), "duplicate-credential"),
    "trustees with a space": (lambda: trustee("0/0", "Pederson"), "trustees-malformed"),
    "a mixture of forms": (
        lambda: trustee("0/1", lambda group: {n: part for n, part in group.items() if n != "signatures"}),
        "trustees-malformed",
    ),
    "scalar plus q": (
        lambda: trustee("0/1/verification_keys/0/pok/response", lambda s: str(int(s) + onefile.Q)),
        "trustees-malformed",
    ),
    "threshold 0": (lambda: trustee("0/1/threshold", 0), "threshold-limits"),
    "threshold more than dealt": (lambda: trustee("0/1/threshold", 3), "threshold-limits"),
    "a signature less": (lambda: trustee("0/1/signatures", lambda list_: list_[1:]), "threshold-limits"),
    "key of small order": (lambda: trustee(KEY, "7" + "f" * 61 + "ec"), "trustee-key"),
    "key is the identity": (lambda: trustee(KEY, onefile.IDENTITY_TEXT), "trustee-key"),
    "another key": (lambda: trustee(KEY, OTHER), "trustee-pok"),
    "proof of possession": (
        lambda: trustee("0/1/verification_keys/1/pok/challenge", flip),
        "trustee-pok",
    ),
    "certificate for another place": (
        lambda: trustee("0/1/certs/0/message", inner("index", lambda m: put(m, "context/index", 2))),
        "certificate-context",
    ),
    "certificates exchanged": (
        lambda: trustee("0/1/certs", lambda certs: [certs[1], certs[0], certs[2]]),
        "certificate-context",
    ),
    "certificate signature": (lambda: trustee("0/1/certs/2/signature/response", flip), "certificate-signature"),
    "coefficient": (
        lambda: trustee("0/1/coefexps/0/message", inner("a", lambda m: put(m, "coefexps/1", G_TEXT))),
        "coefficients-signature",
    ),
    "signatures exchanged": (
        lambda: trustee("0/1/signatures", lambda list_: [list_[1], list_[0], list_[2]]),
        "group-signature",
    ),
    "keys exchanged": (
        lambda: trustee("0/1/verification_keys", lambda keys: [keys[1], keys[0], keys[2]]),
        "verification-key",
    ),
    "key signature": (lambda: trustee("0/1/verification_keys/0/signature/challenge", flip), "key-signature"),
    "election key of nobody": (
        lambda: setup_with(election=with_json(lambda e: put(e, "public_key", OTHER))),
        "election-key",
    ),
    # 9.4
    "line names another manifest": (lambda: setup_with(election=changed(b"sha256:", b"sha256:0")), "manifest-line"),
    "unknown field in the manifest": (lambda: Story(manifest={"zone": "Mars !"}), "manifest-malformed"),
    "a project twice": (
        lambda: Story(texts=texts(manifest=changed(b'"project":"p-102"', b'"project":"p-101"'))),
        "manifest-malformed",
    ),
    "appeal days": (lambda: Story(manifest={"appeal_days": -1}), "manifest-times"),
    "closes after the limit": (lambda: Story(manifest={"extension": {"until": CLOSES - 1}}), "manifest-times"),
    "no registrar": (lambda: Story(manifest={"registrar": None}), "manifest-keys"),
    "two lines": (lambda: setup_with(election=changed(b"Choose up", b"veche:1\\nChoose up")), "manifest-line"),
    "levels differ": (lambda: setup_with(election=changed(b"level=strict", b"level=belenios")), "manifest-level"),
    "manifest of another": (lambda: Story(manifest={"uuid": UUID + "2"}), "manifest-election"),
    "another title": (
        lambda: Story(texts=texts(manifest=changed("Сквер".encode(), "Парк".encode()))),
        "manifest-options",
    ),
    # 9.5
    "run with a field more": (
        lambda: Story(texts=texts(run=changed(b'"veche":', b'"v":1,"veche":'))),
        "ceremony-malformed",
    ),
    "run of one of one": (
        lambda: Story(texts=texts(run=changed(b'"threshold":2', b'"threshold":3'))),
        "ceremony-certificates",
    ),
    "another lot": (
        lambda: Story(texts=texts(run=with_json(lambda r: put(r, "reveals/0/lot", "0" * 64)))),
        "ceremony-commitment",
    ),
    "another secret": (
        lambda: Story(texts=texts(run=with_json(lambda r: put(r, "reveals/0/secrets/1", "0" * 64)))),
        "ceremony-reveal",
    ),
    "somebody else is named": (
        lambda: ended_run("bad-share", lambda run: put(run, "named", [3])),
        "ceremony-judgement",
    ),
    "a void complaint": (
        lambda: ended_run("bad-share", lambda run: put(run, "complaint/proof/response", "5")),
        "ceremony-judgement",
    ),
    "named for a good reveal": (
        lambda: ended_run("bad-share", lambda run: without(run, "complaint") | {"code": "wrong-reveal"}),
        "ceremony-commitment",
    ),
    "the last run ended": (lambda: ended_run("bad-share", lambda run: run, last=True), "ceremony-trustees"),
    "drill of another owner": (lambda: Story(fields={"drill 1": {"factor": G_TEXT}}), "drill-proof"),
    # 9.6
    "ballot with a space": (lambda: Story(texts=texts(ballot_1=changed(b'","', b'", "'))), "ballot-malformed"),
    "too long": (
        lambda: Story(texts=texts(ballot_1=ballot(lambda b: put(b, "election_uuid", "x" * 65_536)))),
        "ballot-malformed",
    ),
    "another election": (
        lambda: Story(texts=texts(ballot_1=ballot(lambda b: put(b, "election_uuid", UUID + "2")))),
        "wrong-election",
    ),
    "unlisted credential": (
        lambda: Story(texts=texts(ballot_1=ballot(lambda b: put(b, "credential", G_TEXT), sign=False))),
        "unknown-credential",
    ),
    "an answer less": (
        lambda: Story(texts=texts(ballot_1=ballot(lambda b: put(b, "answers", b["answers"][:1])))),
        "ballot-shape",
    ),
    "a blank proof": (
        lambda: Story(texts=texts(ballot_1=ballot(lambda b: put(b, "answers/0", lambda a: a | {"blank_proof": []})))),
        "ballot-shape",
    ),
    "r plus q": (
        lambda: Story(
            texts=texts(
                ballot_1=ballot(
                    lambda b: put(b, "answers/0/overall_proof/0/response", lambda s: str(int(s) + onefile.Q))
                )
            )
        ),
        "ballot-scalar",
    ),
    "hash of another": (
        lambda: Story(texts=texts(ballot_1=ballot(lambda b: put(b, "signature/hash", "A" * 43), sign=False))),
        "ballot-hash",
    ),
    "signature": (
        lambda: Story(texts=texts(ballot_1=ballot(lambda b: put(b, "signature/proof/response", flip), sign=False))),
        "invalid-signature",
    ),
    "alpha is the identity": (
        lambda: Story(
            texts=texts(ballot_1=ballot(lambda b: put(b, "answers/0/choices/0/alpha", onefile.IDENTITY_TEXT)))
        ),
        "ballot-point",
    ),
    "another alpha": (
        lambda: Story(texts=texts(ballot_1=ballot(lambda b: put(b, "answers/1/choices/0/alpha", G_TEXT)))),
        "individual-proof",
    ),
    "too many": (
        lambda: Story(texts=texts(ballot_1=ballot(lambda b: put(b, "answers/0/overall_proof/0/challenge", flip)))),
        "overall-proof",
    ),
    "a replay": (lambda: replayed(), "duplicate-ballot"),
    # 9.7
    "line of nobody": (
        lambda: Story(fields={"issued 1 line": {"signature": RECORD["annexes"]["issued"]["line"]}}),
        "issued-signature",
    ),
    "handed to a stranger": (
        lambda: Story(texts=texts(issued_1=lambda _: dumps([G_TEXT, CREDENTIALS[0]]))),
        "issued-credentials",
    ),
    "not in the order of Setup": (
        lambda: Story(texts=texts(issued_1=lambda _: dumps(CREDENTIALS[1::-1]))),
        "issued-credentials",
    ),
    "handed out twice": (
        lambda: Story(texts=texts(issued_2=lambda _: dumps(CREDENTIALS[1:3])), fields={"issued 2": {"total": 4}}),
        "issued-credentials",
    ),
    "wrong total": (lambda: Story(fields={"issued 2": {"total": 5}}), "issued-total"),
    "more than the electorate": (lambda: Story(manifest={"electorate": 3}), "issued-electorate"),
    "voted without being handed": (
        lambda: Story(texts=texts(issued_2=lambda _: dumps(CREDENTIALS[3:])), fields={"issued 2": {"total": 3}}),
        "not-issued",
    ),
    "opened early": (lambda: Story(fields={"opened": {"time": OPENS - 1}}), "opened-time"),
    "opened late": (lambda: Story(fields={"opened": {"time": OPENS + 61}}), "opened-time"),
    "closed early": (lambda: Story(fields={"closed": {"time": CLOSES - 1}}), "closed-time"),
    "closed late": (lambda: Story(fields={"closed": {"time": CLOSES + 61}}), "closed-time"),
    "wrong number of voters": (lambda: Story(fields={"closed": {"ballots": 4}}), "closed-ballots"),
    "opened though too few": (lambda: Story(manifest={"minimum_ballots": 4}), "withheld"),
    "withheld though enough": (lambda: Story(manifest={"withhold": True}), "withheld"),
    # 9.8
    "a ballot not counted": (lambda: Story(texts=texts(tally=uncounted)), "encrypted-tally"),
    "one more counted": (
        lambda: Story(texts=texts(sized=changed(b'"num_tallied":3', b'"num_tallied":4'))),
        "sized-tally",
    ),
    # 9.9
    "share with a space": (lambda: Story(texts=texts(share_1=lambda text: text + b" ")), "share-malformed"),
    "share of another form": (
        lambda: Story(texts=texts(share_1=with_json(lambda s: put(s, "decryption_factors", [[]])))),
        "share-malformed",
    ),
    "share of trustee 9": (
        lambda: belenios(
            texts=texts(owned_1=with_json(lambda o: put(o, "owner", 9))), shares=(1, 2, 3), skip={"proof 1"}
        ),
        "share-owner",
    ),
    "factor off the curve": (
        lambda: Story(texts=texts(share_1=with_json(lambda s: put(s, "decryption_factors/0/0", "0" * 63 + "2")))),
        "share-factor",
    ),
    "factor is the identity": (
        lambda: Story(
            texts=texts(share_1=with_json(lambda s: put(s, "decryption_factors/0/0", onefile.IDENTITY_TEXT)))
        ),
        "share-factor",
    ),
    "another factor": (
        lambda: Story(texts=texts(share_1=with_json(lambda s: put(s, "decryption_factors/0/0", G_TEXT)))),
        "decryption-proof",
    ),
    "strong proof": (
        lambda: Story(fields={"proof 1": {"proof": {"challenge": "1", "response": "1"}}}),
        "strong-proof",
    ),
    "strong proof at level belenios": (
        lambda: belenios(fields={"proof 1": {"proof": {"challenge": "1", "response": "1"}}}),
        "strong-proof",
    ),
    "a good share refused": (lambda: Story(refused=("belenios-proof!",)), "share-refused"),
    "a good strong proof refused": (lambda: Story(refused=("strong-proof!",)), "share-refused"),
    "refused without signature": (
        lambda: Story(
            refused=("malformed",), fields={"share-refused": {"signature": {"challenge": "1", "response": "1"}}}
        ),
        "share-refused",
    ),
    # 9.10
    "result with a row more": (lambda: Story(texts=texts(result=changed(b"[2]", b"[2,0]"))), "result-malformed"),
    "more votes than weight": (lambda: Story(texts=texts(result=changed(b"[2]", b"[4]"))), "result-range"),
    "less than none": (lambda: Story(texts=texts(result=changed(b"[2]", b"[-1]"))), "result-range"),
    "another count": (lambda: Story(texts=texts(result=changed(b"[2]", b"[3]"))), "result"),
    "another result is published": (
        lambda: Story(fields={"published": {"result": sha256_hex(b"{}")}}),
        "published-result",
    ),
    "certified too early": (lambda: Story(fields={"certified": {"time": CLOSES + 101}}), "appeal-days"),
}


PHASE_OF = {step.code: phase_of(step.number) for step in STEPS} | dict.fromkeys(("unsupported-version", "unsupported-group"), "9.3")


def without(value: Json, *names: str) -> Json:
    return {name: part for name, part in value.items() if name not in names}


def ended_run(kind: str, change: Callable[[Json], Json], last: bool = False) -> Story:
    """The record of an election whose run before the last one (or the last one itself) is this run, changed."""
    ended = next(run_ for run_ in cases.ENDED if run_["kind"] == kind)
    text = dumps(change(json.loads(ended["file"])))
    if last:
        return Story(texts=dict.fromkeys(("run", "bad-share", "false-complaint"), lambda _: text))
    finished = with_json(lambda run_: put(run_, "previous", sha256_hex(text)))
    return Story(texts={kind: lambda _: text, "run": finished, "false-complaint": lambda _: text})


def replayed() -> Story:
    """Ballot 3 is ballot 1 again."""
    told: list[bytes] = []

    def keep(text: bytes) -> bytes:
        told.append(text)
        return text

    return Story(texts={"ballot 1": keep, "ballot 3": lambda _: told[-1]})


def uncounted(text: bytes) -> bytes:
    """A tally of which the second ciphertext stands in the place of the first."""
    tally = json.loads(text)
    tally[0][0] = tally[0][1]
    return dumps(tally)


@pytest.mark.parametrize("name", FRAUDS)
def test_a_fraud_is_refuted_with_its_code(name: str, tmp_path: Path) -> None:
    make, expected = FRAUDS[name]
    story = make()
    # What is found early needs no late chapters.
    phase = PHASE_OF[expected]
    story.until = story.until or {"9.4": "opened", "9.5": "opened", "9.6": "EndBallots"}.get(phase, "")
    try:
        story.tell()
    except FindingError as error:  # the rest of the story cannot be told; what there is is audited
        assert error.finding["code"] == expected
    report, lines = onefile.audit(story.write(tmp_path))
    assert list(dict.fromkeys(codes(report))) == [expected]
    assert report.verdict == ("unchecked" if expected.startswith("unsupported") else "refuted")
    assert report.result is None
    assert len(lines) == len(onefile.PHASES)


def blank(election: bytes) -> bytes:
    """The election, whose second question allows a blank vote."""
    value = json.loads(election)
    question = {"answers": value["questions"][1]["answers"], "blank": True, "min": 0, "max": 1, "question": "2"}
    return dumps(put(value, "questions/1", question))


def test_a_blank_vote_is_proved_to_choose_nothing_else(tmp_path: Path) -> None:
    story = Story(texts=texts(election=blank), until="ballot 1").tell()
    story.over = False
    for voter, votes in ((1, ((0, 0, 1), (1, 0))), (2, ((0, 0, 0), (0, 1)))):
        story.event("Ballot", cases.make_ballot(story.election, voter, votes))
    assert codes(onefile.audit(story.write(tmp_path / "good"))[0]) == []
    edit = ballot(lambda b: put(b, "answers/1/blank_proof/0/response", flip))
    story.event("Ballot", edit(cases.make_ballot(story.election, 0, ((0, 0, 1), (1, 0)))))
    assert codes(onefile.audit(story.write(tmp_path / "bad"))[0]) == ["blank-proof"]


def test_a_bad_share_is_left_out_at_level_belenios_when_enough_are_good(tmp_path: Path) -> None:
    edit = with_json(lambda share: put(share, "decryption_factors/0/0", G_TEXT))
    three = belenios(texts=texts(share_1=edit), shares=(1, 2, 3), skip={"proof 1"}).tell().write(tmp_path / "three")
    report, _ = onefile.audit(three)
    assert (codes(report), report.result) == ([], RESULT)
    assert "bad-share" in codes(report, "warning")
    two = belenios(texts=texts(share_1=edit), skip={"proof 1"}).tell().write(tmp_path / "two")
    assert codes(onefile.audit(two)[0]) == ["decryption-proof"]


# --- the folder form: what is not told but tampered with afterwards ---------------------------------------------------


def data_file(folder: Path) -> Path:
    return next(path for path in sorted((folder / "data").rglob("*")) if path.is_file())


def spoil(path: Path, old: bytes, new: bytes) -> None:
    text = path.read_bytes()
    assert old in text
    path.write_bytes(text.replace(old, new, 1))


def store(folder: Path, content: bytes, name: str = "") -> None:
    digest = sha256_hex(content)
    path = folder / "data" / (name or f"{digest[:2]}/{digest}")
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(content)


FOLDERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "two archives": (lambda folder: (folder / "x.bel").write_bytes(b""), "folder-form"),
    "no manifest": (lambda folder: (folder / "manifest.json").unlink(), "folder-form"),
    "no entries": (lambda folder: (folder / "entries.jsonl").unlink(), "folder-form"),
    "archive of another name": (
        lambda folder: (folder / f"{UUID}.bel").rename(folder / f"{UUID}2.bel"),
        "folder-form",
    ),
    "two entries on a line": (lambda folder: spoil(folder / "entries.jsonl", b"\n{", b"{"), "entry-malformed"),
    "no newline at the end": (lambda folder: store(folder, b'{"annex"', "../entries.jsonl"), "folder-form"),
    "an empty line": (lambda folder: spoil(folder / "entries.jsonl", b"\n", b"\n\n"), "folder-form"),
    "a space in an entry": (lambda folder: spoil(folder / "entries.jsonl", b'"time":', b'"time": '), "entry-malformed"),
    "another event": (lambda folder: spoil(folder / "entries.jsonl", b'"height":3', b'"height":9'), "chain-differs"),
    "manifest changed": (lambda folder: spoil(folder / "manifest.json", b"RUB", b"EUR"), "data-missing"),
    "data gone": (lambda folder: data_file(folder).unlink(), "data-missing"),
    "data changed": (lambda folder: data_file(folder).write_bytes(b"x"), "data-hash"),
    "data that nothing names": (lambda folder: store(folder, b"x"), "data-unnamed"),
    "manifest stored twice": (lambda folder: store(folder, (folder / "manifest.json").read_bytes()), "data-unnamed"),
    "data in another place": (lambda folder: store(folder, b"x", "readme.txt"), "data-unnamed"),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_that_was_tampered_with_is_refuted(name: str, tmp_path: Path) -> None:
    change, expected = FOLDERS[name]
    folder = Story(until="EndBallots").tell().write(tmp_path)
    change(folder)
    report, _ = onefile.audit(folder)
    assert codes(report) == [expected]


def test_entries_that_are_no_continuation_of_the_older_ones_are_found(tmp_path: Path) -> None:
    older = Story(until="opened").tell().write(tmp_path / "older")
    honest = Story(until="EndBallots").tell().write(tmp_path / "honest")
    late = {"opened": [("incident", {"time": OPENS, "code": "flood"})]}
    forged = Story(until="EndBallots", extra=late | {"issued 1": late["opened"]}).tell().write(tmp_path / "forged")
    assert onefile.audit(honest, older)[0].verdict == "ok"
    assert codes(onefile.audit(forged, older)[0]) == ["history-changed"]


def test_the_archive_alone_of_a_strict_election_is_of_level_belenios(tmp_path: Path) -> None:
    folder = Story().tell().write(tmp_path / "record")
    archive = folder / f"{UUID}.bel"
    report, _ = onefile.audit(archive)
    assert (report.verdict, report.level, codes(report, "notice")) == ("ok", "belenios", ["strong-proofs-not-supplied"])
    report, _ = onefile.audit(archive, asked="strict")
    assert (report.verdict, codes(report)) == ("unchecked", ["strong-proofs-not-supplied"])
    (tmp_path / "alone").mkdir()
    archive.rename(tmp_path / "alone" / archive.name)
    assert codes(onefile.audit(tmp_path / "alone")[0]) == ["folder-form"]


def test_a_record_of_level_belenios_is_too_low_when_strict_is_asked(tmp_path: Path) -> None:
    folder = belenios(until="opened").tell().write(tmp_path)
    assert codes(onefile.audit(folder, asked="strict")[0]) == ["level-too-low"]


def test_equal_alphas_are_a_warning(tmp_path: Path) -> None:
    story = Story(until="ballot 1").tell()
    story.over = False
    for votes in (((0, 0, 1), (1,)), ((1, 0, 1), (0,))):
        story.event("Ballot", cases.make_ballot(story.election, 1, votes))
    report, _ = onefile.audit(story.write(tmp_path))
    assert (report.verdict, "equal-alphas" in codes(report, "warning")) == ("ok", True)


def test_a_share_secret_of_the_builder_belongs_to_the_trustee_it_says() -> None:
    trustees = onefile.parse_trustees(cases.TRUSTEES)
    for owner, secret in SECRETS.items():
        assert onefile.encode(onefile.combine((secret, onefile.G))) == trustees.key_text(owner)
