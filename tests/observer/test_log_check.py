"""The audit's look at a log on a server, at a log of several bundles, and at one that its older checkpoint contradicts."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.observer.logged_record import ONE_WITNESS, WITNESS, checkpoint_of, shown, tiles_of, told, write_log
from tests.observer.served_record import HASTY, Shown, served
from veche.crypto.errors import ElectionError
from veche.ledger.tile import WIDTH
from veche.ledger.tile_growth import Edge, grow
from veche.observer.audit import audit
from veche.observer.report import Report
from veche.observer.sources import open_source
from veche.observer.tile_check import TileComparison
from veche.observer.url_source import UrlSource


def audited(server: Shown) -> Report:
    with served(server) as address:
        return audit(UrlSource(address, HASTY), level="strict")


def test_the_log_of_a_served_record_is_checked_in_the_same_run() -> None:
    report = audited(shown(told(policy=ONE_WITNESS), None, WITNESS))
    assert (report.verdict, report.level) == ("ok", "strict")
    assert [one.code for one in report.findings] == ["log-cosigned"]
    steps = [f"9.13.{step}" for step in (1, 2, 3, 4, 5, 6, 8)]
    assert [number for number in report.done if number.startswith("9.13.")] == steps
    assert report.done["9.13.8"] == 2
    assert report.done["9.10.4"] > 0


@pytest.mark.parametrize("name", ["tile/0/000", "tile/entries/000"])
def test_a_served_tile_of_other_bytes_is_noticed(name: str) -> None:
    server = shown(told())
    path = next(one for one in server.files if one.startswith(name))
    content = server.files[path]
    server.files[path] = content[:9] + bytes([content[9] ^ 4]) + content[10:]
    assert audited(server).codes() == ("log-tiles",)


@pytest.mark.parametrize("kind", ["tile/0/", "tile/entries/", "tile/"])
def test_a_server_without_the_tiles_that_its_checkpoint_promises_is_refuted(kind: str) -> None:
    server = shown(told())
    server.files = {name: content for name, content in server.files.items() if not name.startswith(kind)}
    assert audited(server).codes() == ("log-tiles",)


def test_a_server_whose_log_has_signed_only_the_first_entries_is_right_and_told() -> None:
    report = audited(shown(told(), 7))
    assert (report.verdict, [one.code for one in report.findings]) == ("ok", ["log-behind"])


def test_a_server_that_has_signed_another_history_is_refuted() -> None:
    server = shown(told())
    server.files["checkpoint"] = checkpoint_of([*told().entries[:-1], b"{}"])
    assert audited(server).codes() == ("log-root",)


def test_a_served_checkpoint_without_an_end_is_none() -> None:
    server = shown(told())
    server.files["checkpoint"] = b"x" * 1_000_000
    assert audited(server).codes() == ("checkpoint-malformed",)


def test_a_checkpoint_that_is_not_served_is_told() -> None:
    server = shown(told())
    del server.files["checkpoint"]

    def odd(_: BaseHTTPRequestHandler, name: str) -> bool:
        assert not name.startswith("tile/")
        return False

    server.odd = odd
    report = audited(server)
    assert (report.verdict, [one.code for one in report.findings]) == ("ok", ["log-not-served"])


def test_an_older_checkpoint_of_another_history_refutes_a_server(tmp_path: Path) -> None:
    story = told()
    folder = story.write(tmp_path / "copy")
    write_log(folder, [*story.entries[:6], b"{}"])
    with served(shown(story)) as address:
        report = audit(UrlSource(address, HASTY), against=open_source(str(folder)))
    assert report.codes() == ("log-changed",)


class Stored:
    """Tiles by their paths, as a source has them; with `listed` it can say which there are."""

    def __init__(self, files: dict[str, bytes], listed: bool) -> None:
        self.files, self.listed = files, listed

    def tile(self, path: str) -> bytes | None:
        return self.files.get(path)

    def tile_names(self) -> list[str] | None:
        return list(self.files) if self.listed else None


@pytest.mark.parametrize("listed", [True, False], ids=["folder", "server"])
@pytest.mark.parametrize("size", [1, 255, 256, 257, 512, 700])
def test_every_tile_of_a_log_of_several_bundles_is_compared(size: int, listed: bool) -> None:
    entries = [f"entry {number}".encode() for number in range(700)]
    files = tiles_of(entries[:size])

    def codes(changed: dict[str, bytes]) -> tuple[str, ...]:
        tiles, report, edge = TileComparison(Stored(changed, listed), size, len(entries)), Report(""), Edge()  # type: ignore[arg-type]
        for start in range(0, len(entries), WIDTH):
            growth = grow(edge, entries[start : start + WIDTH])
            tiles.compare(growth)
            edge = growth.edge
        try:
            tiles.finish(report)
        except ElectionError as error:
            return (error.code,)
        return report.codes(("notice",))

    assert codes(files) == ()
    for path, content in files.items():
        assert codes(files | {path: bytes([content[0] ^ 1]) + content[1:]}) == ("log-tiles",), path
        assert codes({name: data for name, data in files.items() if name != path}) == ("log-tiles",), path
    # A server may have gone on since, and then has full ones in place of partial ones.
    grown = tiles_of(entries, [size])
    assert codes({path: data for path, data in grown.items() if ".p/" not in path or path.partition(".p/")[0] not in grown}) == ()
    assert codes({}) == (("tiles-not-served",) if listed else ("log-tiles",))
