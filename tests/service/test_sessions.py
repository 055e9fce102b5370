"""Signing in and out over HTTP: a link lets in once, a session ends, and nobody learns who has an account."""

from __future__ import annotations

import re
import statistics
import time
from html.parser import HTMLParser

import httpx
import pytest
from sqlalchemy import func, select, text, update
from starlette.testclient import TestClient

from tests.service.hand_clock import HandClock
from tests.service.hostile_texts import CONTROLS, SCRIPTS
from tests.service.signed_in import SAME_SITE, account, login_token, sign_in
from veche.crypto.canonical_json import parse
from veche.service.accounts import disable_account
from veche.service.application import create_application
from veche.service.server import Server, open_server
from veche.service.session_routes import MAILS_PER_ADDRESS, MAILS_PER_EMAIL, WRONG_LINKS
from veche.service.sessions import IDLE, LONGEST, RENEWED, begin_session, find_session
from veche.service.settings import Settings
from veche.service.tables import accounts, audit_trail, jobs, sessions

WRONG = "x" * 43
FILE = b'--x\r\nContent-Disposition: form-data; name="token"; filename="t"\r\n\r\na\r\n--x--\r\n'


@pytest.fixture
def client(server: Server) -> TestClient:
    return TestClient(create_application(server), headers=SAME_SITE, follow_redirects=False)


def enter(client: TestClient, token: str, **headers: str) -> httpx.Response:
    answer: httpx.Response = client.post("/sign-in", data={"token": token}, headers=headers)
    return answer


def code_of(answer: httpx.Response) -> str:
    return str(answer.json()["code"])


