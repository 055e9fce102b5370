"""Servers that lie to a trustee: neither share nor drill leaves the tool, and the journal is as it was. Issue 3 (c), attack D6.

The liar is a real HTTP server between the tool and an honest one, or a copy of the honest one in dishonest hands.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import pytest

from tests.service.hand_clock import HandClock
from tests.service.invited_trustees import CAMPAIGN
from tests.service.listening import Exchange, Liar, listening, lying
from tests.service.town import ServedTown, hold_ceremony
from tests.service.trustee_hall import Hall, cast, counting_stage, hall, hashes, lone_hall
from veche.ballot.encrypted_ballot import read_ballot
from veche.ballot.tally import size_tally
from veche.cli.trustee_key import read_trustee_key
from veche.crypto.group import Point, secret_multiple
from veche.ledger.annex import Drill as DrillAnnex
from veche.ledger.event import EventType
from veche.observer.board import board_of, read_annexes, tally_of
from veche.service.ceremonies import add_campaign_keys
from veche.service.contest_desk import reading_desk
from veche.service.server import Server, open_server
from veche.service.settings import Settings


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as found:
        yield found


@pytest.fixture
def lone(clock: HandClock, tmp_path: Path, stack: ExitStack) -> Hall:
    return lone_hall(clock, tmp_path, stack)


def alpha_of(town: ServedTown) -> Point:
    """alpha of the first choice of the first ballot."""
    place = board_of(town.source()).ballots[0]
    with town.source().archive() as stream:
        stream.seek(place.offset)
        ballot = read_ballot(stream.read(place.size))
    return Point.from_hex(json.loads(ballot.raw)["answers"][0]["choices"][0]["alpha"])


def test_a_drill_point_that_is_a_ballots_alpha_has_no_place_in_the_protocol(lone: Hall) -> None:
    older = counting_stage(lone, 0, 1, 2)
    town = lone.guests.contest("district-2")
    add_campaign_keys(lone.server.storage, lone.clock, town.uuid)
    alpha = alpha_of(older)
    tool = lone.tools[0]
    key = read_trustee_key(tool.private / "trustee.key", None)
    wanted = secret_multiple(key.secret, alpha).hex()

    def with_point(exchange: Exchange) -> None:
        if exchange.path.endswith((f"/api/trustee/{CAMPAIGN}", "manifest.json")):
            value = json.loads(exchange.body)
            value["point"] = alpha.hex()
            for contest in value.get("contests", ()):
                contest["point"] = alpha.hex()
            exchange.body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

    def only_standing(exchange: Exchange) -> None:
        if not exchange.path.endswith("manifest.json"):
            with_point(exchange)

    liar = Liar(lone.url, with_point)
    with lying(liar) as url:
        assert tool.refused(url, "drill") == "manifest-malformed"
        assert liar.left() == []
    liar = Liar(lone.url, only_standing)
    with lying(liar) as url:
        assert tool.run(url, "drill") == 0
    (handed,) = [one.sent for one in liar.sent if one.method == "PUT"]
    assert wanted not in handed.decode()
    annex = next(one for one in read_annexes(town.source(), town.uuid) if isinstance(one, DrillAnnex))
    assert annex.owner == 1
    assert annex.factor != wanted


def test_a_drill_for_another_trustee_set_never_leaves(lone: Hall, tmp_path: Path) -> None:
    town = lone.guests.contest()
    lone.make_keys()
    other, _ = hold_ceremony(tmp_path / "others", lone.clock.now())

    def swap(exchange: Exchange) -> None:
        if exchange.path.endswith(f"{town.uuid}/trustees.json"):
            exchange.body = other

    liar = Liar(lone.url, swap)
    with lying(liar) as url:
        assert lone.tools[0].refused(url, "drill") == "other-group"
    assert liar.left() == []


def test_a_manifest_of_another_election_is_not_drilled(lone: Hall) -> None:
    first, second = lone.guests.contest("district-1"), lone.guests.contest("district-2")
    lone.make_keys()

    def swap(exchange: Exchange) -> None:
        if exchange.path.endswith(f"{first.uuid}/manifest.json"):
            exchange.body = second.manifest.encode()

    liar = Liar(lone.url, swap)
    with lying(liar) as url:
        assert lone.tools[0].refused(url, "drill", "--election", first.uuid) == "other-manifest"
    assert liar.left() == []


def test_a_share_of_the_ceremony_changed_on_the_way_names_nobody_and_gives_no_key(lone: Hall) -> None:
    lone.guests.begin()
    for command in ("certificate", "commit", "reveal", "deal"):
        for tool in lone.tools:
            assert tool.run(lone.url, command, *(["--place", f"{tool.place}/2/3"] if command == "certificate" else [])) == 0

    def spoil(exchange: Exchange) -> None:
        if exchange.path.endswith("share-1-2.json"):
            exchange.body = exchange.body.replace(b'"data":"', b'"data":"00')

    liar = Liar(lone.url, spoil)
    with lying(liar) as url:
        assert lone.tools[1].refused(url, "check") == "not-the-dealers-message"
    assert liar.left() == []
    assert not (lone.tools[1].private / "trustee.dkey").exists()
    assert lone.tools[1].run(lone.url, "check") == 0


def test_two_views_of_the_commitments_are_seen_before_any_share_goes_out(lone: Hall) -> None:
    lone.guests.begin()
    for command in ("certificate", "commit"):
        for tool in lone.tools:
            assert tool.run(lone.url, command, *(["--place", f"{tool.place}/2/3"] if command == "certificate" else [])) == 0
    for tool in lone.tools[1:]:
        assert tool.run(lone.url, "reveal") == 0
    kept: dict[str, bytes] = {}

    def two_views(exchange: Exchange) -> None:
        if exchange.path.endswith("commitment-2.json"):
            exchange.body = json.dumps({"commitment": "11" * 32}, separators=(",", ":")).encode()
        if exchange.method == "PUT":
            kept[exchange.path] = exchange.sent
        elif exchange.path in kept:
            exchange.status, exchange.body = 200, kept[exchange.path]

    liar = Liar(lone.url, two_views, keeps=lambda one: one.method == "PUT")
    with lying(liar) as url:
        assert lone.tools[0].run(url, "reveal") == 0
        assert lone.tools[0].refused(url, "deal") == "split-view"
    assert liar.left("share-") == []


def test_a_run_file_that_tells_of_another_ceremony_is_not_confirmed(lone: Hall, tmp_path: Path) -> None:
    lone.make_keys()
    trustees, run = hold_ceremony(tmp_path / "others", lone.clock.now())

    def swap(exchange: Exchange) -> None:
        if exchange.path.endswith("ceremony/trustees.json"):
            exchange.body = trustees
        if exchange.path.endswith("ceremony/run.json"):
            exchange.body = run

    with lying(Liar(lone.url, swap)) as url:
        assert lone.tools[0].refused(url, "confirm") == "other-group"


def clone(found: Hall, folder: Path, stack: ExitStack) -> tuple[Server, str]:
    """A second server with all that the first one has, as a dishonest operator would make it."""
    shutil.copytree(found.server.settings.data, folder)
    server = open_server(Settings(data=folder, database="", checkers=1, worker=False), found.clock)
    stack.callback(server.close)
    return server, stack.enter_context(listening(server))


def same_contest(server: Server, town: ServedTown) -> ServedTown:
    """The contest as a copy of its server has it."""
    return replace(town, server=server, clock=HandClock(town.clock.time))


def finish_on(server: Server, town: ServedTown) -> ServedTown:
    """The same contest on another server, closed and added up there."""
    other = same_contest(server, town)
    other.close()
    other.tally()
    return other


@dataclass(slots=True)
class Fork:
    """The same sealed election on an honest server, with four ballots, and on another one, with fewer."""

    honest: Hall
    town: ServedTown
    url: str
    other: ServedTown


def fork(found: Hall, tmp_path: Path, stack: ExitStack, before: tuple[int, ...], after: tuple[int, ...]) -> Fork:
    town = found.sealed()
    town.open()
    cast(found.server, town, *before)
    server, url = clone(found, tmp_path / "clone", stack)
    cast(found.server, town, *after)
    other = finish_on(server, town)
    town.close()
    town.tally()
    return Fork(found, town, url, other)


def add_up_anyway(town: ServedTown) -> None:
    """The encrypted total, by an operator who does not mind how few have voted."""
    with reading_desk(town.server.storage, town.clock, town.uuid) as desk:
        source = desk.store.source()
        board = board_of(source)
        tally, counted = tally_of(source, board), len(board.counted())
        named = size_tally(tally, counted, counted).encode()
        desk.append([desk.event(EventType.ENCRYPTED_TALLY, sha256(named).hexdigest(), tally.encode(), named)])


def test_a_board_of_one_ballot_gets_nothing_even_from_somebody_who_believes_its_hashes(
    lone: Hall, tmp_path: Path, stack: ExitStack
) -> None:
    town = lone.sealed()
    town.open()
    cast(lone.server, town, 0)
    server, liar_url = clone(lone, tmp_path / "clone", stack)
    cast(lone.server, town, 1, 2)
    other = same_contest(server, town)
    other.close()
    other.issue([])
    add_up_anyway(other)
    town.close()
    town.tally()
    liar = Liar(liar_url)
    with lying(liar) as url:
        assert lone.tools[0].refused(url, "share", *hashes(town)) == "not-confirmed"
        assert lone.tools[0].refused(url, "share", *hashes(other)) == "too-few-ballots"
        assert lone.tools[0].refused(url, "share", *hashes(other), "--minimum", "0") == "too-few-ballots"
    assert liar.left() == []


def test_a_board_cut_before_a_ballot_gets_nothing(lone: Hall, tmp_path: Path, stack: ExitStack) -> None:
    found = fork(lone, tmp_path, stack, (0, 1, 2), (3,))
    tool, known = lone.tools[0], hashes(found.town)
    liar = Liar(found.url)
    with lying(liar) as url:
        assert tool.refused(url, "share", *known) == "not-confirmed"
        honest = f"{lone.url}/observer/elections/{found.town.uuid}"
        assert tool.refused(url, "share", "--compare", honest, "--same-host") == "not-confirmed"
        assert liar.left() == []
        # After the honest total not even somebody who believes the liar's hashes gives a second one.
        assert tool.run(lone.url, "share", *known) == 0
        assert tool.refused(url, "share", *hashes(found.other)) == "second-tally"
    assert liar.left() == []


def test_a_record_of_another_trustee_set_gets_nothing(lone: Hall, tmp_path: Path, stack: ExitStack) -> None:
    lone.sealed()
    server = open_server(Settings(data=tmp_path / "others", database="", checkers=1, worker=False), lone.clock)
    stack.callback(server.close)
    others = hall(server, lone.clock, tmp_path / "other-town", stack)
    town = counting_stage(others, 0, 1, 2)

    # The liar takes everybody's token for a good one of its own.
    liar = Liar(others.url, bearer=others.tools[0].token)
    with lying(liar) as url:
        assert lone.tools[0].refused(url, "share", *hashes(town)) == "other-group"
        assert lone.tools[0].refused(url, "roll-call", "--election", town.uuid) == "other-group"
    assert liar.left() == []


def test_a_share_changed_on_the_way_is_not_taken_and_names_nobody(lone: Hall) -> None:
    town = counting_stage(lone, 0, 1, 2)

    def spoil(exchange: Exchange) -> None:
        if exchange.path.endswith("/shares"):
            exchange.sent = exchange.sent.replace(b'"signature":{"challenge":"', b'"signature":{"challenge":"1', 1)

    liar = Liar(lone.url, spoil=spoil)
    with lying(liar) as url:
        code, _ = lone.tools[0].says(url, "share", *hashes(town))
    assert code == 1
    state = [entry.TYPE for entry in read_annexes(town.source(), town.uuid)]
    assert "share-refused" not in state
    # The journal has it, so the very same share goes out again.
    assert lone.tools[0].run(lone.url, "share", *hashes(town)) == 0


def test_a_server_that_sends_us_elsewhere_is_not_followed(lone: Hall) -> None:
    lone.guests.begin()
    target = Liar(lone.url)
    with lying(target) as elsewhere:

        def redirect(exchange: Exchange) -> None:
            exchange.status, exchange.body = 302, elsewhere.encode() + exchange.path.encode()

        with lying(Liar(lone.url, redirect)) as url:
            assert lone.tools[0].refused(url, "certificate", "--place", "1/2/3") == "redirected"
    assert target.sent == []
