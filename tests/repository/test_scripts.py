"""What every script of a page keeps to, found in its sources."""

from __future__ import annotations

import re
from typing import Final

from tests.repository.tree import ROOT

SOURCES: Final = ROOT / "web" / "src"
DRAWN: Final = re.compile(r"Math\.random|getRandomValues|randomUUID|generateKey|Date\.now\(\) *%")

DRAWING: Final = {"crypto/scalar.ts", "booth/marking.ts"}
"""Keys, nonces and proofs draw in the first; the order of options in the second. Both by the browser's cryptography."""


def test_scripts_draw_at_random_in_two_places_only_and_by_the_browser_s_cryptography() -> None:
    found = {path.relative_to(SOURCES).as_posix(): DRAWN.findall(path.read_text("utf-8")) for path in SOURCES.rglob("*.ts")}
    drawing = {name: set(calls) for name, calls in found.items() if calls}
    assert drawing == {name: {"getRandomValues"} for name in DRAWING}


def test_a_trustee_s_page_writes_nothing_to_the_console() -> None:
    """What it holds is a key: a line in a console is read over a shoulder, or sent along with a report."""
    for folder in ("trustee", "crypto"):
        for path in (SOURCES / folder).glob("*.ts"):
            assert re.search(r"\bconsole\.", path.read_text("utf-8")) is None, path.name
