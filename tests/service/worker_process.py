"""A process that works on jobs until it is killed: `python -m tests.service.worker_process FOLDER DATABASE DIARY SECONDS`.

Each job's topic is written to the file DIARY when it is begun and when it is done, SECONDS after it was begun.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from veche.crypto.canonical_json import Json, text
from veche.service.server import Server, open_server
from veche.service.settings import Settings
from veche.service.worker import Worker


def work(folder: Path, database: str, diary: Path, seconds: float) -> None:
    def handler(_: Server, payload: dict[str, Json]) -> None:
        write(diary, f"begun {text(payload['name'])}")
        time.sleep(seconds)
        write(diary, f"done {text(payload['name'])}")

    server = open_server(Settings(data=folder, database=database, checkers=1))
    Worker(server, {"mail": handler}).start()
    write(diary, "ready")
    while True:
        time.sleep(1)


def write(diary: Path, line: str) -> None:
    handle = os.open(diary, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(handle, f"{line}\n".encode())
    os.close(handle)


if __name__ == "__main__":
    work(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]))
