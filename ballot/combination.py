"""From the trustees' shares to one factor per ciphertext. docs/protocol.md section 7.4 (belenios-interop sections 14 and 23.6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from veche.ballot.trustees import SingleTrustee, Trustees
from veche.crypto.errors import Inconsistent, Refused
from veche.crypto.group import Point, Sum, sums
from veche.crypto.pedersen import ThresholdGroup
from veche.crypto.shamir import lagrange, verify_same_polynomial

Factors = Mapping[int, Sequence[Point]]
"""Owner number → its factors, one per ciphertext, already checked."""


def missing_shares(trustees: Trustees, given: Sequence[int]) -> tuple[int, ...]:
    """The owners still needed: every single key, and for a group short of its threshold all that gave nothing."""
    missing: list[int] = []
    for number, item in enumerate(trustees.items):
        absent = [owner for owner in trustees.numbers_of(number) if owner not in given]
        present = len(trustees.numbers_of(number)) - len(absent)
        if isinstance(item, SingleTrustee) or present < item.threshold:
            missing.extend(absent)
    return tuple(missing)


def combine(trustees: Trustees, shares: Factors) -> list[Point]:
    """F = x·alpha for every ciphertext, from each single key and the first t good shares of each group.

    Raises Refused `shares-missing` naming who is missing.
    """
    missing = missing_shares(trustees, tuple(shares))
    if missing:
        raise Refused(
            "shares-missing", f"no good share of trustee {', '.join(map(str, missing))}; without them nothing is decrypted"
        )
    weights = [pair for number in range(len(trustees.items)) for pair in _weights(trustees, number, shares)]
    width = len(next(iter(shares.values())))
    columns: list[Sum] = [[(weight, shares[owner][k]) for weight, owner in weights] for k in range(width)]
    return sums(columns)


def verify_shares_agree(trustees: Trustees, shares: Factors) -> None:
    """Check that every choice of t shares of a group gives the same factors (9.9.7). Raises Inconsistent naming the group."""
    for number, item in enumerate(trustees.items):
        if isinstance(item, ThresholdGroup):
            owners = trustees.numbers_of(number)
            by_place = {place: shares[owner] for place, owner in enumerate(owners, 1) if owner in shares}
            try:
                verify_same_polynomial(by_place, item.threshold)
            except Inconsistent as error:
                raise Inconsistent("shares-disagree", f"threshold group {number + 1}: {error}") from error


def _weights(trustees: Trustees, number: int, shares: Factors) -> list[tuple[int, int]]:
    """(Lagrange weight, owner) for the shares of one item that are used."""
    item, owners = trustees.items[number], trustees.numbers_of(number)
    if isinstance(item, SingleTrustee):
        return [(1, owners[0])]
    places = [place for place, owner in enumerate(owners, 1) if owner in shares][: item.threshold]
    return [(weight, owners[place - 1]) for weight, place in zip(lagrange(places), places, strict=True)]
