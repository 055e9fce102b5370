"""Elections whose voters hold codes, as the registrar makes them, on top of the stories of tests/election."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.crypto.drawing import drawing
from tests.election.record_builder import UUID, Story
from veche.ballot.credential import derive, public_credential
from veche.ballot.prepared_ballot import prepare_ballot
from veche.cli.registrar import Registration, register
from veche.cli.voter_codes import parse_codes
from veche.crypto.scalar import Secret

VOTERS = 9
LOGINS = tuple(f"voter{number}" for number in range(1, VOTERS + 1))
CSV = "login,name,address\n" + "".join(f'{login},Person {login},"Street 1, flat {login}"\n' for login in LOGINS)


@cache
def registration() -> Registration:
    """Nine voters and their codes, the same in every test."""
    return register(CSV.encode(), [UUID], [], drawing("registration"))


def codes() -> dict[str, str]:
    return parse_codes(registration().codes)


def secret_of(login: str) -> Secret:
    return derive(codes()[login], UUID)


def credential_of(login: str) -> str:
    return public_credential(secret_of(login)).hex()


def sealed_folder(path: Path, until: str = "issued 1", changes: Mapping[str, Callable[..., Any]] | None = None) -> Path:
    """The record of an election for these nine voters, told until this step."""
    return code_story(until, changes or {}).write(path)


def code_story(until: str, changes: Mapping[str, Callable[..., Any]], votes: Sequence[tuple[str, tuple[int, ...]]] = ()) -> Story:
    """The story; `votes` are (login, marks) in the order of casting."""

    def told(login: str, marks: tuple[int, ...], place: int) -> Callable[..., bytes]:
        def ballot(_: bytes, story: Story) -> bytes:
            secret = secret_of(login)
            prepared = prepare_ballot(story.election, public_credential(secret), [marks], drawing(f"vote {place}"))
            return prepared.sign(secret, drawing(f"sign {place}"))

        return ballot

    public = registration().public[UUID]
    ballots = {f"ballot {place}": told(login, marks, place) for place, (login, marks) in enumerate(votes, 1)}
    return Story(
        changes={"credentials": lambda _, __: public, **ballots, **changes},
        until=until,
        voters=VOTERS,
        votes=[(LOGINS.index(login), (marks,)) for login, marks in votes],
    )
