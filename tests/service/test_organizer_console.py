"""The organizers' pages: a campaign from scratch, refusals at their fields, nothing lost, nothing final without asking twice.

Length: all of them are walked from the same office and with the same few ways to fill a form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from httpx import Response
from starlette.testclient import TestClient

from tests.service.hand_clock import HandClock
from tests.service.office import CAMPAIGN, OLEG, OLGA, Office, moment, open_office
from tests.service.signed_in import sign_in, text_of
from tests.service.town import HOUR
from veche.crypto.scalar import system_randomness
from veche.crypto.signed_note import NoteSigner
from veche.service.campaign_draft import NEW, rows_of, with_row, without_row
from veche.service.campaign_form import read_form
from veche.service.campaigns import campaign_of, contests_of
from veche.service.ceremonies import settle_ceremony
from veche.service.contest_desk import held_desk
from veche.service.planned_fields import typed_of
from veche.service.server import Server
from veche.service.sessions import IDLE
from veche.service.settings import Settings
from veche.service.voting import open_vote

PAGE = {"Accept": "text/html"}
REGISTRAR = NoteSigner.generate("vote.example/registrar", system_randomness).verifier.text()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """SQLite alone: the SQL of these pages is that of the interface, which other tests run on both databases."""
    return Settings(data=tmp_path / "data", database="", checkers=1, worker=False)


@pytest.fixture
def office(server: Server, clock: HandClock, tmp_path: Path) -> Iterator[Office]:
    with ExitStack() as stack:
        yield open_office(server, clock, tmp_path / "people", stack)


def post(client: TestClient, path: str, **fields: str) -> Response:
    """A form of a page, sent by a browser."""
    data = {"csrf": client.headers["X-CSRF-Token"], **{name.replace("__", "."): value for name, value in fields.items()}}
    answer: Response = client.post(path, data=data, headers=PAGE, follow_redirects=False)
    return answer


def send(client: TestClient, path: str, fields: dict[str, str], do: str) -> Response:
    return post(client, path, **fields, do=do)


def fields_of(page: str) -> dict[str, str]:
    """What a browser would send of this page's form: every field with its value."""
    inputs = re.findall(r'<input id="[^"]*" name="([^"]*)" type="[^"]*" value="([^"]*)"', page)
    found = {name: unescape(value) for name, value in inputs}
    found |= {name: unescape(value) for name, value in re.findall(r'<textarea[^>]* name="([^"]*)"[^>]*>([^<]*)</textarea>', page)}
    for name, options in re.findall(r'<select id="[^"]*" name="([^"]*)"[^>]*>(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        assert chosen is not None
        found[name] = unescape(chosen[1])
    return found


def mistake(page: str, field: str) -> str:
    """What is said at this field."""
    found = re.search(rf'id="{re.escape(field)}-mistake"[^>]*>(.*?)</span>\s*<(?:input|select|textarea)', page, re.DOTALL)
    return "" if found is None else text_of(found[1]).strip()


def begin(office: Office, **fields: str) -> str:
    """The address of a new draft."""
    return str(post(office.olga, "/drafts/", **fields).headers["location"])


def filled() -> dict[str, str]:
    """The first page of a campaign, as somebody types it."""
    people: dict[str, str] = {}
    for row, name in enumerate(("Anna", "Boris", "Clara")):
        people |= {f"trustees.{row}.name": name, f"trustees.{row}.email": f"{name.lower()}@example.org"}
    own = {"campaign": "parks", "title.ru": "Парки", "title.en": "Parks", "rehearsal": "yes", "zone": "Europe/Moscow"}
    rules = {"threshold": "2", "minimum_ballots": "2", "appeal_days": "1", "rule": "", "currency": "RUB"}
    rest = {**rules, "registrar": REGISTRAR}
    return {**own, **people, **rest}


def contest_fields(now: int) -> dict[str, str]:
    opens = now + 10 * HOUR
    own = {
        "contest": "trees", "title.ru": "Деревья", "title.en": "Trees", "description": "", "electorate": "10",
        "opens_at": moment(opens).replace(" ", "T"), "closes_at": moment(opens + 24 * HOUR).replace(" ", "T"), "extended_until": "",
        "questions.0.question": "Which tree?", "questions.0.min": "1", "questions.0.max": "1", "questions.0.blank": "yes",
        "questions.0.options.0.title": "An oak", "questions.0.options.0.project": "", "questions.0.options.0.text": "",
        "questions.0.options.1.title": "A lime", "questions.0.options.1.project": "lime", "questions.0.options.1.text": "",
    }  # fmt: skip
    return {f"contests.0.{name}": value for name, value in own.items()}


def test_a_campaign_is_typed_from_scratch_and_made(office: Office) -> None:
    root = begin(office)
    assert send(office.olga, root, filled(), "go:1").headers["location"] == f"{root}/contests/1"
    assert send(office.olga, f"{root}/contests/1", contest_fields(office.clock.now()), "go:0").headers["location"] == root
    made = send(office.olga, root, fields_of(office.olga.get(root, headers=PAGE).text), "make")
    assert (made.status_code, made.headers.get("location")) == (303, "/organizer/parks"), made.text
    found = office.olga.get("/api/campaigns/parks").json()
    assert (found["title"], found["kind"], found["trustees"]) == ({"ru": "Парки", "en": "Parks"}, "rehearsal", 3)
    assert found["contests"][0]["title"] == {"ru": "Деревья", "en": "Trees"}
    assert office.olga.get(root, headers=PAGE).status_code == 404
    assert office.olga.post("/api/campaigns/parks/fix", json={}).status_code == 200


def test_what_is_missing_is_named_at_its_field_and_nothing_typed_is_lost(office: Office) -> None:
    root = begin(office)
    wrong = {"threshold": "3", "trustees.1.email": "", "appeal_days": "x"}
    typed = {**filled(), "title.ru": "Парки & <сады>", "title.en": "", **wrong}
    answer = send(office.olga, root, typed, "make")
    assert answer.status_code == 400
    page = answer.text
    assert mistake(page, "threshold") == "One trustee must be able to be missing: write a smaller number."
    assert mistake(page, "trustees.1.email") == "This is still missing."
    assert mistake(page, "appeal_days") == "A whole number was expected."
    assert mistake(page, "title.ru") == ""
    assert 'href="/drafts/1/contests/1?checked=1#contests.0.opens_at"' in page
    kept = fields_of(office.olga.get(root, headers=PAGE).text)
    assert {name: kept[name] for name in typed} == typed
    russian = office.olga.get(f"/ru{root}?checked=1", headers=PAGE).text
    assert mistake(russian, "appeal_days") == "Здесь нужно целое число."
    contest = office.olga.get(f"{root}/contests/1?checked=1", headers=PAGE).text
    assert mistake(contest, "contests.0.electorate") == "This is still missing."


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("contest", "two words", "1 to 64 of"),
        ("closes_at", "2020-01-01T10:00", "Voting must close after it opens."),
        ("extended_until", "2020-01-01T10:00", "The latest end must not be before the close."),
        ("opens_at", "tomorrow", "A day and an hour were expected."),
        ("electorate", "many", "A whole number was expected."),
        ("questions.0.max", "3", "This must be at least 1"),
        ("questions.0.options.1.title", "An oak", "This name stands above already."),
        ("budget", "1,005", "A sum of money was expected"),
        ("questions.0.options.0.cost", "a lot", "A sum of money was expected"),
        ("description", "veche:1 level=strict", "no line of the description may begin with veche:"),
    ],
)
def test_a_mistake_in_a_contest_is_told_at_its_field(field: str, value: str, told: str) -> None:
    typed = {**filled(), "rule": "greedy-skip", **contest_fields(HandClock().now()), "contests.0.budget": "1000000"}
    spec, flaws = read_form(typed, "vote.example")
    assert flaws == [], flaws
    contests: Any = spec["contests"]
    assert contests[0]["allocation"] == {"rule": "greedy-skip", "budget": 100_000_000, "currency": "RUB"}
    found = read_form({**typed, f"contests.0.{field}": value}, "vote.example")[1]
    assert [one.field for one in found] == [f"contests.0.{field}"], found
    assert told in found[0].sentence


