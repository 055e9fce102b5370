"""One input that one check of the audit refuses, and the small changes from which such inputs are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.election.record_builder import Change, Story
from tests.election.trustee_keys import Dealt, Item
from tests.vectors import VECTORS

TAMPERED = VECTORS / "belenios" / "archives-tampered-1"

Make = Callable[[Path], Path]
"""Makes the input in an empty folder and gives the path to audit."""


@dataclass(frozen=True)
class Case:
    """An input that the check `code` refuses.

    `record` is what the finding is about (a regular expression). `off` are checks that must be switched off for this one to be
    asked at all. `ends` is empty where the audit is content when this check is switched off; else it says what happens instead.
    """

    code: str
    name: str
    make: Make
    record: str
    against: Make | None
    off: tuple[str, ...]
    opened: bool
    ends: str
    alone: bool

    @property
    def id(self) -> str:
        return f"{self.code}: {self.name}"


@dataclass(frozen=True)
class Input:
    """An input with something beside it; see `Case`."""

    make: Make
    against: Make | None = None
    off: tuple[str, ...] = ()
    opened: bool = False


def refusals(code: str, record: str, inputs: Mapping[str, Make | Input], ends: str = "") -> list[Case]:
    """One case for each input. `ends` is about the first, which is the one that no check else refuses."""
    made = [(name, one if isinstance(one, Input) else Input(one)) for name, one in inputs.items()]
    return [
        Case(code, name, one.make, record, one.against, one.off, one.opened, ends if place == 0 else "", place == 0)
        for place, (name, one) in enumerate(made)
    ]


def bare(changes: Mapping[str, Change] | None = None, item: Item | None = None, **given: Any) -> Story:
    """An election of level belenios without anything of ours, 2 of 3 trustees."""
    told = {"line": to(None), **(changes or {})}
    return Story(changes=told, level="belenios", ceremony=None, items=(item or Dealt().item(),), **given)


def bel(tell: Callable[[], Story]) -> Make:
    """The bare archive of a story."""
    return lambda folder: tell().bel_only(folder)


def record(tell: Callable[[], Story]) -> Make:
    """The folder of a story."""
    return lambda folder: tell().write(folder)


def told(**given: Any) -> Make:
    """The folder of a story told with these arguments."""
    return record(lambda: Story(**given))


def changed(**changes: Change) -> Make:
    """The folder of a strict story with some parts changed; `_` in a name stands for a space."""
    return record(lambda: Story(changes={name.replace("_", " "): change for name, change in changes.items()}))


def changed_bare(**changes: Change) -> Make:
    """The bare archive of a story with some parts changed; `_` in a name stands for a space."""
    return bel(lambda: bare({name.replace("_", " "): change for name, change in changes.items()}))


def vector(name: str) -> Make:
    """An archive of the tampered ones."""
    return lambda _: TAMPERED / name


def to(value: Any) -> Change:
    """The part is this."""
    return lambda _right, _story: value


def replacing(old: bytes, new: bytes) -> Change:
    """The text with its last `old` replaced by `new`."""
    return lambda right, _story: new.join(right.rsplit(old, 1)) if old in right else _absent(old)


def adding(more: bytes) -> Change:
    """The text with something after its end."""
    return lambda right, _story: right + more


def fields(**changes: Any) -> Change:
    """The object with these fields changed; None takes one away."""
    return lambda right, _story: {n: value for n, value in {**right, **changes}.items() if value is not None}


def annex(kind: str, **given: Any) -> Callable[[Story], None]:
    """Tells an annex in between."""
    return lambda story: story.annex(kind, f"another {kind}", **given)


def after_writing(tell: Callable[[], Story], change: Callable[[Path, Story], object]) -> Make:
    """The folder of a story with something done to the files."""

    def make(folder: Path) -> Path:
        story = tell()
        change(story.write(folder), story)
        return folder

    return make


def _absent(words: bytes) -> bytes:
    raise LookupError(f"{words!r} is not in the text that was to be changed")
