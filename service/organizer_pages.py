"""Pages below `/organizer/`: plain forms for everything that `service.organizer_routes` offers, through the same functions.

Every page of a rehearsal says so. After a form the browser is sent back to a page that it may load again without doing anything;
only links of invitations are shown at once, because they are shown once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from veche.crypto.errors import Malformed, Refused
from veche.observer.database import Database
from veche.service.access import Access, Person
from veche.service.approvals import approval_of
from veche.service.audit_trail import notes_of
from veche.service.campaign_example import CSV_EXAMPLE
from veche.service.campaign_file import MAX_BYTES
from veche.service.campaign_people import Invitation
from veche.service.campaign_standing import contest_json, standing_of
from veche.service.campaigns import campaign_of, campaigns_of, contest_of
from veche.service.form import PAGE_FORM, Form, form_reader
from veche.service.organizer_actions import OrganizerActions
from veche.service.organizer_routes import Asked, Before, Name, Number, organizing
from veche.service.pages import Pages

_FILE_FORM: Final = MAX_BYTES + PAGE_FORM

Step = Callable[[OrganizerActions, Person, str, str, Form], object]

_STEPS: Final[Mapping[str, Step]] = MappingProxyType(
    {
        "extend": lambda own, who, campaign, uuid, form: own.extend(who, campaign, uuid, form.text("until"), form.text("reason")),
        "suspend": lambda own, who, campaign, uuid, form: own.suspend(who, campaign, uuid, form.text("reason")),
        "resume": lambda own, who, campaign, uuid, form: own.resume(who, campaign, uuid, form.text("reason")),
        "incident": lambda own, who, campaign, uuid, form: own.incident(who, campaign, uuid, form.text("reason")),
        "publish": lambda own, who, campaign, uuid, _: own.publish(who, campaign, uuid),
        "certify": lambda own, who, campaign, uuid, form: own.certify(who, campaign, uuid, _number(form, "complaints")),
        "seal": lambda own, who, campaign, uuid, _: own.ask_to_seal(who, campaign, uuid),
        "cancel": lambda own, who, campaign, uuid, form: _end(own, who, campaign, uuid, "cancel", form),
        "annul": lambda own, who, campaign, uuid, form: _end(own, who, campaign, uuid, "annul", form),
    }
)
"""What the forms of a contest's page do."""


class OrganizerPages:
    """What the pages are made with."""

    def __init__(self, database: Database, actions: OrganizerActions, access: Access, pages: Pages) -> None:
        self.database = database
        self.actions = actions
        self.access = access
        self.pages = pages

    def show(self, request: Request, name: str, campaign: str, **values: Any) -> Response:
        """A page of this campaign, which says whether it is a rehearsal."""
        with self.database.reading() as connection:
            found = campaign_of(connection, campaign)
        return self.pages.render(request, name, rehearsal=found.rehearsal, campaign=found, **values)


def organizer_pages(database: Database, actions: OrganizerActions, access: Access, pages: Pages) -> APIRouter:
    """The pages over this server's campaigns."""
    router = APIRouter(prefix="/organizer", include_in_schema=False)
    desk = OrganizerPages(database, actions, access, pages)

    def organizer(request: Request, campaign: Name) -> Person:
        return access.organizer(request, campaign)

    def sender(request: Request, campaign: Name, _: Form = Depends(form_reader())) -> Person:
        return access.organizer(request, campaign)

    _list_pages(router, desk)
    _campaign_pages(router, desk, organizer, sender)
    _people_forms(router, desk)
    _contest_pages(router, desk, organizer)
    _approval_pages(router, desk, organizer, sender)
    return router


def _list_pages(router: APIRouter, desk: OrganizerPages) -> None:
    @router.get("/")
    def campaigns(request: Request) -> Response:
        who = organizing(desk.access, request)
        with desk.database.reading() as connection:
            found = campaigns_of(connection, who.id)
        return desk.pages.render(request, "campaigns.html", campaigns=found, example=CSV_EXAMPLE)

    @router.post("/")
    def create(request: Request, form: Form = Depends(form_reader(_FILE_FORM))) -> Response:
        made = desk.actions.create(organizing(desk.access, request), form.file("file"))
        return _back(made.id)


