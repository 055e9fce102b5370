"""A mirror: follows an election, believes nothing that it has not checked, and keeps it. docs/protocol.md section 12.9.

One step: the newest checkpoint, kept at once; it continues what was signed before; the new entries give its root; the archive has
their events, each linked to the one before; every new ballot passes the checks of section 9.6; the data that annexes name is there.
Only then does it all join the folder, the checkpoint last.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final

from veche.ballot.manifest import Log, parse_description, verify_manifest
from veche.crypto.canonical_json import integer, parse
from veche.crypto.errors import ElectionError, Inconsistent, Malformed, Unsupported
from veche.ledger.annex import Annex
from veche.ledger.annex import Manifest as ManifestAnnex
from veche.ledger.archive import read_records, read_timestamp
from veche.ledger.chain_reader import ChainItem, read_chain, read_chain_after
from veche.ledger.entry import parse_entry
from veche.ledger.event import EventType
from veche.ledger.record import entry_line, read_entries
from veche.ledger.signed_checkpoint import MAX_BYTES, SignedCheckpoint, parse_signed, verify_log
from veche.ledger.tile import WIDTH, new_bundles
from veche.ledger.tile_growth import grow
from veche.ledger.tile_reader import read_bundle, verify_root
from veche.observer.ballot_check import PIECE, Piece, check_piece, prepare
from veche.observer.downloading import NotThere, Patience, Site
from veche.observer.evidence import Proven, compare
from veche.observer.executor import executor
from veche.observer.mirror_data import named_by, texts_of
from veche.observer.mirror_folder import Held, MirrorFolder, log_of, read_pieces
from veche.observer.report import Report
from veche.observer.setup_check import Setup, check_setup
from veche.observer.sources import MAX_DATA, MAX_MANIFEST
from veche.observer.url_source import MAX_FILE, MAX_SUMMARY, parse_address
from veche.observer.url_tiles import UrlTiles

MAX_ENTRIES: Final = 1 << 26
"""Entries that are followed: whoever has the log's key may sign any size."""
MAX_ENTRY_FILE: Final = 1 << 35
"""Bytes of all entries."""


class Mirror:
    """The election at `address` in a folder. Made while the folder is `held`; `step` follows what was signed since."""

    def __init__(self, address: str, path: Path, jobs: int = 1, patience: Patience | None = None) -> None:
        """What the folder holds is checked, or it is begun with the manifest that is served.

        Raises Unsupported `election-address`, `unreachable`, `no-log`; Refused `mirror-folder`; Inconsistent `mirror-damaged`.
        """
        self.address, uuid = parse_address(address)
        self.folder = MirrorFolder(path, uuid)
        self.site = Site(self.address, patience or Patience())
        self.served = UrlTiles(self.site)
        self.jobs = jobs
        self.manifest = self.folder.manifest() or self.folder.begin(self.small("manifest.json", MAX_MANIFEST))
        self.held: Held = self.folder.load(self.manifest)

    @property
    def log(self) -> Log:
        return log_of(self.manifest)

    def step(self) -> bool:
        """What is held goes as far as the log has signed; whether anything was new.

        Raises Proven; Inconsistent `log-shrunk`, `log-unproven`, `mirror-ballot`, `chain-differs` and whatever else is wrong with
        the record; Unsupported `unreachable`. Then what is held is what it was.
        """
        note = self.small("checkpoint", MAX_BYTES)
        signed = parse_signed(note)
        verify_log(signed, self.log.origin, self.log.keys)
        pending = self.folder.pending()
        if self.held.signed is None or self.held.signed.checkpoint != signed.checkpoint:
            self.folder.keep_pending(signed)
        self._compare(signed, pending)
        size = self.held.signed.checkpoint.size if self.held.signed is not None else None
        if signed.checkpoint.size == size:
            if self.held.signed != signed:
                self.folder.publish(note)
                self.held.signed = signed
            self.folder.clear_pending(pending)
            return False
        try:
            _Arrival(self, signed, note).take_in()
        finally:
            shutil.rmtree(self.folder.incoming, ignore_errors=True)
        self.folder.clear_pending([*pending, signed])
        return True

    def _compare(self, signed: SignedCheckpoint, pending: Sequence[SignedCheckpoint]) -> None:
        """The log goes on from all that was seen of it. Raises Proven before anything else."""
        failed: list[ElectionError] = []
        away = False
        # The smaller ones first: they need the tiles of now, which a server has.
        for seen in sorted([*filter(None, [self.held.signed]), *pending], key=lambda one: one.checkpoint.size):
            shrunk = signed.checkpoint.size < seen.checkpoint.size
            tiles = self.folder.tiles if shrunk and seen is self.held.signed else self.served
            if away and tiles is self.served and seen.checkpoint.size != signed.checkpoint.size:
                continue
            try:
                compare(seen, signed, tiles, self.log.keys)
                if shrunk:
                    failed.append(shrank(seen, signed, self.address))
            except Proven:
                self.folder.keep_differing(signed)
                raise
            except Unsupported as error:
                # No more is asked in this step; two of one size need no tiles.
                away = True
                failed.append(error)
            except Inconsistent as error:
                failed.append(error)
        told = [error for error in failed if not isinstance(error, Unsupported)]
        if told:
            self.folder.keep_differing(signed)
        if failed:
            raise (told or failed)[0]

    def small(self, name: str, limit: int) -> bytes:
        """What is served at `name`. Raises Unsupported `unreachable`, also when nothing is."""
        try:
            return self.site.small(name, limit)
        except NotThere as error:
            raise Unsupported("unreachable", f"{self.address} has no {name} (yet)") from error


