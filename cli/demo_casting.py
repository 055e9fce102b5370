"""Many voters encrypt at once: in several processes, as if each had a device of her own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from veche.ballot.prepared_ballot import Choices
from veche.cli.voter_ballot import encrypt_vote, listed_secret, sign_ballot
from veche.crypto.scalar import system_randomness
from veche.observer.board import Sealed, read_sealed
from veche.observer.executor import available_jobs, executor

PIECE: Final = 10

Vote = tuple[str, Choices]
"""A voter's code and what she chose."""


@dataclass(slots=True)
class _Device:
    sealed: Sealed


_device: _Device | None = None


def prepare(where: str) -> None:
    """Once per process: read the election as a voter's device does."""
    global _device
    _device = _Device(read_sealed(where))


def encrypt_piece(votes: Sequence[Vote]) -> list[bytes]:
    """The ballots of these voters, signed and ready to be cast."""
    if _device is None:
        raise RuntimeError("the process was not prepared")
    return [_cast(_device.sealed, code, choices) for code, choices in votes]


def _cast(sealed: Sealed, code: str, choices: Choices) -> bytes:
    secret = listed_secret(code, sealed)
    return sign_ballot(sealed, encrypt_vote(sealed, secret, choices, system_randomness), secret, system_randomness)


def encrypt_all(where: str, votes: Sequence[Vote]) -> list[bytes]:
    """The ballots in the order of `votes`."""
    pieces = [votes[first : first + PIECE] for first in range(0, len(votes), PIECE)]
    # Starting a process costs as much as a few dozen ballots.
    jobs = available_jobs() if len(votes) > 4 * PIECE else 1
    with executor(jobs, prepare, (where,)) as pool:
        return [ballot for piece in pool.run(encrypt_piece, pieces) for ballot in piece]