def test_rows_come_and_go_by_buttons_and_the_others_keep_what_they_say() -> None:
    typed = with_row({**NEW, "trustees.0.name": "Anna", "trustees.2.name": "Clara"}, "trustees")
    assert rows_of(typed, "trustees") == 4
    fewer = without_row(typed, "trustees.1")
    assert (fewer["trustees.0.name"], fewer["trustees.1.name"], rows_of(fewer, "trustees")) == ("Anna", "Clara", 3)
    deep = with_row(with_row(fewer, "contests.0.questions"), "contests.0.questions.1.options")
    assert rows_of(deep, "contests.0.questions.1.options") == 3
    assert rows_of(without_row(deep, "contests.0.questions.0"), "contests.0.questions") == 1


def test_a_row_is_added_by_a_button_that_keeps_what_was_typed(office: Office) -> None:
    root = begin(office)
    assert send(office.olga, root, {"title.en": "Half a ti"}, "add:trustees").headers["location"] == f"{root}#trustees"
    page = office.olga.get(root, headers=PAGE).text
    assert 'value="Half a ti"' in page
    assert send(office.olga, root, fields_of(page), "add:nonsense").status_code == 400
    assert send(office.olga, root, fields_of(page), "nonsense").status_code == 400


def test_a_campaign_that_was_made_from_a_file_is_changed_by_forms_until_it_is_fixed(office: Office) -> None:
    office.make()
    with office.server.storage.database.reading() as connection:
        typed = typed_of(campaign_of(connection, CAMPAIGN), contests_of(connection, CAMPAIGN))
    assert read_form(typed, "vote.example")[1] == []
    root = begin(office, campaign=CAMPAIGN)
    before = office.uuids()
    page = fields_of(office.olga.get(root, headers=PAGE).text)
    assert "rehearsal" not in page
    changed = send(office.olga, root, {**page, "title.en": "City budget, mended", "rehearsal": "yes", "campaign": "other"}, "make")
    assert changed.headers["location"] == f"/organizer/{CAMPAIGN}", changed.text
    assert office.standing()["title"]["en"] == "City budget, mended"
    assert office.uuids() == before
    second = begin(office, campaign=CAMPAIGN)
    office.done("fix")
    refused = send(office.olga, second, page, "make")
    assert (refused.status_code, "rules-fixed" in refused.text or "are fixed" in refused.text) == (409, True), refused.text


