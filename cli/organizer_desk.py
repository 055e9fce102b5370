"""The organizer's desk: one record, open for one step, with the clock and the private folder beside it.

The record is the only memory; the private folder holds what may not be public (keys of log and box, the draft of the questions).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from veche import __version__
from veche.ballot.manifest import Manifest
from veche.cli.organizer_spec import how_long, parse_time, show_time
from veche.cli.private_files import read_line
from veche.cli.record_folder import Addition, RecordFolder, open_folder
from veche.cli.record_view import RecordView, read_view
from veche.crypto.errors import Refused
from veche.crypto.signed_note import NoteSigner
from veche.ledger.annex import Software
from veche.ledger.chain import append
from veche.ledger.event import EventType
from veche.ledger.record_state import FOLLOWS

LOG_KEY: Final = "log.key"
BOX_KEY: Final = "box.key"
DRAFT: Final = "draft.json"
TRUSTEES: Final = "trustees.json"
BALLOT_TIMES: Final = "ballot-times.jsonl"
ACKNOWLEDGEMENTS: Final = "acknowledgements"

STEPS: Final = {
    "dkg": "adding the trustees' keys",
    "drill": "a drill",
    "Setup": "sealing",
    "issued": "the registrar's signed list",
    "opened": "opening",
    "extended": "a later end",
    "suspended": "suspending",
    "resumed": "taking ballots again",
    "EndBallots": "closing",
    "withheld": "withholding",
    "EncryptedTally": "adding up the ballots",
    "PartialDecryption": "a share",
    "share-refused": "a share",
    "Result": "making the result",
    "published": "publishing",
    "certified": "certifying",
    "cancelled": "cancelling",
    "annulled": "annulling",
    "incident": "an incident",
}
"""What an entry of the record is to the person who gives the command."""


@dataclass(slots=True)
class Desk:
    """A record open for one step. `now` is the time of this step in seconds since 1970, `private` the organizer's folder."""

    folder: RecordFolder
    view: RecordView
    now: int
    private: Path

    @property
    def uuid(self) -> str:
        return self.view.manifest.uuid

    def shown(self, seconds: int) -> str:
        """A time as people of this election's zone write it."""
        return show_time(seconds, self.view.manifest.zone)

    def append(self, additions: Sequence[Addition], data: Sequence[bytes] = ()) -> None:
        """All of it is in the record, or nothing. Raises Refused where the order or the times do not allow it, or OSError.

        If another build of this program is at work than the last one that the record names, that is said first.
        """
        build, assets = current_software(self.uuid)
        known = self.view.all_of(Software)
        if (not known or known[-1] != build) and "software" in FOLLOWS[self.view.state.name]:
            additions, data = [Addition(build), *additions], [assets, *data]
        archived = frozenset(self.view.archived)
        state = self.view.state.name
        try:
            self.view.follow(additions)
        except Refused as error:
            raise _in_plain_words(error, state) from error
        self.folder.append(additions, data, archived)

    def refuse_unless(self, what: str, *states: str) -> None:
        """Raises Refused `entry-order` unless the record is in one of these states: asked before clocks and people are."""
        if self.view.state.name not in states:
            raise _not_now(what, self.view.state.name)

    def event(self, kind: EventType, payload: str | None, *contents: bytes, owner: int | None = None) -> Addition:
        """The next event of the chain with its data records."""
        return Addition(append(self.view.last, kind, payload), contents, owner)

    def box_key(self) -> NoteSigner:
        """The key that signs acknowledgements. Raises Refused `private-folder` or `box-key`."""
        signer = read_key(self.private / BOX_KEY)
        log = self.view.manifest.log
        if log is None or signer.verifier != log.box:
            raise Refused("box-key", f"{self.private / BOX_KEY} is not the key of the ballot box that the manifest names")
        return signer


@contextmanager
def open_desk(path: Path, at: str | None = None, private: Path | None = None) -> Iterator[Desk]:
    """The record in `path` for one step, at the time of this machine's clock or, in a rehearsal only, at `at`.

    Raises Unsupported when there is no record, Refused when it is busy or `at` is not allowed, or what is wrong with the record.
    """
    with open_folder(path) as folder:
        view = read_view(folder)
        yield Desk(folder, view, current_time(view.manifest, at), private or private_folder(path))


def private_folder(path: Path) -> Path:
    """Where the organizer's private files of this record are, unless told otherwise: beside it, with `-private` in the name."""
    whole = path.absolute()
    return whole.with_name(f"{whole.name}-private")


def current_time(manifest: Manifest, at: str | None) -> int:
    """Now, in whole seconds since 1970. Raises Refused `clock` when another time is asked for outside a rehearsal."""
    if at is None:
        return int(time.time())
    if not manifest.rehearsal:
        raise Refused("clock", "--at is for rehearsals only: in this election the clock of this machine counts")
    return parse_time(int(at) if at.isascii() and at.isdigit() else at, manifest.zone, "--at")


def current_software(uuid: str) -> tuple[Software, bytes]:
    """What the record says of this build, and the list of what it hands to browsers: nothing, on the command line."""
    assets = b""
    return Software(uuid, __version__, sha256(assets).hexdigest()), assets


def read_key(path: Path) -> NoteSigner:
    """The signing key in a private file. Raises Refused `private-folder` when it is not there, Malformed when it is no key."""
    return NoteSigner.from_private_text(read_private(path))


def read_private(path: Path) -> str:
    """The text of one of the organizer's private files. Raises Refused `private-folder` when it is not there."""
    try:
        return read_line(path)
    except FileNotFoundError as error:
        raise Refused("private-folder", f"{path} is not there; name the organizer's private folder with --private") from error


def refuse_strict(view: RecordView, what: str) -> None:
    """Raises Refused `level-strict`: this is for elections with other people's tools."""
    if view.level == "strict":
        raise Refused("level-strict", f"{what} is possible at level belenios only; this election promises level strict")


def _not_now(what: str, state: str) -> Refused:
    return Refused(
        "entry-order", f"{what} does not come now: the record is {state}. `veche organizer status FOLDER` says what comes next"
    )


def _in_plain_words(error: Refused, state: str) -> Refused:
    """A step out of its turn, said without the names of the record's entries; whatever else is wrong stays as it is said."""
    step, between, _ = error.message.partition(" may not stand here: ")
    if error.code != "entry-order" or not between or not error.message.endswith(" may follow"):
        return error
    return _not_now(STEPS.get(step.split(" ")[0], step), state)


def refuse_early(now: int, earliest: int, shown: str, what: str) -> None:
    """Raises Refused `too-early` before `earliest`."""
    if now < earliest:
        raise Refused("too-early", f"{what} is possible from {shown} on, in {how_long(earliest - now)}")
