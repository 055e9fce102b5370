"""Who may call what: every route of the application in one table, and every caller tried at every route."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import Response
from starlette.testclient import TestClient

from tests.service.hand_clock import HandClock
from tests.service.office import CAMPAIGN, Office, open_office
from tests.service.signed_in import SAME_SITE, account, sign_in
from veche.service.accounts import INVITATION, assign_role, create_account, make_link
from veche.service.server import Server
from veche.service.tables import campaigns

ANYBODY = frozenset({"anonymous", "trustee", "other trustee", "registrar", "organizer", "other organizer", "operator"})
"""Every kind of caller there is. The operator of the test has no other right."""

SIGNED_IN = frozenset({"organizer", "other organizer", "operator"})
ORGANIZERS = frozenset({"organizer", "other organizer"})
HERS = frozenset({"organizer"})
TRUSTEE = frozenset({"trustee"})
REGISTRAR = frozenset({"registrar"})

OBSERVER = "/observer/elections/{uuid}"
PLAN = "/api/campaigns/{campaign}"
CONTEST, APPROVAL, OFFICE = f"{PLAN}/contests/{{uuid}}", f"{PLAN}/approvals", f"{PLAN}/registrar"
DESK, TRUSTEES = "/organizer/{campaign}", "/api/trustee/{campaign}"

TABLE: Mapping[str, frozenset[str]] = {
    # The voter and the observer.
    "POST /api/elections/{uuid}/ballots": ANYBODY,
    **{f"GET {path}": ANYBODY for path in ("/", "/observe/{uuid}", "/trustee/{campaign}", "/trustee/{campaign}/script")},
    **{f"GET {path}": ANYBODY for path in ("/vote/{campaign}", "/my", "/track/{uuid}")},
    **{f"GET {path}": ANYBODY for path in ("/help", "/observe/{uuid}/protocol/{name}", "/static/veche.css", "/api/openapi.json")},
    "GET /static/dist/{name:path}": ANYBODY,
    **{f"GET {path}": ANYBODY for path in ("/healthz", "/readyz", "/version")},
    **{f"GET {path}": ANYBODY for path in ("/observer/elections", "/observer/campaigns/{campaign}")},
    **{
        f"GET {OBSERVER}{path}": ANYBODY
        for path in (
            "", "/turnout.csv", "/archive.bel", "/entries.jsonl", "/manifest.json", "/data/{aa}/{digest}", "/ballots",
            "/ballots/{tracker}", "/credentials", "/credentials/", "/credentials/{prefix}", "/result.json", "/result.csv",
            "/checkpoint", "/tile/{path:path}", "/ballots/{tracker}.tlog-proof",
        )
    },
    "GET /observer/{rest:path}": ANYBODY,
    "OPTIONS /observer/{rest:path}": ANYBODY,
    # Signing in and out.
    **{f"GET {path}": ANYBODY for path in ("/login", "/login/{token}")},
    **{f"POST {path}": ANYBODY for path in ("/login", "/sign-in")},
    "POST /sign-out": SIGNED_IN,
    "GET /account": SIGNED_IN,
    "GET /account/stay": SIGNED_IN,
    "GET /api/session": SIGNED_IN,
    "GET /api/operator/status": frozenset({"operator"}),
    # The organizer.
    "GET /api/campaigns": ORGANIZERS,
    "POST /api/campaigns": ORGANIZERS,
    **{f"GET {path}": HERS for path in (PLAN, f"{PLAN}/trail", APPROVAL, f"{APPROVAL}/{{number}}")},
    f"PUT {PLAN}/plan": HERS,
    **{f"POST {PLAN}/{act}": HERS for act in ("fix", "ceremony", "organizers", "registrar", "trustees", "trustee")},
    **{
        f"POST {CONTEST}/{act}": HERS
        for act in ("extend", "suspend", "resume", "incident", "publish", "certify", "seal", "cancel", "annul")
    },
    **{f"POST {APPROVAL}/{{number}}/{act}": HERS for act in ("approve", "refuse")},
    "GET /organizer/": ORGANIZERS,
    "POST /organizer/": ORGANIZERS,
    **{f"GET {DESK}{path}": HERS for path in ("", "/trail", "/contests/{uuid}", "/approvals/{number}")},
    f"GET {DESK}/contests/{{uuid}}/seal": HERS,
    **{f"{method} /drafts/{{number}}{path}": ORGANIZERS for method in ("GET", "POST") for path in ("", "/contests/{place}")},
    "POST /drafts/": ORGANIZERS,
    f"POST {DESK}/credentials": HERS,
    **{f"POST {DESK}/{act}": HERS for act in ("plan", "fix", "ceremony", "organizers", "registrar", "trustees", "trustee")},
    f"POST {DESK}/contests/{{uuid}}/{{step}}": HERS,
    **{f"POST {DESK}/approvals/{{number}}/{act}": HERS for act in ("approve", "refuse")},
    # The trustee's and the registrar's tools.
    **{
        f"GET {TRUSTEES}{path}": TRUSTEE
        for path in (
            "", "/ceremony", "/ceremony/messages/{name}", "/ceremony/trustees.json", "/ceremony/run.json",
            "/elections/{uuid}/manifest.json", "/elections/{uuid}/trustees.json",
        )
    },
    **{f"PUT {TRUSTEES}{path}": TRUSTEE for path in ("/ceremony/messages/{name}", "/elections/{uuid}/drill")},
    **{f"POST {TRUSTEES}/elections/{{uuid}}/{act}": TRUSTEE for act in ("roll-call", "shares")},
    **{f"GET {OFFICE}/contests{path}": REGISTRAR for path in ("", "/{uuid}/manifest.json")},
    f"PUT {OFFICE}/contests/{{uuid}}/credentials": REGISTRAR,
    f"POST {OFFICE}/contests/{{uuid}}/issued": REGISTRAR,
}  # fmt: skip

VALUES = {
    "campaign": CAMPAIGN,
    "aa": "00",
    "digest": "00" * 32,
    "tracker": "00" * 32,
    "prefix": "",
    "token": "x" * 43,
    "number": "1",
    "place": "1",
    "step": "suspend",
    "name": "certificate-1.json",
    "rest:path": "nothing",
}


def routes_of(application: FastAPI) -> set[str]:
    """Every route as `METHOD path`; HEAD goes with GET."""
    found: set[str] = set()

    def walk(routes: Any) -> None:
        for route in routes:
            if hasattr(route, "methods"):
                found.update(f"{method} {route.path}" for method in route.methods if method != "HEAD")
            else:
                walk(route.original_router.routes)

    walk(application.routes)
    return found


class Callers:
    """One client for each kind of caller, all of the same application."""

    def __init__(self, office: Office) -> None:
        application = office.anybody.app
        self.office = office
        self.uuid = office.uuids()[0]
        self.clients = {name: TestClient(application, raise_server_exceptions=True) for name in ANYBODY}
        sign_in(self.clients["organizer"], office.server, "olga@example.org")
        sign_in(self.clients["other organizer"], office.server, "eve@example.org")
        account(office.server, "ivan@example.org", organizer=False, operator=True)
        sign_in(self.clients["operator"], office.server, "ivan@example.org")
        bearers = (("trustee", CAMPAIGN, "trustee"), ("other trustee", "other", "trustee"), ("registrar", CAMPAIGN, "registrar"))
        for name, campaign, role in bearers:
            self.clients[name].headers["Authorization"] = f"Bearer {self._token(name, campaign, role)}"

    def _token(self, name: str, campaign: str, role: str) -> str:
        server = self.office.server
        with server.storage.database.writing() as connection:
            if connection.execute(campaigns.select().where(campaigns.c.id == campaign)).first() is None:
                values = {"id": campaign, "title": "{}", "rehearsal": False, "demo": False, "host": "x", "created_at": 0}
                connection.execute(campaigns.insert().values(values))
            made = create_account(connection, f"{name.replace(' ', '-')}@example.org", name, 0)
            assign_role(connection, campaign, made, role, 1 if role == "trustee" else None)
            return make_link(connection, made, INVITATION, 0, campaign)

    def address(self, path: str) -> str:
        """The path of a route with values in it."""
        for key, value in {**VALUES, "uuid": self.uuid}.items():
            path = path.replace(f"{{{key}}}", value)
        return path

    def call(self, name: str, route: str) -> Response:
        method, _, path = route.partition(" ")
        path = self.address(path)
        sent = {"content": b"{}", "headers": {"Content-Type": "application/json"}}
        body: dict[str, Any] = {} if method in ("GET", "OPTIONS") else {**sent}
        if path.startswith(("/organizer", "/drafts", "/sign", "/login")) and method == "POST":
            token = self.clients[name].headers.get("X-CSRF-Token", "")
            body = {"data": {"csrf": token, "reason": "x"}, "headers": SAME_SITE}
        answer: Response = self.clients[name].request(method, path, follow_redirects=False, **body)
        return answer


@pytest.fixture
def callers(server: Server, clock: HandClock, tmp_path: Path) -> Iterator[Callers]:
    with ExitStack() as stack:
        office = open_office(server, clock, tmp_path, stack)
        office.make()
        office.done("fix")
        yield Callers(office)


def test_every_route_stands_in_the_table_and_no_other(callers: Callers) -> None:
    application = callers.office.anybody.app
    assert isinstance(application, FastAPI)
    assert {one for one in routes_of(application) if not one.startswith("OPTIONS") or "rest" in one} == set(TABLE)


def test_whoever_may_not_call_a_route_is_refused_by_it(callers: Callers) -> None:
    let_in = [
        f"{name}: {route} answered {answer.status_code}"
        for route, allowed in TABLE.items()
        for name in sorted(ANYBODY - allowed)
        if (answer := callers.call(name, route)).status_code not in (401, 403)
    ]
    assert let_in == []


def test_whoever_may_call_a_route_is_not_turned_away(callers: Callers) -> None:
    # Signing out comes last: it ends what the others need.
    for route in sorted(TABLE, key=lambda one: one == "POST /sign-out"):
        for name in sorted(TABLE[route]):
            answer = callers.call(name, route)
            code = answer.json().get("code") if answer.headers.get("content-type", "").endswith("problem+json") else ""
            assert answer.status_code not in (401, 403) or code in ("unknown-credential", "not-issued"), (
                f"{name}: {route} answered {answer.status_code} {answer.text[:200]}"
            )
            assert answer.status_code < 500 or (route, answer.status_code) == ("GET /readyz", 503), f"{route}: {answer.text[:200]}"


def test_every_route_of_get_answers_head_alike_without_a_body(callers: Callers) -> None:
    client = callers.clients["organizer"]
    for path in (callers.address(one.removeprefix("GET ")) for one in TABLE if one.startswith("GET ")):
        full, head = (client.request(method, path, follow_redirects=False) for method in ("GET", "HEAD"))
        assert (head.status_code, head.content) == (full.status_code, b""), path
        assert head.headers.get("content-type") == full.headers.get("content-type"), path
        assert head.headers.get("content-security-policy") == full.headers["content-security-policy"], path
    refused = client.request("HEAD", "/sign-in", follow_redirects=False)
    assert (refused.status_code, refused.content) == (405, b"")