def test_long_descriptions_of_many_options_are_kept(office: Office) -> None:
    root = begin(office)
    own = "contests.0.questions.0.options"
    typed = {f"{own}.{row}.{name}": "Описание " * 40 for row in range(60) for name in ("title", "text")}
    assert send(office.olga, f"{root}/contests/1", typed, "save").status_code == 303
    kept = fields_of(office.olga.get(f"{root}/contests/1", headers=PAGE).text)
    assert kept[f"{own}.59.text"] == ("Описание " * 40).strip()
    last = {**kept, f"{own}.59.text": "The last word"}
    assert send(office.olga, f"{root}/contests/1", last, f"add:{own}").status_code == 409
    assert fields_of(office.olga.get(f"{root}/contests/1", headers=PAGE).text)[f"{own}.59.text"] == "The last word"


def test_a_draft_is_its_authors_alone_and_can_be_thrown_away(office: Office) -> None:
    root = begin(office)
    assert office.oleg.get(root, headers=PAGE).status_code == 404
    assert send(office.oleg, root, {"title.en": "Mine"}, "save").status_code == 404
    assert post(office.oleg, "/drafts/", campaign="parks").status_code == 403
    assert send(office.olga, root, {}, "discard").status_code == 303
    assert office.olga.get(root, headers=PAGE).status_code == 404


