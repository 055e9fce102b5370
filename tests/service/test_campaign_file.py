"""A campaign's file: what a clerk can make with a spreadsheet is read, and every mistake is named by its place."""

from __future__ import annotations

import json

import pytest

from tests.service.hand_clock import BEGINNING
from tests.service.hostile_texts import SCRIPTS
from tests.service.office import campaign_csv
from veche.crypto.errors import Malformed
from veche.service.campaign_example import CSV_EXAMPLE, JSON_EXAMPLE
from veche.service.campaign_fields import MAX_CONTESTS, MAX_SHOWN
from veche.service.campaign_file import MAX_BYTES, CampaignPlan, read_campaign


def read(text: str) -> CampaignPlan:
    return read_campaign(text.encode(), "vote.example")


def mistakes(text: str) -> str:
    with pytest.raises(Malformed) as refused:
        read(text)
    assert refused.value.code == "campaign-malformed"
    return refused.value.message


def table(contests: int = 2) -> str:
    return campaign_csv(BEGINNING, contests)


def example() -> dict[str, object]:
    found: dict[str, object] = json.loads(JSON_EXAMPLE)
    return found


def test_both_examples_can_be_read_as_they_are_printed() -> None:
    made, other = read(CSV_EXAMPLE), read(JSON_EXAMPLE)
    assert [one.contest for one in made.contests] == ["district-1", "city"]
    assert made.contests[0].spec["opens_at"] == "2026-10-01T09:00"
    assert made.trustees == other.trustees
    assert made.rehearsal is other.rehearsal is True


def test_what_stands_above_holds_for_every_contest_that_does_not_say_it_itself() -> None:
    plan = read(table().replace("appeal_days;1", "appeal_days;4\neligibility;residents"))
    assert [one.spec["appeal_days"] for one in plan.contests] == [4, 4]
    assert [one.spec["eligibility"] for one in plan.contests] == ["residents"] * 2


@pytest.mark.parametrize("separator", [";", ",", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_table_is_read_however_a_spreadsheet_saves_it(separator: str, mark: str, line_end: str) -> None:
    assert read(mark + table().replace(";", separator).replace("\n", line_end)) == read(table())


def test_forty_six_contests_come_from_one_file() -> None:
    assert len(read(table(46)).contests) == 46


def test_an_option_in_quotes_may_hold_separators_and_lines() -> None:
    plan = read(table(1).replace("A bench", '"A bench; or ""two"",\nby the river"'))
    questions = plan.contests[0].spec["questions"]
    assert isinstance(questions, list)
    assert isinstance(questions[0], dict)
    options = questions[0]["options"]
    assert isinstance(options, list)
    assert options[0] == {"project": "bench", "title": 'A bench; or "two",\nby the river'}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("threshold;2", "threshold;two", 'line 6, column threshold: a whole number was expected, found "two"'),
        ("threshold;2", "threshold;3", "line 6, column threshold: 3 of 3 trustees"),
        ("rehearsal;no", "rehearsal;maybe", "line 4, column rehearsal: yes or no was expected"),
        ("rehearsal;no\n", "", "rehearsal: missing"),
        ("campaign;budget", "campaign;the budget", "line 1, column campaign:"),
        ("campaign;budget", "campaign;..", "line 1, column campaign:"),
        ("host;vote.example", "host;vote.example/evil", "line 5, column host:"),
        ("host;vote.example", "hosts;vote.example", 'line 5: "hosts" is no field of a campaign'),
        ("anna@example.org", "anna", "line 7, column trustees: trustee 1:"),
        ("boris@example.org", "Anna@example.org", "line 7, column trustees: two trustees have the same email"),
        ("trustee;Boris", "trustee;Anna", "two trustees have the same name"),
        ("minimum_ballots;2", "minimum_ballots;2\nminimum_ballots;3", "stands in line 10 already"),
        ("minimum_ballots;2", "way_in;passport", "line 10, column way_in: voters get in by codes"),
        ("minimum_ballots;2", "zone;Europe/Atlantis", "line 10, column zone: "),
        ("minimum_ballots;2", "registrar;nobody", "line 10, column registrar:"),
        (";electorate;", ";voters;", 'line 13, column 6: there is no column "voters"'),
        (";project;option", ";project;project", "is there twice"),
        (";10;", ";ten;", 'line 14, column electorate: a whole number was expected, found "ten"'),
        (";10;", ";-1;", "line 14, column electorate:"),
        (";10;", ";;", "line 14, column electorate: missing"),
        ("district-2", "district 2", "line 16, column contest:"),
        ("district-2;District 2", "district-1;District 2", "line 16, column title_en"),
        (";;;;;;;lamp;A lamp", ";;;;;;;;A lamp", "line 15, column project: empty"),
        (";;;;;;;lamp;A lamp", ";;;;;;;bench;A lamp", 'line 15, column project: the question has the project "bench" already'),
        (";;;;;;;lamp;A lamp", ";;;;;11;;lamp;A lamp", 'line 15, column electorate: "11", where line 14 says "10"'),
        (";;;;;;;lamp;A lamp", ";;;;;;;lamp;A lamp;;", ""),
        (";;;;;;;lamp;A lamp", ";;;;;;;lamp;A lamp;x", "line 15: 10 cells where line 13 names 9 columns"),
        ("Which project?;bench", ";bench", "line 14, column question: empty"),
    ],
)
def test_a_mistake_is_named_by_line_and_column(before: str, after: str, told: str) -> None:
    text = table().replace(before, after, 1)
    assert text != table()
    if told:
        assert told in mistakes(text)
    else:
        read(text)


