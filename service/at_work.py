"""Jobs, timers and the logs, running beside whatever else a process does: `veche serve` by default, `veche worker` alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from veche.service.sequencer import Sequencing
from veche.service.server import Server
from veche.service.timers import Timers
from veche.service.worker import Worker


@contextmanager
def at_work(server: Server, wanted: bool = True) -> Iterator[None]:
    """Inside the block jobs are done and contests go on by themselves, if `wanted`; at its end the threads have stopped."""
    if not wanted:
        yield
        return
    worker, timers, sequencing = Worker(server), Timers(server), Sequencing(server.sequencer)
    worker.start()
    timers.start()
    if server.settings.sign_log:
        server.witnesses.start()
        sequencing.start()
    try:
        yield
    finally:
        if server.settings.sign_log:
            sequencing.stop()
            server.witnesses.stop()
        timers.stop()
        worker.stop()
