"""`/trustee/CAMPAIGN`: where a trustee works, and the printable script of the ceremony. docs/for-trustees.md

The page as it is sent is the same for every campaign, real or not: whoever has no invitation learns nothing by it. The token stands
behind the # of the address and is never sent with it; the page's script asks the interface of `trustee_routes` with it.
"""

from __future__ import annotations

import re

from fastapi import APIRouter, Request
from fastapi.responses import Response

from veche.crypto.errors import Refused
from veche.service.languages import prefix_of
from veche.service.pages import Pages

_CAMPAIGN = re.compile(r"[A-Za-z0-9._-]{1,64}")


def trustee_page(pages: Pages) -> APIRouter:
    """The routes over these pages."""
    router = APIRouter(include_in_schema=False)

    @router.get("/trustee/{campaign}")
    def work(request: Request, campaign: str) -> Response:
        return _page(request, "trustee.html", campaign)

    @router.get("/trustee/{campaign}/script")
    def script(request: Request, campaign: str) -> Response:
        return _page(request, "trustee_script.html", campaign)

    def _page(request: Request, template: str, campaign: str) -> Response:
        if _CAMPAIGN.fullmatch(campaign) is None:
            raise Refused("not-found", "there is nothing at this address")
        known = {"campaign": campaign, "prefix": prefix_of(request)}
        return pages.render(request, template, campaign=campaign, known=known)

    return router
