"""What `make run` prints, walked by clicking: a vote by the keyboard alone, its receipt, the count, the verified result."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page

from tests.browser.conftest import NewPage
from tests.browser.demonstration import Demonstration
from tests.browser.heard import Reader
from tests.interop.tool import BeleniosTool
from tests.web.node import WEB
from tests.web.test_verify_web import verify, wants_fresh_scripts
from veche.cli.main import FINE, run
from veche.ledger.chain_reader import read_chain
from veche.ledger.event import EventType
from veche.observer.sources import open_source
from veche.service.languages import read_languages
from veche.service.web_assets import STATIC, STYLE

pytestmark = pytest.mark.slow

LAST = "Деревья на главной улице / Trees in the main street"
PATIENCE = 120.0
EXPECTED = Path(__file__).with_name("expected")


def by_keys(page: Page, name: str, key: str) -> int:
    """Tab until what is focused has this name, then press the key; how often Tab was pressed. Fails after forty."""
    for pressed in range(1, 41):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "() => (document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim().replace(/\\s+/g, ' ')"
        )
        if focused == name:
            page.keyboard.press(key)
            return pressed
    raise AssertionError(f"the Tab key does not lead to {name}")


@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_vote_by_keyboard_alone_sounds_like_this(new_page: NewPage, demo: Demonstration, language: str) -> None:
    """Screen by screen what a screen reader finds and says: tests/browser/expected/vote.LANGUAGE.txt."""
    watched, words = new_page(), read_languages().by_name[language].scripts
    page, reader, told = watched.page, Reader(watched.page), []
    # The log is signed anew about every minute: here the voter looks before that.
    page.route("**/*.tlog-proof", lambda route: route.fulfill(status=404))

    def screen(key: str) -> None:
        watched.heading(words["booth"][key])
        told.append(f"=== {key}\n{reader.tree()}\n--- said\n{reader.heard()}\n")

    watched.open(f"/{language}/vote/demo")
    screen("title-code")
    by_keys(page, words["voter"]["code-label"], "End")
    page.keyboard.type(demo.contest("open")["codes"][-1 if language == "en" else -3])
    page.keyboard.press("Enter")
    page.locator("[type=radio]").first.wait_for()
    told.append(f"=== the ballot\n{reader.tree()}\n--- said\n{reader.heard()}\n")
    # An arrow moves through a group of radio buttons, the space bar chooses.
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.type") == "radio":
            break
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    by_keys(page, words["booth"]["choose-review"], "Enter")
    screen("title-reviewing")
    by_keys(page, words["booth"]["review-encrypt"], "Enter")
    screen("title-encrypted")
    by_keys(page, words["booth"]["cast"], "Enter")
    screen("title-accepted")
    found, expected = "\n".join(told), EXPECTED / f"vote.{language}.txt"
    if not expected.exists():
        expected.write_text(found)
        pytest.fail(f"{expected} was missing and is written: read it")
    assert found == expected.read_text()


def test_the_demonstration_is_walked_from_a_vote_to_its_verified_result(new_page: NewPage, demo: Demonstration) -> None:
    began, contest = time.monotonic(), demo.contest("open")
    uuid, code = contest["uuid"], contest["codes"][-2]
    phone, other = new_page(), new_page(viewport={"width": 1280, "height": 900})
    for device, choice in ((phone, "Площадка для собак / A dog run"), (other, LAST)):
        device.open(f"/en/vote/demo#{code}")
        if device is other:
            # Whoever has voted already first sees with what.
            device.press("Vote again: Budget of the Hills")
        device.choose(choice)
        device.press("Check my choice")
        device.press("Yes, encrypt it")
        device.press("Cast the ballot")
        device.heading("Your ballot is accepted", 60)
        print(f"from the QR code to the acknowledgement: {device.activations} activations, {device.typed} fields")
        assert device.activations <= 6 and device.typed <= 1
    trackers = [one.page.locator("#tracker").inner_text() for one in (phone, other)]
    assert httpx.get(demo.record(uuid)).json().get("result") is None
    phone.open(f"/en/observe/{uuid}")
    phone.press("Count now", "link")
    phone.press("End the vote and count")
    while phone.page.locator("main .state-certified").count() == 0:
        assert time.monotonic() - began < PATIENCE, phone.text()
        phone.page.wait_for_timeout(1000)
        phone.page.reload()
    assert LAST in phone.text()
    print(f"from the vote to the verified result: {time.monotonic() - began:.0f} s")
    # The last ballot of the code counts; the first one, from the other device, does not.
    other.open(f"/en/my#{code}")
    other.saying("replaced by a later one")
    assert all(one in other.text() for one in trackers)
    assert run(["audit", demo.record(uuid), "--level", "strict"]) == FINE


def test_a_real_server_serves_and_its_record_names_what_the_sources_give_and_no_others(demo: Demonstration, tmp_path: Path) -> None:
    wants_fresh_scripts()
    uuid = str(demo.contest("certified")["uuid"])
    good = verify(tmp_path, demo.address, uuid)
    assert (good.returncode, good.stdout.splitlines()[-1]) == (0, "The same bytes everywhere."), good.stdout + good.stderr
    # Sources of another day: whoever has them finds the script and the style that differ, and that the record names other ones.
    other = tmp_path / "other" / "web"
    shutil.copytree(WEB, other, ignore=shutil.ignore_patterns("node_modules", "build"))
    with (other / "src" / "banner" / "main.ts").open("a") as source:
        source.write('\nconsole.log("another day");\n')
    style = tmp_path / "other" / "service" / "static" / STYLE
    style.parent.mkdir(parents=True)
    style.write_bytes((STATIC / STYLE).read_bytes() + b".not-cast { display: none }\n")
    bad = verify(tmp_path, demo.address, uuid, other)
    told = [line.split(": ")[:2] for line in bad.stdout.splitlines() if line.startswith((demo.address, "the record"))]
    differ = [[demo.address, "banner.js"], [demo.address, STYLE], [f"the record of {uuid}", "software"]]
    assert (bad.returncode, told) == (1, differ), bad.stdout + bad.stderr


@pytest.mark.interop
def test_other_peoples_tool_accepts_every_ballot_of_the_browser(demo: Demonstration, belenios_tool: Path, tmp_path: Path) -> None:
    tool = BeleniosTool(belenios_tool)
    uuid = demo.contest("open")["uuid"]
    with open_source(demo.record(uuid)).archive() as stream:
        archive = stream.read()
    bench = tool.at(tmp_path)
    path = bench.file(f"{uuid}.bel", archive)
    bench.verify()
    with path.open("rb") as stream:
        ballots = [item for item in read_chain(stream) if item.event.type is EventType.BALLOT]
    assert len(ballots) == 13, "nine of the demonstration's people, and four of the browsers above"
    assert tool.objections(path, ballots) == []
