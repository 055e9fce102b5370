"""Phase 9.6: every ballot, in as many processes as there are. docs/protocol.md section 9.6.

Ballots are read from the archive in pieces; each piece is verified and added up where it is, so that memory stays bounded and
the encrypted total is there when the last ballot is checked. A ballot that a later one replaces is taken out again at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import BinaryIO

from veche.ballot.election import Election, parse_election
from veche.ballot.encrypted_ballot import EncryptedBallot, counted_rows, read_ballot, verify_ballot
from veche.ballot.tally import EncryptedTally, Rows, add_weighted, nothing
from veche.crypto.errors import ElectionError, Inconsistent
from veche.observer.chain_check import Progress, ReadChain
from veche.observer.executor import executor
from veche.observer.report import Finding, Report
from veche.observer.setup_check import Setup

PIECE = 64
"""Ballots verified at once; a task for a process, about half a second of work."""

Piece = tuple[int, list[bytes]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a piece: who voted (None where refused), what was refused, the weighted sum, beginnings of alphas."""

    first: int
    credentials: list[str | None]
    refused: list[tuple[int, str, str]]
    total: EncryptedTally
    alphas: list[list[int]]


@dataclass(slots=True)
class Counted:
    """The ballots that count: for each credential the place (offset, size) of its last ballot, and their weighted sum."""

    last: dict[str, tuple[int, int]] = field(default_factory=dict)
    total: EncryptedTally | None = None


@dataclass(slots=True)
class _Worker:
    """What every process holds once."""

    election: Election
    weights: dict[str, int]


_worker: _Worker | None = None


def prepare(election: bytes, weights: dict[str, int]) -> None:
    """Once per process, before the first piece."""
    global _worker
    _worker = _Worker(parse_election(election), weights)


def check_piece(piece: Piece) -> Outcome:
    """Verify the ballots of one piece and add them up."""
    if _worker is None:
        raise RuntimeError("the process was not prepared")
    first, raws = piece
    credentials: list[str | None] = []
    refused: list[tuple[int, str, str]] = []
    alphas: list[list[int]] = []
    good: list[EncryptedBallot] = []
    for place, raw in enumerate(raws):
        try:
            ballot = verify_ballot(read_ballot(raw), _worker.election, _worker.weights)
        except ElectionError as error:
            refused.append((first + place, error.code, error.message))
            credentials.append(None)
            alphas.append([])
            continue
        good.append(ballot)
        credentials.append(ballot.credential)
        alphas.append([int.from_bytes(c.alpha.encoding[:8], "big") for answer in ballot.answers for c in answer.choices])
    rows = [(_worker.weights[one.credential], tuple(answer.choices for answer in one.answers)) for one in good]
    return Outcome(first, credentials, refused, add_weighted(rows, nothing(_worker.election)), alphas)


def check_ballots(stream: BinaryIO, chain: ReadChain, setup: Setup, jobs: int, report: Report, progress: Progress) -> Counted:
    """Verify all ballots of the archive; findings go to `report`."""
    counted = Counted(total=nothing(setup.election))
    replaced: list[tuple[int, int, str]] = []
    alphas: set[int] = set()
    equal_alphas = 0
    repeated = _check_repeated(chain, report)
    arguments = (setup.election.raw, dict(setup.credentials.weights))
    few = len(chain.ballots) <= PIECE
    with executor(1 if few else jobs, prepare, arguments) as pool:
        for outcome in pool.run(check_piece, _pieces(stream, chain)):
            _take(outcome, chain, counted, replaced, report)
            for place, beginnings in enumerate(outcome.alphas, outcome.first):
                for alpha in beginnings if place not in repeated else ():
                    equal_alphas += alpha in alphas
                    alphas.add(alpha)
            progress("9.6", outcome.first + len(outcome.credentials), len(chain.ballots))
    _take_out(stream, replaced, setup, counted)
    _count(setup, len(chain.ballots), report)
    report.counts["voters"] = len(counted.last)
    if equal_alphas:
        report.warn(
            "equal-alphas",
            "ballots",
            f"{equal_alphas} ciphertext(s) share their alpha with another: somebody's device repeats its random numbers",
        )
    return counted


def _pieces(stream: BinaryIO, chain: ReadChain) -> Iterator[Piece]:
    for first in range(0, len(chain.ballots), PIECE):
        yield first, [_reread(stream, *place) for place in chain.ballots[first : first + PIECE]]


def _reread(stream: BinaryIO, digest: bytes, offset: int, size: int) -> bytes:
    """The ballot's bytes again; the file must be the one that phase 9.1 has read."""
    stream.seek(offset)
    raw = stream.read(size)
    if sha256(raw).digest() != digest:
        raise Inconsistent("record-hash", f"ballot {digest.hex()[:16]}…: the archive changed while it was being read")
    return raw


def _take(outcome: Outcome, chain: ReadChain, counted: Counted, replaced: list[tuple[int, int, str]], report: Report) -> None:
    for place, code, message in outcome.refused:
        report.add(Finding(code, "error", f"ballot {chain.ballots[place][0].hex()}", message))
    for place, credential in enumerate(outcome.credentials, outcome.first):
        if credential is None:
            continue
        _, offset, size = chain.ballots[place]
        if credential in counted.last:
            replaced.append((*counted.last[credential], credential))
        counted.last[credential] = (offset, size)
    if counted.total is not None:
        counted.total = add_weighted([(1, outcome.total.rows)], counted.total)


def _check_repeated(chain: ReadChain, report: Report) -> set[int]:
    """Step 9.6.12: an old ballot sent again would put itself in the place of a newer one. The places of such ballots."""
    seen: set[bytes] = set()
    repeated: set[int] = set()
    for place, (digest, _, _) in enumerate(chain.ballots):
        if digest in seen:
            repeated.add(place)
            name = digest.hex()
            report.error("duplicate-ballot", f"ballot {name}", f"ballot {name[:16]}…: stands twice in the chain")
        seen.add(digest)
    return repeated


def _take_out(stream: BinaryIO, replaced: list[tuple[int, int, str]], setup: Setup, counted: Counted) -> None:
    parts: list[tuple[int, Rows]] = []
    for offset, size, credential in replaced:
        stream.seek(offset)
        parts.append((-setup.credentials.weights[credential], counted_rows(stream.read(size))))
        if len(parts) == PIECE and counted.total is not None:
            counted.total, parts = add_weighted(parts, counted.total), []
    if counted.total is not None:
        counted.total = add_weighted(parts, counted.total)


def _count(setup: Setup, ballots: int, report: Report) -> None:
    questions = setup.election.questions
    individual = ballots * sum(question.ciphertexts for question in questions)
    blank = ballots * sum(question.blank for question in questions)
    overall = ballots * len(questions)
    for code in ("ballot-malformed", "wrong-election", "unknown-credential", "ballot-shape", "ballot-scalar"):
        report.count(code, ballots)
    for code in ("ballot-hash", "invalid-signature", "duplicate-ballot"):
        report.count(code, ballots)
    report.count("ballot-point", 2 * individual)
    report.count("individual-proof", individual)
    report.count("blank-proof", blank)
    report.count("overall-proof", overall)
    report.counts["ballots"] = ballots
    report.counts["proofs"] = individual + blank + overall
