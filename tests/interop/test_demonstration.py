"""`veche demo`, as a newcomer types it: the record that it leaves is accepted by the tool in both versions."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.interop.joint_record import JointRecord
from tests.interop.mixed_ceremony import KeyFiles
from tests.interop.tool import BeleniosTool
from veche.ballot.encrypted_ballot import counted_rows, read_ballot
from veche.ballot.result import Result
from veche.cli.trustee_key import parse_single_key
from veche.crypto.channel import Cipher
from veche.crypto.group import G, secret_multiple
from veche.crypto.pedersen import ThresholdGroup
from veche.crypto.scalar import Secret
from veche.crypto.shamir import lagrange
from veche.ledger.event import EventType

pytestmark = pytest.mark.interop

TOWN = ("--voters", "200", "--trustees", "2/3")
EVERYTHING = ("--voters", "14", "--trustees", "2/3", "--weights", "--blank", "--questions", "2", "--single")


@dataclass(frozen=True)
class Demonstration:
    """What the command leaves: the public record, the private files of all, and its summary."""

    public: Path
    private: Path
    summary: dict[str, Any]

    @property
    def record(self) -> JointRecord:
        (archive,) = self.public.glob("*.bel")
        return JointRecord(archive)

    def key_files(self, owner: int) -> KeyFiles:
        folder = self.private / f"trustee-{owner}"
        return KeyFiles(folder / "trustee.key", folder / "trustee.dkey")

    def secrets(self) -> dict[int, Secret]:
        """The secret of every trustee by number."""
        found = {}
        for owner in self.record.trustees.owners:
            files = self.key_files(owner.number)
            single = not files.decryption_key.exists()
            found[owner.number] = parse_single_key(files.key.read_text()).secret if single else files.secret()
        return found


def play(folder: Path, options: Sequence[str]) -> Demonstration:
    """The demonstration, played to its end."""
    public = folder / "demo"
    printed = veche("demo", *options, "--json", "--out", str(public))
    return Demonstration(public, folder / "demo-private", json.loads(printed))


def veche(*arguments: str) -> str:
    """What the command prints; it must end well."""
    done = subprocess.run(
        [sys.executable, "-m", "veche.cli.main", *arguments], capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("options", [TOWN, EVERYTHING], ids=["a town", "everything"])
def test_the_demonstration_is_accepted_by_both_versions_of_the_tool(
    options: Sequence[str], belenios_tool: Path, belenios_tool_sid: Path, tmp_path: Path
) -> None:
    demonstration = play(tmp_path, options)
    record = demonstration.record
    audited = json.loads(veche("audit", str(demonstration.public), "--level", "strict", "--json"))
    assert (audited["verdict"], audited["level"], audited["state"]) == ("ok", "strict", "certified")
    expected = plain_count(record, demonstration.secrets())
    assert record.contents(EventType.RESULT) == [expected.encode()]
    for tool in (BeleniosTool(belenios_tool), BeleniosTool(belenios_tool_sid)):
        folder = tool.at(demonstration.public)
        folder.verify()
        tally = record.chain(EventType.ENCRYPTED_TALLY)[0]
        assert list(folder.compute_encrypted_tally()) == [one.content for one in tally.records]
        assert tool.objections(record.path, record.chain(EventType.BALLOT)) == []
        for shared in shared_by_each_pair(demonstration, tool, tmp_path / str(tool.cipher)):
            assert shared.our_result() == expected
            assert tool.at(shared.path.parent).compute_result() == expected.encode()


def plain_count(record: JointRecord, secrets: dict[int, Secret]) -> Result:
    """The count of the last ballots, each opened by itself: what nobody who lacks the keys of all can ever do."""
    election, weights = record.election, record.credentials.weights
    key = joint_secret(record, secrets)
    counts = [[0] * question.ciphertexts for question in election.questions]
    for credential, raw in {read_ballot(raw).credential: raw for raw in record.contents(EventType.BALLOT)}.items():
        for row, choices in zip(counts, counted_rows(raw), strict=True):
            for place, one in enumerate(choices):
                mark = one.beta - secret_multiple(key, one.alpha)
                assert mark.is_identity or mark == G
                row[place] += 0 if mark.is_identity else weights[credential]
    return Result(tuple(tuple(row) for row in counts))


def joint_secret(record: JointRecord, secrets: dict[int, Secret]) -> Secret:
    """The secret behind the election's key, from the first t of each group and every single trustee."""
    key = Secret.of(0)
    for number, item in enumerate(record.trustees.items):
        owners = record.trustees.numbers_of(number)
        if isinstance(item, ThresholdGroup):
            places = list(range(1, item.threshold + 1))
            for place, weight in zip(places, lagrange(places), strict=True):
                key = key + Secret.of(weight) * secrets[owners[place - 1]]
        else:
            key = key + secrets[owners[0]]
    assert secret_multiple(key, G) == record.election.public_key
    return key


def shared_by_each_pair(demonstration: Demonstration, tool: BeleniosTool, folder: Path) -> Iterator[JointRecord]:
    """The record with the shares of each two of three trustees (and of the single one, where there is one)."""
    record, secrets = demonstration.record, demonstration.secrets()
    before = record.path.read_bytes()[: record.chain(EventType.PARTIAL_DECRYPTION)[0].start]
    shares = {}
    for owner, secret in secrets.items():
        made = record.our_share(owner, secret)
        shares[owner] = (made.share, made.owned)
    for pair in combinations((1, 2, 3), 2):
        bench = tool.at(folder / "-".join(map(str, pair)))
        pair_record = JointRecord(bench.file(record.path.name, before))
        for owner in (*pair, *range(4, len(secrets) + 1)):
            # The files of the demonstration are in the newer cipher: a newer tool decrypts with them, too.
            theirs = tool.cipher is Cipher.GCM and owner == pair[0]
            share = bench.decrypt_threshold(owner, *demonstration.key_files(owner).paths) if theirs else shares[owner]
            pair_record.append(EventType.PARTIAL_DECRYPTION, *share)
        yield pair_record
