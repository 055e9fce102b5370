"""Times never go back, and the end moves only as the manifest allows. docs/protocol.md step 9.2.5."""

from __future__ import annotations

from dataclasses import dataclass, replace

from veche.crypto.errors import Refused
from veche.ledger.annex import Extended
from veche.ledger.entry import Entry, time_of


@dataclass(frozen=True, slots=True)
class Timeline:
    """The end of voting now in force, the latest it may be moved to (None: not at all), and the latest time so far.

    All in whole seconds since 1970, UTC. It begins as `Timeline(closes_at, until)` with what the manifest says.
    """

    closes_at: int
    until: int | None
    latest: int = 0

    def after(self, entry: Entry) -> Timeline:
        """The timeline after one more entry. Raises Refused `entry-time`."""
        time = time_of(entry)
        if time is None:
            return self
        if time < self.latest:
            raise Refused("entry-time", f"its time is {time}, but an entry before it has the later time {self.latest}")
        if isinstance(entry, Extended):
            self._verify_extension(entry)
            return replace(self, closes_at=entry.closes_at, latest=time)
        return replace(self, latest=time)

    def _verify_extension(self, entry: Extended) -> None:
        if self.until is None:
            raise Refused("entry-time", "the manifest allows no extension")
        if entry.time >= self.closes_at:
            raise Refused("entry-time", f"extended at {entry.time}, not before the end so far, {self.closes_at}")
        if entry.closes_at <= self.closes_at:
            raise Refused("entry-time", f"extended to {entry.closes_at}, not beyond the end so far, {self.closes_at}")
        if entry.closes_at > self.until:
            raise Refused("entry-time", f"extended to {entry.closes_at}, but the manifest ends at {self.until}")
