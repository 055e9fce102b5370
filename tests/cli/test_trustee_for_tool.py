"""`veche trustee share --for-tool`: the same share as the two lines that belenios-tool reads, at level belenios only."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.test_trustee_share import Trustee, bare, ends, story
from veche.ballot.share import parse_delivery, parse_share, verify_share
from veche.observer.board import read_board


def test_a_share_is_also_written_as_the_two_lines_that_the_tool_reads(tmp_path: Path) -> None:
    told = bare()
    archive = told.bel_only(tmp_path / "bare")
    trustee, lines = Trustee(tmp_path, told), tmp_path / "share.txt"
    assert trustee.share(archive, ends(archive), "--level", "belenios", "--minimum", "3", "--for-tool", str(lines)) == 0
    share, owned, rest = lines.read_bytes().split(b"\n")
    delivery = parse_delivery(trustee.out.read_bytes(), told.election.uuid)
    assert (share, owned, rest) == (delivery.share, delivery.owned, b"")
    key = read_board(str(archive)).sealed.trustees.owners[0].public_key
    verify_share(parse_share(share, told.tally, 1), 1, key, told.tally, told.election.fingerprint)


def test_at_level_strict_no_share_leaves_without_its_strong_proof(tmp_path: Path) -> None:
    told = story()
    folder, lines = told.write(tmp_path / "record"), tmp_path / "share.txt"
    assert Trustee(tmp_path, told).refuses(folder, ends(folder), "--for-tool", str(lines)) == "level-strict"
    assert not lines.exists()


@pytest.mark.interop
def test_the_tool_takes_the_two_lines_into_its_archive(tmp_path: Path, belenios_tool: Path) -> None:
    told = bare()
    archive = told.bel_only(tmp_path / "bare")
    trustee, lines = Trustee(tmp_path, told), tmp_path / "share.txt"
    assert trustee.share(archive, ends(archive), "--level", "belenios", "--minimum", "3", "--for-tool", str(lines)) == 0
    command = [str(belenios_tool), "archive", "add-event", "--type", "PartialDecryption", "--dir", str(archive.parent)]
    subprocess.run(command, input=lines.read_bytes(), check=True, timeout=120, capture_output=True)
    command = [str(belenios_tool), "election", "verify", "--dir", str(archive.parent)]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    assert share_count(archive) == 1


def share_count(archive: Path) -> int:
    return archive.read_bytes().count(b'"type":"PartialDecryption"')
