"""Ballots of TypeScript are accepted by our box and by the real belenios-tool; it accepts those of Python and of the tool."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.joint_election import CASTS, ROOF, TREES, WEIGHTS, set_up, vote
from tests.interop.tool import BeleniosTool
from tests.web.node import run_program
from veche.ballot.trustees import SingleTrustee, make_trustees
from veche.cli.trustee_key import make_single_key
from veche.crypto.canonical_json import parse_canonical
from veche.crypto.scalar import system_randomness


@pytest.mark.interop
def test_each_side_accepts_what_the_others_made(belenios_tool: Path, tmp_path: Path) -> None:
    auditor = SingleTrustee.from_json(parse_canonical(make_single_key("Auditor", system_randomness)[1]))
    record, codes = set_up(tmp_path / "record", make_trustees((auditor,)), (TREES, ROOF), WEIGHTS)
    folder = BeleniosTool(belenios_tool).at(record.path.parent)
    wanted = [{"code": codes[voter], "choices": marks} for voter, marks in CASTS]
    theirs = [vote(record, codes[0], CASTS[0][1]).decode(), folder.generate_ballot(codes[2], CASTS[2][1]).decode()]
    spoiled = theirs[0].replace('"alpha":"', '"alpha":"f', 1)
    election = record.election.raw.decode()
    answer = run_program("pair", {"election": election, "make": wanted, "check": [*theirs, spoiled]}, tmp_path)
    assert answer["objections"] == [None, None, "ballot-hash"]
    assert len(answer["made"]) == len(CASTS)
    for ballot in answer["made"]:
        folder.verify_ballot(ballot.encode())
        record.offer(ballot.encode())
