"""`/drafts/…`: a campaign from scratch, typed into forms page by page, kept as it is, and made when nothing is missing.

Every button keeps what was typed first. Rows are added and removed by buttons that send the form; the page comes back with them.
"""

from __future__ import annotations

from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from veche.crypto.canonical_json import encode
from veche.crypto.errors import ElectionError, Malformed
from veche.observer.problems import answer_to
from veche.service.access import Person
from veche.service.campaign_draft import (
    NEW,
    CampaignDraft,
    Typed,
    create_draft,
    draft_of,
    forget_draft,
    keep_draft,
    rows_of,
    with_contest,
    with_head,
    with_row,
    without_row,
)
from veche.service.campaign_fields import MAX_CONTESTS
from veche.service.campaign_form import Flaw, read_form
from veche.service.campaigns import campaign_of, contests_of
from veche.service.form import Form
from veche.service.kept_form import kept_form
from veche.service.organizer_desk import OrganizerDesk
from veche.service.organizer_routes import Number, organizing
from veche.service.organizer_words import REFUSED
from veche.service.planned_fields import typed_of
from veche.service.server import Server

Place = Annotated[int, Path(ge=1, le=MAX_CONTESTS)]
Checked = Annotated[bool, Query()]

_FORM: Final = 1024 * 1024
"""Bytes: a Russian letter takes six in a form, and many options with their descriptions must not be lost for being long."""

ZONES: Final = (
    "Europe/Kaliningrad", "Europe/Moscow", "Europe/Samara", "Asia/Yekaterinburg", "Asia/Omsk", "Asia/Krasnoyarsk", "Asia/Irkutsk",
    "Asia/Yakutsk", "Asia/Vladivostok", "Asia/Magadan", "Asia/Kamchatka", "Europe/Berlin", "Europe/London", "UTC",
)  # fmt: skip
"""Time zones that are offered; another one can be typed."""


def draft_pages(desk: OrganizerDesk, server: Server) -> APIRouter:
    """The pages over this server's drafts. A draft is its author's alone."""
    router = APIRouter(prefix="/drafts", include_in_schema=False)
    form_of = kept_form(desk.access, _FORM)

    def author(request: Request) -> Person:
        return organizing(desk.access, request)

    @router.post("/")
    def begin(request: Request, form: Form = Depends(form_of)) -> Response:
        return _begin(request, desk, server, form)

    @router.get("/{number}")
    def head(request: Request, number: Number, checked: Checked = False, who: Person = Depends(author)) -> Response:
        draft = _draft(desk, who, number)
        return _page(request, desk, draft, _flaws(draft.typed, server) if checked else [])

    @router.post("/{number}")
    def take_head(request: Request, number: Number, form: Form = Depends(form_of)) -> Response:
        draft = _draft(desk, author(request), number)
        fields = {name: value for name, value in form.fields if not _fixed(draft, name)}
        return _take(request, desk, server, draft, with_head(draft.typed, fields), form)

    @router.get("/{number}/contests/{place}")
    def contest(
        request: Request, number: Number, place: Place, checked: Checked = False, who: Person = Depends(author)
    ) -> Response:
        draft = _draft(desk, who, number)
        if place > rows_of(draft.typed, "contests"):
            return RedirectResponse(f"/drafts/{number}", 303)
        return _page(request, desk, draft, _flaws(draft.typed, server) if checked else [], place)

    @router.post("/{number}/contests/{place}")
    def take_contest(request: Request, number: Number, place: Place, form: Form = Depends(form_of)) -> Response:
        draft = _draft(desk, author(request), number)
        if place > rows_of(draft.typed, "contests"):
            return RedirectResponse(f"/drafts/{number}", 303)
        typed = with_contest(draft.typed, place - 1, dict(form.fields))
        return _take(request, desk, server, draft, typed, form, place)

    return router


def _begin(request: Request, desk: OrganizerDesk, server: Server, form: Form) -> Response:
    """A new draft, or one of a campaign whose rules are not fixed yet."""
    who = organizing(desk.access, request)
    campaign = next(iter(form.all("campaign")), "") or None
    if campaign is not None:
        desk.access.organizer(request, campaign)
    server.storage.verify_writable()
    with desk.database.writing() as connection:
        typed: Typed = NEW
        if campaign is not None:
            typed = typed_of(campaign_of(connection, campaign), contests_of(connection, campaign))
        number = create_draft(connection, who.id, campaign, typed, server.clock.now())
    return RedirectResponse(f"/drafts/{number}", 303)


