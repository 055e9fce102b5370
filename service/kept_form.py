"""A form that came too late is not lost: the page that answers holds what was typed, to be sent again after signing in.

The session ended, or the person signed in anew in another window. What was typed goes nowhere but back to the browser that sent it,
and nothing is done with it before it comes again from a page of the present session. Files are not kept: browsers do not let us.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from veche.crypto.errors import Refused
from veche.observer.problems import answer_to
from veche.service.access import CSRF_FIELD, Access
from veche.service.form import PAGE_FORM, Form, form_reader
from veche.service.pages import Pages


class Unsent(Exception):
    """A form from a page of ours that the present session may not send. `refused` says why."""

    def __init__(self, form: Form, refused: Refused) -> None:
        super().__init__(refused.message)
        self.form = form
        self.refused = refused


class Answered(Exception):
    """A form was refused, and this page says so, with what was typed."""

    def __init__(self, page: Response) -> None:
        super().__init__("the page says why")
        self.page = page


def kept_form(access: Access, limit: int = PAGE_FORM) -> Callable[[Request], Awaitable[Form]]:
    """A dependency that reads a form as `form_reader`, and raises Unsent for one of a session that is over.

    What another site's page sent is refused as ever, and never shown again: nobody shall press a button under a stranger's words.
    """
    read = form_reader(limit)

    async def keep(request: Request) -> Form:
        form = await read(request)
        try:
            await run_in_threadpool(access.person, request)
        except Refused as refused:
            access.verify_same_site(request)
            if "text/html" not in request.headers.get("accept", ""):
                raise
            raise Unsent(form, refused) from refused
        return form

    return keep


def install(application: FastAPI, access: Access, pages: Pages) -> None:
    """The page with what was typed answers, with the status of the refusal."""

    def answered(request: Request, error: Exception) -> Response:
        if not isinstance(error, Unsent):
            raise error
        signed_in = access.signed_in(request)
        fields = [(name, value) for name, value in error.form.fields if name != CSRF_FIELD]
        status = answer_to(error.refused).status_code
        files = bool(error.form.files)
        return pages.render(
            request, "unsent.html", status, fields=fields, files=files, path=request.scope["path"], again=signed_in is not None
        )

    def refused(_: Request, error: Exception) -> Response:
        if not isinstance(error, Answered):
            raise error
        return error.page

    application.add_exception_handler(Unsent, answered)
    application.add_exception_handler(Answered, refused)
