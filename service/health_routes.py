"""`/healthz`, `/readyz`, `/version`: for load balancers and for whoever looks after the server. Metrics are served elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from veche.observer.problems import MEDIA_TYPE, problem
from veche.service.build_info import BuildInfo
from veche.service.readiness import Readiness

_NOT_KEPT: Final = {"Cache-Control": "no-store"}
_NOT_READY: Final[dict[int | str, dict[str, Any]]] = {
    503: {"description": "No ballot would be taken now", "content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}
}


def health_routes(readiness: Readiness, build: BuildInfo, warnings: Callable[[], list[str]]) -> APIRouter:
    """The routes over this process. What `warnings` says is wrong keeps no ballot out, and so does not make it not ready."""
    router = APIRouter(tags=["operating"])

    @router.get("/healthz", summary="The process lives")
    async def alive() -> Response:
        return JSONResponse({"status": "alive"}, headers=_NOT_KEPT)

    @router.get("/readyz", summary="Ballots would be taken", responses=_NOT_READY)
    def ready() -> Response:
        faults = readiness.faults()
        if faults:
            return problem(503, "not-ready", "; ".join(faults), _NOT_KEPT)
        told = warnings()
        return JSONResponse({"status": "ready", **({"warnings": told} if told else {})}, headers=_NOT_KEPT)

    @router.get("/version", summary="What runs here")
    async def version() -> Response:
        told = {"version": build.version, "commit": build.commit or None, "assets": build.assets, "python": build.python}
        return JSONResponse(told, headers=_NOT_KEPT)

    return router