@pytest.mark.parametrize(
    ("path", "size", "file"),
    [("/organizer/", 17, True), ("/organizer/budget/credentials", 17, True), ("/drafts/1", 2, False)],
)
def test_a_file_or_form_that_is_too_large_is_refused_by_a_page_that_says_so(
    office: Office, path: str, size: int, file: bool
) -> None:
    office.make()
    begin(office)
    content = b"x" * (size * 1024 * 1024)
    csrf = office.olga.headers["X-CSRF-Token"]
    for language, told in (("/en", "too large"), ("/ru", "слишком велико")):
        typed = {"content": b"csrf=" + content}
        sent: dict[str, Any] = {"files": {"file": ("c.csv", content)}, "data": {"csrf": csrf}} if file else typed
        kind = {} if file else {"Content-Type": "application/x-www-form-urlencoded"}
        answer = office.olga.post(f"{language}{path}", headers={**PAGE, **kind}, **sent)
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (413, "text/html"), answer.text[:300]
        assert told in text_of(answer.text).lower()


def test_a_file_with_mistakes_names_each_with_its_line(office: Office) -> None:
    wrong = office.file().replace("threshold;2", "threshold;9").replace(";A bench", ";")
    data = {"csrf": office.olga.headers["X-CSRF-Token"]}
    answer = office.olga.post("/organizer/", data=data, files={"file": ("c.csv", wrong.encode())}, headers=PAGE)
    assert answer.status_code == 400
    page = text_of(answer.text)
    assert "column threshold" in page
    assert "column option: empty" in page
    assert "Nothing was made" in page


def test_an_expired_session_keeps_what_was_typed_until_it_is_sent_again(office: Office, clock: HandClock) -> None:
    root = begin(office)
    clock.time += IDLE + 1
    late = send(office.olga, root, {"title.en": "Typed <late>"}, "save")
    assert late.status_code == 401
    assert "what you typed is not lost" in late.text
    assert 'name="title.en" value="Typed &lt;late&gt;"' in late.text
    office.olga.cookies.clear()
    old = office.olga.headers["X-CSRF-Token"]
    new = sign_in(office.olga, office.server, OLGA)
    office.olga.headers.pop("X-CSRF-Token")
    data = {"csrf": old, "title.en": "Typed <late>", "do": "save"}
    again = office.olga.post(root, data=data, headers=PAGE, follow_redirects=False)
    assert (again.status_code, f'value="{new}"' in again.text) == (403, True)
    assert office.olga.post(root, data={**data, "csrf": new}, headers=PAGE, follow_redirects=False).status_code == 303
    assert 'value="Typed &lt;late&gt;"' in office.olga.get(root, headers=PAGE).text


def test_what_another_sites_page_sends_is_never_offered_to_be_sent_again(office: Office) -> None:
    headers = {**PAGE, "Sec-Fetch-Site": "cross-site"}
    answer = office.olga.post("/drafts/", data={"csrf": "x", "title.en": "evil words"}, headers=headers)
    assert answer.status_code == 403
    assert "evil words" not in answer.text


def test_the_session_says_when_it_ends_and_goes_on_when_asked(office: Office, clock: HandClock) -> None:
    page = office.olga.get("/organizer/", headers=PAGE).text
    assert f'data-left="{IDLE}"' in page
    assert "script-src 'self'" in office.olga.get("/organizer/").headers["content-security-policy"]
    clock.time += IDLE - 60
    assert office.olga.get("/api/session").json()["left"] == IDLE
    assert office.olga.get("/account/stay", headers=PAGE).headers["refresh"] == "300"


# --- One contest ------------------------------------------------------------------------------


@pytest.fixture
def draft(office: Office) -> str:
    """The uuid of a contest that is ready for the seal."""
    office.make(contests=1, rehearsal="yes")
    office.done("fix")
    office.make_keys()
    office.invite_registrar()
    office.register()
    office.drill(office.uuids()[0])
    return office.uuids()[0]


