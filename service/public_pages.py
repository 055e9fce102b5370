"""Pages that anybody may read, without an account and without a script: what there is to vote on, how it stands, and how to check.

Everything on them is what the observer endpoint says too, and in the same words; the counts of options appear with `published`.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from veche.crypto.errors import Refused
from veche.observer.database import Database
from veche.observer.log_routes import PublicLogs
from veche.observer.public_record import PublicRecord, row_of, told
from veche.observer.published_files import PublishedFiles
from veche.observer.published_result import outcome_json, read_outcome
from veche.observer.record_rows import all_elections, turnout_of
from veche.observer.standing import log_json
from veche.observer.summary import brief_json, summary_json
from veche.service.pages import Pages
from veche.service.settings import Settings


def public_pages(database: Database, files: PublishedFiles, settings: Settings, pages: Pages, logs: PublicLogs) -> APIRouter:
    """The start page, a page for every election, and the page that a voter's letter points to."""
    router = APIRouter(include_in_schema=False)
    record, base = PublicRecord(database, files), settings.public_url

    @router.get("/")
    def start(request: Request) -> Response:
        return pages.render(request, "start.html", elections=_listed(record))

    @router.get("/observe/{uuid}")
    def observe(request: Request, uuid: str) -> Response:
        return pages.render(request, "observe.html", base=base, **_observed(record, uuid, logs))

    @router.get("/vote/{campaign}")
    def vote(request: Request, campaign: str) -> Response:
        found = [one for one in _listed(record) if one["campaign"] == campaign]
        if not found:
            raise Refused("no-campaign", "there is no vote of this name here")
        rehearsal = any(one["rehearsal"] for one in found)
        return pages.render(request, "vote.html", base=base, elections=found, rehearsal=rehearsal)

    return router


def _listed(record: PublicRecord) -> list[dict[str, Any]]:
    with record.reading() as connection:
        return [dict(brief_json(row, record.facts(connection, row))) for row in all_elections(connection)]


def _observed(record: PublicRecord, uuid: str, logs: PublicLogs) -> dict[str, Any]:
    with record.reading() as connection:
        row = row_of(connection, uuid)
        facts = record.facts(connection, row)
        summary = summary_json(row, facts, told(connection, uuid), turnout_of(connection, uuid))
        try:
            outcome = outcome_json(row, facts, read_outcome(connection, row, facts))
        except Refused as error:
            if error.code != "not-published":
                raise
            outcome = None
    note = logs.checkpoint(uuid)
    log = None if note is None else log_json(note, facts.manifest)
    return {"election": summary, "outcome": outcome, "rehearsal": row.rehearsal, "log": log}
