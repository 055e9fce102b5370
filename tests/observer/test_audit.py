"""The audit of whole records: what it says of honest ones at every moment, and that it always says something."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.election.record_builder import QUESTION, VOTES, Story, archive_of
from tests.election.trustee_keys import Dealt, single
from tests.observer.beginnings import STATES, beginning
from tests.observer.logged_record import ONE_WITNESS, WITNESS, with_log, write_log
from tests.observer.refusal_case import bare
from tests.vectors import VECTORS, load
from veche.ballot.election import Question
from veche.observer.audit import audit
from veche.observer.report import Report
from veche.observer.sources import open_source
from veche.observer.steps import PHASES, STEPS

FIXTURES = VECTORS / "fixtures" / "belenios"
NOT_SUPPORTED = ("mixnet", "simple-ff")
HONEST = [
    *((VECTORS / "belenios" / name / "election.bel", f"belenios/{name}/expected-result.json") for name in ("h-basic", "thr-w")),
    *(
        (next(iter(folder.glob("*.bel"))), f"fixtures/belenios/{folder.name}/expected.json")
        for folder in sorted(FIXTURES.iterdir())
        if folder.is_dir() and folder.name not in NOT_SUPPORTED
    ),
]
TWO_QUESTIONS = (QUESTION, Question("How many benches?", ("One", "Two", "Three"), 1, 2, True))


def audited(path: Path, **asked: Any) -> Report:
    return audit(open_source(str(path)), **asked)


def said(report: Report) -> dict[str, Any]:
    """The report as it is printed, but for where the record was."""
    printed: dict[str, Any] = json.loads(json.dumps(report.to_json()))
    return printed


def test_a_whole_record_is_found_good_and_everything_in_it_is_counted(tmp_path: Path) -> None:
    report = audited(Story().write(tmp_path), level="strict")
    assert (report.verdict, report.exit_code, report.level, report.state) == ("ok", 0, "strict", "certified")
    assert report.findings == []
    assert report.result == [[0, 2]]
    assert report.counts == {
        "events": 10,
        "entries": 24,
        "credentials": 4,
        "trustees": 3,
        "questions": 1,
        "ballots": 4,
        "proofs": 12,
        "voters": 3,
        "issued": 4,
        "total_weight": 3,
        "strong_proofs": 2,
        "shares": 2,
    }


def test_every_step_is_carried_out_on_a_whole_record(tmp_path: Path) -> None:
    def refused(story: Story) -> None:
        story.refuse(2, "malformed", b"no share")

    votes = [(voter, ((*answer[0],), (0, 1, 0, 0))) for voter, answer in VOTES]
    told: Any = {"questions": TWO_QUESTIONS, "votes": votes, "extra": {"share 1": refused}}
    changes = {"manifest": with_log(ONE_WITNESS)}
    for name, story in (("older", Story(changes=changes, until="EndBallots", **told)), ("newer", Story(changes=changes, **told))):
        write_log(story.write(tmp_path / name), story.entries, WITNESS)
    report = audited(tmp_path / "newer", against=open_source(str(tmp_path / "older")))
    assert report.verdict == "ok"
    # A check that is not counted is no check (attack Z2).
    assert [step.code for step in STEPS if report.done.get(step.number, 0) < 1] == []
    assert [row[0] for row in report.phases() if row[2] > 0] == list(PHASES)


def test_two_questions_blank_votes_weights_and_a_mandatory_trustee(tmp_path: Path) -> None:
    votes = [
        (0, ((1, 0), (0, 1, 1, 0))),
        (1, ((0, 1), (1, 0, 0, 0))),
        (0, ((0, 1), (0, 0, 0, 1))),
        (2, ((0, 0), (1, 0, 0, 0))),
        (3, ((1, 0), (0, 1, 0, 0))),
    ]
    weights = (2, 2**31, 0, 5)
    told = Story(questions=TWO_QUESTIONS, votes=votes, weights=weights, items=(single("Anna"),), shares=(4, 2, 3))
    report = audited(told.write(tmp_path), level="strict")
    assert report.verdict == "ok"
    # Counts above 2^30 - 1 are written as text.
    assert report.result == [[5, str(2**31 + 2)], [str(2**31), 5, 0, 2]]


@pytest.mark.parametrize("shares", [(1, 2), (1, 3), (2, 3), (3, 2), (1, 2, 3)])
def test_any_two_trustees_give_the_same_result(shares: tuple[int, ...], tmp_path: Path) -> None:
    report = audited(Story(shares=shares).write(tmp_path))
    assert (report.verdict, report.result) == ("ok", [[0, 2]])


def test_two_threshold_groups_of_level_belenios_each_give_their_shares(tmp_path: Path) -> None:
    items = (Dealt().item(), Dealt(name="second").item())
    skip = frozenset(("dkg", *(f"drill {owner}" for owner in range(1, 7))))
    told = Story(level="belenios", ceremony=None, items=items, skip=skip, shares=(1, 3, 5, 6))
    assert audited(told.write(tmp_path)).codes() == ()


def test_an_election_in_which_nobody_voted(tmp_path: Path) -> None:
    told = Story(votes=(), changes={"manifest": lambda right, _: right | {"minimum_ballots": 0}})
    report = audited(told.write(tmp_path))
    assert (report.verdict, report.result) == ("ok", [[0, 0]])


def test_a_withheld_tally_is_a_good_end(tmp_path: Path) -> None:
    told = Story(withhold=True, changes={"manifest": lambda right, _: right | {"minimum_ballots": 4}})
    report = audited(told.write(tmp_path))
    assert (report.verdict, report.state, report.result) == ("ok", "withheld", None)


@pytest.mark.parametrize(("archive", "expected"), HONEST, ids=lambda value: getattr(value, "parent", Path()).name)
def test_other_peoples_honest_archives_are_found_good(archive: Path, expected: str) -> None:
    report = audited(archive)
    assert (report.verdict, report.exit_code, report.level, report.state) == ("ok", 0, "belenios", "tallied")
    assert report.result == load(expected)["result"]


@pytest.mark.parametrize("archive", sorted(VECTORS.glob("**/open/*.bel")) + sorted(VECTORS.glob("**/before-close.bel")))
def test_an_open_archive_is_found_good_or_not_supported(archive: Path) -> None:
    report = audited(archive)
    supported = not {"mixnet", "simple-ff", "nh-basic"} & set(archive.parts)
    assert (report.exit_code, report.state) == (0 if supported else 2, "open")


@pytest.mark.parametrize("length", range(1, len(STATES) + 1))
def test_every_beginning_of_a_record_is_a_good_record_of_a_running_election(length: int, tmp_path: Path) -> None:
    report = audited(beginning(length, tmp_path))
    assert report.codes() == ()
    assert report.state == STATES[length - 1]
    assert report.counts["entries"] == length


def test_every_beginning_of_an_archive_is_a_good_archive(tmp_path: Path) -> None:
    told = bare()
    states = ["open"] * 5 + ["closed"] + ["decrypting"] * 3 + ["tallied"]
    for count, state in enumerate(states, 1):
        path = tmp_path / f"{count}.bel"
        path.write_bytes(archive_of(told.events[:count]))
        report = audited(path)
        assert (report.codes(), report.state) == ((), state)


def many(change: Callable[[bytes, Story], bytes] = lambda raw, _: raw) -> Story:
    """More ballots than one process checks at once; the third is changed."""
    votes = [(voter, ((voter % 2, 0),)) for voter in range(70)]
    return bare({"ballot 3": change, "ballot 69": change}, votes=(*votes, (5, ((0, 1),))), voters=70)


def test_several_processes_say_what_one_says(tmp_path: Path) -> None:
    good = many().bel_only(tmp_path / "good")
    bad = many(lambda raw, _: raw.replace(b'"response":"', b'"response":"1', 1)).bel_only(tmp_path / "bad")
    for path, verdict in ((good, "ok"), (bad, "refuted")):
        alone, together = audited(path, jobs=1), audited(path, jobs=2)
        assert alone.verdict == verdict
        assert said(together) == said(alone)


def test_an_archive_that_changes_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    path = bare().bel_only(tmp_path)

    def tamper(phase: str, done: int, _: int) -> None:
        if phase == "9.6" and done == 0:
            content = path.read_bytes()
            at = content.index(b'"election_uuid"')
            with path.open("r+b") as stream:
                stream.seek(at)
                stream.write(b'"Election_uuid"')

    assert audited(path, progress=tamper).codes() == ("record-hash",)


def test_progress_is_told_from_the_first_ballot_to_the_last(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    audited(bare().bel_only(tmp_path), progress=lambda *step: told.append(step))
    assert [step for step in told if step[0] == "9.6"] == [("9.6", 0, 4), ("9.6", 4, 4)]


WHOLE = Story()
PARTS = {
    "archive": WHOLE.archive,
    "entries": b"".join(entry + b"\n" for entry in WHOLE.entries),
    "manifest": WHOLE.manifest_text,
}


@settings(max_examples=100)
@given(part=st.sampled_from(sorted(PARTS)), place=st.floats(0, 1, exclude_max=True), byte=st.integers(1, 255))
def test_any_byte_that_is_changed_is_noticed(part: str, place: float, byte: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = WHOLE.write(tmp_path_factory.mktemp("record"))
    content = bytearray(PARTS[part])
    content[int(place * len(content))] ^= byte
    names = {"archive": "4hVecheTestA11.bel", "entries": "entries.jsonl", "manifest": "manifest.json"}
    (folder / names[part]).write_bytes(content)
    assert audited(folder).verdict != "ok"


def test_any_data_file_that_is_changed_is_noticed(tmp_path: Path) -> None:
    for number, digest in enumerate(WHOLE.data):
        folder = WHOLE.write(tmp_path / str(number))
        path = folder / "data" / digest[:2] / digest
        path.write_bytes(path.read_bytes() + b"x")
        assert audited(folder).verdict == "refuted"


def test_a_report_names_the_election_as_other_tools_do(tmp_path: Path) -> None:
    told = Story()
    report = audited(told.write(tmp_path))
    assert report.election == "4hVecheTestA11"
    assert report.fingerprint == told.election.fingerprint
    assert report.setup_hash == sha256(told.events[0][0]).hexdigest()
