"""Mails, sent to a real mail server on this machine: they bring a link that works, and nothing else keeps it."""

from __future__ import annotations

import email
import email.policy
import re
import socket
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import func, insert, select, text
from starlette.testclient import TestClient

from tests.service.hand_clock import HandClock
from tests.service.hostile_texts import CONTROLS, SCRIPTS
from tests.service.signed_in import SAME_SITE, account
from tests.service.test_access import request
from veche.crypto.canonical_json import Json
from veche.crypto.errors import ElectionError, Malformed, Unsupported
from veche.service.access import Access
from veche.service.accounts import assign_role, disable_account
from veche.service.application import create_application
from veche.service.mail import Letter, invitation_link, send, send_letter_of
from veche.service.server import Server
from veche.service.settings import Settings
from veche.service.tables import audit_trail, campaigns, jobs, links
from veche.service.worker import Worker

HEADERS = (
    "Auto-Submitted", "Content-Transfer-Encoding", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To"
)  # fmt: skip
LOGIN: dict[str, Json] = {"letter": "login", "email": "anna@example.org"}


class Mailbox:
    """What a mail server took; `answer` is what it says to each mail."""

    def __init__(self) -> None:
        self.envelopes: list[Any] = []
        self.answer = "250 taken"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            self.envelopes.append(envelope)
        return self.answer

    def messages(self) -> list[EmailMessage]:
        return [email.message_from_bytes(one.content, policy=email.policy.default) for one in self.envelopes]


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago: this library cannot be asked for any free one."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@pytest.fixture
def mailbox(port: int) -> Iterator[Mailbox]:
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box
    controller.stop()


@pytest.fixture
def settings(tmp_path: Any, database: str, port: int) -> Settings:
    """As everywhere, and with a mail server."""
    return Settings(
        data=tmp_path / "data",
        database=database,
        checkers=1,
        smtp=f"smtp://127.0.0.1:{port}",
        mail_from="Veche <veche@vote.example.org>",
        base_url="https://vote.example.org",
    )


def campaign(server: Server, name: str = "2027-06") -> str:
    values = {"id": name, "title": "{}", "rehearsal": True, "demo": False, "host": "vote.example.org", "created_at": 1}
    with server.storage.database.writing() as connection:
        connection.execute(insert(campaigns).values(values))
    return name


def body(message: EmailMessage) -> str:
    return str(message.get_content())


def count_links(server: Server) -> int:
    with server.storage.database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(links)).scalar_one())


def test_who_asks_for_a_link_gets_one_that_lets_in(server: Server, mailbox: Mailbox) -> None:
    account(server)
    client = TestClient(create_application(server), base_url="https://vote.example.org", headers=SAME_SITE, follow_redirects=False)
    assert "Send me a link" in client.get("/login").text
    assert client.post("/login", data={"email": "Anna@example.org"}).status_code == 200
    assert Worker(server).do_one(["mail"])
    (message,) = mailbox.messages()
    found = re.findall(r"https://\S+", body(message))
    assert len(set(found)) == 2, "the server's own address, and the link"
    link = next(one for one in found if "/login/" in one)
    assert found.count(link) == 2, "once in Russian, once in English"
    assert client.get(link.removeprefix("https://vote.example.org")).status_code == 200
    assert client.post("/sign-in", data={"token": link.rpartition("/")[2]}).headers["location"] == "/account"


def test_a_mail_is_plain_text_in_russian_and_english(server: Server, mailbox: Mailbox) -> None:
    account(server)
    send_letter_of(server, LOGIN)
    (message,), (envelope,) = mailbox.messages(), mailbox.envelopes
    assert message.get_content_type() == "text/plain"
    assert message.get_content_charset() == "utf-8"
    assert not message.is_multipart()
    assert (message["To"], message["From"]) == ("anna@example.org", "Veche <veche@vote.example.org>")
    assert message["Subject"] == "Veche: вход / signing in"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@vote.example.org>")
    assert envelope.rcpt_tos == ["anna@example.org"]
    assert all(line.isascii() for line in envelope.content.decode("latin-1").split("\r\n\r\n")[0].splitlines())
    assert "Здравствуйте, anna!" in body(message) and "Hello anna," in body(message)
    # Nothing that would tell anybody that it was read.
    assert not re.search(r"<|img|unsubscribe|receipt", body(message), re.IGNORECASE)


def test_no_token_waits_in_the_table_of_jobs_or_stays_behind(server: Server, mailbox: Mailbox) -> None:
    account(server)
    client = TestClient(create_application(server), base_url="https://vote.example.org", headers=SAME_SITE)
    client.post("/login", data={"email": "anna@example.org"})
    assert count_links(server) == 0
    Worker(server).do_one(["mail"])
    token = re.findall(r"/login/(\S+)", body(mailbox.messages()[0]))[0]
    with server.storage.database.reading() as connection:
        assert connection.execute(select(jobs.c.status, jobs.c.payload)).all() == [("done", "{}")]
        kept = "".join(str(connection.execute(text(f"SELECT * FROM {one}")).all()) for one in ("job", "link", "audit_trail"))
    assert token not in kept


