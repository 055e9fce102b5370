"""`/trustee/CAMPAIGN`: where an invitation leads when a browser opens it. It says what to do with the tool, and asks nothing.

The page is the same for every campaign, real or not: whoever has no invitation learns nothing by it.
"""

from __future__ import annotations

import re

from fastapi import APIRouter, Request
from fastapi.responses import Response

from veche.crypto.errors import Refused
from veche.service.pages import Pages

_CAMPAIGN = re.compile(r"[A-Za-z0-9._-]{1,64}")


def trustee_page(pages: Pages) -> APIRouter:
    """The route over these pages."""
    router = APIRouter(include_in_schema=False)

    @router.get("/trustee/{campaign}")
    def explained(request: Request, campaign: str) -> Response:
        if _CAMPAIGN.fullmatch(campaign) is None:
            raise Refused("not-found", "there is nothing at this address")
        return pages.render(request, "trustee.html", campaign=campaign)

    return router
