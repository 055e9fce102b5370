"""Pages for everybody: they hold without a script, in both languages, and whatever somebody writes stays text."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.service.hand_clock import HandClock
from tests.service.hostile_texts import SCRIPTS
from tests.service.pseudo_language import BEGIN, pseudo_language
from tests.service.signed_in import SAME_SITE, text_of
from tests.service.town import HOUR, ServedTown, draft, open_town, plan
from veche.crypto.canonical_json import Json
from veche.crypto.scalar import system_randomness
from veche.crypto.signed_note import COSIGNATURE
from veche.crypto.signing_key import SigningKey
from veche.ledger.cosignature import make_line
from veche.observer.record_rows import ballots_from
from veche.observer.tracker import compact_tracker
from veche.service import application
from veche.service.application import create_application
from veche.service.chart import MOST_COLUMNS, turnout_chart
from veche.service.election_view import PAGE
from veche.service.pages import Pages
from veche.service.server import Server

TWO = ("en", "ru")
VOID = {"meta", "link", "input", "br", "hr", "img", "rect", "line"}


class Page(HTMLParser):
    """A page as a careful reader takes it: every tag closed in order, no id twice, no way to another origin."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.headings: list[int] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.described: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == [], self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert len(given) == len(attrs), (tag, attrs)
        assert not any(name.startswith("on") or name == "style" for name in given), (tag, attrs)
        # Data, and one of our own files under its hash: no other script.
        ours = given.get("type") == "application/json" or (
            (given.get("src") or "").startswith("/static/dist/") and given.get("integrity")
        )
        self.tags.append("our script" if tag == "script" and ours else tag)
        self.addresses += [given[name] or "" for name in ("href", "src", "action") if name in given]
        self.described += [one for name in ("aria-labelledby", "aria-describedby") for one in (given.get(name) or "").split()]
        if "id" in given:
            self.ids.append(given["id"] or "")
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open.pop() == tag, (tag, self._open, self.getpos())

    def verify(self) -> None:
        assert self.headings[0] == 1 and self.headings.count(1) == 1, self.headings
        assert all(later - earlier <= 1 for earlier, later in zip(self.headings, self.headings[1:], strict=False)), self.headings
        assert len(set(self.ids)) == len(self.ids)
        assert set(self.described) <= set(self.ids)
        for address in self.addresses:
            assert address == "data:," or re.match(r"/(?!/)|#|\?", address), address


@pytest.fixture
def database() -> str:
    """SQLite only: what these pages ask of a database is asked of both elsewhere, by the tests of the observer endpoint."""
    return ""


@pytest.fixture
def client(server: Server) -> TestClient:
    return TestClient(create_application(server), headers={**SAME_SITE, "Accept": "text/html"})


def pages_of(town: ServedTown, *protocols: str) -> list[str]:
    return ["/", "/help", f"/observe/{town.uuid}", *(f"/observe/{town.uuid}/protocol/{name}" for name in protocols)]


def read(client: TestClient, path: str) -> str:
    answer = client.get(path)
    html: str = answer.text
    assert answer.status_code == 200, html
    Page(html).verify()
    return html


def cast(town: ServedTown, server: Server, places: Sequence[int]) -> list[str]:
    """The trackers of these voters' fresh ballots."""
    before = server_trackers(town, server)
    for place in places:
        asyncio.run(server.casting.cast(town.uuid, town.ballot(place), "192.0.2.1"))
    return server_trackers(town, server)[len(before) :]


def server_trackers(town: ServedTown, server: Server) -> list[str]:
    with server.storage.database.reading() as connection:
        return [one.tracker for one in ballots_from(connection, town.uuid, 0, 100)]


# --- An election through its whole life -----------------------------------------------------


def test_every_page_of_an_election_holds_in_both_languages_from_draft_to_result(
    server: Server, client: TestClient, clock: HandClock, tmp_path: Path
) -> None:
    town = open_town(server, clock, tmp_path)
    for language in TWO:
        for path in pages_of(town, "ceremony", "opening"):
            # What a voter has begun and not cast is said on every page that she may come to.
            assert '"not-cast":' in read(client, f"/{language}{path}")
        assert client.get(f"/{language}/observe/{town.uuid}/protocol/closing").status_code == 404
    trackers = cast(town, server, range(3))
    page = read(client, f"/ru/observe/{town.uuid}")
    assert "Проголосовали: 3 из 6" in text_of(page)
    for tracker in trackers:
        assert compact_tracker(tracker) in page
    town.close()
    town.tally()
    town.count()
    page = text_of(read(client, f"/en/observe/{town.uuid}"))
    assert "Preliminary result, published" in page
    assert re.search(r"Project 1\s*3\s", page)
    for language in TWO:
        for path in pages_of(town, "ceremony", "opening", "closing", "result"):
            read(client, f"/{language}{path}")
    result = read(client, f"/en/observe/{town.uuid}/protocol/result")
    assert "Opened by the trustees" in result
    for name in ("Anna", "Boris", "Clara", "Organizer", "Second organizer"):
        assert f"<span>{name}</span>" in result


