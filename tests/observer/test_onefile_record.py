"""The second verifier on whole records in the folder form: honest ones, frauds, and folders that were tampered with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.observer import onefile_cases as cases
from tests.observer.onefile_cases import CLOSES, OPENS, RESULT, SECRETS, UUID, Story
from tests.observer.onefile_frauds import FRAUDS, G_TEXT, ballot, belenios, flip, put, texts, with_json
from tests.observer.onefile_runs import Json, codes, run
from veche.observer import onefile
from veche.observer.onefile import FindingError, dumps, sha256_hex
from veche.observer.steps import STEPS, phase_of

# Thousands of small audits by the slow verifier: in CI, not before every commit.
pytestmark = pytest.mark.slow

PHASE_OF = {step.code: phase_of(step.number) for step in STEPS} | dict.fromkeys(("unsupported-version", "unsupported-group"), "9.3")


def test_a_whole_strict_record_is_ok(tmp_path: Path) -> None:
    folder = Story().tell().write(tmp_path)
    code, report = run(folder, "--level", "strict")
    assert (code, report["level"], report["state"], report["result"]) == (0, "strict", "certified", RESULT)
    assert codes(report, "warning", "notice") == ["messages-not-opened", "messages-not-opened", "log-not-served"]
    assert report["counts"]["strong_proofs"] == 2


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
    "manifest changed": (lambda folder: spoil(folder / "manifest.json", b"RUB", b"EUR"), "manifest-hash"),
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
