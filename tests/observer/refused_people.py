"""Inputs that phase 9.7 refuses: whom codes were handed out to, when the vote was open, how many voted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.election.record_builder import CLOSES, DAY, OPENS, Story
from tests.election.voters import Text, voter_key
from tests.observer.refusal_case import (
    Case,
    Make,
    annex,
    changed,
    fields,
    refusals,
    replacing,
    to,
    told,
)
from veche.crypto.canonical_json import encode, parse
from veche.crypto.signed_note import NoteSigner
from veche.ledger.annex import unsigned_issued_text

UNREADABLE = "what cannot be read is not there"
NO_POINT = "what is no member of the group cannot be computed with"
UNPROVEN = "the proof of a wrong factor does not hold either"
OTHER_POINT = "a count outside the range is another point, so it is no true result either"
ORDER_8 = "7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7"
STRANGER = NoteSigner("vote.example/e/registrar", bytes(32))
ENTRY = r"entry \d+"


def signed_by_stranger(_: str, story: Story) -> str:
    """A line with the registrar's name, made with another key."""
    digest = story.keep(encode([voter_key(voter).hex() for voter in story.order[:2]]))
    return STRANGER.line(unsigned_issued_text(story.manifest["uuid"], 2, digest).decode())


def issued(change: Callable[[list[str], Story], list[str]], total: int) -> Make:
    """A record whose second issued names other credentials."""

    def listed(raw: bytes, story: Story) -> bytes:
        value: Any = parse(raw)
        return encode(list(change(value, story)))

    def counted(right: Text, _: Story) -> Text:
        return right | {"total": total}

    return told(changes={"list issued 2": listed, "issued 2": counted})


def without_voter(listed: list[str], story: Story) -> list[str]:
    """The list without somebody who has voted."""
    voted = next(voter_key(voter).hex() for voter in (0, 1, 2) if voter_key(voter).hex() in listed)
    return [one for one in listed if one != voted]


def sorted_as_listed(listed: list[str], story: Story) -> list[str]:
    """In the order of Setup."""
    return sorted(listed, key=lambda one: [voter_key(voter).hex() for voter in story.order].index(one))


PEOPLE: list[Case] = [
    *refusals(
        "issued-signature",
        ENTRY,
        {
            "another key": changed(line_issued_1=signed_by_stranger),
            "a signature of another total": changed(line_issued_1=lambda _, story: STRANGER.line("other\n")),
            "a line that is no line": changed(line_issued_1=to("signed, the registrar")),
        },
    ),
    *refusals(
        "issued-credentials",
        ENTRY,
        {
            "somebody twice": issued(lambda listed, story: sorted_as_listed([*listed, voter_key(story.order[0]).hex()], story), 4),
            "another order": issued(lambda listed, _: listed[::-1], 4),
            "a credential that is not listed": issued(lambda listed, _: [*listed, voter_key(17).hex()], 5),
            "white space": changed(list_issued_2=replacing(b",", b", ")),
            "an object": changed(list_issued_2=to(b"{}")),
        },
    ),
    *refusals(
        "issued-total",
        ENTRY,
        {
            "a code fewer than are named": changed(issued_2=fields(total=3)),
        },
    ),
    *refusals(
        "issued-electorate",
        ENTRY,
        {
            "more codes than people": changed(manifest=fields(electorate=3)),
        },
    ),
    *refusals(
        "not-issued",
        "credential [0-9a-f]{64}",
        {
            "a ballot with a code that was never handed out": issued(without_voter, 3),
        },
    ),
    *refusals(
        "opened-time",
        ENTRY,
        {
            "opened early": changed(opened=fields(time=OPENS - 1)),
            "opened two minutes late": changed(opened=fields(time=OPENS + 120)),
        },
    ),
    *refusals(
        "closed-time",
        ENTRY,
        {
            "opened when it was over": told(
                changes={"opened": fields(time=CLOSES)}, extra={"opened": annex("incident", time=OPENS, code="outage")}
            ),
            "closed early": changed(closed=fields(time=CLOSES - 1)),
            "closed two minutes late": changed(
                closed=fields(time=CLOSES + 120), published=fields(time=CLOSES + 200), certified=fields(time=CLOSES + 200 + 3 * DAY)
            ),
            "closed at the first end after an extension": told(
                extra={"EndBallots": annex("extended", time=OPENS, closes_at=CLOSES + 600, reason="outage")}
            ),
        },
    ),
    *refusals(
        "closed-ballots",
        ENTRY,
        {
            "a voter more than voted": changed(closed=fields(ballots=4)),
            "voters of weight 0 counted": told(weights=(1, 1, 0, 1), changes={"closed": fields(ballots=3)}),
        },
    ),
    *refusals(
        "withheld",
        "EncryptedTally|" + ENTRY,
        {
            "a tally of too few": changed(manifest=fields(minimum_ballots=4)),
            "withheld, though enough had voted": told(withhold=True),
            "withheld for another minimum": told(
                withhold=True, changes={"manifest": fields(minimum_ballots=4), "withheld": fields(minimum=5)}
            ),
        },
    ),
]
