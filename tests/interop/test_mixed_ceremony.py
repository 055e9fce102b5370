"""A key ceremony of one of our trustees with two of the tool's, an election under that key, and its joint decryption."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.joint_election import set_up, vote
from tests.interop.mixed_ceremony import hold_mixed_ceremony
from tests.interop.tool import BeleniosTool, ToolRefused
from veche.ballot.result import Result
from veche.ballot.trustees import make_trustees
from veche.crypto.channel import Cipher
from veche.ledger.event import EventType

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("place", [1, 2, 3], ids=["first", "middle", "last"])
def test_our_trustee_sits_at_any_place_among_two_of_the_tool(place: int, tool: BeleniosTool, tmp_path: Path) -> None:
    group, files = hold_mixed_ceremony(tool.at(tmp_path / "table"), 3, 2, {place})
    record, codes = set_up(tmp_path / "record", make_trustees((group,)))
    marks = (((1, 0),), ((0, 1),), ((0, 1),))
    folder = tool.at(record.path.parent)
    record.offer(vote(record, codes[0], marks[0]))
    record.offer(folder.generate_ballot(codes[1], marks[1]))
    record.offer(vote(record, codes[2], marks[2]))
    record.close()
    ours = record.our_share(place, files[place - 1].secret())
    record.append(EventType.PARTIAL_DECRYPTION, ours.share, ours.owned)
    theirs = place % 3 + 1
    record.append(EventType.PARTIAL_DECRYPTION, *folder.decrypt_threshold(theirs, *files[theirs - 1].paths))
    assert record.our_result() == Result(((1, 2),))
    assert folder.compute_result() == record.our_result().encode()
    record.append(EventType.RESULT, folder.compute_result())
    folder.verify()
    report = record.audit()
    assert (report.codes(), report.verdict, report.level) == ((), "ok", "belenios")


def test_the_tool_reads_no_message_in_the_cipher_of_other_versions(tool: BeleniosTool, tmp_path: Path) -> None:
    (other,) = set(Cipher) - {tool.cipher}
    with pytest.raises(ToolRefused):
        hold_mixed_ceremony(tool.at(tmp_path), 3, 2, {2}, other)
