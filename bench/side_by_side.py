"""Our audit beside belenios-tool on the same ballots: CPU time per option, as a ratio.

    VECHE_BELENIOS_TOOL=… python -m bench.side_by_side [--voters 400] [--options 10]

Ours: CPU time of `veche audit --jobs 1` over the whole archive, less that of the same command over the archive without ballots.
Theirs: CPU time of `election verify-ballot` for every ballot, less that of a call with a ballot that is refused before its proofs
(by its uuid). A ballot's two calls follow each other and our runs are spread among them: a busy machine slows both alike.
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

RUNS = 4


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--voters", type=int, default=400)
    parser.add_argument("--options", type=int, default=10)
    parser.add_argument("--tool", default=os.environ.get("VECHE_BELENIOS_TOOL") or shutil.which("belenios-tool"))
    asked = parser.parse_args()
    bench = build(asked.voters, asked.options, most=min(3, asked.options))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = write(bench, folder / "whole")
        (folder / "setup").mkdir()
        empty = folder / "setup" / f"{UUID}.bel"
        empty.write_bytes(bench.setup)
        if asked.tool is None:
            report(asked, [(_audit(whole) - _audit(empty))], None)
            return
        ours: list[float] = []
        theirs = 0.0
        for number, ballot in enumerate(bench.ballots):
            if number % (len(bench.ballots) // RUNS or 1) == 0:
                ours.append(_audit(whole) - _audit(empty))
            theirs += _verify(asked.tool, ballot, folder, 0)
            theirs -= _verify(asked.tool, ballot.replace(UUID.encode(), UUID[::-1].encode(), 1), folder, 124)
        report(asked, ours, theirs)


def report(asked: argparse.Namespace, ours: list[float], theirs: float | None) -> None:
    """One line per program, and the ratio."""
    per_option = 1000 / (asked.voters * asked.options)
    mine = sum(ours) / len(ours)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{asked.voters} ballots of {asked.options} options, {machine}")
    print(f"veche audit, 1 process: {mine:.2f} s CPU (mean of {len(ours)}), {mine * per_option:.3f} ms per option")
    if theirs is None:
        print("belenios-tool is not here (set VECHE_BELENIOS_TOOL): nothing to compare with")
        return
    print(f"belenios-tool verify-ballot: {theirs:.2f} s CPU, {theirs * per_option:.3f} ms per option")
    print(f"ratio ours / theirs: {mine / theirs:.2f} (goal: not above 1)")


def _audit(archive: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "veche.cli.main", "audit", str(archive), "--jobs", "1"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return _cpu(before)


def _verify(tool: str, ballot: bytes, folder: Path, expected: int) -> float:
    (folder / "ballot.json").write_bytes(ballot)
    command = [tool, "election", "verify-ballot", "--ballot", str(folder / "ballot.json"), "--dir", str(folder / "setup")]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = subprocess.run(command, check=False, capture_output=True).returncode
    if code != expected:
        raise SystemExit(f"belenios-tool ended with {code}, not {expected}")
    return _cpu(before)


def _cpu(before: resource.struct_rusage) -> float:
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


if __name__ == "__main__":
    main()
