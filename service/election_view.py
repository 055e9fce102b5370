"""What the pages of one election show: the observer endpoint's own summary and result, with what people compare and sign."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection

from veche.ballot.manifest import Log
from veche.crypto.errors import ElectionError, Refused
from veche.ledger.annex import Annex, Certified, Dkg, Drill, Issued, Published, Withheld, parse_annex
from veche.ledger.event import EventType, parse_event
from veche.ledger.policy import Policy, policy_of_manifest, verify_policy
from veche.ledger.signed_checkpoint import SignedCheckpoint, parse_signed, verify_lines, verify_log
from veche.observer.log_routes import PublicLogs, checkpoint_json
from veche.observer.public_record import Facts, PublicRecord, row_of, told
from veche.observer.published_result import outcome_json, read_outcome
from veche.observer.record_rows import ElectionRow, all_elections, ballots_from, entries_of, turnout_of
from veche.observer.summary import brief_json, summary_json
from veche.observer.tracker import compact_tracker
from veche.service.chart import turnout_chart

PAGE: Final = 50
"""Trackers on one page."""

PROTOCOLS: Final = ("ceremony", "opening", "closing", "result")

_MOST_SIGNED: Final = 30


def list_elections(record: PublicRecord) -> list[dict[str, Any]]:
    """Every election, in brief, with its time zone."""
    with record.reading() as connection:
        known = [(row, record.facts(connection, row)) for row in all_elections(connection)]
        return [{**brief_json(row, facts), "zone": facts.manifest.zone} for row, facts in known]


def observed(record: PublicRecord, logs: PublicLogs, uuid: str, after: int) -> dict[str, Any]:
    """Everything about this election, with the trackers behind the event at height `after`. Raises Refused `no-election`."""
    with record.reading() as connection:
        row = row_of(connection, uuid)
        facts = record.facts(connection, row)
        annexes = told(connection, uuid)
        shown: dict[str, Any] = {
            **_common(connection, row, facts, annexes),
            "campaign": [dict(brief_json(one, record.facts(connection, one))) for one in all_elections(connection, row.campaign)],
            "trackers": _trackers(connection, uuid, after),
        }
    shown |= _logged(logs.checkpoint(uuid), facts.manifest.log)
    shown["chart"] = turnout_chart(shown["election"]["turnout"])
    return shown


def protocol(record: PublicRecord, uuid: str, name: str) -> dict[str, Any]:
    """What this protocol certifies. Raises Refused `not-published` before there is something to sign, or `not-found`."""
    if name not in PROTOCOLS:
        raise Refused("not-found", f"the protocols are {', '.join(PROTOCOLS)}")
    with record.reading() as connection:
        row = row_of(connection, uuid)
        facts = record.facts(connection, row)
        annexes = told(connection, uuid)
        shown = {**_common(connection, row, facts, annexes), "kind": name, **_signed(connection, uuid)}
    if name not in shown["protocols"]:
        raise Refused("not-published", f"there is no protocol of this yet: the vote is {row.state}")
    return shown


def _common(connection: Connection, row: ElectionRow, facts: Facts, annexes: list[Annex]) -> dict[str, Any]:
    summary: dict[str, Any] = dict(summary_json(row, facts, annexes, turnout_of(connection, row.uuid)))
    outcome = _outcome(connection, row, facts, annexes)
    return {
        "election": summary,
        "outcome": outcome,
        "rehearsal": row.rehearsal,
        "zone": facts.manifest.zone,
        "registrar": None if facts.manifest.registrar is None else facts.manifest.registrar.name,
        "protocols": _protocols(summary, outcome, facts),
        "links": [one for one in annexes if getattr(one, "successor", None)],
    }


def _outcome(connection: Connection, row: ElectionRow, facts: Facts, annexes: list[Annex]) -> dict[str, Any] | None:
    """The result as the endpoint gives it, with the few figures that its sentence says in English; None before it is published."""
    try:
        known = read_outcome(connection, row, facts)
    except Refused as error:
        if error.code != "not-published":
            raise
        return None
    shown: dict[str, Any] = {**outcome_json(row, facts, known), **dict.fromkeys(("voted", "minimum", "audit", "complaints"))}
    for one in annexes:
        if isinstance(one, Withheld):
            shown |= {"voted": one.ballots, "minimum": one.minimum}
        elif isinstance(one, Published):
            shown["audit"] = one.audit
        elif isinstance(one, Certified):
            shown["complaints"] = one.complaints
    return shown


def _protocols(summary: dict[str, Any], outcome: dict[str, Any] | None, facts: Facts) -> list[str]:
    """The protocols that there is something to sign in by now."""
    there = (
        facts.trustees is not None,
        summary["actual"]["opened_at"] is not None,
        summary["actual"]["closed_at"] is not None,
        outcome is not None and outcome["result"] is not None,
    )
    return [name for name, is_there in zip(PROTOCOLS, there, strict=True) if is_there]


def _signed(connection: Connection, uuid: str) -> dict[str, Any]:
    """Hashes and names that protocols repeat: of the ceremony, the drills, the hand-outs, the chain's ends and the shares."""
    rows = entries_of(connection, uuid, (Dkg.TYPE, Drill.TYPE, Issued.TYPE))
    annexes = [parse_annex(row.text, uuid) for row in rows]
    ends = (EventType.END_BALLOTS, EventType.ENCRYPTED_TALLY, EventType.PARTIAL_DECRYPTION, EventType.RESULT)
    events = [(row.kind, row.owner, parse_event(row.text).digest) for row in entries_of(connection, uuid, ends)]
    return {
        "ceremonies": [one.ceremony for one in annexes if isinstance(one, Dkg)],
        "drilled": sorted({one.owner for one in annexes if isinstance(one, Drill)}),
        "handed_out": [one for one in annexes if isinstance(one, Issued)][:_MOST_SIGNED],
        "end": next((hash_ for kind, _, hash_ in events if kind == EventType.END_BALLOTS), None),
        "tally": next((hash_ for kind, _, hash_ in events if kind == EventType.ENCRYPTED_TALLY), None),
        "result": next((hash_ for kind, _, hash_ in events if kind == EventType.RESULT), None),
        "shares": [owner for kind, owner, _ in events if kind == EventType.PARTIAL_DECRYPTION],
    }


