"""Frauds and hostile records that a review found going through, or ending in a crash. Both verifiers now say the same."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.crypto.ceremony_story import stream
from tests.election.record_builder import CLOSES, UUID, Story
from veche.crypto.canonical_json import Json, encode
from veche.crypto.group import G, secret_multiple
from veche.crypto.schnorr import sign
from veche.ledger.event import EventType
from veche.observer import onefile
from veche.observer.audit import audit
from veche.observer.sources import open_older, open_source


def both(source: Path, against: Path | None = None) -> tuple[str, set[str]]:
    """The verdict of both verifiers, and the codes of what is wrong; they must be the same."""
    report = audit(open_source(str(source)), against=None if against is None else open_older(str(against)))
    second, _ = onefile.audit(source, against)
    wrong = {one["code"] for one in second.findings if one["severity"] in ("error", "unchecked")}
    assert (second.verdict, wrong) == (report.verdict, set(report.codes()))
    return report.verdict, wrong


def fewer_than_the_minimum(told: dict[str, Any], _: Story) -> dict[str, Any]:
    return told | {"minimum_ballots": 5}


def ended_by(annex: str) -> Callable[..., Any]:
    return lambda entries, _: [*entries, encode({"annex": annex, "election": UUID, "time": CLOSES + 50, "reason": "x"})]


@pytest.mark.parametrize(("annex", "until"), [("annulled", "published"), ("cancelled", "Result")])
def test_ending_a_record_does_not_undo_what_was_opened_below_the_minimum(annex: str, until: str, tmp_path: Path) -> None:
    told = Story(changes={"manifest": fewer_than_the_minimum, "entries": ended_by(annex)}, until=until)
    assert both(told.write(tmp_path / "record")) == ("refuted", {"withheld"})


def a_text_of_the_record(story: Story, which: str) -> bytes:
    return story.events[0][1][0] if which == "election" else story.manifest_text


@pytest.mark.parametrize("which", ["election", "manifest"])
def test_an_issued_that_names_another_text_of_the_record_is_refused(which: str, tmp_path: Path) -> None:
    def named(given: dict[str, Any], story: Story) -> dict[str, Any]:
        return given | {"credentials": sha256(a_text_of_the_record(story, which)).hexdigest()}

    told = Story(changes={"issued 2": named}, until="EncryptedTally")
    used = b"".join(told.entries)
    told.data = {digest: content for digest, content in told.data.items() if digest.encode() in used}
    assert both(told.write(tmp_path / "record")) == ("refuted", {"issued-credentials"})


@pytest.mark.parametrize("which", ["election", "manifest"])
def test_a_refused_share_that_names_another_text_of_the_record_is_judged(which: str, tmp_path: Path) -> None:
    def refused(story: Story) -> None:
        text = a_text_of_the_record(story, which)
        strong, secret = story.strong_proof(2, text), story.secrets[2]
        signature = sign(secret, secret_multiple(secret, G), story.place.statement(2, text).delivery(strong), stream("d"))
        story.annex(
            "share-refused",
            owner=2,
            payload=sha256(text).hexdigest(),
            proof=strong.to_json(),
            signature=signature.to_json(),
            reason="malformed",
        )

    assert both(Story(extra={"share 1": refused}).write(tmp_path / "record")) == ("ok", set())


def test_what_a_mixnet_did_has_no_place_where_no_question_needs_one(tmp_path: Path) -> None:
    def shuffled(story: Story) -> None:
        text = b'{"anything":"at all"}'
        story.event(EventType.SHUFFLE, text, encode({"owner": 1, "payload": sha256(text).hexdigest()}))
        story.event(EventType.END_SHUFFLES)

    told = Story(level="belenios", changes={"line": lambda _, __: None}, extra={"share 1": shuffled})
    assert both(told.bel_only(tmp_path / "bare")) == ("refuted", {"event-order"})


def test_entries_do_not_vanish_unnoticed_beside_an_older_copy(tmp_path: Path) -> None:
    full = Story(level="belenios").write(tmp_path / "full")
    stripped = tmp_path / "stripped"
    stripped.mkdir()
    shutil.copy(full / f"{UUID}.bel", stripped)
    assert both(stripped, full) == ("refuted", {"history-changed"})
    assert both(stripped / f"{UUID}.bel", full) == ("unchecked", {"entries-not-supplied"})
    report = audit(open_source(str(stripped)))
    assert [(one.code, one.severity) for one in report.findings] == [("manifest-not-supplied", "notice")]


@pytest.mark.parametrize("kind", ["link", "dangling", "folder", "pipe"])
def test_links_and_pipes_are_no_files_of_a_record(kind: str, tmp_path: Path) -> None:
    folder = Story().write(tmp_path / "record")
    path = folder / "data" / "extra"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        target = {"link": tmp_path / "file", "dangling": tmp_path / "nothing", "folder": tmp_path}[kind]
        (tmp_path / "file").write_text("x")
        path.symlink_to(target)
    assert both(folder) == ("refuted", {"data-unnamed"})


def test_an_event_type_that_is_no_text_is_malformed(tmp_path: Path) -> None:
    told = Story(changes={"entries": lambda entries, _: [*entries[:-1], b'{"height":0,"type":[]}']})
    assert both(told.write(tmp_path / "record")) == ("refuted", {"entry-malformed"})


def test_there_are_at_most_a_thousand_trustees(tmp_path: Path) -> None:
    proof: dict[str, Json] = {"challenge": "0", "response": "0"}
    drill: dict[str, Json] = {"annex": "drill", "election": UUID, "owner": 1001, "factor": "0" * 64, "proof": proof}
    told = Story(changes={"entries": lambda entries, _: [*entries[:3], encode(drill), *entries[3:]]})
    assert both(told.write(tmp_path / "record")) == ("refuted", {"entry-malformed"})


def test_a_megabyte_of_quotes_is_refused_at_once(tmp_path: Path) -> None:
    folder = Story().write(tmp_path / "record")
    (folder / "manifest.json").write_bytes(b'{"veche":"' + b'\\"' * 400_000)
    assert both(folder)[0] == "refuted"
