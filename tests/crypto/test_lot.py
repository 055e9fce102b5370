"""Specifies crypto/lot.py."""

from __future__ import annotations

from itertools import permutations

from tests.vectors import load
from veche.crypto.group import G, Point
from veche.crypto.lot import election_lot, tie_hash, tie_order
from veche.crypto.run_file import FinishedRun, parse_run

RECORD = load("spec/veche-record-vectors.json")
DRILL, LOT = RECORD["drill"], RECORD["lot"]
MANIFEST, TRUSTEES = bytes.fromhex(DRILL["manifest"]), bytes.fromhex(DRILL["trustees"])
FACTORS = [Point.from_hex(one["factor"]) for one in DRILL["owners"]]
RUN = parse_run(RECORD["ceremony"]["runs"][2]["file"].encode())
assert isinstance(RUN, FinishedRun)
LOTS = RUN.lots()


def test_known_lot() -> None:
    assert election_lot(MANIFEST, TRUSTEES, LOTS, FACTORS).hex() == LOT["lot"]


def test_known_lot_without_a_run_and_with_a_drill_missing() -> None:
    factors = [FACTORS[0], None, FACTORS[2]]
    assert election_lot(MANIFEST, TRUSTEES, (), factors).hex() == LOT["without_run_and_second_drill"]["lot"]


def test_known_order_of_tied_projects() -> None:
    lot = bytes.fromhex(LOT["lot"])
    assert {project: tie_hash(lot, project).hex() for project in LOT["tie_hashes"]} == LOT["tie_hashes"]
    assert tie_order(lot, LOT["tie_hashes"]) == LOT["order"]


def test_the_order_does_not_depend_on_how_the_projects_are_listed() -> None:
    orders = {tuple(tie_order(bytes(32), listed)) for listed in permutations(["a", "b", "c", "d"])}
    assert len(orders) == 1


def test_every_single_input_changes_the_lot() -> None:
    lots = {
        election_lot(MANIFEST, TRUSTEES, LOTS, FACTORS),
        election_lot(bytes(32), TRUSTEES, LOTS, FACTORS),
        election_lot(MANIFEST, bytes(32), LOTS, FACTORS),
        election_lot(MANIFEST, TRUSTEES, (bytes(32), *LOTS[1:]), FACTORS),
        election_lot(MANIFEST, TRUSTEES, LOTS[:2], FACTORS),
        election_lot(MANIFEST, TRUSTEES, LOTS, [FACTORS[0], FACTORS[1], G]),
        election_lot(MANIFEST, TRUSTEES, LOTS, FACTORS[:2]),
        election_lot(MANIFEST, TRUSTEES, LOTS, [*FACTORS, None]),
    }
    assert len(lots) == 8
