"""What a voter's paper is worth, checked without any network. docs/protocol.md sections 8.7 and 12.5.

The words for people: *accepted*, the box has signed that it took the ballot; *in the public log*, a signed checkpoint covers it;
*confirmed by N witnesses*, the quorum of the policy has cosigned that; *counted*, voting is over, no later ballot
replaced it, and the vote was neither cancelled nor annulled.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Final

from veche.ballot.acknowledgement import FIRST_LINE as ACKNOWLEDGEMENT
from veche.ballot.acknowledgement import Acknowledgement, parse_acknowledgement, verify_acknowledgement
from veche.ballot.manifest import Manifest, parse_manifest
from veche.crypto.errors import Inconsistent, Malformed, Refused, Unsupported
from veche.crypto.signed_note import ED25519, VerifierKey
from veche.ledger.annex import Annulled, Cancelled
from veche.ledger.broken_acknowledgement import contradicts, find_broken
from veche.ledger.entry import is_event_text
from veche.ledger.event import EventType, parse_event
from veche.ledger.policy import Confirmation, KnownLog, Policy, policy_of_manifest, verify_policy
from veche.ledger.receipt import FIRST_LINE, Logged, Receipt, parse_receipt, verify_ballot, verify_receipt
from veche.ledger.record import read_entries
from veche.ledger.signed_checkpoint import SignedCheckpoint, parse_signed
from veche.ledger.tile_growth import edge_of
from veche.observer.board import Board, board_of, read_annexes
from veche.observer.durable_files import read_file
from veche.observer.evidence import Proven, compare, describe
from veche.observer.log_store import FolderTiles
from veche.observer.sources import Source, open_source
from veche.observer.url_source import is_address

MAX_PAPER: Final = 100_000

_INDEX = re.compile(rb"index (0|[1-9][0-9]{0,18})\n?\Z")


@dataclass(frozen=True, slots=True)
class Trusted:
    """The keys of a log, and of its ballot box where that is known."""

    keys: tuple[VerifierKey, ...]
    box: VerifierKey | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What was found, in sentences; `short` is what of the policy's quorum is missing, if it asks for one."""

    lines: tuple[str, ...]
    short: Refused | None = None


def is_receipt(data: bytes) -> bool:
    """Whether the file is a `.tlog-proof`, and no acknowledgement. Raises Malformed `receipt-malformed` when it is neither."""
    if data.startswith(FIRST_LINE.encode("ascii")):
        return True
    if not data.startswith(ACKNOWLEDGEMENT.encode("ascii")):
        raise Malformed("receipt-malformed", "neither a receipt (.tlog-proof) nor an acknowledgement of a ballot box")
    return False


def parse_paper(data: bytes) -> tuple[bytes, int | None]:
    """The acknowledgement's note, and the number of its entry where the paper (section 12.5) says it."""
    found = _INDEX.search(data)
    return (data, None) if found is None else (data[: found.start()], int(found[1]))


def read_trusted(folder: str) -> Trusted:
    """The keys that a folder's manifest names. Raises Unsupported when there is no such folder, or no log."""
    manifest = parse_manifest(_local(folder).manifest())
    if manifest.log is None:
        raise Unsupported("no-log", f"{folder}: the manifest of this election names no log")
    return Trusted(manifest.log.keys, manifest.log.box)


def log_policy(manifest: Manifest) -> Policy:
    """What the manifest says of log and witnesses; an empty policy asks for none. Raises Unsupported `no-log`."""
    if manifest.log is None:
        raise Unsupported("no-log", f"election {manifest.uuid} has no public log: its manifest names none")
    if not manifest.log.policy:
        return Policy(tuple(KnownLog(key) for key in manifest.log.keys), (), (), None)
    return policy_of_manifest(manifest.log)


def check_by_policy(data: bytes, policy: Policy, tracker: str | None = None) -> Standing:
    """What a receipt or an acknowledgement is worth to who has a policy and nothing else.

    Of an acknowledgement a policy knows something only if it names the key of the box, in a `log` line: else Unsupported
    `box-unknown`. Raises whatever is wrong with the file.
    """
    if is_receipt(data):
        receipt = parse_receipt(data)
        logged, short = _logged(receipt, policy)
        return Standing((_log_sentence(logged), *_about(logged, tracker)), short)
    box = next((log.key for log in policy.logs if log.key.name.endswith("/box") and log.key.kind == ED25519), None)
    if box is None:
        raise Unsupported("box-unknown", "the policy names no ballot box (a log line with its key): give --election FOLDER")
    said = parse_acknowledgement(parse_paper(data)[0], box)
    _verify_tracker(said.tracker, tracker)
    return Standing((_accepted(said), "Whether it is in the public log, the receipt (.tlog-proof) or a copy of the record shows."))


