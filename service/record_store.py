"""Where a growing record is kept, as the organizer's steps see it: a folder, or the database of the server.

An append is whole or did not happen; who else may write at the same time, and how that is prevented, is the store's affair.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from veche.ledger.entry import Entry
from veche.observer.sources import Source


@dataclass(frozen=True, slots=True)
class Addition:
    """One more entry; an event comes with its data records in order, and with its owner where it has one."""

    entry: Entry
    contents: tuple[bytes, ...] = ()
    owner: int | None = None


class RecordStore(Protocol):
    """One record that this process may extend, for as long as it holds it."""

    def archive(self) -> BinaryIO:
        """The archive from its beginning."""

    def entries(self) -> BinaryIO:
        """The file of entries from its beginning."""

    def manifest(self) -> bytes:
        """manifest.json."""

    def data(self, name: str) -> bytes | None:
        """The data file with this SHA-256 (hex), or None. Raises Inconsistent `data-hash`."""

    def source(self) -> Source:
        """The whole record so far, as everybody reads it."""

    def voters(self) -> int:
        """How many credentials of weight > 0 have a ballot."""

    def append(self, additions: Sequence[Addition], data: Sequence[bytes], archived: AbstractSet[str]) -> None:
        """All of it stands in the record and has reached the disk, or nothing of it does. Raises OSError or Refused.

        `archived` are the SHA-256 of the archive's data records so far: what stands there is not kept a second time.
        """