class Shown(HTMLParser):
    """What a browser makes of a page: its texts and its elements with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


# --- links ---


def test_a_link_leads_to_a_button_and_the_button_into_the_account(server: Server, client: TestClient) -> None:
    account(server)
    token = login_token(server)
    # Programs that look into mails before their reader does open links, and more than once.
    for _ in range(3):
        page = client.get(f"/login/{token}")
        assert page.status_code == 200
        assert not page.cookies
    assert ("input", {"type": "hidden", "name": "token", "value": token}) in Shown(page.text).elements
    answer = enter(client, token)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    shown = client.get("/account")
    assert shown.status_code == 200
    assert "anna@example.org" in shown.text
    assert code_of(enter(client, token)) == "link-unusable"


def test_the_cookie_is_for_this_server_alone(server: Server, client: TestClient) -> None:
    account(server)
    cookie = enter(client, login_token(server)).headers["set-cookie"]
    assert re.fullmatch(r"veche=[A-Za-z0-9_-]{43}; HttpOnly; Path=/; SameSite=strict", cookie)


def test_over_https_the_cookie_is_secure_and_bound_to_the_host(settings: Settings, clock: HandClock) -> None:
    url = "https://vote.example.org"
    server = open_server(settings.model_copy(update={"base_url": url}), clock)
    try:
        client = TestClient(create_application(server), base_url=url, headers=SAME_SITE, follow_redirects=False)
        account(server)
        cookie = enter(client, login_token(server)).headers["set-cookie"]
        assert re.fullmatch(r"__Host-veche=[A-Za-z0-9_-]{43}; HttpOnly; Path=/; SameSite=strict; Secure", cookie)
        assert client.get("/account").status_code == 200
        gone = client.post("/sign-out", data={"csrf": client.get("/api/session").json()["csrf"]}).headers["set-cookie"]
        assert gone.startswith('__Host-veche=""; ') and "Secure" in gone and "Max-Age=0" in gone
    finally:
        server.close()


def test_every_link_that_lets_nobody_in_gets_the_same_answer(server: Server, client: TestClient, clock: HandClock) -> None:
    number = account(server)
    used, old = login_token(server), login_token(server)
    assert enter(client, used).status_code == 303
    clock.time += IDLE
    fresh = login_token(server, "anna@example.org")
    with server.storage.database.writing() as connection:
        disable_account(connection, number)
    answers = [enter(client, token) for token in (used, old, fresh, WRONG, "")]
    assert {(one.status_code, one.content) for one in answers} == {(answers[0].status_code, answers[0].content)}
    assert code_of(answers[0]) == "link-unusable"


def test_after_five_wrong_links_an_address_waits(server: Server, client: TestClient) -> None:
    account(server)
    good = login_token(server)
    for _ in range(WRONG_LINKS):
        assert code_of(enter(client, WRONG)) == "link-unusable"
    answer = enter(client, good)
    assert (answer.status_code, code_of(answer)) == (429, "rate-limited")
    assert answer.headers["retry-after"]
    # Nobody else waits with it: the link was not used up.
    elsewhere = TestClient(client.app, headers=SAME_SITE, follow_redirects=False, client=("192.0.2.7", 1))
    assert enter(elsewhere, good).status_code == 303


def test_another_site_can_sign_nobody_in(server: Server, client: TestClient) -> None:
    account(server)
    good = login_token(server)
    answer = enter(client, good, **{"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, code_of(answer)) == (403, "cross-site")
    assert enter(client, good).status_code == 303


def test_unknown_and_used_links_take_the_same_time(server: Server) -> None:
    """Medians of interleaved tries; below a fifth of one try, and five milliseconds (attack E8)."""
    from veche.service.accounts import use_login_link

    account(server)
    used = login_token(server)
    with server.storage.database.writing() as connection:
        assert use_login_link(connection, used, server.clock.now()) is not None
    taken: dict[str, list[float]] = {used: [], WRONG: []}
    for _ in range(150):
        for token in (used, WRONG):
            began = time.perf_counter()
            with server.storage.database.writing() as connection:
                assert use_login_link(connection, token, server.clock.now()) is None
            taken[token].append(time.perf_counter() - began)
    first, second = (statistics.median(times) for times in taken.values())
    assert abs(first - second) < 0.005


# --- sessions ---


def test_a_session_ends_when_nobody_uses_it(server: Server, client: TestClient, clock: HandClock) -> None:
    sign_in(client, server)
    clock.time += IDLE - 1
    assert client.get("/account").status_code == 200
    clock.time += IDLE - 1
    assert client.get("/account").status_code == 200
    clock.time += IDLE
    answer = client.get("/account")
    assert (answer.status_code, code_of(answer)) == (401, "not-signed-in")


def test_a_session_ends_after_twelve_hours_however_busy(server: Server, client: TestClient, clock: HandClock) -> None:
    sign_in(client, server)
    begun = clock.time
    while clock.time < begun + LONGEST - 600:
        clock.time += 600
        assert client.get("/account").status_code == 200
    clock.time = begun + LONGEST - 1
    assert client.get("/account").status_code == 200
    clock.time = begun + LONGEST
    assert client.get("/account").status_code == 401


def test_reading_pages_is_written_down_every_few_minutes_only(server: Server, client: TestClient, clock: HandClock) -> None:
    sign_in(client, server)

    def ends() -> int:
        with server.storage.database.reading() as connection:
            return int(connection.execute(select(sessions.c.expires_at)).scalar_one())

    begun = ends()
    clock.time += RENEWED - 1
    client.get("/account")
    assert ends() == begun
    clock.time += 1
    client.get("/account")
    assert ends() == begun + RENEWED


def test_signing_out_ends_the_session_for_whoever_kept_its_cookie(server: Server, client: TestClient) -> None:
    csrf = sign_in(client, server)
    kept = client.cookies["veche"]
    assert client.post("/sign-out", data={"csrf": "0" * 64}, headers={"X-CSRF-Token": ""}).status_code == 403
    del client.headers["X-CSRF-Token"]
    assert client.post("/sign-out", data={"other": "1"}).status_code == 403
    assert client.post("/sign-out", data={"csrf": csrf}).status_code == 303
    assert client.get("/account", cookies={"veche": kept}).status_code == 401


def test_signing_in_again_ends_the_session_before(server: Server, client: TestClient) -> None:
    sign_in(client, server)
    before = client.cookies["veche"]
    del client.headers["X-CSRF-Token"]
    assert enter(client, login_token(server)).status_code == 303
    assert client.cookies["veche"] != before
    with server.storage.database.reading() as connection:
        assert find_session(connection, before, server.clock.now()) is None


def test_a_session_that_is_over_is_gone_from_the_database(server: Server, clock: HandClock) -> None:
    number = account(server)
    with server.storage.database.writing() as connection:
        begin_session(connection, number, clock.time)
        begin_session(connection, number, clock.time)
        clock.time += IDLE
        begin_session(connection, number, clock.time)
        assert connection.execute(select(func.count()).select_from(sessions)).scalar_one() == 1


def test_a_disabled_account_is_out_at_once(server: Server, client: TestClient) -> None:
    sign_in(client, server)
    with server.storage.database.writing() as connection:
        # Only the mark: the session's row is still there.
        connection.execute(update(accounts).values(disabled=True))
    assert client.get("/account").status_code == 401


def test_signing_in_and_out_is_in_the_trail(server: Server, client: TestClient) -> None:
    csrf = sign_in(client, server)
    client.post("/sign-out", data={"csrf": csrf})
    with server.storage.database.reading() as connection:
        found = connection.execute(select(audit_trail.c.account, audit_trail.c.action).order_by(audit_trail.c.id)).all()
    assert found == [(1, "signed-in"), (1, "signed-out")]


# --- links by mail ---


def ask(client: TestClient, email: str) -> httpx.Response:
    answer: httpx.Response = client.post("/login", data={"email": email})
    return answer


def queued(server: Server) -> list[object]:
    with server.storage.database.reading() as connection:
        return [parse(row.payload.encode()) for row in connection.execute(select(jobs).order_by(jobs.c.id))]


def test_asking_for_a_link_has_one_answer_whoever_asks(server: Server, client: TestClient) -> None:
    account(server)
    answers = [ask(client, email) for email in (" ANNA@example.org", "nobody@example.org", "no address\r\nBcc: x@example.org")]
    assert {(one.status_code, one.content) for one in answers} == {(200, answers[0].content)}
    # The same work for a known and an unknown address; and no token waits in the database.
    assert queued(server) == [
        {"letter": "login", "email": "anna@example.org"},
        {"letter": "login", "email": "nobody@example.org"},
    ]


def test_asking_again_while_a_mail_waits_sends_one(server: Server, client: TestClient) -> None:
    ask(client, "anna@example.org")
    ask(client, "Anna@Example.org")
    assert len(queued(server)) == 1


def test_an_address_that_asks_and_asks_waits(server: Server, client: TestClient) -> None:
    for number in range(MAILS_PER_ADDRESS):
        assert ask(client, f"a{number}@example.org").status_code == 200
    answer = ask(client, "more@example.org")
    assert (answer.status_code, code_of(answer)) == (429, "rate-limited")
    assert len(queued(server)) == MAILS_PER_ADDRESS


def test_nobody_is_flooded_with_mails_and_the_answer_stays_the_same(server: Server, client: TestClient) -> None:
    for number in range(MAILS_PER_EMAIL + 2):
        asking = TestClient(client.app, headers=SAME_SITE, client=(f"192.0.2.{number}", 1))
        assert ask(asking, "anna@example.org").status_code == 200
        with server.storage.database.writing() as connection:
            connection.execute(update(jobs).values(status="done"))
    assert len(queued(server)) == MAILS_PER_EMAIL


def test_another_site_can_ask_for_no_mail(server: Server, client: TestClient) -> None:
    answer = client.post("/login", data={"email": "anna@example.org"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, queued(server)) == (403, [])


# --- pages ---


def named(server: Server, email: str, name: str) -> None:
    account(server, email)
    with server.storage.database.writing() as connection:
        connection.execute(update(accounts).where(accounts.c.email == email).values(name=name))


def test_script_in_a_name_comes_back_as_text(server: Server, client: TestClient) -> None:
    sign_in(client, server)
    plain = [tag for tag, _ in Shown(client.get("/account").text).elements]
    for text_ in SCRIPTS:
        named(server, "anna@example.org", text_)
        shown = Shown(client.get("/account").text)
        assert shown.texts.count(text_) == 2
        assert [tag for tag, _ in shown.elements] == plain
        assert client.get("/api/session").json()["name"] == text_


def test_control_characters_that_got_into_the_database_are_shown_as_replaced(server: Server, client: TestClient) -> None:
    sign_in(client, server)
    for name in (one for one in CONTROLS if "\x00" not in one and "\ud800" not in one):
        named(server, "anna@example.org", name)
        page = client.get("/account").text
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)
        assert "<script>" not in page


def test_script_in_a_link_or_field_comes_back_as_text(server: Server, client: TestClient) -> None:
    from urllib.parse import quote

    for text_ in SCRIPTS:
        page = client.get(f"/login/{quote(text_, safe='')}", headers={"Accept": "text/html"})
        elements = Shown(page.text).elements
        assert not any(tag == "script" or name.startswith("on") for tag, attributes in elements for name in attributes)
        if page.status_code == 200:
            assert ("input", {"type": "hidden", "name": "token", "value": text_}) in elements


def test_a_browser_is_shown_a_refusal_as_a_page(client: TestClient) -> None:
    page = client.get("/account", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (page.status_code, page.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert "you are not signed in" in page.text
    missing = client.get("/<script>alert(1)</script>", headers={"Accept": "text/html"})
    assert missing.status_code == 404
    assert "script" not in missing.text
    # Programs get the problem, whatever they accept.
    answer = client.get("/api/session", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")


def test_no_page_has_script_or_comes_from_elsewhere(server: Server, client: TestClient) -> None:
    account(server)
    pages = [client.get(path).text for path in ("/login", f"/login/{WRONG}")]
    sign_in(client, server)
    pages.append(client.get("/account").text)
    for page in pages:
        shown = Shown(page)
        tags = [tag for tag, _ in shown.elements]
        assert tags.count("h1") == 1 and "script" not in tags and "style" not in tags
        for _, attributes in shown.elements:
            assert not any(name.startswith("on") or name == "style" for name in attributes)
            for name in ("href", "src", "action"):
                assert (attributes.get(name) or "/")[0] in "/#" or attributes[name] == "data:,"


def test_a_form_is_read_no_further_than_it_may_be_long(client: TestClient) -> None:
    answer = client.post("/sign-in", data={"token": "x" * 70_000})
    assert (answer.status_code, code_of(answer)) == (413, "too-large")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{}", "application/json"),
        (b"token=a&token=b", "application/x-www-form-urlencoded"),
        (b"other=a", "application/x-www-form-urlencoded"),
        (b"token=a%00b", "application/x-www-form-urlencoded"),
        (b"x=1&" * 600, "application/x-www-form-urlencoded"),
        (b"token=a", ""),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b"--x\r\nbroken", "multipart/form-data"),
        (FILE, "multipart/form-data; boundary=x"),
    ],
)
def test_what_is_no_form_of_ours_is_refused(client: TestClient, content: bytes, kind: str) -> None:
    answer = client.post("/sign-in", content=content, headers={"Content-Type": kind})
    assert (answer.status_code, code_of(answer)) == (400, "form")


def test_tokens_are_in_no_table_and_no_log(server: Server, client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    account(server)
    token = login_token(server)
    client.get(f"/login/{token}")
    enter(client, token)
    enter(client, token)
    session = client.cookies["veche"]
    kept = caplog.text
    with server.storage.database.reading() as connection:
        for table in ("account", "session", "link", "job", "audit_trail"):
            kept += str(connection.execute(text(f"SELECT * FROM {table}")).all())
    assert "signed-in" in kept
    assert token not in kept and session not in kept
