"""Our audit beside belenios-tool on the same ballots: CPU time per option, as a ratio.

    VECHE_BELENIOS_TOOL=… python bench/side_by_side.py [--voters 400] [--options 10]

Ours: CPU time of `veche audit --jobs 1` over the whole archive. Theirs: CPU time of `election verify-ballot` for every ballot, less that
of a call with a ballot that is refused before its proofs (starting the program, reading the archive).
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.archives import UUID, build, write


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--voters", type=int, default=400)
    parser.add_argument("--options", type=int, default=10)
    parser.add_argument("--tool", default=os.environ.get("VECHE_BELENIOS_TOOL") or shutil.which("belenios-tool"))
    asked = parser.parse_args()
    bench = build(asked.voters, asked.options, most=3)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archive = write(bench, folder / "whole")
        ours = _ours(archive)
        per_option = 1000 / (asked.voters * asked.options)
        print(f"{asked.voters} ballots of {asked.options} options, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
        print(f"veche audit, 1 process: {ours:.2f} s CPU, {ours * per_option:.3f} ms per option")
        if asked.tool is None:
            print("belenios-tool is not here (set VECHE_BELENIOS_TOOL): nothing to compare with")
            return
        theirs = _theirs(asked.tool, bench.setup, bench.ballots, folder)
        print(f"belenios-tool verify-ballot: {theirs:.2f} s CPU, {theirs * per_option:.3f} ms per option")
        print(f"ratio ours / theirs: {ours / theirs:.2f} (goal: not above 1)")


def _ours(archive: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "veche.cli.main", "audit", str(archive), "--jobs", "1"], check=True, stdout=subprocess.DEVNULL)
    return _cpu(before)


def _theirs(tool: str, setup: bytes, ballots: list[bytes], folder: Path) -> float:
    (folder / "setup").mkdir()
    (folder / "setup" / f"{UUID}.bel").write_bytes(setup)
    spent = _verify_all(tool, ballots, folder, 0)
    # Refused by its uuid, before any proof.
    wrong = [ballot.replace(UUID.encode(), UUID[::-1].encode(), 1) for ballot in ballots]
    return spent - _verify_all(tool, wrong, folder, 124)


def _verify_all(tool: str, ballots: list[bytes], folder: Path, expected: int) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for ballot in ballots:
        (folder / "ballot.json").write_bytes(ballot)
        command = [tool, "election", "verify-ballot", "--ballot", str(folder / "ballot.json"), "--dir", str(folder / "setup")]
        code = subprocess.run(command, check=False, capture_output=True).returncode
        if code != expected:
            raise SystemExit(f"belenios-tool ended with {code}, not {expected}")
    return _cpu(before)


def _cpu(before: resource.struct_rusage) -> float:
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


if __name__ == "__main__":
    main()
