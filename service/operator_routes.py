"""`/api/operator/status`: how the server is doing, for whoever runs it. It shows no ballot, no credential and no person."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import func, select

from veche.crypto.canonical_json import Json
from veche.observer.problems import RESPONSES
from veche.observer.record_rows import all_elections
from veche.service.access import Access
from veche.service.clock import SteadyClock
from veche.service.server import Server
from veche.service.tables import jobs


def operator_routes(server: Server, access: Access) -> APIRouter:
    """The route over this server."""
    router = APIRouter(prefix="/api/operator", tags=["operator"], responses=dict(RESPONSES))

    @router.get("/status", summary="How the server is doing")
    def status(request: Request) -> Response:
        access.operator(request)
        clock = server.clock
        with server.storage.database.reading() as connection:
            counted = select(jobs.c.kind, jobs.c.status, func.count().label("number")).group_by(jobs.c.kind, jobs.c.status)
            queued = connection.execute(counted).all()
            waiting: list[Json] = [{"kind": one.kind, "status": one.status, "count": one.number} for one in queued]
            failed = select(jobs.c.kind, jobs.c.topic, jobs.c.error).where(jobs.c.status == "failed").order_by(jobs.c.id).limit(50)
            errors: list[Json] = [{"kind": one.kind, "topic": one.topic, "error": one.error} for one in connection.execute(failed)]
            contests: list[Json] = [
                {"election": row.uuid, "campaign": row.campaign, "state": row.state, "ballots": row.ballots, "entries": row.entries}
                for row in all_elections(connection)
            ]
        stopped: list[Json] = [
            {"election": uuid, "code": code, "reason": server.sequencer.reasons[uuid]}
            for uuid, code in sorted(server.sequencer.stopped.items())
        ]
        witnesses: list[Json] = [
            {"election": one.uuid, "witness": one.witness, "code": one.code, "reason": one.sentence}
            for one in server.witnesses.standings()
        ]
        return JSONResponse(
            {
                "storage_failure": server.storage.failure,
                "clock_parted": clock.parted() if isinstance(clock, SteadyClock) else 0,
                "under_way": server.casting.under_way,
                "jobs": waiting,
                "failed_jobs": errors,
                "stopped_logs": stopped,
                "witnesses": witnesses,
                "elections": contests,
            }
        )

    return router
