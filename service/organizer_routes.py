"""`/api/campaigns/…`: what organizers do, for programs; the pages below `/organizer/` do the same through the same functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, TypeAlias

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from veche.crypto.errors import Refused
from veche.observer.database import Database
from veche.observer.problems import RESPONSES
from veche.service.access import Access, Person
from veche.service.approvals import approval_of, approvals_of
from veche.service.audit_trail import notes_of
from veche.service.campaign_file import MAX_BYTES
from veche.service.campaign_standing import campaign_json, standing_of
from veche.service.campaigns import campaigns_of
from veche.service.organizer_actions import OrganizerActions
from veche.service.request_body import BoundedRoute, body_reader

Name = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
Before = Annotated[int | None, Query(ge=1, le=2**31 - 1, description="Notes older than this number.")]
Code = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$", description="A code; free text about people may never enter a record.")]
Moment = Annotated[int | str, Field(description='Seconds since 1970, or a time like "2026-10-01T09:00:00+03:00".')]

FILES: Final = frozenset({"application/json", "text/csv", "text/plain", "application/octet-stream"})
_FILE_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}}, "text/csv": {"schema": {"type": "string"}}},
    }
}


Asked: TypeAlias = Callable[..., Person]
"""A dependency that says who asks, or refuses."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PersonBody(_Body):
    """Somebody to be invited."""

    name: str = Field(max_length=200)
    email: str = Field(max_length=254)


class EmailBody(_Body):
    """An organizer's account."""

    email: str = Field(max_length=254)


class CeremonyBody(_Body):
    """When commitments, reveals and complaints are due."""

    deadlines: tuple[Moment, Moment, Moment]


class ReasonBody(_Body):
    """Why something is done."""

    reason: Code


class ExtendBody(_Body):
    """The new end of voting, and why."""

    until: Moment
    reason: Code


class CertifyBody(_Body):
    """How many complaints were decided on before the result is certified."""

    complaints: int = Field(ge=0, le=1_000_000)


class EndBody(_Body):
    """Why an election is ended, and which one takes its place."""

    reason: Code
    successor: Annotated[str, Field(pattern=r"^[1-9A-HJ-NP-Za-km-z]{14,64}$")] | None = None


def organizer_routes(database: Database, actions: OrganizerActions, access: Access) -> APIRouter:
    """The routes over this server's campaigns."""
    router = APIRouter(prefix="/api/campaigns", tags=["organizer"], responses=dict(RESPONSES), route_class=BoundedRoute)

    def person(request: Request) -> Person:
        return organizing(access, request)

    def organizer(request: Request, campaign: Name) -> Person:
        return access.organizer(request, campaign)

    _campaign_routes(router, database, actions, person, organizer)
    _people_routes(router, actions, organizer)
    _contest_routes(router, actions, organizer)
    _approval_routes(router, database, actions, organizer)
    return router


def organizing(access: Access, request: Request) -> Person:
    """Who is signed in and may make campaigns. Raises as `Access.person`, and Refused `not-allowed`."""
    person = access.person(request)
    if not person.organizer:
        raise Refused("not-allowed", "this account may not make campaigns; the operator makes organizers (veche account)")
    return person


def _campaign_routes(router: APIRouter, database: Database, actions: OrganizerActions, person: Asked, organizer: Asked) -> None:
    read_file = body_reader(MAX_BYTES, FILES)

    @router.get("", summary="The campaigns whose organizer you are")
    def campaigns(who: Person = Depends(person)) -> Response:
        with database.reading() as connection:
            return JSONResponse({"campaigns": [campaign_json(one) for one in campaigns_of(connection, who.id)]})

    @router.post("", status_code=201, summary="Make a campaign from one file", openapi_extra=_FILE_BODY)
    def create(who: Person = Depends(person), raw: bytes = Depends(read_file)) -> Response:
        return JSONResponse(campaign_json(actions.create(who, raw)), 201)

    @router.get("/{campaign}", summary="How the campaign stands")
    def standing(campaign: Name, _: Person = Depends(organizer)) -> Response:
        with database.reading() as connection:
            return JSONResponse(standing_of(connection, campaign))

    @router.put("/{campaign}/plan", summary="Replace the plan, before the rules are fixed", openapi_extra=_FILE_BODY)
    def replace(campaign: Name, who: Person = Depends(organizer), raw: bytes = Depends(read_file)) -> Response:
        return JSONResponse(campaign_json(actions.replace(who, campaign, raw)))

    @router.post("/{campaign}/fix", summary="Fix the rules: every contest's record begins")
    def fix(campaign: Name, who: Person = Depends(organizer)) -> Response:
        actions.fix(who, campaign)
        with database.reading() as connection:
            return JSONResponse(standing_of(connection, campaign))

    @router.post("/{campaign}/ceremony", status_code=201, summary="Begin the trustees' ceremony")
    def ceremony(campaign: Name, body: CeremonyBody, who: Person = Depends(organizer)) -> Response:
        return JSONResponse({"run": actions.begin_ceremony(who, campaign, body.deadlines)}, 201)

    @router.get("/{campaign}/trail", summary="Everything that was done, newest first")
    def trail(campaign: Name, before: Before = None, _: Person = Depends(organizer)) -> Response:
        with database.reading() as connection:
            return JSONResponse({"campaign": campaign, "notes": [one.to_json() for one in notes_of(connection, campaign, before)]})