def test_the_page_says_what_the_record_says(server: Server, client: TestClient, clock: HandClock, tmp_path: Path) -> None:
    town = open_town(server, clock, tmp_path)
    cast(town, server, range(2))
    summary = client.get(f"/observer/elections/{town.uuid}").json()
    page = text_of(read(client, f"/en/observe/{town.uuid}"))
    for name in ("seal", "setup", "fingerprint", "election"):
        assert summary[name] in page
    for trustee in summary["trustees"]:
        assert trustee["fingerprint"] in page
    assert f"veche audit {server.settings.public_url}/observer/elections/{town.uuid} --level strict" in page
    assert "this page comes from the server that it speaks about" in page


def test_a_draft_has_its_page_and_no_protocol(server: Server, client: TestClient, clock: HandClock, tmp_path: Path) -> None:
    town = draft(server, clock, tmp_path, plan(3, clock.now()))
    for language in TWO:
        page = read(client, f"/{language}/observe/{town.uuid}")
        assert "<svg" not in page
        for name in ("ceremony", "opening", "closing", "result"):
            assert client.get(f"/{language}/observe/{town.uuid}/protocol/{name}").status_code == 404
    assert client.get(f"/observe/{town.uuid}/protocol/other").status_code == 404


def test_a_rehearsal_says_so_on_every_page(server: Server, client: TestClient, clock: HandClock, tmp_path: Path) -> None:
    town = open_town(server, clock, tmp_path, rehearsal=True)
    for path in pages_of(town, "ceremony", "opening")[2:]:
        page = read(client, f"/ru{path}")
        assert 'class="rehearsing"' in page
        assert "<title>Репетиция: " in page
        assert "Это репетиция" in page
    # Beside a vote that counts, "My ballots" is no rehearsal: its script marks the one that is.
    assert 'class="rehearsing"' in read(client, "/en/my")
    draft(server, clock, tmp_path / "real", {**plan(6, clock.now()), "campaign": "city"})
    mixed = read(client, "/en/my")
    assert "rehearsing" not in mixed and '"rehearsal":true' in mixed
    assert 'class="rehearsing"' in read(client, f"/en/vote/{town.manifest.campaign}")


def test_trackers_are_shown_page_by_page(server: Server, client: TestClient, clock: HandClock, tmp_path: Path) -> None:
    town = open_town(server, clock, tmp_path, voters=3)
    cast(town, server, [0, 1, 2])
    third = client.get(f"/observer/elections/{town.uuid}/ballots").json()["ballots"][2]
    page = read(client, f"/en/observe/{town.uuid}?after={third['height'] - 1}")
    assert len(re.findall(r"<code>[A-Za-z0-9+/]{43}</code></td></tr>", page[page.index('id="ballots"') :])) == 1
    assert compact_tracker(third["tracker"]) in page
    assert "First page" in page
    assert PAGE == 50
    assert client.get(f"/en/observe/{town.uuid}?after=x").status_code == 422


def test_the_page_says_which_witnesses_signed_and_when_a_signature_is_false(
    server: Server, client: TestClient, clock: HandClock, tmp_path: Path
) -> None:
    signer = SigningKey.generate("witness.example/w", system_randomness, COSIGNATURE)
    policy = f"witness one {signer.verifier.text()}\nquorum one\n"
    town = draft(server, clock, tmp_path, {**plan(3, clock.now()), "policy": policy})
    path = f"/en/observe/{town.uuid}"
    assert "none yet" in log_of(read(client, path))
    server.sequencer.sequence(town.uuid)
    assert "Not confirmed by enough witnesses yet" in log_of(read(client, path))
    newest = server.sequencer.newest(town.uuid)
    assert newest is not None
    server.sequencer.add_cosignatures(town.uuid, [make_line(signer, newest.checkpoint, clock.now())])
    page = log_of(read(client, path))
    assert "Confirmed by as many witnesses as the rules of this vote ask for" in page
    assert newest.checkpoint.root.hex() in page
    assert re.search(r'<th scope="row">one</th><td><time ', page)
    served = server.storage.root / "log" / town.uuid / "checkpoint"
    at = (note := served.read_bytes()).rindex(b" ") + 20
    served.write_bytes(note[:at] + (b"A" if note[at : at + 1] != b"A" else b"B") + note[at + 1 :])
    page = log_of(read(client, path))
    assert "A signature on this checkpoint does not hold" in page
    assert "Confirmed by" not in page
    served.write_bytes(b"no checkpoint at all")
    assert "A signature on this checkpoint does not hold" in log_of(read(client, path))


