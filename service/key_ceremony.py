"""The organizer's part in the trustees' ceremony: terms first, judgement on the way, trustees.json and run file at the end.

Trustees and organizer share one board of public messages (`ceremony_board`). The organizer holds no secret and cannot change what a
trustee wrote: every file is signed or committed to. docs/protocol.md section 6.8 (veche-record section 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from veche.ballot.trustees import SingleTrustee, Trustees, make_trustees
from veche.crypto.ceremony import assemble
from veche.crypto.certificate import Certificate, verify_certificates
from veche.crypto.complaint import Complaint, Dealing, verify_timely
from veche.crypto.errors import InvalidSignature, Malformed, Refused
from veche.crypto.reveal import Reveal, is_wrong, verify_reveal_signature
from veche.crypto.run_file import EndedRun, FinishedRun, Terms, ended_run, finished_run, run_ended_by_complaint
from veche.service.ceremony_board import CeremonyBoard
from veche.service.contest_plan import how_long

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Standing:
    """What lies in the shared board. None where a trustee's file has not come yet."""

    terms: Terms
    certificates: tuple[Certificate | None, ...]
    commitments: tuple[str | None, ...]
    reveals: tuple[Reveal | None, ...]
    shares: tuple[tuple[bool, ...], ...]
    finished: frozenset[int]
    complaints: tuple[Complaint, ...]

    def waiting(self) -> tuple[str, tuple[int, ...]] | None:
        """The first step that is not complete, as a run's codes call it, and whose files are missing; None when all is there."""
        steps = (
            ("certificate", [one is not None for one in self.certificates]),
            ("commitment", [one is not None for one in self.commitments]),
            ("reveal", [one is not None for one in self.reveals]),
            ("share", [all(row) for row in self.shares]),
            ("key", [place in self.finished for place in range(1, self.terms.size + 1)]),
        )
        for name, there in steps:
            missing = tuple(place for place, one in enumerate(there, 1) if not one)
            if missing:
                return name, missing
        return None

    def deadline(self, step: str) -> int:
        """When this step is due, in seconds since 1970: certificates with the commitments, shares and keys with complaints."""
        commit, reveal, complain = self.terms.deadlines
        return {"certificate": commit, "commitment": commit, "reveal": reveal}.get(step, complain)


def begin(board: CeremonyBoard, terms: Terms) -> None:
    """The board holds the terms. Raises Malformed unless 1 ≤ t < n and all fits, Refused when others are there."""
    if not 1 <= terms.threshold < terms.size:
        raise Malformed(
            "threshold-limits",
            f"{terms.threshold} of {terms.size}: at least one trustee must be needed, and at least one must be able to be missing",
        )
    if list(terms.deadlines) != sorted(terms.deadlines):
        raise Malformed("deadlines", "the deadlines come in the order commitments, reveals, complaints")
    if len(terms.names) != terms.size or len(set(terms.names)) != terms.size:
        raise Malformed("trustee-names", f"{terms.size} different names are needed, one for each trustee")
    if board.terms() not in (None, terms):
        raise Refused("ceremony-file", "the terms of another ceremony are there already; every ceremony has a place of its own")
    board.put_terms(terms)


def read_standing(board: CeremonyBoard) -> Standing:
    """What has come so far. Raises Refused `no-terms`, or Malformed naming the message."""
    terms = board.terms()
    if terms is None:
        raise Refused("no-terms", "there are no terms yet: the organizer begins a ceremony (veche organizer ceremony start)")
    places = range(1, terms.size + 1)
    shares = tuple(tuple(i == j or board.share(i, j) is not None for j in places) for i in places)
    keys = board.keys(terms.size)
    return Standing(
        terms,
        board.certificates(terms.size),
        board.commitments(terms.size),
        board.reveals(terms.size),
        shares,
        frozenset(place for place, key in enumerate(keys, 1) if key is not None),
        board.complaints(),
    )