def contest_page(office: Office, uuid: str, who: TestClient | None = None, language: str = "") -> str:
    return text_of((who or office.olga).get(f"{language}/organizer/{CAMPAIGN}/contests/{uuid}", headers=PAGE).text)


def test_a_contest_is_sealed_by_typing_its_name_and_a_second_organizer(office: Office, draft: str) -> None:
    root = f"/organizer/{CAMPAIGN}/contests/{draft}"
    assert "The registrar: Hand in the public credentials" in contest_page(office, draft)
    assert "passed" in contest_page(office, draft)
    data = {"csrf": office.olga.headers["X-CSRF-Token"], "contest": draft}
    path = f"/organizer/{CAMPAIGN}/credentials"
    private = office.olga.post(path, data=data, files={"file": ("codes.json", b'{"anna": "abc"}')}, headers=PAGE)
    assert (private.status_code, "codes or names" in text_of(private.text)) == (409, True)
    broken = office.olga.post(path, data=data, files={"file": ("p.json", b'["' + b"0" * 64 + b'"]')}, headers=PAGE)
    assert broken.status_code == 400
    files = {"file": ("p.json", office.public[draft])}
    taken = office.olga.post(path, data=data, files=files, headers=PAGE, follow_redirects=False)
    assert taken.headers["location"] == root, taken.text
    assert "Look at the ballot and ask for the seal" in contest_page(office, draft)
    before = text_of(office.olga.get(f"{root}/seal", headers=PAGE).text)
    for shown in ("Which project?", "A bench", "A lamp", "type the contest's name: District 1", "This is a rehearsal"):
        assert shown in before
    wrong = post(office.olga, f"{root}/seal", name="District 2")
    assert (wrong.status_code, mistake(wrong.text, "name")) == (400, "This is not the contest's name. Type it as it stands above.")
    assert 'value="District 2"' in wrong.text
    assert office.standing()["approvals"] == []
    request = post(office.olga, f"{root}/seal", name=" district  1").headers["location"]
    assert "you asked for this yourself" in text_of(office.olga.get(request, headers=PAGE).text).lower()
    assert post(office.olga, f"{request}/approve").status_code == 409
    assert "Compare what would be sealed" in contest_page(office, draft, office.oleg)
    assert "Сверить то, что будет запечатано" in contest_page(office, draft, office.oleg, "/ru")
    seen = text_of(office.oleg.get(request, headers=PAGE).text)
    assert all(one in seen for one in ("A lamp", "Approve: Seal the contest", "Refuse"))
    assert post(office.oleg, f"{request}/approve").status_code == 303
    assert "It is done" in text_of(office.oleg.get(request, headers=PAGE).text)


def test_what_cannot_be_undone_is_asked_twice_and_a_refusal_stands_at_its_field(office: Office, draft: str) -> None:
    office.hand_in(draft)
    office.seal(draft)
    office.registrar("POST", f"contests/{draft}/issued", office.issued(draft))
    assert "Answer the roll-call" in contest_page(office, draft)
    office.at(int(office.standing()["contests"][0]["opens_at"]))
    with held_desk(office.server.storage, office.clock, draft) as desk:
        open_vote(desk, (1, 2, 3))
    root = f"/organizer/{CAMPAIGN}/contests/{draft}"
    asked = post(office.olga, f"{root}/extend", until="2020-01-01T10:00", reason="power-cut")
    assert (asked.status_code, "never made shorter" in asked.text) == (200, True)
    refused = post(office.olga, f"{root}/extend", until="2020-01-01T10:00", reason="power-cut", sure="yes")
    assert refused.status_code >= 400
    assert "later than now" in mistake(refused.text, "extend-until")
    assert 'value="2020-01-01T10:00"' in refused.text
    bad = post(office.olga, f"{root}/suspend", reason="Mr Smith!")
    assert "small Latin letters" in mistake(bad.text, "suspend-reason")
    assert 'value="Mr Smith!"' in bad.text
    assert post(office.olga, f"{root}/suspend", reason="power-cut").headers["location"] == root
    assert "Resume the vote as soon as" in contest_page(office, draft)
    assert "Last done here: The vote was suspended" in contest_page(office, draft)
    assert post(office.olga, f"{root}/resume", reason="cause-removed").status_code == 303
    for step in ("incident", "cancel"):
        assert "Yes:" in post(office.olga, f"{root}/{step}", reason="power-cut", successor="").text
    assert office.standing()["approvals"] == []
    assert post(office.olga, f"{root}/cancel", reason="power-cut", successor="", sure="yes").status_code == 303
    assert "Waiting for a second organizer" in contest_page(office, draft)


