"""A share of the decryption, given only for the total that this trustee recomputed itself. docs/protocol.md section 7.6.

A trustee that decrypts what a server sends decrypts single ballots (attack D6). So before anything leaves: the whole record is
audited; the total is added up again from the ballots of the chain whose first and last hash a person has confirmed; enough people
voted; the key is one of this election's; and it has never given a share for another total of this election.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from veche.ballot.manifest import seal
from veche.ballot.share import (
    TallyPlace,
    make_share,
    parse_delivery,
    parse_share,
    verify_delivery,
    verify_share,
    verify_strong_proof,
)
from veche.ballot.tally import EncryptedTally
from veche.cli.trustee_journal import Answered, Delivered, Journal, verify_manifest_free
from veche.cli.trustee_key import TrusteeKey, verify_owner
from veche.cli.typed_hash import is_hash, plain
from veche.crypto.errors import Inconsistent, Refused
from veche.crypto.scalar import Randomness, system_randomness
from veche.observer.audit import audit
from veche.observer.board import Board, tally_of
from veche.observer.report import Report
from veche.observer.sources import Source

LEAST_BALLOTS: Final = 5
"""The minimum for an election without a manifest, unless the trustee says otherwise."""

_SEAL = re.compile(r"[a-z2-7]{16}")


@dataclass(frozen=True, slots=True)
class Share:
    """A share ready to be made: the trustee's key and number, the record, and the total recomputed from it."""

    key: TrusteeKey
    owner: int
    board: Board
    tally: EncryptedTally

    @property
    def place(self) -> TallyPlace:
        return TallyPlace(self.board.sealed.election.fingerprint, self.board.setup, self.board.tally_event or "")


def verify_confirmed(board: Board, setup: str, end: str) -> None:
    """Check that what a person brought from elsewhere is this record: Setup by its hash or seal, EndBallots by its whole hash.

    The seal, 80 bits, is what everybody compares before the vote. The end is compared whole: whoever serves a board with one
    ballot left out could search for one whose short form is the same. Raises Refused `not-confirmed`.
    """
    if board.end is None:
        raise Refused("not-closed", "voting has not ended: there is no EndBallots to confirm")
    wanted = plain(setup)
    if not is_hash(wanted) and _SEAL.fullmatch(wanted) is None:
        raise Refused("not-confirmed", "the Setup hash is written as 64 hexadecimal digits, or as the seal XXXX-XXXX-XXXX-XXXX")
    if wanted not in (board.setup, plain(seal(board.setup))):
        raise Refused(
            "not-confirmed",
            f"this record's Setup has the seal {seal(board.setup)}, not the one you gave: it is another election",
        )
    if plain(end) != board.end:
        raise Refused(
            "not-confirmed",
            f"this record's EndBallots is {board.end}, not the hash you gave: these are not the same ballots",
        )


def verify_ready(board: Board, report: Report, minimum: int | None) -> None:
    """Check that the audit found nothing, that the record waits for shares, and that enough people voted. Raises Refused."""
    if report.verdict != "ok" or report.setup_hash != board.setup:
        first = next((one for one in report.findings if one.severity in ("error", "unchecked")), None)
        found = "" if first is None else f": {first.message} [{first.code}]"
        raise Refused("record-refuted", f"the audit of this record does not pass, so nothing is decrypted{found}")
    if report.state != "decrypting":
        raise Refused("not-decrypting", f"this record is {report.state}; shares are given while it is decrypting")
    verify_enough(board, minimum)


def verify_enough(board: Board, minimum: int | None) -> None:
    """Check the minimum number of ballots: the manifest's, which `minimum` may only raise; without a manifest `minimum`, or 5.

    Raises Refused: the total of a handful of ballots would tell how these people voted.
    """
    manifest = board.sealed.manifest
    if manifest is None and board.sealed.line is not None:
        raise Refused(
            "manifest-missing",
            "this election has a manifest, which says how many ballots are the least: give the whole folder",
        )
    wanted = LEAST_BALLOTS if minimum is None else minimum
    least = wanted if manifest is None else max(manifest.minimum_ballots, minimum or 0)
    if board.voters() < least:
        raise Refused("too-few-ballots", f"{board.voters()} people voted, and at least {least} are needed: nothing is decrypted")


def prepare_share(key: TrusteeKey, owner: int, source: Source, board: Board) -> Share:
    """The total recomputed and found to be the published one, byte for byte. Raises Refused or Inconsistent."""
    verify_owner(key, board.sealed.trustees, owner)
    if board.tally is None or board.tally_event is None:
        raise Refused("not-decrypting", "this record holds no encrypted total yet")
    tally = tally_of(source, board)
    if tally.encode() != board.tally:
        raise Inconsistent(
            "encrypted-tally", "the encrypted total of this record is not the sum of its ballots: nothing is decrypted"
        )
    return Share(key, owner, board, tally)


