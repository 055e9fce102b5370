"""Pages below `/organizer/`: plain forms for everything that `service.organizer_routes` offers, through the same functions.

Every page of a rehearsal says so. After a form the browser is sent back to a page that it may load again without doing anything;
only links of invitations are shown at once, because they are shown once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from veche.crypto.errors import ElectionError, Malformed
from veche.observer.problems import answer_to
from veche.service.access import Invited, Person
from veche.service.approvals import approval_of
from veche.service.approved_steps import texts_of
from veche.service.audit_trail import notes_of
from veche.service.campaign_draft import drafts_of
from veche.service.campaign_example import CSV_EXAMPLE
from veche.service.campaign_file import MAX_BYTES
from veche.service.campaign_people import Invitation
from veche.service.campaign_standing import contest_json, standing_of
from veche.service.campaigns import campaigns_of, contest_of
from veche.service.contest_pages import contest_pages
from veche.service.form import PAGE_FORM, Form
from veche.service.kept_form import Answered, kept_form
from veche.service.languages import sentence
from veche.service.list_mistakes import mistakes_of
from veche.service.next_step import STATES, campaign_steps
from veche.service.organizer_desk import OrganizerDesk
from veche.service.organizer_routes import Asked, Before, Name, Number, organizing
from veche.service.organizer_words import REFUSED
from veche.service.registrar_work import RegistrarWork
from veche.service.server import Server
from veche.service.trail_words import known_of, told
from veche.service.trustee_progress import ceremony_progress

_FILE_FORM: Final = MAX_BYTES + PAGE_FORM
_NOTES: Final = 50
"""Notes of the trail on one page."""

_FIX: Final = sentence(
    "From now on no question, date, option or trustee can change. Each contest's public record begins. It cannot be undone."
)
_FIX_BUTTON: Final = sentence("Fix the rules")

Only = Annotated[str, Query(alias="contest", pattern=r"^[A-Za-z0-9]{0,64}$")]


def organizer_pages(desk: OrganizerDesk, server: Server) -> APIRouter:
    """The pages over this server's campaigns."""
    router = APIRouter(prefix="/organizer", include_in_schema=False)

    def organizer(request: Request, campaign: Name) -> Person:
        return desk.access.organizer(request, campaign)

    def sender(request: Request, campaign: Name, _: Form = Depends(kept_form(desk.access))) -> Person:
        return desk.access.organizer(request, campaign)

    _list_pages(router, desk)
    _campaign_pages(router, desk, organizer)
    _plan_forms(router, desk, RegistrarWork(server.storage, server.clock))
    _people_forms(router, desk)
    contest_pages(router, desk, server, organizer)
    _approval_pages(router, desk, organizer, sender)
    return router


def _list_pages(router: APIRouter, desk: OrganizerDesk) -> None:
    @router.get("/")
    def campaigns(request: Request) -> Response:
        return _list(request, desk, organizing(desk.access, request))

    @router.post("/")
    def create(request: Request, form: Form = Depends(kept_form(desk.access, _FILE_FORM))) -> Response:
        who = organizing(desk.access, request)
        try:
            made = desk.actions.create(who, form.file("file"))
        except Malformed as error:
            return _list(request, desk, who, _lines(error), answer_to(error).status_code)
        return _back(made.id)


def _list(request: Request, desk: OrganizerDesk, who: Person, mistakes: tuple[str, ...] = (), status: int = 200) -> Response:
    with desk.database.reading() as connection:
        found, drafts = campaigns_of(connection, who.id), drafts_of(connection, who.id)
    values = {"campaigns": found, "drafts": drafts, "mistakes": mistakes, "example": CSV_EXAMPLE}
    return desk.pages.render(request, "campaigns.html", status, **values)


def _lines(error: Malformed) -> tuple[str, ...]:
    """The mistakes of a file, one by one; the first line only says how many they are."""
    return error.listed or (REFUSED.get(error.code) or error.sentence,)


