"""The organizer's desk on the command line: the record is a folder, and a private folder lies beside it.

The private folder holds what may not be public: keys of log and box, the draft of the questions. The steps are those of `service`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from veche.ballot.manifest import Manifest
from veche.cli.record_folder import RecordFolder, open_folder
from veche.crypto.errors import Malformed, Refused
from veche.crypto.signed_note import NoteSigner, parse_verifier_key
from veche.observer.durable_files import make_private_folder, read_content, read_line, write_private
from veche.service.contest_plan import Draft, parse_draft, parse_time
from veche.service.desk import Desk
from veche.service.record_view import read_view

LOG_KEY: Final = "log.key"
BOX_KEY: Final = "box.key"
DRAFT: Final = "draft.json"
TRUSTEES: Final = "trustees.json"
BALLOT_TIMES: Final = "ballot-times.jsonl"
ACKNOWLEDGEMENTS: Final = "acknowledgements"


@dataclass(frozen=True, slots=True)
class PrivateFolder:
    """The organizer's private folder of one record."""

    path: Path

    def draft(self) -> Draft:
        """Raises Refused `private-folder` when it is not there, Malformed when it is damaged."""
        return parse_draft(read_private(self.path / DRAFT).encode("utf-8"))

    def trustees(self) -> bytes | None:
        path = self.path / TRUSTEES
        return read_content(path) if path.is_file() else None

    def keep_trustees(self, raw: bytes) -> None:
        make_private_folder(self.path)
        write_private(self.path / TRUSTEES, raw)


@dataclass(slots=True)
class FolderDesk(Desk):
    """A desk whose record is a folder; `private` is the organizer's private one."""

    folder: RecordFolder
    private: Path

    def box_key(self) -> NoteSigner:
        """The key that signs acknowledgements. Raises Refused `private-folder` or `box-key`."""
        signer = read_key(self.private / BOX_KEY)
        log = self.view.manifest.log
        if log is None or signer.verifier != log.box:
            raise Refused("box-key", f"{self.private / BOX_KEY} is not the key of the ballot box that the manifest names")
        return signer


@contextmanager
def open_desk(path: Path, at: str | None = None, private: Path | None = None) -> Iterator[FolderDesk]:
    """The record in `path` for one step, at the time of this machine's clock or, in a rehearsal only, at `at`.

    Raises Unsupported when there is no record, Refused when it is busy or `at` is not allowed, or what is wrong with the record.
    """
    with open_folder(path) as folder:
        view = read_view(folder)
        kept = private or private_folder(path)
        yield FolderDesk(folder, view, current_time(view.manifest, at), PrivateFolder(kept), folder, kept)


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


def read_key(path: Path) -> NoteSigner:
    """The signing key in a private file. Raises Refused `private-folder` when it is not there, Malformed when it is no key."""
    return NoteSigner.from_private_text(read_private(path))


def read_private(path: Path) -> str:
    """The text of one of the organizer's private files. Raises Refused `private-folder` when it is not there."""
    try:
        return read_line(path)
    except FileNotFoundError as error:
        raise Refused("private-folder", f"{path} is not there; name the organizer's private folder with --private") from error


def registrar_key(path: Path | None) -> str | None:
    """The verifier key in the registrar's file. Raises Malformed, or OSError."""
    if path is None:
        return None
    try:
        return parse_verifier_key(read_line(path).strip()).text()
    except Malformed as error:
        raise Malformed(
            error.code, f"{path} does not hold a registrar's public key (veche registrar key --public): {error.message}"
        ) from error
