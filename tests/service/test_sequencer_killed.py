"""A sequencer that is killed at any moment signs one history: every checkpoint that anybody saw is the beginning of the next."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.service.hand_clock import HandClock
from tests.service.sequencing_process import Sequenced
from tests.service.town import draft, plan
from veche.service.sequencer import Sequencer
from veche.service.server import Server

LONGEST = 0.3
"""Seconds from the moment a process is at work to the latest kill."""


def kill_again_and_again(server: Server, clock: HandClock, folder: Path, rounds: int, seed: int) -> None:
    """So many kills; each time the tiles hold what was signed, and at the end there was one history."""
    town, draw = draft(server, clock, folder, plan(6, clock.now(), f"district-{seed}")), random.Random(seed)
    log = Sequenced(town)
    sizes = [0]
    for number in range(rounds):
        with log.arriving(draw):
            process = log.begin()
            # Every third is killed while it checks what the one before has left.
            log.wait(process, signed=number % 3 > 0)
            time.sleep(draw.uniform(0, LONGEST))
            assert process.is_alive(), "it ended by itself"
            process.kill()
            process.join()
        sizes.append(log.look())
    assert sizes == sorted(sizes)
    assert len(set(sizes)) > rounds // 2
    resumed = Sequencer(server.storage, server.clock, server.keys)
    resumed.verify_start()
    log.append(1)
    assert resumed.sequence(log.uuid)
    log.look()
    assert log.verify_one_history() > len(set(sizes))


@pytest.mark.slow
def test_ten_kills_on_each_database_leave_one_history(server: Server, clock: HandClock, tmp_path: Path) -> None:
    kill_again_and_again(server, clock, tmp_path / "town", 10, 0)


@pytest.mark.soak
def test_a_thousand_kills_leave_one_history(server: Server, clock: HandClock, tmp_path: Path) -> None:
    # A new log now and then: in a long one each start takes longer than a kill waits.
    for seed in range(20):
        kill_again_and_again(server, clock, tmp_path / f"town-{seed}", 50, seed)


@pytest.mark.slow
def test_two_processes_that_write_one_log_leave_one_history(server: Server, clock: HandClock, tmp_path: Path) -> None:
    log = Sequenced(draft(server, clock, tmp_path / "town", plan(6, clock.now())))
    with log.arriving(random.Random(2)):
        processes = [log.begin()]
        log.wait(processes[0], signed=True)
        processes.append(log.begin())
        log.wait(processes[1], signed=True)
        time.sleep(1)
        assert all(process.is_alive() for process in processes)
        for process in processes:
            process.kill()
            process.join()
    log.look()
    assert log.verify_one_history() > 1
    for number in (1, 2):
        assert log.checkpoints_of(number) > 0, "each of them has signed"
