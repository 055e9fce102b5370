"""The order of Belenios alone, for an archive that comes without annexes. docs/protocol.md step 9.1.8.

`Setup Ballot* EndBallots EncryptedTally (Shuffle* EndShuffles)? PartialDecryption* Result`, any prefix of it, one share
per owner. The Belenios tool demands none of this: a foreign event inside a run silently hides the earlier part from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from veche.crypto.errors import Refused
from veche.ledger.event import EventType

_FOLLOWS: Final[Mapping[str, Mapping[EventType, str]]] = MappingProxyType(
    {
        "(nothing)": {EventType.SETUP: "open"},
        "open": {EventType.BALLOT: "open", EventType.END_BALLOTS: "closed"},
        "closed": {EventType.ENCRYPTED_TALLY: "counted"},
        # Whether there will be shuffles depends on the questions, which the order of events does not know.
        "counted": {
            EventType.SHUFFLE: "shuffling",
            EventType.END_SHUFFLES: "decrypting",
            EventType.PARTIAL_DECRYPTION: "decrypting",
            EventType.RESULT: "tallied",
        },
        "shuffling": {EventType.SHUFFLE: "shuffling", EventType.END_SHUFFLES: "decrypting"},
        "decrypting": {EventType.PARTIAL_DECRYPTION: "decrypting", EventType.RESULT: "tallied"},
        "tallied": {},
    }
)


@dataclass(frozen=True, slots=True)
class EventOrder:
    """Where a chain stands after some events, and whose shares it has."""

    place: str = "(nothing)"
    shared: frozenset[int] = frozenset()

    def after(self, kind: EventType) -> EventOrder:
        """The order after one more event. Raises Refused `event-order` when this type may not stand here."""
        place = _FOLLOWS[self.place].get(kind)
        if place is None:
            may = ", ".join(_FOLLOWS[self.place]) or "nothing"
            raise Refused("event-order", f"a {kind} event may not stand here: only {may} may follow")
        return EventOrder(place, self.shared)

    def with_share_of(self, owner: int) -> EventOrder:
        """The order after the share of this trustee, its first. Raises Refused `event-order` for a second one."""
        if owner in self.shared:
            raise Refused("event-order", f"a second PartialDecryption of trustee {owner}; each gives one share")
        return EventOrder(self.place, self.shared | {owner})

    def state(self, non_homomorphic: bool = False) -> str:
        """The election's state: `(nothing)`, `open`, `closed`, `shuffling`, `decrypting` or `tallied`."""
        if self.place == "counted":
            return "shuffling" if non_homomorphic else "decrypting"
        return self.place
