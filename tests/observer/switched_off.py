"""Asks the process of `switched_worker.py`, which audits with single checks switched off."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.observer.switched_worker import ROOT

WORKER = ROOT / "tests" / "observer" / "switched_worker.py"


@dataclass(frozen=True)
class Answer:
    """What an audit said. The verdict is `exception` when it fell over; `exception` then says how."""

    verdict: str
    codes: tuple[str, ...]
    exception: str | None


@dataclass(frozen=True)
class Asking:
    """The process, ready for requests."""

    requests: IO[str]
    answers: IO[str]

    def audit(self, off: Iterable[str], source: Path, against: Path | None = None, level: str | None = None) -> Answer:
        """The audit of `source` without the checks whose codes are `off`."""
        request: dict[str, Any] = {
            "off": list(off),
            "source": str(source),
            "against": None if against is None else str(against),
            "level": level,
        }
        self.requests.write(json.dumps(request) + "\n")
        self.requests.flush()
        found = json.loads(self.answers.readline())
        return Answer(found["verdict"], tuple(found["codes"]), found["exception"])


@contextmanager
def asking() -> Iterator[Asking]:
    """The process, for as long as the block lasts."""
    with subprocess.Popen(
        [sys.executable, str(WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the process has no pipes")
        yield Asking(process.stdin, process.stdout)
        process.stdin.close()
