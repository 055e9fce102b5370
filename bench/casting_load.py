"""Ballots a second into a real `veche serve`, with clients on the same machine: times to a durable acknowledgement.

    python -m bench.casting_load [--rate 30] [--seconds 20] [--options 5] [--credentials 1000] [--workers 1]
                                 [--postgres URL] [--invalid PER_MINUTE] [--observers N] [--audit]

Goals (design section 6): 30/s for 600 s with p99 below 2 s; 60/s for 120 s with no acknowledgement lost and no 5xx but 503 with
Retry-After; 10,000 invalid ballots a minute leave the honest p99 below 2 s; 161,391 credentials start in less than 60 s.
All ballots are made before; that takes longer than casting them.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from hashlib import sha256
from pathlib import Path

import httpx

from bench.cast_clients import Outcome, attack, cast_all, observe
from bench.cast_election import copy_to, fresh_database, make_ballots, prepare
from tests.service.town import ServedTown
from veche.ballot.acknowledgement import parse_acknowledgement, verify_acknowledgement
from veche.observer.audit import audit
from veche.observer.database import Database
from veche.observer.database_source import DatabaseSource
from veche.observer.published_files import PublishedFiles
from veche.observer.record_rows import ballot_row
from veche.service.settings import Settings

SLICE = 10
"""Seconds of which each gets its own p99: how the times recover after a burst."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float, default=30)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--options", type=int, default=5)
    parser.add_argument("--credentials", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=1, help="`veche serve` processes; more than one with --postgres only")
    parser.add_argument("--postgres", default="", help="URL of a PostgreSQL to make a database in; else SQLite")
    parser.add_argument("--invalid", type=int, default=0, help="bad ballots a minute beside the good ones")
    parser.add_argument("--observers", type=int, default=0, help="clients that ask for the record every ten seconds")
    parser.add_argument("--audit", action="store_true", help="audit the whole record at the end")
    asked = parser.parse_args()
    if asked.workers > 1 and not asked.postgres:
        parser.error("SQLite has one process: --workers needs --postgres")
    with tempfile.TemporaryDirectory() as folder:
        run(asked, Path(folder))


def run(asked: argparse.Namespace, folder: Path) -> None:
    kind = f"PostgreSQL, {asked.workers} worker(s)" if asked.postgres else "SQLite"
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    print(f"{kind}; {asked.rate:g} ballots/s for {asked.seconds} s, {asked.options} options; {machine}", flush=True)
    town, stages = prepare(folder, asked.credentials, asked.options)
    for stage in stages:
        print(f"  {stage.seconds:8.1f} s  {stage.name}")
    began = time.perf_counter()
    ballots = make_ballots(town, int(asked.rate * asked.seconds), os.cpu_count() or 1)
    print(f"  {time.perf_counter() - began:8.1f} s  {len(ballots)} ballots made")
    with fresh_database(asked.postgres) if asked.postgres else nullcontext("") as database:
        if database:
            copy_to(database, folder / "data")
        with serving(town, database, asked.workers) as (urls, processes):
            before = {process: processor_time(process) for process in processes}
            outcomes, bad, seen = asyncio.run(load(asked, town, ballots, urls))
            report(outcomes, bad, seen)
            for process in processes:
                spent = processor_time(process) - before[process]
                print(f"  server {process}: {memory(process):.0f} MiB at most; {spent:.1f} s of processor time with its checkers")
        verify(town, database, outcomes, asked.audit)


