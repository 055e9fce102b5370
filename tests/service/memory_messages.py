"""A ceremony's board that lies in memory."""

from __future__ import annotations

from collections.abc import Iterable

from veche.crypto.errors import Inconsistent


class MemoryMessages:
    """Named texts, each written once."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def read(self, name: str) -> str | None:
        return self.texts.get(name)

    def put(self, name: str, content: str) -> None:
        if self.texts.setdefault(name, content) != content:
            raise Inconsistent("ceremony-file", f"{name} says something else already")

    def names(self) -> Iterable[str]:
        return list(self.texts)

    def where(self, name: str) -> str:
        return name
