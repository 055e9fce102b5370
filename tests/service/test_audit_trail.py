"""Everything an organizer, registrar, trustee or timer does is in the trail, with whoever did it, and so is what was refused."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.service.hand_clock import HandClock
from tests.service.hostile_texts import CONTROLS, SCRIPTS
from tests.service.office import CAMPAIGN, Office, open_office
from tests.service.signed_in import account, text_of
from veche.crypto.canonical_json import Json
from veche.crypto.errors import Malformed
from veche.service import audit_trail as trail_module
from veche.service.approvals import ACTIONS
from veche.service.audit_trail import SHOWN, Note, note, notes_of
from veche.service.languages import read_languages
from veche.service.organizer_words import ACTS
from veche.service.server import Server
from veche.service.tables import audit_trail
from veche.service.trail_words import WORDS, Known, told


@pytest.fixture
def office(server: Server, clock: HandClock, tmp_path: Path) -> Iterator[Office]:
    with ExitStack() as stack:
        yield open_office(server, clock, tmp_path / "people", stack)


def test_a_note_says_who_when_and_what(server: Server, clock: HandClock) -> None:
    number = account(server)
    with server.storage.database.writing() as connection:
        note(connection, 7, number, "c", None, "planned", contests=46, why=None)
        note(connection, 8, None, "c", "u", "opened")
    with server.storage.database.reading() as connection:
        later, earlier = notes_of(connection, "c")
    assert (earlier.time, earlier.who, earlier.action) == (7, "anna <anna@example.org>", "planned")
    assert earlier.details == {"contests": 46, "why": None}
    assert (later.who, later.uuid) == (None, "u")


def test_a_trail_shows_its_own_campaign_only_and_page_by_page(server: Server) -> None:
    with server.storage.database.writing() as connection:
        for one in range(SHOWN + 3):
            note(connection, one, None, "c", None, f"act-{one}")
        note(connection, 0, None, "d", None, "other")
    with server.storage.database.reading() as connection:
        first = notes_of(connection, "c")
        rest = notes_of(connection, "c", first[-1].number)
    assert len(first) == SHOWN
    assert [one.action for one in rest] == ["act-2", "act-1", "act-0"]


def test_any_text_in_a_note_comes_back_as_it_was(server: Server) -> None:
    texts = [*SCRIPTS, *CONTROLS[:-1]]
    with server.storage.database.writing() as connection:
        for one in texts:
            note(connection, 0, None, "c", None, "said", text=one)
    with server.storage.database.reading() as connection:
        found = [one.details["text"] for one in notes_of(connection, "c")]
    assert found == texts[::-1]
    with pytest.raises(Malformed), server.storage.database.writing() as connection:
        note(connection, 0, None, "c", None, "said", text="\ud800")


def test_an_act_that_is_rolled_back_leaves_no_note(server: Server) -> None:
    with pytest.raises(ZeroDivisionError), server.storage.database.writing() as connection:
        note(connection, 0, None, "c", None, "said")
        raise ZeroDivisionError
    with server.storage.database.reading() as connection:
        assert notes_of(connection, "c") == []


def test_what_organizers_and_registrar_do_is_in_the_trail_and_what_was_refused_too(office: Office) -> None:
    office.make(contests=1)
    uuid = office.prepare()
    office.do("fix")
    office.registrar("PUT", f"contests/{uuid}/credentials", b"[]")
    office.seal(uuid)
    office.registrar("POST", f"contests/{uuid}/issued", office.issued(uuid))
    office.done(f"contests/{uuid}/incident", reason="power-cut")
    office.do(f"contests/{uuid}/suspend", reason="fire")
    found = {str(one["action"]): one for one in office.trail()}
    wanted = (
        "campaign-created organizer-added rules-fixed fix-rules-refused invited ceremony-begun ceremony-message put-credentials "
        "ask-seal approve-seal sealed add-issued incident suspend-refused"
    )
    assert set(wanted.split()) <= set(found)
    assert found["approve-seal"]["who"] == "oleg <oleg@example.org>"
    assert found["put-credentials"]["who"] == "Rita <rita@example.org>"
    assert found["sealed"]["who"] is None
    assert found["suspend-refused"]["details"] == {"code": "entry-order"}
    page = office.olga.get(f"/organizer/{CAMPAIGN}/trail").text
    acts = (
        "An incident was recorded",
        "The contest was sealed",
        "The seal was approved",
        "Tried, and refused: The vote was suspended",
    )
    assert all(one in text_of(page) for one in acts)
    russian = text_of(office.olga.get(f"/ru/organizer/{CAMPAIGN}/trail").text)
    assert "Кого это касается: Boris <boris@example.org>. Роль: хранитель." in russian
    assert "Попытка, в которой отказано: Голосование приостановлено" in russian
    own = r"\S+@example\.org|\b(?:Anna|Boris|Clara|Rita|olga|oleg|District 1|power-cut|Setup|SHA|UTC|Veche|English)\b|[0-9a-f]{64}"
    body = russian[russian.index("Голосование") :]
    assert re.findall(r"[A-Za-z]{3,}", re.sub(own, "", body)) == []


def test_the_trail_is_for_organizers_of_that_campaign_only_and_holds_no_token_and_no_code(office: Office) -> None:
    office.make(contests=1)
    office.done("fix")
    links = [one["link"] for one in office.done("trustees")["invitations"]]
    office.invite_registrar()
    office.register()
    for client, status in ((office.eve, 403), (office.anybody, 401)):
        assert client.get(f"/api/campaigns/{CAMPAIGN}/trail").status_code == status
        assert client.get(f"/organizer/{CAMPAIGN}/trail").status_code == status
    with office.server.storage.database.reading() as connection:
        whole = "\n".join(str(row) for row in connection.execute(select(audit_trail)))
    secrets = [*(link.partition("#")[2] for link in links), *office.codes.values(), office.bearer["Authorization"][7:]]
    assert all(secret and secret not in whole for secret in secrets)


# --- Every act has its sentence -----------------------------------------------------------------

SOURCES = Path(str(trail_module.__file__)).resolve().parents[1]
WRITERS = ("note", "_note", "_noted", "_beside", "_refusals", "_step")
OF_NO_CAMPAIGN = {
    "login-mailed",
    "signed-in",
    "signed-out",
    "account-created",
    "link-printed",
    "account-disabled",
    "account-erased",
}
"""Acts that stand in no campaign's trail."""
OPEN = {"approval.action": ACTIONS, "action": ("cancel", "annul"), "status": ("withdrawn", "refused")}
"""What stands for a part of an act's name that is not written out where it is noted."""