def _campaign_pages(router: APIRouter, desk: OrganizerPages, organizer: Asked, sender: Asked) -> None:
    @router.get("/{campaign}")
    def standing(request: Request, campaign: Name, _: Person = Depends(organizer)) -> Response:
        with desk.database.reading() as connection:
            found = standing_of(connection, campaign)
        return desk.show(request, "campaign.html", campaign, standing=found)

    @router.get("/{campaign}/trail")
    def trail(request: Request, campaign: Name, before: Before = None, _: Person = Depends(organizer)) -> Response:
        with desk.database.reading() as connection:
            notes = notes_of(connection, campaign, before)
        return desk.show(request, "trail.html", campaign, notes=notes)

    @router.post("/{campaign}/plan")
    def replace(request: Request, campaign: Name, form: Form = Depends(form_reader(_FILE_FORM))) -> Response:
        desk.actions.replace(desk.access.organizer(request, campaign), campaign, form.file("file"))
        return _back(campaign)

    @router.post("/{campaign}/fix")
    def fix(campaign: Name, who: Person = Depends(sender)) -> Response:
        desk.actions.fix(who, campaign)
        return _back(campaign)

    @router.post("/{campaign}/ceremony")
    def ceremony(request: Request, campaign: Name, form: Form = Depends(form_reader())) -> Response:
        who = desk.access.organizer(request, campaign)
        deadlines = form.text("commitments"), form.text("reveals"), form.text("complaints")
        desk.actions.begin_ceremony(who, campaign, deadlines)
        return _back(campaign)


def _people_forms(router: APIRouter, desk: OrganizerPages) -> None:
    def invited(request: Request, campaign: str, *made: Invitation) -> Response:
        return desk.show(request, "invitations.html", campaign, invitations=made)

    @router.post("/{campaign}/organizers")
    def add(request: Request, campaign: Name, form: Form = Depends(form_reader())) -> Response:
        desk.actions.add_organizer(desk.access.organizer(request, campaign), campaign, form.text("email"))
        return _back(campaign)

    @router.post("/{campaign}/registrar")
    def registrar(request: Request, campaign: Name, form: Form = Depends(form_reader())) -> Response:
        who = desk.access.organizer(request, campaign)
        made = desk.actions.invite_registrar(who, campaign, form.text("name"), form.text("email"))
        return invited(request, campaign, made)

    @router.post("/{campaign}/trustees")
    def trustees(request: Request, campaign: Name, _: Form = Depends(form_reader())) -> Response:
        return invited(request, campaign, *desk.actions.invite_trustees(desk.access.organizer(request, campaign), campaign))

    @router.post("/{campaign}/trustee")
    def trustee(request: Request, campaign: Name, form: Form = Depends(form_reader())) -> Response:
        who = desk.access.organizer(request, campaign)
        return invited(request, campaign, desk.actions.invite_trustee(who, campaign, form.text("name"), form.text("email")))


def _contest_pages(router: APIRouter, desk: OrganizerPages, organizer: Asked) -> None:
    @router.get("/{campaign}/contests/{uuid}")
    def contest(request: Request, campaign: Name, uuid: Name, _: Person = Depends(organizer)) -> Response:
        with desk.database.reading() as connection:
            found = contest_json(connection, contest_of(connection, campaign, uuid))
        return desk.show(request, "contest.html", campaign, contest=found)

    @router.post("/{campaign}/contests/{uuid}/{step}")
    def act(request: Request, campaign: Name, uuid: Name, step: str, form: Form = Depends(form_reader())) -> Response:
        who = desk.access.organizer(request, campaign)
        does = _STEPS.get(step)
        if does is None:
            raise Refused("not-found", "a contest's page has no such form")
        does(desk.actions, who, campaign, uuid, form)
        return _back(campaign, f"/contests/{uuid}")


def _approval_pages(router: APIRouter, desk: OrganizerPages, organizer: Asked, sender: Asked) -> None:
    @router.get("/{campaign}/approvals/{number}")
    def approval(request: Request, campaign: Name, number: Number, who: Person = Depends(organizer)) -> Response:
        with desk.database.reading() as connection:
            found = approval_of(connection, campaign, number)
            contest = contest_json(connection, contest_of(connection, campaign, found.uuid))
        return desk.show(request, "approval.html", campaign, approval=found, contest=contest, own=found.asked_by == who.id)

    @router.post("/{campaign}/approvals/{number}/approve")
    def approve(campaign: Name, number: Number, who: Person = Depends(sender)) -> Response:
        desk.actions.approve(who, campaign, number)
        return _back(campaign, f"/approvals/{number}")

    @router.post("/{campaign}/approvals/{number}/refuse")
    def refuse(campaign: Name, number: Number, who: Person = Depends(sender)) -> Response:
        desk.actions.refuse(who, campaign, number)
        return _back(campaign, f"/approvals/{number}")


def _end(actions: OrganizerActions, who: Person, campaign: str, uuid: str, action: str, form: Form) -> None:
    actions.ask_to_end(who, campaign, uuid, action, form.text("reason"), form.text("successor").strip() or None)


def _number(form: Form, name: str) -> int:
    written = form.text(name).strip()
    if not written.isascii() or not written.isdigit() or len(written) > 9:
        raise Malformed("form", f'a whole number was expected in "{name}"')
    return int(written)


def _back(campaign: str, path: str = "") -> Response:
    return RedirectResponse(f"/organizer/{campaign}{path}", 303)
