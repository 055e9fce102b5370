"""Evidence against a log, in both its forms: found, kept, and verified again by anybody. docs/protocol.md section 12.7."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from veche.crypto.canonical_json import parse
from veche.crypto.errors import ElectionError, Inconsistent, Malformed, Refused, Unsupported
from veche.crypto.signed_note import VerifierKey
from veche.ledger import broken_acknowledgement, contradiction
from veche.ledger.broken_acknowledgement import BrokenAcknowledgement, parse_broken, verify_broken
from veche.ledger.contradiction import Contradiction, find_contradiction, parse_contradiction, verify_contradiction
from veche.ledger.signed_checkpoint import SignedCheckpoint
from veche.ledger.tile import TileStore
from veche.ledger.tile_reader import TileReader
from veche.observer.durable_files import read_file, replace
from veche.observer.log_store import make_durable_folder

MAX_BYTES: Final = max(contradiction.MAX_BYTES, broken_acknowledgement.MAX_BYTES)

Evidence = Contradiction | BrokenAcknowledgement


class Proven(Inconsistent):
    """The log is convicted; `evidence` is for everybody. Whoever catches this keeps it, and ends with exit code 3."""

    def __init__(self, message: str, evidence: Evidence) -> None:
        super().__init__("log-contradiction", message)
        self.evidence = evidence


def compare(one: SignedCheckpoint, other: SignedCheckpoint, tiles: TileStore, keys: Sequence[VerifierKey]) -> None:
    """Check that one of the two is the beginning of the other; `tiles` are those of the larger one. Both signatures are verified.

    Raises Proven; Inconsistent `log-unproven` when the tiles show neither this nor the opposite; Unsupported `unreachable`.
    """
    older, newer = sorted((one.checkpoint, other.checkpoint), key=lambda checkpoint: checkpoint.size)
    try:
        found = find_contradiction(one, other, TileReader(tiles, newer.size), keys)
    except Unsupported:
        raise
    except ElectionError as error:
        raise Inconsistent(
            "log-unproven",
            f"the log {newer.origin[:100]} has signed {older.size} and {newer.size} entries, and its tiles do not show that one "
            f"is the beginning of the other ({error.message}). That proves nothing yet: keep both checkpoints, ask the operator",
        ) from error
    if found is not None:
        raise Proven(describe(found), found)


def parse_evidence(data: bytes) -> Evidence:
    """The evidence in a file, nothing verified. Raises Malformed `evidence-malformed`."""
    try:
        found = parse(data, MAX_BYTES)
    except Malformed as error:
        raise Malformed("evidence-malformed", f"an evidence file: {error.message}") from error
    form = found.get("veche") if isinstance(found, dict) else None
    return parse_broken(data) if form == broken_acknowledgement.FORM else parse_contradiction(data)


def verify_evidence(found: Evidence, keys: Sequence[VerifierKey], box: VerifierKey | None = None) -> None:
    """Check the evidence against these keys of the log, and for an acknowledgement this key of its box.

    Raises as `verify_contradiction` and `verify_broken`; Refused `evidence-keys` when the box's key is needed and not given.
    """
    if isinstance(found, Contradiction):
        verify_contradiction(found, keys)
    elif box is None:
        raise Refused("evidence-keys", "this evidence needs the key of the ballot box, too (its name ends in /box)")
    else:
        verify_broken(found, box, keys)


def describe(found: Evidence) -> str:
    """What is proven, in a sentence."""
    if isinstance(found, Contradiction):
        older, newer = found.older.checkpoint, found.newer.checkpoint
        return (
            f"the log {found.origin[:100]} has signed two histories: {older.size} entries with root {older.root.hex()[:16]}…, and "
            f"{newer.size} entries whose first {older.size} have root {found.begins_with.hex()[:16]}…"
        )
    said, event = verify_broken(found, found.box, found.keys)
    return (
        f"the ballot box of {said.origin[:100]} has signed that ballot {said.tracker[:16]}… is event {said.height}, and the log "
        f"has signed another record, in which event {event.height} is {event.type} {event.digest[:16]}…"
    )


def keep_evidence(found: Evidence, folder: Path) -> Path:
    """The evidence is a file in the folder, on the disk; one evidence has one name."""
    data = found.data()
    path = folder / f"evidence-{sha256(data).hexdigest()[:16]}.json"
    make_durable_folder(folder.absolute())
    if not path.exists() or read_file(path) != data:
        replace(path, data)
    return path