def finish_ceremony(board: CeremonyBoard, singles: Sequence[SingleTrustee], previous: bytes | None) -> tuple[Trustees, FinishedRun]:
    """trustees.json with the group and the single keys after it, and the run file; both verified.

    Raises Refused `ceremony-unfinished` while something is missing or a complaint is open, or what is wrong with what has come.
    """
    standing = read_standing(board)
    waiting = standing.waiting()
    if standing.complaints:
        raise Refused("ceremony-unfinished", "there is a complaint to be judged first: veche organizer ceremony end")
    if waiting is not None:
        raise Refused("ceremony-unfinished", f"the {waiting[0]} of {_named(standing.terms, waiting[1])} is not there yet")
    terms = standing.terms
    certificates, reveals = _all(standing.certificates), _all(standing.reveals)
    verify_certificates(certificates, terms.size, terms.threshold)
    keys = _all(board.keys(terms.size))
    group = assemble(keys, Dealing.of(certificates, terms.cipher, reveals), reveals, terms.threshold)
    trustees = make_trustees((group, *singles))
    return trustees, finished_run(terms, certificates, _all(standing.commitments), reveals, trustees.raw, previous)


def end_ceremony(board: CeremonyBoard, now: int, previous: bytes | None) -> EndedRun:
    """The run file of a run that gives no key, naming who erred by evidence, or who was silent at a deadline.

    Complaints are judged first, then reveals, then silence. Raises Refused `ceremony-goes-on` when nobody can be named.
    """
    standing = read_standing(board)
    for complaint in standing.complaints:
        run = _judged(standing, complaint, now, previous)
        if run is not None:
            return run
    named = wrong_reveals(standing)
    lists = standing.certificates, standing.commitments, standing.reveals
    if named:
        return ended_run(standing.terms, *lists, named, "wrong-reveal", previous)
    waiting = standing.waiting()
    if waiting is None:
        raise Refused("ceremony-goes-on", "everything has come and nobody erred: veche organizer ceremony finish")
    step, missing = waiting
    if now <= standing.deadline(step):
        left = how_long(standing.deadline(step) - now)
        raise Refused("ceremony-goes-on", f"the {step} of {_named(standing.terms, missing)} may still come, for {left}")
    return ended_run(standing.terms, *lists, missing, f"no-{step}", previous)


def _judged(standing: Standing, complaint: Complaint, now: int, previous: bytes | None) -> EndedRun | None:
    """The run as this complaint ends it; None when it is late or names nobody."""
    if None in standing.reveals or None in standing.commitments or None in standing.certificates:
        return None
    lists = _all(standing.certificates), _all(standing.commitments), _all(standing.reveals)
    try:
        verify_timely(complaint, now, standing.terms.deadlines[2], standing.finished)
        return run_ended_by_complaint(standing.terms, *lists, complaint, previous)
    except Refused:
        return None


def wrong_reveals(standing: Standing) -> tuple[int, ...]:
    """The places that signed, over the commitments that all see, a reveal that is not what they committed to.

    A reveal that is not so signed names nobody: it was changed on the way, or its trustee was shown other commitments.
    """
    if None in standing.commitments or None in standing.certificates:
        return ()
    certificates, commitments = _all(standing.certificates), _all(standing.commitments)
    named: list[int] = []
    for place, reveal in enumerate(standing.reveals, 1):
        if reveal is None:
            continue
        try:
            verify_reveal_signature(reveal, place, certificates, commitments)
        except InvalidSignature:
            continue
        if is_wrong(reveal, place, certificates, commitments, standing.terms.threshold):
            named.append(place)
    return tuple(named)


def _named(terms: Terms, places: Sequence[int]) -> str:
    return ", ".join(f"trustee {place} ({terms.names[place - 1]})" for place in places)


def _all(found: Sequence[Found | None]) -> tuple[Found, ...]:
    return tuple(one for one in found if one is not None)
