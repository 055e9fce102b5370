"""Before a share leaves the browser: the total is Python's, and a record that anybody changed gets nothing. protocol.md 7.6."""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest

from tests.service.hand_clock import HandClock
from tests.service.town import ServedTown, open_town
from tests.web.node import run_program
from veche.ballot.tally import parse_sized_tally
from veche.crypto.canonical_json import array, encode, parse
from veche.crypto.scalar import Q
from veche.ledger.archive import data_record, event_record, header_record
from veche.ledger.chain_reader import read_chain
from veche.ledger.event import Event, EventType
from veche.observer.board import board_of
from veche.service.server import open_server
from veche.service.settings import Settings


@dataclass(frozen=True)
class Link:
    """An event's type and the contents of its records."""

    type: EventType
    records: tuple[bytes, ...]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedTown]:
    folder, clock = tmp_path_factory.mktemp("town"), HandClock()
    server = open_server(Settings(data=folder / "data", database="", checkers=1, worker=False), clock)
    made = open_town(server, clock, folder / "town", minimum_ballots=3)
    # The third voter votes again: only the second ballot counts.
    for place, choice in ((0, 0), (1, 1), (2, 1), (2, 2)):
        marks = tuple(int(one == choice) for one in range(3))
        assert asyncio.run(server.casting.cast(made.uuid, made.ballot(place, (marks,)), "192.0.2.1")).new
    made.close()
    made.tally()
    yield made
    server.close()


def _links(town: ServedTown) -> list[Link]:
    with town.source().archive() as stream:
        return [Link(one.event.type, tuple(record.content for record in one.records)) for one in read_chain(stream)]


def _archive(links: Sequence[Link]) -> bytes:
    """An archive of these links in which every hash fits, as whoever runs the server could make it."""
    parts, parent = [header_record(1)], None
    for height, link in enumerate(links):
        payload = sha256(link.records[-1]).hexdigest() if link.records else None
        event = Event(parent, height, link.type, payload)
        parts += [data_record(one, 1) for one in link.records] + [event_record(event.text(), 1)]
        parent = event.digest
    return b"".join(parts)


def _hash(links: Sequence[Link], kind: EventType) -> str:
    """The hash of the first event of this type."""
    with BytesIO(_archive(links)) as stream:
        return next(one.event_hash for one in read_chain(stream) if one.event.type is kind)


def _without_one_ballot(links: list[Link]) -> list[Link]:
    return [*links[:1], *links[2:]]


def _one_ballot_twice(links: list[Link]) -> list[Link]:
    return [*links[:2], *links[1:]]


def _forged_ballot(links: list[Link]) -> list[Link]:
    # The first number that is none: a digit more would be one, now and then.
    changed = re.sub(rb'"challenge":"\d+"', b'"challenge":"%d"' % Q, links[1].records[0], count=1)
    return [links[0], Link(EventType.BALLOT, (changed,)), *links[2:]]


def _total_of_one_ballot(links: list[Link]) -> list[Link]:
    """What the server would like to have decrypted: one person's ballot in the place of the sum."""
    ballot = parse(links[1].records[0])
    assert isinstance(ballot, dict)
    answers = [one["choices"] for one in array(ballot["answers"]) if isinstance(one, dict)]
    tally = encode(answers)
    at = next(k for k, one in enumerate(links) if one.type is EventType.ENCRYPTED_TALLY)
    sized = replace(parse_sized_tally(links[at].records[1]), encrypted_tally=sha256(tally).hexdigest()).encode()
    return [*links[:at], Link(EventType.ENCRYPTED_TALLY, (tally, sized))]


def _open_still(links: list[Link]) -> list[Link]:
    return links[:4]


def _few(links: list[Link]) -> list[Link]:
    return [*links[:2], *links[5:]]


def _level_belenios(links: list[Link], manifest: bytes) -> tuple[list[Link], bytes]:
    """Setup promises less than strict, by election and manifest in accord: `links` and the manifest of it."""
    lower = manifest.replace(b'"level":"strict"', b'"level":"belenios"', 1)
    election, *others, data = links[0].records
    promises = (("strict", manifest), ("belenios", lower))
    said, says = (f"level={level} manifest=sha256:{sha256(raw).hexdigest()}" for level, raw in promises)
    changed = election.replace(said.encode(), says.encode(), 1)
    named = data.replace(sha256(election).hexdigest().encode(), sha256(changed).hexdigest().encode(), 1)
    return [Link(EventType.SETUP, (changed, *others, named)), *links[1:]], lower


CHANGED: dict[str, Callable[[list[Link]], list[Link]]] = {
    "ballot-twice": _one_ballot_twice,
    "ballot-scalar": _forged_ballot,
    "encrypted-tally": _total_of_one_ballot,
    "not-decrypting": _open_still,
    "too-few-ballots": _few,
}


def test_the_page_adds_up_the_same_total_and_refuses_every_changed_record(town: ServedTown, tmp_path: Path) -> None:
    links, board = _links(town), board_of(town.source())
    with town.source().archive() as stream:
        raw = stream.read()
    manifest = b64encode(town.source().manifest()).decode()
    honest = {"manifest": manifest, "uuid": town.uuid, "setup": board.setup, "end": board.end or ""}

    def given(archive: bytes, **more: str) -> dict[str, str]:
        return {"archive": b64encode(archive).decode(), **honest, **more}

    asked = [given(raw), given(_archive(links))]
    for change in CHANGED.values():
        changed = change(links)
        # Even if the person took the changed end for the right one.
        asked.append(given(_archive(changed), **({} if change is _open_still else {"end": _hash(changed, EventType.END_BALLOTS)})))
    asked.append(given(_archive(_without_one_ballot(links))))
    asked.append(given(raw, setup="A" * 16))
    asked.append(given(raw.replace(b'"choices"', b'"chosen!"', 1)))
    lowered = town.source().manifest().replace(b'"minimum_ballots":3', b'"minimum_ballots":1')
    asked.append(given(raw, manifest=b64encode(lowered).decode()))
    weaker, manifest_of_it = _level_belenios(links, town.source().manifest())
    confirmed = {"setup": _hash(weaker, EventType.SETUP), "end": _hash(weaker, EventType.END_BALLOTS)}
    asked.append(given(_archive(weaker), manifest=b64encode(manifest_of_it).decode(), **confirmed))
    total = (board.tally or b"").decode()
    refused = ["not-confirmed-end", "not-confirmed-setup", "chain-broken", "manifest-hash", "level-belenios"]
    expected = [total, total, *CHANGED, *refused]
    assert run_program("judged_record", asked, tmp_path) == expected
