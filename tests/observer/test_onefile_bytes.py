"""The second verifier reads strictly: an archive is refused at its first wrong byte, and a value has one JSON text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.observer import onefile_cases as cases
from tests.observer.onefile_runs import SIMPLE, Json, codes, refused
from veche.observer import onefile
from veche.observer.onefile import dumps, parse_json, sha256_hex

# --- 9.1, byte by byte ------------------------------------------------------------------------------------------------


def blocks(data: bytes) -> list[bytes]:
    """The records of an archive, each with header and padding."""
    found, offset = [], 0
    while offset < len(data):
        size = 512 + (int(data[offset + 124 : offset + 135], 8) + 511) // 512 * 512
        found.append(data[offset : offset + size])
        offset += size
    return found


def with_event(change: Callable[[Json], Json], index: int = 1) -> bytes:
    """The simple archive, in which one event is written otherwise (and those after it left out)."""
    parts = onefile.read_archive(SIMPLE.read_bytes())
    events = [(event.text, event.data) for event in parts[: index + 1]]
    text = json.dumps(change(json.loads(events[index][0])), separators=(",", ":")).encode()
    return cases.archive([*events[:index], (text, events[index][1])], 1795323504)


def with_data(index: int, change: Callable[[list[bytes]], list[bytes]]) -> bytes:
    """The simple archive up to an event that brings other data."""
    parts = onefile.read_archive(SIMPLE.read_bytes())
    events = [(event.text, event.data) for event in parts[:index]]
    data = change(parts[index].data)
    return cases.archive([*events, (cases.event_text(events, parts[index].kind, data), data)], 1795323504)


def rewritten(record: int, content: bytes) -> bytes:
    """The simple archive with other content in one record, well named."""
    parts = blocks(SIMPLE.read_bytes())
    name = "BELENIOS" if record == 0 else f"{sha256_hex(content)}.data.json"
    parts[record] = cases.record(name, content, 1795323504)
    return b"".join(parts)


def in_order(kinds: list[str]) -> bytes:
    """An archive whose events have these types, in this order, each with the data of the simple election."""
    parts = {event.kind: event for event in onefile.read_archive(SIMPLE.read_bytes())}
    events: list[tuple[bytes, list[bytes]]] = []
    for kind in kinds:
        data = parts[kind].data if kind in parts else [b"{}", dumps({"owner": 1, "payload": sha256_hex(b"{}")})]
        data = [] if kind == "EndShuffles" else data
        events.append((cases.event_text(events, kind, data), data))
    return cases.archive(events, 1795323504)


def end_with_data() -> bytes:
    setup = onefile.read_archive(SIMPLE.read_bytes())[0]
    events = [(setup.text, setup.data)]
    return cases.archive([*events, (cases.event_text(events, "EndBallots", []), [b"{}"])])


def patched(offset: int, new: bytes) -> bytes:
    data = bytearray(SIMPLE.read_bytes())
    data[offset : offset + len(new)] = new
    return bytes(data)


OWNED = dumps({"owner": 1, "payload": "0" * 64})
ARCHIVE_CASES: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty file": (lambda: b"", "archive-truncated"),
    "cut in its magic": (lambda: b"BELEN", "archive-truncated"),
    "cut in a header": (lambda: SIMPLE.read_bytes()[:1324], "archive-truncated"),
    "cut in content": (lambda: SIMPLE.read_bytes()[:1600], "archive-truncated"),
    "cut in padding": (lambda: SIMPLE.read_bytes()[:-1], "archive-truncated"),
    "cut before an event": (lambda: b"".join(blocks(SIMPLE.read_bytes())[:-1]), "archive-truncated"),
    "no event": (lambda: b"".join(blocks(SIMPLE.read_bytes())[:1]), "no-setup"),
    "mode": (lambda: patched(1024 + 106, b"5"), "archive-record"),
    "mtime": (lambda: patched(1024 + 146, b"1"), "archive-record"),
    "padding": (lambda: patched(600, b"x"), "archive-record"),
    "magic of another tar": (lambda: patched(1024 + 257, b"ustar"), "archive-record"),
    "end-of-archive blocks": (lambda: SIMPLE.read_bytes() + bytes(1024), "archive-record"),
    "header twice": (lambda: blocks(SIMPLE.read_bytes())[0] + SIMPLE.read_bytes(), "archive-record"),
    "header with a space": (lambda: rewritten(0, b'{"version":1, "timestamp":"1795323504"}'), "archive-header"),
    "timestamp with a zero": (lambda: rewritten(0, b'{"version":1,"timestamp":"01795323504"}'), "archive-header"),
    "other version": (lambda: rewritten(0, b'{"version":2,"timestamp":"1795323504"}'), "unsupported-version"),
    "content changed": (lambda: patched(1024 + 512 + 14, b"x"), "record-hash"),
    "unknown type": (lambda: with_event(lambda event: event | {"type": "Banquet"}), "event-malformed"),
    "unknown field": (lambda: with_event(lambda event: event | {"note": "x"}), "event-malformed"),
    "parent missing": (lambda: with_event(lambda event: dict(list(event.items())[1:])), "event-malformed"),
    "parent at the first": (lambda: with_event(lambda event: {"parent": "0" * 64} | event, 0), "event-malformed"),
    "payload missing": (lambda: with_event(lambda event: dict(list(event.items())[:-1])), "event-malformed"),
    "height as text": (lambda: with_event(lambda event: event | {"height": "1"}), "event-malformed"),
    "height": (lambda: with_event(lambda event: event | {"height": 2}), "event-height"),
    "parent": (lambda: with_event(lambda event: event | {"parent": "0" * 64}), "event-parent"),
    "payload": (lambda: with_event(lambda event: event | {"payload": "0" * 64}), "record-order"),
    "one record more": (lambda: with_data(1, lambda data: [b"{}", *data]), "record-order"),
    "data before EndBallots": (lambda: end_with_data(), "record-order"),
    "sized tally of another": (lambda: with_data(7, lambda data: [b"[]", data[1]]), "record-order"),
    "owned of another": (lambda: with_data(8, lambda data: [data[0], OWNED]), "record-order"),
    "owned with owner 0": (
        lambda: with_data(8, lambda data: [data[0], dumps({"owner": 0, "payload": sha256_hex(data[0])})]),
        "record-order",
    ),
    "no Setup": (lambda: in_order(["Ballot"]), "event-order"),
    "second Setup": (lambda: in_order(["Setup", "Setup"]), "event-order"),
    "ballot after the end": (lambda: in_order(["Setup", "EndBallots", "Ballot"]), "event-order"),
    "two ends": (lambda: in_order(["Setup", "EndBallots", "EndBallots"]), "event-order"),
    "tally before the end": (lambda: in_order(["Setup", "EncryptedTally"]), "event-order"),
    "share twice": (
        lambda: in_order(["Setup", "EndBallots", "EncryptedTally", *["PartialDecryption"] * 2]),
        "event-order",
    ),
    "end of no shuffle": (lambda: in_order(["Setup", "EndBallots", "EndShuffles"]), "event-order"),
    "share inside shuffles": (
        lambda: in_order(["Setup", "EndBallots", "EncryptedTally", "Shuffle", "PartialDecryption"]),
        "event-order",
    ),
    "after the result": (
        lambda: in_order(["Setup", "EndBallots", "EncryptedTally", "PartialDecryption", "Result", "Result"]),
        "event-order",
    ),
}


@pytest.mark.parametrize("name", ARCHIVE_CASES)
def test_an_archive_is_refused_at_its_first_wrong_byte(name: str, tmp_path: Path) -> None:
    make, expected = ARCHIVE_CASES[name]
    (tmp_path / "x.bel").write_bytes(make())
    report, lines = onefile.audit(tmp_path / "x.bel")
    assert codes(report) == [expected]
    assert len(lines) == len(onefile.PHASES)


def test_every_beginning_that_ends_after_an_event_is_a_running_election(tmp_path: Path) -> None:
    parts = blocks(SIMPLE.read_bytes())
    ends = [place + 1 for place, block in enumerate(parts) if b".event.json" in block[:100]]
    states = []
    for end in (ends[0], ends[3], *ends[6:]):
        (tmp_path / "x.bel").write_bytes(b"".join(parts[:end]))
        report, _ = onefile.audit(tmp_path / "x.bel", SIMPLE if end == ends[-1] else None)
        assert report.verdict == "ok"
        states.append(report.state)
    assert states == ["open", "open", "closed", "decrypting", "decrypting", "tallied"]


# --- strict JSON ------------------------------------------------------------------------------------------------------

NOT_JSON = [
    b"", b"{", b'{"a":1}x', b'{"a":1}\n{}', b'{"a":1,"a":1}', b'{"a":1,"\\u0061":1}', b"1.0", b"1e3", b"NaN", b"-Infinity",
    b"-0", b"01", b"+1", b"9" * 400, b"\xef\xbb\xbf1", b'"\xff"', b'"\xed\xa0\x80"', b'"\\ud800"', b'"\n"', b"'a'",
    b"[" * 17 + b"]" * 17, b"[" * 100_000, b"\x00", b"1 2", "\u0661".encode(), b"[1,]", b"nul",
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_JSON, ids=range(len(NOT_JSON)))
def test_what_parsers_differ_about_is_no_json(text: bytes) -> None:
    assert refused(lambda: parse_json(text))


NOT_CANONICAL = [b"[1, 2]", b" 1", b"1\n", b'"\\u0041"', b'"\\/"', b'"\x7f"', b'"\\u007F"', b'"\\u000a"', b'"\\u00e9"']


@pytest.mark.parametrize("text", NOT_CANONICAL)
def test_a_value_has_one_canonical_text(text: bytes) -> None:
    parse_json(text)
    assert refused(lambda: onefile.parse_canonical(text))


def test_a_canonical_text_is_read() -> None:
    text = '{"a":[true,null,"é\\u007f\\u0001\\n/中"],"b":-5}'.encode()
    assert onefile.parse_canonical(text) == {"a": [True, None, "é\x7f\x01\n/中"], "b": -5}
    parse_json(b"[" * 16 + b"]" * 16)
