"""Step 9.13.8: the tiles and bundles that are stored or served are those of the entries. docs/protocol.md section 9.13."""

from __future__ import annotations

from veche.crypto.errors import Inconsistent, Malformed
from veche.ledger.merkle import HASH_BYTES
from veche.ledger.tile import WIDTH, Bundle, Resource, Tile, parse_path
from veche.ledger.tile_growth import Growth
from veche.observer.report import Report
from veche.observer.sources import Source


class TileComparison:
    """Compares what is there with what `total` entries give; a checkpoint of `size` entries promises some of it.

    Faults are kept and said by `finish`, so that a wrong root, which says more, is said first.
    """

    def __init__(self, source: Source, size: int, total: int) -> None:
        self._source = source
        self._size = size
        self._total = total
        self._faults: list[str] = []
        self._missing: list[str] = []
        self._checked = 0
        names = source.tile_names()
        self._listed = None if names is None else self._by_place(list(names))

    def compare(self, growth: Growth) -> None:
        """Compare what the log now has in its last form."""
        for resource, data in growth.files:
            if resource.width == min(WIDTH, _row(resource, self._total) - resource.number * WIDTH):
                self._compare(resource, data)

    def finish(self, report: Report) -> None:
        """All entries have been seen. Raises Inconsistent `log-tiles`."""
        report.count("log-tiles", self._checked)
        beyond = sorted(self._listed or ())
        if beyond:
            self._faults.append(f"{beyond[0]} is there, which {self._total} entries do not have")
        # A folder may be a copy without any tile; a server that has a checkpoint owes them.
        if self._missing and (self._checked or self._listed is None):
            self._faults.append(f"{self._missing[0]} is not there, though the checkpoint of {self._size} entries promises it")
        if self._faults:
            raise Inconsistent("log-tiles", self._faults[0])
        if self._missing:
            report.notice("tiles-not-served", "tile", "the checkpoint's tiles are not here; its root was made from the entries")

    def _by_place(self, names: list[str]) -> dict[str, list[int]]:
        """The widths that are stored of each tile and bundle, by the path of the full one."""
        places: dict[str, list[int]] = {}
        for name in names:
            try:
                resource = parse_path(name)
            except Malformed:
                self._faults.append(f"{name[:100]} is no path of a tile")
                continue
            places.setdefault(resource.full().path(), []).append(resource.width)
        return places

    def _compare(self, resource: Resource, data: bytes) -> None:
        promised = min(WIDTH, _row(resource, self._size) - resource.number * WIDTH)
        if self._listed is None:
            there = self._compare_served(resource, data, promised)
        else:
            widths = self._listed.pop(resource.full().path(), [])
            there = any(width >= promised for width in widths)
            for width in widths:
                self._compare_stored(resource, data, width)
        if promised > 0 and not there:
            self._missing.append(_of_width(resource, promised).path())

    def _compare_stored(self, resource: Resource, data: bytes, width: int) -> None:
        path = _of_width(resource, width).path()
        self._checked += 1
        if width > resource.width:
            self._faults.append(f"{path} is there, which {self._total} entries do not have")
        elif self._source.tile(path) != _beginning(resource, data, width):
            self._faults.append(f"{path} is not what the entries give")

    def _compare_served(self, resource: Resource, data: bytes, promised: int) -> bool:
        """Whether it is served, in the promised width or full. After the first that is missing no more is asked for."""
        if promised <= 0 or self._missing:
            return False
        for width in dict.fromkeys((promised, WIDTH)):
            path = _of_width(resource, width).path()
            found = self._source.tile(path)
            if found is None:
                continue
            self._checked += 1
            # A full one may hold entries that came after those which are audited.
            expected = _beginning(resource, data, min(width, resource.width))
            if not (found.startswith(expected) if width > resource.width else found == expected):
                self._faults.append(f"{path} is not what the entries give")
            return True
        return False


def _row(resource: Resource, size: int) -> int:
    """How many hashes, or entries, a log of this size has in the row of this resource."""
    return size >> 8 * resource.level if isinstance(resource, Tile) else size


def _of_width(resource: Resource, width: int) -> Resource:
    return Tile(resource.level, resource.number, width) if isinstance(resource, Tile) else Bundle(resource.number, width)


def _beginning(resource: Resource, data: bytes, width: int) -> bytes:
    """The bytes of the partial one of this width, which `data` begins with."""
    if isinstance(resource, Tile):
        return data[: width * HASH_BYTES]
    end = 0
    for _ in range(width):
        end += 2 + int.from_bytes(data[end : end + 2], "big")
    return data[:end]
