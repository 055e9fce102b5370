"""The scripts that pages run, as `hatch_build.py` has built them. docs/dependencies.md says what stands in them.

A browser is told the hash of each script beside its name (`integrity`) and runs no other bytes under it. The same list enters every
election's record as the annex `software`, and `make verify-web` shows that anybody can build it again. Where nothing was built the
pages say so, and all else works.
"""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256, sha384
from pathlib import Path
from types import MappingProxyType
from typing import Final

from veche.crypto.errors import Inconsistent

STATIC: Final = Path(__file__).with_name("static")
BUILT: Final = STATIC / "dist"
MANIFEST: Final = "manifest.json"


@dataclass(frozen=True, slots=True)
class Asset:
    """A built file: its bytes, the same compressed, and the hash that a page names."""

    content: bytes
    compressed: bytes
    integrity: str


@dataclass(frozen=True, slots=True)
class WebAssets:
    """The built files by their path below /static/dist/, in the order of their names; none where nothing was built."""

    files: Mapping[str, Asset]

    def listed(self) -> bytes:
        """What the annex `software` names: lines "SHA256  PATH" of all that browsers get; empty where nothing was built."""
        lines = [f"{sha256(asset.content).hexdigest()}  {name}\n" for name, asset in sorted(self.files.items())]
        return "".join(lines).encode()


def read_web_assets(folder: Path = BUILT) -> WebAssets:
    """The files that the manifest in `folder` names. Raises Inconsistent `web-assets` when one is not what it says."""
    if not (folder / MANIFEST).is_file():
        return WebAssets(MappingProxyType({}))
    manifest: dict[str, str] = json.loads((folder / MANIFEST).read_text("utf-8"))
    return WebAssets(MappingProxyType({name: _read(folder, name, integrity) for name, integrity in sorted(manifest.items())}))


@cache
def installed_assets() -> WebAssets:
    """What this program was installed with, read once: as long as it runs, it serves and records the same bytes."""
    return read_web_assets()


def _read(folder: Path, name: str, integrity: str) -> Asset:
    path = folder / name
    content = path.read_bytes() if path.is_file() else b""
    found = "sha384-" + b64encode(sha384(content).digest()).decode("ascii")
    if found != integrity:
        raise Inconsistent("web-assets", f"static/dist/{name[:80]} is not the file that was built: run `make web` again")
    return Asset(content, gzip.compress(content, 9, mtime=0), integrity)