def check_by_record(data: bytes, folder: str, tracker: str | None = None) -> Standing:
    """What it is worth beside a copy of the record. Raises Proven when the log is convicted, and whatever is wrong."""
    source = _local(folder)
    board = board_of(source)
    if board.sealed.manifest is None:
        raise Unsupported("no-log", f"{folder}: the record names no manifest, and so no log")
    copy = _Copy(source, Path(folder), board, board.sealed.manifest, log_policy(board.sealed.manifest))
    return copy.check_receipt(parse_receipt(data), tracker) if is_receipt(data) else copy.check_note(data, tracker)


@dataclass(frozen=True, slots=True)
class _Copy:
    """A copy of a record in a folder."""

    source: Source
    folder: Path
    board: Board
    manifest: Manifest
    policy: Policy

    def check_receipt(self, receipt: Receipt, tracker: str | None) -> Standing:
        logged, short = _logged(receipt, self.policy)
        lines = [_log_sentence(logged), *_about(logged, tracker)]
        self._verify_history(receipt.signed)
        self._verify_entry(logged)
        found = parse_event(logged.entry).payload or ""
        return Standing((*lines, *self._counted(found)), short)

    def check_note(self, data: bytes, tracker: str | None) -> Standing:
        log = self.manifest.log
        if log is None:
            raise Unsupported("no-log", f"{self.folder}: the manifest names no log")
        note, index = parse_paper(data)
        said = parse_acknowledgement(note, log.box)
        sealed = self.board.sealed
        verify_acknowledgement(said, sealed.election.fingerprint, sealed.setup or "", said.tracker)
        _verify_tracker(said.tracker, tracker)
        signed = self._signed()
        self._verify_kept(said, note, signed)
        place = next((at for at, entry in self._entries() if sha256(entry).hexdigest() == said.event), None)
        if place is None:
            return Standing((_accepted(said), "This copy of the record does not reach as far as your ballot: take a newer one."))
        if index is not None and index != place:
            raise Inconsistent("receipt-ballot", f"the paper says entry {index}, the record has the ballot as entry {place}")
        counted = self._counted(said.tracker)
        if signed is None or signed.checkpoint.size <= place:
            return Standing((_accepted(said), "No signed checkpoint in this copy covers it yet.", *counted))
        confirmation, short = _confirmation(signed, self.policy)
        logged = Logged(said.origin, place, signed.checkpoint.size, b"", confirmation)
        return Standing((_accepted(said), _log_sentence(logged), *counted), short)

    def _verify_kept(self, said: Acknowledgement, note: bytes, signed: SignedCheckpoint | None) -> None:
        """The record does not break what the box has signed."""
        if not any(contradicts(said, entry) for _, entry in self._entries()):
            return
        log = self.manifest.log
        if signed is not None and log is not None:
            covered = islice(self._entries(), signed.checkpoint.size)
            found = find_broken(note, log.box, signed, covered, FolderTiles(self.folder), log.keys)
            if found is not None:
                raise Proven(describe(found), found)
        raise Inconsistent(
            "acknowledgement-broken",
            f"the box has signed that ballot {said.tracker[:16]}… is event {said.height}; in this copy something else is. "
            "The copy has no signed checkpoint that covers it, so it may be the copy that is wrong",
        )

    def _verify_history(self, seen: SignedCheckpoint) -> None:
        """The first entries of this copy, as many as the receipt's checkpoint counts, have its root.

        Raises Proven, or Inconsistent `receipt-record`.
        """
        size, log = seen.checkpoint.size, self.manifest.log
        edge = edge_of(entry for _, entry in islice(self._entries(), size))
        if edge.size < size or edge.root() == seen.checkpoint.root:
            return
        signed = self._signed()
        if signed is not None and log is not None and signed.checkpoint.size >= size:
            compare(seen, signed, FolderTiles(self.folder), log.keys)
        raise Inconsistent("receipt-record", "this copy of the record has another history than the receipt: one of them is false")

    def _verify_entry(self, logged: Logged) -> None:
        """The ballot stands in this copy where the receipt has it, or may still come. Raises Inconsistent `receipt-record`.

        This alone is compared where the receipt's checkpoint counts more entries than the copy has.
        """
        sealed, event = self.board.sealed, parse_event(logged.entry)
        said = Acknowledgement(
            logged.origin, sealed.election.fingerprint, sealed.setup or "", event.payload or "", event.height, event.digest, 0
        )
        for index, entry in self._entries():
            if (index == logged.index) != (entry == logged.entry) or contradicts(said, entry):
                raise Inconsistent(
                    "receipt-record",
                    f"the log has signed that entry {logged.index} is this ballot, event {event.height}; entry {index} of this "
                    "copy cannot be beside it: the copy is false, or the log shows two histories. Keep both, and ask others",
                )

    def _counted(self, tracker: str) -> tuple[str, ...]:
        annexes = read_annexes(self.source, self.manifest.uuid)
        ended = next((one.TYPE for one in annexes if isinstance(one, (Cancelled, Annulled))), None)
        return _counted(self.board, tracker, ended)

    def _entries(self) -> Iterator[tuple[int, bytes]]:
        with self.source.entries() as stream:
            yield from read_entries(stream)

    def _signed(self) -> SignedCheckpoint | None:
        """The checkpoint that stands beside the entries, signed by the log, and of these entries."""
        try:
            signed = parse_signed(read_file(self.folder / "checkpoint"))
        except FileNotFoundError:
            return None
        verify_policy(replace(self.policy, quorum=None), signed)
        edge = edge_of(entry for _, entry in islice(self._entries(), signed.checkpoint.size))
        if (edge.size, edge.root()) != (signed.checkpoint.size, signed.checkpoint.root):
            raise Inconsistent("root-differs", f"{self.folder}: the entries do not give the root of the checkpoint beside them")
        return signed


