"""The lot that decides ties: fixed before the vote, foreseeable to nobody.

docs/protocol.md section 6.9 (veche-record section 6). The lots of a ceremony may be public when a
later manifest is written; the drill factors are not, so an organizer cannot try titles until the order suits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from veche.crypto.group import Point
from veche.crypto.transcript import digest256


def election_lot(manifest: bytes, trustees: bytes, lots: Sequence[bytes], factors: Sequence[Point | None]) -> bytes:
    """The lot (32 bytes) of manifest and trustees.json (SHA-256), the n lots of the run and each owner's drill factor.

    `lots` is empty without a run; a factor is None for an owner without a drill (level belenios only).
    """
    drilled = [b"" if factor is None else factor for factor in factors]
    return digest256("veche/v1/lot", manifest, trustees, len(lots), *lots, len(drilled), *drilled)


def tie_hash(lot: bytes, project: str) -> bytes:
    """32 bytes; of two projects with equal votes the one with the smaller hash goes first."""
    return digest256("veche/v1/tie", lot, project)


def tie_order(lot: bytes, projects: Iterable[str]) -> list[str]:
    """The projects in the order the lot gives them."""
    return sorted(projects, key=lambda project: tie_hash(lot, project))
