"""The Go program in `go_tlog/`, built once: Go's own packages for logs and notes, and torchwood's for policies and receipts."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

SOURCE = Path(__file__).parent / "go_tlog"
SECONDS = 900


@dataclass(frozen=True)
class GoProgram:
    """The built program."""

    executable: Path

    def run(self, *arguments: str | Path, given: bytes = b"") -> bytes:
        """What it prints. Raises CalledProcessError when it refuses."""
        done = subprocess.run([self.executable, *arguments], input=given, capture_output=True, check=True, timeout=SECONDS)
        return done.stdout

    def refuses(self, *arguments: str | Path, given: bytes = b"") -> bool:
        """Whether it ends with the exit code of a refusal; any other failure is raised."""
        done = subprocess.run([self.executable, *arguments], input=given, capture_output=True, check=False, timeout=SECONDS)
        if done.returncode not in (0, 1):
            raise subprocess.CalledProcessError(done.returncode, self.executable, done.stdout, done.stderr)
        return done.returncode == 1


@cache
def built() -> tuple[Path | None, str]:
    """The executable, or None and why there is none."""
    go = shutil.which("go")
    if go is None:
        return None, "no Go here: put `go` on PATH"
    executable = Path(mkdtemp(prefix="veche-go-")) / "go_tlog"
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false -mod=readonly"}
    done = subprocess.run(
        [go, "build", "-o", executable, "."],
        cwd=SOURCE,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    return (executable, "") if done.returncode == 0 else (None, f"the Go program cannot be built here: {done.stderr[-600:]}")


def go_program() -> GoProgram:
    """The program; a test that cannot have it is stepped around, or fails when VECHE_REQUIRE_INTEROP=1."""
    executable, reason = built()
    if executable is not None:
        return GoProgram(executable)
    if os.environ.get("VECHE_REQUIRE_INTEROP") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
