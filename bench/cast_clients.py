"""Voters, attackers and observers for a load test: plain HTTP/1.1 over asyncio, a new connection for every request.

Open loop: each ballot has its moment, whatever became of those before it, and its time counts from that moment.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

TRIES = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers by lower-case name, and body."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Outcome:
    """One ballot: when it was due (seconds since the beginning), how long until its acknowledgement, and what came before it."""

    raw: bytes
    due: float
    took: float = 0.0
    note: bytes = b""
    statuses: list[str] = field(default_factory=list)


async def request(url: str, method: str, headers: dict[str, str], body: bytes = b"", source: str | None = None) -> Answer:
    """The answer; `source` is the local address to come from. Raises OSError when the connection fails."""
    place = urlsplit(url)
    local = (source, 0) if source else None
    reader, writer = await asyncio.open_connection(place.hostname, place.port, local_addr=local)
    try:
        sent = {"host": place.netloc, "connection": "close", "content-length": str(len(body)), **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        writer.write(f"{method} {place.path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        answer = await reader.read()
    finally:
        writer.close()
    first, _, content = answer.partition(b"\r\n\r\n")
    lines = first.decode("latin-1").split("\r\n")
    if len(lines[0].split(" ")) < 2:
        raise ConnectionResetError("cut off")
    named = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
    return Answer(int(lines[0].split(" ")[1]), named, content)


async def cast_all(boxes: Sequence[str], ballots: Sequence[bytes], rate: float) -> list[Outcome]:
    """Every ballot is cast in its turn, `rate` a second, over the boxes in turn; the same bytes again until there is a verdict."""
    began = time.perf_counter()
    outcomes = [Outcome(raw, number / rate) for number, raw in enumerate(ballots)]
    tasks = []
    for outcome, box in zip(outcomes, itertools.cycle(boxes), strict=False):
        await asyncio.sleep(max(0.0, began + outcome.due - time.perf_counter()))
        tasks.append(asyncio.create_task(cast_ballot(box, outcome, began)))
    await asyncio.gather(*tasks)
    return outcomes


async def cast_ballot(box: str, outcome: Outcome, began: float) -> None:
    """The ballot is cast, the same bytes again until there is a verdict; `began` is the moment from which it is due."""
    for _ in range(TRIES):
        wait = 1.0
        try:
            answer = await request(box, "POST", {"content-type": "application/json"}, outcome.raw)
        except OSError as error:
            outcome.statuses.append(type(error).__name__)
        else:
            outcome.statuses.append(str(answer.status))
            if answer.status in (200, 201):
                outcome.note, outcome.took = answer.body, time.perf_counter() - began - outcome.due
                return
            if answer.status != 503:
                return
            if "retry-after" not in answer.headers:
                outcome.statuses[-1] = "503 without Retry-After"
            wait = float(answer.headers.get("retry-after", "1"))
        await asyncio.sleep(wait)


async def attack(box: str, ballots: Sequence[bytes], per_minute: int, counted: Counter[str]) -> None:
    """Bad ballots from many addresses, each just below what one address may send, until it is cancelled."""
    began = time.perf_counter()
    addresses = max(1, per_minute // 55 + 1)
    running: set[asyncio.Task[None]] = set()
    for number in itertools.count():
        await asyncio.sleep(max(0.0, began + number * 60 / per_minute - time.perf_counter()))
        turn = number % addresses
        source = f"127.1.{turn // 250}.{turn % 250 + 1}"
        task = asyncio.create_task(_attack(box, ballots[number % len(ballots)], source, counted))
        running.add(task)
        task.add_done_callback(running.discard)


async def _attack(box: str, raw: bytes, source: str, counted: Counter[str]) -> None:
    try:
        answer = await request(box, "POST", {}, raw, source)
    except OSError as error:
        counted[type(error).__name__] += 1
    else:
        counted[str(answer.status)] += 1


async def observe(record: str, period: float, delay: float, counted: Counter[str]) -> None:
    """One observer: every `period` seconds the summary by its ETag, and what is new in the archive; until it is cancelled."""
    await asyncio.sleep(delay)
    tag, size = "", 0
    while True:
        try:
            summary = await request(record, "GET", {"if-none-match": tag} if tag else {})
            tag = summary.headers.get("etag", "")
            part = await request(f"{record}/archive.bel", "GET", {"range": f"bytes={size}-"})
            size += len(part.body) if part.status in (200, 206) else 0
        except OSError as error:
            counted[type(error).__name__] += 1
        else:
            counted[f"summary {summary.status}"] += 1
            counted[f"archive {part.status}"] += 1
            counted["archive bytes"] += len(part.body)
        await asyncio.sleep(period)