def stored_delivery(journal: Journal, board: Board, owner: int) -> bytes | None:
    """The very bytes given before for this total; None when nothing was given for this election.

    Raises Refused `second-tally` when a share has left for another total of this election: the difference of two totals is
    somebody's vote.
    """
    before = journal.delivered_for(board.sealed.election.uuid)
    if before is None:
        return None
    if (before.setup, before.tally, before.owner) != (board.setup, board.tally_event, owner):
        raise Refused(
            "second-tally",
            f"your key has given a share for another total of election {before.uuid} (EncryptedTally {before.tally[:16]}…); "
            "for a second one it gives none. Keep this record as evidence and ask the other trustees",
        )
    return before.delivery.encode("utf-8")


def deliver(
    share: Share, journal: Journal, randomness: Randomness, cancelled: str | None = None, journal_lost: bool = False
) -> tuple[bytes, Journal]:
    """The file `delivery/1` and the journal that remembers it, which must reach the disk before the file leaves.

    Raises Refused as `stored_delivery` and `verify_manifest_free`.
    """
    stored = stored_delivery(journal, share.board, share.owner)
    if stored is not None:
        return stored, journal
    journal = _answering(share, journal, cancelled, journal_lost)
    uuid = share.board.sealed.election.uuid
    made = make_share(share.key.secret, share.key.public, share.owner, share.tally, share.place, randomness)
    delivery = made.encode(uuid)
    _verify_own(share, delivery)
    remembered = Delivered(uuid, share.board.setup, share.place.encrypted_tally, share.owner, delivery.decode("utf-8"))
    return delivery, journal.with_delivered(remembered)


def share_of_total(
    key: TrusteeKey,
    owner: int,
    source: Source,
    board: Board,
    journal: Journal,
    level: str,
    minimum: int | None,
    cancelled: str | None = None,
    jobs: int = 1,
    journal_lost: bool = False,
    randomness: Randomness = system_randomness,
) -> tuple[bytes, Journal]:
    """The whole way from a confirmed record to the file `delivery/1`, and the journal to be saved before it leaves.

    Asked again for the same total, the same bytes. Raises Refused, or what is wrong with the record; then nothing was made.
    """
    verify_owner(key, board.sealed.trustees, owner)
    stored = stored_delivery(journal, board, owner)
    if stored is not None:
        return stored, journal
    verify_enough(board, minimum)
    verify_ready(board, audit(source, level=level, jobs=jobs), minimum)
    return deliver(prepare_share(key, owner, source, board), journal, randomness, cancelled, journal_lost)


def verify_level_belenios(board: Board) -> None:
    """Check that this election takes shares without strong proof. Raises Refused `level-strict`."""
    line = board.sealed.line
    if line is not None and line.level == "strict":
        raise Refused(
            "level-strict",
            "this election promises level strict, where a share travels with its strong proof: hand over the file of --out",
        )


def tool_lines(delivery: bytes, board: Board) -> bytes:
    """Share and owned text of a delivery, a line each: what `belenios-tool archive add-event` reads. Raises Malformed."""
    made = parse_delivery(delivery, board.sealed.election.uuid)
    return made.share + b"\n" + made.owned + b"\n"


def _answering(share: Share, journal: Journal, cancelled: str | None, journal_lost: bool) -> Journal:
    """The journal with this record's manifest as the one that the key answers for.

    At level strict the key has passed a drill for this manifest, which its journal must know of. A journal that does not is another
    one: it would not know of a share given before, either. Raises Refused `journal-missing`.
    """
    sealed = share.board.sealed
    manifest = sealed.manifest
    if manifest is None or manifest.rehearsal:
        return journal
    verify_manifest_free(journal, manifest, manifest.digest, cancelled)
    before = journal.answered_for(manifest)
    if before is not None and before.manifest == manifest.digest:
        return journal
    if before is None and manifest.level == "strict" and not journal_lost:
        raise Refused(
            "journal-missing",
            "the journal beside your key knows nothing of the drill that this key has passed for this election, so it may not "
            "know of a share that you gave, either: use the key with its own journal, or, if that is lost, --journal-lost",
        )
    trustees = sha256(sealed.trustees.raw).hexdigest()
    contest = manifest.campaign, manifest.contest
    return journal.with_answered(Answered(*contest, manifest.uuid, manifest.digest, trustees, share.owner, ""))


def _verify_own(share: Share, delivery: bytes) -> None:
    """What was just made passes every check that the others will make: a computer that miscounts must not name its owner."""
    made = parse_delivery(delivery, share.board.sealed.election.uuid)
    decryption = parse_share(made.share, share.tally, share.owner)
    statement = share.place.statement(share.owner, made.owned)
    verify_share(decryption, share.owner, share.key.public, share.tally, share.place.fingerprint)
    verify_strong_proof(made.proof, decryption, share.owner, share.key.public, share.tally, statement)
    verify_delivery(made.signature, made.proof, share.owner, share.key.public, statement)
