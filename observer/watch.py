"""A watch: asks for an election's newest checkpoint here and at peers, and compares. docs/protocol.md section 12.9.

It keeps only what was signed: the manifest that it began with, and of each address the newest checkpoint. A split view is caught
as soon as the checkpoints of both views come to one watch: from a peer, from a mirror, or from a voter's receipt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from veche.ballot.acknowledgement import parse_acknowledgement
from veche.ballot.manifest import Log, Manifest, parse_manifest
from veche.crypto.errors import ElectionError, Inconsistent, Unsupported
from veche.ledger.broken_acknowledgement import find_broken
from veche.ledger.receipt import FIRST_LINE, parse_receipt
from veche.ledger.signed_checkpoint import MAX_BYTES, SignedCheckpoint, parse_signed, verify_log
from veche.ledger.tile import WIDTH, new_bundles
from veche.ledger.tile_reader import proven_inclusion, read_bundle
from veche.observer.downloading import NotThere, Patience, Site
from veche.observer.durable_files import read_file, replace
from veche.observer.evidence import Proven, compare, describe
from veche.observer.log_store import make_durable_folder
from veche.observer.mirror import shrank
from veche.observer.mirror_folder import log_of
from veche.observer.sources import MAX_MANIFEST
from veche.observer.url_source import parse_address
from veche.observer.url_tiles import UrlTiles

BESIDE: Final = "what was given"
"""Whose checkpoint it is, where it comes from a file."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A checkpoint that was signed, and where it was shown."""

    where: str
    signed: SignedCheckpoint


