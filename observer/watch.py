"""A watch: asks for an election's newest checkpoint here and at peers, and compares. docs/protocol.md section 12.9.

It keeps only what was signed: the manifest that it began with, and of each address the newest checkpoint and those that are not
yet shown to be its beginning. A split view is caught as soon as the checkpoints of both views come to one watch: from a peer,
from a mirror, or from a voter's receipt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from typing import Final

from veche.ballot.acknowledgement import parse_acknowledgement
from veche.ballot.manifest import Log, Manifest, parse_manifest
from veche.crypto.errors import ElectionError, Inconsistent, Unsupported
from veche.ledger.broken_acknowledgement import find_broken
from veche.ledger.checkpoint import Checkpoint
from veche.ledger.receipt import FIRST_LINE, parse_receipt
from veche.ledger.signed_checkpoint import MAX_BYTES, SignedCheckpoint, parse_signed, verify_log
from veche.ledger.tile import WIDTH, new_bundles
from veche.ledger.tile_growth import Edge, grow
from veche.ledger.tile_reader import proven_inclusion, read_bundle, verify_root
from veche.observer.downloading import NotThere, Patience, Site
from veche.observer.durable_files import read_file, replace
from veche.observer.evidence import Proven, compare, describe
from veche.observer.log_store import make_durable_folder
from veche.observer.mirror import shrank, verify_bounded
from veche.observer.mirror_folder import log_of
from veche.observer.sources import MAX_MANIFEST
from veche.observer.url_source import parse_address
from veche.observer.url_tiles import UrlTiles

BESIDE: Final = "what was given"
"""Whose checkpoint it is, where it comes from a file."""
MAX_KEPT: Final = 64
"""Checkpoints of one address that are kept until they are compared."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A checkpoint that was signed, and where it was shown."""

    where: str
    signed: SignedCheckpoint

    @property
    def tree(self) -> tuple[int, bytes]:
        """What the log has said: whatever stands beside it in the note, anybody can change."""
        return self.signed.checkpoint.size, self.signed.checkpoint.root


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
        self._seen = [seen for where in self._addresses() for seen in self._remembered(where)]
        self._newest = {seen.where: seen for seen in sorted(self._seen, key=lambda seen: seen.signed.checkpoint.size)}
        self._held: set[frozenset[tuple[int, bytes]]] = set()
        self._notes: list[bytes] = []
        self._scanned = Edge()

    @property
    def log(self) -> Log:
        return log_of(self.manifest)

    def add(self, data: bytes) -> None:
        """A checkpoint or receipt that somebody else was given is compared, too. Raises what is wrong with it."""
        signed = parse_receipt(data).signed if data.startswith(FIRST_LINE.encode()) else parse_signed(data)
        verify_log(signed, self.log.origin, self.log.keys)
        self._seen.append(Seen(BESIDE, signed))

    def add_acknowledgement(self, note: bytes) -> None:
        """The log is held to what the box has signed. Raises as `parse_acknowledgement`."""
        parse_acknowledgement(note, self.log.box)
        self._notes.append(note)

    def step(self) -> list[str]:
        """Everybody's newest checkpoint is compared with all that were seen; what is new, in sentences.

        Raises Proven; Inconsistent `log-shrunk`, `log-unproven`, `root-differs`; and, where the election's own address does not
        answer with a signed checkpoint, Unsupported `unreachable` and whatever is wrong with it. Of a peer that is only told.
        """
        told: list[str] = []
        for where in self._addresses():
            try:
                signed = self._ask(where)
            except ElectionError as error:
                if where == self.address:
                    raise
                told.append(error.message)
                continue
            told += self._take(Seen(where, signed))
        told += self._compare_all()
        self._verify_kept_back()
        self._forget()
        self._scan(self._newest[self.address].signed)
        return told

    def _take(self, seen: Seen) -> list[str]:
        """What was signed is on the disk before anything else is asked: neither a crash nor a refusal loses it."""
        before, self._newest[seen.where] = self._newest.get(seen.where), seen
        if before == seen or seen in self._seen:
            return []
        others = [one for one in self._seen if (one.where, one.tree) != (seen.where, seen.tree)]
        if sum(one.where == seen.where for one in others) < MAX_KEPT:
            replace(self._file_of(seen), seen.signed.data())
        self._seen = [*others, seen]
        size, root = seen.tree
        return [f"{seen.where}: {size} entries, root {root.hex()[:16]}…"]

    def _compare_all(self) -> list[str]:
        """Every two that were ever shown are one history, once in the life of this watch; what peers do not show, in sentences.

        Raises Proven before anything else; then what the election's own tiles do not show.
        """
        told: list[str] = []
        failed: ElectionError | None = None
        away: set[str] = set()
        # From the largest on: its tiles are the ones that a server still has.
        for larger, other in combinations(sorted(self._seen, key=lambda seen: seen.tree[0], reverse=True), 2):
            where = self.address if larger.where == BESIDE else larger.where
            if self._is_shown(larger, other) or (where in away and larger.tree[0] != other.tree[0]):
                continue
            try:
                self._compare(larger, other, where)
            except Proven:
                raise
            except ElectionError as error:
                if isinstance(error, Unsupported):
                    # No more is asked there in this step; two of one size need no tiles.
                    away.add(where)
                if where == self.address:
                    failed = failed or error
                else:
                    told.append(error.message)
        if failed is not None:
            raise failed
        return told

    def _compare(self, one: Seen, other: Seen, where: str) -> None:
        """The two are one history by the tiles at `where`, or both are kept for good."""
        try:
            compare(one.signed, other.signed, self._tiles(where), self.log.keys)
        except Inconsistent:
            self._keep_differing(one)
            self._keep_differing(other)
            raise
        self._held.add(frozenset((one.tree, other.tree)))

    def _is_shown(self, larger: Seen, other: Seen) -> bool:
        """The two are one tree, or compared, or both are beginnings of a third."""
        pair = {larger.tree, other.tree}
        thirds = {seen.tree for seen in self._seen if seen.tree[0] > larger.tree[0]}
        return (
            len(pair) == 1
            or frozenset(pair) in self._held
            or any(all(frozenset((third, tree)) in self._held for tree in pair) for third in thirds)
        )

    def _verify_kept_back(self) -> None:
        """The election's own address shows as much as it or a voter was ever shown. Raises Inconsistent `log-shrunk`."""
        now = self._newest[self.address]
        for seen in self._seen:
            if seen.where in (self.address, BESIDE) and seen.tree[0] > now.tree[0]:
                self._keep_differing(now)
                raise shrank(seen.signed, now.signed, self.address)

    def _forget(self) -> None:
        """What has been shown to be the beginning of what the same address has signed says nothing more."""
        for where in self._addresses():
            own = [seen for seen in self._seen if seen.where == where]
            for seen in own:
                if any(seen.tree[0] < more.tree[0] and self._is_shown(more, seen) for more in own):
                    self._seen.remove(seen)
                    self._file_of(seen).unlink(missing_ok=True)

    def _keep_differing(self, seen: Seen) -> None:
        replace(self._folder / f"differing-{_name(seen)}", seen.signed.data())

    def _scan(self, signed: SignedCheckpoint) -> None:
        """The new entries are those that were signed, and break no acknowledgement. Raises Proven; Inconsistent `root-differs`."""
        if not self._notes or signed.checkpoint.size <= self._scanned.size:
            return
        verify_bounded(signed)
        tiles, grown = self._tiles(self.address), self._scanned
        for note in self._notes:
            entries = _Entries(tiles, self._scanned, signed.checkpoint)
            found = find_broken(note, self.log.box, signed, entries, tiles, self.log.keys)
            if found is not None:
                raise Proven(describe(found), found)
            grown = entries.edge
        self._scanned = grown

    def place_of(self, note: bytes) -> int | None:
        """The entry by which the acknowledged ballot is in the log, proven; None when it is not there yet."""
        said = parse_acknowledgement(note, self.log.box)
        signed, tiles = self._newest[self.address].signed, self._tiles(self.address)
        for index, entry in _Entries(tiles, Edge(), signed.checkpoint):
            if sha256(entry).hexdigest() == said.event:
                proven_inclusion(tiles, signed.checkpoint, index, entry)
                return index
        return None

    def _ask(self, where: str) -> SignedCheckpoint:
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

    def _remembered(self, where: str) -> list[Seen]:
        found = []
        for path in sorted(self._folder.glob(f"checkpoint-{_digest(where.encode())}*")):
            signed = parse_signed(read_file(path, MAX_BYTES))
            verify_log(signed, self.log.origin, self.log.keys)
            found.append(Seen(where, signed))
        return found

    def _file_of(self, seen: Seen) -> Path:
        return self._folder / f"checkpoint-{_digest(seen.where.encode())}-{_name(seen)}"


def _name(seen: Seen) -> str:
    """One name for one tree, so that a note that anybody can change does not fill the disk."""
    size, root = seen.tree
    return _digest(b"%d %s" % (size, root))


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()[:16]


class _Entries:
    """The entries that a log grew by, with their numbers; once all are read, they are those that it signed."""

    def __init__(self, tiles: UrlTiles, edge: Edge, checkpoint: Checkpoint) -> None:
        self._tiles, self._checkpoint = tiles, checkpoint
        self.edge = edge

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Raises Inconsistent `root-differs` after the last one, when these are not the entries that were signed."""
        for bundle in new_bundles(self.edge.size, self._checkpoint.size):
            first = self.edge.size
            texts = read_bundle(self._tiles, bundle)[first - bundle.number * WIDTH :]
            yield from enumerate(texts, first)
            self.edge = grow(self.edge, texts).edge
        verify_root(self.edge, self._checkpoint)
