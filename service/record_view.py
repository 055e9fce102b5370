"""What a record says so far, as its organizer needs it before the next step. Read anew by every command: the record is the memory.

The chain, the order of the entries and their times are checked while reading, so that nothing is ever added to a broken record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TypeVar

from veche.ballot.credential import PublicCredentials, parse_public_credentials, verified_weights
from veche.ballot.election import Election, parse_election
from veche.ballot.manifest import Manifest, parse_manifest
from veche.ballot.share import TallyPlace
from veche.ballot.tally import EncryptedTally, parse_tally
from veche.ballot.trustees import Trustees, parse_trustees
from veche.crypto.canonical_json import array, parse_canonical, text
from veche.crypto.errors import Inconsistent, Refused
from veche.crypto.run_file import FinishedRun, parse_run
from veche.ledger.annex import Annex, Closed, Dkg, Extended, Issued
from veche.ledger.chain import Link
from veche.ledger.chain_reader import ChainItem, read_chain
from veche.ledger.entry import Entry, is_event_text, parse_entry, step_of
from veche.ledger.event import Event, EventType
from veche.ledger.record import read_entries
from veche.ledger.record_state import RecordState, next_state
from veche.ledger.timeline import Timeline
from veche.observer.entry_check import rules_of
from veche.service.record_store import Addition, RecordStore

OneAnnex = TypeVar("OneAnnex", bound=Annex)

_KEPT = (EventType.SETUP, EventType.ENCRYPTED_TALLY, EventType.PARTIAL_DECRYPTION, EventType.RESULT)


@dataclass(slots=True)
class RecordView:
    """The record as it stands. `kept` are the events other than ballots, with their data; `archived` names every data record.

    `trackers` (hex) are the ballots in the chain, `last` its newest event.
    """

    manifest: Manifest
    manifest_raw: bytes
    state: RecordState
    timeline: Timeline
    trustees: Trustees | None = None
    last: Link | None = None
    annexes: list[Annex] = field(default_factory=list)
    kept: list[ChainItem] = field(default_factory=list)
    heights: dict[str, tuple[int, str]] = field(default_factory=dict)
    archived: set[str] = field(default_factory=set)

    @property
    def trackers(self) -> set[str]:
        return set(self.heights)

    def all_of(self, kind: type[OneAnnex]) -> list[OneAnnex]:
        """The annexes of this type, in order."""
        return [annex for annex in self.annexes if isinstance(annex, kind)]

    def event(self, kind: EventType) -> ChainItem | None:
        """The first event of this type that is kept, or None."""
        return next((item for item in self.kept if item.event.type is kind), None)

    def shares(self) -> list[ChainItem]:
        return [item for item in self.kept if item.event.type is EventType.PARTIAL_DECRYPTION]

    @property
    def level(self) -> str:
        return self.manifest.level

    def setup(self) -> ChainItem:
        """The event Setup. Raises Refused `not-sealed`."""
        found = self.event(EventType.SETUP)
        if found is None:
            raise Refused("not-sealed", "this election is not sealed yet: there is no Setup")
        return found

    def election(self) -> Election:
        return parse_election(self.setup().records[0].content)

    def credentials(self) -> PublicCredentials:
        return parse_public_credentials(self.setup().records[2].content)

    def credential_weights(self) -> dict[str, int]:
        """Credential (hex) → weight, in Setup's order; the list was checked when it was sealed."""
        return verified_weights(self.setup().records[2].content)

    def sealed_trustees(self) -> Trustees:
        return parse_trustees(self.setup().records[1].content)

    def tally(self) -> tuple[EncryptedTally, TallyPlace]:
        """The encrypted tally and where it stands. Raises Refused `not-tallied`."""
        found, election = self.event(EventType.ENCRYPTED_TALLY), self.election()
        if found is None:
            raise Refused("not-tallied", "there is no encrypted tally yet: `veche organizer tally` makes it after the close")
        place = TallyPlace(election.fingerprint, self.setup().event_hash, found.event_hash)
        return parse_tally(found.records[0].content, election), place

    def closes_at(self) -> int:
        """The end of voting now in force, in seconds since 1970."""
        extended = self.all_of(Extended)
        return extended[-1].closes_at if extended else self.manifest.closes_at

    def voters(self) -> int:
        """The number that `closed` gives. Raises Refused while voting has not closed."""
        closed = self.all_of(Closed)
        if not closed:
            raise Refused("not-closed", "voting has not closed yet")
        return closed[0].ballots

    def know_trustees(self, trustees: Trustees) -> None:
        """From now on the order of the entries is judged with these trustees."""
        self.trustees = trustees
        self.state = replace(self.state, rules=rules_of(self.level, trustees))

    def follow(self, additions: Sequence[Addition]) -> None:
        """The view after these additions. Raises Refused `entry-order` or `entry-time`; then the view is of no more use."""
        for one in additions:
            self.state = next_state(self.state, step_of(one.entry, one.owner))
            self.timeline = self.timeline.after(one.entry)
            if isinstance(one.entry, Event):
                self.last = one.entry
                self.archived.update(sha256(content).hexdigest() for content in one.contents)
                if one.entry.type is EventType.BALLOT and one.entry.payload is not None:
                    self.heights[one.entry.payload] = (one.entry.height, one.entry.digest)
            elif isinstance(one.entry, Annex):
                self.annexes.append(one.entry)