class Watch:
    """One election at one address and at peers. The folder remembers between two runs."""

    def __init__(self, address: str, peers: Sequence[str], folder: Path, patience: Patience | None = None) -> None:
        """The manifest is the one that the folder has, or else the one that is served.

        Raises Unsupported `election-address`, `unreachable`, `no-log`; Inconsistent `other-election`.
        """
        self.address, self.uuid = parse_address(address)
        self._peers = [parse_address(peer) for peer in peers]
        if any(uuid != self.uuid for _, uuid in self._peers):
            raise Inconsistent("other-election", f"a peer's address is of another election than {self.uuid}")
        self._patience = patience or Patience()
        self._folder = folder / self.uuid
        make_durable_folder(self._folder.absolute())
        self.manifest = self._manifest()
        self._seen = {where: seen for where in self._addresses() if (seen := self._remembered(where)) is not None}
        self._notes: list[bytes] = []
        self._scanned = 0

    @property
    def log(self) -> Log:
        return log_of(self.manifest)

    def add(self, data: bytes, name: str) -> None:
        """A checkpoint or receipt that somebody else was given is compared, too. Raises what is wrong with it."""
        signed = parse_receipt(data).signed if data.startswith(FIRST_LINE.encode()) else parse_signed(data)
        verify_log(signed, self.log.origin, self.log.keys)
        self._seen[f"{BESIDE} ({name})"] = Seen(BESIDE, signed)

    def add_acknowledgement(self, note: bytes) -> None:
        """The log is held to what the box has signed. Raises as `parse_acknowledgement`."""
        parse_acknowledgement(note, self.log.box)
        self._notes.append(note)

    def step(self) -> list[str]:
        """Everybody's newest checkpoint is compared with all that were seen; what is new, in sentences.

        Raises Proven; Inconsistent `log-shrunk`, `log-unproven`; and, where the election's own address does not answer with a
        signed checkpoint, Unsupported `unreachable` and whatever is wrong with it. Of a peer that is only told.
        """
        told: list[str] = []
        for where in self._addresses():
            try:
                signed = self._newest(where)
            except ElectionError as error:
                if where == self.address:
                    raise
                told.append(error.message)
                continue
            told += self._take(where, signed)
        self._scan(self._seen[self.address].signed)
        return told

    def _take(self, where: str, signed: SignedCheckpoint) -> list[str]:
        before = self._seen.get(where)
        if before is not None and before.signed == signed:
            return []
        if before is not None:
            self._compare(where, signed, before)
        # On the disk before anything else is asked: a crash must not lose what was signed.
        if before is None or signed.checkpoint.size >= before.signed.checkpoint.size:
            self._remember(where, signed)
        for other, seen in list(self._seen.items()):
            if other != where:
                self._compare(where, signed, seen)
        self._seen[where] = Seen(where, signed)
        return [f"{where}: {signed.checkpoint.size} entries, root {signed.checkpoint.root.hex()[:16]}…"]

    def _compare(self, where: str, signed: SignedCheckpoint, seen: Seen) -> None:
        """What is shown at `where` and what was seen are one history, or both are kept; and here nothing is taken back."""
        shrunk = signed.checkpoint.size < seen.signed.checkpoint.size
        larger = seen.where if shrunk and seen.where != BESIDE else where
        try:
            compare(seen.signed, signed, self._tiles(larger), self.log.keys)
        except Inconsistent:
            for one in (seen.signed, signed):
                replace(self._folder / f"differing-{sha256(one.data()).hexdigest()[:16]}", one.data())
            raise
        if shrunk and seen.where in (where, BESIDE) and where == self.address:
            raise shrank(seen.signed, signed, where)

    def _scan(self, signed: SignedCheckpoint) -> None:
        """The new entries break no acknowledgement. Raises Proven."""
        if not self._notes or signed.checkpoint.size <= self._scanned:
            return
        tiles = self._tiles(self.address)
        for note in self._notes:
            entries = _entries(tiles, self._scanned, signed.checkpoint.size)
            found = find_broken(note, self.log.box, signed, entries, tiles, self.log.keys)
            if found is not None:
                raise Proven(describe(found), found)
        self._scanned = signed.checkpoint.size

    def place_of(self, note: bytes) -> int | None:
        """The entry by which the acknowledged ballot is in the log, proven; None when it is not there yet."""
        said = parse_acknowledgement(note, self.log.box)
        signed, tiles = self._seen[self.address].signed, self._tiles(self.address)
        for index, entry in _entries(tiles, 0, signed.checkpoint.size):
            if sha256(entry).hexdigest() == said.event:
                proven_inclusion(tiles, signed.checkpoint, index, entry)
                return index
        return None

    def _newest(self, where: str) -> SignedCheckpoint:
        try:
            note = Site(where, self._patience).small("checkpoint", MAX_BYTES)
        except NotThere as error:
            raise Unsupported("unreachable", f"{where} has no checkpoint (yet)") from error
        signed = parse_signed(note)
        verify_log(signed, self.log.origin, self.log.keys)
        return signed

    def _manifest(self) -> Manifest:
        path = self._folder / "manifest.json"
        try:
            raw = read_file(path, MAX_MANIFEST)
        except FileNotFoundError:
            try:
                raw = Site(self.address, self._patience).small("manifest.json", MAX_MANIFEST)
            except NotThere as error:
                raise Unsupported("unreachable", f"{self.address} has no manifest.json") from error
        manifest = parse_manifest(raw)
        if manifest.uuid != self.uuid:
            raise Inconsistent("other-election", f"the manifest is of election {manifest.uuid}, not of {self.uuid}")
        log_of(manifest)
        if not path.exists():
            replace(path, raw)
        return manifest

    def _addresses(self) -> list[str]:
        return list(dict.fromkeys([self.address, *(peer for peer, _ in self._peers)]))

    def _tiles(self, where: str) -> UrlTiles:
        return UrlTiles(Site(where, self._patience))

    def _remembered(self, where: str) -> Seen | None:
        try:
            signed = parse_signed(read_file(self._file_of(where), MAX_BYTES))
        except FileNotFoundError:
            return None
        verify_log(signed, self.log.origin, self.log.keys)
        return Seen(where, signed)

    def _remember(self, where: str, signed: SignedCheckpoint) -> None:
        replace(self._file_of(where), signed.data())

    def _file_of(self, where: str) -> Path:
        return self._folder / f"checkpoint-{sha256(where.encode()).hexdigest()[:16]}"


def _entries(tiles: UrlTiles, start: int, size: int) -> Iterator[tuple[int, bytes]]:
    """The entries from `start` up to `size` with their numbers."""
    for bundle in new_bundles(start, size):
        first = bundle.number * WIDTH
        for index, entry in enumerate(read_bundle(tiles, bundle), first):
            if index >= start:
                yield index, entry
