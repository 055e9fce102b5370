"""The files of a record are copies of the database: whatever happens to them, what is served is what the database says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.service.hand_clock import HandClock
from tests.service.town import ServedTown, open_town
from veche.observer.audit import audit
from veche.observer.database_source import DatabaseSource
from veche.observer.published_files import MARK_SECONDS, PublishedFiles
from veche.service.server import Server


@pytest.fixture
def town(server: Server, clock: HandClock, tmp_path: Path) -> ServedTown:
    return open_town(server, clock, tmp_path / "town")


def cast(town: ServedTown, place: int) -> None:
    asyncio.run(town.server.casting.cast(town.uuid, town.ballot(place), "192.0.2.1"))


def served(town: ServedTown, files: PublishedFiles) -> tuple[bytes, bytes]:
    """Archive and entries as these files give them now."""
    source = DatabaseSource(town.server.storage.database, files, town.uuid)
    with source.archive() as archive, source.entries() as entries:
        return archive.read(), entries.read()


def test_files_that_are_torn_beyond_their_mark_are_made_again(town: ServedTown, tmp_path: Path) -> None:
    files = PublishedFiles(tmp_path / "copy")
    whole = served(town, files)
    cast(town, 0)
    expected = served(town, files)
    assert expected[0].startswith(whole[0]) and expected[0] != whole[0]
    for path, known in zip((files.archive(town.uuid), files.entries(town.uuid)), whole, strict=True):
        # A power cut in the first two seconds: what came after the mark is on the disk as zeros.
        path.write_bytes(known + bytes(path.stat().st_size - len(known)))
    assert served(town, PublishedFiles(tmp_path / "copy")) == expected


@pytest.mark.parametrize("lost", ["archive", "entries", "both", "mark"])
def test_files_that_are_lost_are_made_again(town: ServedTown, tmp_path: Path, lost: str) -> None:
    files = PublishedFiles(tmp_path / "copy")
    cast(town, 0)
    expected = served(town, files)
    paths = {"archive": [files.archive(town.uuid)], "entries": [files.entries(town.uuid)]}
    paths["both"], paths["mark"] = paths["archive"] + paths["entries"], [tmp_path / "copy" / town.uuid / ".whole"]
    for path in paths[lost]:
        path.unlink()
    assert served(town, PublishedFiles(tmp_path / "copy")) == expected


def test_two_processes_share_a_folder_and_neither_ever_cuts_what_the_other_serves(town: ServedTown, tmp_path: Path) -> None:
    one, other = PublishedFiles(tmp_path / "copy"), PublishedFiles(tmp_path / "copy")
    served(town, one)
    served(town, other)
    for place in range(4):
        cast(town, place)
        source = DatabaseSource(town.server.storage.database, one, town.uuid)
        with source.archive() as reading:
            first = reading.read(100)
            # The other one knows less, and writes over what stands there: the same bytes.
            expected = served(town, other)
            assert first + reading.read() == expected[0]
    assert served(town, one) == served(town, other)
    assert audit(town.source()).verdict == "ok"


def test_copies_are_synced_seldom_and_never_believed_beyond_the_last_time(town: ServedTown, tmp_path: Path) -> None:
    seconds = [1000.0]
    files, mark = PublishedFiles(tmp_path / "copy", lambda: seconds[0]), tmp_path / "copy" / town.uuid / ".whole"
    served(town, files)
    before = mark.read_bytes()
    cast(town, 0)
    served(town, files)
    assert mark.read_bytes() == before
    seconds[0] += MARK_SECONDS
    cast(town, 1)
    served(town, files)
    assert mark.read_bytes() != before
