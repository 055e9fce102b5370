"""Runs the TypeScript of web/ under node, where there is one; VECHE_REQUIRE_NODE=1 makes a test fail that finds none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"


def node() -> str:
    """The node to run with, its packages installed. Without one the test is stepped around, or fails where CI demands it."""
    found = shutil.which("node") if shutil.which("npm") else None
    if found is None:
        reason = "no node.js with npm on PATH: the scripts of web/ are not tested"
        if os.environ.get("VECHE_REQUIRE_NODE") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    if not (WEB / "node_modules" / ".package-lock.json").is_file():
        subprocess.run(["npm", "ci", "--ignore-scripts", "--silent"], cwd=WEB, check=True, timeout=300)
    return found


def run_program(name: str, given: Any, folder: Path) -> Any:
    """What web/tests/NAME.ts answers to `given`, both JSON."""
    command = node()
    # Beside the sources, so that it finds the packages.
    program = WEB / "build" / f"{name}-{folder.name}.mjs"
    bundling = [str(WEB / "node_modules" / ".bin" / "esbuild"), f"tests/{name}.ts", "--bundle", "--packages=external"]
    options = ["--platform=node", "--format=esm", "--log-level=warning", f"--outfile={program}"]
    subprocess.run([*bundling, *options], cwd=WEB, check=True, timeout=60)
    try:
        done = subprocess.run([command, program], input=json.dumps(given), capture_output=True, text=True, check=True, timeout=120)
    finally:
        program.unlink()
    return json.loads(done.stdout)