class _Arrival:
    """The way of one growth from the server into the folder."""

    def __init__(self, mirror: Mirror, signed: SignedCheckpoint, note: bytes) -> None:
        self._mirror = mirror
        self._folder, self._held, self._site = mirror.folder, mirror.held, mirror.site
        self._signed, self._note = signed, note
        self._folder.incoming.mkdir(exist_ok=True)
        self._texts = self._folder.incoming / "entries"
        self._fetched = self._folder.incoming / "archive"
        self._ballots: list[tuple[str, int, int]] = []
        self._sealed: Setup | None = None
        self._ahead: dict[str, bytes] = {}
        """What Setup brings, where the server has it already and the log not yet: it is no data file there any more."""

    def take_in(self) -> None:
        """Everything is fetched, checked and kept, in this order."""
        self._fetch_entries()
        events, annexes = self._read_entries()
        self._fetch_archive()
        with self._fetched.open("rb") as stream:
            timestamp, items = self._read_archive(stream, events)
            self._check_setup(items)
            self._check_ballots(stream)
            self._check_data(annexes, items)
            self._keep(stream, timestamp, items)

    def _fetch_entries(self) -> None:
        """The entries since are in a file of their own, and give the root that was signed."""
        edge, size = self._held.edge, self._signed.checkpoint.size
        verify_bounded(self._signed)
        with self._texts.open("wb") as stream:
            for bundle in new_bundles(edge.size, size):
                texts = read_bundle(self._mirror.served, bundle)[edge.size - bundle.number * WIDTH :]
                stream.writelines(entry_line(one) for one in texts)
                edge = grow(edge, texts).edge
                if self._held.entry_bytes + stream.tell() > MAX_ENTRY_FILE:
                    raise Malformed("folder-form", f"the log's entries are larger than {MAX_ENTRY_FILE} bytes")
        verify_root(edge, self._signed.checkpoint)

    def _read_entries(self) -> tuple[list[bytes], list[Annex]]:
        """SHA-256 of the new events' texts, and the new annexes."""
        events: list[bytes] = []
        annexes: list[Annex] = []
        with self._texts.open("rb") as stream:
            for place, text in read_entries(stream):
                entry = parse_entry(text, self._folder.uuid)
                if place + self._held.edge.size == 0:
                    self._verify_first(entry)
                if isinstance(entry, Annex):
                    annexes.append(entry)
                else:
                    events.append(sha256(text).digest())
        return events, annexes

    def _verify_first(self, entry: object) -> None:
        raw = (self._folder.path / "manifest.json").read_bytes()
        if not isinstance(entry, ManifestAnnex) or entry.manifest != sha256(raw).hexdigest():
            raise Inconsistent("manifest-hash", "the first entry of the log does not name the manifest that is served")

    def _fetch_archive(self) -> None:
        """The archive from where ours ends; what stands before is a hole in the file, and not asked for."""
        end = self._archive_size()
        with self._fetched.open("w+b") as stream:
            # Without an event there is only the first record, which reading the chain begins with.
            stream.truncate(0 if self._held.last is None else self._held.archive_bytes)
            try:
                self._site.into("archive.bel", stream, end, end)
            except NotThere as error:
                raise Malformed("folder-form", f"{self._site.address} has no archive.bel") from error

    def _archive_size(self) -> int:
        """How long the archive is by now: at least as long as when the checkpoint was signed."""
        try:
            found = parse(self._mirror.small("", MAX_SUMMARY), MAX_SUMMARY)
            counts = found.get("counts") if type(found) is dict else None
            return integer(counts.get("archive_bytes") if type(counts) is dict else None, 0, MAX_FILE)
        except Malformed as error:
            raise Unsupported("unreachable", f"{self._site.address} does not answer as an election's address does") from error

    def _read_archive(self, stream: BinaryIO, events: list[bytes]) -> tuple[int, list[ChainItem]]:
        """The archive's time, and its new events: those that the log has, one by one, each linked to the one before.

        Ballots are left in the file.
        """
        held, found = self._held, list[ChainItem]()
        if held.last is None:
            stream.seek(0)
            timestamp = read_timestamp(stream)
            stream.seek(0)
            items = read_chain(stream)
        else:
            timestamp, items = held.timestamp, read_chain_after(stream, held.last, held.timestamp)
        seen: set[str] = set()
        for number, digest in enumerate(events):
            item = next(items, None)
            if item is None or bytes.fromhex(item.event_hash) != digest:
                height = number if held.last is None else held.last.event.height + 1 + number
                lacks = "lacks" if item is None else "has something else as"
                raise Inconsistent("chain-differs", f"the archive {lacks} event {height} of the log")
            found.append(self._put_by(item, seen))
        if held.last is None and not found and (ahead := next(items, None)) is not None:
            self._ahead = {record.name: record.content for record in ahead.records}
        return timestamp, found

    def _put_by(self, item: ChainItem, seen: set[str]) -> ChainItem:
        """A ballot is put by to be checked, and stands in the chain for the first time."""
        if item.event.type is not EventType.BALLOT:
            return item
        record = item.records[0]
        if record.name in self._held.trackers or record.name in seen:
            raise Inconsistent("duplicate-ballot", f"ballot {record.name[:16]}…: stands twice in the chain")
        seen.add(record.name)
        self._ballots.append((record.name, record.offset, len(record.content)))
        return _without_content(item)

    def _check_setup(self, items: list[ChainItem]) -> None:
        """Setup holds, where it is new or ballots are checked against it."""
        fresh = next((one for one in items if one.event.type is EventType.SETUP), None)
        sealed = fresh or (self._held.setup if self._ballots else None)
        if sealed is not None:
            self._sealed = self._setup(sealed)

    def _check_ballots(self, stream: BinaryIO) -> None:
        """Every check of section 9.6, as the audit makes them."""
        if self._sealed is None or not self._ballots:
            return
        jobs = self._mirror.jobs if len(self._ballots) > PIECE else 1
        with executor(jobs, prepare, (self._sealed.election.raw, dict(self._sealed.credentials.weights))) as pool:
            for outcome in pool.run(check_piece, _pieces(stream, self._ballots)):
                for place, code, message in outcome.refused:
                    tracker = self._ballots[place][0]
                    raise Inconsistent("mirror-ballot", f"ballot {tracker[:16]}… must not stand in the record: {message} ({code})")

    def _setup(self, item: ChainItem) -> Setup:
        report = Report(self._site.address)
        setup = check_setup(item, report)
        if setup is None:
            raise Inconsistent("mirror-setup", f"Setup does not hold: {report.findings[0].message} ({report.findings[0].code})")
        line = parse_description(setup.election.description)
        if line is None:
            raise Inconsistent("manifest-missing", "the election's description does not name the manifest")
        raw = (self._folder.path / "manifest.json").read_bytes()
        questions = [question.answers for question in setup.election.questions]
        verify_manifest(self._mirror.manifest, raw, line, setup.election.uuid, questions)
        return setup

    def _check_data(self, annexes: list[Annex], items: list[ChainItem]) -> None:
        """All that the new annexes name is kept: in the archive, or as a data file."""
        there = self._held.records | {record.name for item in items for record in item.records}
        there.add(sha256((self._folder.path / "manifest.json").read_bytes()).hexdigest())
        texts = texts_of(self._mirror.manifest) if self._held.signed is None else ()
        for digest in (*texts, *named_by(annexes, self._data)):
            if digest not in there:
                self._data(digest)

    def _data(self, digest: str) -> bytes:
        """The data file, kept. Raises Inconsistent `data-missing`, `data-hash`."""
        content = self._folder.data(digest)
        if content is None:
            name = f"data/{digest[:2]}/{digest}"
            try:
                content = self._site.small(name, MAX_DATA)
            except NotThere as error:
                if digest in self._ahead:
                    self._folder.put_data(digest, self._ahead[digest])
                    return self._ahead[digest]
                raise Inconsistent("data-missing", f"{name} is named by the record and is not served") from error
            if sha256(content).hexdigest() != digest:
                raise Inconsistent("data-hash", f"{name}: its content has another hash than its name")
            self._folder.put_data(digest, content)
        return content

    def _keep(self, stream: BinaryIO, timestamp: int, items: list[ChainItem]) -> None:
        """All of it joins what is held: tiles, archive, entries, and last the checkpoint that says so."""
        held, folder, size = self._held, self._folder, self._signed.checkpoint.size
        folder.write_tiles(held.edge, read_pieces(self._texts), size)
        start = held.archive_bytes
        end = items[-1].end if items else start or _first_record(stream)
        stream.seek(start)
        folder.extend(folder.archive, stream, start, end - start)
        with self._texts.open("rb") as texts:
            fresh = self._texts.stat().st_size
            folder.extend(folder.entries, texts, held.entry_bytes, fresh)
        folder.publish(self._note)
        for texts_of_piece in read_pieces(self._texts):
            held.edge = grow(held.edge, texts_of_piece).edge
        held.signed, held.timestamp, held.archive_bytes = self._signed, timestamp, end
        held.entry_bytes += fresh
        for item in items:
            held.take(item)
        folder.clear_data(held)


