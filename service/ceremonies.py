"""A campaign's key ceremony in the server's tables: one run after another, until one gives the keys of all its contests.

Messages are written once, by the trustee whose name they carry. When everything has come the run finishes by itself, and its keys
are added to every contest of the campaign; a judged complaint or silence at a deadline ends it. Whoever a run names has no place in
the next one, which begins with new seeds. design section 4; docs/protocol.md section 6.8 (veche-record section 5).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, insert, select, update

from veche.crypto.channel import Cipher
from veche.crypto.errors import Inconsistent, Refused
from veche.crypto.run_file import EndedRun, Terms, parse_run
from veche.observer.tables import elections
from veche.service.audit_trail import note
from veche.service.ceremony_board import CeremonyBoard
from veche.service.ceremony_messages import MessageName, Visit, used_keys, verify_message, verify_text
from veche.service.clock import Clock
from veche.service.contest_desk import held_desk
from veche.service.jobs import queue_job
from veche.service.key_ceremony import begin, end_ceremony, finish_ceremony, read_standing
from veche.service.sealing import add_keys
from veche.service.storage import Storage
from veche.service.tables import accounts, campaigns, ceremonies, ceremony_messages, contests, roles

MAX_TRUSTEES: Final = 100
"""Each of n trustees sends a message to each other one."""


class StoredMessages:
    """The messages of one run, in a transaction of the caller's."""

    def __init__(self, connection: Connection, ceremony: int) -> None:
        self._connection = connection
        self._ceremony = ceremony

    def read(self, name: str) -> str | None:
        table = ceremony_messages
        query = select(table.c.content).where(table.c.ceremony == self._ceremony, table.c.name == name)
        found = self._connection.execute(query).scalar_one_or_none()
        return None if found is None else bytes(found).decode("utf-8")

    def put(self, name: str, content: str) -> None:
        before = self.read(name)
        if before is None:
            values = {"ceremony": self._ceremony, "name": name, "content": content.encode("utf-8")}
            self._connection.execute(insert(ceremony_messages).values(values))
        elif before != content:
            raise Inconsistent("ceremony-file", f"{name} is on the board already and says something else; nothing is replaced")

    def names(self) -> Iterable[str]:
        table = ceremony_messages
        query = select(table.c.name).where(table.c.ceremony == self._ceremony).order_by(table.c.name)
        return list(self._connection.execute(query).scalars())

    def where(self, name: str) -> str:
        return name


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as its row has it: `number` counts from 1; `status` is running, finished or ended."""

    id: int
    number: int
    status: str
    run_file: bytes | None
    trustees: bytes | None

    def messages(self, connection: Connection) -> StoredMessages:
        return StoredMessages(connection, self.id)

    def board(self, connection: Connection) -> CeremonyBoard:
        return CeremonyBoard(self.messages(connection))


def runs_of(connection: Connection, campaign: str, lock: bool = False) -> list[StoredRun]:
    """The runs of this campaign, oldest first; with `lock`, nobody else changes one until the transaction ends."""
    table = ceremonies
    columns = (table.c.id, table.c.run, table.c.status, table.c.run_file, table.c.trustees)
    query = select(*columns).where(table.c.campaign == campaign).order_by(table.c.run)
    rows = connection.execute(query.with_for_update() if lock else query).all()
    return [StoredRun(row.id, row.run, row.status, _bytes(row.run_file), _bytes(row.trustees)) for row in rows]


def newest_run(connection: Connection, campaign: str, lock: bool = False) -> StoredRun:
    """The run of today. Raises Refused `no-ceremony` before the first one."""
    runs = runs_of(connection, campaign, lock)
    if not runs:
        raise Refused("no-ceremony", "the organizer has not begun the trustees' ceremony yet")
    return runs[-1]


def begin_ceremony(
    connection: Connection,
    campaign: str,
    threshold: int,
    deadlines: tuple[int, int, int],
    now: int,
    account: int | None,
    cipher: Cipher = Cipher.GCM,
) -> int:
    """A run of the campaign's trustees begins, any `threshold` of whom will decrypt; its number, from 1.

    The trustees are numbered anew in the order of their places: a place that a run before has taken away is not missed. `deadlines`
    are for commitments, reveals and complaints, in seconds since 1970. Raises Refused or Malformed.
    """
    connection.execute(select(campaigns.c.id).where(campaigns.c.id == campaign).with_for_update())
    runs = runs_of(connection, campaign, lock=True)
    if runs and runs[-1].status != "ended":
        state = "has its keys already" if runs[-1].status == "finished" else "holds a ceremony already; it must end first"
        raise Refused("ceremony-goes-on", f"this campaign {state}")
    if deadlines[0] <= now:
        raise Refused("deadlines", "the deadline for commitments has passed already")
    names = _number_trustees(connection, campaign)
    values = {"campaign": campaign, "run": len(runs) + 1, "status": "running"}
    ceremony = int(connection.execute(insert(ceremonies).values(values).returning(ceremonies.c.id)).scalar_one())
    begin(CeremonyBoard(StoredMessages(connection, ceremony)), Terms(len(names), threshold, cipher, deadlines, names))
    for due in sorted(set(deadlines)):
        queue_job(connection, "ceremony", f"ceremony/{campaign}/{len(runs) + 1}/{due}", {"campaign": campaign}, due + 1)
    note(connection, now, account, campaign, None, "ceremony-begun", run=len(runs) + 1, threshold=threshold, size=len(names))
    return len(runs) + 1


def _number_trustees(connection: Connection, campaign: str) -> tuple[str, ...]:
    """The trustees have the places 1 to n; their names in this order. Raises Refused `trustees-few`."""
    query = (
        select(roles.c.account, accounts.c.name)
        .join(accounts, accounts.c.id == roles.c.account)
        .where(roles.c.campaign == campaign, roles.c.role == "trustee", roles.c.place.is_not(None))
        .order_by(roles.c.place, roles.c.account)
    )
    found = connection.execute(query).all()
    if not 2 <= len(found) <= MAX_TRUSTEES:
        raise Refused("trustees-few", f"a ceremony has 2 to {MAX_TRUSTEES} trustees; this campaign has {len(found)}")
    for place, row in enumerate(found, 1):
        change = update(roles).where(roles.c.campaign == campaign, roles.c.account == row.account)
        connection.execute(change.values(place=place))
    return tuple(row.name for row in found)


def put_message(
    connection: Connection, campaign: str, place: int, account: int | None, name: str, raw: bytes, now: int
) -> bool:
    """The message of trustee `place` is on the board, and the run finished or ended if that was the last of it; whether it is new.

    Raises Refused, Malformed, InvalidProof, InvalidSignature or Inconsistent with the sentence; then nothing was kept.
    """
    parsed, content = MessageName.parse(name), verify_text(raw)
    runs = runs_of(connection, campaign, lock=True)
    _verify_place(connection, campaign, account, place)
    run = newest_run(connection, campaign)
    board, messages = run.board(connection), run.messages(connection)
    terms = read_standing(board).terms
    if parsed.author == place and messages.read(name) == content:
        return False
    if run.status != "running":
        raise Refused("ceremony-over", f"run {run.number} of the ceremony is {run.status}: nothing more is taken")
    if parsed.author == place and messages.read(name) is not None:
        messages.put(name, content)
    used = used_keys([parse_run(one.run_file).certificates for one in runs if one.run_file is not None])
    verify_message(Visit(board, terms, place, now, used), parsed, content)
    messages.put(name, content)
    note(connection, now, account, campaign, None, "ceremony-message", run=run.number, name=name)
    _settle(connection, campaign, runs, now)
    return True


def _verify_place(connection: Connection, campaign: str, account: int | None, place: int) -> None:
    """Check that this account still has the place: a new run may have given it another since it was asked. Raises Refused."""
    if account is None:
        return
    query = select(roles.c.place).where(roles.c.campaign == campaign, roles.c.account == account)
    if connection.execute(query).scalar_one_or_none() != place:
        raise Refused("not-allowed", "your place in the ceremony has changed: look at it again")


def settle_ceremony(storage: Storage, clock: Clock, campaign: str) -> str | None:
    """The newest run has finished or ended if its time has come, and its keys are in every contest that waits for them.

    What was done, in a sentence; None when there was nothing to do. For timers and for organizers who do not want to wait for them.
    """
    storage.verify_writable()
    with storage.database.writing() as connection:
        done = _settle(connection, campaign, runs_of(connection, campaign, lock=True), clock.now())
    added = add_keys_everywhere(storage, clock, campaign)
    return done or (f"the keys were added to {len(added)} contests" if added else None)


def _settle(connection: Connection, campaign: str, runs: list[StoredRun], now: int) -> str | None:
    if not runs or runs[-1].status != "running":
        return None
    run, previous = runs[-1], runs[-2].run_file if len(runs) > 1 else None
    board = run.board(connection)
    standing = read_standing(board)
    if standing.waiting() is None and not standing.complaints:
        trustees, finished = finish_ceremony(board, [], previous)
        _close(connection, run, "finished", finished.encode(), trustees.raw)
        note(connection, now, None, campaign, None, "ceremony-finished", run=run.number)
        return f"run {run.number} of the ceremony has finished: the keys are made"
    try:
        ended = end_ceremony(board, now, previous)
    except Refused as error:
        if error.code != "ceremony-goes-on":
            raise
        return None
    _close(connection, run, "ended", ended.encode(), None)
    _take_places(connection, campaign, ended)
    note(connection, now, None, campaign, None, "ceremony-ended", run=run.number, code=ended.code, named=list(ended.named))
    return told_end(run.number, ended)


def told_end(number: int, run: EndedRun) -> str:
    """How a run ended, in a sentence."""
    who = ", ".join(f"trustee {place} ({run.terms.names[place - 1]})" for place in run.named)
    return f"run {number} of the ceremony ended without a key ({run.code}); it names {who}"


def _close(connection: Connection, run: StoredRun, status: str, run_file: bytes, trustees: bytes | None) -> None:
    change = update(ceremonies).where(ceremonies.c.id == run.id)
    connection.execute(change.values(status=status, run_file=run_file, trustees=trustees))


def _take_places(connection: Connection, campaign: str, ended: EndedRun) -> None:
    """Whoever the run names has no place in the next one, unless an organizer gives it one again."""
    change = update(roles).where(roles.c.campaign == campaign, roles.c.role == "trustee", roles.c.place.in_(ended.named))
    connection.execute(change.values(place=None))


def add_keys_everywhere(storage: Storage, clock: Clock, campaign: str) -> list[str]:
    """The campaign's keys are in the record of each of its contests that waits for keys; the uuids of those that just got them."""
    with storage.database.reading() as connection:
        if not any(run.status == "finished" for run in runs_of(connection, campaign)):
            return []
        uuids = begun_contests(connection, campaign)
    return [uuid for uuid in uuids if add_campaign_keys(storage, clock, uuid)]


