"""Key ceremonies from beginning to end, with deterministic randomness, for the tests of the ceremony and its users."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import shake_256

from veche.crypto.canonical_json import Json, dumps, encode
from veche.crypto.ceremony import (
    Committed,
    Finished,
    Place,
    Revealed,
    Sharing,
    assemble,
    check_reveals,
    commit,
    finish,
    receive_share,
    reveal,
    take_place,
)
from veche.crypto.certificate import Certificate, Context
from veche.crypto.channel import Cipher, Seed, TrusteeKeys, send
from veche.crypto.complaint import Complaint, Dealing
from veche.crypto.pedersen import ThresholdGroup
from veche.crypto.reveal import Reveal
from veche.crypto.run_file import FinishedRun, Terms, finished_run
from veche.crypto.scalar import Randomness, Secret

NAMES = ("Anna", "Boris", "Vera", "Gleb", "Dina")


def stream(name: str) -> Randomness:
    """Random-looking bytes that are the same in every run; two streams with one name give the same bytes."""
    calls = 0

    def give(size: int) -> bytes:
        nonlocal calls
        calls += 1
        return shake_256(f"{name} {calls}".encode()).digest(size)

    return give


@dataclass(frozen=True)
class Table:
    """The trustees at one table, each with keys and a place."""

    keys: tuple[TrusteeKeys, ...]
    places: tuple[Place, ...]
    randomness: Randomness

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        return self.places[0].certificates

    @property
    def terms(self) -> Terms:
        place = self.places[0]
        return Terms(place.size, place.threshold, place.cipher, (100, 200, 300), NAMES[: place.size])


def sit_down(size: int = 3, threshold: int = 2, cipher: Cipher = Cipher.GCM, name: str = "story") -> Table:
    """Everybody has a seed and a certificate, and has checked the certificates of all."""
    randomness = stream(name)
    keys = tuple(Seed.random(randomness).keys() for _ in range(size))
    certificates = [
        Certificate.make(own, Context(size, threshold, index), randomness) for index, own in enumerate(keys, start=1)
    ]
    places = tuple(
        take_place(own, certificates, size, threshold, index, cipher) for index, own in enumerate(keys, start=1)
    )
    return Table(keys, places, randomness)


def all_commit(table: Table) -> list[Committed]:
    return [commit(keys, place, table.randomness) for keys, place in zip(table.keys, table.places, strict=True)]


def all_reveal(table: Table, committed: Sequence[Committed]) -> list[Revealed]:
    commitments = [one.commitment for one in committed]
    return [reveal(keys, one, commitments, table.randomness) for keys, one in zip(table.keys, committed, strict=True)]


def all_check(revealed: Sequence[Revealed]) -> list[Sharing]:
    reveals = reveals_of(revealed)
    return [check_reveals(one, reveals) for one in revealed]


def reveals_of(revealed: Sequence[Revealed]) -> list[Reveal]:
    return [one.reveal for one in revealed]


def share(table: Table, committed: Sequence[Committed] | None = None) -> list[Sharing]:
    """All states as far as the moment when shares go out."""
    return all_check(all_reveal(table, all_commit(table) if committed is None else committed))


def received(table: Table, sharing: Sequence[Sharing], recipient: int) -> list[Secret | Complaint]:
    """What trustee `recipient` makes of the messages of all dealers."""
    return [
        receive_share(
            table.keys[recipient - 1], sharing[recipient - 1], dealer, one.secrets[recipient - 1], table.randomness
        )
        for dealer, one in enumerate(sharing, start=1)
    ]


def all_finish(table: Table, sharing: Sequence[Sharing]) -> list[Finished]:
    finished = []
    for index, (keys, state, name) in enumerate(zip(table.keys, sharing, NAMES, strict=False), start=1):
        shares = [one for one in received(table, sharing, index) if isinstance(one, Secret)]
        finished.append(finish(keys, state, shares, name, table.randomness))
    return finished


def commitments_of(sharing: Sequence[Sharing]) -> tuple[str, ...]:
    return sharing[0].revealed.commitments


@dataclass(frozen=True)
class Outcome:
    """A finished ceremony: the group, the states of all, trustees.json and the run file."""

    table: Table
    finished: tuple[Finished, ...]
    group: ThresholdGroup
    trustees_json: bytes
    run: FinishedRun


def hold_ceremony(
    size: int = 3, threshold: int = 2, cipher: Cipher = Cipher.GCM, name: str = "story", previous: bytes | None = None
) -> Outcome:
    """A whole ceremony of honest trustees."""
    table = sit_down(size, threshold, cipher, name)
    sharing = share(table)
    finished = all_finish(table, sharing)
    reveals = sharing[0].reveals
    keys = [(one.verification_key, one.group_signature) for one in finished]
    group = assemble(keys, Dealing.of(table.certificates, cipher, reveals), reveals, threshold)
    item: list[Json] = ["Pedersen", group.to_json()]
    trustees_json = encode([item])
    run = finished_run(table.terms, table.certificates, commitments_of(sharing), reveals, trustees_json, previous)
    return Outcome(table, tuple(finished), group, trustees_json, run)


def with_text(committed: Committed, recipient: int, message: str) -> Committed:
    """The same commitment by a dealer that hands another encrypted text to `recipient`."""
    texts = list(committed.secrets)
    texts[recipient - 1] = message
    return replace(committed, secrets=tuple(texts))


def deal_badly(table: Table, committed: Sequence[Committed], dealer: int, recipient: int) -> list[Committed]:
    """The share of `dealer` for `recipient` is some other number."""
    place = table.places[dealer - 1]
    wrong = dumps({"secret": str(Secret.random(table.randomness).expose())})
    key = place.certificates[recipient - 1].encryption
    message = send(table.keys[dealer - 1], key, wrong, place.cipher, table.randomness)
    return changed(committed, dealer, lambda one: with_text(one, recipient, message))


def changed(states: Sequence[Committed], index: int, change: Callable[[Committed], Committed]) -> list[Committed]:
    """The states with that of trustee `index` changed."""
    return [change(one) if place == index else one for place, one in enumerate(states, start=1)]
