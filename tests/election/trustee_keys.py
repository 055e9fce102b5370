"""Trustees' keys with the secrets behind them: single keys, threshold groups, key ceremonies. Each part can be made wrongly.

Nothing here is checked while it is made, and all randomness comes from names: the same call gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from typing import Any

from tests.crypto.ceremony_story import NAMES, Outcome, hold_ceremony, stream
from veche.ballot.trustees import SingleTrustee
from veche.crypto.canonical_json import Json
from veche.crypto.ceremony import Place, deal_shares, open_decryption_key
from veche.crypto.certificate import Certificate, Context, list_hash
from veche.crypto.channel import Cipher, Seed, SignedMessage, TrusteeKeys
from veche.crypto.group import G, Point, secret_multiple, total
from veche.crypto.pedersen import Coefficients, ThresholdGroup, VerificationKey, sign_group
from veche.crypto.reveal import Reveal, commitment, reveal_message
from veche.crypto.run_file import FinishedRun, Terms
from veche.crypto.scalar import Randomness, Secret
from veche.crypto.schnorr import sign
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
    """A threshold group dealt without any check: what is in here may be anything, and what follows from it is right.

    By place: `contexts` of certificates, dealers' `polynomials`, `encryption` (whose encryption key stands in a certificate),
    `signers` (whose key signs it), `keys` that owners show as theirs, `commitments` that are published, `reveals` changed.
    """

    size: int = 3
    threshold: int = 2
    name: str = "dealt"
    contexts: Mapping[int, Context] = field(default_factory=dict)
    polynomials: Mapping[int, Polynomial] = field(default_factory=dict)
    encryption: Mapping[int, int] = field(default_factory=dict)
    signers: Mapping[int, int] = field(default_factory=dict)
    keys: Mapping[int, Secret] = field(default_factory=dict)
    commitments: Mapping[int, str] = field(default_factory=dict)
    reveals: Mapping[int, Callable[[Reveal], Reveal]] = field(default_factory=dict)

    def item(self) -> Item:
        """The group with the secrets of its owners."""
        return self.ceremony().item

    def ceremony(self, earlier: tuple[bytes, ...] = ()) -> Ceremony:
        """The group with the run that made it."""
        random = stream(self.name)
        keys = [Seed.random(stream(f"{self.name} seed {place}")).keys() for place in self._places]
        certificates = tuple(self._certificate(keys, place, random) for place in self._places)
        polynomials = [self.polynomials.get(place) or Polynomial.random(self.threshold, random) for place in self._places]
        dealt = tuple(Coefficients.make(own.signing, one.commitments(), random) for own, one in zip(keys, polynomials, strict=True))
        item = self._item(keys, certificates, polynomials, dealt, random)
        lots = [random(32) for _ in self._places]
        right = [commitment(list_hash(certificates), i, one.line(), lots[i - 1]) for i, one in enumerate(dealt, 1)]
        shown = tuple(self.commitments.get(place, one) for place, one in enumerate(right, 1))
        reveals = []
        for place, own, polynomial, one, lot in zip(self._places, keys, polynomials, dealt, lots, strict=True):
            texts = deal_shares(own, Place(certificates, self.threshold, place, Cipher.GCM), polynomial, random)
            hashes = tuple(sha256(text.encode()).hexdigest() for text in texts)
            message = reveal_message(list_hash(certificates), place, shown, hashes)
            made = Reveal(one.line(), lot, hashes, sign(own.signing, own.verification, message, random))
            change = self.reveals.get(place)
            reveals.append(made if change is None else change(made))
        terms = Terms(self.size, self.threshold, Cipher.GCM, (100, 200, 300), NAMES[: self.size])
        return Ceremony(item, terms, certificates, shown, tuple(reveals), earlier)

    @property
    def _places(self) -> range:
        return range(1, self.size + 1)

    def _certificate(self, keys: list[TrusteeKeys], place: int, random: Randomness) -> Certificate:
        own = replace(keys[place - 1], encryption=keys[self.encryption.get(place, place) - 1].encryption)
        made = Certificate.make(own, self.contexts.get(place, Context(self.size, self.threshold, place)), random)
        signing = keys[self.signers.get(place, place) - 1].signing
        return replace(made, signed=SignedMessage.sign(signing, made.signed.message, random))

    def _item(
        self,
        keys: list[TrusteeKeys],
        certificates: tuple[Certificate, ...],
        polynomials: list[Polynomial],
        dealt: tuple[Coefficients, ...],
        random: Randomness,
    ) -> Item:
        secrets = tuple(self.keys.get(j) or _sum([one.at(j) for one in polynomials]) for j in self._places)
        group = ThresholdGroup(
            self.threshold,
            certificates,
            dealt,
            tuple(sign_group(own.signing, certificates, one.points, random) for own, one in zip(keys, dealt, strict=True)),
            tuple(
                VerificationKey.make(own.signing, secret, secret_multiple(secret, G), name, random)
                for own, secret, name in zip(keys, secrets, NAMES, strict=False)
            ),
        )
        return Item(["Pedersen", group.to_json()], secrets, total([(1, one.points[0]) for one in dealt]))


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
