"""The TypeScript of web/: its types hold, its own tests pass, and the shared vectors are what Python makes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hatch_build import BUILT, STAMP, is_fresh, sources_digest
from tests.crypto.drawing import drawing
from tests.vectors import load
from tests.web.node import WEB, node
from veche.ballot.credential import derive, public_credential
from veche.ballot.election import parse_election
from veche.ballot.encrypted_ballot import read_ballot, verify_ballot
from veche.ballot.prepared_ballot import prepare_ballot
from veche.service.web_assets import read_web_assets

VECTORS = load("spec/web-ballot-vectors.json")


def test_the_types_hold_and_every_test_under_node_passes() -> None:
    command = node()
    for arguments in (["node_modules/typescript/bin/tsc", "--noEmit"], ["test.mjs"]):
        done = subprocess.run([command, *arguments], cwd=WEB, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


@pytest.mark.parametrize("vector", VECTORS["ballots"], ids=lambda vector: vector["seed"])
def test_the_vectors_of_both_languages_are_the_ballots_that_python_makes(vector: dict[str, str]) -> None:
    election = parse_election(VECTORS["election"].encode())
    secret = derive(vector["code"], election.uuid)
    credential, draw = public_credential(secret), drawing(vector["seed"])
    choices = [[int(mark) for mark in marks] for marks in vector["choices"]]
    cast = prepare_ballot(election, credential, choices, draw).sign(secret, draw)
    assert cast.decode() == vector["cast"]
    verify_ballot(read_ballot(cast), election, {credential.hex(): 1})
    assert prepare_ballot(election, credential, choices, drawing(vector["seed"])).open().encode().decode() == vector["opened"]


def test_the_lock_names_no_address_and_every_package_by_its_hash() -> None:
    lines = (WEB / "package-lock.json").read_text("utf-8").splitlines()
    assert [line for line in lines if '"resolved"' in line or ("http" in line and '"url"' not in line)] == []
    packages = [line for line in lines if '"node_modules/' in line and line.endswith("{")]
    assert len(packages) == sum('"integrity"' in line for line in lines)


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The scripts, built twice."""
    command, base = node(), tmp_path_factory.mktemp("built")
    for folder in (base / "one", base / "other"):
        subprocess.run([command, "build.mjs", folder], cwd=WEB, check=True, timeout=60)
    return [base / "one", base / "other"]


def test_the_booth_is_small_enough_for_a_telephone_far_from_a_town(builds: list[Path]) -> None:
    # Issue 5: under 200 kB as it is sent, compressed.
    assert len(read_web_assets(builds[0]).files["booth.js"].compressed) < 200_000


def test_two_builds_are_the_same_bytes_and_carry_the_licences(builds: list[Path]) -> None:
    one, other = ({path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()} for root in builds)
    assert one == other
    assert set(read_web_assets(builds[0]).files) == {str(name) for name in one} - {"manifest.json"}
    assert b"MIT License" in one[Path("licenses/noble-curves.txt")].replace(b"The MIT", b"MIT")
    assert [name for name, content in one.items() if str(WEB).encode() in content or b"sourceMappingURL" in content] == []


def test_the_stamp_follows_every_source(tmp_path: Path) -> None:
    (tmp_path / "web" / "src" / "crypto").mkdir(parents=True)
    source = tmp_path / "web" / "src" / "crypto" / "group.ts"
    source.write_text("export {};\n")
    before = sources_digest(tmp_path)
    assert not is_fresh(tmp_path)
    (tmp_path / BUILT).mkdir(parents=True)
    (tmp_path / BUILT / STAMP).write_text(before)
    assert is_fresh(tmp_path)
    source.write_text("export {}; \n")
    assert not is_fresh(tmp_path)
