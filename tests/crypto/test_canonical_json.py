"""One text per value: what two parsers could read differently is refused by both."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veche.crypto.canonical_json import (
    Json,
    array,
    boolean,
    digest,
    dumps,
    encode,
    fields,
    integer,
    parse,
    parse_canonical,
    text,
)
from veche.crypto.errors import Malformed

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_what_is_written_is_read_back_and_has_one_text(value: Json) -> None:
    assert parse_canonical(encode(value)) == value


@given(values, st.data())
def test_no_other_bytes_stand_for_the_same_value(value: Json, data: st.DataObject) -> None:
    canonical = encode(value)
    place = data.draw(st.integers(0, len(canonical)))
    changed = canonical[:place] + data.draw(st.sampled_from([b" ", b"\n", b"\t", b"\r"])) + canonical[place:]
    with contextlib.suppress(Malformed):
        assert parse_canonical(changed) != value


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_and_what_is_read_is_canonical(data: bytes) -> None:
    try:
        assert encode(parse_canonical(data)) == data
    except Malformed as error:
        assert error.code in {"not-json", "not-canonical"}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("é/中", '"é/中"'),
        ('"\\', '"\\"\\\\"'),
        ("\b\f\n\r\t", '"\\b\\f\\n\\r\\t"'),
        ("\x00\x1f\x7f", '"\\u0000\\u001f\\u007f"'),
        ({"b": 1, "a": [True, None]}, '{"b":1,"a":[true,null]}'),
    ],
)
def test_texts_are_written_as_belenios_writes_them(value: Json, written: str) -> None:
    assert dumps(value) == written
    assert parse_canonical(written.encode()) == value


HOSTILE = {
    "minus zero": b"-0",
    "doubled key": b'{"a":1,"a":1}',
    "doubled key inside": b'[{"a":{"b":1,"b":2}}]',
    "key doubled by an escape": b'{"a":1,"\\u0061":2}',
    "NaN": b"[NaN]",
    "Infinity": b"[Infinity]",
    "minus Infinity": b"-Infinity",
    "1e400": b"1e400",
    "1e2": b"1e2",
    "1.0": b"1.0",
    "integer of 5000 digits": b"9" * 5000,
    "leading zero": b"01",
    "plus": b"+1",
    "byte order mark": b"\xef\xbb\xbf1",
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "bytes after the end": b'{"a":1}x',
    "zero byte after the end": b"1\x00",
    "two values": b"1 2",
    "nothing": b"",
    "only space": b" ",
    "not UTF-8": b'"\xff"',
    "overlong UTF-8": b'"\xc0\xaf"',
    "surrogate in UTF-8": b'"\xed\xa0\x80"',
    "half a surrogate pair": b'"\\ud800"',
    "other half": b'["a\\uDFFFb"]',
    "half a pair as a key": b'{"\\ud800":1}',
    "raw control character": b'"\x01"',
    "raw newline": b'"\n"',
    "single quotes": b"{'a':1}",
    "trailing comma": b"[1,]",
    "comment": b"1//x",
    "17 levels": b"[" * 17 + b"]" * 17,
    "unknown escape": b'"\\x41"',
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_texts_are_refused_in_any_form(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse(data)
    with pytest.raises(Malformed):
        parse_canonical(data)


LOOSE = {
    "space": b'{"a": 1}',
    "space before": b' {"a":1}',
    "newline after": b'{"a":1}\n',
    "escaped letter": b'"\\u0061"',
    "escaped slash": b'"\\/"',
    "escape in capitals": b'"\\u001F"',
    "escaped letter beyond ASCII": b'"\\u0434"',
    "raw 0x7f": b'"\x7f"',
    "surrogate pair": b'"\\ud83d\\ude00"',
    "short escape written long": b'"\\u000a"',
}


@pytest.mark.parametrize("data", LOOSE.values(), ids=LOOSE.keys())
def test_a_second_text_of_a_value_is_json_but_not_canonical(data: bytes) -> None:
    parse(data)
    with pytest.raises(Malformed) as refusal:
        parse_canonical(data)
    assert refusal.value.code == "not-canonical"


def test_sixteen_levels_are_enough_and_brackets_in_texts_do_not_count() -> None:
    parse_canonical(b"[" * 16 + b"]" * 16)
    parse_canonical(encode("[" * 100 + '"' + "{" * 100))
    parse_canonical(encode(["\\", "[[[[[[[[[[[[[[[[[[", '\\"{{{{{{{{{{{{{{{{{{{{']))


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
        b"]" * 100_000,
        b'"' + b'\\"' * 100_000,
        b'"' + b'\\"' * 100_000 + b"\\",
        b'["' + b'a\\"' * 100_000,
        b'"' * 100_001,
    ],
    ids=["open", "balanced", "objects", "closing", "escaped quotes", "and a backslash", "mixed", "quotes"],
)
def test_100_000_brackets_or_quotes_cost_no_more_than_a_moment(data: bytes) -> None:
    # A ballot may have 65,536 bytes: what costs half a minute for so few would stop a box (attack E6).
    start = time.process_time()
    with pytest.raises(Malformed):
        parse(data)
    assert time.process_time() - start < 2


def test_more_bytes_than_allowed_are_not_even_read() -> None:
    with pytest.raises(Malformed, match="at most 3"):
        parse(b'"ab"', limit=3)
    assert parse(b'"a"', limit=3) == "a"


def test_a_text_with_half_a_surrogate_pair_is_not_written() -> None:
    with pytest.raises(Malformed) as refusal:
        encode({"name": "\ud800"})
    assert refusal.value.code == "not-canonical"


def test_the_first_difference_is_named() -> None:
    with pytest.raises(Malformed, match="byte 5"):
        parse_canonical(b'{"a": 1}')


def test_an_object_has_exactly_its_fields_in_their_order() -> None:
    names, may_be_absent = ("a", "b", "c"), ("b",)
    assert fields({"a": 1, "b": 2, "c": 3}, names, may_be_absent) == {"a": 1, "b": 2, "c": 3}
    assert fields({"a": 1, "c": 3}, names, may_be_absent) == {"a": 1, "c": 3}
    wrong: list[Json] = [{"a": 1}, {"c": 3, "a": 1}, {"a": 1, "b": 2, "c": 3, "d": 4}, {"a": 1, "d": 4, "c": 3}, [1], None, "a"]
    for value in wrong:
        with pytest.raises(Malformed) as refusal:
            fields(value, names, may_be_absent)
        assert refusal.value.code == "wrong-fields"


def test_a_refused_field_name_is_shown_without_control_characters_and_not_at_full_length() -> None:
    with pytest.raises(Malformed) as refusal:
        fields({"\x1b[31m" + "x" * 5000: 1}, ("a",))
    assert "\x1b" not in refusal.value.message
    assert len(refusal.value.message) < 300


def test_true_is_no_number_and_no_number_is_true() -> None:
    assert integer(7, 0, 7) == 7
    assert boolean(False) is False
    for value in (True, "1", None, -1, 8):
        with pytest.raises(Malformed):
            integer(value, 0, 7)
    for value in (1, 0, "true", None):
        with pytest.raises(Malformed):
            boolean(value)


def test_a_list_has_its_length_and_a_string_is_a_string() -> None:
    assert array([1, 2], 2) == [1, 2]
    assert text("a") == "a"
    no_lists: list[Json] = [[1], [1, 2, 3], {"0": 1}, "ab"]
    no_strings: list[Json] = [1, None, ["a"]]
    for value in no_lists:
        with pytest.raises(Malformed):
            array(value, 2)
    for value in no_strings:
        with pytest.raises(Malformed):
            text(value)


def test_a_digest_is_64_lower_case_hexadecimal_digits() -> None:
    assert digest("0f" * 32) == "0f" * 32
    for value in ("0F" * 32, "0f" * 31, "0f" * 32 + "\n", "０" * 64, 1, None):
        with pytest.raises(Malformed):
            digest(value)
