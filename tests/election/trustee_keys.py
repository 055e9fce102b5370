"""Trustees' keys with the secrets behind them: single keys, threshold groups, key ceremonies. Each part can be made wrongly.

Nothing here is checked while it is made, and all randomness comes from names: the same call gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from typing import Any

from tests.crypto.ceremony_story import NAMES, Outcome, hold_ceremony, stream
from veche.ballot.trustees import SingleTrustee
from veche.crypto.canonical_json import Json
from veche.crypto.ceremony import open_decryption_key
from veche.crypto.certificate import Certificate, Context
from veche.crypto.channel import SignedMessage
from veche.crypto.channel import Seed
from veche.crypto.group import G, Point, secret_multiple, total
from veche.crypto.pedersen import Coefficients, ThresholdGroup, VerificationKey, sign_group
from veche.crypto.reveal import Reveal
from veche.crypto.run_file import FinishedRun, Terms
from veche.crypto.scalar import Secret
from veche.crypto.shamir import Polynomial


@dataclass(frozen=True)
class Item:
    """One item of trustees.json, the secret of each owner in it, and what it adds to the election's key."""

    json: list[Json]
    secrets: tuple[Secret, ...]
    key: Point


@dataclass(frozen=True)
class Ceremony:
    """A run that gave a threshold group, and the files of the runs before it, oldest first."""

    item: Item
    terms: Terms
    certificates: tuple[Certificate, ...]
    commitments: tuple[str, ...]
    reveals: tuple[Reveal, ...]
    earlier: tuple[bytes, ...] = ()

    def run_file(self, trustees_json: bytes) -> bytes:
        """The file of the run, which names this trustees.json."""
        previous = sha256(self.earlier[-1]).hexdigest() if self.earlier else None
        trustees = sha256(trustees_json).hexdigest()
        run = FinishedRun(self.terms, self.certificates, self.commitments, self.reveals, trustees, previous)
        return run.encode()


@cache
def single(name: str) -> Item:
    """A single key."""
    secret = Secret.random(stream(f"single {name}"))
    public = secret_multiple(secret, G)
    return Item(["Single", SingleTrustee.make(secret, public, name, stream(f"pok {name}")).to_json()], (secret,), public)


def ceremony_of(outcome: Outcome, earlier: tuple[bytes, ...] = ()) -> Ceremony:
    """The ceremony of a table at which everybody was honest."""
    states = zip(outcome.table.keys, outcome.finished, strict=True)
    secrets = tuple(open_decryption_key(keys, one.decryption_key) for keys, one in states)
    item = Item(["Pedersen", outcome.group.to_json()], secrets, outcome.group.public_key())
    run = outcome.run
    return Ceremony(item, run.terms, run.certificates, run.commitments, run.reveals, earlier)


@cache
def honest_ceremony() -> Ceremony:
    """Two of three, everybody honest."""
    return ceremony_of(hold_ceremony(name="record"))


@dataclass(frozen=True)
class Dealt:
    """A threshold group dealt without any ceremony or check: what is in here may be anything.

    `contexts` gives other places to some certificates, `polynomials` other polynomials to some dealers.
    `encryption` takes the place of a certificate's encryption key; `signers` sign in another's name.
    """

    size: int = 3
    threshold: int = 2
    contexts: Mapping[int, Context] = field(default_factory=dict)
    polynomials: Mapping[int, Polynomial] = field(default_factory=dict)
    encryption: Mapping[int, int] = field(default_factory=dict)
    signers: Mapping[int, int] = field(default_factory=dict)
    keys: Mapping[int, Secret] = field(default_factory=dict)

    def item(self) -> Item:
        """The group with the secrets of its owners."""
        places = range(1, self.size + 1)
        keys = [Seed.random(stream(f"dealt seed {place}")).keys() for place in places]
        random = stream("dealt")
        certificates = []
        for place in places:
            own = replace(keys[place - 1], encryption=keys[self.encryption.get(place, place) - 1].encryption)
            context = self.contexts.get(place, Context(self.size, self.threshold, place))
            made = Certificate.make(own, context, random)
            signing = keys[self.signers.get(place, place) - 1].signing
            signed = SignedMessage.sign(signing, made.signed.message, random)
            certificates.append(replace(made, signed=signed))
        polynomials = [self.polynomials.get(place) or Polynomial.random(self.threshold, random) for place in places]
        points = [one.commitments() for one in polynomials]
        signing = [one.signing for one in keys]
        secrets = [self.keys.get(j) or _sum([one.at(j) for one in polynomials]) for j in places]
        group = ThresholdGroup(
            self.threshold,
            tuple(certificates),
            tuple(Coefficients.make(key, one, random) for key, one in zip(signing, points, strict=True)),
            tuple(sign_group(key, certificates, one, random) for key, one in zip(signing, points, strict=True)),
            tuple(
                VerificationKey.make(key, secret, secret_multiple(secret, G), name, random)
                for key, secret, name in zip(signing, secrets, NAMES, strict=False)
            ),
        )
        return Item(["Pedersen", group.to_json()], tuple(secrets), total([(1, one[0]) for one in points]))


def with_json(item: Item, change: Mapping[str, Any]) -> Item:
    """The same item with fields of its second part changed (a list of fields is replaced whole; None takes a field away)."""
    kind, content = item.json
    changed = {**content, **change} if isinstance(content, dict) else content
    kept = {name: value for name, value in changed.items() if value is not None} if isinstance(changed, dict) else changed
    return replace(item, json=[kind, kept])


def _sum(secrets: list[Secret]) -> Secret:
    added = Secret.of(0)
    for one in secrets:
        added = added + one
    return added
