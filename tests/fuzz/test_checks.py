"""Beyond reading: what is well-formed but wrong goes through every check, and is judged without a crash and with bounded work.

Changed ballots are signed again, changed records chained again, so that only the checks behind can refuse them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from random import Random
from time import process_time
from typing import Any

import pytest

from tests.ballot.small_election import LEGAL, cast, credentials, election, key
from tests.crypto.ceremony_story import stream
from tests.election.record_builder import Story
from tests.fuzz.mutator import CHANGES, change_value, mutate
from tests.fuzz.targets import ceremony, records
from tests.fuzz.test_parsers import SEED, SLOW
from veche.ballot.encrypted_ballot import read_ballot, verify_ballot
from veche.ballot.prepared_ballot import parse_opened, verify_opened
from veche.ballot.trustees import make_trustees, parse_trustees, verify_trustees
from veche.crypto.backend import Counting, active, using
from veche.crypto.canonical_json import encode, parse, parse_canonical
from veche.crypto.complaint import Complaint, Dealing, judge
from veche.crypto.errors import ElectionError
from veche.crypto.run_file import parse_run, verify_run
from veche.crypto.schnorr import sign_version1
from veche.crypto.version1 import ballot_signature_prefix, compact
from veche.ledger.archive import header_record
from veche.ledger.chain import append
from veche.ledger.chain_reader import item_records
from veche.ledger.event import Event, EventType, parse_event
from veche.observer.audit import audit
from veche.observer.report import Report
from veche.observer.sources import open_source

pytestmark = pytest.mark.slow

FACTOR = 100 if os.environ.get("VECHE_SOAK") else 1

STORY = Story()
TIMESTAMP = 1_795_323_504


def inputs(name: str, number: int, valid: bytes) -> list[tuple[int, bytes]]:
    """So many canonical changes of a valid text, each with its number."""
    random = Random(f"{SEED} {name}")
    return [(n, change_value(valid, [valid], random)) for n in range(number * FACTOR)]


def tried(name: str, number: int, data: bytes, check: Callable[[bytes], object]) -> tuple[bool, Counting]:
    """Whether the check passes, and what it cost. Every exception but ours is a fault."""
    counting, began = Counting(active()), process_time()
    with using(counting):
        try:
            check(data)
            passed = True
        except ElectionError:
            passed = False
        except Exception as error:
            error.add_note(f"{name}, seed {SEED}, number {number}, input {data!r}")
            raise
    assert process_time() - began < SLOW, (name, SEED, number, data)
    return passed, counting


def signed_again(raw: bytes) -> bytes:
    """The ballot as its voter would sign it; as it is, where it is none."""
    value: Any = parse(raw)
    if not isinstance(value, dict) or "signature" not in value:
        return raw
    unsigned = {name: one for name, one in value.items() if name != "signature"}
    commitment = compact(encode(unsigned))
    proof = sign_version1(key("voter 0").secret, ballot_signature_prefix(commitment), stream("fuzz signature"))
    return encode(unsigned | {"signature": {"hash": commitment, "proof": proof.to_json()}})


def test_no_changed_ballot_costs_more_than_a_good_one_or_passes_but_as_what_it_is() -> None:
    asked, listed = election(), credentials().weights
    good = cast(asked, 0, LEGAL, "fuzz good")

    def check(raw: bytes) -> None:
        verify_ballot(read_ballot(raw), asked, listed)

    _, most = tried("good ballot", 0, good, check)
    passed = 0
    for number, data in inputs("ballot", 1200, good):
        ballot = signed_again(data)
        accepted, cost = tried("ballot", number, ballot, check)
        assert cost.memberships <= most.memberships
        assert cost.terms <= most.terms
        if accepted:
            passed += 1
            assert json.loads(ballot)["answers"] == json.loads(good)["answers"], data
    # Only what stands in the replaced signature may have been changed.
    assert passed < 300 * FACTOR


def test_no_changed_opened_ballot_crashes_its_check_or_passes() -> None:
    asked, good = election(), records()["opened"]

    def check(raw: bytes) -> None:
        verify_opened(parse_opened(raw), asked)

    _, most = tried("good opened ballot", 0, good, check)
    kept = {"election", "choices", "randomness"}
    for number, data in inputs("opened", 800, good):
        accepted, cost = tried("opened", number, data, check)
        assert cost.secret_multiples <= most.secret_multiples
        if accepted:
            # The proofs of an opened ballot are nobody's concern, and neither is whose it would have been.
            assert {name: json.loads(data)[name] for name in kept} == {name: json.loads(good)[name] for name in kept}
            assert choices_of(data) == choices_of(good)


def choices_of(opened: bytes) -> list[Any]:
    return [answer["choices"] for answer in json.loads(json.loads(opened)["ballot"])["answers"]]


def check_run(raw: bytes) -> None:
    verify_run(parse_run(raw))


def test_no_changed_run_file_crashes_its_checks() -> None:
    finished, ended = ceremony()["outcome"].run.encode(), ceremony()["ended"].encode()
    for name, good in (("finished run", finished), ("ended run", ended)):
        assert tried(name, 0, good, check_run)[0]
        for number, data in inputs(name, 400, good):
            tried(name, number, data, check_run)


def test_no_changed_complaint_crashes_the_judge() -> None:
    made = ceremony()["ended"]
    dealing = Dealing.of(made.certificates, made.terms.cipher, made.reveals)
    good = encode(made.complaint.to_json())

    def check(raw: bytes) -> None:
        judge(Complaint.from_json(parse_canonical(raw)), dealing)

    for number, data in inputs("complaint", 800, good):
        tried("complaint", number, data, check)


def test_no_changed_trustees_crash_their_checks_or_pass() -> None:
    group = ceremony()["outcome"].group
    good = make_trustees((group,)).raw
    for number, data in inputs("trustees", 600, good):
        accepted, _ = tried("trustees", number, data, lambda raw: verify_trustees(parse_trustees(raw)))
        if accepted:
            # Names are free text, and the same group may stand there twice.
            assert {one.public_key() for one in parse_trustees(data).groups} == {group.public_key()}


# --- whole records ---


def chained(election_events: list[tuple[EventType, list[bytes]]]) -> bytes:
    """An archive in which everything but the content is right: hashes, names, chain."""
    parts, previous = [header_record(TIMESTAMP)], None
    for kind, contents in election_events:
        payload = sha256(contents[-1]).hexdigest() if contents else None
        event: Event = append(previous, kind, payload)
        parts.append(item_records(event, contents, TIMESTAMP))
        previous = event
    return b"".join(parts)


def repaired(kind: EventType, contents: list[bytes]) -> list[bytes]:
    """The last record names the others again."""
    hashes = [sha256(one).hexdigest() for one in contents[:-1]]
    fields = {
        EventType.SETUP: dict(zip(("election", "trustees", "credentials"), hashes, strict=False)),
        EventType.ENCRYPTED_TALLY: {"encrypted_tally": hashes[0] if hashes else ""},
        EventType.PARTIAL_DECRYPTION: {"payload": hashes[0] if hashes else ""},
    }.get(kind, {})
    return [*contents[:-1], encode({**json.loads(contents[-1]), **fields})] if fields else contents


def audited(path: Path, note: str) -> Report:
    began = process_time()
    try:
        report = audit(open_source(str(path)))
    except Exception as error:
        error.add_note(note)
        raise
    assert process_time() - began < 5 * SLOW, note
    assert all(one.code and one.message for one in report.findings)
    return report


def test_no_changed_record_crashes_the_audit(tmp_path: Path) -> None:
    events = [(parse_event(text).type, list(contents)) for text, contents in STORY.events]
    with_data = [place for place, (_, contents) in enumerate(events) if contents]
    random, verdicts = Random(f"{SEED} archive"), set()
    path = tmp_path / "changed.bel"
    for number in range(300 * FACTOR):
        told = [(kind, list(contents)) for kind, contents in events]
        place = random.choice(with_data)
        kind, contents = told[place]
        which = random.randrange(len(contents))
        contents[which] = change_value(contents[which], [contents[which]], random)
        if random.random() < 0.9 and which < len(contents) - 1:
            told[place] = kind, repaired(kind, contents)
        path.write_bytes(chained(told))
        verdicts.add(audited(path, f"seed {SEED}, number {number}, event {place}, record {which}: {contents[which]!r}").verdict)
    assert "refuted" in verdicts


def test_no_changed_file_of_a_folder_crashes_the_audit(tmp_path: Path) -> None:
    folder = STORY.write(tmp_path / "record")
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".bel" and path.stat().st_size]
    random, lines = Random(f"{SEED} folder"), b"".join(entry + b"\n" for entry in STORY.entries)
    for number in range(200 * FACTOR):
        path = random.choice([folder / "entries.jsonl", *files])
        right = path.read_bytes()
        wrong = changed_entries(lines, random) if path.name == "entries.jsonl" else mutate(right, [right], random)
        path.write_bytes(wrong)
        report = audited(folder, f"seed {SEED}, number {number}, {path.name}: {wrong!r}")
        # What only a log could show (an entry of another legal kind, a version's name) passes; a file named by its hash never does.
        assert wrong == right or path.name == "entries.jsonl" or report.verdict != "ok", (number, path.name, wrong)
        path.write_bytes(right)
    assert audited(folder, "as it was").verdict == "ok"


def changed_entries(lines: bytes, random: Random) -> bytes:
    """One line changed, left out, repeated or moved."""
    texts = lines.splitlines(keepends=True)
    at, what = random.randrange(len(texts)), random.random()
    if what < 0.6:
        text = random.choice(CHANGES)(texts[at].removesuffix(b"\n"), [texts[at]], random)
        texts[at] = text.replace(b"\n", b" ") + b"\n"
    elif what < 0.75:
        del texts[at]
    elif what < 0.9:
        texts.insert(random.randrange(len(texts)), texts[at])
    else:
        random.shuffle(texts)
    return b"".join(texts)