def begun_contests(connection: Connection, campaign: str) -> list[str]:
    """The uuids of the campaign's contests whose records have begun, in the order of its plan; before the rules are fixed, none."""
    query = (
        select(contests.c.uuid)
        .join(elections, elections.c.uuid == contests.c.uuid)
        .where(contests.c.campaign == campaign)
        .order_by(contests.c.place)
    )
    return list(connection.execute(query).scalars())


def add_campaign_keys(storage: Storage, clock: Clock, uuid: str) -> bool:
    """The keys of this contest's campaign stand in its record; whether they were added now.

    Nothing happens while the ceremony has not finished, or when the contest has its keys, is past its draft, or has been given the
    keys of other people's tools. Called when a ceremony finishes, and by whoever begins a record later.
    """
    with storage.database.reading() as connection:
        campaign = connection.execute(select(contests.c.campaign).where(contests.c.uuid == uuid)).scalar_one_or_none()
        runs = [] if campaign is None else runs_of(connection, campaign)
    last = runs[-1] if runs else None
    if last is None or last.trustees is None:
        return False
    with held_desk(storage, clock, uuid) as desk:
        state = desk.view.state
        if state.name != "draft" or state.has_dkg or desk.drafts.trustees() is not None:
            return False
        add_keys(desk, last.trustees, [run.run_file for run in runs if run.run_file is not None])
    return True


def _bytes(value: bytes | memoryview | None) -> bytes | None:
    return None if value is None else bytes(value)
