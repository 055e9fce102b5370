"""Three frauds that a dishonest server could try on a finished record, each on a copy of a demonstration, and how each is found.

The cheat does everything it can do without other people's keys: it rewrites the whole chain after its change. docs/threat-model.md.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from veche.ballot.encrypted_ballot import read_ballot
from veche.ballot.manifest import parse_manifest
from veche.ballot.tally import parse_sized_tally
from veche.cli.record_folder import ENTRIES, MANIFEST
from veche.crypto.canonical_json import Json, array, encode, fields, parse_canonical
from veche.crypto.errors import Refused
from veche.crypto.version1 import compact
from veche.ledger.annex import Certified, Closed, Published
from veche.ledger.archive import header_record, read_timestamp
from veche.ledger.chain import append
from veche.ledger.chain_reader import item_records, read_chain
from veche.ledger.entry import Entry, is_event_text, parse_entry
from veche.ledger.event import Event, EventType
from veche.ledger.record import entry_line, read_entries
from veche.observer.audit import audit
from veche.observer.board import read_board, recompute_tally
from veche.observer.durable_files import read_file
from veche.observer.executor import available_jobs
from veche.observer.report import Finding, Report
from veche.observer.sources import open_source


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as the cheat wants it; of an event only type and data count, for the chain is made anew."""

    entry: Entry
    contents: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Fraud:
    """What was tried, in a sentence; the folder it left; and what the audit found in it."""

    name: str
    sentence: str
    folder: Path
    report: Report

    @property
    def finding(self) -> Finding | None:
        """What refutes the record: that history was changed, where an older copy shows it; else the first error."""
        errors = [one for one in self.report.findings if one.severity == "error"]
        return next((one for one in errors if one.code == "history-changed"), errors[0] if errors else None)


Change = Callable[[list[Line], Path], list[Line]]


def cheat(honest: Path, folder: Path, older: Path) -> list[Fraud]:
    """The three frauds on copies in `folder`. `older` is what an observer copied during the vote."""
    seen = {place.tracker for place in read_board(str(older)).ballots}
    made: list[Fraud] = []
    for name, sentence, change, compared in (
        (
            "vote-changed",
            "The server exchanges two marks inside an encrypted ballot and makes every hash after it anew.",
            change_vote,
            None,
        ),
        (
            "ballot-dropped",
            "The server drops a ballot as if it had never come, and corrects all numbers, hashes and the encrypted total.",
            lambda lines, at: drop_ballot(lines, at, seen),
            older,
        ),
        ("result-replaced", "The organizer publishes another result than the one that was decrypted.", replace_result, None),
    ):
        target = folder / name
        rewrite(honest, target, change)
        against = None if compared is None else open_source(str(compared))
        report = audit(open_source(str(target)), against=against, jobs=available_jobs())
        made.append(Fraud(name, sentence, target, report))
    return made


def rewrite(honest: Path, target: Path, change: Change) -> None:
    """A copy of the record in `target`, changed, with a chain in which every event fits the one before."""
    shutil.copytree(honest, target)
    archive = next(target.glob("*.bel"))
    with archive.open("rb") as stream:
        timestamp = read_timestamp(stream)
    lines = change(_read_lines(honest), target)
    last: Event | None = None
    with archive.open("wb") as records, (target / ENTRIES).open("wb") as entries:
        records.write(header_record(timestamp))
        for line in lines:
            entry = line.entry
            if isinstance(entry, Event):
                payload = sha256(line.contents[-1]).hexdigest() if line.contents else None
                entry = last = append(last, entry.type, payload)
                records.write(item_records(entry, line.contents, timestamp))
            entries.write(entry_line(entry.text()))


