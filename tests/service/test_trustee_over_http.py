"""Trustees with the command line tool and a real server: a whole ceremony, drill, roll-call and share. Issue 3 (c)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from io import StringIO
from pathlib import Path

import pytest

from tests.service.hand_clock import HandClock
from tests.service.invited_trustees import CAMPAIGN, guests
from tests.service.listening import Liar, lying
from tests.service.tool import Tool, take_part
from tests.service.trustee_hall import Hall, cast, hall, hashes, lone_hall
from veche.cli.trustee_ceremony import CERTIFICATE, COMMITTED, make_commitment
from veche.cli.trustee_options import desk_of
from veche.cli.typed_hash import grouped
from veche.crypto.certificate import Certificate, list_hash
from veche.crypto.errors import Inconsistent
from veche.crypto.scalar import system_randomness
from veche.observer.audit import audit
from veche.observer.durable_files import read_line
from veche.service import counting
from veche.service.ceremonies import settle_ceremony
from veche.service.contest_desk import held_desk, reading_desk
from veche.service.roll_call import answers
from veche.service.server import Server


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as found:
        yield found


@pytest.fixture
def lone(clock: HandClock, tmp_path: Path, stack: ExitStack) -> Hall:
    return lone_hall(clock, tmp_path, stack)


@pytest.fixture
def both(server: Server, clock: HandClock, tmp_path: Path, stack: ExitStack) -> Hall:
    """On SQLite and on PostgreSQL."""
    return hall(server, clock, tmp_path / "town", stack)


def test_a_whole_ceremony_drill_roll_call_and_share_with_one_trustee_missing_at_the_end(both: Hall) -> None:
    town = both.sealed()
    one, two, three = both.tools
    for tool in both.tools:
        assert tool.run(both.url, "confirm") == 0
        assert tool.run(both.url, "roll-call") == 0
    with both.server.storage.database.reading() as connection:
        assert set(answers(connection, town.uuid, town.manifest.opens_at)) == {1, 2, 3}
    town.open()
    cast(both.server, town, 0, 1, 2, 3)
    town.close()
    town.tally()
    known = hashes(town)
    assert one.run(both.url, "share", *known) == 0
    address = f"{both.url}/observer/elections/{town.uuid}"
    assert two.refused(both.url, "share", "--compare", address) == "same-host"
    # Trustee 2 stays away from here on.
    assert three.run(both.url, "share", "--compare", address, "--same-host") == 0
    with held_desk(both.server.storage, both.clock, town.uuid) as desk:
        assert counting.still_missing(desk) == ()
        counting.add_result(desk)
    with reading_desk(both.server.storage, both.clock, town.uuid) as desk:
        counting.publish(desk, 1)
    report = audit(town.source(), level="strict")
    assert (report.verdict, report.state) == ("ok", "published")
    assert report.to_json()["result"] == [[4, 0, 0]]


def test_a_trustee_can_do_every_step_by_hand_and_again(lone: Hall) -> None:
    lone.guests.begin()
    for command in ("certificate", "commit", "reveal", "deal", "check", "confirm"):
        for tool in lone.tools:
            more = ["--place", f"{tool.place}/2/3"] if command == "certificate" else []
            assert tool.run(lone.url, command, *more) == 0
            assert tool.run(lone.url, command, *more) == 0
    assert take_part(lone.url, lone.tools) == [0, 0, 0]


def test_a_step_before_its_turn_says_what_is_missing(lone: Hall) -> None:
    assert lone.tools[0].refused(lone.url, "commit") == "step-missing"
    lone.guests.begin()
    assert lone.tools[0].run(lone.url, "certificate", "--place", "1/2/3") == 0
    code, said = lone.tools[0].says(lone.url, "commit")
    assert code == 1
    assert "certificate of trustee 2, 3 is not there yet" in said


def test_waiting_is_told_in_plain_words_and_ends(lone: Hall) -> None:
    lone.guests.begin()
    code, said = lone.tools[0].says(lone.url, "take-part", "--place", "1/2/3", "--wait", "0", "--every", "0.05")
    assert code == 1
    assert "Waiting for the certificate of Boris (trustee 2), Clara (trustee 3)." in said
    assert "still-waiting" in said
    assert lone.tools[1].refused(lone.url, "take-part", "--place", "1/2/3") == "other-terms"
    assert not lone.tools[1].private.exists()


def test_nothing_is_chosen_before_the_hash_that_another_trustee_reads_was_typed_in(
    lone: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    lone.guests.begin()
    for tool in lone.tools:
        assert tool.run(lone.url, "certificate", "--place", f"{tool.place}/2/3") == 0
    first, second, third = lone.tools
    made = [Certificate.parse(read_line(one.private / CERTIFICATE)) for one in lone.tools]
    spoken = list_hash(made).hex()
    other = f"{spoken[:8]}{'0' if spoken[8] != '0' else '1'}{spoken[9:]}"
    again = ("take-part", "--place", "1/2/3", "--wait", "0", "--every", "0.05")
    monkeypatch.setattr("sys.stdin", StringIO(f"\n{other}\n{spoken[:40]}\n{grouped(spoken).upper()}\n"))
    code, said = first.says(lone.url, *again)
    assert (code, said.count("The hash, as another trustee reads it: ")) == (1, 4)
    asked = ("Type what another trustee reads to you.", "group 2 of 8. Have it read once more.", "found 40 of them")
    assert [said.count(sentence) for sentence in asked] == [1, 1, 1]
    assert "Step 2 of 5" in said.split(asked[2])[1]
    # What was chosen stays: nobody is asked again, and whoever asks is told the hash.
    monkeypatch.setattr("sys.stdin", StringIO())
    code, said = first.says(lone.url, *again)
    assert (code, "still-waiting" in said, "as another trustee reads it" in said, grouped(spoken) in said) == (1, True, False, True)
    for tool, heard, refusal in ((second, None, "still-waiting"), (second, "", "still-waiting"), (third, other, "not-confirmed")):
        if heard is not None:
            tool.heard.write_text(heard)
        more = ("--place", f"{tool.place}/2/3", "--wait", "0", "--heard-file", str(tool.heard))
        assert tool.refused(lone.url, "take-part", *more) == refusal
        assert not (tool.private / COMMITTED).exists()
    # A server that shows other certificates after the comparison gets nothing for them.
    desk = desk_of(second.private, None, second.link(lone.url), None)
    with pytest.raises(Inconsistent) as found:
        make_commitment(desk, None, system_randomness, compared=other)
    assert (found.value.code, (second.private / COMMITTED).exists()) == ("split-view", False)


def test_a_run_that_ended_without_a_key_is_told_to_who_waits(lone: Hall) -> None:
    lone.guests.begin()
    for tool in lone.tools[:2]:
        assert tool.run(lone.url, "certificate", "--place", f"{tool.place}/2/3") == 0
    lone.clock.time += 3601
    settle_ceremony(lone.server.storage, lone.clock, CAMPAIGN)
    code, said = lone.tools[0].says(lone.url, "take-part", "--place", "1/2/3")
    assert (code, "trustee 3 (Clara)" in said, "ceremony-ended" in said) == (1, True, True)
    assert lone.tools[2].refused(lone.url, "take-part", "--place", "3/2/3") == "not-allowed"


def test_every_contest_that_waits_gets_its_drill_and_the_same_again_changes_nothing(lone: Hall) -> None:
    first, second = lone.guests.contest("district-1"), lone.guests.contest("district-2")
    lone.make_keys()
    tool = lone.tools[0]
    code, said = tool.says(lone.url, "drill")
    assert code == 0
    assert first.uuid in said
    assert second.uuid in said
    before = tool.journal
    assert tool.run(lone.url, "drill", "--election", first.uuid) == 0
    assert tool.journal == before
    assert tool.refused(lone.url, "drill") == "nothing-to-do"


def test_a_token_of_another_campaign_or_none_opens_nothing(lone: Hall) -> None:
    lone.guests.begin()
    other = guests(lone.server, lone.clock, lone.guests.folder / "other", "other")
    tool = Tool(1, lone.guests.folder / "nobody", CAMPAIGN, other.tokens[0])
    assert tool.refused(lone.url, "certificate", "--place", "1/2/3") == "not-allowed"
    tool.token = "A" * 43
    assert tool.refused(lone.url, "certificate", "--place", "1/2/3") == "not-signed-in"
    assert not tool.private.exists()


def test_the_token_stands_in_no_log_and_no_address(lone: Hall) -> None:
    lone.guests.begin()
    liar = Liar(lone.url)
    with lying(liar) as url:
        assert lone.tools[0].run(url, "certificate", "--place", "1/2/3") == 0
    assert liar.sent
    assert all(lone.tools[0].token not in one.path and lone.tools[0].token.encode() not in one.sent for one in liar.sent)
