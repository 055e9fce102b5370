"""Tables as CSV that a spreadsheet shows and does not run. RFC 4180; OWASP "CSV injection"."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

MEDIA_TYPE: Final = "text/csv; charset=utf-8"

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""A spreadsheet takes a cell that begins so for a formula, also in the wide forms of these signs."""


def csv_text(head: Sequence[str], rows: Iterable[Sequence[str | int | None]]) -> bytes:
    """The table in UTF-8. A text that a spreadsheet would compute begins with an apostrophe instead."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(head)
    for row in rows:
        writer.writerow([neutral(cell) if isinstance(cell, str) else cell for cell in row])
    return stream.getvalue().encode("utf-8", "replace")


def neutral(cell: str) -> str:
    """`cell` as a spreadsheet shows it. Blanks before a sign do not hide it."""
    return f"'{cell}" if cell.lstrip(" \u00a0").startswith(_FORMULA) else cell
