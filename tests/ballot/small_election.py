"""A small election with all its keys. All randomness comes from names, so the same call gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any

from hypothesis import strategies as st

from tests.crypto.ceremony_story import stream
from veche.ballot.credential import PublicCredentials, make_public_credentials, parse_public_credentials
from veche.ballot.election import Election, Question, make_election
from veche.ballot.encrypted_ballot import EncryptedBallot, read_ballot, verify_ballot
from veche.ballot.prepared_ballot import prepare_ballot
from veche.crypto.canonical_json import encode, parse
from veche.crypto.group import G, Point, secret_multiple
from veche.crypto.scalar import Q, Secret
from veche.crypto.schnorr import sign_version1
from veche.crypto.version1 import ballot_signature_prefix, compact

UUID = "4hVecheTestB22"

PLAIN = Question("Sunday opening", ("yes", "no"), 0, 1, False)
RANGED = Question("Parks", ("North", "South", "East"), 1, 2, False)
BLANK = Question("Chair", ("Ann", "Bob"), 1, 1, True)
ALL_KINDS = (PLAIN, RANGED, BLANK)
LEGAL = ((1, 0), (0, 1, 1), (0, 0, 1))
"""Legal choices for ALL_KINDS."""


@dataclass(frozen=True)
class Key:
    """A secret with its point."""

    secret: Secret
    public: Point


@cache
def key(name: str) -> Key:
    """The key of this name."""
    secret = Secret.random(stream(f"small election {name}"))
    return Key(secret, secret_multiple(secret, G))


@cache
def election(questions: tuple[Question, ...] = ALL_KINDS, uuid: str = UUID, trustee: str = "trustee") -> Election:
    """An election with one trustee."""
    return make_election(uuid, "Small", "An election for tests", key(trustee).public, questions)


@cache
def credentials(voters: int = 4, weights: tuple[int, ...] | None = None) -> PublicCredentials:
    """The list of voters 0, 1, 2 …"""
    entries = [(key(f"voter {n}").public, 1 if weights is None else weights[n]) for n in range(voters)]
    return parse_public_credentials(make_public_credentials(entries, weights is not None))


_fresh = count()


def cast(asked: Election, voter: int, choices: Sequence[Sequence[int]], seed: object = None) -> bytes:
    """The signed ballot of this voter; another one each time, unless a seed is given."""
    random = stream(f"ballot {next(_fresh) if seed is None else seed}")
    own = key(f"voter {voter}")
    return prepare_ballot(asked, own.public, choices, random).sign(own.secret, random)


def check(raw: bytes, asked: Election, voters: int = 4) -> EncryptedBallot:
    """What every ballot goes through."""
    return verify_ballot(read_ballot(raw), asked, credentials(voters).weights)


def changed(raw: bytes, change: Callable[[Any], None]) -> bytes:
    """The JSON text with something changed in it, canonical again."""
    value: Any = parse(raw)
    change(value)
    return encode(value)


def resigned(raw: bytes, voter: int, change: Callable[[Any], None]) -> bytes:
    """The ballot with something changed in it and signed again by its voter: only the proofs can tell."""
    value: Any = parse(raw)
    del value["signature"]
    change(value)
    commitment = compact(encode(value))
    proof = sign_version1(key(f"voter {voter}").secret, ballot_signature_prefix(commitment), stream("again"))
    return encode(value | {"signature": {"hash": commitment, "proof": proof.to_json()}})


def without(*path: Any) -> Callable[[Any], None]:
    def change(value: Any) -> None:
        for step in path[:-1]:
            value = value[step]
        del value[path[-1]]

    return change


def put(new: Any, *path: Any) -> Callable[[Any], None]:
    def change(value: Any) -> None:
        for step in path[:-1]:
            value = value[step]
        value[path[-1]] = new

    return change


def add_to(field: str, *path: Any) -> Callable[[Any], None]:
    def change(value: Any) -> None:
        for step in path:
            value = value[step]
        value[field] = str((int(value[field]) + 1) % Q)

    return change


@st.composite
def questions(draw: st.DrawFn, answers: int = 4) -> Question:
    """A legal question."""
    names = draw(st.lists(st.text(max_size=8), min_size=1, max_size=answers))
    low = draw(st.integers(0, len(names)))
    high = draw(st.integers(low, len(names)))
    return Question(draw(st.text(max_size=20)), tuple(names), low, high, draw(st.booleans()))


@st.composite
def legal_choices(draw: st.DrawFn, asked: tuple[Question, ...]) -> tuple[tuple[int, ...], ...]:
    """A legal vote."""
    rows: list[tuple[int, ...]] = []
    for question in asked:
        if question.blank and draw(st.booleans()):
            rows.append((1, *(0 for _ in question.answers)))
            continue
        marked = draw(st.permutations(range(len(question.answers))))[: draw(st.integers(question.minimum, question.maximum))]
        marks = tuple(int(place in marked) for place in range(len(question.answers)))
        rows.append((0, *marks) if question.blank else marks)
    return tuple(rows)
