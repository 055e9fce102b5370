"""A contest's page for its organizers: what is to be done next and by whom, the forms of today, and the page before the seal.

What cannot be undone is asked twice: the second page says what follows. A refusal stands at the field that it is about, and what
was typed stays in the form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from veche.ballot.manifest import seal
from veche.crypto.errors import ElectionError, Refused
from veche.observer.problems import answer_to
from veche.service.access import Person
from veche.service.approvals import approvals_of
from veche.service.approved_steps import planned_seal, texts_of
from veche.service.audit_trail import notes_of
from veche.service.campaign_standing import PLANNED, contest_json
from veche.service.campaigns import contest_of
from veche.service.contest_desk import reading_desk
from veche.service.contest_steps import FIELD_OF_CODE, REASONS, STEPS, ContestStep
from veche.service.form import Form
from veche.service.kept_form import kept_form
from veche.service.languages import sentence
from veche.service.next_step import STATES, next_step
from veche.service.organizer_desk import OrganizerDesk
from veche.service.organizer_routes import Asked, Name
from veche.service.organizer_words import ACTS, REFUSED
from veche.service.server import Server
from veche.service.trustee_progress import trustees_of_contest

_NOT_THE_NAME = sentence("This is not the contest's name. Type it as it stands above.")
_CSRF = "csrf"
_SURE = "sure"


def contest_pages(router: APIRouter, desk: OrganizerDesk, server: Server, organizer: Asked) -> None:
    """The pages and forms of one contest."""
    root = "/{campaign}/contests/{uuid}"

    @router.get(root)
    def contest(request: Request, campaign: Name, uuid: Name, _: Person = Depends(organizer)) -> Response:
        return _shown(request, desk, campaign, uuid)

    @router.get(f"{root}/seal")
    def before_seal(request: Request, campaign: Name, uuid: Name, _: Person = Depends(organizer)) -> Response:
        return _seal_page(request, desk, server, campaign, uuid)

    @router.post(f"{root}/{{step}}")
    def act(request: Request, campaign: Name, uuid: Name, step: str, form: Form = Depends(kept_form(desk.access))) -> Response:
        who = desk.access.organizer(request, campaign)
        if step == "seal":
            return _ask_to_seal(request, desk, server, who, (campaign, uuid), form)
        named = STEPS.get(step)
        if named is None:
            raise Refused("not-found", "a contest's page has no such form")
        if named.final and form.all(_SURE) != ("yes",):
            return _confirm(request, desk, campaign, uuid, named, form)
        try:
            named.does(desk.actions, who, campaign, uuid, form)
        except ElectionError as error:
            if not _asks_for_page(request):
                raise
            return _shown(request, desk, campaign, uuid, _refusal(named, error), _typed(form), answer_to(error).status_code)
        return RedirectResponse(f"/organizer/{campaign}/contests/{uuid}", 303)


def _shown(
    request: Request,
    desk: OrganizerDesk,
    campaign: str,
    uuid: str,
    refused: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    with desk.database.reading() as connection:
        found = contest_json(connection, contest_of(connection, campaign, uuid))
        trustees = [] if found["state"] == PLANNED else trustees_of_contest(connection, campaign, uuid)
        last = notes_of(connection, campaign, uuid=uuid, most=1)
        waiting = [one for one in approvals_of(connection, campaign, waiting=True) if one.uuid == uuid]
    asked = next((one.id for one in waiting if one.action == "seal"), None)
    step = next_step(found, trustees, asked)
    values: dict[str, Any] = {
        "contest": found,
        "state": STATES.get(str(found["state"]), str(found["state"])),
        "seal": seal(str(found["setup"])) if found["setup"] else "",
        "trustees": trustees,
        "waiting": waiting,
        "next": step,
        "steps": [one for one in STEPS.values() if found["state"] in one.states],
        "reasons": REASONS,
        "refused": refused or {"step": "", "field": ""},
        "typed": typed or {},
        "last": last[0] if last else None,
        "acts": ACTS,
    }
    return desk.show(request, "contest.html", campaign, status, **values)


def _confirm(request: Request, desk: OrganizerDesk, campaign: str, uuid: str, step: ContestStep, form: Form) -> Response:
    """What follows, and a button that does it. Nothing was done yet."""
    with desk.database.reading() as connection:
        found = contest_json(connection, contest_of(connection, campaign, uuid))
    return desk.show(
        request,
        "confirm.html",
        campaign,
        heading=step.heading,
        consequence=step.consequence,
        button=step.button,
        contest=found,
        fields=[(name, value) for name, value in form.fields if name not in (_CSRF, _SURE)],
        path=f"/organizer/{campaign}/contests/{uuid}/{step.name}",
        back=f"/organizer/{campaign}/contests/{uuid}",
    )


def _refusal(step: ContestStep, error: ElectionError) -> dict[str, str]:
    field = FIELD_OF_CODE.get(error.code, "")
    told = REFUSED.get(error.code, "")
    return {"step": step.name, "field": field if field in step.fields else "", "told": told, "sentence": error.message}


def _typed(form: Form) -> dict[str, str]:
    return {name: value for name, value in form.fields if name != _CSRF}


def _asks_for_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


# --- Before the seal ------------------------------------------------------------------------


def _seal_page(
    request: Request,
    desk: OrganizerDesk,
    server: Server,
    campaign: str,
    uuid: str,
    typed: str = "",
    wrong: str = "",
    status: int = 200,
) -> Response:
    """Exactly what would be sealed, with the ballot as a voter sees it. Raises as `planned_seal` while something is missing."""
    with desk.database.reading() as connection:
        contest = contest_of(connection, campaign, uuid)
        found = contest_json(connection, contest)
    with reading_desk(server.storage, server.clock, uuid) as record:
        planned = planned_seal(record, contest.credentials_sha256)
    with desk.database.reading() as connection:
        texts = texts_of(connection, uuid, planned["questions"])
    values: dict[str, Any] = {"contest": found, "planned": planned, "texts": texts, "typed": typed, "wrong": wrong}
    return desk.show(request, "seal.html", campaign, status, **values)


def _ask_to_seal(
    request: Request, desk: OrganizerDesk, server: Server, who: Person, place: tuple[str, str], form: Form
) -> Response:
    campaign, uuid = place
    with desk.database.reading() as connection:
        found = contest_json(connection, contest_of(connection, campaign, uuid))
    written = form.text("name")
    title = found["title"]
    names = [str(found["contest"]), *(str(one) for one in (title.values() if isinstance(title, dict) else ()))]
    if _plain(written) not in [_plain(one) for one in names]:
        return _seal_page(request, desk, server, campaign, uuid, written, _NOT_THE_NAME, 400)
    asked = desk.actions.ask_to_seal(who, campaign, uuid)
    return RedirectResponse(f"/organizer/{campaign}/approvals/{asked.id}", 303)


def _plain(text: str) -> str:
    """The text for comparing: blanks and capitals do not matter."""
    return " ".join(text.split()).casefold()
