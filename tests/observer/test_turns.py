"""Turns: who asks first is first, and nobody waits for ever."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from veche.observer.database import Database
from veche.observer.turns import Turns


def test_who_asks_first_is_first() -> None:
    turns, order = Turns(), list[int]()

    def ask(number: int) -> None:
        with turns.turn(60):
            order.append(number)

    with turns.turn(60):
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(5)]
        for thread in threads:
            thread.start()
            time.sleep(0.05)
        assert order == []
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4]


def test_whoever_waits_too_long_goes_on_and_an_error_ends_a_turn() -> None:
    turns = Turns()
    with turns.turn(60), turns.turn(0.01):
        pass
    with pytest.raises(KeyError), turns.turn(60):
        raise KeyError("in the middle of it")
    begun = time.monotonic()
    with turns.turn(60):
        assert time.monotonic() - begun < 30


def test_a_flood_of_writes_keeps_nobody_from_the_write_lock(tmp_path: Path) -> None:
    database = Database(f"sqlite+pysqlite:///{tmp_path / 'database'}")
    with database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE written (number INTEGER)")
    ended = threading.Event()
    flooded = 0

    def flood() -> None:
        nonlocal flooded
        while not ended.is_set():
            with database.writing() as connection:
                connection.exec_driver_sql("INSERT INTO written VALUES (1)")
                time.sleep(0.01)
            flooded += 1

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        for _ in range(10):
            before = flooded
            with database.writing() as connection:
                connection.exec_driver_sql("INSERT INTO written VALUES (2)")
            # Whoever has just written stands behind us: at most the write under way, and one that was begun before we asked.
            assert flooded - before <= 2
    finally:
        ended.set()
        thread.join()
        database.close()