def written(node: ast.expr) -> list[str]:
    """The names that this expression can be."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.IfExp):
        return [*written(node.body), *written(node.orelse)]
    if not isinstance(node, ast.JoinedStr) or ast.unparse(node)[2:-1].endswith("-refused"):
        return []  # What was refused is called as what was tried, whose name is found where it is tried.
    names = [""]
    for part in node.values:
        ends = (
            [str(part.value)]
            if isinstance(part, ast.Constant)
            else OPEN[ast.unparse(part.value) if isinstance(part, ast.FormattedValue) else ""]
        )
        names = [name + end for name in names for end in ends]
    return names


def noted() -> tuple[set[str], set[str]]:
    """The names of all acts that the code notes, and of all values that it notes with them."""
    acts: set[str] = set()
    values: set[str] = set()
    for path in sorted(path for package in ("service", "catalogue", "cli") for path in (SOURCES / package).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in WRITERS:
                acts.update(name for one in node.args for name in written(one))
                values.update(one.arg for one in node.keywords if one.arg is not None)
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "action":
                acts.update(written(node.value))
            elif isinstance(node, ast.FunctionDef) and node.name == "step" and path.name == "organizer_actions.py":
                given = [one.value for one in ast.walk(node) if isinstance(one, ast.Return)]
                values.update(
                    str(key.value)
                    for one in given
                    if isinstance(one, ast.Dict)
                    for key in one.keys
                    if isinstance(key, ast.Constant)
                )
    return acts, values


def test_every_act_that_the_code_notes_has_a_sentence_and_so_has_every_value() -> None:
    acts, values = noted()
    assert acts - OF_NO_CAMPAIGN == set(ACTS)
    assert values == set(WORDS)


def test_every_value_of_a_note_is_told_in_the_readers_language() -> None:
    russian = read_languages().by_name["ru"]
    known = Known({7: "Рита"}, {1: "Анна", 2: "Борис"}, lambda seconds: "15 января")
    given: dict[str, Json] = {
        "rehearsal": True, "contests": 46, "member": 7, "about": 7, "role": "trustee", "by_mail": False, "by": "command-line",
        "count": 3, "sha256": "00", "total": 5, "code": "no-credentials", "run": 2, "threshold": 2, "size": 3,
        "name": "share-1-2.json", "named": [2], "trustees": [1, 2], "voters": 1200, "minimum": 5, "owner": 1, "setup": "00",
        "reason": "отказ", "successor": "00", "request": 4, "until": 9, "complaints": 0,
    }  # fmt: skip
    assert set(given) == set(WORDS)
    sentences = [str(russian.say(one)) for one in told(Note(1, 0, None, None, "fix-rules-refused", given), known).details]
    assert len(sentences) == len(given) - 2
    assert [one for one in sentences if re.search(r"[A-Za-z]{3,}", re.sub("SHA-256|Setup", "", one))] == []
    whole = " ".join(sentences)
    for wanted in ("Рита", "Доля для хранителя: Борис.", "Хранитель 1: Анна.", "15 января", "1\N{NO-BREAK SPACE}200", "не передал"):
        assert wanted in whole, wanted
    ended = told(Note(1, 0, None, None, "ceremony-ended", {"code": "bad-share", "named": [2]}), known).details
    assert "Борис" in russian.say(ended[0])
    erased = told(Note(1, 0, "erased <erased-3@erased.invalid>", None, "sealed", {}), known).who
    assert russian.say(str(erased) if erased is None else erased) == "кто-то, чья учётная запись стёрта"
    assert told(Note(1, 0, None, None, "sealed", {"later": 1}), known).details == ("later: 1",)
