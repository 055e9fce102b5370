"""Resident memory and time of an audit of many ballots: goal under 1 GiB for 100,000 ballots of 2 options.

    python -m bench.memory [--voters 100000] [--options 2] [--jobs 1] [--archive FILE]

The archive is made first, which takes longer than the audit; with --archive it is kept, and used again when it is there.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
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
            # In a process of its own: a forked child would start with the memory of this one.
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                pool.submit(make, archive, asked.voters, asked.options).result()
        size = archive.stat().st_size / 1e6
        command = [sys.executable, "-m", "veche.cli.main", "audit", str(archive), "--jobs", str(asked.jobs)]
        started = time.monotonic()
        audit = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(audit.pid, 0)
        took = time.monotonic() - started
    if status != 0:
        raise SystemExit(f"the audit ended with status {status}")
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{asked.voters} ballots of {asked.options} options, {size:.0f} MB, {asked.jobs} job(s), {machine}")
    spent = usage.ru_utime + usage.ru_stime
    print(f"veche audit: {took:.0f} s, {spent:.0f} s CPU, resident memory {usage.ru_maxrss / 1024:.0f} MiB (goal: under 1024)")


def make(archive: Path, voters: int, options: int) -> None:
    """Write the archive."""
    archive.write_bytes(build(voters, options, most=1).archive())


if __name__ == "__main__":
    main()
