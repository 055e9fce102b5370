"""Files on disk that are whole or not there: new ones are never written over old ones, private ones only their owner reads.

Every write goes to a temporary file beside the target, reaches the disk, and only then gets its name. A crash leaves the old state.
"""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path
from typing import Final

from veche.crypto.canonical_json import Json, parse_canonical
from veche.crypto.errors import Malformed, Refused
from veche.ledger.archive import read_up_to

PRIVATE: Final = 0o600
PUBLIC: Final = 0o644
MAX_BYTES: Final = 64 * 1024 * 1024


def write_private(path: Path, content: bytes) -> None:
    """The file is there with exactly `content`, readable by its owner only. Raises Refused `file-exists`, or OSError."""
    _write_new(path, content, PRIVATE)


def write_new(path: Path, content: bytes) -> None:
    """A public file is there with exactly `content`. Raises Refused `file-exists`, or OSError."""
    _write_new(path, content, PUBLIC)


def replace(path: Path, content: bytes, private: bool = False) -> None:
    """The file, new or one of our own from before, holds exactly `content`. Raises OSError, and then it is as it was."""
    temporary = _temporary(path, content, PRIVATE if private else PUBLIC)
    try:
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def append_private(path: Path, line: bytes) -> None:
    """The owner's file ends in `line`, and that has reached the disk."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE), "ab") as stream:
        stream.write(line)
        stream.flush()
        os.fsync(stream.fileno())


def make_private_folder(path: Path) -> None:
    """The folder is there, and was made for its owner only if it was not there before."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def refuse_existing(*paths: Path) -> None:
    """Raises Refused `file-exists` if one of the paths is taken: asked first where several files belong together."""
    for path in paths:
        if path.exists():
            raise _exists(path)


def read_file(path: Path, limit: int = MAX_BYTES) -> bytes:
    """The content. Raises Malformed `file-too-large` beyond `limit` bytes, or OSError."""
    with path.open("rb") as stream:
        content = read_up_to(stream, limit + 1)
    if len(content) > limit:
        raise Malformed("file-too-large", f"{path} has more than {limit} bytes")
    return content


def read_content(path: Path, limit: int = MAX_BYTES) -> bytes:
    """The content without one final newline, which editors and shells like to add. Raises as `read_file`."""
    return read_file(path, limit + 1).removesuffix(b"\n")


def read_line(path: Path, limit: int = 1_000_000) -> str:
    """The content as text, without one final newline. Raises Malformed `file-malformed` when it is not UTF-8."""
    try:
        return read_content(path, limit).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("file-malformed", f"{path} is not a text in UTF-8") from error


def read_json(path: Path, limit: int = MAX_BYTES) -> Json:
    """The value of a file in the one canonical form. Raises Malformed `file-malformed` naming the file, or OSError."""
    try:
        return parse_canonical(read_content(path, limit))
    except Malformed as error:
        raise Malformed("file-malformed", f"{path}: {error.message}") from error


def sync_folder(folder: Path) -> None:
    """The names in `folder` have reached the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_new(path: Path, content: bytes, mode: int) -> None:
    if path.exists():
        raise _exists(path)
    temporary = _temporary(path, content, mode)
    try:
        # A link, unlike a rename, fails if somebody made the file in the meantime.
        os.link(temporary, path)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError:
        _write_exclusively(path, content, mode)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def _write_exclusively(path: Path, content: bytes, mode: int) -> None:
    """For a disk without hard links, as many memory sticks are: the name first, and gone again if the content cannot follow."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as error:
        raise _exists(path) from error
    try:
        _fill(handle, content)
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _temporary(path: Path, content: bytes, mode: int) -> Path:
    """A new file beside `path` with this content. Raises OSError that names `path`: nobody knows the name of the temporary file."""
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder; make it first", str(path.parent))
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise type(error)(error.errno, f"cannot be written here ({error.strerror})", str(path)) from error
    try:
        _fill(handle, content)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _fill(handle: int, content: bytes) -> None:
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _exists(path: Path) -> Refused:
    return Refused("file-exists", f"{path} is already there and is never overwritten; move it away or name another file")
