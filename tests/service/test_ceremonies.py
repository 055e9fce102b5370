"""A ceremony in the server's tables: who may write what and when, how it finishes, and how it ends without a key."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.service.hand_clock import HandClock
from tests.service.invited_trustees import CAMPAIGN, Guests, certify, check, commit, deal, guests, hold, reveal
from tests.service.memory_messages import MemoryMessages
from tests.service.town import HOUR
from veche.cli.trustee_ceremony import Desk, confirm_outcome, make_certificate, parse_place, take_shares
from veche.crypto.canonical_json import dumps
from veche.crypto.ceremony import Sharing
from veche.crypto.channel import Cipher, send
from veche.crypto.complaint import Complaint, complain
from veche.crypto.errors import ElectionError
from veche.crypto.run_file import EndedRun, FinishedRun, parse_run
from veche.crypto.scalar import system_randomness
from veche.observer.audit import audit
from veche.service.accounts import assign_role
from veche.service.audit_trail import notes_of
from veche.service.ceremonies import StoredRun, add_campaign_keys, begin_ceremony, put_message, runs_of, settle_ceremony
from veche.service.ceremony_board import CeremonyBoard
from veche.service.contest_desk import held_desk
from veche.service.sealing import known_trustees
from veche.service.server import Server
from veche.service.worker import handlers


@pytest.fixture
def invited(server: Server, clock: HandClock, tmp_path: Path) -> Guests:
    return guests(server, clock, tmp_path / "town")


def runs(invited: Guests) -> list[StoredRun]:
    with invited.server.storage.database.reading() as connection:
        return runs_of(connection, CAMPAIGN)


def put(invited: Guests, place: int, name: str, content: str | bytes) -> None:
    raw = content if isinstance(content, bytes) else content.encode()
    with invited.server.storage.database.writing() as connection:
        put_message(connection, CAMPAIGN, place, None, name, raw, invited.clock.now())


def refusal(step: Callable[[], object]) -> str:
    with pytest.raises(ElectionError) as refused:
        step()
    return refused.value.code


def names(invited: Guests) -> set[str]:
    with invited.server.storage.database.reading() as connection:
        return set(runs_of(connection, CAMPAIGN)[-1].messages(connection).names())


def text(desk: Desk, kind: str) -> str:
    """A message of this kind as this trustee's own files make it."""
    state = json.loads((desk.private / {"reveal": "2-revealed.json", "key": "4-finished.json"}[kind]).read_text())
    if kind == "reveal":
        return dumps(state["reveal"])
    return dumps({"verification_key": state["verification_key"], "group_signature": state["group_signature"]})


def test_when_the_last_key_has_come_the_run_finishes_and_every_contest_has_its_keys(invited: Guests) -> None:
    first, second = invited.contest("district-1"), invited.contest("district-2")
    assert invited.begin() == 1
    seats = invited.seats()
    hold(seats)
    (run,) = runs(invited)
    assert run.status == "finished"
    assert run.trustees is not None
    assert run.run_file is not None
    assert isinstance(parse_run(run.run_file), FinishedRun)
    for desk in seats:
        confirm_outcome(desk, run.trustees, run.run_file)
    settle_ceremony(invited.server.storage, invited.clock, CAMPAIGN)
    for town in (first, second):
        with held_desk(invited.server.storage, invited.clock, town.uuid) as record:
            assert known_trustees(record).raw == run.trustees
        report = audit(town.source())
        assert (report.verdict, report.state) == ("ok", "draft")
        assert not add_campaign_keys(invited.server.storage, invited.clock, town.uuid)


def test_a_contest_that_is_begun_after_the_ceremony_gets_the_keys_when_asked(invited: Guests) -> None:
    invited.begin()
    hold(invited.seats())
    late = invited.contest("district-9")
    assert add_campaign_keys(invited.server.storage, invited.clock, late.uuid)
    assert audit(late.source()).verdict == "ok"


def test_no_key_is_added_before_the_ceremony_is_over(invited: Guests) -> None:
    town = invited.contest()
    assert not add_campaign_keys(invited.server.storage, invited.clock, town.uuid)
    invited.begin()
    certify(invited.seats())
    assert not add_campaign_keys(invited.server.storage, invited.clock, town.uuid)


