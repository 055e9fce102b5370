"""What organizers do: each act by the interface and by a page, for the organizers of that campaign and nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from tests.service.hand_clock import HandClock
from tests.service.hostile_texts import CONTROLS, SCRIPTS
from tests.service.office import CAMPAIGN, CSV, OLGA, Office, campaign_csv, open_office
from tests.service.signed_in import account, text_of
from tests.service.town import HOUR
from veche.service.campaign_example import JSON_EXAMPLE
from veche.service.contest_desk import held_desk
from veche.service.server import Server
from veche.service.tables import jobs, links
from veche.service.tokens import token_hash
from veche.service.voting import open_vote


@pytest.fixture
def office(server: Server, clock: HandClock, tmp_path: Path) -> Iterator[Office]:
    with ExitStack() as stack:
        yield open_office(server, clock, tmp_path / "people", stack)


@pytest.fixture
def voting(office: Office) -> str:
    """The uuid of a contest in which votes are taken."""
    office.make(contests=1)
    uuid = office.prepare()
    office.seal(uuid)
    office.registrar("POST", f"contests/{uuid}/issued", office.issued(uuid))
    office.at(int(office.standing()["contests"][0]["opens_at"]))
    with held_desk(office.server.storage, office.clock, uuid) as desk:
        open_vote(desk, (1, 2, 3))
    return uuid


def code(office: Office, path: str, **body: Any) -> str:
    answer = office.do(path, **body)
    assert 400 <= answer.status_code < 500, answer.text
    return str(answer.json()["code"])


def test_a_vote_is_suspended_resumed_and_extended_as_the_manifest_allows(office: Office, voting: str) -> None:
    office.done(f"contests/{voting}/suspend", reason="power-cut")
    assert office.state(voting) == "suspended"
    office.done(f"contests/{voting}/resume", reason="power-back")
    assert office.state(voting) == "open"
    contest = office.standing()["contests"][0]
    office.done(f"contests/{voting}/extend", until=contest["closes_at"] + HOUR, reason="power-cut")
    assert office.standing()["contests"][0]["closes_at"] == contest["closes_at"] + HOUR
    assert code(office, f"contests/{voting}/extend", until=contest["until"] + 1, reason="more") == "entry-time"
    assert code(office, f"contests/{voting}/extend", until="soon", reason="more") == "wrong-type"
    office.done(f"contests/{voting}/incident", reason="power-cut")


def test_nothing_is_published_or_certified_before_its_time(office: Office, voting: str) -> None:
    assert code(office, f"contests/{voting}/publish") == "entry-order"
    assert code(office, f"contests/{voting}/certify", complaints=0) in {"not-published", "entry-order"}
    assert code(office, f"contests/{voting}/certify", complaints=-1) == "invalid-request"
    with office.server.storage.database.reading() as connection:
        assert connection.execute(select(jobs.c.id).where(jobs.c.kind == "publish")).first() is None


def test_links_are_shown_once_and_only_their_hash_is_kept(office: Office) -> None:
    office.make()
    made = office.done("trustees")["invitations"]
    assert [(one["name"], one["role"], one["place"]) for one in made] == [
        ("Anna", "trustee", 1), ("Boris", "trustee", 2), ("Clara", "trustee", 3),
    ]  # fmt: skip
    token = made[0]["link"].partition("#")[2]
    assert made[0]["link"].startswith(f"{office.server.settings.public_url}/trustee/{CAMPAIGN}#")
    with office.server.storage.database.reading() as connection:
        assert connection.execute(select(links.c.purpose).where(links.c.token == token_hash(token))).scalar_one() == "invitation"
    assert token not in json.dumps(office.standing())


def test_nobody_has_two_roles_in_one_campaign(office: Office) -> None:
    office.make()
    office.done("trustees")
    assert code(office, "registrar", name="Anna", email="anna@example.org") == "two-roles"
    assert code(office, "registrar", name="Olga", email=OLGA) == "two-roles"
    account(office.server, "anna@example.org")
    assert code(office, "organizers", email="anna@example.org") == "no-organizer"
    office.done("registrar", name="Rita", email="rita@example.org")
    assert code(office, "registrar", name="Rolf", email="rolf@example.org") == "registrar-there"
    assert code(office, "trustee", name="Olga", email=OLGA) == "two-roles"


def test_one_more_trustee_comes_only_before_the_keys_are_made(office: Office, clock: HandClock) -> None:
    office.make()
    office.done("trustees")
    assert office.done("trustee", name="Dora", email="dora@example.org")["place"] == 4
    office.done("ceremony", deadlines=[clock.now() + HOUR, clock.now() + 2 * HOUR, clock.now() + 3 * HOUR])
    assert code(office, "trustee", name="Egor", email="egor@example.org") == "ceremony-goes-on"
    assert code(office, "ceremony", deadlines=[clock.now() + 1, clock.now() + 2, clock.now() + 3]) == "ceremony-goes-on"


def routes(uuid: str) -> list[tuple[str, str]]:
    root, pages = f"/api/campaigns/{CAMPAIGN}", f"/organizer/{CAMPAIGN}"
    steps = ("extend", "suspend", "resume", "incident", "publish", "certify", "seal", "cancel", "annul")
    people = ("organizers", "registrar", "trustees", "trustee", "ceremony", "fix", "approvals/1/approve", "approvals/1/refuse")
    return [
        *(("GET", f"{root}{path}") for path in ("", "/trail", "/approvals", "/approvals/1")),
        *(("GET", f"{pages}{path}") for path in ("", "/trail", "/approvals/1", f"/contests/{uuid}")),
        ("PUT", f"{root}/plan"),
        ("POST", f"{pages}/plan"),
        *(("POST", f"{start}/{path}") for start in (root, pages) for path in people),
        *(("POST", f"{start}/contests/{uuid}/{step}") for start in (root, pages) for step in steps),
    ]


def ask(client: TestClient, method: str, path: str) -> int:
    if method == "GET" or path.startswith("/api/"):
        content = None if method == "GET" else b"{}"
        return int(client.request(method, path, content=content, headers={"Content-Type": "application/json"}).status_code)
    return int(client.request(method, path, data={"csrf": client.headers.get("X-CSRF-Token", "")}).status_code)


def test_an_organizer_of_another_campaign_may_do_nothing_here_and_nobody_else_either(office: Office) -> None:
    office.make()
    before = office.standing()
    office.eve.post("/api/campaigns", content=office.file(campaign="other"), headers=CSV)
    for method, path in routes(office.uuids()[0]):
        assert ask(office.eve, method, path) == 403, path
        assert ask(office.anybody, method, path) in ((401,) if method == "GET" else (401, 403)), path
    assert office.standing() == before
    assert {one["who"] for one in office.trail()} == {f"olga <{OLGA}>"}


def test_a_form_without_the_sessions_token_does_nothing(office: Office) -> None:
    office.make()
    token = office.olga.headers.pop("X-CSRF-Token")
    assert office.olga.post(f"/organizer/{CAMPAIGN}/fix", data={"csrf": "x"}).status_code == 403
    assert office.do("fix").status_code == 403
    assert office.standing()["fixed"] is False
    answer = office.olga.post(f"/organizer/{CAMPAIGN}/fix", data={"csrf": token, "sure": "yes"}, follow_redirects=False)
    assert answer.status_code == 303
    assert office.standing()["fixed"] is True


def test_who_may_not_make_campaigns_makes_none(office: Office) -> None:
    from tests.service.signed_in import sign_in

    account(office.server, "vera@example.org", organizer=False)
    sign_in(office.anybody, office.server, "vera@example.org")
    assert office.anybody.post("/api/campaigns", content=office.file(), headers=CSV).status_code == 403
    assert office.anybody.get("/organizer/").status_code == 403


def test_a_campaign_is_made_and_led_by_pages_alone(office: Office, clock: HandClock) -> None:
    csrf = {"csrf": office.olga.headers.pop("X-CSRF-Token")}
    made = office.olga.post("/organizer/", data=csrf, files={"file": ("c.csv", office.file().encode())}, follow_redirects=False)
    assert made.headers["location"] == f"/organizer/{CAMPAIGN}"
    root = f"/organizer/{CAMPAIGN}"
    assert "District 3" in office.olga.get(root).text
    absent = office.olga.post("/ru/organizer/", data=csrf)
    assert (absent.status_code, "выберите файл" in absent.text, "no file" in absent.text) == (400, True, False)
    wrong = {"file": ("c.csv", office.file().replace(";10;", ";ten;").encode())}
    for path in ("/organizer/", f"{root}/plan"):
        refused = office.olga.post(f"/ru{path}", data=csrf, files=wrong)
        assert (refused.status_code, "столбец electorate: ожидалось целое число, а стоит «ten»" in refused.text) == (400, True)
        assert "line 1" not in refused.text
    replaced = office.olga.post(f"{root}/plan", data=csrf, files={"file": ("c.csv", office.file(contests=2).encode())})
    assert "District 3" not in replaced.text
    office.olga.post(f"{root}/organizers", data={**csrf, "email": "oleg@example.org"})
    page = office.olga.post(f"{root}/trustees", data=csrf).text
    assert page.count(f"/trustee/{CAMPAIGN}#") == 3
    page = office.olga.post(f"{root}/registrar", data={**csrf, "name": "Rita", "email": "rita@example.org"}).text
    assert page.count(f"/registrar/{CAMPAIGN}#") == 1
    day = ("2026-09-21T18:00", "2026-09-21T19:00", "2026-09-21T20:00")
    begun = office.olga.post(
        f"{root}/ceremony", data={**csrf, **dict(zip(("commitments", "reveals", "complaints"), day, strict=True))}
    )
    assert "Run 1 is going on" in begun.text, begun.text
    assert office.olga.post(f"{root}/fix", data={**csrf, "sure": "yes"}).status_code == 200
    uuid = office.uuids()[0]
    page = office.olga.post(f"{root}/contests/{uuid}/incident", data={**csrf, "sure": "yes", "reason": "power-cut"}).text
    assert "in preparation" in page
    asked = office.olga.post(f"{root}/contests/{uuid}/cancel", data={**csrf, "sure": "yes", "reason": "mistake", "successor": ""})
    assert asked.status_code == 200
    number = office.standing()["approvals"][0]["id"]
    other = {"csrf": office.oleg.headers["X-CSRF-Token"]}
    assert "It is done" in office.oleg.post(f"{root}/approvals/{number}/approve", data=other).text
    assert office.state(uuid) == "cancelled"


def test_deadlines_are_typed_by_the_clock_by_which_the_page_shows_them(office: Office) -> None:
    table = campaign_csv(office.clock.now(), 1).replace("host;vote.example", "host;vote.example\nzone;Europe/Moscow")
    office.make(contests=1)
    assert office.olga.put(f"/api/campaigns/{CAMPAIGN}/plan", content=table.encode(), headers=CSV).status_code == 200
    office.done("trustees")
    path, page = f"/organizer/{CAMPAIGN}", {"Accept": "text/html"}
    assert office.olga.get(path, headers=page).text.count('<span class="hint" translate="no">Europe/Moscow</span>') == 3
    times = [f"2027-01-{day}T10:30" for day in (15, 16, 17)]
    typed = dict(zip(("commitments", "reveals", "complaints"), times, strict=True))
    begun = office.olga.post(f"{path}/ceremony", data={"csrf": office.olga.headers["X-CSRF-Token"], **typed}, headers=page)
    assert begun.status_code == 200
    assert "Due: January 15, 2027, 10:30\N{NO-BREAK SPACE}UTC+3." in text_of(office.olga.get(path, headers=page).text)


class _Outline(HTMLParser):
    """What must hold of every page: one h1, a label for each field, headers for tables, and no script but one of ours."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.labels: set[str] = set()
        self.fields: set[str] = set()
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        assert not any(name.startswith("on") for name in found)
        assert not str(found.get("href", "")).startswith("javascript:")
        if tag == "script":
            assert found.get("integrity")
            self.scripts.append(str(found.get("src")).partition("?")[0])
        if tag == "label":
            self.labels.add(str(found.get("for")))
        if tag in ("input", "select", "textarea") and found.get("type") != "hidden":
            self.fields.add(str(found.get("id")))


