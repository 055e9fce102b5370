"""Specifies ledger/timeline.py."""

from __future__ import annotations

from functools import reduce

import pytest

from tests.ledger.test_annex import UUID
from tests.ledger.test_event import HASH
from veche.crypto.errors import Refused
from veche.ledger.annex import Closed, Extended, Incident, Opened
from veche.ledger.entry import Entry
from veche.ledger.event import Event, EventType
from veche.ledger.timeline import Timeline

CLOSES, UNTIL = 2000, 3000


def after(*entries: Entry, until: int | None = UNTIL) -> Timeline:
    return reduce(Timeline.after, entries, Timeline(CLOSES, until))


def extended(time: int, closes_at: int) -> Extended:
    return Extended(UUID, time, closes_at, "outage")


def test_times_may_stand_still_but_never_go_back() -> None:
    ballot = Event(HASH, 1, EventType.BALLOT, HASH)
    there = after(Opened(UUID, 1000), Incident(UUID, 1000, "mail-delayed"), ballot, Closed(UUID, 2000, 0))
    assert there.latest == 2000
    with pytest.raises(Refused) as refusal:
        after(Opened(UUID, 1000), ballot, Incident(UUID, 999, "mail-delayed"))
    assert refusal.value.code == "entry-time"


def test_an_extension_moves_the_end_up_to_what_the_manifest_allows() -> None:
    there = after(Opened(UUID, 1000), extended(1999, 2500), extended(2499, 3000))
    assert there.closes_at == 3000


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param([extended(2000, 2500)], id="decided when the time was up"),
        pytest.param([extended(1500, 2500), extended(2500, 2600)], id="decided when the extended time was up"),
        pytest.param([extended(1500, 2000)], id="to the same end"),
        pytest.param([extended(1500, 1900)], id="to an earlier end"),
        pytest.param([extended(1500, 2500), extended(1600, 2400)], id="to an end earlier than the last extension"),
        pytest.param([extended(1500, 3001)], id="beyond what the manifest allows"),
    ],
)
def test_any_other_extension_is_refused(wrong: list[Extended]) -> None:
    with pytest.raises(Refused) as refusal:
        after(*wrong)
    assert refusal.value.code == "entry-time"


def test_without_a_rule_in_the_manifest_nothing_is_extended() -> None:
    with pytest.raises(Refused, match="no extension"):
        after(extended(1500, 2500), until=None)
