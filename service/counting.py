"""After the close: the encrypted total, the trustees' shares, the result, its publication, and the two ways to give up.

docs/protocol.md section 7. A share is judged by the same functions as in the audit, and a bad one is named only if it was signed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from veche.ballot.combination import combine, missing_shares
from veche.ballot.result import Result, compute_result
from veche.ballot.share import (
    fault_of,
    parse_delivery,
    parse_owned,
    parse_share,
    verify_delivery,
    verify_share,
)
from veche.ballot.tally import EncryptedTally, parse_sized_tally, size_tally
from veche.ballot.trustees import Owner, Trustees
from veche.crypto.canonical_json import encode
from veche.crypto.errors import Inconsistent, Malformed, Refused
from veche.crypto.group import Point
from veche.ledger.annex import Annulled, Cancelled, Certified, DecryptionProof, Published, ShareRefused, Withheld
from veche.ledger.event import EventType
from veche.ledger.record_state import Step, next_state
from veche.observer.audit import audit
from veche.observer.board import board_of, tally_of
from veche.observer.report import Report
from veche.service.desk import Desk, refuse_early, refuse_strict
from veche.service.record_store import Addition

SECONDS_OF_DAY: Final = 86_400


def add_tally(desk: Desk) -> tuple[int, int]:
    """EncryptedTally stands in the record, made from the last ballot of each credential; voters and their total weight.

    Raises Refused `withhold` below the manifest's minimum: such a total would show how people voted.
    """
    voters, minimum = desk.view.voters(), desk.view.manifest.minimum_ballots
    if voters < minimum:
        raise Refused(
            "withhold",
            f"{voters} voted, fewer than the {minimum} that the manifest asks for: a total of so few would show how they voted. "
            "Withhold it: veche organizer withhold",
        )
    source = desk.store.source()
    board = board_of(source)
    tally = tally_of(source, board)
    weights = board.sealed.credentials.weights
    counted = board.counted()
    sized = size_tally(tally, len(counted), sum(weights[credential] for credential in counted))
    named = sized.encode()
    desk.append([desk.event(EventType.ENCRYPTED_TALLY, sha256(named).hexdigest(), tally.encode(), named)])
    return len(counted), sized.total_weight


def withhold(desk: Desk) -> None:
    """`withheld` stands in the record: nothing will be decrypted. Raises Refused `not-withheld` when enough have voted."""
    voters, minimum = desk.view.voters(), desk.view.manifest.minimum_ballots
    if voters >= minimum:
        raise Refused(
            "not-withheld", f"{voters} voted and {minimum} are enough: the total must be decrypted (veche organizer tally)"
        )
    desk.append([Addition(Withheld(desk.uuid, voters, minimum))])


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a delivery: whose it is, and why it was refused by name, or None when it was taken."""

    owner: Owner
    reason: str | None


def add_share(desk: Desk, raw: bytes) -> Taken:
    """A trustee's share stands in the record: as its share when good, as `share-refused` when it signed a bad one.

    Raises when nobody can be named for it: unsigned, made for another election or tally, or of no trustee. Nothing is written then.
    """
    tally, place = desk.view.tally()
    trustees = desk.view.sealed_trustees()
    if not _is_delivery(raw):
        return _add_foreign_share(desk, raw, tally, trustees)
    delivery = parse_delivery(raw, desk.uuid)
    owner = _owner_of(delivery.owned, trustees)
    statement = place.statement(owner.number, delivery.owned)
    if parse_owned(delivery.owned).payload != sha256(delivery.share).hexdigest():
        # The signature covers the owned text only: whoever carried the file could have put another share beside it.
        raise Malformed(
            "delivery-malformed", "the share in this file is not the one that its owned text names; ask for the file again"
        )
    # Signed first: what follows names somebody.
    verify_delivery(delivery.signature, delivery.proof, owner.number, owner.public_key, statement)
    reason = fault_of(delivery.owned, delivery.share, delivery.proof, owner.number, owner.public_key, tally, place)
    payload = sha256(delivery.owned).hexdigest()
    if reason is not None:
        refused = ShareRefused(desk.uuid, owner.number, payload, delivery.proof, delivery.signature, reason)
        desk.append([Addition(refused)], [delivery.owned, delivery.share])
        return Taken(owner, reason)
    event = desk.event(EventType.PARTIAL_DECRYPTION, payload, delivery.share, delivery.owned, owner=owner.number)
    desk.append([event, Addition(DecryptionProof(desk.uuid, owner.number, payload, delivery.proof))])
    return Taken(owner, None)


def _is_delivery(raw: bytes) -> bool:
    return raw.startswith(b'{"veche"')


def _owner_of(owned: bytes, trustees: Trustees) -> Owner:
    number = parse_owned(owned).owner
    owner = trustees.owner(number)
    if owner is None:
        raise Refused("share-owner", f"a share of trustee {number}; the trustees are 1 to {len(trustees.owners)}")
    return owner


