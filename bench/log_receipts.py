"""From a cast to its receipt at a real `veche serve`: ballots at a steady rate, a checkpoint each second, clients beside it.

    python -m bench.log_receipts [--rate 50] [--seconds 20] [--period 1] [--postgres URL]

Goal (design section 6): at 50 casts/s and a period of 1 s, p99 of the time from the moment a ballot is due to be sent until its
receipt is there is 2.5 s. A client asks for the receipt one period and the sequencer's look (0.25 s)
after its acknowledgement, and again as often as `Retry-After` says. Every receipt is checked against the election's manifest.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from bench.cast_clients import Outcome, cast_ballot, request
from bench.cast_election import copy_to, fresh_database, make_ballots, prepare
from bench.casting_load import processor_time, serving
from veche.observer.receipt_check import check_by_policy, log_policy
from veche.service import contest_plan
from veche.service.sequencer import PERIOD

PATIENCE = 60
"""Seconds after which a receipt counts as missing."""


@dataclass(slots=True)
class Receipted:
    """One ballot's way: its cast, seconds until the receipt, its file, and how often was asked."""

    cast: Outcome
    took: float = 0.0
    receipt: bytes = b""
    asked: int = 0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--period", type=int, default=1, help="seconds between two checkpoints, as the manifest says")
    parser.add_argument("--postgres", default="", help="URL of a PostgreSQL to make a database in; else SQLite")
    asked = parser.parse_args()
    kind = "PostgreSQL" if asked.postgres else "SQLite"
    print(f"{kind}; {asked.rate:g} ballots/s for {asked.seconds} s; {platform.machine()}, {os.cpu_count()} cores", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        # No person chooses the period: it goes with the size of the electorate.
        contest_plan.CHECKPOINT_PERIOD = asked.period  # type: ignore[misc]
        town, _ = prepare(Path(folder), 1000, 5)
        ballots = make_ballots(town, int(asked.rate * asked.seconds), os.cpu_count() or 1)
        with fresh_database(asked.postgres) if asked.postgres else nullcontext("") as database:
            if database:
                copy_to(database, Path(folder) / "data")
            with serving(town, database, 1, VECHE_SIGN_LOG="1") as (urls, processes):
                before = processor_time(processes[0])
                found = asyncio.run(follow(urls[0], town.uuid, ballots, asked.rate, asked.period))
                spent = processor_time(processes[0]) - before
        load = os.getloadavg()[0]
        report(found, load)
        print(f"  {spent:.1f} s of the server's processor time with its checkers")
        policy = log_policy(town.manifest)
        for one in found:
            if one.receipt:
                check_by_policy(one.receipt, policy, sha256(one.cast.raw).hexdigest())
        print("  every receipt holds")


async def follow(url: str, uuid: str, ballots: Sequence[bytes], rate: float, period: float) -> list[Receipted]:
    """Every ballot is cast in its turn, and its receipt fetched."""
    began, found = time.perf_counter(), [Receipted(Outcome(raw, number / rate)) for number, raw in enumerate(ballots)]
    tasks = []
    for one in found:
        await asyncio.sleep(max(0.0, began + one.cast.due - time.perf_counter()))
        tasks.append(asyncio.create_task(_one(url, uuid, one, began, period)))
    await asyncio.gather(*tasks)
    return found


async def _one(url: str, uuid: str, one: Receipted, began: float, period: float) -> None:
    await cast_ballot(f"{url}/api/elections/{uuid}/ballots", one.cast, began)
    address = f"{url}/observer/elections/{uuid}/ballots/{sha256(one.cast.raw).hexdigest()}.tlog-proof"
    await asyncio.sleep(period + PERIOD)
    while one.cast.note and time.perf_counter() - began - one.cast.due < PATIENCE:
        answer = await request(address, "GET", {})
        one.asked += 1
        if answer.status == 200:
            one.took, one.receipt = time.perf_counter() - began - one.cast.due, answer.body
            return
        await asyncio.sleep(float(answer.headers.get("retry-after", "1")))


def report(found: Sequence[Receipted], load: float) -> None:
    casts, times = sorted(one.cast.took for one in found if one.cast.note), sorted(one.took for one in found if one.receipt)
    asked = statistics.mean(one.asked for one in found)
    print(f"  acknowledged {len(casts)} of {len(found)}, receipts {len(times)}; asked {asked:.2f} times for each")
    for name, sample in (("acknowledgement", casts), ("receipt", times)):
        if not sample:
            continue
        high = sample[min(len(sample) - 1, int(len(sample) * 0.99))]
        print(f"  {name}: p50 {statistics.median(sample):.3f} s, p99 {high:.3f} s, longest {sample[-1]:.3f} s; load {load:.1f}")


if __name__ == "__main__":
    main()