@contextmanager
def serving(town: ServedTown, database: str, workers: int, **settings: str) -> Iterator[tuple[list[str], list[int]]]:
    """The addresses and process numbers of running servers; `settings` are environment variables."""
    data = town.server.settings.data
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VECHE_")}
    environment |= {"VECHE_DATABASE": database, "VECHE_CHECKERS": str(max(1, (os.cpu_count() or 1) // workers))}
    environment |= settings
    urls, processes = [], []
    with ExitStack() as stack:
        for number in range(workers):
            began, log = time.perf_counter(), data.parent / f"serve-{number}.log"
            process = subprocess.Popen(
                [sys.executable, "-m", "veche.cli.main", "serve", "--port", "0", "--data", str(data)],
                stderr=stack.enter_context(log.open("wb")),
                env=environment | {"VECHE_WORKER": str(int(number == 0))},
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
            urls.append(_address(process, log))
            processes.append(process.pid)
            print(f"  {time.perf_counter() - began:8.1f} s  start of server {process.pid} until it answers")
        yield urls, processes


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    while process.poll() is None:
        found = re.search(r"^  address +(\S+)$", log.read_text("utf-8", "replace"), re.MULTILINE)
        if found is not None:
            try:
                httpx.get(f"{found[1]}/healthz", timeout=120)
            except httpx.TransportError:
                pass
            else:
                return found[1]
        time.sleep(0.02)
    raise SystemExit(log.read_text("utf-8", "replace"))


async def load(
    asked: argparse.Namespace, town: ServedTown, ballots: Sequence[bytes], urls: Sequence[str]
) -> tuple[list[Outcome], Counter[str], Counter[str]]:
    boxes = [f"{url}/api/elections/{town.uuid}/ballots" for url in urls]
    record = f"{urls[0]}/observer/elections/{town.uuid}"
    bad: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    others = [asyncio.create_task(observe(record, 10, 10 * one / asked.observers, seen)) for one in range(asked.observers)]
    if asked.invalid:
        others.append(asyncio.create_task(attack(boxes[0], spoilt(ballots[:500]), asked.invalid, bad)))
    outcomes = await cast_all(boxes, ballots, asked.rate)
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    return outcomes, bad, seen


def spoilt(ballots: Sequence[bytes]) -> list[bytes]:
    """Ballots with the credential of a voter and without her signature: the costliest that anybody can make without a code."""
    return [raw[: raw.rindex(b'"response":"') + 12] + b'1"}}}' for raw in ballots]


def report(outcomes: Sequence[Outcome], bad: Counter[str], seen: Counter[str]) -> None:
    times = sorted(one.took for one in outcomes if one.note)
    print(f"  acknowledged {len(times)} of {len(outcomes)}; answers {dict(Counter(s for one in outcomes for s in one.statuses))}")
    if times:
        print(f"  p50 {statistics.median(times):.3f} s, p99 {_p99(times):.3f} s, longest {times[-1]:.3f} s")
        slices: dict[int, list[float]] = {}
        for one in outcomes:
            slices.setdefault(int(one.due) // SLICE, []).append(one.took)
        print(f"  p99 of each {SLICE} s: " + " ".join(f"{_p99(sorted(found)):.2f}" for _, found in sorted(slices.items())))
    if bad:
        print(f"  bad ballots: {dict(bad)}")
    if seen:
        print(f"  observers: {dict(seen)}")


def _p99(times: Sequence[float]) -> float:
    return times[min(len(times) - 1, int(len(times) * 0.99))]


def memory(process: int) -> float:
    """The most resident memory that this process ever had, MiB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def processor_time(process: int) -> float:
    """Seconds that this process and its children have worked: unlike the times above it hardly depends on who else works."""
    total = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, fields = path.parent.name, path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if process in (int(name), int(fields[1])):
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def verify(town: ServedTown, database: str, outcomes: Sequence[Outcome], whole: bool) -> None:
    """Every acknowledgement is signed by the box, and what it says stands in the record. Raises what is wrong."""
    log, sealed = town.manifest.log, town.sealed()
    if log is None:
        raise SystemExit("the election has no ballot box")
    connected = Database(Settings(data=town.server.settings.data, database=database).database_url)
    lost = 0
    with connected.reading() as connection:
        for one in outcomes:
            tracker = sha256(one.raw).hexdigest()
            found = ballot_row(connection, town.uuid, tracker)
            if one.note:
                said = parse_acknowledgement(one.note, log.box)
                verify_acknowledgement(said, sealed.election.fingerprint, sealed.setup or "", tracker)
                lost += found is None or (found.height, found.event, found.time) != (said.height, said.event, said.time)
    print(f"  lost acknowledgements: {lost}")
    if whole:
        began = time.perf_counter()
        source = DatabaseSource(connected, PublishedFiles(town.server.settings.data / "public"), town.uuid)
        found_report = audit(source, level="strict", jobs=os.cpu_count() or 1)
        print(f"  audit: {found_report.verdict}, {found_report.counts['ballots']} ballots, {time.perf_counter() - began:.1f} s")
    connected.close()


if __name__ == "__main__":
    main()
