"""PostgreSQL's own programs, run on the database of a URL: its password is in no command line and no message."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sqlalchemy.engine import make_url

from veche.crypto.errors import Refused, Unsupported

_SERVICE: Final = "veche"


def has_tool(name: str) -> bool:
    """Whether this machine has the program."""
    return shutil.which(name) is not None


def run_tool(name: str, url: str, options: Sequence[str]) -> None:
    """The program has done its work on the database of `url`. Raises Unsupported `no-tool`, Refused `tool-failed` and why."""
    program = shutil.which(name)
    if program is None:
        raise Unsupported("no-tool", f"{name} is not here: install PostgreSQL's client programs (Debian: postgresql-client)")
    _, given = make_url(url).get_dialect()().create_connect_args(make_url(url))
    password = given.pop("password", None)
    with tempfile.TemporaryDirectory() as folder:
        # Everybody on the machine can read command lines; this file only its owner.
        service = Path(folder, "service.conf")
        service.write_text(f"[{_SERVICE}]\n" + "".join(f"{key}={value}\n" for key, value in given.items()), "utf-8")
        environment = {**os.environ, "PGSERVICEFILE": str(service), "LC_ALL": "C"}
        if password is not None:
            environment["PGPASSWORD"] = str(password)
        command = [program, f"--dbname=service={_SERVICE}", "--no-password", *options]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["it gave no reason"]
        raise Refused("tool-failed", f"{name}: {lines[0].removeprefix(f'{name}: error: ')}")