def test_nobody_without_an_account_gets_a_mail(server: Server, mailbox: Mailbox) -> None:
    number = account(server)
    send_letter_of(server, {"letter": "login", "email": "nobody@example.org"})
    with server.storage.database.writing() as connection:
        disable_account(connection, number)
    send_letter_of(server, LOGIN)
    assert (mailbox.envelopes, count_links(server)) == ([], 0)


def test_an_invitation_brings_a_token_of_its_role(server: Server, mailbox: Mailbox) -> None:
    name, number = campaign(server), account(server)
    letter: dict[str, Json] = {"letter": "invitation", "account": number, "campaign": name, "role": "trustee"}
    send_letter_of(server, letter)
    assert mailbox.envelopes == [], "the account has no role yet"
    with server.storage.database.writing() as connection:
        assign_role(connection, name, number, "trustee", 1)
    send_letter_of(server, {**letter, "role": "registrar"})
    assert mailbox.envelopes == [], "nor this one"
    send_letter_of(server, letter)
    (message,) = mailbox.messages()
    assert message["Subject"] == "Veche: приглашение / invitation, 2027-06"
    token = re.findall(r"https://vote.example.org/trustee/2027-06#(\S+)", body(message))[0]
    access = Access(server.storage.database, server.clock, server.settings)
    assert access.invited(request(authorization=f"Bearer {token}"), "trustee", name).place == 1
    with server.storage.database.reading() as connection:
        assert connection.execute(select(audit_trail.c.action, audit_trail.c.campaign)).all() == [("invitation-mailed", name)]


@pytest.mark.parametrize("payload", [{}, {"letter": "other"}, {"letter": "login"}, {"letter": "invitation", "account": "1"}])
def test_a_job_that_is_no_letter_is_refused(server: Server, payload: dict[str, Json]) -> None:
    with pytest.raises(Malformed):
        send_letter_of(server, payload)


def test_a_mail_that_was_not_taken_leaves_no_link_and_is_tried_again(server: Server, mailbox: Mailbox, clock: HandClock) -> None:
    account(server)
    mailbox.answer = "451 later, anna@example.org"
    with pytest.raises(Unsupported) as refused:
        send_letter_of(server, LOGIN)
    assert (refused.value.code, refused.value.message) == ("mail-not-sent", "the mail server refused the mail with 451")
    assert count_links(server) == 0
    mailbox.answer = "250 taken"
    send_letter_of(server, LOGIN)
    assert len(mailbox.envelopes) == count_links(server) == 1


def test_no_mail_server_is_said_without_what_was_written(server: Server, port: int) -> None:
    account(server)
    with pytest.raises(Unsupported) as refused:
        send_letter_of(server, LOGIN)
    assert refused.value.code == "mail-not-sent"
    assert count_links(server) == 0
    without = server.settings.model_copy(update={"smtp": ""})
    with pytest.raises(Unsupported) as refused:
        send(without, Letter("anna@example.org", "x", "secret"), 1)
    assert refused.value.code == "no-mail-server"


def test_a_password_is_not_sent_in_the_open_to_another_machine(
    server: Server, mailbox: Mailbox, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another machine whose name leads here: tests speak to nobody else.
    found = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **named: found("127.0.0.1", *more, **named))
    letter = Letter("anna@example.org", "x", "text")
    open_to_all = server.settings.model_copy(update={"smtp": f"smtp://user:pass@mail.example.org:{port}"})
    with pytest.raises(Unsupported) as refused:
        send(open_to_all, letter, 1)
    assert (refused.value.code, mailbox.envelopes) == ("mail-not-sent", [])
    assert "pass" not in refused.value.message
    send(server.settings.model_copy(update={"smtp": f"smtp://mail.example.org:{port}"}), letter, 1)
    assert len(mailbox.envelopes) == 1


@pytest.mark.parametrize("hostile", [*CONTROLS, *SCRIPTS[:5]])
def test_nothing_adds_a_header_or_a_recipient(settings: Settings, mailbox: Mailbox, hostile: str) -> None:
    for to, subject in (("anna@example.org", hostile), (hostile, "subject"), (f"anna@example.org{hostile}", "subject")):
        letter = Letter(to, subject, "text")
        before = len(mailbox.envelopes)
        try:
            send(settings, letter, 1)
        except ElectionError as error:
            assert (error.code, len(mailbox.envelopes)) == ("email", before)
            continue
        message, envelope = mailbox.messages()[-1], mailbox.envelopes[-1]
        assert tuple(sorted(message.keys())) == HEADERS
        assert envelope.rcpt_tos == ["anna@example.org"]


def test_a_letter_shows_nothing_of_its_text() -> None:
    assert "secret" not in repr(Letter("anna@example.org", "subject", "secret"))


def test_an_invitations_token_is_behind_the_sign_that_no_browser_sends(settings: Settings) -> None:
    assert invitation_link(settings, "trustee", "a/b", "TOKEN") == "https://vote.example.org/trustee/a%2Fb#TOKEN"
