"""The tiles of a log on a server are read like those of a folder, and never written."""

from __future__ import annotations

import pytest

from tests.observer.served_record import HASTY, Shown, served
from veche.crypto.errors import Malformed, Refused
from veche.ledger.checkpoint import Checkpoint
from veche.ledger.tile_growth import Edge, grow
from veche.ledger.tile_reader import verify_tiles
from veche.observer import url_tiles
from veche.observer.downloading import Site
from veche.observer.url_tiles import UrlTiles

GROWTH = grow(Edge(), [b"entry %d" % place for place in range(300)])
FILES = {resource.path(): data for resource, data in GROWTH.files}


def test_a_served_log_stands_the_check_of_its_tiles() -> None:
    with served(Shown(FILES)) as address:
        edge = verify_tiles(UrlTiles(Site(address, HASTY)), Checkpoint("vote.example/e/log", 300, GROWTH.edge.root()))
    assert edge == GROWTH.edge


def test_what_is_not_served_is_not_there_and_nothing_is_written() -> None:
    with served(Shown({})) as address:
        store = UrlTiles(Site(address, HASTY))
        assert store.get("tile/0/000") is None
        with pytest.raises(Refused) as refused:
            store.put("tile/0/000", b"")
    assert refused.value.code == "tiles-read-only"


def test_a_tile_that_does_not_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(url_tiles, "MAX_TILE", 100)
    with served(Shown({"tile/0/000": bytes(101)})) as address, pytest.raises(Malformed):
        UrlTiles(Site(address, HASTY)).get("tile/0/000")
