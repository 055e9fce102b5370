"""Phase 9.2: the entries of the public log, their order, and the data they name. docs/protocol.md section 9.2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256

from veche.ballot.manifest import Manifest, parse_manifest
from veche.ballot.share import parse_owned
from veche.ballot.trustees import SingleTrustee, Trustees, parse_trustees
from veche.crypto.canonical_json import parse
from veche.crypto.errors import ElectionError, Inconsistent, Malformed, Refused
from veche.crypto.run_file import FinishedRun, Run, parse_run
from veche.ledger.annex import Annex, Dkg, ShareRefused
from veche.ledger.annex import Manifest as ManifestAnnex
from veche.ledger.entry import Entry, named_data, parse_entry, step_of
from veche.ledger.event import Event, EventType, has_payload
from veche.ledger.record import read_entries, verify_same_chain
from veche.ledger.record_state import Level, RecordState, Rules, next_state
from veche.ledger.timeline import Timeline
from veche.observer.chain_check import ReadChain
from veche.observer.report import Report
from veche.observer.sources import Source

MAX_RUNS = 100

# The state machine only asks for an event's type: one shared value each instead of a quarter of a million events in memory.
_BARE = {kind: Event(None, 0, kind, "0" * 64 if has_payload(kind) else None) for kind in EventType}


@dataclass(slots=True)
class ReadEntries:
    """What later phases need of the entries. `order` holds every entry's event height or annex, `data` what annexes name."""

    manifest: Manifest
    manifest_raw: bytes
    order: list[int | Annex] = field(default_factory=list)
    event_hashes: list[bytes] = field(default_factory=list)
    event_kinds: list[Event] = field(default_factory=list)
    data: dict[str, bytes] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    trustees: Trustees | None = None
    state: RecordState | None = None

    def annexes(self) -> Iterator[tuple[int, Annex]]:
        """Every annex with its index among the entries."""
        return ((index, entry) for index, entry in enumerate(self.order) if isinstance(entry, Annex))


def check_entries(source: Source, chain: ReadChain, report: Report) -> ReadEntries | None:
    """Read all entries and everything they name. None, with findings in `report`, when a step failed."""
    report.at = "manifest.json"
    try:
        raw = source.manifest()
        report.count("folder-form", 3)
        _verify_manifest_entry(source, raw)
        report.count("manifest-hash")
        read = ReadEntries(parse_manifest(raw), raw)
        report.election = read.manifest.uuid
        report.at = "entries.jsonl"
        _verify_name(source, read.manifest)
        for index, text in _texts(source):
            report.at = f"entry {index}"
            _read_entry(read, text, report)
        report.at = "key ceremony"
        _read_runs(read, source, report)
        report.at = "trustees.json"
        read.trustees = _trustees(read, chain, source)
        _walk(read, chain, report)
        report.at = "archive"
        verify_same_chain(read.event_hashes, chain.event_hashes)
        report.count("chain-differs", len(chain.event_hashes))
        report.at = "data"
        _check_data(read, chain, source, report)
    except ElectionError as error:
        report.refuse(error, report.at)
        return None
    report.counts["entries"] = len(read.order)
    return read


def _verify_manifest_entry(source: Source, raw: bytes) -> None:
    """Check 9.4.1 for the first entry, before anything is read from the manifest: it names this one. Raises Inconsistent."""
    named = None
    with suppress(ElectionError):  # An entry that cannot be read is found where the entries are read.
        first = next(_texts(source), None)
        entry = None if first is None else parse_entry(first[1], None)
        named = entry.manifest if isinstance(entry, ManifestAnnex) else None
    found = sha256(raw).hexdigest()
    if named is not None and named != found:
        raise Inconsistent("manifest-hash", f"manifest.json has SHA-256 {found[:16]}…, the first entry names {named[:16]}…")


def _verify_name(source: Source, manifest: Manifest) -> None:
    name = source.archive_name()
    if name != manifest.uuid:
        raise Malformed("folder-form", f"the archive is named {name}.bel; the manifest is of election {manifest.uuid}")


def _texts(source: Source) -> Iterator[tuple[int, bytes]]:
    with source.entries() as stream:
        yield from read_entries(stream)


def _read_entry(read: ReadEntries, text: bytes, report: Report) -> None:
    """Steps 9.2.2 and 9.2.3. An event is kept by its hash, an annex as it is."""
    entry: Entry = parse_entry(text, read.manifest.uuid)
    report.count("entry-malformed")
    if isinstance(entry, Event):
        read.order.append(len(read.event_hashes))
        read.event_hashes.append(sha256(text).digest())
        # Whose share it is follows from what the entry itself names, not from the archive's event at the same height.
        read.event_kinds.append(entry if entry.type is EventType.PARTIAL_DECRYPTION else _BARE[entry.type])
    else:
        report.count("entry-election")
        read.order.append(entry)


def _read_runs(read: ReadEntries, source: Source, report: Report) -> None:
    """The run file that the annex `dkg` names, and those before it, newest last."""
    digest = next((entry.ceremony for _, entry in read.annexes() if isinstance(entry, Dkg)), None)
    while digest is not None and digest not in read.data:
        if len(read.runs) >= MAX_RUNS:
            raise Refused("ceremony-malformed", f"more than {MAX_RUNS} runs of the ceremony")
        read.data[digest] = source.data(digest)
        run = parse_run(read.data[digest])
        report.count("ceremony-malformed")
        read.runs.insert(0, run)
        digest = run.previous


