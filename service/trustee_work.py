"""What a campaign asks of one trustee after the ceremony: drills, the roll-call, shares; and the standing that tells which.

A drill and a share are judged by `sealing` and `counting`, as those that come by file. The server hands out whole files only: there
is no place in this interface where it could name a point to be multiplied (attack D6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection, insert, select, update

from veche.ballot.manifest import parse_manifest
from veche.ballot.share import parse_delivery, parse_owned
from veche.crypto.canonical_json import Json, fields, integer, parse_canonical
from veche.crypto.errors import Malformed, Refused
from veche.crypto.run_file import EndedRun, parse_run
from veche.ledger.annex import Dkg, ShareRefused
from veche.ledger.annex import Drill as DrillAnnex
from veche.ledger.event import EventType
from veche.observer.record_rows import election_row, entries_but_ballots, manifest_of
from veche.service.audit_trail import note
from veche.service.ceremonies import StoredRun, begun_contests, newest_run, runs_of, told_end
from veche.service.clock import Clock
from veche.service.contest_desk import held_contest, reading_desk
from veche.service.counting import Taken, add_share
from veche.service.jobs import queue_job
from veche.service.key_ceremony import read_standing
from veche.service.sealing import add_drills, known_trustees
from veche.service.storage import Storage
from veche.service.tables import campaigns, contests, roll_calls

MAX_DRILL: Final = 16 * 1024
"""Bytes of the file `drill/1`: one point and one proof."""

MAX_DELIVERY: Final = 16 * 1024 * 1024
"""Bytes of the file `delivery/1`: about 500 for each option of each question."""

_SHARE: Final[Mapping[str, str]] = MappingProxyType({str(EventType.PARTIAL_DECRYPTION): "given", ShareRefused.TYPE: "refused"})


@dataclass(frozen=True, slots=True)
class Trustee:
    """Who asks: the account, the campaign, and the place in its ceremony, which is the trustee's number in every record of it."""

    account: int
    campaign: str
    place: int


def standing_of(connection: Connection, campaign: str, place: int | None) -> dict[str, Json]:
    """How the ceremony and each contest of the campaign stand, for this trustee."""
    query = select(campaigns.c.title, campaigns.c.rehearsal).where(campaigns.c.id == campaign)
    title, rehearsal = connection.execute(query).one()
    runs = runs_of(connection, campaign)
    return {
        "campaign": campaign,
        "title": title,
        "rehearsal": rehearsal,
        "place": place,
        "ceremony": None if not runs else _ceremony(connection, runs[-1]),
        "contests": [_contest(connection, uuid, place) for uuid in begun_contests(connection, campaign)],
    }


def _ceremony(connection: Connection, run: StoredRun) -> dict[str, Json]:
    standing = read_standing(run.board(connection))
    waiting = standing.waiting()
    value: dict[str, Json] = {
        "run": run.number,
        "status": run.status,
        "size": standing.terms.size,
        "threshold": standing.terms.threshold,
        "names": list(standing.terms.names),
        "deadlines": list(standing.terms.deadlines),
    }
    if run.status == "running" and waiting is not None:
        value["waiting"] = {"step": waiting[0], "places": list(waiting[1]), "until": standing.deadline(waiting[0])}
    ended = end_of(run)
    if ended is not None:
        value["ended"] = {"code": ended.code, "named": [ended.terms.names[place - 1] for place in ended.named]}
    return value


def told_ended(connection: Connection, campaign: str) -> str | None:
    """How the newest run ended, in a sentence; None unless it ended without a key."""
    run = newest_run(connection, campaign)
    ended = end_of(run)
    return None if ended is None else told_end(run.number, ended)


def end_of(run: StoredRun) -> EndedRun | None:
    """How this run ended; None unless it ended without a key."""
    ended = None if run.run_file is None else parse_run(run.run_file)
    return ended if isinstance(ended, EndedRun) else None


