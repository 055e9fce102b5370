"""Hashes that a person types in, as another one reads them aloud or as they stand on paper."""

from __future__ import annotations

import re
from typing import Final

from veche.ballot.credential import latin

DIGITS: Final = 64
_GROUP: Final = 8
_HASH: Final = re.compile(r"[0-9a-f]{64}")


def plain(typed: str) -> str:
    """Without blanks and dashes, in small letters; Cyrillic letters that look like Latin ones are these."""
    return re.sub(r"[\s-]", "", latin(typed)).lower()


def is_hash(text: str) -> bool:
    return _HASH.fullmatch(text) is not None


def grouped(text: str) -> str:
    """As people read it aloud: in groups of eight."""
    return " ".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def differing_groups(one: str, other: str) -> list[int]:
    """Which groups of two hashes are not the same, counted from 1."""
    return [at // _GROUP + 1 for at in range(0, DIGITS, _GROUP) if one[at : at + _GROUP] != other[at : at + _GROUP]]