def test_a_ceremony_needs_trustees_deadlines_to_come_and_no_other_one_beside_it(invited: Guests) -> None:
    now = invited.clock.now()

    def begin(campaign: str, threshold: int, *deadlines: int) -> str:
        def step() -> None:
            first, second, third = deadlines
            with invited.server.storage.database.writing() as connection:
                begin_ceremony(connection, campaign, threshold, (now + first, now + second, now + third), now, None)

        return refusal(step)

    assert begin(CAMPAIGN, 2, 0, 1, 2) == "deadlines"
    assert begin(CAMPAIGN, 2, 3, 2, 1) == "deadlines"
    assert begin(CAMPAIGN, 3, 1, 2, 3) == "threshold-limits"
    assert begin(CAMPAIGN, 0, 1, 2, 3) == "threshold-limits"
    assert begin("another", 2, 1, 2, 3) == "trustees-few"
    assert runs(invited) == []
    invited.begin()
    assert begin(CAMPAIGN, 2, 1, 2, 3) == "ceremony-goes-on"
    hold(invited.seats())
    assert begin(CAMPAIGN, 2, 1, 2, 3) == "ceremony-goes-on"


def test_a_trustee_writes_in_its_own_name_only(invited: Guests) -> None:
    invited.begin()
    seats = invited.seats()
    made = make_certificate(Desk(seats[0].private, seats[0].shared), parse_place("1/2/3"), system_randomness).line()
    for name in ("certificate-1.json", "commitment-1.json", "reveal-1.json", "share-1-2.json", "key-1.json", "complaint-1-3.json"):
        assert refusal(partial(put, invited, 2, name, made)) == "not-allowed"
    assert refusal(lambda: put(invited, 4, "certificate-4.json", made)) == "not-allowed"
    assert names(invited) == {"terms.json", "certificate-1.json"}


@pytest.mark.parametrize(
    "name",
    ["terms.json", "certificate-0.json", "certificate-01.json", "certificate-1", "certificate-1.json/", "../certificate-1.json",
     "share-1-1.json", "share-1-4.json", "share-1.json", "complaint-1-1.json", "secret-1.json", "certificate-1.json\n", ""],
)  # fmt: skip
def test_a_name_that_no_message_has_is_refused(invited: Guests, name: str) -> None:
    invited.begin()
    assert refusal(lambda: put(invited, 1, name, "{}")) == "message-name"
    assert names(invited) == {"terms.json"}


def test_a_message_is_written_once(invited: Guests) -> None:
    invited.begin()
    first, other = invited.seats()[:2]
    make_certificate(first, parse_place("1/2/3"), system_randomness)
    mine = (first.private / "0-certificate.json").read_text()
    put(invited, 1, "certificate-1.json", mine)
    second = Desk(first.private.with_name("second"), other.shared)
    second.private.mkdir()
    assert refusal(lambda: make_certificate(second, parse_place("1/2/3"), system_randomness)) == "place-taken"
    assert refusal(lambda: put(invited, 1, "certificate-1.json", mine.replace("1", "2", 1))) == "ceremony-file"


def test_a_message_has_a_size(invited: Guests) -> None:
    invited.begin()
    assert refusal(lambda: put(invited, 1, "certificate-1.json", b"1" * (256 * 1024 + 1))) == "too-large"
    assert refusal(lambda: put(invited, 1, "certificate-1.json", b"\xff")) == "ceremony-file"


def test_a_certificate_is_signed_for_its_own_place_with_keys_of_its_own(invited: Guests, tmp_path: Path) -> None:
    invited.begin()
    seats = invited.seats()
    make_certificate(seats[0], parse_place("1/2/3"), system_randomness)
    mine = (seats[0].private / "0-certificate.json").read_text()
    for changed, code in (
        (mine, "trustee-key"),
        (mine + " ", "not-canonical"),
        ("{}", "wrong-fields"),
        (elsewhere(tmp_path, "2/1/3"), "certificate-context"),
        (elsewhere(tmp_path, "1/2/3"), "certificate-context"),
        (dumps({**json.loads(elsewhere(tmp_path, "2/2/3")), "signature": json.loads(mine)["signature"]}), "certificate-signature"),
    ):
        assert refusal(partial(put, invited, 2, "certificate-2.json", changed)) == code
    assert names(invited) == {"terms.json", "certificate-1.json"}


def elsewhere(tmp_path: Path, place: str) -> str:
    """A certificate for this place, made at another board."""
    desk = Desk(tmp_path / f"elsewhere-{place[0]}-{place[2]}", CeremonyBoard(MemoryMessages()))
    return make_certificate(desk, parse_place(place), system_randomness).line()