def _add_foreign_share(desk: Desk, raw: bytes, tally: EncryptedTally, trustees: Trustees) -> Taken:
    """A share of another tool at level belenios: its two lines, owned text and share in either order, with Belenios proofs only."""
    refuse_strict(desk.view, "a share without delivery signature and strong proof")
    lines = [line for line in raw.split(b"\n") if line]
    if len(lines) != 2:
        raise Malformed(
            "delivery-malformed", "a share is a file delivery/1 of our trustee tool, or two lines: share and owned text"
        )
    share_raw, owned_raw = sorted(lines, key=lambda line: line.startswith(b'{"owner"'))
    owner = _owner_of(owned_raw, trustees)
    if parse_owned(owned_raw).payload != sha256(share_raw).hexdigest():
        raise Inconsistent("share-malformed", f"share of trustee {owner.number}: its second line does not name the first")
    share = parse_share(share_raw, tally, owner.number)
    verify_share(share, owner.number, owner.public_key, tally, desk.view.election().fingerprint)
    payload = sha256(owned_raw).hexdigest()
    desk.append([desk.event(EventType.PARTIAL_DECRYPTION, payload, share_raw, owned_raw, owner=owner.number)])
    return Taken(owner, None)


def still_missing(desk: Desk) -> tuple[Owner, ...]:
    """The trustees whose share would help, while there are not enough; empty when the result can be made."""
    trustees = desk.view.sealed_trustees()
    given = [item.owner for item in desk.view.shares() if item.owner is not None]
    missing = missing_shares(trustees, given)
    return tuple(owner for owner in trustees.owners if owner.number in missing)


def add_result(desk: Desk) -> Result:
    """Result stands in the record, from the first t good shares of each group. Raises Refused `shares-missing`."""
    tally, _ = desk.view.tally()
    trustees, election = desk.view.sealed_trustees(), desk.view.election()
    factors: dict[int, Sequence[Point]] = {}
    for item in desk.view.shares():
        owner = None if item.owner is None else trustees.owner(item.owner)
        if owner is None:
            continue
        share = parse_share(item.records[0].content, tally, owner.number)
        verify_share(share, owner.number, owner.public_key, tally, election.fingerprint)
        factors[owner.number] = share.factors
    combined = combine(trustees, factors)
    counted = desk.view.event(EventType.ENCRYPTED_TALLY)
    if counted is None:
        raise Refused("not-tallied", "there is no encrypted tally yet")
    result = compute_result(tally, combined, parse_sized_tally(counted.records[1].content).total_weight)
    raw = result.encode()
    desk.append([desk.event(EventType.RESULT, sha256(raw).hexdigest(), raw)])
    return result


def publish(desk: Desk, jobs: int) -> Report:
    """`published` stands in the record, after a full audit of it whose report is kept as data; the report.

    Raises Refused `audit-failed` naming the first finding: what does not stand an audit is not published.
    """
    result = desk.view.event(EventType.RESULT)
    if result is None or result.event.payload is None:
        raise Refused("no-result", "there is no result yet: veche organizer result")
    # Asked before the long audit, not after it.
    next_state(desk.view.state, Step(Published.TYPE))
    report = audit(desk.store.source(), level=desk.view.level, jobs=jobs)
    if report.verdict != "ok":
        worst = next((one for one in report.findings if one.severity in ("error", "unchecked")), None)
        told = "" if worst is None else f": {worst.record}: {worst.message} [{worst.code}]"
        raise Refused("audit-failed", f"the audit of the record says {report.verdict}{told}. Nothing was published")
    raw = encode(report.to_json())
    published = Published(desk.uuid, desk.now, result.event.payload, sha256(raw).hexdigest())
    desk.append([Addition(published)], [raw])
    return report


def certify(desk: Desk, complaints: int) -> None:
    """`certified` stands in the record. Raises Refused `too-early` before the days of appeal have passed."""
    published = desk.view.all_of(Published)
    if not published:
        raise Refused("not-published", "there is no published result yet: veche organizer publish")
    earliest = published[-1].time + desk.view.manifest.appeal_days * SECONDS_OF_DAY
    refuse_early(desk.now, earliest, desk.shown(earliest), "certifying")
    desk.append([Addition(Certified(desk.uuid, desk.now, published[-1].result, complaints))])


def cancel(desk: Desk, reason: str, successor: str | None) -> None:
    """`cancelled` stands in the record, for ever. Raises Refused `entry-order` once there is a result."""
    desk.append([Addition(Cancelled(desk.uuid, desk.now, reason, successor))])


def annul(desk: Desk, reason: str, successor: str | None) -> None:
    """`annulled` stands in the record, for ever. Raises Refused `entry-order` before there is a result."""
    desk.append([Addition(Annulled(desk.uuid, desk.now, reason, successor))])
