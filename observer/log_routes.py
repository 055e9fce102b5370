"""The log of an election over HTTP: checkpoint, tiles and receipts. docs/protocol.md section 12; design section 5.

Checkpoint and tiles are files as they stand; a receipt is made from them. Nothing here signs anything.
"""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from fastapi.responses import Response

from veche.ballot.election import is_uuid
from veche.crypto.canonical_json import Json
from veche.crypto.errors import Malformed, Refused
from veche.ledger.receipt import SUFFIX, make_receipt
from veche.ledger.signed_checkpoint import parse_signed
from veche.ledger.tile_reader import proven_inclusion
from veche.observer.durable_files import read_file
from veche.observer.endpoint_answers import ARCHIVE, ONE, Uuid, reads
from veche.observer.log_store import FolderTiles
from veche.observer.problems import problem
from veche.observer.public_record import PublicRecord, row_of
from veche.observer.ranges import FOR_EVER, REVALIDATED, Representation, answer
from veche.observer.record_rows import ballot_row, event_entry

TEXT: Final = "text/plain; charset=utf-8"

_DIGEST = re.compile(r"[0-9a-f]{64}")


class PublicLogs:
    """The folder with one folder per election, `checkpoint` and `tile/` in each; None where only the database is at hand."""

    def __init__(self, root: Path | None) -> None:
        self._root = root

    def checkpoint(self, uuid: str) -> bytes | None:
        """The signed note that is served now."""
        if self._root is None or not is_uuid(uuid):
            return None
        try:
            return read_file(self._root / uuid / "checkpoint")
        except FileNotFoundError:
            return None

    def tiles(self, uuid: str) -> FolderTiles | None:
        return None if self._root is None or not is_uuid(uuid) else FolderTiles(self._root / uuid)


def checkpoint_json(note: bytes | None) -> Json:
    """What an election's summary says of its newest checkpoint."""
    if note is None:
        return None
    checkpoint = parse_signed(note).checkpoint
    return {"size": checkpoint.size, "root": checkpoint.root.hex(), "note": note.decode("utf-8")}


def log_routes(router: APIRouter, record: PublicRecord, logs: PublicLogs) -> None:
    """The routes of the log; they come before `/ballots/{tracker}`, which would take a receipt's address for a tracker."""

    @reads(router, ONE + "/checkpoint", TEXT, "The newest checkpoint of the log, signed, with its cosignatures", partial=True)
    def checkpoint(request: Request, uuid: Uuid) -> Response:
        note = logs.checkpoint(uuid)
        if note is None:
            raise Refused("not-found", "there is no checkpoint of such a log here")
        return _bytes(request, note, TEXT, REVALIDATED)

    @reads(router, ONE + "/tile/{path:path}", ARCHIVE, "A tile of hashes, or a bundle of entries", partial=True)
    def tile(request: Request, uuid: Uuid, path: Annotated[str, InPath(examples=["0/000"])]) -> Response:
        tiles = logs.tiles(uuid)
        try:
            data = None if tiles is None else tiles.get(f"tile/{path}")
        except Malformed as error:
            raise Refused("not-found", error.message) from error
        if data is None:
            raise Refused("not-found", "the log has no such tile here")
        return _bytes(request, data, ARCHIVE, FOR_EVER)

    @reads(router, ONE + "/ballots/{tracker}" + SUFFIX, TEXT, "The receipt of a ballot, to be checked offline", partial=True)
    def receipt(request: Request, uuid: Uuid, tracker: str) -> Response:
        if not _DIGEST.fullmatch(tracker):
            raise Malformed("tracker-malformed", "in a path a tracker has 64 hexadecimal digits in lower case")
        note, tiles = logs.checkpoint(uuid), logs.tiles(uuid)
        with record.reading() as connection:
            row = row_of(connection, uuid)
            ballot = ballot_row(connection, uuid, tracker)
            if ballot is None:
                raise Refused("not-in-record", f"no ballot of this record has the tracker {tracker[:16]}…")
            entry = event_entry(connection, uuid, ballot.height)
            log = record.facts(connection, row).manifest.log
        signed = None if note is None else parse_signed(note)
        if note is None or signed is None or tiles is None or entry is None or signed.checkpoint.size <= entry.place:
            later = {"Retry-After": str(max(1, log.period if log is not None else 1))}
            return problem(404, "not-in-log-yet", "the ballot is accepted; no checkpoint of the log covers it yet", later)
        proof = proven_inclusion(tiles, signed.checkpoint, entry.place, entry.text)
        return _bytes(request, make_receipt(entry.text, entry.place, proof, note), TEXT, REVALIDATED)


def _bytes(request: Request, content: bytes, media_type: str, cache: str) -> Response:
    shown = Representation(len(content), f'"{sha256(content).hexdigest()}"', media_type, cache)
    return answer(request, shown, lambda start, end: iter([content[start:end]]))
