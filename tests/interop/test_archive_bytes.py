"""The archive's form: what our writer and the tool's make of the same records is the same file, byte for byte."""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest

from tests.election.record_builder import Story
from tests.interop.joint_record import JointRecord
from tests.interop.tool import BeleniosTool
from veche.ledger.archive import header_record, read_records, read_timestamp
from veche.ledger.chain import append
from veche.ledger.chain_reader import ChainItem, item_records
from veche.ledger.event import Event, EventType
from veche.ledger.payload import SetupData

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> JointRecord:
    """A whole election of ours, with every type of event there is without a mixnet."""
    return JointRecord(Story().bel_only(tmp_path_factory.mktemp("record")))


def test_the_archives_that_we_and_the_tool_begin_are_the_same(record: JointRecord, tool: BeleniosTool, tmp_path: Path) -> None:
    contents = [one.content for one in record.chain()[0].records]
    folder = tool.at(tmp_path)
    for name, content in zip(("election.json", "trustees.json", "public_creds.json"), contents, strict=False):
        folder.file(name, content + b"\n")
    theirs = folder.archive_init()
    timestamp = read_timestamp(BytesIO(theirs))
    setup = SetupData(*(sha256(one).hexdigest() for one in contents[:3])).text()
    event = append(None, EventType.SETUP, sha256(setup).hexdigest())
    assert theirs == header_record(timestamp) + item_records(event, [*contents[:3], setup], timestamp)


def test_an_archive_grows_by_the_same_bytes_whoever_appends(record: JointRecord, tool: BeleniosTool, tmp_path: Path) -> None:
    whole, chain = record.path.read_bytes(), record.chain()
    folder = tool.at(tmp_path)
    folder.file(record.path.name, whole[: chain[0].end])
    for item in chain[1:]:
        folder.add_event(item.event.type.value, *(one.content for one in item.records))
        assert folder.archive.read_bytes() == whole[: item.end]
        assert grown_by_us(whole[: item.start], item) == whole[: item.end]


def test_the_tool_rebuilds_our_archive_from_its_records(record: JointRecord, tool: BeleniosTool, tmp_path: Path) -> None:
    whole = record.path.read_bytes()
    for one in read_records(BytesIO(whole)):
        name = one.name if one.kind == "header" else f"{one.name}.{one.kind}.json"
        (tmp_path / name).write_bytes(one.content)
    assert tool.at(tmp_path).archive_make(tmp_path) == whole


def test_every_prefix_of_our_archive_that_ends_after_an_event_is_one_for_the_tool(
    record: JointRecord, tool: BeleniosTool, tmp_path: Path
) -> None:
    whole = record.path.read_bytes()
    for item in record.chain():
        folder = tool.at(tmp_path / str(item.event.height))
        folder.file(record.path.name, whole[: item.end])
        folder.verify()


def grown_by_us(before: bytes, item: ChainItem) -> bytes:
    """The archive with the event and its data at the end, as our writer appends them."""
    event: Event = item.event
    return before + item_records(event, [one.content for one in item.records], read_timestamp(BytesIO(before)))
