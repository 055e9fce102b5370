"""A log that grows to a million entries in batches, and a restart over it: entries a second, seconds until it is checked, size.

    python -m bench.log_sequencing [--entries 1000000] [--batch 5000] [--postgres URL] [--profile]

Goals (design section 6): 5,000 entries/s in batches; a restart with 1,000,000 entries in at most 10 s, with every tile and bundle
compared. An entry is as long as a Ballot event. What it takes to put entries into the database is not counted: that is casting.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import platform
import pstats
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from sqlalchemy import insert, text, update

from bench.cast_election import fresh_database
from tests.service.hand_clock import HandClock
from tests.service.town import draft, plan
from veche.observer.record_rows import election_row
from veche.observer.tables import elections, entries
from veche.service.sequencer import Sequencer, log_folder
from veche.service.server import Server, open_server
from veche.service.settings import Settings

SQLITE_SIZE = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
HASH = "5f" * 32
"""Stands for the parent and the tracker of an event."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=5000)
    parser.add_argument("--postgres", default="", help="URL of a PostgreSQL to make a database in; else SQLite")
    parser.add_argument("--profile", action="store_true", help="show what the restart spends its time on")
    asked = parser.parse_args()
    kind = "PostgreSQL" if asked.postgres else "SQLite"
    print(f"{kind}; {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    database = fresh_database(asked.postgres) if asked.postgres else nullcontext("")
    with tempfile.TemporaryDirectory() as folder, database as url:
        clock = HandClock(int(time.time()))
        server = open_server(Settings(data=Path(folder) / "data", database=url, checkers=1), clock)
        try:
            uuid = draft(server, clock, Path(folder) / "town", plan(6, clock.now())).uuid
            grow(server, uuid, asked.entries, asked.batch)
            restart(server, asked.profile)
            sizes(server, uuid, asked.entries)
        finally:
            server.close()


def grow(server: Server, uuid: str, wanted: int, batch: int) -> None:
    """The log has come to `wanted` entries, each batch signed and served before the next."""
    took, longest = 0.0, 0.0
    with server.storage.database.reading() as connection:
        size = first = election_row(connection, uuid).entries
    while size < wanted:
        end = min(size + batch, wanted)
        with server.storage.database.writing() as connection:
            rows = [{"uuid": uuid, "place": at, "kind": "Ballot", "height": at, "text": event(at)} for at in range(size, end)]
            connection.execute(insert(entries), rows)
            connection.execute(update(elections).where(elections.c.uuid == uuid).values(entries=end))
        with timed() as spent:
            server.sequencer.sequence(uuid)
        took, longest, size = took + spent[0], max(longest, spent[0]), end
    print(f"  {(wanted - first) / took:10,.0f} entries/s in batches of {batch:,}; the longest batch {longest:.2f} s", flush=True)


def restart(server: Server, profile: bool) -> None:
    """Every entry, tile and bundle has been compared with what was signed."""
    fresh, profiler = Sequencer(server.storage, server.clock, server.keys), cProfile.Profile()
    with timed() as spent, profiler if profile else nullcontext():
        fresh.verify_start()
    print(f"  {spent[0]:10.2f} s until a restart has checked the whole log; load {os.getloadavg()[0]:.1f}", flush=True)
    if profile:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(18)


def sizes(server: Server, uuid: str, count: int) -> None:
    """What the log takes on the disk."""
    folder = log_folder(server.storage.root, uuid)
    files = [path for path in folder.rglob("*") if path.is_file()]
    bundles = sum(path.stat().st_size for path in files if "entries" in path.parts)
    tiles = sum(path.stat().st_size for path in files) - bundles
    each = (bundles + tiles) / count
    print(f"  {len(files):,} files: bundles {bundles / 1e6:.1f} MB, tiles {tiles / 1e6:.1f} MB, {each:.1f} bytes an entry")
    if server.storage.database.sqlite:
        with server.storage.database.engine.connect() as connection:
            taken = connection.execute(text(SQLITE_SIZE)).scalar_one()
    else:
        with server.storage.database.reading() as connection:
            taken = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
    print(f"  database {taken / 1e6:.1f} MB")


def event(place: int) -> bytes:
    """As long as a Ballot event, and no two alike."""
    return f'{{"parent":"{HASH}","height":{place},"type":"Ballot","payload":"{HASH[:48]}{place:016x}"}}'.encode()


@contextmanager
def timed() -> Iterator[list[float]]:
    """Seconds that the block took, once it has ended."""
    spent, began = [0.0], time.perf_counter()
    yield spent
    spent[0] = time.perf_counter() - began


if __name__ == "__main__":
    main()