def _draft(desk: OrganizerDesk, who: Person, number: int) -> CampaignDraft:
    with desk.database.reading() as connection:
        return draft_of(connection, who.id, number)


def _fixed(draft: CampaignDraft, name: str) -> bool:
    """What never changes once the campaign was made."""
    return draft.campaign is not None and name in ("campaign", "rehearsal")


def _take(
    request: Request, desk: OrganizerDesk, server: Server, draft: CampaignDraft, typed: Typed, form: Form, place: int = 0
) -> Response:
    """What was typed is kept, then the button's work is done: it is the value of `do`."""
    does, _, what = (form.all("do") or ("save",))[-1].partition(":")
    own = f"/drafts/{draft.id}" + (f"/contests/{place}" if place else "")
    if does == "discard":
        with desk.database.writing() as connection:
            forget_draft(connection, draft)
        return RedirectResponse("/organizer/", 303)
    _keep(desk, server, draft, typed)
    if does in ("add", "remove"):
        _keep(desk, server, draft, with_row(typed, what) if does == "add" else without_row(typed, what))
    if does == "make":
        return _make(request, desk, server, CampaignDraft(draft.id, draft.account, draft.campaign, typed, draft.changed_at))
    if does in ("add", "remove"):
        return RedirectResponse(own if what.partition(".")[0] == "contests" and place else f"{own}#{what.partition('.')[0]}", 303)
    if does == "go":
        found = int(what) if what.isdecimal() and len(what) <= len(str(MAX_CONTESTS)) else 0
        return RedirectResponse(f"/drafts/{draft.id}" + (f"/contests/{found}" if found else ""), 303)
    if does != "save":
        raise Malformed("form", "the form has no such button")
    return RedirectResponse(f"{own}?checked=1", 303)


def _keep(desk: OrganizerDesk, server: Server, draft: CampaignDraft, typed: Typed) -> None:
    server.storage.verify_writable()
    with desk.database.writing() as connection:
        keep_draft(connection, draft, typed, server.clock.now())


def _make(request: Request, desk: OrganizerDesk, server: Server, draft: CampaignDraft) -> Response:
    """The campaign is made, or its plan replaced, and the draft is gone; or the page says all that is missing."""
    who = organizing(desk.access, request)
    spec, flaws = read_form(draft.typed, _host(server))
    if flaws:
        return _page(request, desk, draft, flaws, status=400)
    try:
        if draft.campaign is None:
            made = desk.actions.create(who, encode(spec))
        else:
            desk.access.organizer(request, draft.campaign)
            made = desk.actions.replace(who, draft.campaign, encode(spec))
    except ElectionError as error:
        field = "campaign" if error.code == "campaign-exists" else ""
        told = REFUSED.get(error.code) or error.sentence
        return _page(request, desk, draft, [Flaw(field, told)], status=answer_to(error).status_code)
    with desk.database.writing() as connection:
        forget_draft(connection, draft)
    return RedirectResponse(f"/organizer/{made.id}", 303)


def _host(server: Server) -> str:
    return urlsplit(server.settings.public_url).netloc


def _flaws(typed: Typed, server: Server) -> list[Flaw]:
    return read_form(typed, _host(server))[1]


def _page(
    request: Request, desk: OrganizerDesk, draft: CampaignDraft, flaws: list[Flaw], place: int = 0, status: int = 200
) -> Response:
    """The campaign's page, or with `place` (from 1) that of one contest; flaws of other pages are told with a link."""
    typed = draft.typed
    if place:
        # What is wrong on this page comes first.
        flaws = sorted(flaws, key=lambda one: not one.field.startswith(f"contests.{place - 1}."))
    values: dict[str, Any] = {
        "draft": draft,
        "typed": typed,
        "rows": lambda path: rows_of(typed, path),
        "flaws": flaws,
        "flaw": {one.field: one.sentence for one in reversed(flaws)},
        "page_of": _page_of(draft.id),
        "own": f"contests.{place - 1}",
        "place": place,
        "zones": ZONES,
        "rehearsal": typed.get("rehearsal") != "no",
    }
    return desk.pages.render(request, "draft_contest.html" if place else "draft.html", status, **values)


def _page_of(number: int) -> Any:
    def page(field: str) -> str:
        """The page on which this field stands, with its anchor."""
        parts = field.split(".")
        if parts[0] == "contests" and len(parts) > 2:
            return f"/drafts/{number}/contests/{int(parts[1]) + 1}?checked=1#{field}"
        return f"/drafts/{number}?checked=1#{field}"

    return page
