"""An election to cast into: sealed, handed out and open, in SQLite or PostgreSQL, with ballots made before."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from sqlalchemy import create_engine, func, insert, select, text
from sqlalchemy.engine import make_url

from tests.service.hand_clock import HandClock
from tests.service.town import ServedTown, draft, plan
from veche.ballot.credential import derive, parse_code, public_credential
from veche.ballot.election import Election, parse_election
from veche.ballot.prepared_ballot import prepare_ballot
from veche.crypto.scalar import system_randomness
from veche.observer.database import Database
from veche.observer.tables import RECORD
from veche.service.schema import migrate
from veche.service.server import open_server
from veche.service.settings import Settings
from veche.service.tables import SERVICE

_election: Election
_uuid: str
"""What a process that makes ballots has loaded."""

PIECE = 50
ROWS = 2000


@dataclass(frozen=True)
class Stage:
    """What one step of the preparation took, in seconds."""

    name: str
    seconds: float


def prepare(folder: Path, credentials: int, options: int) -> tuple[ServedTown, list[Stage]]:
    """An election in `folder/data` with SQLite that opened an hour ago. Its server is closed again."""
    stages: list[Stage] = []

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        stages.append(Stage(name, time.perf_counter() - began))

    clock = HandClock(int(time.time()) - 7200)
    server = open_server(Settings(data=folder / "data", database=""), clock)
    try:
        town = draft(server, clock, folder / "town", plan(credentials, clock.now(), options=options))
        town.make_keys()
        town.drill()
        with stage(f"codes and public credentials for {credentials} voters (registrar)"):
            town.register(credentials)
        with stage("sealing"):
            town.seal()
        with stage("taking the registrar's list"):
            town.issue()
        with stage("opening"):
            town.open()
    finally:
        server.close()
    return town, stages


def make_ballots(town: ServedTown, count: int, processes: int) -> list[bytes]:
    """So many good ballots, the voters taking turns."""
    election_raw = town.sealed().election.raw
    codes = list(town.codes.values())[:count]
    turns = [codes[number % len(codes)] for number in range(count)]
    pieces = [turns[first : first + PIECE] for first in range(0, count, PIECE)]
    with ProcessPoolExecutor(processes, get_context("spawn"), _load, (election_raw, town.uuid)) as pool:
        return [raw for piece in pool.map(_make, pieces) for raw in piece]


def _load(election_raw: bytes, uuid: str) -> None:
    global _election, _uuid
    _election, _uuid = parse_election(election_raw), uuid


def _make(codes: Sequence[str]) -> list[bytes]:
    made = []
    for code in codes:
        secret = derive(parse_code(code), _uuid)
        marks = tuple((1, *([0] * (len(question.answers) - 1))) for question in _election.questions)
        prepared = prepare_ballot(_election, public_credential(secret), marks, system_randomness)
        made.append(prepared.sign(secret, system_randomness))
    return made


def copy_to(url: str, data: Path) -> None:
    """Everything in the SQLite database of `data` stands in the database of `url`, which was empty."""
    migrate(url)
    source, target = Database(Settings(data=data, database="").database_url), Database(url)
    with source.reading() as reading, target.writing() as writing:
        for table in [*RECORD.sorted_tables, *SERVICE.sorted_tables]:
            for rows in reading.execution_options(yield_per=ROWS).execute(select(table)).partitions(ROWS):
                writing.execute(insert(table), [dict(row._mapping) for row in rows])
            for column in table.primary_key.columns:
                if column.autoincrement is True or (len(table.primary_key.columns) == 1 and str(column.type) == "INTEGER"):
                    newest = writing.execute(select(func.max(column))).scalar()
                    if newest is not None:
                        sequence = f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), {int(newest)})"
                        writing.execute(text(sequence))
    source.close()
    target.close()


@contextmanager
def fresh_database(url: str) -> Iterator[str]:
    """The URL of an empty database of the PostgreSQL at `url`; dropped afterwards."""
    name = f"veche_bench_{time.monotonic_ns()}"
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()
