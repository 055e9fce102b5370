"""Voters with their secrets, and the ballots they cast, rightly or wrongly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from tests.crypto.ceremony_story import stream
from veche.ballot.election import Election
from veche.ballot.prepared_ballot import prepare_ballot
from veche.crypto.canonical_json import encode, parse
from veche.crypto.group import G, Point, secret_multiple
from veche.crypto.scalar import Secret
from veche.crypto.schnorr import sign_version1
from veche.crypto.version1 import ballot_signature_prefix, compact

Text = dict[str, Any]
"""An object of JSON."""


@cache
def voter_secret(voter: int) -> Secret:
    return Secret.random(stream(f"voter {voter}"))


@cache
def voter_key(voter: int) -> Point:
    return secret_multiple(voter_secret(voter), G)


def make_ballot(election: Election, voter: int, marks: Sequence[Sequence[int]], seed: object) -> bytes:
    """A good ballot. Another seed gives other random numbers."""
    prepared = prepare_ballot(election, voter_key(voter), marks, stream(f"ballot {election.fingerprint} {voter} {seed}"))
    return prepared.sign(voter_secret(voter), stream(f"sign {voter} {seed}"))


def resigned(ballot: bytes, voter: int, change: Callable[[Text], object]) -> bytes:
    """The ballot with something changed in it, signed again by its voter."""
    value: Any = parse(ballot)
    del value["signature"]
    change(value)
    commitment = compact(encode(value))
    proof = sign_version1(voter_secret(voter), ballot_signature_prefix(commitment), stream(f"again {voter}"))
    return encode(value | {"signature": {"hash": commitment, "proof": proof.to_json()}})
