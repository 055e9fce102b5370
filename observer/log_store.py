"""Tiles and bundles of a log in a folder, each whole or not there. docs/protocol.md section 12.4.

What has its name has reached the disk. A full tile or bundle never changes: other bytes in its place are refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from veche.crypto.errors import Inconsistent
from veche.ledger.tile import WIDTH, parse_path
from veche.observer.durable_files import read_file, replace, sync_folder

MAX_BYTES: Final = 32 * 1024 * 1024
"""Longest file that is read: a bundle of 256 entries has at most 16 MiB."""


class FolderTiles:
    """A `TileStore` over the folder that holds `tile/`; other paths than those of tiles and bundles are Malformed `tile-path`."""

    def __init__(self, path: Path) -> None:
        self._root = path

    def get(self, path: str) -> bytes | None:
        """The bytes at `path`, or None. Raises Malformed `tile-path` or `file-too-large`, and OSError."""
        parse_path(path)
        try:
            return read_file(self._root / path, MAX_BYTES)
        except FileNotFoundError:
            return None

    def put(self, path: str, data: bytes) -> None:
        """`data` stands at `path` and has reached the disk. Raises Inconsistent `tile-changed`, Malformed `tile-path`, OSError."""
        resource = parse_path(path)
        target = self._root / path
        if resource.width == WIDTH:
            found = self.get(path)
            if found == data:
                return
            if found is not None:
                raise Inconsistent("tile-changed", f"{path} is there with other bytes, and a full tile never changes")
        make_durable_folder(target.parent)
        replace(target, data)


def make_durable_folder(path: Path) -> None:
    """The folder is there, and so are, on the disk, the names of all folders that were made for it."""
    if path.is_dir():
        return
    make_durable_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)