def read_view(store: RecordStore) -> RecordView:
    """The record in `store`, all of it read once.

    Raises what is wrong with the chain or with the order of the entries; Inconsistent `chain-differs` when the two do not agree.
    """
    raw = store.manifest()
    manifest = parse_manifest(raw)
    with store.archive() as archive:
        chain = read_chain(archive)
        first = next(chain, None)
        items = iter(()) if first is None else _with_first(first, chain)
        trustees = None if first is None else parse_trustees(first.records[1].content)
        if trustees is None:
            trustees = _trustees_of_ceremony(store, manifest.uuid)
        state = RecordState(rules_of(manifest.level, trustees))
        view = RecordView(manifest, raw, state, Timeline(manifest.closes_at, manifest.until), trustees)
        for entry, item in _side_by_side(store, items, manifest.uuid):
            _take(view, entry, item)
    return view


def issued_credentials(store: RecordStore, view: RecordView) -> set[str] | None:
    """The credentials (hex) that the record names as handed out; None at level belenios when it names none at all."""
    named: set[str] = set()
    for annex in view.all_of(Issued):
        named.update(text(one) for one in array(parse_canonical(content_named(store, view, annex.credentials))))
    return None if view.level == "belenios" and not view.all_of(Issued) else named


def content_named(store: RecordStore, view: RecordView, name: str) -> bytes:
    """What has this SHA-256 (hex): a data file, or a record of the archive that is kept. Raises Inconsistent `data-missing`."""
    found = store.data(name)
    if found is not None:
        return found
    for record in (record for item in view.kept for record in item.records):
        if record.name == name:
            return record.content
    raise Inconsistent("data-missing", f"data/{name[:2]}/{name} is named by the record and is not there")


def _take(view: RecordView, entry: Entry, item: ChainItem | None) -> None:
    if item is None:
        view.follow([Addition(entry)])
        return
    view.follow([Addition(entry, (), item.owner)])
    view.archived.update(record.name for record in item.records)
    if item.event.type in _KEPT:
        view.kept.append(item)


def _with_first(first: ChainItem, rest: Iterator[ChainItem]) -> Iterator[ChainItem]:
    yield first
    yield from rest


def _side_by_side(store: RecordStore, items: Iterator[ChainItem], uuid: str) -> Iterator[tuple[Entry, ChainItem | None]]:
    """Every entry, with the chain's item where it is an event. Raises Inconsistent `chain-differs`."""
    with store.entries() as stream:
        for index, line in read_entries(stream):
            entry = parse_entry(line, uuid)
            if not is_event_text(line):
                yield entry, None
                continue
            item = next(items, None)
            if item is None or item.event_text != line:
                raise Inconsistent("chain-differs", f"entry {index} is an event that the archive does not have at this place")
            yield entry, item
    missing = next(items, None)
    if missing is not None:
        raise Inconsistent("chain-differs", f"event {missing.event.height} of the archive is missing among the entries")


def _trustees_of_ceremony(store: RecordStore, uuid: str) -> Trustees | None:
    """trustees.json as the finished ceremony names it, before Setup has it."""
    with store.entries() as stream:
        entries = [parse_entry(line, uuid) for _, line in read_entries(stream)]
    for entry in entries:
        if isinstance(entry, Dkg):
            run = parse_run(_required(store, entry.ceremony))
            return parse_trustees(_required(store, run.trustees)) if isinstance(run, FinishedRun) else None
    return None


def _required(store: RecordStore, name: str) -> bytes:
    found = store.data(name)
    if found is None:
        raise Inconsistent("data-missing", f"data/{name[:2]}/{name} is named by the record and is not there")
    return found
