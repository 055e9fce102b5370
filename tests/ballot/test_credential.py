"""Voter codes: what people type becomes one code, one code one secret per election, and errors are named by their group."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.crypto.archive_records import events
from tests.crypto.drawing import always, drawing, only_zeros
from tests.vectors import VECTORS, load
from veche.ballot.credential import (
    ALPHABET,
    GROUPS,
    derive,
    derive_legacy,
    generate_code,
    make_public_credentials,
    parse_code,
    parse_legacy_code,
    parse_public_credentials,
    public_credential,
    wrong_groups,
)
from veche.crypto.backend import Counting, Sodium, using
from veche.crypto.errors import Malformed, Refused
from veche.crypto.group import G, Point

VECTOR = next(one for one in load("spec/belenios-vectors.json") if one["name"] == "credential 3.x")
LEGACY = next(one for one in load("spec/belenios-vectors.json") if one["name"] == "credential")
CODE = generate_code(drawing("one code"))

characters = st.text(st.sampled_from(ALPHABET), min_size=22, max_size=22)


def dashed(text: str) -> str:
    return "-".join((text[:5], text[5:11], text[11:16], text[16:]))


# --- Codes ----------------------------------------------------------------------------------


@given(st.integers(0, 10**6))
def test_our_codes_have_their_form_and_their_check_characters(seed: int) -> None:
    code = generate_code(drawing(str(seed)))
    assert tuple(map(len, code.split("-"))) == GROUPS
    assert parse_code(code) == code
    assert wrong_groups(code) == ()


def test_the_check_character_is_the_written_formula() -> None:
    for number, group in enumerate(CODE.split("-"), 1):
        hashed = sha256(b"veche/v1/code|" + str(number).encode() + b"|" + group[:-1].encode()).digest()
        assert group[-1] == ALPHABET[int.from_bytes(hashed, "big") % 58]


def test_every_character_is_equally_likely() -> None:
    counts = dict.fromkeys(ALPHABET, 0)
    draw = drawing("uniform")
    for _ in range(3000):
        for group in generate_code(draw).split("-"):
            for character in group[:-1]:
                counts[character] += 1
    # 54,000 characters, 931 of each expected, standard deviation 30. Without rejection 24 of them would have 1055.
    assert min(counts.values()) > 931 - 6 * 30
    assert max(counts.values()) < 931 + 6 * 30
    first, rest = sum(counts[one] for one in ALPHABET[:24]), sum(counts[one] for one in ALPHABET[24:])
    assert abs(first / 24 - rest / 34) < 40


@pytest.mark.parametrize("broken", [only_zeros, always(255), always(232)], ids=["zeros", "255", "232"])
def test_a_generator_that_broke_makes_no_code(broken: object) -> None:
    assert callable(broken)
    with pytest.raises(Refused) as refusal:
        generate_code(broken)
    assert refusal.value.code == "randomness-failed"


def test_no_two_codes_are_the_same() -> None:
    draw = drawing("many")
    assert len({generate_code(draw) for _ in range(2000)}) == 2000


@given(characters, st.data())
def test_blanks_and_dashes_may_stand_anywhere(text: str, data: st.DataObject) -> None:
    separators = st.sampled_from(["", "", " ", "-", "\u2013", "\u2014", "\u00a0", "\n", "\t", " - ", "\u200b", "\ufeff"])
    typed = "".join(one + data.draw(separators) for one in text)
    assert parse_code(data.draw(separators) + typed) == dashed(text)


LOOK_ALIKE = list(zip("АВСЕНКМРТХУЅЈаеорсухѕіј", "ABCEHKMPTXYSJaeopcyxsij", strict=True))


@pytest.mark.parametrize(("typed", "meant"), LOOK_ALIKE)
def test_a_cyrillic_letter_that_looks_like_a_latin_one_is_taken_for_it(typed: str, meant: str) -> None:
    assert typed != meant
    assert parse_code(typed + CODE[1:]) == meant + CODE[1:]


@pytest.mark.parametrize("letter", "вкмнтзбЗБгпшЯ")
def test_a_cyrillic_letter_that_could_be_two_letters_or_none_is_refused(letter: str) -> None:
    with pytest.raises(Malformed, match="Cyrillic"):
        parse_code(letter + CODE[1:])


@given(characters)
def test_case_is_never_changed(text: str) -> None:
    assert parse_code(text).replace("-", "") == text


@pytest.mark.parametrize("never", "0OIl")
def test_characters_that_look_alike_are_named(never: str) -> None:
    with pytest.raises(Malformed, match=r"character 3 .* never used"):
        parse_code(CODE[:2] + never + CODE[3:])


BAD_CODES = {
    "nothing": "",
    "21 characters": CODE[:-1],
    "23 characters": CODE + "A",
    "old form": LEGACY["credential"],
    "plus sign": "+" + CODE[1:],
    "full-width digit": "１" + CODE[1:],
    "letter with an accent": "é" + CODE[1:],
    "very long": CODE * 100,
    "underscores": CODE.replace("-", "_"),
    "only dashes": "---",
}


@pytest.mark.parametrize("typed", BAD_CODES.values(), ids=BAD_CODES.keys())
def test_what_is_no_code_is_refused_without_showing_it(typed: str) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_code(typed)
    assert refusal.value.code == "code-malformed"
    assert not any(group in refusal.value.message for group in (*CODE.split("-"), *LEGACY["credential"].split("-")))


def test_the_number_of_characters_found_is_said() -> None:
    with pytest.raises(Malformed, match=r"22 characters.*21"):
        parse_code(CODE[:-1])


@given(st.text(max_size=60))
def test_any_text_is_a_code_or_refused(typed: str) -> None:
    try:
        assert parse_code(parse_code(typed)) == parse_code(typed)
    except Malformed as error:
        assert error.code == "code-malformed"


@given(st.integers(0, 21), st.sampled_from(ALPHABET))
def test_a_mistyped_character_is_named_by_its_group(place: int, other: str) -> None:
    plain = CODE.replace("-", "")
    if plain[place] == other:
        return
    group = next(number for number in (1, 2, 3, 4) if place < sum(GROUPS[:number]))
    named = wrong_groups(dashed(plain[:place] + other + plain[place + 1 :]))
    # One changed character changes its group only; by chance, once in 58, the check character still fits.
    assert named in {(group,), ()}


def test_most_mistyped_characters_are_noticed() -> None:
    plain = CODE.replace("-", "")
    changed = [plain[:at] + other + plain[at + 1 :] for at in range(22) for other in ALPHABET if other != plain[at]]
    unnoticed = sum(wrong_groups(text) == () for text in changed)
    assert unnoticed < len(changed) / 25


def test_a_code_made_by_the_tool_has_no_check_characters_and_works() -> None:
    code = VECTOR["credential"]
    assert wrong_groups(code) != ()
    assert public_credential(derive(code, VECTOR["uuid"])).hex() == VECTOR["public"]


# --- Secrets ---------------------------------------------------------------------------------


def test_the_known_code_gives_the_known_secret() -> None:
    secret = derive(VECTOR["credential"], VECTOR["uuid"])
    assert str(secret.expose()) == VECTOR["mod_q"]
    assert public_credential(secret).hex() == VECTOR["public"]


def test_the_known_old_code_gives_the_known_secret() -> None:
    secret = derive_legacy(LEGACY["credential"], LEGACY["uuid"])
    assert str(secret.expose()) == LEGACY["mod_q"]
    assert public_credential(secret).hex() == LEGACY["public"]


def test_a_code_as_typed_gives_the_same_secret_as_the_code_as_printed() -> None:
    typed = "  " + CODE.replace("-", " \u2014 ")
    assert derive(typed, "4hVecheTestA11").same_as(derive(CODE, "4hVecheTestA11"))


def test_every_election_and_every_code_gives_another_secret() -> None:
    uuids, codes = ("4hVecheTestA11", "4hVecheTestA12"), (CODE, VECTOR["credential"])
    assert len({derive(code, uuid).expose() for code in codes for uuid in uuids}) == 4


def test_a_code_that_is_malformed_gives_no_secret() -> None:
    with pytest.raises(Malformed):
        derive(CODE[:-1], "4hVecheTestA11")
    with pytest.raises(Malformed):
        derive_legacy(CODE, "4hVecheTestA11")


OLD_CODES = list(load("fixtures/belenios/simple/private/private_creds.json").values())


@pytest.mark.parametrize("code", OLD_CODES)
def test_old_codes_of_the_tool_have_a_right_checksum(code: str) -> None:
    assert parse_legacy_code(code) == code
    assert parse_legacy_code(code.replace("-", "")) == code


def test_most_errors_in_an_old_code_are_found_by_its_checksum() -> None:
    code = OLD_CODES[0]
    passed = 0
    for other in ALPHABET:
        if other != code[-1]:
            try:
                parse_legacy_code(code[:-1] + other)
                passed += 1
            except Malformed as error:
                assert "checksum" in error.message
                assert code[:-1] not in error.message
    assert passed <= 2


@pytest.mark.parametrize("folder", ["thr-w", "h-basic"])
def test_the_codes_of_the_tool_are_those_of_its_public_list(folder: str) -> None:
    path = VECTORS / "belenios" / folder
    uuid = (path / "uuid.txt").read_text(encoding="ascii").strip()
    listed = tool_list(folder)
    codes = json.loads((path / "private_creds.json").read_text(encoding="utf-8"))
    derived = {public_credential(derive(code, uuid)).hex() for code in codes.values()}
    assert derived == set(parse_public_credentials(listed).weights)


# --- The public list ---------------------------------------------------------------------------


def tool_list(folder: str) -> bytes:
    """The public credentials in the tool's archive: the record that setup_data names."""
    event, records = events(VECTORS / "belenios" / folder / "election.bel")[0]
    return records[json.loads(records[event["payload"]])["credentials"]]


