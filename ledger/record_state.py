"""What may follow what: the state machine over the entries of a record. docs/protocol.md section 8, step 9.2.4.

`FOLLOWS` is the table of the specification. What it cannot say (once only, each owner once, at level strict not before)
is said by one small rule per entry type. Any prefix of a legal record is legal: it is an election still running.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal

from veche.crypto.errors import Refused

Level = Literal["strict", "belenios"]


def _stay(state: str, *kinds: str) -> dict[str, str]:
    """These, `software` and `incident` leave the state as it is."""
    return dict.fromkeys(("software", "incident", *kinds), state)


_CANCEL: Final = {"cancelled": "cancelled"}

FOLLOWS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "(nothing)": {"manifest": "draft"},
        "draft": _stay("draft", "dkg", "drill") | {"Setup": "sealed"} | _CANCEL,
        "sealed": _stay("sealed", "issued") | {"opened": "open"} | _CANCEL,
        "open": _stay("open", "Ballot", "issued", "extended")
        | {"suspended": "suspended", "EndBallots": "ending"}
        | _CANCEL,
        "suspended": _stay("suspended", "issued", "extended") | {"resumed": "open", "EndBallots": "ending"} | _CANCEL,
        "ending": {"closed": "closed"},
        # With a non-homomorphic question EncryptedTally leads to "shuffling": see `next_state`.
        "closed": _stay("closed", "issued") | {"withheld": "withheld", "EncryptedTally": "decrypting"} | _CANCEL,
        "shuffling": _stay("shuffling", "Shuffle") | {"EndShuffles": "decrypting"} | _CANCEL,
        # At level strict PartialDecryption leads to "proving": see `next_state`.
        "decrypting": _stay("decrypting", "share-refused", "PartialDecryption", "decryption-proof")
        | {"Result": "tallied"}
        | _CANCEL,
        "proving": {"decryption-proof": "decrypting"},
        "tallied": _stay("tallied") | {"published": "published", "annulled": "annulled"},
        "published": _stay("published") | {"certified": "certified", "annulled": "annulled"},
        "certified": {"annulled": "annulled"},
        "withheld": _stay("withheld") | _CANCEL,
        "cancelled": {},
        "annulled": {},
    }
)
"""For each state the entries that may follow, and the state after each."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides the order beside the entries: level, trustees, and whether votes are shuffled.

    `group` are the owners (from 1) that hold a threshold key, `threshold` how many of them must give a share, `singles`
    the owners whose share is always needed. Without any owner the trustees are not known yet, as in a draft: drills are
    then not compared with the list of owners, and Setup is refused. `further` are more threshold groups, as (owners,
    threshold): a foreign election of level belenios may have several.
    """

    level: Level
    group: tuple[int, ...]
    threshold: int
    singles: tuple[int, ...]
    non_homomorphic: bool = False
    further: tuple[tuple[tuple[int, ...], int], ...] = ()

    @property
    def groups(self) -> tuple[tuple[tuple[int, ...], int], ...]:
        """Every threshold group, as (owners, threshold)."""
        return ((self.group, self.threshold), *self.further)

    @property
    def owners(self) -> frozenset[int]:
        """Every trustee of the election."""
        return frozenset(self.singles).union(*(group for group, _ in self.groups))


@dataclass(frozen=True, slots=True)
class Step:
    """An entry as the state machine sees it: its type and, where it has one, its owner."""

    kind: str
    owner: int | None = None

    def __str__(self) -> str:
        return self.kind if self.owner is None else f"{self.kind} of trustee {self.owner}"


@dataclass(frozen=True, slots=True)
class RecordState:
    """Where a record stands after some entries: the state's name, and what the rules must remember of the way there.

    The empty record is `RecordState(rules)`. `unproven` is the owner of the share that the last entry gave, if it did.
    """

    rules: Rules
    name: str = "(nothing)"
    has_dkg: bool = False
    has_software: bool = False
    issued_after_closed: bool = False
    shuffles: int = 0
    drilled: frozenset[int] = frozenset()
    shared: frozenset[int] = frozenset()
    unproven: int | None = None

    def may_follow(self) -> tuple[str, ...]:
        """The types of entries that may come next, rules of owners and repetition apart."""
        return tuple(FOLLOWS[self.name])


def next_state(state: RecordState, step: Step) -> RecordState:
    """The state of the record after one more entry. Raises Refused `entry-order` when it may not stand here."""
    after = FOLLOWS[state.name].get(step.kind)
    if after is None:
        may = ", ".join(state.may_follow()) or "nothing"
        raise Refused("entry-order", f"{step} may not stand here: the record is {state.name}, {may} may follow")
    rule = _RULES.get(step.kind)
    wrong = rule(state, step) if rule is not None else None
    if wrong is not None:
        raise Refused("entry-order", f"{step} may not stand here: the record is {state.name}, and {wrong}")
    if step.kind == "EncryptedTally" and state.rules.non_homomorphic:
        after = "shuffling"
    if step.kind == "PartialDecryption" and state.rules.level == "strict":
        after = "proving"
    return _remember(replace(state, name=after, unproven=None), step)


def _remember(state: RecordState, step: Step) -> RecordState:
    owner = frozenset(() if step.owner is None else (step.owner,))
    match step.kind:
        case "dkg":
            return replace(state, has_dkg=True)
        case "software":
            return replace(state, has_software=True)
        case "drill":
            return replace(state, drilled=state.drilled | owner)
        case "issued" if state.name == "closed":
            return replace(state, issued_after_closed=True)
        case "Shuffle":
            return replace(state, shuffles=state.shuffles + 1)
        case "PartialDecryption":
            return replace(state, shared=state.shared | owner, unproven=step.owner)
        case _:
            return state


# One rule per entry type. Each says what is wrong, or None. They are asked only where `FOLLOWS` allows the entry.


def _dkg(state: RecordState, _: Step) -> str | None:
    if state.has_dkg:
        return "there is one ceremony already"
    return "the ceremony comes before every drill" if state.drilled else None


def _drill(state: RecordState, step: Step) -> str | None:
    if state.rules.level == "strict" and not state.has_dkg:
        return "at level strict the ceremony (dkg) comes before every drill"
    if not _is_trustee(state, step):
        return f"the trustees are {_listed(state.rules.owners)}"
    return "this trustee has passed its drill already" if step.owner in state.drilled else None


def _setup(state: RecordState, _: Step) -> str | None:
    if not state.rules.owners:
        return "there are no trustees"
    if not state.has_software:
        return "no software was named yet"
    if state.rules.level != "strict":
        return None
    if not state.has_dkg:
        return "at level strict there must be a ceremony (dkg) before it"
    missing = state.rules.owners - state.drilled
    return f"at level strict the drills of trustees {_listed(missing)} must stand before it" if missing else None


def _issued(state: RecordState, _: Step) -> str | None:
    return "one issued was given after closed already" if state.issued_after_closed else None


def _after_last_issued(state: RecordState, _: Step) -> str | None:
    if state.rules.level == "strict" and not state.issued_after_closed:
        return "at level strict the last issued comes before it"
    return None


def _end_shuffles(state: RecordState, _: Step) -> str | None:
    return None if state.shuffles else "there was no shuffle"


def _share(state: RecordState, step: Step) -> str | None:
    if step.owner is None:
        return "it does not say whose share it is"
    return "this trustee has given its share already" if step.owner in state.shared else None


def _share_refused(state: RecordState, step: Step) -> str | None:
    # A share of nobody in the list that was taken is found where shares are checked (step 9.9.2); one refused is not.
    return _share(state, step) if _is_trustee(state, step) else f"the trustees are {_listed(state.rules.owners)}"


def _decryption_proof(state: RecordState, step: Step) -> str | None:
    if state.unproven is None:
        return "a proof stands directly after its PartialDecryption"
    return None if step.owner == state.unproven else f"the share before it is of trustee {state.unproven}"


def _result(state: RecordState, _: Step) -> str | None:
    for group, threshold in state.rules.groups:
        given = len(state.shared.intersection(group))
        if given < threshold:
            return f"{given} of the {threshold} shares of the threshold group were given"
    missing = frozenset(state.rules.singles) - state.shared
    return f"the shares of trustees {_listed(missing)} are missing" if missing else None


_RULES: Final[Mapping[str, Callable[[RecordState, Step], str | None]]] = MappingProxyType(
    {
        "dkg": _dkg,
        "drill": _drill,
        "Setup": _setup,
        "issued": _issued,
        "withheld": _after_last_issued,
        "EncryptedTally": _after_last_issued,
        "EndShuffles": _end_shuffles,
        "PartialDecryption": _share,
        "share-refused": _share_refused,
        "decryption-proof": _decryption_proof,
        "Result": _result,
    }
)


def _is_trustee(state: RecordState, step: Step) -> bool:
    """Whether the owner is one; true as long as the trustees are not known."""
    return not state.rules.owners or step.owner in state.rules.owners


def _listed(owners: frozenset[int]) -> str:
    return ", ".join(str(owner) for owner in sorted(owners))
