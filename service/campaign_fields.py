"""What a campaign's file is made of before it is judged: fields with their places, and the list of all that is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from veche.crypto.canonical_json import Json
from veche.crypto.errors import Malformed, Said, said

MAX_CONTESTS: Final = 1000
MAX_SHOWN: Final = 50

WAYS_IN: Final = ("codes",)
"""How voters get in: by codes that a registrar hands out. Log-ins come in a later issue, as further values."""

SHARED: Final = (
    "level", "description", "opens_at", "closes_at", "extended_until", "minimum_ballots", "electorate", "eligibility",
    "appeal_days", "policy", "spare_key", "allocation", "questions",
)  # fmt: skip
"""What a contest has, and what may stand once for all contests that do not say it themselves."""

Place = Callable[[str], str]
"""Where in the file a field stands, for people: `line 7, column closes_at`."""


@dataclass(frozen=True, slots=True)
class Written:
    """One object of the file, its fields not judged yet, and where each of them stands."""

    fields: dict[str, Json]
    place: Place


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong, and where: both can be said in the reader's language."""

    place: str
    told: str

    @property
    def line(self) -> Said:
        return said("  %(place)s: %(told)s", place=self.place, told=self.told)


@dataclass(slots=True)
class Mistakes:
    """What is wrong, place by place; all of it is said at once."""

    found: list[Mistake] = field(default_factory=list)
    _named: set[Mistake | str] = field(default_factory=set)

    def add(self, place: str, told: str) -> None:
        """One more mistake; what holds for all contests is said once."""
        mistake = Mistake(place, told)
        if mistake not in self._named:
            self._named.update((mistake, place))
            self.found.append(mistake)

    def missing(self, place: str) -> None:
        """The field is not there; where something else is wrong with it, that was said already."""
        if place not in self._named:
            self.add(place, said("missing"))

    def refuse(self) -> None:
        """Raises Malformed `campaign-malformed` with the first 50 mistakes, when there is one."""
        if not self.found:
            return
        more = len(self.found) - MAX_SHOWN
        rest = [said("  and %(more)s more", more=more)] if more > 0 else []
        listed = [*(one.line for one in self.found[:MAX_SHOWN]), *rest]
        count = "one mistake" if len(self.found) == 1 else f"{len(self.found)} mistakes"
        raise Malformed("campaign-malformed", f"the campaign's file has {count}; nothing was taken from it:", *listed)
