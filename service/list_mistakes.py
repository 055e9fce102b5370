"""What is wrong in a registrar's list, entry by entry: said on the organizers' page, so that all slips are mended at once."""

from __future__ import annotations

from typing import Final

from veche.crypto.canonical_json import array, parse, text
from veche.crypto.errors import Malformed
from veche.crypto.group import Point
from veche.service.languages import sentence

MOST: Final = 50
"""Mistakes that are named; with more it is another file."""

NO_CREDENTIAL: Final = sentence("this is not what the registrar's program writes: 64 digits and letters a to f.")
OTHER_FORM: Final = sentence("it is not written like the first one: either all have a weight behind a comma, or none has.")
TWICE: Final = sentence("it stands further above already.")


def mistakes_of(raw: bytes) -> list[tuple[int, str]]:
    """The place (from 1) of each wrong credential, and why; none when the whole file is no list of texts."""
    try:
        lines = [text(line) for line in array(parse(raw))]
    except Malformed:
        return []
    weighted = "," in lines[0] if lines else False
    found: list[tuple[int, str]] = []
    seen: set[str] = set()
    for place, line in enumerate(lines, 1):
        credential, comma, _ = line.partition(",")
        if (comma == ",") != weighted:
            found.append((place, OTHER_FORM))
        elif not _is_point(credential):
            found.append((place, NO_CREDENTIAL))
        elif credential in seen:
            found.append((place, TWICE))
        seen.add(credential)
        if len(found) == MOST:
            break
    return found


def _is_point(credential: str) -> bool:
    try:
        Point.from_hex(credential)
    except Malformed:
        return False
    return True
