"""The files of the project, as the tests of this folder see them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("crypto", "ballot", "ledger", "observer", "service", "catalogue", "cli")
FOLDERS = (*PACKAGES, "tests", "docs", "bench", "vectors", "web", "deploy", ".ci")
NOT_OURS = {"__pycache__", "node_modules", "target", "dist"}


def project_files() -> Iterator[Path]:
    """Yield every file that belongs to the project; caches, builds and installed packages do not."""
    yield from (path for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(".coverage"))
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and NOT_OURS.isdisjoint(path.relative_to(ROOT).parts):
                yield path
    yield from (ROOT / "src" / "veche").glob("*.*")


def python_files() -> list[Path]:
    """Return every Python file of the project, in a stable order."""
    return sorted(path for path in project_files() if path.suffix == ".py")


def package_files() -> list[Path]:
    """Return the Python files that a wheel carries: those of the packages, without tests."""
    return [path for path in python_files() if path.relative_to(ROOT).parts[0] in (*PACKAGES, "src")]


def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of one file; nothing in it is run."""
    return ast.parse(path.read_bytes(), filename=str(path))


def shown(path: Path) -> str:
    """Return the path as people write it, from the root of the project."""
    return path.relative_to(ROOT).as_posix()
