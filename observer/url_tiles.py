"""The tiles of a log on a server, as a store that can only be read. docs/protocol.md section 12.4. Standard library only."""

from __future__ import annotations

from typing import Final

from veche.crypto.errors import Refused
from veche.ledger.event import MAX_ENTRY_BYTES
from veche.ledger.tile import WIDTH
from veche.observer.downloading import NotThere, Site

MAX_TILE: Final = WIDTH * (2 + MAX_ENTRY_BYTES)
"""Bytes of the longest bundle."""


class UrlTiles:
    """A `TileStore` below the address of a log: `UrlTiles(Site(address, Patience()))`. Nothing that it hands out is believed."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def get(self, path: str) -> bytes | None:
        """What is served at `path`; None when nothing is. Raises Malformed `folder-form`, Unsupported `unreachable`."""
        try:
            return self._site.small(path, MAX_TILE)
        except NotThere:
            return None

    def put(self, path: str, data: bytes) -> None:
        raise Refused("tiles-read-only", f"{path} cannot be written to {self._site.address}: a served log is only read")
