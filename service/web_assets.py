"""The scripts that pages run, as `hatch_build.py` has built them, and the style sheet, in which one more rule could hide an option.
docs/dependencies.md says what stands in the scripts.

A browser is told the hash of each beside its name (`integrity`) and takes no other bytes under it. The same list enters every
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
STYLE: Final = "veche.css"
"""Written by hand and served at /static/veche.css: the one name in the list that is not below /static/dist/."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file for browsers: its bytes, the same compressed, and the hash that a page names."""

    content: bytes
    compressed: bytes
    integrity: str


@dataclass(frozen=True, slots=True)
class WebAssets:
    """The built files by path below /static/dist/, in the order of their names, none where nothing was built; the style sheet."""

    files: Mapping[str, Asset]
    style: Asset

    def listed(self) -> bytes:
        """What the annex `software` names: lines "SHA256  PATH" of all that browsers get; the style sheet is always there."""
        named = sorted({**self.files, STYLE: self.style}.items())
        lines = [f"{sha256(asset.content).hexdigest()}  {name}\n" for name, asset in named]
        return "".join(lines).encode()


def read_web_assets(folder: Path = BUILT, style: Path = STATIC / STYLE) -> WebAssets:
    """The files that the manifest in `folder` names, and `style`. Raises Inconsistent `web-assets` when one is not what it says."""
    path = folder / MANIFEST
    manifest: dict[str, str] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    files = {name: _built(folder, name, integrity) for name, integrity in sorted(manifest.items())}
    return WebAssets(MappingProxyType(files), _asset(style.read_bytes()))


@cache
def installed_assets() -> WebAssets:
    """What this program was installed with, read once: as long as it runs, it serves and records the same bytes."""
    return read_web_assets()


def _built(folder: Path, name: str, integrity: str) -> Asset:
    path = folder / name
    found = _asset(path.read_bytes() if path.is_file() else b"")
    if found.integrity != integrity:
        raise Inconsistent("web-assets", f"static/dist/{name[:80]} is not the file that was built: run `make web` again")
    return found


def _asset(content: bytes) -> Asset:
    return Asset(content, gzip.compress(content, 9, mtime=0), "sha384-" + b64encode(sha384(content).digest()).decode("ascii"))
