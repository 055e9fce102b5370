"""System calls of a running server as strace writes them down, and faults that strace puts into them.

Environment

VECHE_REQUIRE_STRACE=1    a test that finds no strace that works fails, where it would else be stepped around
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_LINE = re.compile(r"^(\d+) +(.*)$", re.DOTALL)
_WHOLE = re.compile(r"^(\w+)\((.*)\) += (-?\d+|\?)(?: .*)?$", re.DOTALL)
_BEGUN = re.compile(r"^(\w+)\((.*) <unfinished \.\.\.>$", re.DOTALL)
_RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)\) += (-?\d+|\?)(?: .*)?$", re.DOTALL)
_ESCAPED = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(?:\.\.\.)?')
_HANDLE = re.compile(r"^(?:AT_FDCWD|\d+)<([^>]*)>")


@dataclass(frozen=True)
class Call:
    """One system call of process or thread `pid`. `begun` and `ended` count the lines of the trace: another one's order."""

    pid: int
    name: str
    arguments: str
    result: int
    begun: int
    ended: int

    @property
    def path(self) -> str:
        """What the first argument, a handle, stands for: a path, or `socket:[…]`."""
        found = _HANDLE.match(self.arguments)
        return found[1] if found else ""

    @property
    def texts(self) -> list[bytes]:
        """The texts among the arguments, traced with `-xx`."""
        return [bytes.fromhex(one.replace("\\x", "")) for one in _ESCAPED.findall(self.arguments)]

    @property
    def data(self) -> bytes:
        """The first text, or nothing."""
        return self.texts[0] if self.texts else b""

    @property
    def last(self) -> int:
        """The last argument as a number: the offset of a pwrite64, the length of an ftruncate."""
        return int(self.arguments.rpartition(",")[2])


def require_strace() -> str:
    """The path of a strace that may look into processes here; without one the test is stepped around, or fails as CI demands."""
    found = shutil.which("strace")
    if found and subprocess.run([found, "-qq", "-o", os.devnull, "true"], capture_output=True, check=False).returncode == 0:
        return found
    reason = "no strace that may look into processes here (Debian: apt install strace)"
    if os.environ.get("VECHE_REQUIRE_STRACE") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def traced(pids: Sequence[int], calls: str, out: Path, *options: str) -> Iterator[None]:
    """While the block runs, these calls of the processes, and of all that they start, are written to `out`."""
    strace = require_strace()
    named = [word for pid in pids for word in ("-p", str(pid))]
    arguments = [strace, "-f", "-y", "-xx", "-s", "200000", "-e", f"trace={calls}", *options, "-o", str(out), *named]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE)
    try:
        _wait_until_attached(pids, process)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def read_trace(out: Path) -> list[Call]:
    """The calls that ended, in the order in which they ended."""
    begun: dict[int, tuple[str, int]] = {}
    made: list[Call] = []
    for number, line in enumerate(out.read_text("utf-8", "replace").split("\n")):
        split = _LINE.match(line)
        if split is None:
            continue
        pid, text = int(split[1]), split[2]
        if (found := _BEGUN.match(text)) is not None:
            begun[pid] = (found[2], number)
        elif (found := _RESUMED.match(text)) is not None:
            first, start = begun.pop(pid, ("", number))
            made.append(_call(pid, found[1], first + found[2], found[3], start, number))
        elif (found := _WHOLE.match(text)) is not None:
            made.append(_call(pid, found[1], found[2], found[3], number, number))
    return made


def _call(pid: int, name: str, arguments: str, result: str, begun: int, ended: int) -> Call:
    return Call(pid, name, _readable(arguments), -1 if result == "?" else int(result), begun, ended)


def _readable(arguments: str) -> str:
    """Paths behind handles in plain letters: with -xx strace escapes those as well."""

    def plain(found: re.Match[str]) -> str:
        return "<" + bytes.fromhex(found[1].replace("\\x", "")).decode() + ">"

    return re.sub(r"<((?:\\x[0-9a-f]{2})+)>", plain, arguments)


def _wait_until_attached(pids: Sequence[int], process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        if all(_tracer(task) for pid in pids for task in Path("/proc").glob(f"{pid}/task/*")):
            return
        time.sleep(0.02)
    said = process.stderr.read().decode() if process.stderr is not None and process.poll() is not None else "no answer"
    raise AssertionError(f"strace could not attach: {said}")


def _tracer(task: Path) -> int:
    """The process that traces this one; 1 for one that has ended meanwhile."""
    try:
        status = (task / "status").read_text()
    except OSError:
        return 1
    found = re.search(r"^TracerPid:\s+(\d+)", status, re.MULTILINE)
    return int(found[1]) if found else 0
