"""Builds archives to measure with: an election of level belenios with one trustee and as many ballots as asked for."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

from veche.ballot.credential import derive, generate_code, make_public_credentials, public_credential
from veche.ballot.election import Election, Question, make_election, parse_election
from veche.ballot.prepared_ballot import prepare_ballot
from veche.ballot.trustees import SingleTrustee, make_trustees
from veche.crypto.group import G, Point, secret_multiple
from veche.crypto.scalar import Secret, system_randomness
from veche.ledger.archive import header_record
from veche.ledger.chain import append
from veche.ledger.chain_reader import item_records
from veche.ledger.event import Event, EventType
from veche.ledger.payload import SetupData

UUID = "BenchBenchBench"
TIMESTAMP = 1_790_000_000


@dataclass(frozen=True, slots=True)
class Bench:
    """An election with its archive up to Setup, and the ballots that may follow."""

    election: Election
    setup: bytes
    setup_event: Event
    ballots: list[bytes]

    def archive(self) -> bytes:
        """Setup and all ballots."""
        parts, event = [self.setup], self.setup_event
        for ballot in self.ballots:
            event = append(event, EventType.BALLOT, sha256(ballot).hexdigest())
            parts.append(item_records(event, [ballot], TIMESTAMP))
        return b"".join(parts)


def build(voters: int, options: int, most: int, jobs: int = 2) -> Bench:
    """`voters` ballots, each marking one to `most` of `options`."""
    secret = Secret.random(system_randomness)
    public = secret_multiple(secret, G)
    question = Question("Which projects?", tuple(f"Project {n + 1}" for n in range(options)), 0, most, False)
    election = make_election(UUID, "Bench", "A bench", public, (question,))
    codes = [generate_code(system_randomness) for _ in range(voters)]
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        keys = list(pool.map(_credential, codes, chunksize=64))
        work = [(election.raw, code, [number % options, number * 7 % options][:most]) for number, code in enumerate(codes)]
        ballots = list(pool.map(_ballot, work, chunksize=16))
    trustees = make_trustees((SingleTrustee.make(secret, public, None, system_randomness),)).raw
    credentials = make_public_credentials([(_point(key), 1) for key in keys], weighted=False)
    contents = [election.raw, trustees, credentials]
    data = SetupData(*(sha256(content).hexdigest() for content in contents)).text()
    event = append(None, EventType.SETUP, sha256(data).hexdigest())
    setup = header_record(TIMESTAMP) + item_records(event, [*contents, data], TIMESTAMP)
    return Bench(election, setup, event, ballots)


def write(bench: Bench, folder: Path) -> Path:
    """The archive in a folder of its own, as belenios-tool wants it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{UUID}.bel"
    path.write_bytes(bench.archive())
    return path


def _credential(code: str) -> str:
    return public_credential(derive(code, UUID)).hex()


def _point(key: str) -> Point:
    return Point(bytes.fromhex(key)[::-1])


def _ballot(work: tuple[bytes, str, list[int]]) -> bytes:
    raw, code, marked = work
    election = parse_election(raw)
    secret = derive(code, UUID)
    marks = [[int(n in marked) for n in range(len(election.questions[0].answers))]]
    return prepare_ballot(election, public_credential(secret), marks, system_randomness).sign(secret, system_randomness)
