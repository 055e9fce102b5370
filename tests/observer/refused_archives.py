"""Inputs that phase 9.1 refuses: each breaks one rule of the archive or of its chain."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from tests.election.record_builder import TIMESTAMP, Story
from tests.observer.refusal_case import Case, adding, bare, bel, changed_bare, refusals, replacing, to, vector
from veche.crypto.canonical_json import encode
from veche.ledger.event import EventType

Records = list[tuple[str, bytes]]

EVENT = r"event \d+|archive"

CUT = "the file cannot be read on from here"
UNREADABLE = "what is not read is not there"


def tar_record(name: str, content: bytes, timestamp: int = TIMESTAMP, mode: bytes = b"0000644") -> bytes:
    """A record as the format has it, whose name need not be the hash of its content."""
    block = bytearray(512)
    for at, value in (
        (0, name.encode()),
        (100, mode),
        (108, b"0000000"),
        (116, b"0000000"),
        (124, b"%011o" % len(content)),
        (136, b"%011o" % timestamp),
        (148, b"        "),
        (156, b"0"),
    ):
        block[at : at + len(value)] = value
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + content + bytes(-len(content) % 512)


def records_of(archive: bytes) -> Records:
    """Name and content of each record."""
    found, at = [], 0
    while at < len(archive):
        size = int(archive[at + 124 : at + 135], 8)
        found.append((archive[at : at + 100].rstrip(b"\0").decode(), archive[at + 512 : at + 512 + size]))
        at += 512 + (size + 511) // 512 * 512
    return found


def with_records(change: Callable[[Records], Records]) -> Callable[[bytes, Story], bytes]:
    """The archive with its list of records changed."""
    return lambda archive, _story: b"".join(tar_record(*one) for one in change(records_of(archive)))


def with_bytes(change: Callable[[bytes], bytes]) -> Callable[[bytes, Story], bytes]:
    return lambda archive, _story: change(archive)


def header(content: bytes) -> Callable[[bytes, Story], bytes]:
    """The archive with another first record."""
    return with_records(lambda records: [("BELENIOS", content), *records[1:]])


def named_otherwise() -> Story:
    """The third ballot stands under another name, by which its event names it."""
    fake = "0" * 64

    def renamed(archive: bytes, story: Story) -> bytes:
        real = sha256(story.cast[2][1]).hexdigest()
        return b"".join(tar_record(name.replace(real, fake), content) for name, content in records_of(archive))

    def event(text: bytes, story: Story) -> bytes:
        return text.replace(sha256(story.cast[2][1]).hexdigest().encode(), fake.encode())

    return bare({"event ballot 3": event, "archive": renamed})


def empty(folder: Path) -> Path:
    path = folder / "4hVecheTestA11.bel"
    path.write_bytes(b"")
    return path


def payload_of_share(text: bytes, _story: Story) -> bytes:
    """The owned text names some other data."""
    return encode({"owner": int(text[9:10]), "payload": "ab" * 32})


def moved_data(records: Records) -> Records:
    """Tally and sized tally stand in the other order."""
    place = next(place for place, (_, content) in enumerate(records) if b'"type":"EncryptedTally"' in content)
    return [*records[: place - 2], records[place - 1], records[place - 2], *records[place:]]


def without_data(records: Records) -> Records:
    """The last data record is not there."""
    place = max(place for place, (name, _) in enumerate(records) if ".data." in name)
    return records[:place] + records[place + 1 :]


def end_again(story: Story) -> None:
    story.event(EventType.END_BALLOTS, name="again")


def end_shuffles(story: Story) -> None:
    story.event(EventType.END_SHUFFLES, name="shuffles")


def set_up_again(story: Story) -> None:
    story.event(EventType.SETUP, *story.events[0][1], name="again")


ARCHIVES: list[Case] = [
    *refusals(
        "archive-truncated",
        EVENT,
        {
            "data at the end whose event is missing": changed_bare(archive=with_records(lambda records: records[:-1])),
            "an empty file": empty,
            "half a header": changed_bare(archive=with_bytes(lambda a: a + a[512:900])),
            "half a content": changed_bare(archive=with_bytes(lambda a: a[:-420])),
            "half a padding": changed_bare(archive=with_bytes(lambda a: a[:-1])),
        },
    ),
    *refusals(
        "archive-record",
        EVENT,
        {
            "other rights in a header": changed_bare(
                archive=lambda archive, _: b"".join(
                    tar_record(name, content, mode=b"0000600" if place == 3 else b"0000644")
                    for place, (name, content) in enumerate(records_of(archive))
                )
            ),
            "another time in a header": changed_bare(
                archive=lambda archive, _: b"".join(
                    tar_record(name, content, TIMESTAMP + (place == 9)) for place, (name, content) in enumerate(records_of(archive))
                )
            ),
            "a padding that is not zero": changed_bare(archive=with_bytes(lambda a: a[:-1] + b" ")),
            "a name in capitals": changed_bare(archive=with_records(lambda r: [*r[:2], (r[2][0].upper(), r[2][1]), *r[3:]])),
            "a path as a name": changed_bare(archive=with_records(lambda r: [*r[:2], ("../" + r[2][0], r[2][1]), *r[3:]])),
            "a second first record": changed_bare(archive=with_records(lambda r: [r[0], *r])),
            "garbage after the end": vector("garbage-after-end.bel"),
        },
    ),
    *refusals(
        "archive-header",
        EVENT,
        {
            "a time with a leading zero": changed_bare(archive=header(b'{"version":1,"timestamp":"0%d"}' % TIMESTAMP)),
            "white space": changed_bare(archive=header(b'{"version": 1,"timestamp":"%d"}' % TIMESTAMP)),
            "a field too many": changed_bare(archive=header(b'{"version":1,"timestamp":"%d","by":"us"}' % TIMESTAMP)),
            "a time that is a number": changed_bare(archive=header(b'{"version":1,"timestamp":%d}' % TIMESTAMP)),
        },
    ),
    *refusals(
        "record-hash",
        EVENT,
        {
            "a ballot under another name, by which its event names it": bel(named_otherwise),
            "a name that is not the hash": vector("name-is-not-hash.bel"),
        },
    ),
    *refusals(
        "event-malformed",
        EVENT,
        {
            "an EndBallots with a payload": changed_bare(event_EndBallots=replacing(b"}", b',"payload":"%s"}' % (b"ab" * 32))),
            "white space": changed_bare(event_Result=replacing(b",", b", ")),
            "a newline": changed_bare(event_Result=adding(b"\n")),
            "an unknown type": changed_bare(event_Result=replacing(b"Result", b"Outcome")),
            "a Setup with a parent": changed_bare(event_Setup=replacing(b"{", b'{"parent":"%s",' % (b"ab" * 32))),
            "no parent": changed_bare(event_EndBallots=to(b'{"height":5,"type":"EndBallots"}')),
            "a height that is a text": changed_bare(event_Result=replacing(b":9,", b':"9",')),
            "a height that is a float": changed_bare(event_Result=replacing(b":9,", b":9.0,")),
            "a key twice": changed_bare(event_Result=replacing(b'"height":9,', b'"height":9,"height":9,')),
        },
    ),
    *refusals(
        "event-height",
        EVENT,
        {
            "a height left out": changed_bare(event_Result=replacing(b":9,", b":10,")),
        },
    ),
    *refusals(
        "event-parent",
        EVENT,
        {
            "another event before": changed_bare(event_Result=lambda text, _: text[:11] + b"ab" * 32 + text[75:]),
            "another history": vector("broken-parent.bel"),
        },
    ),
    *refusals(
        "record-order",
        EVENT,
        {
            "a share that is not the one its owned text names": changed_bare(owned_1=payload_of_share),
            "a sized tally of another tally": changed_bare(sized=lambda text, _: text[:-66] + b"ab" * 32 + b'"}'),
            "tally and sized tally in the other order": changed_bare(archive=with_records(moved_data)),
            "an event without its data": changed_bare(archive=with_records(without_data)),
            "data that no event names": changed_bare(
                archive=with_records(lambda r: [*r[:-2], (f"{sha256(b'{}').hexdigest()}.data.json", b"{}"), *r[-2:]])
            ),
            "a thousand data records": changed_bare(
                archive=with_records(lambda r: r + [(f"{sha256(b'{}').hexdigest()}.data.json", b"{}")] * 1000)
            ),
        },
    ),
    *refusals(
        "event-order",
        EVENT,
        {
            "a trustee gives its share twice": bel(lambda: bare(shares=(1, 3, 3))),
            "a ballot after the close": vector("ballot-after-close.bel"),
            "two EndBallots": bel(lambda: bare(extra={"EncryptedTally": end_again})),
            "an end of shuffles where nothing is shuffled": bel(lambda: bare(extra={"share 1": end_shuffles})),
            "a second Setup": bel(lambda: bare(extra={"EndBallots": set_up_again})),
            "a result without a tally": bel(lambda: bare(shares=(), skip=frozenset(("EncryptedTally",)))),
            "ballots before any Setup": bel(lambda: bare(skip=frozenset(("Setup",)), until="EndBallots")),
        },
    ),
]