def _contest(connection: Connection, uuid: str, place: int | None) -> dict[str, Json]:
    row, manifest = election_row(connection, uuid), parse_manifest(manifest_of(connection, uuid))
    entries = entries_but_ballots(connection, uuid)
    mine = [one.kind for one in entries if one.owner == place and place is not None]
    called = roll_calls
    query = select(called.c.time).where(called.c.uuid == uuid, called.c.owner == (place or 0))
    return {
        "election": uuid,
        "contest": manifest.contest,
        "title": dict(manifest.title),
        "state": row.state,
        "ballots": row.ballots,
        "keys": any(one.kind == Dkg.TYPE for one in entries),
        "drilled": DrillAnnex.TYPE in mine,
        "present": connection.execute(query).first() is not None,
        "share": next((_SHARE[kind] for kind in mine if kind in _SHARE), "none"),
    }


def verify_of_campaign(connection: Connection, campaign: str, uuid: str) -> None:
    """Check that this contest is one of the campaign. Raises Refused `no-election`: an invitation opens one campaign only."""
    query = select(contests.c.uuid).where(contests.c.campaign == campaign, contests.c.uuid == uuid)
    if connection.execute(query).first() is None:
        raise Refused("no-election", f"there is no election {uuid[:64]} in this campaign")


def drill_files(storage: Storage, clock: Clock, campaign: str, uuid: str) -> tuple[bytes, bytes]:
    """manifest.json and trustees.json as the record has them: all that a drill is made from. Raises Refused `no-trustees`."""
    with storage.database.reading() as connection:
        verify_of_campaign(connection, campaign, uuid)
    with reading_desk(storage, clock, uuid) as desk:
        return desk.view.manifest_raw, known_trustees(desk).raw


def take_drill(storage: Storage, clock: Clock, trustee: Trustee, uuid: str, raw: bytes) -> bool:
    """The trustee's drill stands in the record; whether it is new. Raises as `sealing.add_drills`."""
    with storage.database.reading() as connection:
        verify_of_campaign(connection, trustee.campaign, uuid)
    if _drill_owner(raw) != trustee.place:
        raise Refused("not-allowed", f"you are trustee {trustee.place}; this drill is another one's")
    with held_contest(storage, clock, uuid) as (desk, connection):
        if trustee.place in desk.view.state.drilled:
            return False
        add_drills(desk, [raw])
        note(connection, clock.now(), trustee.account, trustee.campaign, uuid, "drill", owner=trustee.place)
    return True


def answer_roll_call(storage: Storage, clock: Clock, trustee: Trustee, uuid: str) -> int:
    """The trustee is known to be there with its key; since when, in seconds since 1970.

    Raises Refused `entry-order` unless the contest is sealed and not open yet.
    """
    storage.verify_writable()
    with storage.database.writing() as connection:
        verify_of_campaign(connection, trustee.campaign, uuid)
        row, now = election_row(connection, uuid, lock=True), clock.now()
        if row.state != "sealed":
            raise Refused("entry-order", f"the roll-call is held between sealing and opening; this election is {row.state}")
        table = roll_calls
        time = now + row.clock_offset
        changed = connection.execute(update(table).where(table.c.uuid == uuid, table.c.owner == trustee.place).values(time=time))
        if changed.rowcount == 0:
            connection.execute(insert(table).values(uuid=uuid, owner=trustee.place, time=time))
        note(connection, now, trustee.account, trustee.campaign, uuid, "roll-call", owner=trustee.place)
    return time


def take_share(storage: Storage, clock: Clock, trustee: Trustee, uuid: str, raw: bytes) -> Taken:
    """The trustee's share stands in the record; or, signed and wrong, its refusal by name. Raises as `counting.add_share`."""
    with storage.database.reading() as connection:
        verify_of_campaign(connection, trustee.campaign, uuid)
    if parse_owned(parse_delivery(raw, uuid).owned).owner != trustee.place:
        raise Refused("not-allowed", f"you are trustee {trustee.place}; this share is another one's")
    with held_contest(storage, clock, uuid) as (desk, connection):
        taken = add_share(desk, raw)
        action = "share" if taken.reason is None else "share-refused"
        note(connection, clock.now(), trustee.account, trustee.campaign, uuid, action, owner=trustee.place)
        # Perhaps it was the last one that the result needs.
        queue_job(connection, "advance", f"advance {uuid}", {"election": uuid}, clock.now())
    return taken


def _drill_owner(raw: bytes) -> int:
    try:
        return integer(fields(parse_canonical(raw), ("veche", "election", "owner", "factor", "proof"))["owner"], 1)
    except Malformed as error:
        raise Malformed("drill-malformed", f"a trustee's drill: {error.message}") from error
