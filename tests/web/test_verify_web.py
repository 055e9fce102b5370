"""`make verify-web`: whoever has the sources finds out whether a server serves what they give, and whether its record says so."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256, sha384
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import Response

from hatch_build import BUILT, is_fresh
from tests.web.node import ROOT, WEB, node
from veche.ledger.annex import Software
from veche.service.desk import current_software
from veche.service.web_asset_routes import web_asset_routes
from veche.service.web_assets import STATIC, STYLE, installed_assets, read_web_assets

UUID = "4hVecheTestA11"
OLD = "4hVecheTestA12"


def entries(named: Software) -> Callable[[Request], Response]:
    """Answers with a record that says this alone."""
    return lambda _: Response(named.text() + b"\n")


@contextmanager
def serving(folder: Path, style: Path = STATIC / STYLE) -> Iterator[str]:
    """A server with these scripts and this style sheet; the record UUID names those of this machine, and OLD its scripts alone."""
    application = FastAPI()
    application.include_router(web_asset_routes(read_web_assets(folder, style)))
    scripts = b"".join(line for line in installed_assets().listed().splitlines(True) if not line.endswith(b"  veche.css\n"))
    for named in (current_software(UUID)[0], Software(OLD, "0.0.1", sha256(scripts).hexdigest())):
        application.add_route(f"/observer/elections/{named.election}/entries.jsonl", entries(named))
    server = uvicorn.Server(uvicorn.Config(application, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def changed(folder: Path) -> Path:
    """The scripts of a server that counts on nobody looking: one of them says more, and its own list agrees."""
    shutil.copytree(ROOT / BUILT, folder)
    content = (folder / "booth.js").read_bytes() + b";fetch('/elsewhere')"
    (folder / "booth.js").write_bytes(content)
    listed = json.loads((folder / "manifest.json").read_text())
    listed["booth.js"] = "sha384-" + b64encode(sha384(content).digest()).decode()
    (folder / "manifest.json").write_text(json.dumps(listed))
    return folder


def verify(folder: Path, address: str, uuid: str, sources: Path = WEB) -> subprocess.CompletedProcess[str]:
    """What the command says of this address and record; npm would only fetch again the packages that lie here."""
    npm = folder / "bin" / "npm"
    npm.parent.mkdir(exist_ok=True)
    wanted = [str(one) for one in (WEB / "node_modules").iterdir() if "types" not in one.name]
    npm.write_text(f"#!/bin/sh\nmkdir node_modules && cp -r {' '.join(wanted)} node_modules/\n")
    npm.chmod(0o755)
    environment = {**os.environ, "PATH": f"{npm.parent}:{os.environ['PATH']}", "TMPDIR": str(folder)}
    command = [node(), str(sources / "verify.mjs"), address, uuid]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment)


def wants_fresh_scripts() -> None:
    """The scripts that are built are those of the sources; else the test is stepped around, or fails where CI demands it."""
    node()
    if not is_fresh(ROOT):
        told = pytest.fail if os.environ.get("VECHE_REQUIRE_NODE") == "1" else pytest.skip
        told("the scripts that are built are of older sources: make web")


def test_what_a_server_serves_is_compared_with_the_sources_and_with_its_record(tmp_path: Path) -> None:
    wants_fresh_scripts()
    with serving(ROOT / BUILT) as address:
        good = verify(tmp_path, address, UUID)
    assert (good.returncode, good.stdout.splitlines()[-1]) == (0, "The same bytes everywhere."), good.stdout + good.stderr
    hides = tmp_path / "hides.css"
    hides.write_bytes((STATIC / STYLE).read_bytes() + b".seal { display: none }\n")
    with serving(changed(tmp_path / "changed"), hides) as address:
        bad = verify(tmp_path, address, UUID)
    assert bad.returncode == 1, bad.stderr
    assert f"{address}: booth.js: sha384-" in bad.stdout and f"{address}: veche.css: sha384-" in bad.stdout
    assert bad.stdout.splitlines()[-1] == "2 files differ."


def test_a_record_that_names_the_scripts_alone_is_told_apart_and_does_not_pass(tmp_path: Path) -> None:
    wants_fresh_scripts()
    with serving(ROOT / BUILT) as address:
        old = verify(tmp_path, address, OLD)
    assert f"the record of {OLD}: veche.css: not named." in old.stdout, old.stdout + old.stderr
    assert (old.returncode, old.stdout.splitlines()[-1]) == (1, "No file differs, but the record does not name veche.css.")
