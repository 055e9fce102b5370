"""A log as a folder of files, as any web server would show it."""

from __future__ import annotations

from pathlib import Path

from tests.ledger.small_log import LOG_SIGNER, ORIGIN
from veche.crypto.signing_key import Signer
from veche.ledger.checkpoint import Checkpoint
from veche.ledger.cosignature import make_line
from veche.ledger.merkle import leaf_hash
from veche.ledger.signed_checkpoint import sign_checkpoint, with_lines
from veche.ledger.tile_growth import Edge, grow, write_files


class FolderStore:
    """Tiles and bundles below a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, path: str) -> bytes | None:
        file = self.folder / path
        return file.read_bytes() if file.exists() else None

    def put(self, path: str, data: bytes) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def entries_of(size: int) -> list[bytes]:
    """Entries of many lengths, the empty one and the longest among them."""
    return [b"entry %d " % number * (number % 7) for number in range(size - 1)] + [bytes(range(256)) * 255 + bytes(255)] * (
        size > 0
    )


def write_log(
    folder: Path, entries: list[bytes], cosigners: tuple[Signer, ...] = (), time: int = 0, steps: tuple[int, ...] = ()
) -> Edge:
    """A log of these entries, written in these steps; every step's checkpoint is signed, the last one stays."""
    store, edge = FolderStore(folder), Edge()
    for size in (*steps, len(entries)):
        growth = grow(edge, entries[edge.size : size])
        write_files(store, growth.files)
        edge = growth.edge
    checkpoint = Checkpoint(ORIGIN, edge.size, edge.root())
    lines = [make_line(one, checkpoint, time) for one in cosigners]
    data = with_lines(sign_checkpoint(checkpoint, [LOG_SIGNER]), lines, [one.verifier for one in cosigners])
    (folder / "checkpoint").write_bytes(data)
    return edge


def leaves_of(entries: list[bytes]) -> list[bytes]:
    return [leaf_hash(entry) for entry in entries]
