"""The voter's three pages: booth, my ballots, tracker. Everything on them happens in the browser; the server only sends the page.

A page brings the public facts of its contests along as data: the exact texts of the Setup event and the setup data, from which the
script follows hash by hash to the questions it asks. No code, no credential and no choice ever arrives here.
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from veche.crypto.canonical_json import Json
from veche.crypto.errors import Refused
from veche.ledger.event import parse_event
from veche.observer.database import Database
from veche.observer.public_record import Facts, PublicRecord, row_of
from veche.observer.published_files import PublishedFiles
from veche.observer.record_rows import ElectionRow, all_elections, data_part, event_text
from veche.observer.summary import brief_json, bucket_digits
from veche.service.languages import prefix_of
from veche.service.pages import Pages
from veche.service.settings import Settings

_MOST: Final = 10_000
"""Setup data is three or four hashes."""


def booth_pages(database: Database, files: PublishedFiles, settings: Settings, pages: Pages) -> APIRouter:
    """The routes of the voter's pages."""
    router = APIRouter(include_in_schema=False)
    contests = _Contests(PublicRecord(database, files))

    def page(request: Request, found: list[dict[str, Any]], campaign: str | None) -> dict[str, Json]:
        known: list[Json] = [one["known"] for one in found if one["known"] is not None]
        return {"base": settings.public_url, "prefix": prefix_of(request), "campaign": campaign, "contests": known}

    def shown(request: Request, template: str, found: list[dict[str, Any]], campaign: str | None = None) -> Response:
        # Where votes that count stand beside a rehearsal, the whole page is none: each rehearsal says so by itself.
        rehearsal = bool(found) and all(one["rehearsal"] for one in found)
        values: dict[str, Any] = {
            "base": settings.public_url,
            "elections": found,
            "rehearsal": rehearsal,
            "known": page(request, found, campaign),
        }
        return pages.render(request, template, **values)

    @router.get("/vote/{campaign}")
    def vote(request: Request, campaign: str) -> Response:
        return shown(request, "vote.html", contests.of_campaign(campaign), campaign)

    @router.get("/my")
    def my(request: Request) -> Response:
        return shown(request, "my.html", contests.everywhere())

    @router.get("/track/{uuid}")
    def track(request: Request, uuid: str) -> Response:
        return shown(request, "track.html", [contests.one(uuid)])

    return router


class _Contests:
    """Contests as the pages need them. What Setup fixed is read once."""

    def __init__(self, record: PublicRecord) -> None:
        self._record = record
        self._sealed: dict[str, tuple[str, str]] = {}

    def of_campaign(self, campaign: str) -> list[dict[str, Any]]:
        """Raises Refused `no-campaign`."""
        found = [one for one in self.everywhere() if one["campaign"] == campaign]
        if not found:
            raise Refused("no-campaign", "there is no vote of this name here")
        return found

    def everywhere(self) -> list[dict[str, Any]]:
        with self._record.reading() as connection:
            return [self._contest(connection, row) for row in all_elections(connection)]

    def one(self, uuid: str) -> dict[str, Any]:
        """Raises Refused `no-election`."""
        with self._record.reading() as connection:
            return self._contest(connection, row_of(connection, uuid))

    def _contest(self, connection: Connection, row: ElectionRow) -> dict[str, Any]:
        """The contest as the observer endpoint says it, and as `known` what its script starts from; None before Setup."""
        facts = self._record.facts(connection, row)
        known = None if row.setup is None else self._known(connection, row, facts)
        return {**brief_json(row, facts), "zone": facts.manifest.zone, "known": known}

    def _known(self, connection: Connection, row: ElectionRow, facts: Facts) -> dict[str, Json]:
        event, data = self._setup(connection, row.uuid)
        return {
            "uuid": row.uuid,
            "campaign": row.campaign,
            "title": dict(facts.manifest.title),
            "state": row.state,
            "rehearsal": row.rehearsal,
            "opens_at": row.opens_at,
            "closes_at": row.closes_at,
            "zone": facts.manifest.zone,
            "fingerprint": row.fingerprint,
            "setup": row.setup,
            "setup_event": event,
            "setup_data": data,
            "bucket_digits": bucket_digits(row.listed),
        }

    def _setup(self, connection: Connection, uuid: str) -> tuple[str, str]:
        """The exact texts of event 0 and of the setup data that it names."""
        if uuid not in self._sealed:
            event = event_text(connection, uuid, 0) or b""
            data = data_part(connection, uuid, parse_event(event).payload or "", 0, _MOST) or b""
            self._sealed[uuid] = event.decode("utf-8"), data.decode("utf-8")
        return self._sealed[uuid]