def outline(page: str) -> list[str]:
    parser = _Outline()
    parser.feed(page)
    assert parser.tags.count("h1") == 1
    # One script of ours warns of the session's end, where it was built; the policy lets no other run.
    assert parser.scripts in ([], ["/static/dist/session.js"])
    assert parser.fields <= parser.labels
    assert ("table" in parser.tags) <= ("th" in parser.tags)
    return parser.tags


def test_every_page_of_a_rehearsal_says_so_and_no_page_of_a_real_campaign_does(office: Office) -> None:
    for kind, client, name in (("yes", office.olga, "trial"), ("no", office.eve, "vote")):
        made = client.post("/api/campaigns", content=office.file(rehearsal=kind, campaign=name), headers=CSV)
        assert made.json()["kind"] == ("rehearsal" if kind == "yes" else "real")
        client.post(f"/api/campaigns/{name}/fix", json={})
        standing = client.get(f"/api/campaigns/{name}").json()
        assert standing["rehearsal"] is (kind == "yes")
        uuid = standing["contests"][0]["election"]
        number = client.post(f"/api/campaigns/{name}/contests/{uuid}/cancel", json={"reason": "mistake"}).json()["id"]
        for path in ("", "/trail", f"/contests/{uuid}", f"/approvals/{number}"):
            page = client.get(f"/organizer/{name}{path}").text
            outline(page)
            assert ("This is a rehearsal" in page) is (kind == "yes")
        invited = client.post(f"/organizer/{name}/trustees", data={"csrf": client.headers["X-CSRF-Token"]}).text
        assert ("This is a rehearsal" in invited) is (kind == "yes")


