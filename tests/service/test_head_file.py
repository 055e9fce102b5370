"""The head outside the database: it survives torn writes, never goes back, and is written by one process at a time."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from veche.crypto.errors import Inconsistent
from veche.service.head_file import SLOT, Head, HeadFile


def head(entries: int) -> Head:
    return Head(entries, entries - 2, f"{entries:064x}")


def test_the_newest_head_is_read_again(tmp_path: Path) -> None:
    file = HeadFile(tmp_path / "heads" / "uuid")
    assert file.read() is None
    for entries in (3, 4, 7, 8):
        file.write(head(entries))
        assert file.read() == head(entries)


def test_an_older_head_changes_nothing(tmp_path: Path) -> None:
    file = HeadFile(tmp_path / "uuid")
    file.write(head(9))
    file.write(head(5))
    assert file.read() == head(9)


@pytest.mark.parametrize("count", range(1, 6))
def test_a_write_torn_at_any_byte_leaves_the_head_before_it_or_the_new_one(tmp_path: Path, count: int) -> None:
    path = tmp_path / "uuid"
    file = HeadFile(path)
    for entries in range(2, 2 + count):
        file.write(head(entries))
    before = path.read_bytes()
    file.write(head(50))
    after = path.read_bytes()
    for cut in range(len(after) + 1):
        path.write_bytes(after[:cut] + before[cut:])
        assert file.read() in (head(1 + count), head(50))


def test_a_file_without_a_whole_head_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "uuid"
    HeadFile(path).write(head(3))
    path.write_bytes(b"\0" * 2 * SLOT)
    with pytest.raises(Inconsistent, match="damaged"):
        HeadFile(path).read()


def write_some(path: Path, first: int) -> None:
    for entries in range(first, 400, 4):
        HeadFile(path).write(head(entries))


def test_processes_that_write_at_once_leave_the_newest_head(tmp_path: Path) -> None:
    path = tmp_path / "heads" / "uuid"
    with ProcessPoolExecutor(4, get_context("spawn")) as pool:
        for done in [pool.submit(write_some, path, first) for first in (2, 3, 4, 5)]:
            done.result()
    assert HeadFile(path).read() == head(399)