def test_each_step_waits_for_the_one_before(invited: Guests) -> None:
    invited.begin()
    seats = invited.seats()
    certify(seats[:2])
    assert refusal(lambda: put(invited, 1, "commitment-1.json", dumps({"commitment": "00" * 32}))) == "too-early"
    certify(seats[2:], 3)
    commit(seats[:2])
    assert refusal(lambda: put(invited, 1, "reveal-1.json", "{}")) == "too-early"
    commit(seats[2:])
    reveal(seats[:2])
    assert refusal(lambda: put(invited, 1, "share-1-2.json", "{}")) == "too-early"
    assert refusal(lambda: put(invited, 1, "complaint-1-2.json", "{}")) == "too-early"
    assert refusal(lambda: put(invited, 1, "key-1.json", "{}")) == "too-early"
    reveal(seats[2:])
    deal(seats[:2])
    assert refusal(lambda: put(invited, 1, "key-1.json", "{}")) == "too-early"


def test_a_reveal_that_is_not_what_was_committed_is_not_taken(invited: Guests) -> None:
    invited.begin()
    seats = invited.seats()
    certify(seats)
    commit(seats)
    reveal(seats[:2])
    path = seats[2].private / "1-committed.json"
    state = json.loads(path.read_text())
    path.write_text(dumps({**state, "lot": "11" * 32}))
    assert refusal(lambda: reveal(seats[2:])) == "own-commitment"
    path.write_text(dumps(state))
    other = text(seats[0], "reveal")
    assert refusal(lambda: put(invited, 3, "reveal-3.json", other)) == "ceremony-commitment"
    assert "reveal-3.json" not in names(invited)
    reveal(seats[2:])


def test_a_share_is_the_one_that_its_dealers_reveal_speaks_of(invited: Guests) -> None:
    invited.begin()
    seats = invited.seats()
    for step in (certify, commit, reveal):
        step(seats)
    assert refusal(lambda: put(invited, 1, "share-1-2.json", "{}")) == "not-the-dealers-message"
    deal(seats)
    assert {"share-1-2.json", "share-3-1.json"} <= names(invited)


def test_a_key_that_does_not_follow_from_the_shares_or_has_another_name_is_not_taken(invited: Guests) -> None:
    invited.begin()
    seats = invited.seats()
    for step in (certify, commit, reveal, deal):
        step(seats)
    check(seats[:1])
    mine = text(seats[0], "key")
    assert refusal(lambda: put(invited, 2, "key-2.json", mine)) in ("other-terms", "verification-key")
    renamed = json.loads(mine)
    renamed["verification_key"]["name"] = "Boris"
    assert refusal(lambda: put(invited, 2, "key-2.json", dumps(renamed))) == "verification-key"
    assert refusal(lambda: take_shares(seats[1], "Mallory", system_randomness)) == "other-terms"
    assert "key-2.json" not in names(invited)


def deal_badly(desk: Desk, recipient: int) -> None:
    """Before it reveals, the dealer puts another number into the text for `recipient`."""
    path = desk.private / "1-committed.json"
    state = json.loads(path.read_text())
    certificate = desk.shared.certificates(3)[recipient - 1]
    assert certificate is not None
    state["secrets"][recipient - 1] = send(
        desk.keys(), certificate.encryption, dumps({"secret": "12345"}), Cipher.GCM, system_randomness
    )
    path.write_text(dumps(state))


def complained(invited: Guests) -> list[Desk]:
    """A run that ended because trustee 1 dealt badly to trustee 3."""
    invited.begin()
    seats = invited.seats()
    certify(seats)
    commit(seats)
    deal_badly(seats[0], 3)
    reveal(seats)
    deal(seats)
    assert isinstance(take_shares(seats[2], None, system_randomness), Complaint)
    return seats


