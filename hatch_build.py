"""Puts the real package folders into a wheel.

The packages live at the top level (crypto/, ballot/ …) and are imported as `veche.crypto`,
`veche.ballot` … An editable install finds them through the links src/veche/NAME -> ../../NAME. A wheel
must hold files, not links, so this hook maps each folder to its place by `force_include`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.builders.wheel import WheelBuilderConfig

PACKAGES = ("crypto", "ballot", "ledger", "observer", "service", "catalogue", "cli")


class PackageFolders(BuildHookInterface[WheelBuilderConfig]):
    """Adds every package folder to a standard wheel as veche/NAME."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Afterwards `build_data` names each folder and its place; an editable build is left as it is."""
        if self.target_name != "wheel" or version == "editable":
            return
        for name in PACKAGES:
            build_data["force_include"][str(Path(self.root, name))] = f"veche/{name}"
