"""The read-only observer endpoint: every public record of one database over HTTP. Design section 5.

Both the server and `veche observe` serve it. Files are streamed from append-only copies, each answer one state of the record: what
was once read stays a prefix of all that follows. No answer holds a total before it is published, but for the archive itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response

from veche.crypto.canonical_json import Json, encode
from veche.crypto.errors import Malformed, Refused
from veche.observer.credential_buckets import bucket_routes
from veche.observer.csv_text import MEDIA_TYPE as CSV
from veche.observer.csv_text import csv_text
from veche.observer.database import Database
from veche.observer.endpoint_answers import ARCHIVE, ENTRIES, JSON, ONE, ROOT, PublicRoute, Uuid, json_answer, preflight, reads
from veche.observer.log_routes import PublicLogs, checkpoint_json, log_routes
from veche.observer.public_record import PublicRecord, etag_of, row_of, told
from veche.observer.published_files import PublishedFiles, open_part
from veche.observer.published_result import Outcome, outcome_csv, outcome_json, read_outcome
from veche.observer.ranges import FOR_EVER, PIECE, REVALIDATED, Representation, answer, unchanged
from veche.observer.record_rows import (
    ElectionRow,
    all_elections,
    ballot_row,
    ballots_from,
    ballots_of,
    data_part,
    data_size,
    event_entry,
    manifest_of,
    turnout_of,
)
from veche.observer.standing import standing_json
from veche.observer.summary import (
    ballot_json,
    brief_json,
    head_json,
    hours_json,
    rehearsal_json,
    summary_json,
)
from veche.observer.tracker import parse_tracker

AT_ONCE: Final = 1000
"""Most ballots in one list."""

_CAMPAIGN = re.compile(r"[A-Za-z0-9._-]{1,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def observer_routes(database: Database, files: PublishedFiles, log_folder: Path | None = None) -> APIRouter:
    """The routes over this database; `files` keep the copies that are served by range, `log_folder` has the logs."""
    logs = PublicLogs(log_folder)
    record = PublicRecord(database, files)
    router = APIRouter(tags=["observer"], route_class=PublicRoute)
    _list_routes(router, record, logs)
    log_routes(router, record, logs)
    _file_routes(router, record)
    _ballot_routes(router, record, logs)
    bucket_routes(router, record)
    _result_routes(router, record)

    @router.api_route("/observer/{rest:path}", methods=["GET", "HEAD", "OPTIONS"], include_in_schema=False)
    def otherwise(request: Request) -> Response:
        if request.method == "OPTIONS":
            return preflight()
        raise HTTPException(404, "there is nothing at this address")

    return router


def _list_routes(router: APIRouter, record: PublicRecord, logs: PublicLogs) -> None:
    @reads(router, ROOT, JSON, "Every election")
    def elections(request: Request) -> Response:
        with record.reading() as connection:
            rows = all_elections(connection)
            found = unchanged(request, etag_of(*rows))
            if found is not None:
                return found
            listed: list[Json] = [brief_json(row, record.facts(connection, row)) for row in rows]
        return json_answer({"elections": listed}, etag_of(*rows))

    @reads(router, ONE, JSON, "One election: state, times, questions, hashes, counts, turnout")
    def election(request: Request, uuid: Uuid) -> Response:
        with record.reading() as connection:
            row = row_of(connection, uuid)
            note = logs.checkpoint(uuid)
            etag = _etag_with(row, note)
            found = unchanged(request, etag)
            if found is not None:
                return found
            facts = record.facts(connection, row)
            shown = summary_json(row, facts, told(connection, uuid), turnout_of(connection, uuid))
        return json_answer(shown | {"checkpoint": checkpoint_json(note)}, etag)

    @reads(router, "/observer/campaigns/{campaign}", JSON, "The contests of a campaign, with turnout by hour")
    def campaign(request: Request, campaign: str) -> Response:
        with record.reading() as connection:
            rows = all_elections(connection, campaign) if _CAMPAIGN.fullmatch(campaign) else []
            if not rows:
                raise Refused("no-campaign", "there is no such campaign here")
            found = unchanged(request, etag_of(*rows))
            if found is not None:
                return found
            contests: list[Json] = [
                brief_json(row, record.facts(connection, row)) | {"turnout": hours_json(turnout_of(connection, row.uuid))}
                for row in rows
            ]
        kind = rehearsal_json(any(row.rehearsal for row in rows))
        return json_answer({"campaign": campaign, **kind, "contests": contests}, etag_of(*rows))

    @reads(router, ONE + "/turnout.csv", CSV, "Turnout hour by hour")
    def turnout(request: Request, uuid: Uuid) -> Response:
        with record.reading() as connection:
            row = row_of(connection, uuid)
            hours = turnout_of(connection, uuid)
        kind = "rehearsal" if row.rehearsal else "real"
        rows = [(uuid, row.contest, kind, one.start, one.ballots, one.voters) for one in hours]
        return _bytes(request, csv_text(("election", "contest", "rehearsal", "hour", "ballots", "voters"), rows), etag_of(row), CSV)


def _file_routes(router: APIRouter, record: PublicRecord) -> None:
    def growing(request: Request, row: ElectionRow, size: int, media_type: str, name: str) -> Response:
        shown = Representation(size, f'"{size}-{(row.head or "0")[:16]}"', media_type, REVALIDATED)

        def pieces(start: int, end: int) -> Iterator[bytes]:
            with record.reading() as connection:
                record.files.extend(connection, row.uuid)
            path = record.files.archive(row.uuid) if name == "archive" else record.files.entries(row.uuid)
            return _file_pieces(lambda: open_part(path, end), start, end)

        return answer(request, shown, pieces)

    @reads(router, ONE + "/archive.bel", ARCHIVE, "The Belenios archive so far", partial=True)
    def archive(request: Request, uuid: Uuid) -> Response:
        with record.reading() as connection:
            row = row_of(connection, uuid)
        return growing(request, row, row.archive_bytes, ARCHIVE, "archive")

    @reads(router, ONE + "/entries.jsonl", ENTRIES, "The entries of the log so far, one per line", partial=True)
    def entries(request: Request, uuid: Uuid) -> Response:
        with record.reading() as connection:
            row = row_of(connection, uuid)
        return growing(request, row, row.entry_bytes, ENTRIES, "entries")

    @reads(router, ONE + "/manifest.json", JSON, "The rules of the election, fixed before it was sealed", partial=True)
    def manifest(request: Request, uuid: Uuid) -> Response:
        with record.reading() as connection:
            row_of(connection, uuid)
            raw = manifest_of(connection, uuid)
        return _bytes(request, raw, f'"{sha256(raw).hexdigest()}"', JSON, FOR_EVER)

    @reads(router, ONE + "/data/{aa}/{digest}", ARCHIVE, "What an entry names by its SHA-256", partial=True)
    def data(request: Request, uuid: Uuid, aa: str, digest: str) -> Response:
        with record.reading() as connection:
            row_of(connection, uuid)
            size = data_size(connection, uuid, digest) if _DIGEST.fullmatch(digest) and aa == digest[:2] else None
        if size is None:
            raise Refused("data-missing", "the record has no data of this name")

        def pieces(start: int, end: int) -> Iterator[bytes]:
            for place in range(start, end, PIECE):
                with record.reading() as connection:
                    yield data_part(connection, uuid, digest, place, min(PIECE, end - place)) or b""

        return answer(request, Representation(size, f'"{digest}"', ARCHIVE, FOR_EVER), pieces)


def _ballot_routes(router: APIRouter, record: PublicRecord, logs: PublicLogs) -> None:
    def one(request: Request, uuid: str, tracker: str) -> Response:
        with record.reading() as connection:
            row, note = row_of(connection, uuid), logs.checkpoint(uuid)
            etag = _etag_with(row, note)
            found = unchanged(request, etag)
            if found is not None:
                return found
            ballot = ballot_row(connection, uuid, tracker)
            entry = None if ballot is None else event_entry(connection, uuid, ballot.height)
            if ballot is None or entry is None:
                raise Refused("not-in-record", f"no ballot of this record has the tracker {tracker[:16]}…")
            last = ballots_of(connection, uuid, ballot.credential)[-1]
            manifest = record.facts(connection, row).manifest
        standing = standing_json(row, manifest, tracker, entry.place, last.height != ballot.height, note)
        return json_answer(ballot_json(row, ballot, last) | standing, etag)

    @reads(router, ONE + "/ballots", JSON, "Ballots in the chain's order, or the one with a tracker in either form")
    def ballots(
        request: Request,
        uuid: Uuid,
        tracker: Annotated[str | None, Query(max_length=200, description="64 hex digits, or 43 characters")] = None,
        after: Annotated[int, Query(ge=0, le=2**53, description="Only ballots behind this event")] = 0,
        limit: Annotated[int, Query(ge=1, le=AT_ONCE)] = 100,
    ) -> Response:
        if tracker is not None:
            # A plus sign that was not escaped arrives as a blank.
            return one(request, uuid, parse_tracker(tracker.replace(" ", "+")))
        with record.reading() as connection:
            row = row_of(connection, uuid)
            found = unchanged(request, etag_of(row))
            if found is not None:
                return found
            rows = ballots_from(connection, uuid, after + 1, limit + 1)
        listed: list[Json] = [{"height": each.height, "tracker": each.tracker} for each in rows[:limit]]
        onwards = rows[limit - 1].height if len(rows) > limit else None
        return json_answer({**head_json(row), "ballots": listed, "next_after": onwards}, etag_of(row))

    @reads(router, ONE + "/ballots/{tracker}", JSON, "Where a ballot stands, and whether a later one replaced it")
    def ballot(request: Request, uuid: Uuid, tracker: str) -> Response:
        if not _DIGEST.fullmatch(tracker):
            raise Malformed("tracker-malformed", "in a path a tracker has 64 hexadecimal digits in lower case")
        return one(request, uuid, tracker)


def _result_routes(router: APIRouter, record: PublicRecord) -> None:
    def outcome(request: Request, uuid: str, media_type: str, shown: Callable[..., bytes]) -> Response:
        with record.reading() as connection:
            row = row_of(connection, uuid)
            found = unchanged(request, etag_of(row))
            if found is not None:
                return found
            facts = record.facts(connection, row)
            known: Outcome = read_outcome(connection, row, facts)
        return _bytes(request, shown(row, facts, known), etag_of(row), media_type)

    @reads(router, ONE + "/result.json", JSON, "The published result, and what it is worth")
    def result(request: Request, uuid: Uuid) -> Response:
        return outcome(request, uuid, JSON, lambda row, facts, known: encode(outcome_json(row, facts, known)))

    @reads(router, ONE + "/result.csv", CSV, "The published result as a table")
    def table(request: Request, uuid: Uuid) -> Response:
        return outcome(request, uuid, CSV, outcome_csv)


def _etag_with(row: ElectionRow, note: bytes | None) -> str:
    """Changes also with the checkpoint that is served."""
    return etag_of(row) if note is None else f'{etag_of(row)[:-1]}-{sha256(note).hexdigest()[:16]}"'


def _bytes(request: Request, content: bytes, etag: str, media_type: str, cache: str = REVALIDATED) -> Response:
    """A short text that is in memory, whole or in part."""
    return answer(request, Representation(len(content), etag, media_type, cache), lambda start, end: iter([content[start:end]]))


def _file_pieces(opened: Callable[[], Any], start: int, end: int) -> Iterator[bytes]:
    with opened() as stream:
        stream.seek(start)
        left = end - start
        while left > 0:
            piece = stream.read(min(PIECE, left))
            if not piece:
                # Shorter than what was promised: the connection ends, and the reader sees that something is missing.
                raise OSError("a copy of the record became shorter while it was read")
            left -= len(piece)
            yield piece
