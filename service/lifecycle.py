"""The next step of a contest that nobody has to take: by the clock, or by what trustees and registrar have done. Design section 4.

Several processes may look at the same contest at once; the election's row decides who takes the step, and whoever comes second ends
quietly. Once voting has closed, total and result need no organizer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection, select, update

from veche.ballot.combination import missing_shares
from veche.ballot.manifest import Manifest, parse_manifest
from veche.ballot.trustees import Trustees, parse_trustees
from veche.crypto.canonical_json import Json
from veche.crypto.errors import Inconsistent, Refused
from veche.observer.executor import available_jobs
from veche.observer.record_rows import ElectionRow, election_row, manifest_of
from veche.observer.tables import archive_records, entries
from veche.service import counting, sealing, voting
from veche.service.approved_steps import verify_approved
from veche.service.audit_trail import note
from veche.service.contest_desk import held_contest, reading_desk, time_at
from veche.service.desk import Desk
from veche.service.jobs import failed_at, queue_job
from veche.service.record_writer import move_clock
from veche.service.roll_call import answers, complete_at
from veche.service.server import Server
from veche.service.tables import campaigns, contests

LATE_OPENING: Final = "late-opening"
LATE_ROLL_CALL: Final = "late-roll-call"
LATE_CLOSING: Final = "late-closing"

AGAIN: Final = 600
"""Seconds after which work that has failed for good is begun anew: what nobody mends by hand may mend itself."""

MANY: Final = 500
"""Ballots from which on the audit uses several processes: below it, starting them takes longer than the work."""

_LOST: Final = frozenset({"record-moved", "entry-order", "too-early"})
"""Codes of a step that somebody else has taken meanwhile, or whose time has been moved."""


def advance(server: Server, uuid: str) -> str | None:
    """The next automatic step of this contest is taken, if its time has come; the state after it, or None when nothing was done.

    Long steps are queued as jobs. Raises Refused `no-election` or `storage-failed`, and what a step finds wrong with the record.
    """
    with server.storage.database.reading() as connection:
        row = election_row(connection, uuid)
    step = _STEPS.get(row.state)
    return None if step is None else _unless_lost(lambda: step(server, row))


def _unless_lost(step: Callable[[], str | None]) -> str | None:
    try:
        return step()
    except (Refused, Inconsistent) as error:
        if error.code in _LOST:
            return None
        raise


def _open(server: Server, row: ElectionRow) -> str | None:
    """`opened` from the announced time on, once enough trustees have answered. After the end it can only be cancelled."""
    if not row.opens_at <= time_at(server.clock, row) < row.closes_at:
        return None
    with server.storage.database.reading() as connection:
        trustees, manifest = _trustees(connection, row.uuid), _manifest(connection, row.uuid)
        answered = answers(connection, row.uuid, manifest.opens_at)
    given = {owner: time for owner, time in answered.items() if trustees.owner(owner) is not None}
    complete = complete_at(trustees, manifest.level, given)
    if complete is None:
        return None
    with held_contest(server.storage, server.clock, row.uuid) as (desk, connection):
        desk.refuse_unless("opening", "sealed")
        code = LATE_ROLL_CALL if complete > manifest.opens_at else LATE_OPENING
        _explain_lateness(desk, manifest.opens_at, code)
        voting.open_vote(desk, list(given))
        _note(server, connection, row, "opened", trustees=list(given))
    return "open"


def _close(server: Server, row: ElectionRow) -> str | None:
    """EndBallots and `closed` in one transaction, from the end in force on, whatever ran or did not run when it passed."""
    if time_at(server.clock, row) < row.closes_at:
        return None
    with held_contest(server.storage, server.clock, row.uuid) as (desk, connection):
        desk.refuse_unless("closing", "open", "suspended")
        _explain_lateness(desk, desk.view.closes_at(), LATE_CLOSING)
        voters = voting.close_vote(desk)
        _note(server, connection, row, "closed", voters=voters)
    return "closed"


def _explain_lateness(desk: Desk, announced: int, code: str) -> None:
    """The record says why, before a step that comes more than a minute late: the audit would refute it otherwise."""
    if desk.now > announced + voting.TOLERANCE:
        voting.add_incident(desk, code)


def _count(server: Server, row: ElectionRow) -> str | None:
    """After the registrar's last word: withheld when too few have voted, else the encrypted total, as a job."""
    with server.storage.database.reading() as connection:
        manifest = _manifest(connection, row.uuid)
        ready = manifest.level != "strict" or _issued_after_close(connection, row.uuid)
    if not ready:
        return None
    if row.voters >= manifest.minimum_ballots:
        _queue(server, "tally", row.uuid)
        return None
    with held_contest(server.storage, server.clock, row.uuid) as (desk, connection):
        desk.refuse_unless("withholding", "closed")
        counting.withhold(desk)
        _note(server, connection, row, "withheld", voters=row.voters, minimum=manifest.minimum_ballots)
    return "withheld"


def _combine(server: Server, row: ElectionRow) -> str | None:
    """Result, once there are enough shares."""
    with server.storage.database.reading() as connection:
        missing = missing_shares(_trustees(connection, row.uuid), _shared(connection, row.uuid))
    if missing:
        return None
    with reading_desk(server.storage, server.clock, row.uuid, lambda own: _note(server, own, row, "result")) as desk:
        desk.refuse_unless("making the result", "decrypting")
        counting.add_result(desk)
    return "tallied"


