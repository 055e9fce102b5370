"""Where the test vectors are, and how they are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).resolve().parents[1] / "vectors"


def load(name: str) -> Any:
    """Return the JSON value of `vectors/NAME`, e.g. `load("spec/belenios-vectors.json")`."""
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))