def _campaign_pages(router: APIRouter, desk: OrganizerDesk, organizer: Asked) -> None:
    @router.get("/{campaign}")
    def standing(request: Request, campaign: Name, _: Person = Depends(organizer)) -> Response:
        return _campaign(request, desk, campaign)

    @router.get("/{campaign}/trail")
    def trail(request: Request, campaign: Name, before: Before = None, only: Only = "", _: Person = Depends(organizer)) -> Response:
        with desk.database.reading() as connection:
            notes = notes_of(connection, campaign, before, only or None, _NOTES + 1)
            contests = standing_of(connection, campaign)["contests"]
            language, zone = desk.pages.languages.of(request), _zone(contests)
            known = known_of(connection, campaign, notes, lambda seconds: language.forms.moment(seconds, zone).striptags())
        names, shown = _names(contests, language.name), [told(one, known) for one in notes[:_NOTES]]
        older = notes[_NOTES - 1].number if len(notes) > _NOTES else None
        values: dict[str, Any] = {"notes": shown, "older": older, "before": before, "names": names, "chosen": only}
        return desk.show(request, "trail.html", campaign, zone=zone, **values)


def _campaign(request: Request, desk: OrganizerDesk, campaign: str, status: int = 200, **values: Any) -> Response:
    """The campaign's page; `values` say what was wrong with a form of it."""
    with desk.database.reading() as connection:
        standing, ceremony = standing_of(connection, campaign), ceremony_progress(connection, campaign)
    contests: Any = standing["contests"]
    members: Any = standing["members"]
    given = {
        "standing": standing,
        "ceremony": ceremony,
        "todo": campaign_steps(standing, ceremony),
        "states": STATES,
        "names": _names(contests, desk.language(request)),
        "zone": _zone(contests),
        "organizers": sum(one["role"] == "organizer" for one in members),
        "waiting_lists": [one for one in contests if one["state"] == "draft"],
        "mistakes": (),
        "list_mistake": "",
        "list_told": "",
        "list_mistakes": (),
        "refused": {"form": ""},
        "typed": {},
        **values,
    }
    return desk.show(request, "campaign.html", campaign, status, **given)


@contextmanager
def _told(request: Request, desk: OrganizerDesk, campaign: str, name: str, form: Form) -> Iterator[None]:
    """What is refused inside is told at this form of the campaign's page, with what was typed. Raises Answered with that page."""
    try:
        yield
    except ElectionError as error:
        if "text/html" not in request.headers.get("accept", ""):
            raise
        refused = {"form": name, "told": REFUSED.get(error.code, ""), "sentence": error.message}
        typed = {key: value for key, value in form.fields if key != "csrf"}
        status = answer_to(error).status_code
        raise Answered(_campaign(request, desk, campaign, status, refused=refused, typed=typed)) from error


def _names(contests: Any, language: str) -> dict[str, str]:
    """The titles of the contests by their uuids."""
    return {str(one["election"]): _title(one["title"], language) or str(one["contest"]) for one in contests}


def _title(titles: Any, language: str) -> str:
    found = titles if isinstance(titles, dict) else {}
    return str(found.get(language) or next(iter(found.values()), ""))


def _zone(contests: Any) -> str:
    """The clock of the campaign's contests."""
    return str(contests[0]["zone"]) if contests else "UTC"


def _plan_forms(router: APIRouter, desk: OrganizerDesk, registrar: RegistrarWork) -> None:
    @router.post("/{campaign}/plan")
    def replace(request: Request, campaign: Name, form: Form = Depends(kept_form(desk.access, _FILE_FORM))) -> Response:
        who = desk.access.organizer(request, campaign)
        try:
            desk.actions.replace(who, campaign, form.file("file"))
        except Malformed as error:
            return _campaign(request, desk, campaign, answer_to(error).status_code, mistakes=_lines(error))
        return _back(campaign)

    @router.post("/{campaign}/fix")
    def fix(request: Request, campaign: Name, form: Form = Depends(kept_form(desk.access))) -> Response:
        who = desk.access.organizer(request, campaign)
        if form.all("sure") != ("yes",):
            path = f"/organizer/{campaign}"
            words: dict[str, Any] = {"heading": _FIX_BUTTON, "consequence": _FIX, "button": _FIX_BUTTON}
            shown: dict[str, Any] = {**words, "contest": None, "fields": []}
            return desk.show(request, "confirm.html", campaign, path=f"{path}/fix", back=path, **shown)
        with _told(request, desk, campaign, "fix", form):
            desk.actions.fix(who, campaign)
        return _back(campaign)

    @router.post("/{campaign}/ceremony")
    def ceremony(request: Request, campaign: Name, form: Form = Depends(kept_form(desk.access))) -> Response:
        who = desk.access.organizer(request, campaign)
        deadlines = form.text("commitments"), form.text("reveals"), form.text("complaints")
        with _told(request, desk, campaign, "ceremony", form):
            desk.actions.begin_ceremony(who, campaign, deadlines)
        return _back(campaign)

    @router.post("/{campaign}/credentials")
    def credentials(request: Request, campaign: Name, form: Form = Depends(kept_form(desk.access, _FILE_FORM))) -> Response:
        who = desk.access.organizer(request, campaign)
        uuid = form.text("contest")
        try:
            registrar.verify_contest(campaign, uuid)
            # In the trail it stands under the organizer's name: it is the organizer who brings the registrar's file.
            registrar.put_credentials(Invited(who.id, who.name, campaign, "organizer", None), uuid, form.file("file"))
        except ElectionError as error:
            # Where a list holds no codes, each of its wrong places is named, so that all are mended at once.
            places = mistakes_of(form.file("file")) if isinstance(error, Malformed) else []
            told = REFUSED.get(error.code, "")
            values: dict[str, Any] = {"list_mistake": error.message, "list_told": told, "list_mistakes": places}
            return _campaign(request, desk, campaign, answer_to(error).status_code, **values)
        return _back(campaign, f"/contests/{uuid}")


