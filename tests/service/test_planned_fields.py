"""A campaign from a file that is opened in forms: what nobody changed stays as it was, whatever the forms show of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given
from hypothesis import settings as within
from hypothesis import strategies as st

from tests.service.hand_clock import HandClock
from tests.service.office import CAMPAIGN, campaign_csv, open_office
from tests.service.test_organizer_console import PAGE, REGISTRAR, begin, contest_fields, fields_of, filled, send
from veche.crypto.canonical_json import encode
from veche.crypto.errors import Malformed
from veche.crypto.scalar import system_randomness
from veche.crypto.signed_note import NoteSigner, VerifierKey
from veche.service.campaign_draft import rows_of, with_contest, with_head
from veche.service.campaign_file import CampaignPlan, read_campaign
from veche.service.campaign_form import TOO_LONG, read_form
from veche.service.campaigns import Campaign, Contest, contests_of
from veche.service.contest_plan import make_plan
from veche.service.planned_fields import typed_of
from veche.service.server import Server
from veche.service.settings import Settings

HOST = "vote.example"
UUID = "1" * 14
LOG, BOX, SPARE, KEY = (
    NoteSigner.generate(name, system_randomness).verifier for name in (f"{HOST}/e/{UUID}", f"{HOST}/e/{UUID}/box", "spare", "w")
)
WITNESS = VerifierKey("w.example", 4, KEY.public)
PEOPLE = [{"name": name, "email": f"{name.lower()}@example.org"} for name in ("Anna", "Boris", "Clara")]
POLICY = f"witness one {WITNESS.text()}\nquorum one\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """SQLite alone: there is no SQL here that other tests do not run on both."""
    return Settings(data=tmp_path / "data", database="", checkers=1, worker=False)


texts = st.text("aбв \n\t'\"<&", min_size=1, max_size=12).filter(lambda one: bool(one.strip()))
words = st.sampled_from(["Дуб", "A lime", " two blanks ", "line\nends", "<b>&amp;"])
opening = st.sampled_from(["2027-03-01T09:00", "2027-03-01 09:00:30", "2027-03-01T09:00:00+06:00", 1_803_888_007])
closing = st.sampled_from(["2027-03-09T20:00", "2027-03-09T23:59:59", "2027-03-10T00:00:00Z", 1_804_888_007])
allocations = st.fixed_dictionaries(
    {
        "rule": st.sampled_from(["greedy-skip", "equal-shares"]),
        "budget": st.integers(0, 10**12),
        "currency": st.sampled_from(["RUB", "EUR", "JPY", "KWD"]),
    },
    optional={"tie": st.sampled_from(["earlier", 3, True, ["a", 1]])},
)


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Any]:
    titles = draw(st.lists(words, min_size=2, max_size=4, unique_by=str.strip))
    options: list[dict[str, Any]] = []
    for number, title in enumerate(titles):
        further = st.fixed_dictionaries({}, optional={"cost": st.integers(0, 10**9), "text": texts})
        options.append({"project": f"p-{number}", "title": title, **draw(further)})
    limits = st.fixed_dictionaries({}, optional={"min": st.just(0), "max": st.just(len(titles)), "blank": st.booleans()})
    return {"question": draw(words), **draw(limits), "options": options}


@st.composite
def campaigns(draw: st.DrawFn) -> dict[str, Any]:
    further = st.fixed_dictionaries(
        {},
        optional={
            "description": texts,
            "extended_until": st.sampled_from(["2027-03-20T20:00", "2027-03-20T20:00:05"]),
            "minimum_ballots": st.integers(2, 50),
            "appeal_days": st.integers(0, 20),
            "eligibility": st.sampled_from(["residents", "all"]),
            "level": st.just("belenios"),
            "policy": st.just(POLICY),
            "spare_key": st.just(SPARE.text()),
            "allocation": allocations,
        },
    )
    titles = st.fixed_dictionaries({"en": words}, optional={"de": words, "ru": words})
    contests = [
        {
            "contest": f"c-{number}",
            "title": draw(titles),
            "opens_at": draw(opening),
            "closes_at": draw(closing),
            "electorate": draw(st.integers(10, 5000)),
            "questions": draw(st.lists(questions(), min_size=1, max_size=2)),
            **draw(further),
        }
        for number in range(draw(st.integers(1, 3)))
    ]
    title, rehearsal = {"en": "Parks", "ru": "Парки"}, draw(st.booleans())
    head = {"campaign": "c", "title": title, "rehearsal": rehearsal, "threshold": 2, "trustees": PEOPLE}
    zone = st.fixed_dictionaries({}, optional={"zone": st.sampled_from(["Asia/Omsk", "Europe/Moscow"])})
    return {**head, **draw(zone), "registrar": REGISTRAR, "contests": contests}


def rules(plan: CampaignPlan) -> list[object]:
    """All that would be fixed of every contest."""
    kept: list[object] = [plan.title, plan.rehearsal, plan.host, plan.registrar, plan.threshold, plan.trustees]
    for one in plan.contests:
        made = make_plan(one.spec, lambda text: text.encode(), UUID, LOG, BOX, plan.registrar)
        kept += [one.contest, one.way_in, made.manifest, made.draft, made.texts]
    return kept


def typed_from(plan: CampaignPlan) -> dict[str, str]:
    title, host, registrar = plan.title, plan.host, plan.registrar
    campaign = Campaign(plan.campaign, title, plan.rehearsal, False, host, registrar, plan.threshold, plan.trustees, 0)
    contests = [Contest("c", one.contest, UUID, 1, encode(one.spec), one.way_in, None, None) for one in plan.contests]
    return typed_of(campaign, contests)


def as_a_browser_sends(typed: Mapping[str, str]) -> dict[str, str]:
    """One-line fields lose their line ends, others get those of the network; what no page has is not sent."""
    many = (".text", ".description", "registrar")
    ends = {name: value.replace("\n", "\r\n" if name.endswith(many) else "") for name, value in typed.items()}
    return {name: value for name, value in ends.items() if not name.endswith((".plan", ".way_in", ".de", "host"))}


def sent_unchanged(typed: Mapping[str, str]) -> dict[str, str]:
    """Every page of the draft was opened and sent."""
    sent = as_a_browser_sends(typed)
    now = with_head(typed, sent)
    for row in range(rows_of(typed, "contests")):
        now = with_contest(now, row, sent)
    return now


def read(file: Mapping[str, Any]) -> CampaignPlan:
    return read_campaign(json.dumps(file).encode(), HOST)


@within(max_examples=30, deadline=None, phases=(Phase.generate, Phase.shrink))
@given(file=campaigns())
def test_forms_that_are_sent_as_they_came_change_no_rule(file: dict[str, Any]) -> None:
    plan = read(file)
    spec, flaws = read_form(sent_unchanged(typed_from(plan)), HOST)
    assert flaws == []
    assert rules(read_campaign(encode(spec), HOST)) == rules(plan)


def example() -> dict[str, Any]:
    """Two contests that differ in all that the forms show once, and say what no form shows."""
    own = {
        "title": {"en": "City"}, "opens_at": "2027-03-01T09:00", "closes_at": "2027-03-09T23:59:59", "electorate": 100,
        "questions": [{"question": "Which?", "options": [{"project": "a", "title": "A"}, {"project": "b", "title": "B"}]}],
        "policy": POLICY, "spare_key": SPARE.text(),
    }  # fmt: skip
    money = {"rule": "greedy-skip", "budget": 1_000_000, "currency": "RUB"}
    small = {**own, "contest": "city", "minimum_ballots": 5, "appeal_days": 3, "allocation": money}
    euro = {**money, "rule": "equal-shares", "currency": "EUR"}
    large = {**own, "contest": "region", "minimum_ballots": 50, "appeal_days": 14, "allocation": euro}
    head = {"campaign": CAMPAIGN, "title": {"en": "Budget"}, "rehearsal": True, "threshold": 2, "trustees": PEOPLE}
    return {**head, "registrar": REGISTRAR, "contests": [small, large]}


def test_a_change_of_one_field_changes_nothing_else() -> None:
    plan = read(example())
    typed = sent_unchanged(typed_from(plan))
    assert (typed["minimum_ballots"], typed["contests.1.minimum_ballots"], typed["contests.1.currency"]) == ("5", "50", "EUR")
    option = "contests.1.questions.0.options.0.title"
    found: Any = read_form({**typed, option: "Another", "contests.0.appeal_days": "7"}, HOST)[0]
    first, second = (dict(one.spec) for one in read_campaign(encode(found), HOST).contests)
    changed: Any = second.pop("questions")
    assert changed[0]["options"][0]["title"] == "Another"
    assert second == {name: one for name, one in plan.contests[1].spec.items() if name != "questions"} | {"zone": "UTC"}
    assert first == {**plan.contests[0].spec, "appeal_days": 7, "zone": "UTC"}


def test_the_pages_of_a_draft_show_all_rules_that_differ_and_change_none(server: Server, clock: HandClock, tmp_path: Path) -> None:
    with ExitStack() as stack:
        office = open_office(server, clock, tmp_path / "people", stack)
        raw = json.dumps(example()).encode()
        assert office.olga.post("/api/campaigns", content=raw, headers={"Content-Type": "application/json"}).status_code == 201
        with server.storage.database.reading() as connection:
            before = [one.spec() for one in contests_of(connection, CAMPAIGN)]
        root = begin(office, campaign=CAMPAIGN)
        head = office.olga.get(root, headers=PAGE).text
        assert "This contest has rules of its own" in head
        for place in (1, 2):
            page = office.olga.get(f"{root}/contests/{place}", headers=PAGE).text
            send(office.olga, f"{root}/contests/{place}", fields_of(page), "go:0")
        shown = fields_of(page)
        assert [shown[f"contests.1.{name}"] for name in ("minimum_ballots", "appeal_days", "rule", "currency")] == [
            "50", "14", "equal-shares", "EUR",
        ]  # fmt: skip
        made = send(office.olga, root, fields_of(head), "make")
        assert made.headers.get("location") == f"/organizer/{CAMPAIGN}", made.text
        with server.storage.database.reading() as connection:
            after = [one.spec() for one in contests_of(connection, CAMPAIGN)]
        assert after == [{**one, "zone": "UTC"} for one in before]


def test_a_ballot_that_nobody_would_take_is_told_at_its_question(server: Server, clock: HandClock, tmp_path: Path) -> None:
    many = {f"contests.0.questions.1.options.{row}.title": f"Option {row}" for row in range(130)}
    asked = {f"contests.0.questions.1.{name}": value for name, value in (("question", "Which?"), ("min", "1"), ("max", "1"))}
    typed = {**filled(), **contest_fields(HandClock().now()), **asked, **many}
    assert [(one.field, one.sentence) for one in read_form(typed, HOST)[1]] == [("contests.0.questions.1.options", TOO_LONG)]
    with ExitStack() as stack:
        office = open_office(server, clock, tmp_path / "people", stack)
        root = begin(office)
        send(office.olga, root, filled(), "save")
        send(office.olga, f"{root}/contests/1", {**contest_fields(clock.now()), **asked, **many}, "save")
        for prefix, told in (("", "would be too long"), ("/ru", "слишком длинным")):
            page = office.olga.get(f"{prefix}{root}/contests/1?checked=1", headers=PAGE).text
            at = page.index('id="contests.0.questions.1.options"')
            assert told in page[at : at + 400]
            assert told in page[page.index('class="refusal"') : page.index("</ul>")]


def test_a_table_with_a_ballot_that_nobody_would_take_names_the_contest() -> None:
    many = "".join(f";;;;;;;lamp-{number};Lamp {number}\n" for number in range(130))
    with pytest.raises(Malformed, match="contest district-1: a ballot would have up to"):
        read_campaign((campaign_csv(HandClock().now(), 1) + many).encode(), HOST)