POINTS = [exponent * G for exponent in range(2, 7)]
A, B, C = (point.hex() for point in POINTS[:3])


def as_list(*lines: object) -> bytes:
    return json.dumps(lines, separators=(",", ":")).encode()


def refused(raw: bytes) -> str:
    with pytest.raises(Malformed) as refusal:
        parse_public_credentials(raw)
    return refusal.value.code


def test_a_list_without_weights_counts_everybody_once() -> None:
    read = parse_public_credentials(as_list(B, A))
    assert list(read.weights.items()) == [(B, 1), (A, 1)]
    assert not read.weighted
    assert read.total_weight == 2
    assert read.digest == sha256(as_list(B, A)).hexdigest()


def test_weights_are_read_zero_included_and_in_order() -> None:
    read = parse_public_credentials(as_list(f"{C},0", f"{A},2000000016", f"{B},1"))
    assert list(read.weights.items()) == [(C, 0), (A, 2000000016), (B, 1)]
    assert read.weighted
    assert read.total_weight == 2000000017


MALFORMED = {
    "empty": b"[]",
    "no list": b'{"a":1}',
    "a number": as_list(5),
    "null": b"[null]",
    "a space": b'["' + A.encode() + b'" ]',
    "newline after": as_list(A) + b"\n",
    "weight on one only": as_list(f"{A},1", B),
    "weight missing on one": as_list(A, f"{B},1"),
    "empty weight": as_list(f"{A},"),
    "negative weight": as_list(f"{A},-1"),
    "leading zero": as_list(f"{A},01"),
    "fraction": as_list(f"{A},1.5"),
    "space before the weight": as_list(f"{A}, 1"),
    "another script's digit": as_list(f"{A},\u0661"),
    "login kept": as_list(f"{A},1,login"),
    "weight of 100 digits": as_list(f"{A},{'9' * 100}"),
    "weights that add up to 10^20": as_list(*(f"{A},{10**18 - 1}" for _ in range(101))),
    "weight of 10,000 digits": as_list(f"{A},{'9' * 10_000}"),
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_list_of_another_form_is_refused(raw: bytes) -> None:
    assert refused(raw) == "credentials-malformed"


NO_MEMBERS = [one["belenios"] for one in load("ed25519/points-1.json")["points"] if one["decode_as_group_element"] != "accept"]


@pytest.mark.parametrize("written", [*NO_MEMBERS, A.upper(), A[:-1], A + "0", "", "x" * 64])
def test_a_credential_is_a_canonical_member_and_never_the_identity(written: str) -> None:
    assert refused(as_list(A, written)) == "credential-invalid"
    assert refused(as_list(f"{A},1", f"{written},1")) == "credential-invalid"


def test_a_credential_twice_is_refused_with_whatever_weights() -> None:
    assert refused(as_list(A, B, A)) == "duplicate-credential"
    assert refused(as_list(f"{A},1", f"{B},1", f"{A},2")) == "duplicate-credential"


def test_the_checks_come_in_their_order_over_the_whole_list() -> None:
    assert refused(as_list(A, A, "x" * 64, 5)) == "credentials-malformed"
    assert refused(as_list(A, A, "x" * 64)) == "credential-invalid"


def test_a_list_of_the_wrong_form_costs_no_group_operation() -> None:
    with using(counting := Counting(Sodium())):
        refused(as_list(*[A] * 1000, f"{A},1"))
    assert counting.memberships == 0


def test_the_made_list_is_sorted_by_group_bytes_and_read_back() -> None:
    raw = make_public_credentials([(point, 1) for point in POINTS], weighted=False)
    listed = list(parse_public_credentials(raw).weights)
    assert listed == [point.hex() for point in sorted(POINTS, key=lambda point: point.encoding)]
    assert make_public_credentials([(point, 1) for point in reversed(POINTS)], weighted=False) == raw


@given(st.dictionaries(st.integers(1, 40), st.integers(0, 10**12), min_size=1, max_size=6))
def test_weights_are_made_and_read_back(weights: dict[int, int]) -> None:
    raw = make_public_credentials([(exponent * G, weight) for exponent, weight in weights.items()], weighted=True)
    read = parse_public_credentials(raw)
    assert read.weights == {(exponent * G).hex(): weight for exponent, weight in weights.items()}
    assert read.raw == raw


@pytest.mark.parametrize(
    ("entries", "weighted"),
    [([], True), ([(G, 1), (G, 1)], False), ([(G, 2)], False), ([(G, 0)], False), ([(G, -1)], True)],
)
def test_an_illegal_list_is_not_made(entries: list[tuple[Point, int]], weighted: bool) -> None:
    with pytest.raises(Malformed):
        make_public_credentials(entries, weighted)


@pytest.mark.parametrize("folder", ["thr-w", "h-basic"])
def test_the_tools_list_is_read_and_made_again_byte_for_byte(folder: str) -> None:
    read = parse_public_credentials(tool_list(folder))
    entries = [(Point.from_hex(credential), weight) for credential, weight in read.weights.items()]
    assert make_public_credentials(reversed(entries), read.weighted) == read.raw


def test_weights_that_fewer_than_three_voters_share_are_named() -> None:
    weights = [1, 1, 1, 2, 2]
    raw = make_public_credentials(zip(POINTS, weights, strict=True), weighted=True)
    assert parse_public_credentials(raw).small_weight_classes() == ((2, 2),)
    assert parse_public_credentials(raw).small_weight_classes(least=4) == ((1, 3), (2, 2))
    unweighted = make_public_credentials([(G, 1)], weighted=False)
    assert parse_public_credentials(unweighted).small_weight_classes() == ()