def hostile_campaign(number: int, text: str) -> str:
    found = json.loads(JSON_EXAMPLE.replace("2026-10", "2027-10"))
    contest = found["contests"][0]
    question = contest["questions"][0]
    contest["title"] = {"en": text}
    question["question"] = text
    question["options"] = [{"project": "a", "title": text}, {"project": "b", "title": f"{text} b"}]
    contest["description"] = text
    trustees = [{"name": f"{text} {one}", "email": f"t{number}-{one}@example.org"} for one in range(3)]
    return json.dumps({**found, "campaign": f"c-{number}", "title": {"en": text}, "contests": [contest], "trustees": trustees})


def test_script_in_any_text_field_comes_back_as_text(office: Office) -> None:
    headers = {"Content-Type": "application/json"}
    for number, text in enumerate(SCRIPTS):
        made = office.olga.post("/api/campaigns", content=hostile_campaign(number, text), headers=headers)
        assert made.status_code == 201, made.text
        assert made.json()["title"] == {"en": text}
        root = f"c-{number}"
        office.olga.post(f"/api/campaigns/{root}/trustees", json={})
        uuid = office.olga.get(f"/api/campaigns/{root}").json()["contests"][0]["election"]
        for path in ("", f"/contests/{uuid}", "/trail"):
            page = office.olga.get(f"/organizer/{root}{path}").text
            outline(page)
            assert text in text_of(page), path
    outline(office.olga.get("/organizer/").text)