def _people_routes(router: APIRouter, actions: OrganizerActions, organizer: Asked) -> None:
    @router.post("/{campaign}/organizers", status_code=201, summary="Another organizer of this campaign")
    def add(campaign: Name, body: EmailBody, who: Person = Depends(organizer)) -> Response:
        return JSONResponse(actions.add_organizer(who, campaign, body.email).to_json(), 201)

    @router.post("/{campaign}/registrar", status_code=201, summary="Invite the registrar; the link is shown once")
    def registrar(campaign: Name, body: PersonBody, who: Person = Depends(organizer)) -> Response:
        return JSONResponse(actions.invite_registrar(who, campaign, body.name, body.email).to_json(), 201)

    @router.post("/{campaign}/trustees", status_code=201, summary="Invite the trustees; their links are shown once")
    def trustees(campaign: Name, who: Person = Depends(organizer)) -> Response:
        return JSONResponse({"invitations": [one.to_json() for one in actions.invite_trustees(who, campaign)]}, 201)

    @router.post("/{campaign}/trustee", status_code=201, summary="One more trustee for the next ceremony")
    def trustee(campaign: Name, body: PersonBody, who: Person = Depends(organizer)) -> Response:
        return JSONResponse(actions.invite_trustee(who, campaign, body.name, body.email).to_json(), 201)


def _contest_routes(router: APIRouter, actions: OrganizerActions, organizer: Asked) -> None:
    root = "/{campaign}/contests/{uuid}"

    @router.post(f"{root}/extend", summary="A later end of voting")
    def extend(campaign: Name, uuid: Name, body: ExtendBody, who: Person = Depends(organizer)) -> Response:
        actions.extend(who, campaign, uuid, body.until, body.reason)
        return _done(uuid)

    @router.post(f"{root}/suspend", summary="Take no ballots for now")
    def suspend(campaign: Name, uuid: Name, body: ReasonBody, who: Person = Depends(organizer)) -> Response:
        actions.suspend(who, campaign, uuid, body.reason)
        return _done(uuid)

    @router.post(f"{root}/resume", summary="Take ballots again")
    def resume(campaign: Name, uuid: Name, body: ReasonBody, who: Person = Depends(organizer)) -> Response:
        actions.resume(who, campaign, uuid, body.reason)
        return _done(uuid)

    @router.post(f"{root}/incident", summary="Say in the record that something happened")
    def incident(campaign: Name, uuid: Name, body: ReasonBody, who: Person = Depends(organizer)) -> Response:
        actions.incident(who, campaign, uuid, body.reason)
        return _done(uuid)

    @router.post(f"{root}/publish", status_code=202, summary="Audit the whole record, and publish the result if it stands")
    def publish(campaign: Name, uuid: Name, who: Person = Depends(organizer)) -> Response:
        actions.publish(who, campaign, uuid)
        return _done(uuid, 202)

    @router.post(f"{root}/certify", summary="The result stands, after the days of appeal")
    def certify(campaign: Name, uuid: Name, body: CertifyBody, who: Person = Depends(organizer)) -> Response:
        actions.certify(who, campaign, uuid, body.complaints)
        return _done(uuid)

    @router.post(f"{root}/seal", status_code=202, summary="Ask a second organizer to approve the seal")
    def seal(campaign: Name, uuid: Name, who: Person = Depends(organizer)) -> Response:
        return JSONResponse(actions.ask_to_seal(who, campaign, uuid).to_json(), 202)

    @router.post(f"{root}/cancel", status_code=202, summary="Ask a second organizer to approve that it is cancelled")
    def cancel(campaign: Name, uuid: Name, body: EndBody, who: Person = Depends(organizer)) -> Response:
        return JSONResponse(actions.ask_to_end(who, campaign, uuid, "cancel", body.reason, body.successor).to_json(), 202)

    @router.post(f"{root}/annul", status_code=202, summary="Ask a second organizer to approve that its result is void")
    def annul(campaign: Name, uuid: Name, body: EndBody, who: Person = Depends(organizer)) -> Response:
        return JSONResponse(actions.ask_to_end(who, campaign, uuid, "annul", body.reason, body.successor).to_json(), 202)


def _approval_routes(router: APIRouter, database: Database, actions: OrganizerActions, organizer: Asked) -> None:
    root = "/{campaign}/approvals"

    @router.get(root, summary="What was asked of a second organizer, newest first")
    def listed(campaign: Name, _: Person = Depends(organizer)) -> Response:
        with database.reading() as connection:
            return JSONResponse({"approvals": [one.to_json() for one in approvals_of(connection, campaign)]})

    @router.get(f"{root}/{{number}}", summary="Exactly what would be approved")
    def one(campaign: Name, number: Number, _: Person = Depends(organizer)) -> Response:
        with database.reading() as connection:
            return JSONResponse(approval_of(connection, campaign, number).to_json())

    @router.post(f"{root}/{{number}}/approve", summary="Approve it, as another organizer than the one who asked")
    def approve(campaign: Name, number: Number, who: Person = Depends(organizer)) -> Response:
        return JSONResponse(actions.approve(who, campaign, number).to_json())

    @router.post(f"{root}/{{number}}/refuse", summary="Refuse it, or withdraw what one asked for")
    def refuse(campaign: Name, number: Number, who: Person = Depends(organizer)) -> Response:
        return JSONResponse(actions.refuse(who, campaign, number).to_json())


def _done(uuid: str, status: int = 200) -> Response:
    return JSONResponse({"election": uuid}, status)