def test_a_complaint_ends_the_run_by_name_and_the_next_one_goes_on_without_it(invited: Guests) -> None:
    town = invited.contest()
    seats = complained(invited)
    (run,) = runs(invited)
    ended = parse_run(run.run_file or b"")
    assert isinstance(ended, EndedRun)
    assert (run.status, ended.code, ended.named) == ("ended", "bad-share", (1,))
    assert refusal(lambda: check(seats[1:2])) == "ceremony-over"
    with invited.server.storage.database.writing() as connection:
        assign_role(connection, CAMPAIGN, invited.accounts[0], "trustee", 3 + 1)
    assert invited.begin() == 2
    again = invited.seats(2)
    # A seed of the run that ended is used no more.
    old = (seats[1].private / "0-certificate.json").read_text()
    assert refusal(lambda: put(invited, 2, "certificate-2.json", old)) in ("ceremony-trustees", "certificate-context")
    hold(again)
    settle_ceremony(invited.server.storage, invited.clock, CAMPAIGN)
    last = runs(invited)[-1]
    finished = parse_run(last.run_file or b"")
    assert isinstance(finished, FinishedRun)
    assert finished.terms.names == ("Boris", "Clara", "Anna")
    assert finished.previous is not None
    assert audit(town.source()).verdict == "ok"


def test_whoever_is_named_has_no_place_in_the_next_run(invited: Guests) -> None:
    complained(invited)
    invited.begin(1)
    assert refusal(lambda: put(invited, 3, "certificate-3.json", "{}")) == "not-allowed"
    with invited.server.storage.database.reading() as connection:
        terms = runs_of(connection, CAMPAIGN)[-1].board(connection).terms()
    assert terms is not None
    assert (terms.size, terms.names) == (2, ("Boris", "Clara"))


def test_a_false_complaint_names_the_complainant_and_one_that_names_nobody_is_not_taken(invited: Guests) -> None:
    invited.begin()
    seats = invited.seats()
    for step in (certify, commit, reveal, deal):
        step(seats)
    state = Sharing.from_json(json.loads((seats[1].private / "3-sharing.json").read_text()))
    message = seats[1].shared.share(1, 2)
    assert message is not None
    false = complain(seats[1].keys(), message, state.dealing(), 1, 2, system_randomness)
    void = dumps({**false.to_json(), "message": message + " "})
    assert refusal(lambda: put(invited, 2, "complaint-2-1.json", void)) == "complaint-void"
    assert refusal(lambda: put(invited, 2, "complaint-2-3.json", dumps(false.to_json()))) == "not-allowed"
    put(invited, 2, "complaint-2-1.json", dumps(false.to_json()))
    ended = parse_run(runs(invited)[-1].run_file or b"")
    assert isinstance(ended, EndedRun)
    assert (ended.code, ended.named) == ("false-complaint", (2,))


def test_a_complaint_after_the_deadline_or_after_ones_own_key_is_late(invited: Guests) -> None:
    invited.begin()
    seats = invited.seats()
    certify(seats)
    commit(seats)
    deal_badly(seats[0], 3)
    reveal(seats)
    deal(seats)
    check(seats[1:2])
    invited.clock.time += 3 * HOUR + 1
    assert refusal(lambda: check(seats[2:])) == "complaint-late"
    assert "complaint-3-1.json" not in names(invited)


@pytest.mark.parametrize(
    ("step", "code"), list(enumerate(("no-certificate", "no-commitment", "no-reveal", "no-share", "no-key")))
)
def test_silence_at_a_deadline_ends_the_run_and_names_the_silent(invited: Guests, step: int, code: str) -> None:
    invited.begin()
    seats = invited.seats()
    steps: list[Callable[[Sequence[Desk]], None]] = [certify, commit, reveal, deal, check]
    for each in steps[:step]:
        each(seats)
    steps[step](seats[:2])
    server, clock = invited.server, invited.clock
    clock.time += (1, 1, 2, 3, 3)[step] * HOUR
    assert settle_ceremony(server.storage, clock, CAMPAIGN) is None
    clock.time += 1
    if step < 3:
        assert refusal(lambda: put(invited, 3, ("certificate", "commitment", "reveal")[step] + "-3.json", "{}")) == "too-late"
    handlers(server)["ceremony"](server, {"campaign": CAMPAIGN})
    ended = parse_run(runs(invited)[-1].run_file or b"")
    assert isinstance(ended, EndedRun)
    assert (ended.code, ended.named) == (code, (3,))


def test_everything_is_in_the_audit_trail(invited: Guests) -> None:
    invited.begin()
    hold(invited.seats())
    with invited.server.storage.database.reading() as connection:
        actions = [one.action for one in notes_of(connection, CAMPAIGN)]
    assert actions[0] == "ceremony-finished"
    assert actions[-1] == "ceremony-begun"
    assert actions.count("ceremony-message") == 3 * 4 + 6
