"""The drill, as a trustee does it: the key re-read from its medium, and one point multiplied that nobody chose.

docs/protocol.md section 6.9 (veche-record section 6). The point is computed here; no number comes from outside.
"""

from __future__ import annotations

from hashlib import sha256

from veche.ballot.manifest import Manifest, parse_manifest
from veche.ballot.trustees import parse_trustees, verify_trustees
from veche.cli.trustee_journal import Answered, Journal, verify_manifest_free
from veche.cli.trustee_key import TrusteeKey, verify_owner
from veche.crypto.canonical_json import encode
from veche.crypto.drill import Drill, DrillStatement, make_drill
from veche.crypto.errors import Refused
from veche.crypto.run_file import FinishedRun, parse_run, verify_run
from veche.crypto.scalar import Randomness
from veche.ledger.annex import Dkg
from veche.observer.audit import audit
from veche.observer.board import read_annexes
from veche.observer.sources import open_source


def pass_drill(
    key: TrusteeKey,
    owner: int,
    manifest_json: bytes,
    trustees_json: bytes,
    journal: Journal,
    randomness: Randomness,
    cancelled: str | None = None,
) -> tuple[bytes, Journal]:
    """The file `drill/1` for this manifest and these trustees, and the journal that remembers it. Again: the same bytes.

    Raises Refused: the key is not trustee `owner`'s, it has answered for another manifest of this contest, or for this manifest
    with other trustees (either would let an organizer try until ties fall as wanted).
    """
    manifest = parse_manifest(manifest_json)
    trustees = parse_trustees(trustees_json)
    verify_trustees(trustees)
    verify_owner(key, trustees, owner)
    hashes = sha256(manifest_json).digest(), sha256(trustees_json).digest()
    verify_manifest_free(journal, manifest, hashes[0].hex(), cancelled)
    before = journal.answered_for(manifest)
    if before is not None and before.manifest == hashes[0].hex():
        return _again(before, hashes[1].hex(), owner), journal
    statement = DrillStatement(manifest.uuid, hashes[0], hashes[1], owner)
    drill = make_drill(key.secret, key.public, statement, randomness)
    made = encode_drill(manifest.uuid, owner, drill)
    if manifest.rehearsal:
        return made, journal
    return made, journal.with_answered(_answered(manifest, hashes, owner, made))


def encode_drill(uuid: str, owner: int, drill: Drill) -> bytes:
    """The file `drill/1` that a trustee hands to the organizer."""
    return encode({"veche": "drill/1", "election": uuid, "owner": owner, **drill.to_json()})


def _again(before: Answered, trustees: str, owner: int) -> bytes:
    if (before.trustees, before.owner) != (trustees, owner) or not before.drill:
        raise Refused(
            "drilled-before",
            "your key has passed the drill for this manifest with another trustees.json, or another number",
        )
    return before.drill.encode("utf-8")


def _answered(manifest: Manifest, hashes: tuple[bytes, bytes], owner: int, made: bytes) -> Answered:
    digests = hashes[0].hex(), hashes[1].hex()
    return Answered(manifest.campaign, manifest.contest, manifest.uuid, *digests, owner, made.decode("utf-8"))


def drafted(folder: str) -> tuple[bytes, bytes | None]:
    """manifest.json of a record in draft, and the trustees.json that its ceremony gave, if it had one. Raises as reading does."""
    source = open_source(folder)
    raw = source.manifest()
    uuid = parse_manifest(raw).uuid
    ceremony = next((one.ceremony for one in read_annexes(source, uuid) if isinstance(one, Dkg)), None)
    if ceremony is None:
        return raw, None
    run = parse_run(source.data(ceremony))
    verify_run(run)
    return raw, source.data(run.trustees) if isinstance(run, FinishedRun) else None


def cancelled_manifest(folder: str) -> str:
    """SHA-256 (hex) of the manifest of a record that ends in `cancelled`, audited. Raises Refused when it does not."""
    source = open_source(folder)
    report = audit(source)
    if report.verdict != "ok" or report.state != "cancelled":
        raise Refused(
            "not-cancelled",
            f"{folder}: this record is {report.state} and its audit says {report.verdict}; it must be cancelled",
        )
    return sha256(source.manifest()).hexdigest()
