"""Signing in by a link that lets somebody in once, and signing out.

A link is `/login/TOKEN`. Opening it only shows a button: programs that look into mails before their reader does fetch links, and
must not use them up. The button sends the token in a form's body. The address is in no log (there is no access log) and in no
`Referer` (`Referrer-Policy: no-referrer`), and after use it opens nothing.

Asking for a link by mail has one answer whoever asks, because the one thing done is to queue a job: whether there is such an
account is looked up by the job (attack E8).
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy import Connection, select

from veche.crypto.errors import Malformed, Refused
from veche.observer.database import Database
from veche.observer.problems import RESPONSES
from veche.service.access import Access
from veche.service.accounts import normal_email, use_login_link
from veche.service.audit_trail import note
from veche.service.budgets import Budget, address_key
from veche.service.clock import Clock
from veche.service.form import Form, form_reader
from veche.service.jobs import queue_job
from veche.service.pages import Pages
from veche.service.sessions import RENEWED, begin_session, end_session
from veche.service.tables import roles

WRONG_LINKS: Final = 5
MAILS_PER_ADDRESS: Final = 5
MAILS_PER_EMAIL: Final = 3
WAIT: Final = 900.0
"""Seconds: so many wrong links, or asked-for mails, are taken in this time; then one waits."""

_WAIT_FOR_LINK: Final = "this was tried {limit} times with links that let nobody in: wait 15 minutes"
_WAIT_FOR_MAIL: Final = "links were asked for {limit} times: wait 15 minutes"
_MAX_TOKEN: Final = 200


def session_routes(database: Database, clock: Clock, access: Access, pages: Pages) -> APIRouter:
    """The routes over these accounts and sessions."""
    router = APIRouter()
    _link_routes(router, database, clock, access, pages)
    _mail_routes(router, database, clock, access, pages)

    @router.get("/account", include_in_schema=False)
    def account(request: Request) -> Response:
        person = access.person(request)
        with database.reading() as connection:
            held = _roles_of(connection, person.id)
        return pages.render(request, "account.html", campaigns=held)

    @router.get("/account/stay", include_in_schema=False)
    def stay(request: Request) -> Response:
        access.person(request)
        page = pages.render(request, "stay.html")
        # This window does nothing else than prolong the session as long as it is open, which is what it says.
        page.headers["Refresh"] = str(RENEWED)
        return page

    @router.get("/api/session", tags=["session"], responses=dict(RESPONSES), summary="Who is signed in, and the token for forms")
    def session(request: Request) -> Response:
        person = access.person(request)
        signed_in = access.signed_in(request)
        with database.reading() as connection:
            held = [{"campaign": campaign, "role": role} for campaign, role in _roles_of(connection, person.id)]
        return JSONResponse(
            {
                "email": person.email,
                "name": person.name,
                "organizer": person.organizer,
                "operator": person.operator,
                "roles": held,
                "csrf": "" if signed_in is None else signed_in.csrf,
                "left": 0 if signed_in is None else signed_in.left,
            }
        )

    return router


def _link_routes(router: APIRouter, database: Database, clock: Clock, access: Access, pages: Pages) -> None:
    wrong = Budget(WRONG_LINKS, window=WAIT, told=_WAIT_FOR_LINK)

    @router.get("/login/{token}", include_in_schema=False)
    def enter(token: str, request: Request) -> Response:
        # The same page for every token: whether it lets anybody in is told to whoever presses the button.
        return pages.render(request, "enter.html", token=token[:_MAX_TOKEN])

    @router.post("/sign-in", include_in_schema=False)
    def sign_in(request: Request, form: Form = Depends(form_reader())) -> Response:
        access.verify_same_site(request)
        key = address_key(request.client.host if request.client else None)
        wrong.verify(key)
        before, now = access.session_token(request), clock.now()
        with database.writing() as connection:
            person = use_login_link(connection, form.text("token")[:_MAX_TOKEN], now)
            if person is not None:
                if before is not None:
                    end_session(connection, before)
                session = begin_session(connection, person.id, now)
                note(connection, now, person.id, None, None, "signed-in")
        if person is None:
            wrong.spend(key)
            told = "this link lets nobody in: it was used already, is too old, or never was one. Ask for a new one"
            raise Refused("link-unusable", told)
        answer = RedirectResponse("/account", 303)
        _set_cookie(answer, access, session)
        return answer

    @router.post("/sign-out", include_in_schema=False)
    def sign_out(request: Request, _: Form = Depends(form_reader())) -> Response:
        person = access.person(request)
        token = access.session_token(request)
        with database.writing() as connection:
            end_session(connection, token or "")
            note(connection, clock.now(), person.id, None, None, "signed-out")
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(access.cookie, path="/", secure=access.secure, httponly=True, samesite="strict")
        return answer


def _mail_routes(router: APIRouter, database: Database, clock: Clock, access: Access, pages: Pages) -> None:
    per_address = Budget(MAILS_PER_ADDRESS, window=WAIT, told=_WAIT_FOR_MAIL)
    per_email = Budget(MAILS_PER_EMAIL, window=WAIT, told=_WAIT_FOR_MAIL)

    @router.get("/login", include_in_schema=False)
    def login(request: Request) -> Response:
        access.signed_in(request)
        return pages.render(request, "login.html")

    @router.post("/login", include_in_schema=False)
    def ask(request: Request, form: Form = Depends(form_reader())) -> Response:
        access.verify_same_site(request)
        key = address_key(request.client.host if request.client else None)
        per_address.verify(key)
        per_address.spend(key)
        email = _email(form.text("email"))
        if email is not None and not _spent(per_email, email):
            topic = f"login:{sha256(email.encode()).hexdigest()}"
            with database.writing() as connection:
                queue_job(connection, "mail", topic, {"letter": "login", "email": email}, clock.now())
        return pages.render(request, "login_sent.html")


def _email(given: str) -> str | None:
    try:
        return normal_email(given)
    except Malformed:
        # What is no address has no account; the answer is the same.
        return None


def _spent(budget: Budget, key: str) -> bool:
    """Whether this address was written to often enough; if not, it counts. Nothing is refused: the links sent before still work."""
    try:
        budget.verify(key)
    except Refused:
        return True
    budget.spend(key)
    return False


def _set_cookie(answer: Response, access: Access, session: str) -> None:
    """No expiry: the browser forgets it at its end, and the server decides long before."""
    answer.set_cookie(access.cookie, session, path="/", secure=access.secure, httponly=True, samesite="strict")


def _roles_of(connection: Connection, account: int) -> list[tuple[str, str]]:
    query = select(roles.c.campaign, roles.c.role).where(roles.c.account == account).order_by(roles.c.campaign)
    return [(row.campaign, row.role) for row in connection.execute(query)]
