"""How the logs and their witnesses stand, in sentences that say what to do: for operators, alarms and `veche doctor`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from veche.ballot.manifest import Log, parse_manifest
from veche.crypto.errors import ElectionError
from veche.ledger.signed_checkpoint import parse_signed
from veche.observer.database import Database
from veche.observer.record_rows import ElectionRow, all_elections, manifest_of
from veche.service.log_state import LogState, LogStateFile
from veche.service.sequencer import Sequencer, log_folder
from veche.service.settings import Settings
from veche.service.signing_keys import SigningKeys
from veche.service.witness_submission import EVIDENCE, WitnessSubmission, witness_keys

LATE: Final = 300
"""Seconds beyond the period after which an entry without a checkpoint, or a checkpoint without a witness, is worth a line."""

_OVER: Final = ("certified", "cancelled", "annulled")


def warnings(sequencer: Sequencer, witnesses: WitnessSubmission) -> list[str]:
    """What this process has found, for everybody to read: names and codes. Ballots are taken all the same."""
    stopped = [f"the log of election {uuid} is not signed any more ({code})" for uuid, code in sorted(sequencer.stopped.items())]
    # One line for each witness: what it says of the first log stands for the others.
    found = {one.witness: one.code for one in witnesses.standings() if one.code not in ("confirmed", "waiting")}
    return [*stopped, *(f"the witness {name} does not confirm ({code})" for name, code in sorted(found.items()))]


def log_faults(settings: Settings, database: Database, keys: SigningKeys) -> Iterator[tuple[str, str]]:
    """What disk and database say is wrong with logs and witnesses: about which, and what to do. Nothing is changed.

    Another process may sign meanwhile, so nothing younger than a few minutes counts.
    """
    for path in _kept(settings.data / EVIDENCE):
        told = "Keep it, stop the server, and compare with the witness's operator"
        yield "witness", f"a witness has said that a log contradicts itself: {path}. {told}"
    with database.reading() as connection:
        rows = [(row, parse_manifest(manifest_of(connection, row.uuid))) for row in all_elections(connection)]
    for row, manifest in rows:
        if manifest.log is None or row.state in _OVER:
            continue
        try:
            keys.log(manifest)
            state = LogStateFile(settings.data / "log-state" / row.uuid).read()
            yield from _signing(row, manifest.log, state)
            yield from _witnessing(settings, row, manifest.log, state)
        except ElectionError as error:
            yield "log", f"{error.message}. The log of {row.uuid} is not signed until this is put right; votes are taken meanwhile"


def _kept(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _signing(row: ElectionRow, known: Log, state: LogState | None) -> Iterator[tuple[str, str]]:
    signed = 0 if state is None else state.size
    waits = int(time.time()) - (row.latest_time - row.clock_offset)
    if signed < row.entries and waits > known.period + LATE:
        told = 'Look for "a log is not signed any more" in what the server writes down, put that right, restart'
        missing = f"{signed} of {row.entries} entries are signed, and nothing more for some minutes"
        yield "log", f"election {row.uuid}: {missing}. {told}"


def _witnessing(settings: Settings, row: ElectionRow, known: Log, state: LogState | None) -> Iterator[tuple[str, str]]:
    named = {key.name for key in witness_keys(known)}
    for name in sorted(named - settings.witness_addresses.keys()):
        yield "witness", f"election {row.uuid}: its policy names {name}, which nobody is to ask: add {name}=URL to VECHE_WITNESSES"
    path = log_folder(settings.data, row.uuid) / "checkpoint"
    if state is None or not path.exists() or time.time() - state.time < LATE:
        return
    cosigned = {name for name, _, _ in parse_signed(path.read_bytes()).note.lines}
    for name in sorted((named & settings.witness_addresses.keys()) - cosigned):
        told = "Receipts are not confirmed by it until it does; ask its operator, and look into what the server writes down"
        yield "witness", f"election {row.uuid}: {name} has not cosigned the newest checkpoint of {state.size} entries. {told}"
