"""The organizer's desk: one record, open for one step, with the clock beside it.

The record is the only memory; what is not public yet (the draft of the questions) is handed in as `Drafts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol

from veche import __version__
from veche.crypto.errors import Refused
from veche.ledger.annex import Software
from veche.ledger.chain import append
from veche.ledger.event import EventType
from veche.ledger.record_state import FOLLOWS
from veche.service.contest_plan import Draft, how_long, show_time
from veche.service.record_store import Addition, RecordStore
from veche.service.record_view import RecordView
from veche.service.web_assets import installed_assets

STEPS: Final = {
    "dkg": "adding the trustees' keys",
    "drill": "a drill",
    "Setup": "sealing",
    "issued": "the registrar's signed list",
    "opened": "opening",
    "extended": "a later end",
    "suspended": "suspending",
    "resumed": "taking ballots again",
    "EndBallots": "closing",
    "withheld": "withholding",
    "EncryptedTally": "adding up the ballots",
    "PartialDecryption": "a share",
    "share-refused": "a share",
    "Result": "making the result",
    "published": "publishing",
    "certified": "certifying",
    "cancelled": "cancelling",
    "annulled": "annulling",
    "incident": "an incident",
}
"""What an entry of the record is to the person who gives the command."""


class Drafts(Protocol):
    """What an organizer keeps of a record that is not sealed yet."""

    def draft(self) -> Draft:
        """The questions as they will stand in Setup. Raises Refused where they are not kept."""

    def trustees(self) -> bytes | None:
        """trustees.json made with other people's tools, which no entry names before Setup; None when there is none."""

    def keep_trustees(self, raw: bytes) -> None:
        """`trustees` gives this from now on."""


@dataclass(slots=True)
class Desk:
    """A record open for one step. `now` is the time of this step in seconds since 1970."""

    store: RecordStore
    view: RecordView
    now: int
    drafts: Drafts

    @property
    def uuid(self) -> str:
        return self.view.manifest.uuid

    def shown(self, seconds: int) -> str:
        """A time as people of this election's zone write it."""
        return show_time(seconds, self.view.manifest.zone)

    def append(self, additions: Sequence[Addition], data: Sequence[bytes] = ()) -> None:
        """All of it is in the record, or nothing. Raises Refused where the order or the times do not allow it, or OSError.

        If another build of this program is at work than the last one that the record names, that is said first.
        """
        build, assets = current_software(self.uuid)
        known = self.view.all_of(Software)
        if (not known or known[-1] != build) and "software" in FOLLOWS[self.view.state.name]:
            additions, data = [Addition(build), *additions], [assets, *data]
        archived = frozenset(self.view.archived)
        state = self.view.state.name
        try:
            self.view.follow(additions)
        except Refused as error:
            raise _in_plain_words(error, state) from error
        self.store.append(additions, data, archived)

    def refuse_unless(self, what: str, *states: str) -> None:
        """Raises Refused `entry-order` unless the record is in one of these states: asked before clocks and people are."""
        if self.view.state.name not in states:
            raise _not_now(what, self.view.state.name)

    def event(self, kind: EventType, payload: str | None, *contents: bytes, owner: int | None = None) -> Addition:
        """The next event of the chain with its data records."""
        return Addition(append(self.view.last, kind, payload), contents, owner)


def current_software(uuid: str) -> tuple[Software, bytes]:
    """What the record says of this build, and the list of the scripts that it hands to browsers."""
    assets = installed_assets().listed()
    return Software(uuid, __version__, sha256(assets).hexdigest()), assets


def refuse_strict(view: RecordView, what: str) -> None:
    """Raises Refused `level-strict`: this is for elections with other people's tools."""
    if view.level == "strict":
        raise Refused("level-strict", f"{what} is possible at level belenios only; this election promises level strict")


def _not_now(what: str, state: str) -> Refused:
    where = "`veche organizer status FOLDER`, or the contest's page on a server,"
    return Refused("entry-order", f"{what} does not come now: the record is {state}. {where} says what comes next")


def _in_plain_words(error: Refused, state: str) -> Refused:
    """A step out of its turn, said without the names of the record's entries; whatever else is wrong stays as it is said."""
    step, between, _ = error.message.partition(" may not stand here: ")
    if error.code != "entry-order" or not between or not error.message.endswith(" may follow"):
        return error
    return _not_now(STEPS.get(step.split(" ")[0], step), state)


def refuse_early(now: int, earliest: int, shown: str, what: str) -> None:
    """Raises Refused `too-early` before `earliest`."""
    if now < earliest:
        raise Refused("too-early", f"{what} is possible from {shown} on, in {how_long(earliest - now)}")
