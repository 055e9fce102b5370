"""Resident memory and time of an audit of many ballots: goal under 1 GiB for 100,000 ballots of 2 options.

    python -m bench.memory [--voters 100000] [--options 2] [--jobs 1] [--archive FILE]

The archive is made first, which takes longer than the audit; with --archive it is kept, and used again when it is there.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.archives import build


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--voters", type=int, default=100_000)
    parser.add_argument("--options", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--archive", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        archive = asked.archive or Path(name) / "many.bel"
        if not archive.exists():
            archive.write_bytes(build(asked.voters, asked.options, most=1).archive())
        size = archive.stat().st_size / 1e6
        started = time.monotonic()
        command = [sys.executable, "-m", "veche.cli.main", "audit", str(archive), "--jobs", str(asked.jobs)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        took = time.monotonic() - started
    # The largest of the processes waited for: the audit itself with one job, its largest process with several.
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{asked.voters} ballots of {asked.options} options, {size:.0f} MB, {asked.jobs} job(s), {machine}")
    print(f"veche audit: {took:.0f} s, largest resident memory of a process {used:.0f} MiB (goal: under 1024)")


if __name__ == "__main__":
    main()