def _trustees(read: ReadEntries, chain: ReadChain, source: Source) -> Trustees | None:
    """trustees.json: from Setup, or while there is none from what the ceremony names."""
    if chain.setup is not None:
        return parse_trustees(chain.setup.records[1].content)
    last = read.runs[-1] if read.runs else None
    if isinstance(last, FinishedRun):
        read.data[last.trustees] = source.data(last.trustees)
        return parse_trustees(read.data[last.trustees])
    return None


def rules_of(level: str, trustees: Trustees | None, shuffled: bool = False) -> Rules:
    """What the order of entries depends on beside the entries. Without trustees only a draft is possible."""
    strict: Level = "strict" if level == "strict" else "belenios"
    if trustees is None:
        return Rules(strict, (), 0, (), shuffled)
    singles: list[int] = []
    groups: list[tuple[tuple[int, ...], int]] = []
    for number, item in enumerate(trustees.items):
        owners = trustees.numbers_of(number)
        if isinstance(item, SingleTrustee):
            singles.extend(owners)
        else:
            groups.append((owners, item.threshold))
    group, threshold = groups[0] if groups else ((), 0)
    return Rules(strict, group, threshold, tuple(singles), shuffled, tuple(groups[1:]))


def _needs_shuffles(chain: ReadChain) -> bool:
    """Whether a question needs a mixnet, read leniently: phase 9.3 will say that such an election is not supported."""
    try:
        value = None if chain.setup is None else parse(chain.setup.records[0].content)
    except Malformed:
        return False
    asked = value.get("questions") if type(value) is dict else None
    return type(asked) is list and any(type(one) is dict and one.get("type") == "NonHomomorphic" for one in asked)


def _walk(read: ReadEntries, chain: ReadChain, report: Report) -> None:
    """Steps 9.2.4 and 9.2.5, entry by entry."""
    state = RecordState(rules_of(read.manifest.level, read.trustees, _needs_shuffles(chain)))
    time = Timeline(read.manifest.closes_at, read.manifest.until)
    for index, one in enumerate(read.order):
        report.at = f"entry {index}"
        if isinstance(one, Annex):
            state = next_state(state, step_of(one))
            time = time.after(one)
            report.count("entry-time")
        else:
            event = read.event_kinds[one]
            owner = chain.owners.get(event.payload)
            if event.type is EventType.PARTIAL_DECRYPTION and owner is None and event.type in state.may_follow():
                raise Inconsistent("chain-differs", f"event {one} among the entries is a share that is not in the archive")
            state = next_state(state, step_of(event, owner))
        report.count("entry-order")
    read.state = state
    report.state = "draft" if state.name == "(nothing)" else state.name


def _check_data(read: ReadEntries, chain: ReadChain, source: Source, report: Report) -> None:
    """Steps 9.2.7 to 9.2.9: all that is named is there with its hash, and nothing else is."""
    manifest_digest = sha256(read.manifest_raw).hexdigest()
    named: set[str] = set(read.data)
    for index, entry in read.annexes():
        digests = set(named_data(entry))
        if isinstance(entry, ShareRefused):
            digests |= _refused_share(entry, source)
        for digest in sorted(digests):
            _name(read, chain, source, digest, manifest_digest, f"entry {index}")
        named |= digests
    for run in read.runs:
        if isinstance(run, FinishedRun) and run.trustees not in named:
            _name(read, chain, source, run.trustees, manifest_digest, "the ceremony's run file")
            named.add(run.trustees)
    for option in (option for question in read.manifest.options for option in question):
        if option.text is not None:
            _name(read, chain, source, option.text, manifest_digest, f"the manifest's project {option.project}")
            named.add(option.text)
    there = {digest for digest in named if digest != manifest_digest and not chain.holds(digest)}
    report.count("data-missing", len(named))
    report.count("data-hash", len(there))
    for path in source.data_names():
        report.count("data-unnamed")
        head, _, digest = path.partition("/")
        if digest not in there or head != digest[:2]:
            raise Inconsistent("data-unnamed", f"data/{path} is named by nothing in the record, or has its place elsewhere in it")


def _name(read: ReadEntries, chain: ReadChain, source: Source, digest: str, manifest: str, by: str) -> None:
    if digest in read.data:
        return
    if digest == manifest or chain.holds(digest):
        content = read.manifest_raw if digest == manifest else chain.content(digest)
        if content is not None:
            read.data[digest] = content
        return
    try:
        read.data[digest] = source.data(digest)
    except Inconsistent as error:
        if error.code == "data-missing":
            raise Inconsistent("data-missing", f"{by} names {digest[:16]}…, which is not there") from error
        raise


def _refused_share(entry: ShareRefused, source: Source) -> set[str]:
    """What the owned text of a refused share names, where the text can be read at all."""
    try:
        return {parse_owned(source.data(entry.payload)).payload}
    except (Malformed, Inconsistent):
        return set()
