"""A mirror that is killed at any touch of the disk goes on from what it had checked."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.observer.logged_record import checkpoint_of, shown, told, turn
from tests.observer.served_record import served
from tests.observer.test_mirror import audited

KILLED = """
import os, signal, sys
from pathlib import Path
from veche.observer import durable_files, log_store, mirror_folder
from veche.observer.downloading import Patience
from veche.observer.mirror import Mirror
from veche.observer.mirror_folder import AT_ONCE, MirrorFolder

left = int(sys.argv[3])

def counted(real):
    def call(*given, **named):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*given, **named)
    return call

os.replace, os.fsync, os.link = counted(os.replace), counted(os.fsync), counted(os.link)
os.unlink = counted(os.unlink)
folder = Path(sys.argv[2])
with MirrorFolder(folder, sys.argv[1].rpartition("/")[2]).held():
    Mirror(sys.argv[1], folder, patience=Patience(seconds=5, tries=2, pause=0.01)).step()
print("done")
"""


def killed_at(step: int, address: str, path: Path) -> bool:
    """Whether the mirror died at its `step`-th touch of the disk; it has finished otherwise."""
    command = [sys.executable, "-c", KILLED, address, str(path), str(step)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


@pytest.mark.slow
def test_a_mirror_killed_at_any_touch_of_the_disk_goes_on_and_believes_nothing_half_written(tmp_path: Path) -> None:
    story = told()
    server, step, early = shown(story, 11), 1, tmp_path / "early"
    with served(server) as address:
        assert not killed_at(10_000, address, early)
        turn(server, story)
        while True:
            path = tmp_path / str(step)
            subprocess.run(["cp", "-r", str(early), str(path)], check=True)
            dead = killed_at(step, address, path)
            believed = (path / "checkpoint").read_bytes()
            assert believed in (checkpoint_of(story.entries[:11]), checkpoint_of(story.entries))
            assert not killed_at(10_000, address, path)
            assert audited(path) == "certified"
            if not dead:
                break
            step += 5 if step < 100 else 29
    assert step > 20


@pytest.mark.slow
def test_a_mirror_killed_in_its_first_step_goes_on(tmp_path: Path) -> None:
    step = 1
    with served(shown(told())) as address:
        while killed_at(step, address, tmp_path / str(step)):
            assert not killed_at(10_000, address, tmp_path / str(step))
            assert audited(tmp_path / str(step)) == "certified"
            step += 9 if step < 60 else 31
    assert step > 20
