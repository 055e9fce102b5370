"""What the second organizer approves, word for word: the Setup that will be written, or the end of an election.

Asked for, shown, compared again when it is approved, and for a seal once more when the job writes it: if the registrar's list, the
questions or the trustees changed in between, nothing is written.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from veche.ballot.manifest import Manifest
from veche.ballot.manifest import seal as spoken
from veche.crypto.canonical_json import Json, array, text
from veche.crypto.errors import Inconsistent, Malformed, Refused
from veche.ledger.annex_fields import read_field
from veche.ledger.entry import step_of
from veche.ledger.policy import policy_of_manifest
from veche.ledger.record_state import Step, next_state
from veche.observer.record_rows import data_part
from veche.service import counting
from veche.service.approvals import Approval, approved_seal
from veche.service.desk import Desk
from veche.service.sealing import known_trustees, plan_setup

KEYS_LOST: Final = "keys-lost"
_MOST_TEXT: Final = 100_000
_AFTER_SETUP: Final = ("sealed", "open", "suspended", "closed", "decrypting")


def planned_seal(desk: Desk, credentials_sha256: str | None) -> dict[str, Json]:
    """What sealing now would fix for ever: the Setup hash that everybody will compare, and what it is made of.

    Raises Refused `no-credentials`, `no-trustees`, or `entry-order` while a drill is missing, and Malformed `question-limits` when
    nobody's ballot would be short enough to be taken: a plan from before that was looked at may be so.
    """
    desk.refuse_unless("sealing", "draft")
    if credentials_sha256 is None:
        raise Refused("no-credentials", f"the registrar has not handed in the public credentials of election {desk.uuid} yet")
    trustees, planned = known_trustees(desk), plan_setup(desk, credentials_sha256)
    if desk.view.trustees is None:
        desk.view.know_trustees(trustees)
    next_state(desk.view.state, step_of(planned.event))
    manifest = desk.view.manifest
    questions: list[Json] = [
        {
            "question": one.text,
            "answers": list(one.answers),
            "min": one.minimum,
            "max": one.maximum,
            "blank": one.blank,
            "costs": [option.cost for option in options],
            "texts": [option.text for option in options],
        }
        for one, options in zip(planned.election.questions, manifest.options, strict=True)
    ]
    return {
        "setup": planned.event.digest,
        "seal": spoken(planned.event.digest),
        "name": planned.election.name,
        "description": planned.election.description.rpartition("\n")[0],
        "currency": None if manifest.allocation is None else manifest.allocation.currency,
        "questions": questions,
        "trustees": len(trustees.owners),
        "threshold": [group.threshold for group in trustees.groups],
        "credentials_sha256": credentials_sha256,
        "rules": _rules(manifest),
    }


def _rules(manifest: Manifest) -> dict[str, Json]:
    """All that the manifest promises besides the questions, for people to read before it is fixed for ever."""
    log = manifest.log
    policy = None if log is None or not log.policy else policy_of_manifest(log)
    return {
        "title": dict(manifest.title),
        "rehearsal": manifest.rehearsal,
        "opens_at": manifest.opens_at,
        "closes_at": manifest.closes_at,
        "until": manifest.until,
        "zone": manifest.zone,
        "electorate": manifest.electorate,
        "eligibility": manifest.eligibility,
        "minimum_ballots": manifest.minimum_ballots,
        "appeal_days": manifest.appeal_days,
        "allocation": None if manifest.allocation is None else manifest.allocation.to_json(),
        "level": manifest.level,
        "registrar": None if manifest.registrar is None else manifest.registrar.text(),
        "log_keys": [] if log is None else [key.text() for key in log.keys],
        "policy": "" if log is None else log.policy,
        "witnesses": [] if policy is None else [one.name for one in policy.witnesses],
        "quorum": None if policy is None else policy.quorum,
    }


def texts_of(connection: Connection, uuid: str, questions: Json) -> dict[str, str]:
    """The descriptions of the options of such questions, by their SHA-256, as the record holds them and the booth shows them."""
    named = [name for one in array(questions) if type(one) is dict for name in array(one.get("texts", [])) if name is not None]
    contents = {text(name): data_part(connection, uuid, text(name), 0, _MOST_TEXT) for name in named}
    return {name: content.decode("utf-8", "replace") for name, content in contents.items() if content is not None}


def verify_unchanged(approval: Approval, now: dict[str, Json]) -> None:
    """Check that sealing now would fix what was asked for. Raises Inconsistent `contest-changed`."""
    if approval.details.get("setup") != now["setup"]:
        raise Inconsistent(
            "contest-changed",
            f"election {approval.uuid} is no longer what was asked for: its credentials, trustees or questions changed; ask again",
        )


def verify_approved(connection: Connection, desk: Desk, credentials_sha256: str) -> None:
    """Check that two organizers approved exactly this seal. Raises Refused `not-approved`, Inconsistent `contest-changed`."""
    approval = approved_seal(connection, desk.uuid)
    if approval is None:
        raise Refused("not-approved", f"no two organizers have approved that election {desk.uuid} is sealed")
    verify_unchanged(approval, planned_seal(desk, credentials_sha256))


def verify_end(desk: Desk, action: str, reason: str, successor: str | None) -> None:
    """Check that the election can be ended so, now. Raises Malformed `reason`, Refused `entry-order`, `keys-there`, `successor`."""
    kind = {"cancel": "cancelled", "annul": "annulled"}[action]
    reason_code(kind, reason)
    if successor is not None:
        try:
            read_field(kind, "successor", successor)
        except Malformed as error:
            raise Malformed("successor", "a successor is the uuid of the election that takes this one's place") from error
        if successor == desk.uuid:
            raise Refused("successor", "an election is not its own successor")
    if kind == "cancelled" and reason == KEYS_LOST:
        verify_keys_lost(desk)
    next_state(desk.view.state, Step(kind))


def verify_keys_lost(desk: Desk) -> None:
    """Check that keys can be lost and are still needed. Raises Refused `entry-order`, `keys-there`."""
    desk.refuse_unless("giving up for lost keys", *_AFTER_SETUP)
    if desk.view.state.name == "decrypting" and not counting.still_missing(desk):
        raise Refused("keys-there", f"enough shares were given for election {desk.uuid}: its result can be made")


def end_election(desk: Desk, approval: Approval) -> None:
    """`cancelled` or `annulled` stands in the record with the reason that was approved.

    Raises as `verify_end`, and Inconsistent `contest-changed`: who approves the end of a draft does not end a vote.
    """
    if approval.details.get("state") != desk.view.state.name:
        raise Inconsistent(
            "contest-changed",
            f"election {approval.uuid} was {approval.details.get('state')} when this was asked for, and is {desk.view.state.name} "
            "now: ask again",
        )
    reason, successor = str(approval.details["reason"]), approval.details.get("successor")
    named = successor if isinstance(successor, str) else None
    verify_end(desk, approval.action, reason, named)
    step = counting.cancel if approval.action == "cancel" else counting.annul
    step(desk, reason, named)


def reason_code(kind: str, reason: str) -> str:
    """The reason, if it is a code. Raises Malformed `reason`: free text about people may never enter a record."""
    try:
        read_field(kind, "code" if kind == "incident" else "reason", reason)
    except Malformed as error:
        raise Malformed("reason", "a reason is a code of 1 to 64 of a-z, 0-9 and -, for example power-cut") from error
    return reason