def shrank(seen: SignedCheckpoint, signed: SignedCheckpoint, address: str) -> ElectionError:
    """What to say of a log that shows less than it has signed, where what it shows is the beginning of that."""
    return Inconsistent(
        "log-shrunk",
        f"the log {signed.checkpoint.origin[:100]} has signed {seen.checkpoint.size} entries, and {address} now shows "
        f"{signed.checkpoint.size} only. They are the beginning of what was signed, so nothing is proven against the log; but "
        "entries that everybody should see are not shown: ask the operator whether an old copy was brought back",
    )


def verify_bounded(signed: SignedCheckpoint) -> None:
    """Nobody reads without end. Raises Malformed `folder-form`."""
    if signed.checkpoint.size > MAX_ENTRIES:
        raise Malformed("folder-form", f"the log has signed {signed.checkpoint.size} entries; at most {MAX_ENTRIES} are read")


def _first_record(stream: BinaryIO) -> int:
    stream.seek(0)
    return next(read_records(stream)).end


def _without_content(item: ChainItem) -> ChainItem:
    """The event of a ballot, without the ballot's bytes: there may be millions of them."""
    return replace(item, records=(replace(item.records[0], content=b""),))


def _pieces(stream: BinaryIO, ballots: list[tuple[str, int, int]]) -> Iterator[Piece]:
    for first in range(0, len(ballots), PIECE):
        yield first, [_read_at(stream, offset, size) for _, offset, size in ballots[first : first + PIECE]]


def _read_at(stream: BinaryIO, offset: int, size: int) -> bytes:
    stream.seek(offset)
    return stream.read(size)
