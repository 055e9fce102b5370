"""How long an audit looks at a log alone: checkpoint, root and every tile of so many entries (phase 9.13).

    python -m bench.log_audit [--entries 1000000]

The log is made in a folder, which is not counted; an entry is as long as a Ballot event. Goal: 10^6 entries in 60 seconds.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from tests.observer.logged_record import BOX, KEYS, LOG_SIGNER, NO_WITNESS, ORIGIN
from veche.ballot.manifest import Log
from veche.ledger.checkpoint import Checkpoint
from veche.ledger.signed_checkpoint import sign_checkpoint
from veche.ledger.tile import WIDTH
from veche.ledger.tile_growth import Edge, grow, lasting
from veche.observer.entry_check import ReadEntries
from veche.observer.log_check import check_log
from veche.observer.report import Report
from veche.observer.sources import Folder

ENTRY = '{{"parent":"{0:064x}","height":{0},"type":"Ballot","payload":"{0:064x}"}}'


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=1_000_000)
    count = parser.parse_args().entries
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, count)
        log = Log(ORIGIN, KEYS, BOX.verifier, 10, NO_WITNESS)
        # Of what the phases before have read, this one asks for the log's keys and the number of entries.
        read = cast(ReadEntries, SimpleNamespace(manifest=SimpleNamespace(log=log), order=range(count)))
        report, start = Report(name), time.perf_counter()
        check_log(Folder(folder), None, read, report, report)
        seconds = time.perf_counter() - start
    if report.findings:
        raise SystemExit(f"the log is not right: {report.findings}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{count} entries, {report.done['9.13.8']} tiles and bundles: {seconds:.1f} s, peak {peak:.0f} MiB")


def make(folder: Path, count: int) -> None:
    """entries.jsonl, tiles and checkpoint."""
    edge = Edge()
    with (folder / "entries.jsonl").open("wb") as lines:
        for start in range(0, count, WIDTH):
            texts = [ENTRY.format(number).encode() for number in range(start, min(count, start + WIDTH))]
            lines.writelines(text + b"\n" for text in texts)
            growth = grow(edge, texts)
            edge = growth.edge
            for resource_, data in lasting(growth, count):
                path = folder / resource_.path()
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
    (folder / "checkpoint").write_bytes(sign_checkpoint(Checkpoint(ORIGIN, count, edge.root()), [LOG_SIGNER]))


if __name__ == "__main__":
    main()
