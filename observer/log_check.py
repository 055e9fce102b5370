"""Phase 9.13: what the log signed is exactly the entries, and its tiles are those of their tree. docs/protocol.md section 9.13.

One pass over the entries serves both checkpoints and all tiles; memory is bounded by one bundle and the names of the tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from veche.ballot.manifest import Log
from veche.crypto.errors import ElectionError, Inconsistent, InvalidSignature, Malformed
from veche.ledger.checkpoint import Checkpoint
from veche.ledger.cosignature import Cosignature
from veche.ledger.policy import Policy, parse_policy
from veche.ledger.record import read_entries
from veche.ledger.signed_checkpoint import SignedCheckpoint, parse_signed, verify_lines, verify_log
from veche.ledger.tile import WIDTH
from veche.ledger.tile_growth import Edge, Growth, grow
from veche.observer.entry_check import ReadEntries
from veche.observer.report import Report
from veche.observer.sources import Source
from veche.observer.tile_check import TileComparison


def check_log(source: Source, against: Source | None, read: ReadEntries, report: Report, compared: Report) -> None:
    """Check checkpoint, cosignatures and tiles; what an older copy's checkpoint says goes to `compared`."""
    log = read.manifest.log
    if log is None:
        return
    report.at = "checkpoint"
    try:
        newest = _newest(source, log, report)
        older = None if against is None or not against.complete else _older(against, log, compared)
        total = len(read.order)
        if newest is not None:
            _verify_size(newest, total, report)
        _verify_roots(source, newest, None if against is None else against.name, older, total, report, compared)
    except ElectionError as error:
        report.refuse(error, report.at)


def _newest(source: Source, log: Log, report: Report) -> Checkpoint | None:
    """The checkpoint beside the entries, with its signatures checked. None where there is none."""
    data = source.checkpoint()
    if data is None:
        report.notice("log-not-served", "log", "the manifest names a log; no checkpoint of it is served here")
        return None
    signed = _signed(data, log)
    for code in ("checkpoint-malformed", "checkpoint-origin", "checkpoint-signature"):
        report.count(code)
    _check_cosignatures(signed, log, report)
    return signed.checkpoint


def _signed(data: bytes, log: Log) -> SignedCheckpoint:
    """Steps 9.13.1 to 9.13.3: the checkpoint, which the manifest's log has signed."""
    try:
        signed = parse_signed(data)
    except Malformed as error:
        raise Malformed("checkpoint-malformed", f"this is no signed checkpoint: {error.message}") from error
    try:
        verify_log(signed, log.origin, log.keys)
    except (InvalidSignature, Malformed) as error:
        raise InvalidSignature("checkpoint-signature", f"not signed by the manifest's log: {error.message}") from error
    return signed


def _check_cosignatures(signed: SignedCheckpoint, log: Log, report: Report) -> None:
    """Step 9.13.4, and who of the manifest's witnesses has cosigned."""
    policy = _policy(log, report)
    if policy is None or not policy.witnesses:
        return
    names = [one.name for one in policy.witnesses if _cosigned(signed, policy, one.name, report)]
    of = f"{len(names)} of the {len(policy.witnesses)} witnesses that the manifest names"
    report.notice("log-cosigned", "checkpoint", f"cosigned by {of}{': ' if names else ''}{', '.join(names)[:600]}")
    report.counts["cosignatures"] = len(names)


def _policy(log: Log, report: Report) -> Policy | None:
    if not log.policy:
        return None
    try:
        return parse_policy(log.policy.encode("utf-8"))
    except Malformed as error:
        report.warn("policy-unreadable", "manifest.json", f"no cosignature was looked at: {error.message}")
        return None


def _cosigned(signed: SignedCheckpoint, policy: Policy, name: str, report: Report) -> bool:
    """Whether this witness has cosigned. Raises InvalidSignature `cosignature-wrong` when its line is not its signature."""
    found: tuple[Cosignature, ...] = ()
    try:
        found = verify_lines(signed, [one.key for one in policy.witnesses if one.name == name])
        report.count("cosignature-wrong", len(found))
    except (InvalidSignature, Malformed) as error:
        raise InvalidSignature("cosignature-wrong", f"the line of the witness {name[:80]}: {error.message}") from error
    return bool(found)


def _older(against: Source, log: Log, compared: Report) -> Checkpoint | None:
    """The older copy's checkpoint. One that this log has not signed says nothing about this log."""
    try:
        data = against.checkpoint()
        return None if data is None else _signed(data, log).checkpoint
    except ElectionError as error:
        compared.unchecked("against-unreadable", against.name, f"the checkpoint of the older copy: {error.message}")
        return None


def _verify_size(newest: Checkpoint, total: int, report: Report) -> None:
    """Step 9.13.5."""
    report.count("log-size")
    if newest.size > total:
        raise Inconsistent("log-size", f"the log signed {newest.size} entries, and only {total} are here")
    if newest.size < total:
        report.notice("log-behind", "checkpoint", f"the checkpoint covers {newest.size} of {total} entries; the rest came later")


def _verify_roots(
    source: Source,
    newest: Checkpoint | None,
    name: str | None,
    older: Checkpoint | None,
    total: int,
    report: Report,
    compared: Report,
) -> None:
    """Steps 9.13.6 to 9.13.8."""
    if newest is None and older is None:
        return
    tiles = None if newest is None else TileComparison(source, newest.size, total)
    sizes = {one.size for one in (newest, older) if one is not None}
    roots = _roots(source, sizes, (lambda _: None) if tiles is None else tiles.compare)
    if newest is not None:
        report.count("log-root")
        # Of a larger tree than is here nothing can be said but that; 9.13.5 has said it.
        if roots.get(newest.size, newest.root) != newest.root:
            raise Inconsistent("log-root", f"the first {newest.size} entries have another root than the log signed")
    if older is not None and name is not None:
        report.count("log-changed")
        if roots.get(older.size) != older.root:
            message = f"the log signed, in the older copy's checkpoint, {older.size} entries that are not the first ones here"
            compared.error("log-changed", name, message)
    if tiles is not None:
        report.at = "tile"
        tiles.finish(report)


def _roots(source: Source, sizes: Collection[int], seen: Callable[[Growth], None]) -> dict[int, bytes]:
    """The root of the first entries for each of these sizes; those of more entries than there are, are left out."""
    edge, roots = Edge(), {}
    if 0 in sizes:
        roots[0] = edge.root()
    for texts in _parts(source, sizes):
        growth = grow(edge, texts)
        seen(growth)
        edge = growth.edge
        if edge.size in sizes:
            roots[edge.size] = edge.root()
    return roots


def _parts(source: Source, sizes: Collection[int]) -> Iterator[list[bytes]]:
    """The entries in parts, each of which ends where a bundle is full, at one of these sizes, or at the end."""
    part: list[bytes] = []
    with source.entries() as stream:
        for index, text in read_entries(stream):
            part.append(text)
            if (index + 1) % WIDTH == 0 or index + 1 in sizes:
                yield part
                part = []
    if part:
        yield part
