"""What the observer endpoint says of an election, of a campaign and of a ballot: JSON made from rows. Design section 5.

Nothing here knows a total of any option before it is published: see `published_result`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from veche.ballot.manifest import Log, seal
from veche.ballot.tally import weight_to_json
from veche.ballot.trustees import Trustees
from veche.crypto.canonical_json import Json
from veche.crypto.version1 import compact
from veche.ledger.annex import (
    Annex,
    Annulled,
    Cancelled,
    Certified,
    Closed,
    Extended,
    Incident,
    Opened,
    Published,
    Resumed,
    Suspended,
)
from veche.observer.public_record import Facts
from veche.observer.record_rows import BallotRow, CredentialRow, ElectionRow, Hour
from veche.observer.tracker import compact_tracker

REHEARSAL: Final = "This is a rehearsal, no real election."
MOST_DIGITS: Final = 3
_A_BUCKET: Final = 32

Happened = Opened | Extended | Suspended | Resumed | Incident | Closed | Published | Certified | Cancelled | Annulled


def bucket_digits(listed: int) -> int:
    """The most hex digits, up to three, that leave 32 credentials a bucket on average."""
    return max(digits for digits in range(MOST_DIGITS + 1) if digits == 0 or listed >= _A_BUCKET * 16**digits)


def rehearsal_json(rehearsal: bool) -> dict[str, Json]:
    """How every answer says what kind of election this is."""
    return {"rehearsal": True, "notice": REHEARSAL} if rehearsal else {"rehearsal": False}


def head_json(row: ElectionRow) -> dict[str, Json]:
    """How every answer about one election begins."""
    return {"election": row.uuid, **rehearsal_json(row.rehearsal)}


def brief_json(row: ElectionRow, facts: Facts) -> dict[str, Json]:
    """An election in a list."""
    return {
        **head_json(row),
        "campaign": row.campaign,
        "contest": row.contest,
        "title": dict(facts.manifest.title),
        "state": row.state,
        "opens_at": row.opens_at,
        "closes_at": row.closes_at,
        "fingerprint": row.fingerprint,
        "setup": row.setup,
        "seal": None if row.setup is None else seal(row.setup),
        "electorate": facts.manifest.electorate,
        "issued": row.issued,
        "ballots": row.ballots,
        "voters": row.voters,
    }


def summary_json(row: ElectionRow, facts: Facts, annexes: Sequence[Annex], hours: Sequence[Hour]) -> dict[str, Json]:
    """Everything about one election but its ballots. Times are seconds since 1970."""
    manifest, election = facts.manifest, facts.election
    return {
        **brief_json(row, facts),
        "level": manifest.level,
        "announced": {
            "opens_at": manifest.opens_at,
            "closes_at": manifest.closes_at,
            "extended_until": manifest.until,
            "zone": manifest.zone,
        },
        "actual": _actual(annexes),
        "happened": [_happened(one) for one in annexes if isinstance(one, Happened)],
        "clock_offset": row.clock_offset,
        "questions": None if election is None else [question.to_json() for question in election.questions],
        "options": manifest.to_json()["options"],
        "trustees": None if facts.trustees is None else _trustees(facts.trustees),
        "threshold": None if facts.trustees is None else [group.threshold for group in facts.trustees.groups],
        "registrar": None if manifest.registrar is None else manifest.registrar.text(),
        "minimum_ballots": manifest.minimum_ballots,
        "appeal_days": manifest.appeal_days,
        "counts": _counts(row, facts),
        "turnout": hours_json(hours),
        "bucket_digits": bucket_digits(row.listed),
        "log": None if manifest.log is None else _log(manifest.log),
        # The endpoint fills it in: it stands beside the database.
        "checkpoint": None,
    }


def hours_json(hours: Sequence[Hour]) -> list[Json]:
    return [{"hour": one.start, "ballots": one.ballots, "voters": one.voters} for one in hours]


def ballot_json(row: ElectionRow, ballot: BallotRow, last: BallotRow) -> dict[str, Json]:
    """Where a ballot stands; `last` is the newest of the same credential. `hour` begins so many seconds after 1970.

    The second is the voter's own: it stands in her acknowledgement, and helps nobody here but whoever watches a network.
    """
    replaced = last.height != ballot.height
    return {
        **head_json(row),
        "tracker": ballot.tracker,
        "compact": compact_tracker(ballot.tracker),
        "height": ballot.height,
        "event": ballot.event,
        "hour": ballot.time - ballot.time % 3600,
        "replaced": replaced,
        "replaced_by": {"tracker": last.tracker, "height": last.height} if replaced else None,
    }


def credential_json(row: CredentialRow, issued_before: int, ballots: Sequence[BallotRow]) -> dict[str, Json]:
    """A public credential, whether it was handed out by then, and its ballots, oldest first: the last one counts."""
    return {
        "credential": row.credential,
        "weight": weight_to_json(row.weight),
        "state": "issued" if row.issued is not None and row.issued < issued_before else "not-issued",
        "ballots": [{"tracker": one.tracker, "height": one.height} for one in ballots],
    }


def _actual(annexes: Sequence[Annex]) -> dict[str, Json]:
    """When things happened, null while they have not."""
    times: dict[str, Json] = dict.fromkeys(("opened_at", "closed_at", "published_at", "certified_at", "ended_at"))
    for one in annexes:
        if isinstance(one, (Opened, Closed, Published, Certified)):
            times[f"{one.TYPE}_at"] = one.time
        elif isinstance(one, (Cancelled, Annulled)):
            times["ended_at"] = one.time
    return times


def _happened(one: Happened) -> dict[str, Json]:
    code = one.code if isinstance(one, Incident) else getattr(one, "reason", None)
    return {"what": one.TYPE, "time": one.time, "reason": code}


def _counts(row: ElectionRow, facts: Facts) -> dict[str, Json]:
    """The first three fit together: both files cut to these lengths are one state of the record."""
    return {
        "entries": row.entries,
        "entry_bytes": row.entry_bytes,
        "archive_bytes": row.archive_bytes,
        "listed": row.listed,
        "issued": row.issued,
        "electorate": facts.manifest.electorate,
        "ballots": row.ballots,
        "voters": row.voters,
    }


def _trustees(trustees: Trustees) -> list[Json]:
    return [
        {
            "number": owner.number,
            "name": owner.name,
            "key": owner.public_key.hex(),
            "fingerprint": compact(owner.public_key.hex().encode("ascii")),
        }
        for owner in trustees.owners
    ]


def _log(log: Log) -> dict[str, Json]:
    keys: list[Json] = [key.text() for key in log.keys]
    return {"origin": log.origin, "vkey": keys[0], "keys": keys, "box": log.box.text()}
