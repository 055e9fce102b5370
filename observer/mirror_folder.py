"""What a mirror holds of an election, in the folder form, and how it gets there whole. docs/protocol.md sections 8.5 and 12.9.

`checkpoint` is written last and says how far the rest is believed: after a crash whatever goes further is cut off again. What the
log has signed is kept as pending before anything else is asked of the server, so that neither a crash nor a refusal loses it as
evidence, until what is held goes on from it.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from veche.ballot.manifest import Log, Manifest, parse_manifest
from veche.crypto.canonical_json import encode, fields, parse_canonical, text
from veche.crypto.errors import ElectionError, Inconsistent, Malformed, Refused, Unsupported
from veche.ledger.annex import Annex
from veche.ledger.archive import read_records, read_timestamp
from veche.ledger.chain_reader import ChainItem, read_chain
from veche.ledger.entry import is_event_text, parse_entry
from veche.ledger.event import EventType
from veche.ledger.record import entry_line, read_entries
from veche.ledger.signed_checkpoint import SignedCheckpoint, parse_signed, verify_log
from veche.ledger.tile import WIDTH
from veche.ledger.tile_growth import Edge, grow, lasting, write_files
from veche.ledger.tile_reader import verify_root
from veche.observer.durable_files import read_file, replace, sync_folder
from veche.observer.log_store import FolderTiles, make_durable_folder
from veche.observer.mirror_data import named_by, texts_of

FORM: Final = "mirror/1"
AT_ONCE: Final = 64 * WIDTH
"""Entries that are in memory at the same time."""

MAX_PENDING: Final = 64
"""Checkpoints that wait until they are compared."""

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}")


@dataclass(slots=True)
class Held:
    """What is believed: the log up to `signed`, both files up to so many bytes, and what new events are compared with."""

    signed: SignedCheckpoint | None = None
    edge: Edge = field(default_factory=Edge)
    entry_bytes: int = 0
    archive_bytes: int = 0
    timestamp: int = 0
    last: ChainItem | None = None
    setup: ChainItem | None = None
    trackers: set[str] = field(default_factory=set)
    records: set[str] = field(default_factory=set)
    """SHA-256 (hex) of the data records of the archive, ballots apart: what annexes name is there, or below data/."""

    def take(self, item: ChainItem) -> None:
        """The chain goes on with this event."""
        self.last, self.archive_bytes = item, item.end
        if item.event.type is EventType.BALLOT:
            self.trackers.add(item.records[0].name)
            return
        self.records.update(record.name for record in item.records)
        if item.event.type is EventType.SETUP:
            self.setup = item


class MirrorFolder:
    """One election in one folder. Only whoever has it `held` writes to it."""

    def __init__(self, path: Path, uuid: str) -> None:
        self.path = path
        self.uuid = uuid
        self.tiles = FolderTiles(path)
        self.archive = path / f"{uuid}.bel"
        self.entries = path / "entries.jsonl"
        self.incoming = path / ".incoming"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else writes here meanwhile. Raises Refused `mirror-folder` when somebody does, or the folder is another's."""
        make_durable_folder(self.path.absolute())
        if not (self.path / "mirror.json").exists() and any(one.name[0] != "." for one in self.path.iterdir()):
            raise Refused("mirror-folder", f"{self.path} is not empty and no mirror: name a folder of its own")
        handle = os.open(self.path / ".mirror.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise Refused("mirror-folder", f"another mirror is writing to {self.path}") from error
            yield
        finally:
            os.close(handle)

    def manifest(self) -> Manifest | None:
        """The manifest that the mirror began with; None before it did. Raises Inconsistent `mirror-damaged`, Refused."""
        try:
            found = fields(parse_canonical(read_file(self.path / "mirror.json", 10_000)), ("veche", "election", "manifest"))
        except FileNotFoundError:
            return None
        if (text(found["veche"]), text(found["election"])) != (FORM, self.uuid):
            raise Refused("mirror-folder", f"{self.path} mirrors the election {text(found['election'])[:64]}, not {self.uuid}")
        try:
            raw = read_file(self.path / "manifest.json")
        except FileNotFoundError:
            # The crash came between the two; nothing else is there yet.
            return None
        if sha256(raw).hexdigest() != text(found["manifest"]):
            raise _damaged(self.path, "manifest.json is not the one that it began with")
        return parse_manifest(raw)

    def begin(self, raw: bytes) -> Manifest:
        """The election's manifest is fixed for this mirror. Raises Unsupported `no-log`, Inconsistent `other-election`."""
        manifest = parse_manifest(raw)
        if manifest.uuid != self.uuid:
            raise Inconsistent("other-election", f"the manifest is of election {manifest.uuid}, not of {self.uuid}")
        log_of(manifest)
        digest = sha256(raw).hexdigest()
        replace(self.path / "mirror.json", encode({"veche": FORM, "election": self.uuid, "manifest": digest}))
        replace(self.path / "manifest.json", raw)
        return manifest

    def keep_pending(self, signed: SignedCheckpoint) -> None:
        """What the log has signed is on the disk, whether or not the rest ever comes."""
        path = self._pending_of(signed)
        if path.exists() or len(list(self.path.glob(".pending-*"))) < MAX_PENDING:
            replace(path, signed.data())

    def keep_differing(self, signed: SignedCheckpoint) -> None:
        """A checkpoint that does not go on from what is held is kept beside it, whatever it proves."""
        replace(self.path / f"differing-{_tree_name(signed)}", signed.data())

    def pending(self) -> list[SignedCheckpoint]:
        """The checkpoints that were seen and may be no beginning of what is held."""
        names = sorted(path.name for path in self.path.glob(".pending*") if not _TEMPORARY.fullmatch(path.name))
        return [signed for name in names if (signed := self._note(name)) is not None]

    def clear_pending(self, compared: Iterable[SignedCheckpoint]) -> None:
        """These are beginnings of what is held."""
        for signed in compared:
            self._pending_of(signed).unlink(missing_ok=True)

    def _pending_of(self, signed: SignedCheckpoint) -> Path:
        return self.path / f".pending-{_tree_name(signed)}"

    def load(self, manifest: Manifest) -> Held:
        """What is held, every byte of it checked again but the proofs in ballots; what goes further is cut off, tiles that got
        lost are made again. Raises Inconsistent `mirror-damaged` or `tile-changed`."""
        shutil.rmtree(self.incoming, ignore_errors=True)
        for path in self.path.rglob(".*"):
            # Begun when the crash came, and never given its name.
            if _TEMPORARY.fullmatch(path.name) and path.is_file():
                path.unlink()
        signed, held = self._note("checkpoint"), Held()
        if signed is None:
            _cut(self.entries, 0)
            _cut(self.archive, 0)
            shutil.rmtree(self.path / "data", ignore_errors=True)
            return held
        log = log_of(manifest)
        verify_log(signed, log.origin, log.keys)
        try:
            self._load_entries(held, signed)
            self._load_archive(held)
        except (ElectionError, FileNotFoundError) as error:
            raise _damaged(self.path, str(error)) from error
        self.write_tiles(Edge(), read_pieces(self.entries), signed.checkpoint.size)
        held.signed = signed
        _cut(self.entries, held.entry_bytes)
        _cut(self.archive, held.archive_bytes)
        self.clear_data(held)
        self._clear_unnamed(held, manifest)
        return held

    def _load_entries(self, held: Held, signed: SignedCheckpoint) -> None:
        with self.entries.open("rb") as stream:
            for texts in _pieces(islice(read_entries(stream), signed.checkpoint.size)):
                held.edge = grow(held.edge, texts).edge
                held.entry_bytes += sum(len(entry_line(one)) for one in texts)
        verify_root(held.edge, signed.checkpoint)

    def _load_archive(self, held: Held) -> None:
        """The events of the archive are those of the entries; an archive without any is its first record."""
        with self.entries.open("rb") as lines, self.archive.open("rb") as stream:
            held.timestamp = read_timestamp(stream)
            stream.seek(0)
            held.archive_bytes = next(read_records(stream)).end
            stream.seek(0)
            items = read_chain(stream)
            for _, entry in islice(read_entries(lines), held.edge.size):
                if is_event_text(entry):
                    item = next(items, None)
                    if item is None or item.event_text != entry:
                        raise Inconsistent("chain-differs", "the archive does not have the events of the entries")
                    held.take(item)

    def write_tiles(self, edge: Edge, chunks: Iterable[Sequence[bytes]], size: int) -> None:
        """The tiles and bundles of a log that grows from `edge` to `size` are on the disk. Raises Inconsistent `tile-changed`."""
        for texts in chunks:
            # The last piece may hold what nobody has signed yet.
            growth = grow(edge, texts[: size - edge.size])
            write_files(self.tiles, lasting(growth, size))
            edge = growth.edge
            if edge.size == size:
                return

    def extend(self, path: Path, source: BinaryIO, start: int, size: int) -> None:
        """The file goes on from byte `start` with the next `size` bytes of `source`, and they have reached the disk."""
        new = not path.exists()
        with path.open("r+b" if not new else "w+b") as stream:
            stream.truncate(start)
            stream.seek(start)
            while size > 0:
                piece = source.read(min(size, 1 << 20))
                if not piece:
                    raise OSError(f"{path}: what was fetched is not there any more")
                stream.write(piece)
                size -= len(piece)
            stream.flush()
            os.fsync(stream.fileno())
        if new:
            sync_folder(self.path)

    def put_data(self, digest: str, content: bytes) -> None:
        """The data file is on the disk."""
        path = self.path / "data" / digest[:2] / digest
        make_durable_folder(path.parent)
        replace(path, content)

    def data(self, digest: str) -> bytes | None:
        """The data file of this SHA-256; None when it is not here, or not whole."""
        try:
            content = read_file(self.path / "data" / digest[:2] / digest)
        except FileNotFoundError:
            return None
        return content if sha256(content).hexdigest() == digest else None

    def clear_data(self, held: Held) -> None:
        """What has become a record of the archive stands there alone: the key ceremony's list of trustees, once there is Setup."""
        for digest in held.records:
            (self.path / "data" / digest[:2] / digest).unlink(missing_ok=True)

    def publish(self, note: bytes) -> None:
        """From now on everything up to this checkpoint is believed."""
        replace(self.path / "checkpoint", note)

    def _clear_unnamed(self, held: Held, manifest: Manifest) -> None:
        """Of the data only what the entries name stays: the rest belongs to what a crash has cut off, and is fetched again."""
        with self.entries.open("rb") as stream:
            entries = (parse_entry(one, self.uuid) for _, one in read_entries(stream) if not is_event_text(one))
            named = {*texts_of(manifest), *named_by((one for one in entries if isinstance(one, Annex)), self._own_data)}
        for path in (self.path / "data").glob("*/*"):
            if path.name not in named:
                path.unlink()

    def _own_data(self, digest: str) -> bytes:
        content = self.data(digest)
        if content is None:
            raise _damaged(self.path, f"data/{digest[:2]}/{digest} is not there as it came")
        return content

    def _note(self, name: str) -> SignedCheckpoint | None:
        try:
            return parse_signed(read_file(self.path / name))
        except FileNotFoundError:
            return None
        except Malformed as error:
            raise _damaged(self.path, f"{name}: {error.message}") from error


def log_of(manifest: Manifest) -> Log:
    """The log that the manifest names. Raises Unsupported `no-log`."""
    if manifest.log is None:
        raise Unsupported("no-log", f"election {manifest.uuid} has no public log to follow: its manifest names none")
    return manifest.log


def read_pieces(path: Path) -> Iterator[list[bytes]]:
    """The texts of a file of entries, some thousands at a time. Raises as `read_entries`."""
    with path.open("rb") as stream:
        yield from _pieces(read_entries(stream))


def _pieces(entries: Iterator[tuple[int, bytes]]) -> Iterator[list[bytes]]:
    while piece := [entry for _, entry in islice(entries, AT_ONCE)]:
        yield piece


def _tree_name(signed: SignedCheckpoint) -> str:
    """One name for one tree, so that a note that anybody can change does not fill the disk."""
    return sha256(b"%d %s" % (signed.checkpoint.size, signed.checkpoint.root)).hexdigest()[:16]


def _cut(path: Path, size: int) -> None:
    """Nothing of the file goes further than `size` bytes."""
    if path.exists() and path.stat().st_size > size:
        with path.open("r+b") as stream:
            stream.truncate(size)
            os.fsync(stream.fileno())
    if size == 0:
        path.unlink(missing_ok=True)


def _damaged(path: Path, reason: str) -> Inconsistent:
    return Inconsistent(
        "mirror-damaged",
        f"{path}: what is kept here is not what was checked when it came ({reason}). Keep it for the experts and begin a new one",
    )