def log_of(page: str) -> str:
    return page[page.index('<h2 id="log">') : page.index('<h2 id="ballots">')]


# --- The drawing ----------------------------------------------------------------------------


def test_the_drawing_has_a_table_with_its_figures(server: Server, client: TestClient, clock: HandClock, tmp_path: Path) -> None:
    town = open_town(server, clock, tmp_path)
    cast(town, server, [0, 1])
    clock.time += 3 * HOUR
    cast(town, server, [2, 0])
    page = read(client, f"/en/observe/{town.uuid}")
    drawing = page[page.index('role="img"') : page.index("</figure>")]
    assert drawing.count("<rect") == 4
    table = page[page.index("Turnout as a table") : page.index("turnout.csv")]
    rows = re.findall(r'<td class="figure">(\d+)</td><td class="figure">(\d+)</td>', table)
    assert rows == [("2", "2"), ("0", "0"), ("0", "0"), ("1", "2")]


def test_a_long_vote_is_drawn_with_few_columns_and_no_voter_is_lost() -> None:
    for days in (1, 3, 15, 20, 60, 200, 3000):
        hours = [{"hour": HOUR * hour, "voters": 2, "ballots": 3} for hour in range(5, 24 * days, 7)]
        chart = turnout_chart(hours)
        assert chart is not None
        assert len(chart.columns) <= MOST_COLUMNS
        assert sum(one.voters for one in chart.columns) == 2 * len(hours)
        assert sum(one.ballots for one in chart.columns) == 3 * len(hours)
        assert all(0 <= one.x < one.x + one.width <= chart.width for one in chart.columns)
        assert all(0 <= one.y <= one.y + one.height <= chart.height + 0.02 for one in chart.columns)
        assert (chart.span == HOUR) is (days <= 15)
    assert turnout_chart([]) is None


# --- Help -----------------------------------------------------------------------------------


@pytest.mark.parametrize("language", TWO)
def test_each_answer_of_the_help_has_at_most_sixty_words(client: TestClient, language: str) -> None:
    page = read(client, f"/{language}/help")
    answers = re.findall(r'<section[^>]*class="answer"><h2>(.*?)</h2>\s*<p>(.*?)</p></section>', page, re.DOTALL)
    assert len(answers) == 6
    for question, answer in answers:
        assert 10 <= len(text_of(answer).split()) <= 60, question


def test_help_stands_at_one_place_on_all_pages(server: Server, client: TestClient) -> None:
    for path in ("/", "/help", "/login", "/nowhere"):
        page = client.get(f"/ru{path}").text
        assert page.index('<a class="help" href="/ru/help">') < page.index('class="languages"') < page.index("<main")


# --- Attacks --------------------------------------------------------------------------------


def test_fifty_texts_that_would_be_scripts_stay_text(server: Server, client: TestClient, clock: HandClock, tmp_path: Path) -> None:
    assert len(SCRIPTS) >= 50
    options: list[Json] = [{"project": f"p{place}", "title": text} for place, text in enumerate(SCRIPTS)]
    question: Json = {"question": SCRIPTS[0], "min": 1, "max": 1, "blank": True, "options": options}
    spec = plan(2, clock.now(), title={"en": SCRIPTS[1], "ru": SCRIPTS[2]}, questions=[question])
    town = draft(server, clock, tmp_path, spec)
    town.make_keys()
    town.drill()
    town.register(2)
    town.seal()
    for language in TWO:
        for path in pages_of(town, "ceremony"):
            page = read(client, f"/{language}{path}")
            parsed = Page(page)
            assert not {"script", "iframe", "object", "embed", "img", "style", "base", "template"} & set(parsed.tags)
        page = read(client, f"/{language}/observe/{town.uuid}")
        for text in SCRIPTS:
            assert text.strip() in text_of(page) or "\N{REPLACEMENT CHARACTER}" in text_of(page), text


# --- Another language -----------------------------------------------------------------------


def test_a_third_language_is_one_folder_and_no_page_leaves_it(
    server: Server, clock: HandClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken = pseudo_language(tmp_path / "locale")
    monkeypatch.setattr(application, "Pages", lambda settings: Pages(settings, spoken))
    client = TestClient(create_application(server), headers={**SAME_SITE, "Accept": "text/html"})
    town = open_town(server, clock, tmp_path)
    cast(town, server, range(2))
    for path in pages_of(town, "ceremony", "opening"):
        page = read(client, f"/ar{path}")
        assert '<html lang="ar" dir="rtl">' in page
        texts = re.findall(r"[^<>]*[A-Za-z]{4}[^<>]*(?=</(?:h1|h2|h3|p|th|dt|summary)>)", page)
        left = [text for text in texts if BEGIN not in text]
        assert all(re.search(r"UTC|Budget|Project|Which|Anna|Boris|Clara", text) or text.strip() == "Veche" for text in left), left
