"""What the organizers' pages are made with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from veche.observer.database import Database
from veche.service.access import Access
from veche.service.campaigns import campaign_of
from veche.service.organizer_actions import OrganizerActions
from veche.service.pages import Pages


@dataclass(frozen=True, slots=True)
class OrganizerDesk:
    """Made once per application."""

    database: Database
    actions: OrganizerActions
    access: Access
    pages: Pages

    def show(self, request: Request, name: str, campaign: str, status: int = 200, **values: Any) -> Response:
        """A page of this campaign, which says whether it is a rehearsal."""
        with self.database.reading() as connection:
            found = campaign_of(connection, campaign)
        return self.pages.render(request, name, status, rehearsal=found.rehearsal, campaign=found, **values)

    def language(self, request: Request) -> str:
        """The language in which this request is answered."""
        return self.pages.languages.of(request).name
