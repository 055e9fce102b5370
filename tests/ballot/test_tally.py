"""Specifies ballot/tally.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ballot.fixture_records import PATHS, fixture
from tests.ballot.small_election import LEGAL, RANGED, cast, changed, check, election, key
from veche.ballot.encrypted_ballot import counted_rows, read_ballot
from veche.ballot.tally import (
    LARGEST_INTEGER,
    MAX_SIZED_BYTES,
    Rows,
    SizedTally,
    add_weighted,
    nothing,
    parse_sized_tally,
    parse_tally,
    size_tally,
    weight_from_json,
    weight_to_json,
)
from veche.crypto.backend import Counting, active, using
from veche.crypto.canonical_json import encode
from veche.crypto.errors import Malformed
from veche.crypto.group import G

ASKED = election((RANGED,))
MARKS = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0))
HASH = "ab" * 32


def rows_of(voter: int, seed: object) -> Rows:
    return counted_rows(cast(ASKED, voter, (MARKS[voter % 4],), seed))


BALLOTS = [rows_of(n % 4, n) for n in range(6)]
weights = st.one_of(st.integers(0, 3), st.integers(0, 10**18))


def summed(parts: list[tuple[int, Rows]]) -> bytes:
    return add_weighted(parts, nothing(ASKED)).encode()


# --- adding up ---


@pytest.mark.parametrize("name", PATHS)
def test_the_tally_of_the_ballots_is_byte_for_byte_the_one_that_belenios_tool_published(name: str) -> None:
    made = fixture(name)
    last = {read_ballot(raw).credential: raw for raw in made.ballots}
    parts = [(made.credentials.weights[credential], counted_rows(raw)) for credential, raw in last.items()]
    tally = add_weighted(parts, nothing(made.election))
    assert tally.encode() == made.tally_text
    sized = size_tally(tally, len(last), sum(weight for weight, _ in parts))
    assert sized.encode() == made.sized_text
    assert parse_sized_tally(made.sized_text) == sized
    assert parse_tally(made.tally_text, made.election) == tally


@given(parts=st.lists(st.tuples(weights, st.sampled_from(range(6))), max_size=5), order=st.randoms())
@settings(max_examples=50)
def test_the_order_of_the_ballots_does_not_change_the_tally(parts: list[tuple[int, int]], order: Any) -> None:
    chosen = [(weight, BALLOTS[which]) for weight, which in parts]
    shuffled = order.sample(chosen, len(chosen))
    assert summed(shuffled) == summed(chosen)


@given(
    kept=st.lists(st.tuples(weights, st.sampled_from(range(6))), max_size=4),
    replaced=st.lists(st.tuples(weights, st.sampled_from(range(6))), max_size=3),
)
@settings(max_examples=50)
def test_a_negative_weight_takes_out_exactly_what_was_added(kept: list[tuple[int, int]], replaced: list[tuple[int, int]]) -> None:
    stay = [(weight, BALLOTS[which]) for weight, which in kept]
    leave = [(weight, BALLOTS[which]) for weight, which in replaced]
    everything = add_weighted(stay + leave, nothing(ASKED))
    assert add_weighted([(-weight, rows) for weight, rows in leave], everything).encode() == summed(stay)


@given(parts=st.lists(st.tuples(weights, st.sampled_from(range(6))), max_size=5), cut=st.integers(0, 5))
@settings(max_examples=50)
def test_adding_in_pieces_gives_the_same_tally(parts: list[tuple[int, int]], cut: int) -> None:
    chosen = [(weight, BALLOTS[which]) for weight, which in parts]
    first, second = add_weighted(chosen[:cut], nothing(ASKED)), add_weighted(chosen[cut:], nothing(ASKED))
    assert add_weighted([(1, second.rows)], first).encode() == summed(chosen)


def test_a_ballot_of_weight_zero_changes_nothing_and_costs_nothing() -> None:
    start, counting = add_weighted([(1, BALLOTS[0])], nothing(ASKED)), Counting(active())
    with using(counting):
        assert add_weighted([(0, BALLOTS[1]), (0, BALLOTS[2])], start) is start
    assert counting.terms == 0


def test_a_weight_counts_a_ballot_so_many_times() -> None:
    assert summed([(3, BALLOTS[0])]) == summed([(1, BALLOTS[0])] * 3)


def test_ballots_that_cancel_leave_identities_which_are_a_legal_tally() -> None:
    """Randomness r and −r with opposite marks: each ballot is legal, their sum is the tally of nothing."""
    tally = add_weighted([(1, BALLOTS[0]), (1, tuple(tuple(negated(one) for one in row) for row in BALLOTS[0]))], nothing(ASKED))
    assert tally == nothing(ASKED)
    assert all(alpha.is_identity for alpha in tally.alphas)
    assert parse_tally(tally.encode(), ASKED) == tally


def negated(ciphertext: Any) -> Any:
    return type(ciphertext)(-ciphertext.alpha, -ciphertext.beta)


def test_the_tally_of_no_ballots_is_identities() -> None:
    identity = "0" * 63 + "1"
    assert json.loads(nothing(ASKED).encode()) == [[{"alpha": identity, "beta": identity}] * 3]
    assert parse_tally(nothing(ASKED).encode(), ASKED) == nothing(ASKED)


def test_what_is_added_up_is_what_was_checked() -> None:
    raw = cast(election(), 0, LEGAL, "rows")
    assert counted_rows(raw) == tuple(answer.choices for answer in check(raw, election()).answers)


# --- reading ---

TALLY = summed([(1, BALLOTS[0])])


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.append([]),
        lambda value: value.clear(),
        lambda value: value[0].pop(),
        lambda value: value[0].append(value[0][0]),
        lambda value: value[0][0].pop("beta"),
        lambda value: value[0][0].update(x=1),
        lambda value: value[0][0].update(alpha="f" * 64),
        lambda value: value[0][0].update(alpha="0" * 64),
        lambda value: value[0][0].update(alpha="8" + "0" * 62 + "1"),
        lambda value: value[0][0].update(beta=G.hex().upper().replace("6", "A")),
        lambda value: value[0][0].update(beta=1),
        lambda value: value.__setitem__(0, {}),
    ],
)
def test_a_tally_of_another_shape_or_with_points_outside_the_group_is_refused(change: Callable[[Any], None]) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_tally(changed(TALLY, change), ASKED)
    assert refusal.value.code == "tally-malformed"


@pytest.mark.parametrize("raw", [b"", b"{}", TALLY + b"\n", TALLY.replace(b",", b", ", 1)])
def test_a_tally_in_another_text_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_tally(raw, ASKED)
    assert refusal.value.code == "tally-malformed"


def test_the_ciphertexts_of_a_tally_of_another_shape_are_never_looked_at() -> None:
    many, counting = encode([[{"alpha": key("x").public.hex(), "beta": key("x").public.hex()}] * 1000]), Counting(active())
    with using(counting), pytest.raises(Malformed):
        parse_tally(many, ASKED)
    assert counting.memberships == 0


# --- sizes and weights ---


@given(number=st.integers(0, 2**40), weight=st.integers(0, 10**20 - 1), hashed=st.binary(min_size=32, max_size=32))
def test_a_sized_tally_is_read_back(number: int, weight: int, hashed: bytes) -> None:
    sized = SizedTally(number, weight, hashed.hex())
    assert parse_sized_tally(sized.encode()) == sized


def test_a_weight_above_the_integers_of_belenios_is_a_decimal_string() -> None:
    assert SizedTally(1, LARGEST_INTEGER, HASH).encode().startswith(b'{"num_tallied":1,"total_weight":1073741823,')
    assert SizedTally(1, LARGEST_INTEGER + 1, HASH).encode().startswith(b'{"num_tallied":1,"total_weight":"1073741824",')


@pytest.mark.parametrize("value", [0, 1, LARGEST_INTEGER, str(LARGEST_INTEGER + 1), "2000000016", "9" * 20])
def test_a_weight_is_read_and_written_in_its_one_form(value: int | str) -> None:
    assert weight_to_json(weight_from_json(value)) == value


@pytest.mark.parametrize(
    "value",
    [
        *(-1, LARGEST_INTEGER + 1, True, None, [], "", "5", str(LARGEST_INTEGER), "01073741824", "-1073741824", "1" * 21),
        *("+1073741824", " 1073741824", "1073741824 ", "0x40000000", "1e10", "1_073_741_824", "٢٠٠٠٠٠٠٠١٦", "²"),
    ],
)
def test_a_weight_in_any_other_form_is_refused(value: Any) -> None:
    with pytest.raises(Malformed):
        weight_from_json(value)


@pytest.mark.parametrize(
    "text",
    [
        f'{{"num_tallied":1,"total_weight":1,"encrypted_tally":"{HASH.upper()}"}}',
        f'{{"num_tallied":1,"total_weight":1,"encrypted_tally":"{HASH[1:]}"}}',
        '{"num_tallied":1,"total_weight":1,"encrypted_tally":""}',
        '{"num_tallied":1,"total_weight":1,"encrypted_tally":1}',
        '{"num_tallied":1,"total_weight":1}',
        f'{{"num_tallied":-1,"total_weight":1,"encrypted_tally":"{HASH}"}}',
        f'{{"num_tallied":"1","total_weight":1,"encrypted_tally":"{HASH}"}}',
        f'{{"num_tallied":1,"total_weight":"1","encrypted_tally":"{HASH}"}}',
        f'{{"total_weight":1,"num_tallied":1,"encrypted_tally":"{HASH}"}}',
        f'{{"num_tallied":1,"total_weight":1,"encrypted_tally":"{HASH}","x":1}}',
        f'{{"num_tallied":1,"total_weight":1,"encrypted_tally":"{HASH}"}}\n',
        "",
        "[]",
        " " * (MAX_SIZED_BYTES + 1),
    ],
)
def test_a_sized_tally_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_sized_tally(text.encode())
    assert refusal.value.code == "tally-malformed"
