"""What exactly runs here: version, commit, and the hash of everything that is served as a file or a page."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from veche import __version__

_HERE: Final = Path(__file__).resolve().parent
ASSETS: Final = ("templates", "static", "locale")
"""Folders of this package whose files make up the pages."""


@dataclass(frozen=True, slots=True)
class BuildInfo:
    """`commit` is empty when nobody knows it; `assets` is the SHA-256 (hex) of `assets_hash`."""

    version: str
    commit: str
    assets: str
    python: str


def build_info(commit: str) -> BuildInfo:
    """What runs in this process; `commit` is what the setting says, which wins over a checkout's own."""
    return BuildInfo(__version__, commit or _checked_out(_HERE.parent / ".git"), assets_hash(_HERE), platform.python_version())


def assets_hash(root: Path) -> str:
    """SHA-256 over lines "SHA256  PATH" of every file in the asset folders below `root`, sorted by path."""
    files = sorted(
        (path.relative_to(root).as_posix(), path)
        for folder in ASSETS
        for path in (root / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )
    lines = "".join(f"{sha256(path.read_bytes()).hexdigest()}  {name}\n" for name, path in files)
    return sha256(lines.encode("utf-8")).hexdigest()


def _checked_out(git: Path) -> str:
    """The commit of a checkout, read without git; empty where this is none."""
    try:
        head = (git / "HEAD").read_text("ascii").strip()
        if not head.startswith("ref: "):
            return head
        return (git / head.removeprefix("ref: ")).read_text("ascii").strip()
    except OSError:
        return ""