def _people_forms(router: APIRouter, desk: OrganizerDesk) -> None:
    def invited(request: Request, campaign: str, *made: Invitation) -> Response:
        return desk.show(request, "invitations.html", campaign, invitations=made)

    @router.post("/{campaign}/organizers")
    def add(request: Request, campaign: Name, form: Form = Depends(kept_form(desk.access))) -> Response:
        who = desk.access.organizer(request, campaign)
        with _told(request, desk, campaign, "organizers", form):
            desk.actions.add_organizer(who, campaign, form.text("email"))
        return _back(campaign)

    @router.post("/{campaign}/registrar")
    def registrar(request: Request, campaign: Name, form: Form = Depends(kept_form(desk.access))) -> Response:
        who = desk.access.organizer(request, campaign)
        with _told(request, desk, campaign, "registrar", form):
            made = desk.actions.invite_registrar(who, campaign, form.text("name"), form.text("email"))
        return invited(request, campaign, made)

    @router.post("/{campaign}/trustees")
    def trustees(request: Request, campaign: Name, form: Form = Depends(kept_form(desk.access))) -> Response:
        who = desk.access.organizer(request, campaign)
        with _told(request, desk, campaign, "trustees", form):
            made = desk.actions.invite_trustees(who, campaign)
        return invited(request, campaign, *made)

    @router.post("/{campaign}/trustee")
    def trustee(request: Request, campaign: Name, form: Form = Depends(kept_form(desk.access))) -> Response:
        who = desk.access.organizer(request, campaign)
        with _told(request, desk, campaign, "trustee", form):
            made = desk.actions.invite_trustee(who, campaign, form.text("name"), form.text("email"))
        return invited(request, campaign, made)


def _approval_pages(router: APIRouter, desk: OrganizerDesk, organizer: Asked, sender: Asked) -> None:
    @router.get("/{campaign}/approvals/{number}")
    def approval(request: Request, campaign: Name, number: Number, who: Person = Depends(organizer)) -> Response:
        with desk.database.reading() as connection:
            found = approval_of(connection, campaign, number)
            contest = contest_json(connection, contest_of(connection, campaign, found.uuid))
            texts = texts_of(connection, found.uuid, found.details.get("questions", []))
        values: dict[str, Any] = {"approval": found, "contest": contest, "texts": texts, "own": found.asked_by == who.id}
        return desk.show(request, "approval.html", campaign, **values)

    @router.post("/{campaign}/approvals/{number}/approve")
    def approve(campaign: Name, number: Number, who: Person = Depends(sender)) -> Response:
        desk.actions.approve(who, campaign, number)
        return _back(campaign, f"/approvals/{number}")

    @router.post("/{campaign}/approvals/{number}/refuse")
    def refuse(campaign: Name, number: Number, who: Person = Depends(sender)) -> Response:
        desk.actions.refuse(who, campaign, number)
        return _back(campaign, f"/approvals/{number}")


def _back(campaign: str, path: str = "") -> Response:
    return RedirectResponse(f"/organizer/{campaign}{path}", 303)