def test_a_vote_that_ends_before_it_begins_is_named_at_its_line() -> None:
    text = table(1)
    cells = text.split("\n")[13].split(";")
    cells[2], cells[3] = cells[3], cells[2]
    assert "line 14, column closes_at: " in mistakes("\n".join([*text.split("\n")[:13], ";".join(cells), *text.split("\n")[14:]]))


def test_a_contest_whose_lines_are_apart_is_a_mistake() -> None:
    assert 'line 18, column contest: "district-1" began in line 14' in mistakes(table() + "district-1;;;;;;;x;y\n")


def test_all_mistakes_are_told_at_once_and_fifty_of_them_written_out() -> None:
    told = mistakes(table(60).replace(";10;", ";ten;"))
    assert told.count("a whole number was expected") == MAX_SHOWN - 0
    assert "60 mistakes" in told or "120 mistakes" in told
    assert "more" in told.splitlines()[-1]


def test_a_table_that_is_not_utf_8_is_named_by_its_line() -> None:
    with pytest.raises(Malformed, match="line 2 of the campaign's file is not in UTF-8"):
        read_campaign(table().encode("cp1251"), "vote.example")


def test_more_bytes_or_contests_than_a_campaign_may_have_are_refused() -> None:
    with pytest.raises(Malformed, match="more than"):
        read_campaign(b" " * (MAX_BYTES + 1), "vote.example")
    assert "at most 1000 contests" in mistakes(table(1) + "".join(f"c-{one};;;;;;;x;y\n" for one in range(MAX_CONTESTS + 1)))
    many = {**example(), "contests": [{}] * (MAX_CONTESTS + 1)}
    assert "at most 1000" in mistakes(json.dumps(many))


def test_mistakes_of_the_json_form_are_named_by_contest_and_field() -> None:
    found = example()
    contest = json.loads(json.dumps(found["contests"]))[0]
    other = {**contest, "contest": "district-2", "electorate": "many", "colour": 1}
    told = mistakes(json.dumps({**found, "contests": [contest, other, contest], "motto": "x"}))
    assert "contest 2 (district-2), electorate: " in told
    assert "contest 2 (district-2), colour: a contest has no such field" in told
    assert 'contest 3 (district-1), contest: the contest "district-1" is there already' in told
    assert "motto: a campaign has no such field" in told


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", "\x00", ";;;", "contest", '{"contests": 3}', '"', "a;b\nc"])
def test_what_is_no_campaign_is_refused_in_a_sentence(text: str) -> None:
    assert mistakes(text)


def test_hostile_texts_are_read_as_texts() -> None:
    for script in SCRIPTS:
        found = example()
        contest = json.loads(json.dumps(found["contests"]))[0]
        contest["title"] = {"en": script}
        contest["questions"][0]["question"] = script
        contest["questions"][0]["options"][0]["title"] = script
        plan = read(json.dumps({**found, "title": {"en": script}, "contests": [contest]}))
        assert plan.title == {"en": script}
        assert plan.contests[0].spec["title"] == {"en": script}