def test_control_characters_are_refused_in_names_and_shown_as_signs_elsewhere(office: Office) -> None:
    headers = {"Content-Type": "application/json"}
    for number, text in enumerate(CONTROLS):
        answer = office.olga.post(
            "/api/campaigns", content=hostile_campaign(number, text).encode("utf-8", "surrogatepass"), headers=headers
        )
        assert (answer.status_code, answer.json()["code"]) == (400, "campaign-malformed"), repr(text)
        found = json.loads(hostile_campaign(number, text))
        if text.isascii() or "\ud800" not in text:
            found["trustees"] = json.loads(JSON_EXAMPLE)["trustees"]
            made = office.olga.post("/api/campaigns", content=json.dumps(found), headers=headers)
            assert made.status_code in (201, 400), made.text
            if made.status_code == 201:
                assert made.json()["title"] == {"en": text}
                page = office.olga.get(f"/organizer/c-{number}").text
                outline(page)
                assert not any(one in page for one in "\x00\x07\x08\x1b\x7f\x9b\u202e\u2066")


def test_addresses_that_name_nothing_are_answered_without_looking_them_up(office: Office) -> None:
    for name in ("%00", "a%00b", "a" * 65, "%F0%9F%92%A9", "a%0Ab"):
        assert office.olga.get(f"/api/campaigns/{name}").status_code == 422
        assert office.olga.get(f"/organizer/{name}").status_code in (404, 422)
    office.make()
    assert office.do("contests/%00/seal").status_code == 422
    assert office.do("approvals/0/approve").status_code == 422
    assert office.do(f"approvals/{2**31}/approve").status_code == 422
    assert office.do(f"approvals/{2**31 - 1}/approve").status_code == 404
