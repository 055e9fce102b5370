"""Figures for Prometheus: how the server is doing, and nothing about anybody who votes.

No label holds a voter, an address, a credential, a tracker or an election, and no sample a point in time: who reads every scrape
learns how many ballots came in between two of them, which everybody may count in the public record. They are served on a bind of
their own, never on the public port.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from veche import __version__
from veche.observer.tables import elections
from veche.service.casting import Casting
from veche.service.clock import Clock, SteadyClock
from veche.service.sequencer import Sequencer
from veche.service.storage import Storage
from veche.service.tables import jobs
from veche.service.witness_submission import WitnessSubmission

VERDICTS: Final = (
    "accepted",
    "repeated",
    "busy",
    "malformed",
    "too-large",
    "unknown-credential",
    "not-issued",
    "invalid-signature",
    "invalid-proof",
    "wrong-election",
    "not-open",
    "rate-limited",
    "no-election",
    "storage-failed",
    "other",
)
"""What a ballot is counted as: `accepted`, `repeated` for the same bytes again, or the code of its refusal."""

SECONDS: Final = (0.1, 0.3, 1.0, 2.0, 5.0, 10.0)
"""Upper ends of the times counted, from the ballot's arrival to its answer: coarse on purpose."""

_forget_when_created: Final[Callable[[], None]] = disable_created_metrics
"""Prometheus would note when each verdict was first given, to the millisecond."""

JOB_STATES: Final = ("waiting", "running", "failed")


class Metrics:
    """The counters of one process, in a registry of its own."""

    def __init__(self) -> None:
        _forget_when_created()
        self.registry = CollectorRegistry()
        self._ballots = Counter("veche_ballots", "Ballots by verdict", ["verdict"], registry=self.registry)
        self._seconds = Histogram("veche_cast_seconds", "From arrival to answer", buckets=SECONDS, registry=self.registry)
        for verdict in VERDICTS:
            self._ballots.labels(verdict)

    def count_ballot(self, verdict: str, seconds: float) -> None:
        """A ballot got this verdict, after so many seconds."""
        self._ballots.labels(verdict if verdict in VERDICTS else "other").inc()
        self._seconds.observe(seconds)

    def watch(self, storage: Storage, casting: Casting, clock: Clock, sequencer: Sequencer, witnesses: WitnessSubmission) -> None:
        """From now on every scrape also asks these parts."""
        self.registry.register(_Parts(storage, casting, clock))
        self.registry.register(_Logs(sequencer, witnesses))

    @contextmanager
    def served(self, bind: tuple[str, int] | None) -> Iterator[int | None]:
        """While the block runs, Prometheus may ask at this host and port (0: any free one), which it gives. Raises OSError."""
        if bind is None:
            yield None
            return
        listener, thread = start_http_server(bind[1], bind[0], self.registry)
        try:
            yield int(listener.server_port)
        finally:
            listener.shutdown()
            thread.join()
            listener.server_close()


class _Logs(Collector):
    """The logs as this process has found them."""

    def __init__(self, sequencer: Sequencer, witnesses: WitnessSubmission) -> None:
        self._sequencer = sequencer
        self._witnesses = witnesses

    def collect(self) -> Iterator[Metric]:
        """How many logs are not signed any more, and how many of them each witness has yet to confirm, or contradicts."""
        yield _gauge("veche_logs_stopped", "Logs that are not signed any more", len(self._sequencer.stopped))
        codes = [one.code for one in self._witnesses.standings()]
        wrong = sum(code in ("witness-contradicts", "witness-ahead") for code in codes)
        yield _gauge(
            "veche_witness_unconfirmed",
            "Newest checkpoints that a witness has not confirmed",
            len(codes) - codes.count("confirmed"),
        )
        yield _gauge("veche_witness_contradictions", "Logs of which a witness has seen more, or something else", wrong)


class _Parts(Collector):
    """What is asked at the moment of a scrape."""

    def __init__(self, storage: Storage, casting: Casting, clock: Clock) -> None:
        self._storage = storage
        self._casting = casting
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """The figures; a database that does not answer is itself one."""
        yield _gauge("veche_ballots_under_way", "Ballots being checked, or waiting for their turn", self._casting.under_way)
        budgets = GaugeMetricFamily("veche_budgets_spent", "Addresses and credentials turned away now", labels=["kind"])
        for kind, count in self._casting.budgets_spent().items():
            budgets.add_metric([kind], count)
        yield budgets
        yield _gauge("veche_storage_failed", "1: a write failed, nothing is accepted any more", self._storage.failure is not None)
        yield _gauge("veche_disk_free_bytes", "Free space in the data folder", shutil.disk_usage(self._storage.root).free)
        if isinstance(self._clock, SteadyClock):
            yield _gauge("veche_clock_parted_seconds", "The machine's clock against the server's", self._clock.parted())
        build = GaugeMetricFamily("veche_build", "The version that runs", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        yield from self._asked()

    def _asked(self) -> Iterator[Metric]:
        try:
            with self._storage.database.reading() as connection:
                states = connection.execute(select(elections.c.state, func.count()).group_by(elections.c.state)).all()
                statuses = connection.execute(select(jobs.c.status, func.count()).group_by(jobs.c.status)).all()
                waiting = jobs.c.status == "waiting"
                oldest = connection.execute(select(func.min(jobs.c.due_at)).where(waiting)).scalar()
        except SQLAlchemyError:
            yield _gauge("veche_database_up", "Whether the database answers", 0)
            return
        yield _gauge("veche_database_up", "Whether the database answers", 1)
        by_state = GaugeMetricFamily("veche_elections", "Elections by state", labels=["state"])
        for state, count in states:
            by_state.add_metric([state], count)
        yield by_state
        queued = {str(status): int(count) for status, count in statuses}
        by_status = GaugeMetricFamily("veche_jobs", "Jobs by status", labels=["status"])
        for status in JOB_STATES:
            by_status.add_metric([status], queued.get(status, 0))
        yield by_status
        late = 0 if oldest is None else max(0, self._clock.now() - int(oldest))
        yield _gauge("veche_jobs_late_seconds", "How long the oldest job waits beyond its time", late)


def _gauge(name: str, help_text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_text, value=value)
