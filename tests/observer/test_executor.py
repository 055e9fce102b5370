"""Where checking runs: in this process or in several, with the same outcomes in the same order."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from veche.observer.executor import InProcess, Processes, available_jobs, executor

_factor = 0


def prepare(factor: int) -> None:
    global _factor
    _factor = factor


def multiply(piece: int) -> tuple[int, int]:
    """The product, and which process made it. Later pieces are quicker, so that order is not there by chance."""
    time.sleep(0.02 if piece % 3 == 0 else 0)
    return piece * _factor, os.getpid()


def fail(piece: int) -> int:
    if piece == 3:
        raise ValueError("piece 3")
    return piece


def test_one_job_runs_in_this_process() -> None:
    with executor(1, prepare, (7,)) as pool:
        assert isinstance(pool, InProcess)
        assert list(pool.run(multiply, range(5))) == [(7 * piece, os.getpid()) for piece in range(5)]


def test_several_jobs_run_elsewhere_and_keep_the_order() -> None:
    with executor(2, prepare, (7,)) as pool:
        assert isinstance(pool, Processes)
        found = list(pool.run(multiply, range(30)))
    assert [product for product, _ in found] == [7 * piece for piece in range(30)]
    assert os.getpid() not in {process for _, process in found}


def test_only_a_few_pieces_are_under_way_at_once() -> None:
    taken = 0

    def pieces() -> Iterator[int]:
        nonlocal taken
        for piece in range(100):
            taken += 1
            yield piece

    with executor(2, prepare, (1,)) as pool:
        outcomes = pool.run(multiply, pieces())
        next(outcomes)
        # Memory stays bounded however long the archive is.
        assert taken <= 8


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_goes_wrong_inside_comes_out(jobs: int) -> None:
    with executor(jobs, prepare, (1,)) as pool, pytest.raises(ValueError, match="piece 3"):
        list(pool.run(fail, range(10)))


def test_nothing_to_do_is_done_at_once() -> None:
    with executor(2, prepare, (1,)) as pool:
        assert list(pool.run(multiply, ())) == []


def test_there_is_at_least_one_job() -> None:
    assert 1 <= available_jobs() <= (os.cpu_count() or 1)