def test_the_trail_is_read_page_by_page_and_contest_by_contest(office: Office) -> None:
    office.make(contests=2)
    office.done("fix")
    first, second = office.uuids()
    for number in range(60):
        office.done(f"contests/{first}/incident", reason=f"drill-{number}")
    office.do(f"contests/{second}/publish")
    path = f"/organizer/{CAMPAIGN}/trail"
    page = office.olga.get(path, headers=PAGE).text
    assert page.count("<li>") == 50
    older = re.search(r'href="([^"]*before=[0-9]+)"', page)
    assert older is not None
    assert "The rules were fixed" in text_of(office.olga.get(unescape(older[1]), headers=PAGE).text)
    only = text_of(office.olga.get(f"{path}?contest={second}", headers=PAGE).text)
    assert "Tried, and refused: Publication was ordered" in only
    assert "An incident was recorded" not in only
    assert "Правила закреплены" in text_of(office.olga.get(f"/ru{unescape(older[1])}", headers=PAGE).text)


def test_the_campaign_page_says_who_has_what_to_do(office: Office) -> None:
    office.olga.post("/api/campaigns", content=office.file(contests=1), headers={"Content-Type": "text/csv"})
    path = f"/organizer/{CAMPAIGN}"
    page = text_of(office.olga.get(path, headers=PAGE).text)
    for told in ("Add a second organizer", "complete it, and fix the rules", "Invite the registrar", "Invite the trustees"):
        assert told in page
    office.done("organizers", email=OLEG)
    office.done("trustees")
    now = office.clock.now()
    office.done("ceremony", deadlines=[now + HOUR // 4, now + HOUR // 2, now + HOUR])
    page = text_of(office.olga.get(path, headers=PAGE).text)
    assert "Go on with the ceremony" in page
    assert "It waits for their certificates (key pairs of today), from: Anna, Boris, Clara." in page
    office.clock.time = now + HOUR // 4 + 1
    settle_ceremony(office.server.storage, office.clock, CAMPAIGN)
    assert "ended without a key" in (page := text_of(office.olga.get(path, headers=PAGE).text))
    assert "Nothing came in time from Anna, Boris, Clara." in page
    assert "Вовремя ничего не пришло. От кого: Anna, Boris, Clara." in text_of(office.olga.get(f"/ru{path}", headers=PAGE).text)


def test_a_refused_form_of_the_campaign_page_keeps_what_was_typed(office: Office) -> None:
    office.make(contests=1, registrar="")
    root = f"/organizer/{CAMPAIGN}"
    times = {"commitments": "2020-01-01T10:00", "reveals": "2020-01-02T10:00", "complaints": "2020-01-03T10:00"}
    office.done("trustees")
    late = post(office.olga, f"{root}/ceremony", **times)
    assert late.status_code == 409
    assert "These deadlines are not possible" in text_of(late.text)
    assert all(f'value="{time}"' in late.text for time in times.values())
    twice = post(office.olga, f"{root}/registrar", name="Anna", email="anna@example.org")
    assert "has another role in this campaign" in text_of(twice.text)
    assert 'value="anna@example.org"' in twice.text
    assert "Учётной записи с таким адресом нет" in text_of(post(office.olga, f"/ru{root}/organizers", email="x@example.org").text)
    assert "From now on no question" in text_of(post(office.olga, f"{root}/fix").text)
    assert "public key is missing" in text_of(post(office.olga, f"{root}/fix", sure="yes").text)
    assert office.standing()["fixed"] is False
