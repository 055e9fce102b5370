"""Ballots that come as files: the good ones join the record and are acknowledged. docs/protocol.md section 8.2.

The clock is compared with the manifest before anything is written; the state of the record alone never opens the box.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Final

from veche.ballot.acknowledgement import Acknowledgement, make_acknowledgement
from veche.ballot.encrypted_ballot import MAX_BYTES, EncryptedBallot
from veche.cli.organizer_desk import BALLOT_TIMES, FolderDesk
from veche.crypto.canonical_json import encode, fields, integer, parse_canonical, text
from veche.crypto.errors import ElectionError, Malformed, Refused
from veche.crypto.signed_note import NoteSigner
from veche.ledger.archive import read_up_to
from veche.ledger.box import BallotBox
from veche.observer.durable_files import append_private, read_file, write_new
from veche.service.record_store import Addition
from veche.service.record_view import issued_credentials

AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Offered:
    """A ballot as it came: where from, and its bytes."""

    name: str
    raw: bytes


@dataclass(slots=True)
class Accepted:
    """What became of the ballots offered: trackers (hex) of new and of known ones, and why others were refused."""

    new: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    refused: list[tuple[str, ElectionError]] = field(default_factory=list)


def read_offered(paths: Sequence[Path]) -> Iterator[Offered]:
    """The ballots in these files; of a folder, every file in it but hidden ones and acknowledgements. Raises OSError."""
    for path in paths:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        for one in inside:
            if one is path or (one.is_file() and not one.name.startswith(".") and one.suffix != ".ack"):
                with one.open("rb") as stream:
                    # Two bytes more than a ballot may have (one may be a newline) are enough to see that it has too many.
                    yield Offered(str(one), read_up_to(stream, MAX_BYTES + 2).removesuffix(b"\n"))


def accept(desk: FolderDesk, offered: Iterable[Offered], acknowledgements: Path) -> Accepted:
    """Every good ballot is in the record and acknowledged by `TRACKER.ack`; the others are named with the reason.

    The same ballot again gives the same acknowledgement and adds nothing. Raises Refused `not-open` for all of them while the box
    is not open; `box-key`; OSError.
    """
    _verify_open(desk)
    signer = desk.box_key()
    view = desk.view
    issued = issued_credentials(desk.folder, view)
    if view.last is None:
        raise Refused("not-sealed", "this election is not sealed yet")
    box = BallotBox(view.election(), view.credentials(), view.last, issued, set(view.trackers))
    outcome = Accepted()
    acknowledgements.mkdir(parents=True, exist_ok=True)
    pending = iter(offered)
    while batch := list(islice(pending, AT_ONCE)):
        _accept_batch(desk, box, batch, outcome)
        _acknowledge(desk, signer, batch, acknowledgements)
    return outcome


def _verify_open(desk: FolderDesk) -> None:
    state, ends = desk.view.state.name, desk.view.closes_at()
    if state != "open":
        raise Refused("not-open", f"no ballots are taken now: the record is {state}")
    if desk.now >= ends:
        raise Refused("not-open", f"no ballots are taken any more: voting ended at {desk.shown(ends)}")


def _accept_batch(desk: FolderDesk, box: BallotBox, batch: Sequence[Offered], outcome: Accepted) -> None:
    good: list[EncryptedBallot] = []
    taken = set(box.trackers)
    for one in batch:
        tracker = sha256(one.raw).hexdigest()
        if tracker in taken:
            outcome.known.append(tracker)
            continue
        try:
            good.append(box.check(one.raw))
        except ElectionError as error:
            outcome.refused.append((one.name, error))
            continue
        taken.add(tracker)
        outcome.new.append(tracker)
    if good:
        # The time is the acknowledgement's for ever, so it reaches the disk before the ballot does.
        lines = [encode({"tracker": one.tracker, "time": desk.now}) + b"\n" for one in good]
        append_private(desk.private / BALLOT_TIMES, b"".join(lines))
        desk.append([Addition(box.append(one), (one.raw,)) for one in good])


def _acknowledge(desk: FolderDesk, signer: NoteSigner, batch: Sequence[Offered], folder: Path) -> None:
    """`TRACKER.ack` is there for every ballot of the batch that is in the chain: the same bytes whenever it is made."""
    view, log = desk.view, desk.view.manifest.log
    times = _stored_times(desk.private / BALLOT_TIMES)
    for tracker in (sha256(one.raw).hexdigest() for one in batch):
        if tracker not in view.heights or log is None:
            continue
        if tracker not in times:
            raise Refused("time-missing", f"{desk.private / BALLOT_TIMES} does not say when ballot {tracker[:16]}… came")
        height, event = view.heights[tracker]
        fingerprint, setup = view.election().fingerprint, view.setup().event_hash
        statement = Acknowledgement(log.origin, fingerprint, setup, tracker, height, event, times[tracker])
        _put_acknowledgement(folder / f"{tracker}.ack", make_acknowledgement(statement, signer))


def _put_acknowledgement(path: Path, note: bytes) -> None:
    if path.exists() and read_file(path) == note:
        return
    write_new(path, note)


def _stored_times(path: Path) -> dict[str, int]:
    """When each ballot came. Of several lines for one the last counts: before it, the append had been taken back."""
    if not path.exists():
        return {}
    times: dict[str, int] = {}
    for line in read_file(path, 2**40).splitlines():
        try:
            found = fields(parse_canonical(line), ("tracker", "time"))
            times[text(found["tracker"])] = integer(found["time"])
        except Malformed as error:
            raise Malformed("file-malformed", f"{path}: {error.message}") from error
    return times
