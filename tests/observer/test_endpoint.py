"""The observer endpoint over a record that lives: what it says, and what it does not say yet."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.observer.live_server import serving
from tests.service.hand_clock import HandClock
from tests.service.town import ServedTown, draft, open_town, plan
from veche.ballot.credential import parse_public_credentials
from veche.ballot.manifest import seal
from veche.crypto.version1 import compact
from veche.observer.audit import audit
from veche.observer.csv_text import csv_text
from veche.observer.sources import open_source
from veche.service import counting
from veche.service.application import create_application
from veche.service.contest_desk import held_desk
from veche.service.server import Server

ROOT = "/observer/elections"


@pytest.fixture
def web(server: Server) -> Iterator[httpx.Client]:
    with serving(create_application(server)) as address, httpx.Client(base_url=address, timeout=30) as client:
        yield client


@pytest.fixture
def town(server: Server, clock: HandClock, tmp_path: Path) -> ServedTown:
    return open_town(server, clock, tmp_path / "town")


def cast(town: ServedTown, raw: bytes) -> bytes:
    return asyncio.run(town.server.casting.cast(town.uuid, raw, "192.0.2.1")).note


def tracker_of(raw: bytes) -> str:
    return sha256(raw).hexdigest()


def summary(web: httpx.Client, town: ServedTown) -> dict[str, Any]:
    answer = web.get(f"{ROOT}/{town.uuid}")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_the_summary_says_where_an_election_stands(web: httpx.Client, town: ServedTown) -> None:
    cast(town, town.ballot(0))
    cast(town, town.ballot(1))
    cast(town, town.ballot(1, ((0, 1, 0),)))
    said = summary(web, town)
    sealed, log = town.sealed(), town.manifest.log
    assert log is not None
    assert sealed.setup is not None
    assert said["state"] == "open"
    assert said["level"] == "strict"
    assert said["rehearsal"] is False
    assert "notice" not in said
    assert said["fingerprint"] == sealed.election.fingerprint
    assert said["setup"] == sealed.setup
    assert said["seal"] == seal(sealed.setup)
    assert said["announced"]["opens_at"] == said["actual"]["opened_at"] == town.manifest.opens_at
    assert said["actual"]["closed_at"] is None
    assert (said["counts"]["ballots"], said["counts"]["voters"], said["issued"], said["electorate"]) == (3, 2, 6, 6)
    assert said["turnout"] == [{"hour": town.clock.now() // 3600 * 3600, "ballots": 3, "voters": 2}]
    assert [one["name"] for one in said["trustees"]] == ["Anna", "Boris", "Clara"]
    assert all(len(one["fingerprint"]) == 43 for one in said["trustees"])
    keys = [key.text() for key in log.keys]
    assert said["log"] == {"origin": log.origin, "vkey": keys[0], "keys": keys, "box": log.box.text()}
    assert said["checkpoint"] is None
    assert said["bucket_digits"] == 0
    assert [one["answers"] for one in said["questions"]] == [["Project 1", "Project 2", "Project 3"]]
    assert web.get(ROOT).json()["elections"][0]["election"] == town.uuid
    contests = web.get("/observer/campaigns/budget").json()["contests"]
    assert [(one["contest"], one["state"], one["turnout"]) for one in contests] == [("district-1", "open", said["turnout"])]
    assert web.get(f"{ROOT}/{town.uuid}/turnout.csv").text.splitlines()[1].endswith(",3,2")


def test_every_prefix_that_is_served_while_people_vote_is_a_legal_record(web: httpx.Client, town: ServedTown) -> None:
    address = f"{web.base_url}{ROOT}/{town.uuid}"
    before = b""
    for place in range(4):
        cast(town, town.ballot(place))
        report = audit(open_source(address))
        assert (report.verdict, report.state, report.counts["ballots"]) == ("ok", "open", place + 1)
        content = web.get(f"{ROOT}/{town.uuid}/archive.bel").content
        assert content.startswith(before)
        assert len(content) > len(before)
        before = content


def test_a_record_that_grows_during_its_download_is_read_as_one_state(web: httpx.Client, town: ServedTown) -> None:
    cast(town, town.ballot(0))
    source = open_source(f"{web.base_url}{ROOT}/{town.uuid}")
    for place in range(1, 4):
        cast(town, town.ballot(place))
    report = audit(source)
    assert (report.verdict, report.counts["ballots"]) == ("ok", 1)


def test_a_ballot_is_found_by_its_tracker_in_either_form(web: httpx.Client, town: ServedTown) -> None:
    first, later = town.ballot(0), town.ballot(0, ((0, 1, 0),))
    cast(town, first)
    cast(town, later)
    url = f"{ROOT}/{town.uuid}/ballots"
    said = web.get(f"{url}/{tracker_of(first)}").json()
    assert said["height"] == 1
    assert said["replaced"] is True
    assert said["replaced_by"] == {"tracker": tracker_of(later), "height": 2}
    assert said["hour"] == town.clock.now() // 3600 * 3600
    assert "time" not in said
    newest = web.get(f"{url}/{tracker_of(later)}").json()
    assert (newest["replaced"], newest["replaced_by"]) == (False, None)
    assert len(newest["event"]) == 64
    for form in (newest["tracker"], newest["compact"], newest["tracker"].upper()):
        assert web.get(url, params={"tracker": form}).json() == newest


def test_trackers_with_slash_and_plus_work(web: httpx.Client, town: ServedTown) -> None:
    """The box takes any ballot of this voter, so one with both signs in its short form is drawn."""
    while True:
        raw = town.ballot(0)
        short = compact(raw)
        if "/" in short and "+" in short:
            break
    cast(town, raw)
    url = f"{ROOT}/{town.uuid}/ballots?tracker="
    escaped = short.replace("+", "%2B").replace("/", "%2F")
    for written in (short, escaped):
        assert web.get(url + written).json()["tracker"] == tracker_of(raw)


def test_ballots_are_listed_page_by_page(web: httpx.Client, town: ServedTown) -> None:
    trackers = []
    for place in range(5):
        raw = town.ballot(place)
        cast(town, raw)
        trackers.append(tracker_of(raw))
    seen: list[str] = []
    after: int | None = 0
    while after is not None:
        page = web.get(f"{ROOT}/{town.uuid}/ballots", params={"after": after, "limit": 2}).json()
        assert len(page["ballots"]) <= 2
        seen += [one["tracker"] for one in page["ballots"]]
        after = page["next_after"]
    assert seen == trackers


def test_buckets_show_credentials_with_all_their_ballots_in_order(
    web: httpx.Client, server: Server, clock: HandClock, tmp_path: Path
) -> None:
    town = draft(server, clock, tmp_path / "town", plan(6, clock.now()))
    town.make_keys()
    town.drill()
    town.register(6)
    town.seal()
    credentials = list(parse_public_credentials(town.credentials).weights)
    url = f"{ROOT}/{town.uuid}/credentials"
    assert {one["state"] for one in web.get(url).json()["credentials"]} == {"not-issued"}
    town.issue()
    town.open()
    cast(town, town.ballot(0))
    cast(town, town.ballot(0, ((0, 1, 0),)))
    said = web.get(url).json()
    assert said == web.get(url + "/").json()
    assert [one["credential"] for one in said["credentials"]] == sorted(credentials)
    assert {one["state"] for one in said["credentials"]} == {"issued"}
    assert sorted(len(one["ballots"]) for one in said["credentials"]) == [0, 0, 0, 0, 0, 2]
    voted = next(one for one in said["credentials"] if one["ballots"])
    assert [one["height"] for one in voted["ballots"]] == [1, 2]
    refused = web.get(url + "/a")
    assert (refused.status_code, refused.json()["code"]) == (400, "prefix-too-long")


def totals_anywhere(web: httpx.Client, town: ServedTown) -> list[str]:
    """Every JSON and CSV answer about this election, as text, but for the list of what its archive holds."""
    names = ("", "/ballots", "/credentials", "/turnout.csv", "/result.json", "/result.csv")
    urls = [f"{ROOT}/{town.uuid}{name}" for name in names] + [ROOT, "/observer/campaigns/budget"]
    return [web.get(url).text for url in urls]


def test_no_answer_before_published_holds_a_total(web: httpx.Client, town: ServedTown) -> None:
    for place in range(5):
        cast(town, town.ballot(place, ((1, 0, 0),) if place < 3 else ((0, 1, 0),)))

    def nothing_yet() -> None:
        for text in totals_anywhere(web, town):
            assert '"votes"' not in text
            assert '"result":' not in text
            assert "[3,2,0]" not in text
        for name in ("result.json", "result.csv"):
            answer = web.get(f"{ROOT}/{town.uuid}/{name}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not-published")

    nothing_yet()
    town.close()
    nothing_yet()
    town.tally()
    nothing_yet()
    for place in (1, 2):
        delivery = town.share(place)
        with held_desk(town.server.storage, town.clock, town.uuid) as desk:
            counting.add_share(desk, delivery)
        nothing_yet()
    with held_desk(town.server.storage, town.clock, town.uuid) as desk:
        counting.add_result(desk)
    assert summary(web, town)["state"] == "tallied"
    nothing_yet()


def finish(town: ServedTown) -> None:
    for place in range(5):
        cast(town, town.ballot(place, ((1, 0, 0),) if place < 3 else ((0, 1, 0),)))
    town.close()
    town.tally()
    town.count()


def table(web: httpx.Client, town: ServedTown) -> list[dict[str, str]]:
    answer = web.get(f"{ROOT}/{town.uuid}/result.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_a_published_result_says_that_it_is_preliminary_then_certified_then_annulled(web: httpx.Client, town: ServedTown) -> None:
    finish(town)
    report = audit(open_source(f"{web.base_url}{ROOT}/{town.uuid}"), level="strict")
    assert (report.verdict, report.state) == ("ok", "published")
    said = web.get(f"{ROOT}/{town.uuid}/result.json").json()
    assert said["standing"] == "preliminary"
    assert said["sentence"].startswith("Preliminary result")
    assert said["result"] == [[3, 2, 0]]
    assert [(one["project"], one["votes"]) for one in said["questions"][0]["answers"]] == [
        ("project-1", 3),
        ("project-2", 2),
        ("project-3", 0),
    ]
    assert [(one["answer"], one["votes"], one["standing"]) for one in table(web, town)] == [
        ("Project 1", "3", "preliminary"),
        ("Project 2", "2", "preliminary"),
        ("Project 3", "0", "preliminary"),
    ]
    town.clock.time += 2 * 86400
    with held_desk(town.server.storage, town.clock, town.uuid) as desk:
        counting.certify(desk, 0)
    certified = web.get(f"{ROOT}/{town.uuid}/result.json").json()
    assert (certified["standing"], certified["certified_at"]) == ("certified", town.clock.now())
    assert certified["sentence"].startswith("Certified result")
    with held_desk(town.server.storage, town.clock, town.uuid) as desk:
        counting.annul(desk, "court-decision", None)
    annulled = web.get(f"{ROOT}/{town.uuid}/result.json").json()
    assert annulled["standing"] == "annulled"
    assert "court-decision" in annulled["sentence"]
    assert {one["standing"] for one in table(web, town)} == {"annulled"}


def test_a_withheld_result_is_said_to_be_withheld(web: httpx.Client, town: ServedTown) -> None:
    cast(town, town.ballot(0))
    town.close()
    town.issue([])
    with held_desk(town.server.storage, town.clock, town.uuid) as desk:
        counting.withhold(desk)
    said = web.get(f"{ROOT}/{town.uuid}/result.json").json()
    assert (said["standing"], said["result"], said["state"]) == ("withheld", None, "withheld")
    assert "1 people voted and at least 2 are needed" in said["sentence"]
    (line,) = table(web, town)
    assert (line["standing"], line["votes"]) == ("withheld", "")


@pytest.mark.parametrize("title", ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\t=1", " =1"])
def test_a_title_that_a_spreadsheet_would_run_is_neutralised(title: str) -> None:
    text = csv_text(("title",), [(title,)]).decode()
    ((cell,),) = list(csv.reader(io.StringIO(text)))[1:]
    assert cell == "'" + title


def test_a_rehearsal_is_called_one_in_every_answer(web: httpx.Client, server: Server, clock: HandClock, tmp_path: Path) -> None:
    town = open_town(server, clock, tmp_path / "town", rehearsal=True, appeal_days=0)
    raw = town.ballot(5)
    cast(town, raw)
    finish(town)
    names = ("", "/ballots", "/credentials", f"/ballots/{tracker_of(raw)}", "/result.json")
    for url in [f"{ROOT}/{town.uuid}{name}" for name in names] + ["/observer/campaigns/budget"]:
        said = web.get(url).json()
        assert (said["rehearsal"], said["notice"]) == (True, "This is a rehearsal, no real election."), url
    assert web.get(ROOT).json()["elections"][0]["rehearsal"] is True
    assert {one["rehearsal"] for one in table(web, town)} == {"rehearsal"}
    assert all("rehearsal" in one["sentence"] for one in table(web, town))
    assert ",rehearsal," in web.get(f"{ROOT}/{town.uuid}/turnout.csv").text