def _publish_demo(server: Server, row: ElectionRow) -> str | None:
    """A demonstration publishes by itself; everywhere else an organizer asks for it."""
    with server.storage.database.reading() as connection:
        query = select(campaigns.c.demo).where(campaigns.c.id == row.campaign)
        demo = connection.execute(query).scalar_one_or_none()
    if demo:
        _queue(server, "publish", row.uuid)
    return None


_STEPS: Final[Mapping[str, Callable[[Server, ElectionRow], str | None]]] = MappingProxyType(
    {
        "sealed": _open,
        "open": _close,
        "suspended": _close,
        "closed": _count,
        "decrypting": _combine,
        "tallied": _publish_demo,
    }
)


def seal_contest(server: Server, uuid: str) -> None:
    """Setup stands in the record, from the credentials that the registrar has handed in. Nothing when it is sealed already.

    Raises Refused `no-credentials`, `not-approved`, Inconsistent `contest-changed`, and what `sealing.seal` finds wrong.
    """

    def beside(connection: Connection) -> None:
        # The list is in the record from now on, and nowhere else.
        connection.execute(update(contests).where(contests.c.uuid == uuid).values(credentials=None))
        _note(server, connection, election_row(connection, uuid), "sealed")

    # Read without holding the row: for a large city the list takes long to read, and other contests vote meanwhile.
    with reading_desk(server.storage, server.clock, uuid, beside) as desk:
        if desk.view.state.name != "draft":
            return
        with server.storage.database.reading() as connection:
            raw = connection.execute(select(contests.c.credentials).where(contests.c.uuid == uuid)).scalar_one_or_none()
            if raw is None:
                raise Refused("no-credentials", f"the registrar has not handed in the public credentials of election {uuid} yet")
            verify_approved(connection, desk, sha256(bytes(raw)).hexdigest())
        sealing.seal(desk, bytes(raw))


def add_up(server: Server, uuid: str) -> None:
    """EncryptedTally stands in the record. Nothing when it does already, or when the contest was given up."""

    def step() -> None:
        with reading_desk(server.storage, server.clock, uuid, _beside(server, uuid, "encrypted-tally")) as desk:
            if desk.view.state.name == "closed":
                counting.add_tally(desk)

    _unless_order_forbids(step)


def publish_result(server: Server, uuid: str) -> None:
    """`published` stands in the record, after the full audit. Nothing when it does already. Raises Refused `audit-failed`."""

    def step() -> None:
        with reading_desk(server.storage, server.clock, uuid, _beside(server, uuid, "published")) as desk:
            if desk.view.state.name == "tallied":
                row = _row(server, uuid)
                counting.publish(desk, available_jobs() if row.ballots >= MANY else 1)

    _unless_order_forbids(step)


def count_now(server: Server, uuid: str) -> str | None:
    """A rehearsal's clock stands at its end, or later, and the vote is closed; what `advance` did.

    Raises Refused `not-a-rehearsal`, or `not-open` when there is no vote to be ended.
    """
    with held_contest(server.storage, server.clock, uuid) as (desk, connection):
        row = election_row(connection, uuid)
        if not row.rehearsal:
            raise Refused("not-a-rehearsal", f"election {uuid} is no rehearsal: its clock is everybody's, and nobody moves it")
        if desk.view.state.name not in ("open", "suspended"):
            raise Refused("not-open", f"there is no vote to be ended: election {uuid} is {desk.view.state.name}")
        # Only forward: what has an acknowledgement keeps its time, and times in a record never go back.
        move_clock(connection, row, max(row.clock_offset, row.closes_at - server.clock.now()))
        _note(server, connection, row, "count-now")
    return advance(server, uuid)


def _unless_order_forbids(step: Callable[[], None]) -> None:
    """A job whose step was taken by somebody else is done; one whose record moved meanwhile is tried again (`record-moved`)."""
    try:
        step()
    except Refused as error:
        if error.code != "entry-order":
            raise


def _queue(server: Server, kind: str, uuid: str) -> None:
    topic, now = f"{kind} {uuid}", server.clock.now()
    with server.storage.database.reading() as connection:
        failed = failed_at(connection, topic)
    with server.storage.database.writing() as connection:
        queue_job(connection, kind, topic, {"election": uuid}, now if failed is None else failed + AGAIN)


def _row(server: Server, uuid: str) -> ElectionRow:
    with server.storage.database.reading() as connection:
        return election_row(connection, uuid)


def _note(server: Server, connection: Connection, row: ElectionRow, action: str, **details: Json) -> None:
    note(connection, server.clock.now(), None, row.campaign, row.uuid, action, **details)


def _beside(server: Server, uuid: str, action: str) -> Callable[[Connection], None]:
    return lambda connection: _note(server, connection, election_row(connection, uuid), action)


def _manifest(connection: Connection, uuid: str) -> Manifest:
    return parse_manifest(manifest_of(connection, uuid))


def _trustees(connection: Connection, uuid: str) -> Trustees:
    """The trustees of Setup, without reading all its credentials."""
    table = archive_records
    query = select(table.c.content).where(table.c.uuid == uuid, table.c.height == 0, table.c.number == 1)
    return parse_trustees(bytes(connection.execute(query).scalar_one()))


def _issued_after_close(connection: Connection, uuid: str) -> bool:
    query = select(entries.c.kind).where(entries.c.uuid == uuid, entries.c.kind.in_(("issued", "closed"))).order_by(entries.c.place)
    kinds = list(connection.execute(query).scalars())
    return "closed" in kinds and kinds[-1] == "issued"


def _shared(connection: Connection, uuid: str) -> list[int]:
    query = select(entries.c.owner).where(entries.c.uuid == uuid, entries.c.kind == "PartialDecryption")
    return [owner for owner in connection.execute(query).scalars() if owner is not None]