def change_vote(lines: list[Line], _: Path) -> list[Line]:
    """The marks of two options exchanged in the first ballot; its hash corrected, its signature as it was."""
    place = _find(lines, EventType.BALLOT)
    value = dict(read_ballot(lines[place].contents[0]).value)
    answers = array(value["answers"])
    first = answers[0]
    if type(first) is dict:
        for name in ("choices", "individual_proofs"):
            listed = array(first[name])
            listed[-1], listed[-2] = listed[-2], listed[-1]
    signature = fields(value.pop("signature"), ("hash", "proof"))
    value["signature"] = {"hash": compact(encode(value)), "proof": signature["proof"]}
    return [*lines[:place], replace(lines[place], contents=(encode(value),)), *lines[place + 1 :]]


def drop_ballot(lines: list[Line], target: Path, seen: set[str]) -> list[Line]:
    """Without one ballot that counts and that an observer had seen; `closed` and the encrypted total corrected to fit."""
    board = read_board(str(target))
    counted = [place for place in board.counted().values() if place.tracker in seen]
    weights = board.sealed.credentials.weights
    victim = next((place for place in counted if weights.get(place.credential or "", 0) > 0), None)
    if victim is None:
        raise Refused("demo-fraud", "no ballot of the older copy counts; there is nothing to drop")
    kept = [line for line in lines if not (isinstance(line.entry, Event) and line.entry.payload == victim.tracker)]
    alone = sum(1 for place in board.ballots if place.credential == victim.credential) == 1
    fewer = replace(board, ballots=tuple(place for place in board.ballots if place != victim))
    tally = recompute_tally(str(target), fewer).encode()
    return [_corrected(line, tally, alone, weights[victim.credential or ""]) for line in kept]


def _corrected(line: Line, tally: bytes, alone: bool, weight: int) -> Line:
    if isinstance(line.entry, Closed):
        return Line(replace(line.entry, ballots=line.entry.ballots - alone))
    if isinstance(line.entry, Event) and line.entry.type is EventType.ENCRYPTED_TALLY:
        sized = parse_sized_tally(line.contents[1])
        sized = replace(
            sized,
            num_tallied=sized.num_tallied - alone,
            total_weight=sized.total_weight - weight * alone,
            encrypted_tally=sha256(tally).hexdigest(),
        )
        return Line(line.entry, (tally, sized.encode()))
    return line


def replace_result(lines: list[Line], _: Path) -> list[Line]:
    """Two options' counts exchanged, and everything that names the result corrected."""
    place = _find(lines, EventType.RESULT)
    rows = array(fields(parse_canonical(lines[place].contents[0]), ("result",))["result"])
    forged = encode({"result": [_exchanged(array(rows[0])), *rows[1:]]})
    named = sha256(forged).hexdigest()
    changed = [_naming(line, named) for line in lines]
    changed[place] = Line(lines[place].entry, (forged,))
    return changed


def _exchanged(row: list[Json]) -> list[Json]:
    """The row with its first two different counts exchanged; where all are equal, one more for the first."""
    for place in range(1, len(row)):
        if row[place] != row[0]:
            return [row[place], *row[1:place], row[0], *row[place + 1 :]]
    first = row[0]
    return [first + 1 if type(first) is int else first, *row[1:]]


def _naming(line: Line, result: str) -> Line:
    if isinstance(line.entry, Published | Certified):
        return Line(replace(line.entry, result=result))
    return line


def _read_lines(folder: Path) -> list[Line]:
    """All entries of a record with their data."""
    uuid = parse_manifest(read_file(folder / MANIFEST)).uuid
    with next(folder.glob("*.bel")).open("rb") as archive, (folder / ENTRIES).open("rb") as entries:
        items = read_chain(archive)
        lines: list[Line] = []
        for _, text in read_entries(entries):
            entry = parse_entry(text, uuid)
            contents = tuple(record.content for record in next(items).records) if is_event_text(text) else ()
            lines.append(Line(entry, contents))
    return lines


def _find(lines: Sequence[Line], kind: EventType) -> int:
    return next(place for place, line in enumerate(lines) if isinstance(line.entry, Event) and line.entry.type is kind)
