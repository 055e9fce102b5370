"""While the vote runs: handed-out codes, opening, a later end, a pause, the close. docs/protocol.md section 8.

The clock is compared with the manifest before anything is written; the state of the record alone never opens or closes the box.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from veche.ballot.trustees import SingleTrustee
from veche.crypto.canonical_json import array, parse_canonical, text
from veche.crypto.errors import Inconsistent, InvalidSignature, Malformed, Refused
from veche.crypto.signed_note import verify_line
from veche.ledger.annex import Closed, Extended, Incident, Issued, Opened, Resumed, Suspended, parse_annex
from veche.ledger.event import EventType
from veche.service.contest_plan import how_long
from veche.service.desk import Desk, refuse_early
from veche.service.record_store import Addition
from veche.service.record_view import issued_credentials

TOLERANCE: Final = 60
"""Seconds by which opening and closing may lag behind the announced times without an explanation in the record."""


def add_issued(desk: Desk, entry_raw: bytes, listed_raw: bytes) -> Issued:
    """The registrar's signed word stands in the record, verified as the audit does (9.7.1 to 9.7.4).

    Raises InvalidSignature `issued-signature`, Malformed or Inconsistent naming what does not fit.
    """
    entry = parse_annex(entry_raw, desk.uuid)
    if not isinstance(entry, Issued):
        raise Malformed("entry-malformed", f"the registrar's file holds an entry of type {entry.TYPE}; issued was expected")
    _verify_registrar(desk, entry)
    if sha256(listed_raw).hexdigest() != entry.credentials:
        raise Inconsistent("issued-credentials", "the list of credentials is not the one that the registrar's entry names")
    try:
        listed = [text(one) for one in array(parse_canonical(listed_raw))]
    except Malformed as error:
        raise Malformed("issued-credentials", f"the registrar's list of credentials: {error.message}") from error
    before = issued_credentials(desk.store, desk.view) or set()
    places = {credential: place for place, credential in enumerate(desk.view.credential_weights())}
    order = [places.get(credential, -1) for credential in listed]
    if -1 in order or order != sorted(set(order)) or not before.isdisjoint(listed):
        raise Inconsistent(
            "issued-credentials", "the registrar's list must name listed credentials, in the list's order, none named before"
        )
    if entry.total != len(before) + len(listed):
        raise Inconsistent(
            "issued-total", f"the registrar's entry says {entry.total} in all; {len(before) + len(listed)} are named"
        )
    if entry.total > desk.view.manifest.electorate:
        raise Inconsistent("issued-electorate", f"{entry.total} codes for an electorate of {desk.view.manifest.electorate}")
    desk.append([Addition(entry)], [listed_raw])
    return entry


def _verify_registrar(desk: Desk, entry: Issued) -> None:
    registrar = desk.view.manifest.registrar
    if registrar is None:
        raise Refused("registrar-key", "the manifest names no registrar, so nobody can sign who got a code")
    try:
        verify_line(registrar, entry.signed_text().decode("utf-8"), entry.signature)
    except (Malformed, InvalidSignature) as error:
        raise InvalidSignature("issued-signature", f"the entry is not signed by the manifest's registrar: {error}") from error


def open_vote(desk: Desk, present: Sequence[int]) -> None:
    """`opened` stands in the record. `present` are the numbers of the trustees who answered the roll-call.

    Raises Refused before the announced time, after the end, late without an incident, or when too few trustees are present.
    """
    manifest = desk.view.manifest
    desk.refuse_unless("opening", "sealed")
    _verify_roll_call(desk, set(present))
    refuse_early(desk.now, manifest.opens_at, desk.shown(manifest.opens_at), "opening")
    if desk.now >= manifest.closes_at:
        raise Refused("not-open", f"voting was to end at {desk.shown(manifest.closes_at)}; it can no longer be opened")
    _refuse_unexplained(desk, manifest.opens_at, "opening")
    desk.append([Addition(Opened(desk.uuid, desk.now))])


def _verify_roll_call(desk: Desk, present: set[int]) -> None:
    """At level strict: every single key, and of the group one more than must decrypt, so that one may still be lost.

    Votes that nobody can decrypt are lost votes; this is the last moment to find out. Raises Refused `roll-call`.
    """
    trustees = desk.view.sealed_trustees()
    unknown = present - {owner.number for owner in trustees.owners}
    if unknown:
        raise Refused("roll-call", f"there is no trustee {min(unknown)}; the trustees are 1 to {len(trustees.owners)}")
    if desk.view.level != "strict":
        return
    for number, item in enumerate(trustees.items):
        owners = trustees.numbers_of(number)
        needed = 1 if isinstance(item, SingleTrustee) else item.threshold + 1
        here = len(present.intersection(owners))
        if here < needed:
            who = f"trustee {owners[0]}" if len(owners) == 1 else f"trustees {owners[0]} to {owners[-1]}"
            raise Refused("roll-call", f"roll-call: {here} of {who} answered, and {needed} are needed to open; call them first")


def close_vote(desk: Desk) -> int:
    """EndBallots and `closed` stand in the record; how many have voted. Raises Refused before the end now in force."""
    desk.refuse_unless("closing", "open", "suspended")
    ends = desk.view.closes_at()
    refuse_early(desk.now, ends, desk.shown(ends), "closing")
    _refuse_unexplained(desk, ends, "closing")
    voters = desk.store.voters()
    end = desk.event(EventType.END_BALLOTS, None)
    desk.append([end, Addition(Closed(desk.uuid, desk.now, voters))])
    return voters


def _refuse_unexplained(desk: Desk, announced: int, what: str) -> None:
    """More than a minute late is legal only with an explanation in the record: the audit would refute it otherwise."""
    explained = any(isinstance(annex, Incident | Suspended) for annex in desk.view.annexes)
    if desk.now > announced + TOLERANCE and not explained:
        raise Refused(
            "too-late",
            f"{what} comes {how_long(desk.now - announced)} after the announced time; first say why, in the record: "
            "veche organizer incident FOLDER late-start (or another code)",
        )


def extend(desk: Desk, until: int, reason: str) -> None:
    """The end of voting moves to `until`, in seconds since 1970. Raises Refused where the manifest does not allow it."""
    desk.refuse_unless("a later end", "open", "suspended")
    now_ends, latest = desk.view.closes_at(), desk.view.manifest.until
    if latest is None or not now_ends < until <= latest:
        allowed = "none at all" if latest is None else f"one until {desk.shown(latest)}"
        raise Refused(
            "entry-time",
            f"the end {desk.shown(until)} is not possible: voting ends at {desk.shown(now_ends)}, and the manifest allows a later "
            f"end, {allowed}",
        )
    desk.append([Addition(Extended(desk.uuid, desk.now, until, reason))])


def suspend(desk: Desk, reason: str) -> None:
    """No ballots are taken until `resume`. Raises Refused `entry-order`, or `not-open` after the end."""
    desk.refuse_unless("suspending", "open")
    if desk.now >= desk.view.closes_at():
        # Nothing is left to be suspended, and such an entry would excuse a late close.
        raise Refused("not-open", f"voting ended at {desk.shown(desk.view.closes_at())}; close it instead")
    desk.append([Addition(Suspended(desk.uuid, desk.now, reason))])


def resume(desk: Desk, reason: str) -> None:
    """Ballots are taken again. Raises Refused `entry-order`, or `not-open` after the end."""
    desk.refuse_unless("taking ballots again", "suspended")
    if desk.now >= desk.view.closes_at():
        raise Refused("not-open", f"voting ended at {desk.shown(desk.view.closes_at())}; close it instead")
    desk.append([Addition(Resumed(desk.uuid, desk.now, reason))])


def add_incident(desk: Desk, code: str) -> None:
    """`incident` stands in the record: it explains what else looks odd there. Raises Refused `entry-order`."""
    desk.append([Addition(Incident(desk.uuid, desk.now, code))])
