"""Hands the built scripts and the style sheet to browsers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from veche.observer.ranges import unchanged
from veche.service.web_assets import STYLE, Asset, WebAssets

# A page that was just fetched names the hash of its script and style: older ones from a cache would not be taken.
_ASKED_AGAIN: Final = "no-cache"
_TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".txt": "text/plain; charset=utf-8"}
_UNWANTED: Final = re.compile(r"q=0(?:\.0{0,3})?")


def web_asset_routes(assets: WebAssets) -> APIRouter:
    """The built files and the style sheet. A path names one of them or nothing: none is looked up on the disk."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/static/dist/{name:path}", methods=["GET", "HEAD"])
    def built(request: Request, name: str) -> Response:
        asset = assets.files.get(name)
        return Response(status_code=404) if asset is None else _handed(request, asset, _TYPES[Path(name).suffix])

    @router.api_route(f"/static/{STYLE}", methods=["GET", "HEAD"])
    def style(request: Request) -> Response:
        return _handed(request, assets.style, _TYPES[Path(STYLE).suffix])

    return router


def _handed(request: Request, asset: Asset, media_type: str) -> Response:
    """The file, compressed for whoever takes that; nothing but the tag for whoever has it already."""
    packed = _takes_gzip(request.headers.get("accept-encoding", ""))
    # A strong tag is of bytes, so the compressed ones have another.
    tag = f'"{asset.integrity}-gzip"' if packed else f'"{asset.integrity}"'
    answer = unchanged(request, tag, _ASKED_AGAIN)
    if answer is None:
        content = asset.compressed if packed else asset.content
        headers = {"Cache-Control": _ASKED_AGAIN, "ETag": tag, **({"Content-Encoding": "gzip"} if packed else {})}
        answer = Response(content, media_type=media_type, headers=headers)
    answer.headers["Vary"] = "Accept-Encoding"
    return answer


def _takes_gzip(accepted: str) -> bool:
    """Whether the reader names gzip and does not turn it away (RFC 9110, section 12.5.3)."""
    for one in accepted.lower().split(","):
        coding, _, weight = one.partition(";")
        if coding.strip() == "gzip":
            return _UNWANTED.fullmatch(weight.strip()) is None
    return False
