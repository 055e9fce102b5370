"""The pages of a demonstration, by path without the language; `{open}` and the like stand for the election in that state."""

from __future__ import annotations

from typing import Final

from tests.browser.demonstration import Demonstration

LANGUAGES: Final = ("en", "ru")
COUNTED, OPEN, SEALED = "{certified}", "{open}", "{sealed}"
PUBLIC: Final = (
    "/",
    "/help",
    f"/observe/{COUNTED}",
    f"/observe/{OPEN}",
    f"/observe/{SEALED}",
    f"/observe/{COUNTED}/protocol/ceremony",
    f"/observe/{COUNTED}/protocol/opening",
    f"/observe/{COUNTED}/protocol/closing",
    f"/observe/{COUNTED}/protocol/result",
    "/vote/demo",
    "/my",
    f"/track/{OPEN}",
    "/trustee/demo",
    "/trustee/demo/script",
    f"/demo/count/{OPEN}",
    "/login",
    "/login/nobody",
    "/no/such/page",
)
ORGANIZERS: Final = (
    "/account",
    "/account/stay",
    "/organizer/",
    "/organizer/demo",
    "/organizer/demo/trail",
    f"/organizer/demo/contests/{OPEN}",
    f"/organizer/demo/contests/{COUNTED}",
    f"/organizer/demo/contests/{SEALED}",
    f"/organizer/demo/contests/{SEALED}/seal",
)


def at(demo: Demonstration, path: str) -> str:
    return path.format(**{state: demo.contest(state)["uuid"] for state in ("certified", "open", "sealed")})