def _trackers(connection: Connection, uuid: str, after: int) -> dict[str, Any]:
    rows = ballots_from(connection, uuid, after + 1, PAGE + 1)
    return {
        "rows": [{"height": one.height, "compact": compact_tracker(one.tracker)} for one in rows[:PAGE]],
        "after": after,
        "next": rows[PAGE - 1].height if len(rows) > PAGE else None,
    }


def _logged(note: bytes | None, log: Log | None) -> dict[str, Any]:
    """The newest checkpoint, and the witnesses of the manifest's policy with the time at which each signed it, None if it did not.

    `standing` is "none" (no log, or no checkpoint yet), "unwitnessed" (the policy asks for nobody), "confirmed", "waiting" (the
    quorum is missing), or "false": a line does not verify, and the page says so.
    """
    if log is None:
        return {"checkpoint": None, "witnesses": [], "standing": "none"}
    policy = policy_of_manifest(log) if log.policy else None
    names = () if policy is None else policy.witnesses
    if note is None:
        return {"checkpoint": None, "witnesses": [(one.name, None) for one in names], "standing": "none"}
    shown: dict[str, Any] = {"checkpoint": None, "witnesses": [(one.name, None) for one in names], "standing": "false"}
    try:
        signed = parse_signed(note)
        shown["checkpoint"] = checkpoint_json(note)
        verify_log(signed, log.origin, log.keys)
        times = {one.key: one.time for one in verify_lines(signed, [one.key for one in names])}
    except ElectionError:
        return shown
    shown["witnesses"] = [(one.name, times.get(one.key)) for one in names]
    shown["standing"] = "unwitnessed" if policy is None or policy.quorum is None else _quorum(policy, signed)
    return shown


def _quorum(policy: Policy, signed: SignedCheckpoint) -> str:
    try:
        verify_policy(policy, signed)
    except Refused:
        return "waiting"
    return "confirmed"
