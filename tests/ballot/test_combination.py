"""Specifies ballot/combination.py."""

from __future__ import annotations

from functools import cache
from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ballot.fixture_records import PATHS, fixture
from tests.ballot.small_election import ALL_KINDS, LEGAL, UUID, cast, key
from tests.crypto.ceremony_story import hold_ceremony, stream
from veche.ballot.combination import combine, missing_shares, verify_shares_agree
from veche.ballot.election import make_election
from veche.ballot.encrypted_ballot import counted_rows
from veche.ballot.result import compute_result
from veche.ballot.share import TallyPlace, make_share, parse_share
from veche.ballot.tally import add_weighted, nothing
from veche.ballot.trustees import SingleTrustee, Trustees, make_trustees
from veche.crypto.ceremony import open_decryption_key
from veche.crypto.errors import Inconsistent, Refused
from veche.crypto.group import G, Point, secret_multiple
from veche.crypto.scalar import Secret
from veche.crypto.shamir import lagrange


@cache
def trustees(size: int, threshold: int) -> tuple[Trustees, dict[int, Secret]]:
    """A single key, a group, another single key; with the secrets by owner's number."""
    outcome = hold_ceremony(size, threshold, name=f"combination {size} {threshold}")
    states = zip(outcome.table.keys, outcome.finished, strict=True)
    inside = [open_decryption_key(keys, one.decryption_key) for keys, one in states]
    singles = [SingleTrustee.make(key(n).secret, key(n).public, n, stream(f"pok {n}")) for n in ("Anna", "Boris")]
    made = make_trustees((singles[0], outcome.group, singles[1]))
    return made, dict(enumerate([key("Anna").secret, *inside, key("Boris").secret], 1))


ASKED = make_election(UUID, "Small", "", trustees(3, 2)[0].election_key, ALL_KINDS)
TALLY = add_weighted([(n + 1, counted_rows(cast(ASKED, n, LEGAL, n))) for n in range(3)], nothing(ASKED))


@cache
def factors(size: int, threshold: int) -> dict[int, tuple[Point, ...]]:
    """Everybody's factors."""
    made, secrets = trustees(size, threshold)
    found = {}
    for owner in made.owners:
        secret = secrets[owner.number]
        share = make_share(secret, owner.public_key, owner.number, TALLY, TallyPlace("", "", ""), stream(f"{owner.number}"))
        found[owner.number] = parse_share(share.share, TALLY, owner.number).factors
    return found


def some(given: dict[int, tuple[Point, ...]], *owners: int) -> dict[int, tuple[Point, ...]]:
    return {owner: given[owner] for owner in owners}


@pytest.mark.parametrize(("size", "threshold"), [(2, 1), (3, 2), (4, 2), (5, 3)])
def test_every_choice_of_t_of_n_gives_the_same_result(size: int, threshold: int) -> None:
    made, secrets = trustees(size, threshold)
    given, inside = factors(size, threshold), range(2, size + 2)
    expected = combine(made, given)
    subsets = chain.from_iterable(combinations(inside, many) for many in range(threshold, size + 1))
    found = [combine(made, some(given, 1, size + 2, *subset)) for subset in subsets]
    assert all(one == expected for one in found)
    assert len(found) >= size
    assert made.election_key == secret_multiple(whole(made, secrets, threshold), G)
    assert expected == [secret_multiple(whole(made, secrets, threshold), alpha) for alpha in TALLY.alphas]


def whole(made: Trustees, secrets: dict[int, Secret], threshold: int) -> Secret:
    """The election's secret, which nobody ever has: for comparison only."""
    group = made.numbers_of(1)[:threshold]
    parts = [Secret.of(weight) * secrets[owner] for weight, owner in zip(lagrange(range(1, threshold + 1)), group, strict=True)]
    added = secrets[1] + secrets[len(secrets)]
    for part in parts:
        added = added + part
    return added


def test_the_order_in_which_shares_come_does_not_matter() -> None:
    made, _ = trustees(3, 2)
    given = factors(3, 2)
    assert combine(made, some(given, 5, 4, 1, 2)) == combine(made, some(given, 1, 2, 4, 5))


@pytest.mark.parametrize("name", PATHS)
def test_the_shares_of_every_honest_archive_are_enough_and_agree(name: str) -> None:
    archive = fixture(name)
    shares = {owner: parse_share(raw, archive.tally, owner).factors for owner, _, raw in archive.shares}
    assert missing_shares(archive.trustees, tuple(shares)) == ()
    verify_shares_agree(archive.trustees, shares)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ((1, 2, 3, 5), ()),
        ((1, 3, 4, 5), ()),
        ((1, 2, 3, 4, 5), ()),
        ((2, 3, 4, 5), (1,)),
        ((1, 2, 3, 4), (5,)),
        ((1, 2, 5), (3, 4)),
        ((1, 5), (2, 3, 4)),
        ((2,), (1, 3, 4, 5)),
        ((), (1, 2, 3, 4, 5)),
    ],
)
def test_the_missing_are_named_and_without_them_nothing_is_decrypted(given: tuple[int, ...], missing: tuple[int, ...]) -> None:
    made, _ = trustees(3, 2)
    assert missing_shares(made, given) == missing
    if missing:
        with pytest.raises(Refused, match=f"trustee {', '.join(map(str, missing))};") as refusal:
            combine(made, some(factors(3, 2), *given))
        assert refusal.value.code == "shares-missing"


def test_fewer_than_t_shares_decrypt_to_nothing_meaningful() -> None:
    """One share of a 2-of-3 group, taken twice under two numbers, is no pair of shares."""
    made, _ = trustees(3, 2)
    given = factors(3, 2)
    twice = {**some(given, 1, 2, 5), 3: given[2]}
    assert combine(made, twice) != combine(made, given)


@pytest.mark.parametrize("bad", [2, 3, 4])
def test_a_share_that_lies_on_no_common_polynomial_is_noticed_where_there_is_one_too_many(bad: int) -> None:
    made, _ = trustees(3, 2)
    given = factors(3, 2)
    verify_shares_agree(made, given)
    wrong = {**given, bad: (given[bad][0] + G, *given[bad][1:])}
    with pytest.raises(Inconsistent, match="threshold group 2") as refusal:
        verify_shares_agree(made, wrong)
    assert refusal.value.code == "shares-disagree"


def test_exactly_t_shares_have_nothing_to_disagree_about() -> None:
    made, _ = trustees(3, 2)
    given = factors(3, 2)
    verify_shares_agree(made, {**some(given, 1, 2, 5), 3: tuple(point + G for point in given[3])})


@given(left_out=st.sampled_from([2, 3, 4]), weight=st.integers(0, 5))
def test_a_bad_share_left_out_leaves_the_result_as_it_is(left_out: int, weight: int) -> None:
    made, _ = trustees(3, 2)
    given = factors(3, 2)
    good = {owner: points for owner, points in given.items() if owner != left_out}
    assert compute_result(TALLY, combine(made, good), 6 + weight).counts == ((6, 0), (0, 6, 6), (0, 0, 6))
