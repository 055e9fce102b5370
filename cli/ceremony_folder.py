"""A folder as the board of a key ceremony: a memory stick that goes round, or any shared drive. See `service.ceremony_board`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from veche.crypto.errors import Inconsistent
from veche.observer.durable_files import read_content, read_line, write_new
from veche.service.ceremony_board import CeremonyBoard


class FolderMessages:
    """Each message is a file, with one newline after it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, name: str) -> str | None:
        path = self._path / name
        return read_line(path) if path.is_file() else None

    def put(self, name: str, content: str) -> None:
        path = self._path / name
        if path.exists():
            if read_content(path) != content.encode("utf-8"):
                raise Inconsistent(
                    "ceremony-file",
                    f"{path} is there already and says something else: somebody else wrote in your name",
                )
            return
        self._path.mkdir(parents=True, exist_ok=True)
        write_new(path, content.encode("utf-8") + b"\n")

    def names(self) -> Iterable[str]:
        return [path.name for path in self._path.glob("*.json")]

    def where(self, name: str) -> str:
        return str(self._path / name)


class CeremonyFolder(CeremonyBoard):
    """The board in the folder `path`, which is made when something is first put there."""

    def __init__(self, path: Path) -> None:
        super().__init__(FolderMessages(path))
        self.path = path
