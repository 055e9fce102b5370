"""How long a trustee's page works on a record just below its limit, in a real Chromium: from the press until the share is ready.

    python -m bench.trustee_page [--ballots 5000] [--options 3] [--slowed 1]

The record is a real one: trustees from the command line, a ballot of each voter, the total encrypted. The page fetches the archive,
checks every ballot with all its proofs, adds them up, compares, and makes the share.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from bench.booth import FLAGS
from bench.cast_election import make_ballots
from tests.service.hand_clock import HandClock
from tests.service.invited_trustees import CAMPAIGN
from tests.service.town import ServedTown, draft, plan
from tests.service.trustee_hall import Hall, lone_hall
from veche.cli.trustee_key_file import pack, seal_room
from veche.crypto.scalar import system_randomness
from veche.observer.board import board_of

WORDS = "five plain words to remember"
PIECE = 100


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--ballots", type=int, default=5000)
    parser.add_argument("--options", type=int, default=3)
    parser.add_argument("--slowed", type=int, default=1, help="times by which the browser's processor is slowed")
    asked = parser.parse_args()
    with TemporaryDirectory() as folder, ExitStack() as stack:
        hall = lone_hall(HandClock(), Path(folder), stack)
        town = counted(hall, Path(folder), asked.ballots, asked.options)
        with town.source().archive() as archive:
            size = len(archive.read())
        print(f"  {size / 1e6:8.1f} MB  the archive of {asked.ballots} ballots with {asked.options} options", flush=True)
        seconds, busy = share(hall, town, Path(folder), asked.slowed)
    print(f"  {seconds:8.1f} s  from the press until the share is ready, slowed {asked.slowed} times")
    print(f"  {busy:8.1f} s  processor time of the page; {1000 * busy / asked.ballots:.1f} ms for a ballot")


def counted(hall: Hall, folder: Path, ballots: int, options: int) -> ServedTown:
    """A vote of so many that has ended; its encrypted total waits for shares."""
    town = draft(hall.server, hall.clock, folder / "district-1", plan(ballots, hall.clock.now(), options=options))
    hall.make_keys()
    for tool in hall.tools:
        if tool.run(hall.url, "drill") != 0:
            raise SystemExit("a drill was refused")
    town.trustees = [tool.private for tool in hall.tools]
    town.register(ballots)
    town.seal()
    town.issue()
    town.open()
    began = time.perf_counter()
    made = make_ballots(town, ballots, os.cpu_count() or 1)
    print(f"  {time.perf_counter() - began:8.1f} s  {ballots} ballots made", flush=True)

    async def cast() -> None:
        for first in range(0, len(made), PIECE):
            piece = made[first : first + PIECE]
            await asyncio.gather(*(hall.server.casting.cast(town.uuid, raw, "192.0.2.1") for raw in piece))

    asyncio.run(cast())
    town.close()
    town.tally()
    return town


def share(hall: Hall, town: ServedTown, folder: Path, slowed: int) -> tuple[float, float]:
    """The first trustee's key goes from its folder into a file, and gives its share in the page; seconds, and processor seconds."""
    key = folder / f"veche-trustee-{CAMPAIGN}-1.json"
    key.write_bytes(seal_room(pack(hall.tools[0].private, CAMPAIGN), WORDS, system_randomness))
    board = board_of(town.source())
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_context(locale="en-GB").new_page()
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowed})
        page.goto(hall.tools[0].link(hall.url).replace("/trustee/", "/en/trustee/"))
        page.get_by_role("button", name="Check everything and give my share").click()
        page.get_by_label("Setup hash or seal").fill(board.setup or "")
        page.get_by_label("EndBallots hash").fill(board.end or "")
        page.get_by_label("Your key file").set_input_files(str(key))
        page.get_by_label("Its passphrase").fill(WORDS)
        processes = browser.new_browser_cdp_session()

        def busy() -> float:
            found = processes.send("SystemInfo.getProcessInfo")["processInfo"]
            return sum(float(one["cpuTime"]) for one in found if one["type"] == "renderer")

        began, before = time.perf_counter(), busy()
        page.locator("#go").click()
        page.get_by_text("Your share is ready.").wait_for(timeout=3_600_000)
        spent = time.perf_counter() - began, busy() - before
        browser.close()
    return spent


if __name__ == "__main__":
    main()
