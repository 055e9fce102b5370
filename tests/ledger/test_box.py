"""Specifies ledger/box.py. That whatever it accepts passes the audit is shown by tests/election/test_box_and_audit.py."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ballot.small_election import LEGAL, cast, changed, credentials, election, key, resigned
from tests.crypto.ceremony_story import stream
from veche.ballot.prepared_ballot import prepare_ballot
from veche.crypto.backend import Counting, active, using
from veche.crypto.errors import ElectionError, Malformed, Refused
from veche.ledger.box import BallotBox
from veche.ledger.chain import append, verify_follows
from veche.ledger.event import Event, EventType

SETUP = append(None, EventType.SETUP, "0" * 64)
BALLOTS = [cast(election(), voter, LEGAL, f"box {voter} {turn}") for turn in range(2) for voter in range(3)]


def listed(*voters: int) -> set[str]:
    return {key(f"voter {voter}").public.hex() for voter in voters}


def open_box(issued: set[str] | None = None) -> BallotBox:
    return BallotBox(election(), credentials(), SETUP, issued)


CHECKED = [open_box().check(raw) for raw in BALLOTS]


def code_of(box: BallotBox, raw: bytes) -> str:
    before = (box.last, set(box.trackers), box.issued)
    with pytest.raises(ElectionError) as refusal:
        box.append(box.check(raw))
    assert (box.last, box.trackers, box.issued) == before
    return refusal.value.code


def test_an_accepted_ballot_is_the_next_link_of_the_chain() -> None:
    box = open_box()
    previous: Event = SETUP
    for raw in BALLOTS:
        event = box.append(box.check(raw))
        verify_follows(event, previous)
        assert (event.type, event.payload) == (EventType.BALLOT, sha256(raw).hexdigest())
        assert box.last == previous.__class__(previous.digest, previous.height + 1, event.type, event.payload)
        previous = event
    assert box.trackers == {sha256(raw).hexdigest() for raw in BALLOTS}


def test_checking_changes_nothing() -> None:
    box = open_box()
    box.check(BALLOTS[0])
    assert (box.last, box.trackers) == (SETUP, set())


@given(order=st.lists(st.sampled_from(range(len(BALLOTS))), max_size=12))
def test_each_ballot_joins_once_however_often_it_is_offered(order: list[int]) -> None:
    box, accepted = open_box(), []
    for which in order:
        if which in accepted:
            with pytest.raises(Refused) as refusal:
                box.append(CHECKED[which])
            assert refusal.value.code == "duplicate-ballot"
        else:
            box.append(CHECKED[which])
            accepted.append(which)
    assert box.last.height == len(accepted) == len(set(order))


def test_the_same_ballot_checked_twice_before_either_joins_is_still_refused_once() -> None:
    box = open_box()
    first, second = box.check(BALLOTS[0]), box.check(BALLOTS[0])
    box.append(first)
    with pytest.raises(Refused) as refusal:
        box.append(second)
    assert refusal.value.code == "duplicate-ballot"


def test_a_ballot_of_the_chain_is_refused_after_a_restart() -> None:
    box = open_box()
    box.append(box.check(BALLOTS[0]))
    again = BallotBox(election(), credentials(), box.last, None, set(box.trackers))
    assert code_of(again, BALLOTS[0]) == "duplicate-ballot"
    assert again.append(again.check(BALLOTS[1])).height == 2


def test_an_older_ballot_offered_again_does_not_put_itself_in_the_place_of_a_newer_one() -> None:
    box = open_box()
    for raw in (BALLOTS[0], BALLOTS[3]):
        box.append(box.check(raw))
    assert code_of(box, BALLOTS[0]) == "duplicate-ballot"


def test_a_voter_may_vote_again() -> None:
    box = open_box()
    assert [box.append(box.check(BALLOTS[which])).height for which in (0, 3)] == [1, 2]


def test_a_credential_votes_only_after_it_was_handed_out() -> None:
    box = open_box(issued=set())
    assert code_of(box, BALLOTS[0]) == "not-issued"
    box.hand_out(listed(1))
    assert code_of(box, BALLOTS[0]) == "not-issued"
    box.hand_out(listed(0))
    assert box.append(box.check(BALLOTS[0])).height == 1
    assert box.append(box.check(BALLOTS[1])).height == 2


def test_without_a_registrar_every_listed_credential_may_vote_and_no_other() -> None:
    box = open_box(issued=None)
    box.append(box.check(BALLOTS[2]))
    assert code_of(box, cast(election(), 9, LEGAL)) == "unknown-credential"


def test_a_credential_that_is_handed_out_but_not_listed_may_not_vote() -> None:
    assert code_of(open_box(issued=listed(0, 9)), cast(election(), 9, LEGAL)) == "unknown-credential"


def test_a_bad_ballot_of_a_credential_not_handed_out_is_refused_for_what_the_audit_would_say() -> None:
    box = open_box(issued=set())
    assert code_of(box, BALLOTS[0] + b"\n") == "ballot-malformed"
    assert code_of(box, resigned(BALLOTS[0], 1, lambda _: None)) == "invalid-signature"


def test_nobody_without_the_credential_makes_the_box_check_proofs() -> None:
    box, counting = open_box(issued=set()), Counting(active())
    forged = changed(BALLOTS[0], lambda value: value["signature"]["proof"].update(response="1"))
    with using(counting):
        assert code_of(box, forged) == "invalid-signature"
    assert (counting.memberships, counting.terms) == (0, 2)


def test_an_opened_ballot_is_never_accepted() -> None:
    opened = prepare_ballot(election(), key("voter 0").public, LEGAL, stream("opened")).open()
    for raw in (opened.unsigned, opened.encode()):
        with pytest.raises(Malformed) as refusal:
            open_box().check(raw)
        assert refusal.value.code == "ballot-malformed"
