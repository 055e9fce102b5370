"""Where a record is read from: a bare archive, a folder, and what is neither."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from tests.election.record_builder import Story
from veche.crypto.errors import Inconsistent, Malformed, Unsupported
from veche.observer.sources import MAX_MANIFEST, BareArchive, Folder, open_older, open_source

UUID = "4hVecheTestA11"


def code_of(error: pytest.ExceptionInfo[Malformed | Inconsistent | Unsupported]) -> str:
    return error.value.code


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Story(until="Setup").write(tmp_path)


def test_a_file_is_a_bare_archive(folder: Path) -> None:
    source = open_source(str(folder / f"{UUID}.bel"))
    assert isinstance(source, BareArchive)
    assert (source.complete, source.in_folder) == (False, False)
    with source.archive() as stream:
        assert stream.read() == (folder / f"{UUID}.bel").read_bytes()


def test_a_folder_with_entries_is_a_whole_record(folder: Path) -> None:
    source = open_source(str(folder))
    assert isinstance(source, Folder)
    assert (source.complete, source.in_folder, source.archive_name()) == (True, True, UUID)
    assert source.manifest() == (folder / "manifest.json").read_bytes()
    with source.entries() as stream:
        assert stream.read() == (folder / "entries.jsonl").read_bytes()


def test_a_folder_with_nothing_but_one_archive_is_a_bare_archive_that_lies_in_a_folder(tmp_path: Path) -> None:
    Story().bel_only(tmp_path)
    source = open_source(str(tmp_path))
    assert isinstance(source, BareArchive)
    assert (source.complete, source.in_folder) == (False, True)


@pytest.mark.parametrize("left", ["entries.jsonl", "manifest.json", "data"])
def test_one_part_of_a_record_is_enough_to_expect_the_others(left: str, tmp_path: Path) -> None:
    Story().bel_only(tmp_path)
    if left == "data":
        (tmp_path / left).mkdir()
    else:
        (tmp_path / left).write_bytes(b"")
    assert isinstance(open_source(str(tmp_path)), Folder)


@pytest.mark.parametrize("name", ["nothing.bel", "."])
def test_where_nothing_is_nothing_can_be_checked(name: str, tmp_path: Path) -> None:
    with pytest.raises(Unsupported) as refusal:
        open_source(str(tmp_path / name))
    assert code_of(refusal) == "unreadable"


def test_an_older_copy_that_is_not_there_is_found_where_it_is_read(tmp_path: Path) -> None:
    for name in ("nothing.bel", "."):
        source = open_older(str(tmp_path / name))
        with pytest.raises(Unsupported) as refusal:
            source.archive()
        assert code_of(refusal) == "unreadable"


def test_a_file_that_may_not_be_read_cannot_be_checked(tmp_path: Path) -> None:
    # A folder where a file should be: nobody may read that as a file, not even root.
    (tmp_path / "archive").mkdir()
    with pytest.raises(Unsupported) as refusal:
        BareArchive(tmp_path / "archive").archive()
    assert code_of(refusal) == "unreadable"


def test_a_data_file_is_read_by_its_hash(folder: Path) -> None:
    source = Folder(folder)
    assert source.data(sha256(b"").hexdigest()) == b""
    with pytest.raises(Inconsistent) as refusal:
        source.data("ab" * 32)
    assert code_of(refusal) == "data-missing"


def test_a_data_file_with_another_content_is_not_handed_out(folder: Path) -> None:
    digest = sha256(b"").hexdigest()
    (folder / "data" / digest[:2] / digest).write_bytes(b"x")
    with pytest.raises(Inconsistent) as refusal:
        Folder(folder).data(digest)
    assert code_of(refusal) == "data-hash"


def test_every_data_file_is_named_wherever_it_stands(folder: Path) -> None:
    (folder / "data" / "deep" / "er").mkdir(parents=True)
    (folder / "data" / "deep" / "er" / "file").write_bytes(b"")
    names = set(Folder(folder).data_names())
    assert "deep/er/file" in names
    assert names - {"deep/er/file"} == {f"{digest[:2]}/{digest}" for digest in Story(until="Setup").data}


def test_a_huge_manifest_is_not_read_into_memory(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(bytes(MAX_MANIFEST + 1))
    with pytest.raises(Malformed) as refusal:
        Folder(folder).manifest()
    assert code_of(refusal) == "folder-form"


def test_a_bare_archive_has_neither_entries_nor_manifest_nor_data(folder: Path) -> None:
    source = BareArchive(folder / f"{UUID}.bel")
    for part in (source.entries, source.manifest):
        with pytest.raises(Malformed) as form:
            part()
        assert code_of(form) == "folder-form"
    with pytest.raises(Inconsistent) as missing:
        source.data("ab" * 32)
    assert code_of(missing) == "data-missing"
    assert list(source.data_names()) == []
    assert source.archive_name() is None
    assert (source.checkpoint(), source.tile("tile/0/000"), source.tile_names()) == (None, None, None)


def test_a_log_is_there_when_its_checkpoint_is(folder: Path) -> None:
    assert Folder(folder).checkpoint() is None
    (folder / "checkpoint").write_bytes(b"so far")
    (folder / "tile" / "0").mkdir(parents=True)
    (folder / "tile" / "0" / "000").write_bytes(b"hashes")
    (folder / "tile" / "0" / "001").symlink_to(folder / "checkpoint")
    source = Folder(folder)
    assert source.checkpoint() == b"so far"
    assert list(source.tile_names()) == ["tile/0/000", "tile/0/001"]
    assert (source.tile("tile/0/000"), source.tile("tile/0/001"), source.tile("tile/0/002")) == (b"hashes", None, None)