def _local(folder: str) -> Source:
    if is_address(folder):
        raise Unsupported("not-offline", "a receipt is checked without any network: name a folder, such as one of `veche mirror`")
    source = open_source(folder)
    if not source.complete:
        raise Unsupported("unreadable", f"{folder} is no folder with a whole record (manifest.json, entries.jsonl)")
    return source


def _logged(receipt: Receipt, policy: Policy) -> tuple[Logged, Refused | None]:
    """What the receipt shows; when only witnesses are missing, that too."""
    try:
        return verify_receipt(receipt, policy), None
    except Refused as error:
        if error.code != "quorum-missing":
            raise
        return verify_receipt(receipt, replace(policy, quorum=None)), error


def _confirmation(signed: SignedCheckpoint, policy: Policy) -> tuple[Confirmation, Refused | None]:
    """What the checkpoint has behind it; when only witnesses are missing, that too."""
    try:
        return verify_policy(policy, signed), None
    except Refused as error:
        if error.code != "quorum-missing":
            raise
        return verify_policy(replace(policy, quorum=None), signed), error


def _log_sentence(logged: Logged) -> str:
    where = f"entry {logged.index} of the log {logged.origin} ({logged.size} entries then)"
    if not logged.confirmation.quorum:
        return f"In the public log: {where}."
    names = ", ".join(name for name, _ in logged.confirmation.witnesses)
    return f"Confirmed by {len(logged.confirmation.witnesses)} witnesses ({names}): {where}."


def _about(logged: Logged, tracker: str | None) -> tuple[str, ...]:
    """Which ballot the entry is. Raises Inconsistent `receipt-ballot`."""
    event = parse_event(logged.entry) if is_event_text(logged.entry) else None
    if event is None or event.type is not EventType.BALLOT or event.payload is None:
        raise Inconsistent("receipt-ballot", f"entry {logged.index} is no ballot: this receipt shows nothing about a vote")
    verify_ballot(logged, tracker or event.payload)
    return (f"It is the ballot with the tracker {event.payload}, event {event.height}.",)


def _accepted(said: Acknowledgement) -> str:
    when = datetime.fromtimestamp(said.time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"Accepted: the ballot box has signed that ballot {said.tracker} is event {said.height}, since {when}."


def _counted(board: Board, tracker: str, ended: str | None) -> tuple[str, ...]:
    """`ended` is how the vote was given up or declared void, if it was."""
    place = next((one for one in board.ballots if one.tracker == tracker), None)
    if place is None:
        return ("This copy of the record does not reach as far as your ballot: take a newer one.",)
    if place.credential is None:
        return ("Not counted: it cannot be read as a ballot.",)
    last = board.counted()[place.credential]
    if last.height != place.height:
        return (f"Not counted: a later ballot with the same code replaced it (event {last.height}).",)
    if ended is not None:
        return (f"Not counted: the vote was {ended}.",)
    if board.end is None:
        return ("Not counted yet: voting goes on. It is the last ballot with your code so far.",)
    return ("Counted: voting is over, and it is the last ballot with your code.",)


def _verify_tracker(found: str, tracker: str | None) -> None:
    if tracker is not None and tracker != found:
        raise Inconsistent("acknowledgement-ballot", f"acknowledges ballot {found[:16]}…, not ballot {tracker[:16]}…")
