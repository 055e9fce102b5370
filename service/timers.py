"""One thread that looks every second for contests whose time may have come, and has them take their next step.

The look is one cheap query; what it names is judged by `lifecycle.advance`. Several processes may each have such a thread.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import ColumnElement, Connection, and_, or_, select
from sqlalchemy.exc import DBAPIError

from veche.crypto.errors import ElectionError
from veche.observer.tables import elections
from veche.service import voting
from veche.service.clock import PARTED, Clock, SteadyClock
from veche.service.contest_desk import held_contest
from veche.service.lifecycle import advance
from veche.service.outcome import Outcome
from veche.service.server import Server

PERIOD: Final = 1.0
"""Seconds between two looks."""

PATIENCE: Final = 30.0
"""Seconds after which a contest that waits for people is looked at again, though nothing was added to its record."""

PATIENT: Final = ("closed", "decrypting", "tallied")
"""States in which a contest waits for people's work, which stands in its record. Opening and closing are asked for every second."""

CLOCK_STEPPED: Final = "clock-stepped"

SECONDS_OF_HOUR: Final = 3600

log: structlog.stdlib.BoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Looked:
    """A contest as it was when `advance` was last asked, and when that was, on the machine's own count of seconds."""

    entries: int
    at: float


def waiting(connection: Connection, now: int) -> list[tuple[str, str, int]]:
    """uuid, state and number of entries of each contest for which it may be time for something."""
    table = elections
    query = select(table.c.uuid, table.c.state, table.c.entries).where(_may_be_due(now)).order_by(table.c.closes_at, table.c.uuid)
    return [(row.uuid, row.state, row.entries) for row in connection.execute(query)]


def _may_be_due(now: int) -> ColumnElement[bool]:
    table = elections
    reached = or_(table.c.closes_at <= now + table.c.clock_offset, table.c.closes_at <= table.c.latest_time)
    opens = and_(table.c.state == "sealed", table.c.opens_at <= now + table.c.clock_offset, ~reached)
    closes = and_(table.c.state.in_(("open", "suspended")), reached)
    return or_(opens, closes, table.c.state.in_(("closed", "decrypting", "tallied")))


class Timers:
    """The thread over one server. `start` begins it, `stop` ends it after the step that it is at."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stopping = threading.Event()
        self._looked: dict[str, _Looked] = {}
        self._complained: dict[str, float] = {}
        self._watch = ClockWatch(server.clock)
        self._thread = threading.Thread(target=self._run, name="timers", daemon=True)

    def start(self) -> None:
        """Contests are looked at from now on."""
        self._thread.start()

    def stop(self) -> None:
        """No step is begun any more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> list[tuple[str, str]]:
        """What is due has been done; uuid and new state of the contests that went on. Raises DBAPIError.

        One contest's trouble keeps no other one waiting: it is logged, and tried again later.
        """
        done: list[tuple[str, str]] = []
        with self._server.storage.database.reading() as connection:
            found = waiting(connection, self._server.clock.now())
        for uuid, state, entries in found:
            if self._stopping.is_set():
                break
            if state in PATIENT and not self._worth_asking(uuid, entries):
                continue
            after = None
            with (outcome := Outcome()):
                after = advance(self._server, uuid)
            if outcome.error is not None:
                self._complain(uuid, state, outcome)
            if after is not None:
                log.info("an election went on", election=uuid, state=after)
                done.append((uuid, after))
        self._looked = {uuid: self._looked[uuid] for uuid, _, _ in found if uuid in self._looked}
        return done

    def _complain(self, uuid: str, state: str, outcome: Outcome) -> None:
        """It is in the log, though not every second."""
        if isinstance(outcome.error, DBAPIError):
            self._server.storage.fail_if_broken(outcome.error)
        now = time.monotonic()
        if now >= self._complained.get(uuid, now - PATIENCE) + PATIENCE:
            self._complained[uuid] = now
            log.error("an election cannot go on", election=uuid, state=state, reason=outcome.sentence, where=outcome.mistake)

    def _worth_asking(self, uuid: str, entries: int) -> bool:
        """Whether the record went on since the last time, or long enough has passed."""
        before, now = self._looked.get(uuid), time.monotonic()
        if before is not None and before.entries == entries and now < before.at + PATIENCE:
            return False
        self._looked[uuid] = _Looked(entries, now)
        return True

    def _run(self) -> None:
        while not self._stopping.is_set():
            # Once a write has failed this process decides nothing any more.
            if self._server.storage.failure is None:
                with (outcome := Outcome()):
                    self.look()
                    self.report_clock()
                if outcome.error is not None:
                    if isinstance(outcome.error, DBAPIError):
                        self._server.storage.fail_if_broken(outcome.error)
                    log.warning("contests cannot be looked at", reason=outcome.sentence, where=outcome.mistake)
            self._stopping.wait(PERIOD)

    def report_clock(self) -> None:
        """That the machine's clock was stepped is in the log once, and in the record of every vote that runs. Raises DBAPIError."""
        parted = self._watch.stepped()
        if parted is None:
            return
        log.warning("the machine's clock was set; votes open and close by ours, which went on", seconds_ahead=parted)
        table = elections
        with self._server.storage.database.reading() as connection:
            running = select(table.c.uuid).where(table.c.state.in_(("open", "suspended")))
            uuids = list(connection.execute(running).scalars())
        for uuid in uuids:
            try:
                self._tell(uuid)
            except ElectionError as error:
                log.warning("a record does not say that the clock was set", election=uuid, reason=error.message)

    def _tell(self, uuid: str) -> None:
        with held_contest(self._server.storage, self._server.clock, uuid) as (desk, _):
            desk.refuse_unless("an incident", "open", "suspended")
            voting.add_incident(desk, CLOCK_STEPPED)


class ClockWatch:
    """Notices when the machine's clock has been set anew; at most once an hour, however often it is set."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock if isinstance(clock, SteadyClock) else None
        self._known = 0
        self._told_at: int | None = None

    def stepped(self) -> int | None:
        """Seconds by which the machine's clock is ahead of ours, if that has changed since it was last told; else None."""
        if self._clock is None:
            return None
        parted, now = self._clock.parted(), self._clock.now()
        if abs(parted - self._known) < PARTED or (self._told_at is not None and now < self._told_at + SECONDS_OF_HOUR):
            return None
        self._known, self._told_at = parted, now
        return parted
