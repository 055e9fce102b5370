"""Checks docs/requirements.md: every requirement has its row, and every test that a row names exists.

Run as `python docs/check_requirements.py`; it prints one sentence per fault and ends with 1 when there is one.
The format of the table stands at the top of docs/requirements.md.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# The rows of the two founding documents: P-01 … P-29, S-01 … S-26 and S-30 … S-48.
IDS = (
    *(f"P-{number:02}" for number in range(1, 30)),
    *(f"S-{number:02}" for number in range(1, 27)),
    *(f"S-{number:02}" for number in range(30, 49)),
)
LAYERS = ("core", "seam", "catalogue", "context")

ROW = re.compile(r"^\| (?P<id>[A-Z]-\d+) \| (?P<text>[^|]+) \| (?P<layer>[^|]+) \| (?P<shown>[^|]+) \|$")
TEST = re.compile(r"`(?P<path>tests/[^:`]+\.py)::(?P<name>[A-Za-z_][\w:]*)`")
NOT_YET = re.compile(r"^not yet \((part [1-9]|later)\)$")
NOTHING_TO_TEST = "nothing to test"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    id: str
    layer: str
    shown: str


def read_rows(text: str) -> list[Row]:
    """Return the rows of the table in `text`; other lines are prose."""
    found = (ROW.match(line) for line in text.splitlines())
    return [Row(row["id"], row["layer"].strip(), row["shown"].strip()) for row in found if row]


def tests_in(path: Path) -> set[str]:
    """Return the tests that the file defines, `name` or `Class::name`, without running it."""
    names: set[str] = set()
    for node in ast.parse(path.read_bytes(), filename=str(path)).body:
        inside = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        names |= {prefix + f.name for f in inside if isinstance(f, ast.FunctionDef) and f.name.startswith("test_")}
    return names


def faults_of_row(row: Row, root: Path) -> Iterator[str]:
    """Yield what is wrong with one row."""
    if row.layer not in LAYERS:
        yield f"{row.id}: the layer is {row.layer!r}, expected one of {', '.join(LAYERS)}"
    if NOT_YET.match(row.shown) or (row.shown == NOTHING_TO_TEST and row.layer == "context"):
        return
    named = list(TEST.finditer(row.shown))
    if not named or TEST.sub("", row.shown).strip(" ,"):
        yield f"{row.id}: {row.shown!r} is neither a list of tests nor 'not yet (part N)' nor 'not yet (later)'"
    for test in named:
        path = root / test["path"]
        if not path.is_file():
            yield f"{row.id}: the file {test['path']} does not exist"
        elif test["name"] not in tests_in(path):
            yield f"{row.id}: {test['path']} has no test {test['name']}"


def faults_of_table(text: str, root: Path, ids: tuple[str, ...] = IDS) -> Iterator[str]:
    """Yield what is wrong with the whole table: missing, doubled and unknown rows, then each row's own faults."""
    rows = read_rows(text)
    counted = Counter(row.id for row in rows)
    yield from (f"{missing}: this requirement has no row" for missing in ids if missing not in counted)
    yield from (f"{unknown}: no requirement has this id" for unknown in counted if unknown not in ids)
    yield from (f"{doubled}: has {n} rows, expected one" for doubled, n in counted.items() if n > 1)
    for row in rows:
        yield from faults_of_row(row, root)


def ids_of_source(text: str) -> tuple[str, ...]:
    """Return the ids of the document that the requirements were taken from, in its order."""
    return tuple(re.findall(r"^\| ([PS]-\d+) \|", text, flags=re.MULTILINE))


def main() -> int:
    """Print every fault on stderr; return 0 when there is none, else 1."""
    table = (ROOT / "docs" / "requirements.md").read_text(encoding="utf-8")
    faults = list(faults_of_table(table, ROOT))
    # Developers have the source beside the checkout; users do not.
    source = ROOT.parent / "shared" / "spec" / "requirements.md"
    if source.is_file() and ids_of_source(source.read_text(encoding="utf-8")) != IDS:
        faults.append("the ids in check_requirements.py are not those of the source document")
    for fault in faults:
        print(f"docs/requirements.md: {fault}", file=sys.stderr)
    if not faults:
        rows = read_rows(table)
        shown = sum(1 for row in rows if TEST.search(row.shown))
        print(f"docs/requirements.md: {len(rows)} requirements, {shown} shown by tests")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
