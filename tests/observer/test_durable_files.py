"""A file is whole or not there, private ones are their owner's alone, and nothing is ever written over."""

from __future__ import annotations

import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from veche.crypto.errors import Malformed, Refused
from veche.observer.durable_files import (
    append_private,
    make_private_folder,
    read_content,
    read_file,
    read_json,
    read_line,
    replace,
    write_new,
    write_private,
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def small_disk(size: int) -> Iterator[None]:
    """No file can grow beyond `size` bytes: the nearest thing to a full disk that a test may make."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_private_file_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    write_private(tmp_path / "key", b"secret")
    assert mode(tmp_path / "key") == 0o600
    assert (tmp_path / "key").read_bytes() == b"secret"
    write_new(tmp_path / "public", b"known")
    assert mode(tmp_path / "public") == 0o644


def test_a_private_folder_is_closed_to_others(tmp_path: Path) -> None:
    make_private_folder(tmp_path / "private")
    assert mode(tmp_path / "private") == 0o700


@pytest.mark.parametrize("write", [write_private, write_new], ids=["private", "public"])
def test_a_file_that_is_there_is_never_overwritten(write: object, tmp_path: Path) -> None:
    write_private(tmp_path / "key", b"first")
    for one in (write_private, write_new):
        with pytest.raises(Refused) as refusal:
            one(tmp_path / "key", b"second")
        assert refusal.value.code == "file-exists"
    assert (tmp_path / "key").read_bytes() == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_dangling_link_is_not_followed(tmp_path: Path) -> None:
    # Somebody who can write to the folder must not be able to send a key elsewhere.
    (tmp_path / "key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refused):
        write_private(tmp_path / "key", b"secret")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("write", [write_private, write_new, replace], ids=lambda one: one.__name__)
def test_a_full_disk_leaves_nothing_half_written(write: object, tmp_path: Path) -> None:
    with small_disk(1000), pytest.raises(OSError, match="too large"):
        write(tmp_path / "file", bytes(5000))  # type: ignore[operator]
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_our_own_is_replaced_whole_or_stays_as_it_was(tmp_path: Path) -> None:
    replace(tmp_path / "state", b"one", private=True)
    replace(tmp_path / "state", b"two", private=True)
    assert ((tmp_path / "state").read_bytes(), mode(tmp_path / "state")) == (b"two", 0o600)
    with small_disk(1000), pytest.raises(OSError, match="too large"):
        replace(tmp_path / "state", bytes(5000), private=True)
    assert (tmp_path / "state").read_bytes() == b"two"
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_a_private_list_grows_line_by_line(tmp_path: Path) -> None:
    append_private(tmp_path / "list", b"one\n")
    append_private(tmp_path / "list", b"two\n")
    assert ((tmp_path / "list").read_bytes(), mode(tmp_path / "list")) == (b"one\ntwo\n", 0o600)


def test_one_final_newline_is_ignored_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"text\n\n")
    assert read_content(tmp_path / "file") == b"text\n"
    assert read_line(tmp_path / "file") == "text\n"
    assert read_file(tmp_path / "file") == b"text\n\n"


def test_a_file_that_is_too_large_is_refused_before_it_is_held(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as stream:
        stream.truncate(2**40)
    with pytest.raises(Malformed) as refusal:
        read_file(tmp_path / "huge", 10_000)
    assert refusal.value.code == "file-too-large"


@pytest.mark.parametrize("raw", [b'{"a": 1}', b"\xff", b"{", b'{"a":1}x'], ids=["spaced", "not-utf-8", "open", "more"])
def test_json_of_our_own_is_canonical_and_a_refusal_names_the_file(raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "value.json").write_bytes(raw)
    with pytest.raises(Malformed, match=r"value\.json") as refusal:
        read_json(tmp_path / "value.json")
    assert refusal.value.code == "file-malformed"
    (tmp_path / "value.json").write_bytes(b'{"a":1}\n')
    assert read_json(tmp_path / "value.json") == {"a": 1}
