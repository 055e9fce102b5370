"""Hands the built scripts to browsers."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from veche.service.web_assets import WebAssets

# A page that was just fetched names the hash of its script: an older one from a cache would not run.
_ASKED_AGAIN: Final = "no-cache"
_TYPES: Final = {".js": "text/javascript; charset=utf-8", ".txt": "text/plain; charset=utf-8"}


def web_asset_routes(assets: WebAssets) -> APIRouter:
    """The built files. A path names one of them or nothing: none is looked up on the disk."""
    router = APIRouter(include_in_schema=False)

    @router.get("/static/dist/{name:path}")
    def built(request: Request, name: str) -> Response:
        asset = assets.files.get(name)
        if asset is None:
            return Response(status_code=404)
        tag = f'"{asset.integrity}"'
        headers = {"Cache-Control": _ASKED_AGAIN, "ETag": tag, "Vary": "Accept-Encoding"}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        content = asset.content
        if "gzip" in request.headers.get("accept-encoding", ""):
            content, headers = asset.compressed, {**headers, "Content-Encoding": "gzip"}
        return Response(content, media_type=_TYPES[Path(name).suffix], headers=headers)

    return router
