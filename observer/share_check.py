"""Phases 9.8 to 9.10: the total, the trustees' shares, the result. docs/protocol.md sections 9.8, 9.9 and 9.10."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from veche.ballot.combination import combine, missing_shares, verify_shares_agree
from veche.ballot.result import parse_result, verify_result
from veche.ballot.share import (
    PartialDecryption,
    TallyPlace,
    fault_of,
    parse_owned,
    parse_share,
    verify_delivery,
    verify_share,
    verify_strong_proof,
)
from veche.ballot.tally import EncryptedTally, SizedTally, size_tally
from veche.ballot.trustees import Owner, SingleTrustee
from veche.crypto.errors import ElectionError, Inconsistent, InvalidProof, InvalidSignature, Malformed, Refused
from veche.crypto.group import Point
from veche.ledger.annex import Annex, Certified, DecryptionProof, Published, ShareRefused
from veche.ledger.chain_reader import ChainItem
from veche.observer.ballot_check import Counted
from veche.observer.chain_check import ReadChain
from veche.observer.entry_check import ReadEntries
from veche.observer.report import Report
from veche.observer.setup_check import Setup

SECONDS_OF_DAY = 86_400


@dataclass(slots=True)
class Decryption:
    """The tally under decryption and the shares found good so far (owner → factors)."""

    tally: EncryptedTally
    sized: SizedTally
    place: TallyPlace
    good: dict[int, Sequence[Point]] = field(default_factory=dict)


def check_tally(item: ChainItem, setup: Setup, counted: Counted, report: Report) -> Decryption | None:
    """Phase 9.8: published and recomputed tally are the same bytes."""
    weights = setup.credentials.weights
    if counted.total is None:
        return None
    expected = size_tally(counted.total, len(counted.last), sum(weights[credential] for credential in counted.last))
    report.count("encrypted-tally")
    report.count("sized-tally")
    report.counts["total_weight"] = expected.total_weight
    published = item.records[0].content
    if published != counted.total.encode():
        report.error("encrypted-tally", "EncryptedTally", _difference(published, counted.total.encode(), setup))
    elif item.records[1].content != expected.encode():
        found = item.records[1].content.decode("utf-8", "replace")
        report.error(
            "sized-tally",
            "EncryptedTally",
            f"the published total says {found[:160]};"
            f" the ballots give {expected.num_tallied} voters, weight {expected.total_weight}",
        )
    place = TallyPlace(setup.election.fingerprint, setup.event_hash, item.event_hash)
    return Decryption(counted.total, expected, place)


def _difference(found: bytes, expected: bytes, setup: Setup) -> str:
    """A sentence that names the first option whose total differs."""
    same = next((i for i, (x, y) in enumerate(zip(found, expected, strict=False)) if x != y), min(len(found), len(expected)))
    before = expected[:same].count(b'"alpha"') - 1
    for number, question in enumerate(setup.election.questions, 1):
        if before < question.ciphertexts:
            named = "blank vote" if question.blank and before <= 0 else f"option {max(before, 0) + 1 - question.blank}"
            return f"the published encrypted total is not the sum of the ballots: question {number}, {named} differs"
        before -= question.ciphertexts
    return "the published encrypted total is not the sum of the ballots"


def check_shares(chain: ReadChain, read: ReadEntries | None, setup: Setup, work: Decryption, report: Report) -> None:
    """Phase 9.9: every share with every proof it carries."""
    bad: dict[int, ElectionError] = {}
    for item in chain.shares:
        try:
            owner, share = _read_share(item, setup, work)
            verify_share(share, owner.number, owner.public_key, work.tally, setup.election.fingerprint)
            work.good[owner.number] = share.factors
            _check_strong(item, owner, share, read, work, report)
        except ElectionError as error:
            bad[item.owner or 0] = error
    for code in ("share-malformed", "share-owner", "share-factor"):
        report.count(code, len(chain.shares))
    report.count("decryption-proof", len(chain.shares) * len(work.tally.alphas))
    report.counts["shares"] = len(chain.shares)
    _report_bad(bad, setup, work, report)
    for index, entry in read.annexes() if read is not None else ():
        if read is not None and isinstance(entry, ShareRefused):
            _check_refused(entry, f"entry {index}", read.data, setup, work, report)
    if not report.stopped():
        try:
            verify_shares_agree(setup.trustees, work.good)
            report.count("shares-disagree", len(setup.trustees.groups))
        except ElectionError as error:
            report.refuse(error, "shares")


def _read_share(item: ChainItem, setup: Setup, work: Decryption) -> tuple[Owner, PartialDecryption]:
    number = item.owner or 0
    owner = setup.trustees.owner(number)
    if owner is None:
        raise Refused("share-owner", f"a share of trustee {number}; there are {len(setup.trustees.owners)}")
    return owner, parse_share(item.records[0].content, work.tally, number)


def _check_strong(
    item: ChainItem, owner: Owner, share: PartialDecryption, read: ReadEntries | None, work: Decryption, report: Report
) -> None:
    """Step 9.9.5. At strict the order of entries has made sure that every share but the newest has its proof."""
    for _, entry in read.annexes() if read is not None else ():
        if isinstance(entry, DecryptionProof) and entry.owner == owner.number:
            if entry.payload != item.event.payload:
                raise InvalidProof("strong-proof", f"trustee {owner.number}: its strong proof speaks of another share")
            statement = work.place.statement(owner.number, item.records[1].content)
            verify_strong_proof(entry.proof, share, owner.number, owner.public_key, work.tally, statement)
            report.count("strong-proof")
            report.counts["strong_proofs"] = report.counts.get("strong_proofs", 0) + 1


def _report_bad(bad: dict[int, ElectionError], setup: Setup, work: Decryption, report: Report) -> None:
    """A bad share is an error, but at level belenios, in a threshold group with enough good ones, it is named and left out."""
    for owner in bad:
        work.good.pop(owner, None)
    for owner, error in bad.items():
        known = setup.trustees.owner(owner)
        spare = known is not None and not isinstance(setup.trustees.items[known.item], SingleTrustee)
        if report.level == "belenios" and spare and not missing_shares(setup.trustees, tuple(work.good)):
            report.warn("bad-share", f"trustee {owner}", f"{error.message}; left out, enough good shares remain")
        else:
            report.refuse(error, f"trustee {owner}")


def _check_refused(
    entry: ShareRefused, record: str, contents: Mapping[str, bytes], setup: Setup, work: Decryption, report: Report
) -> None:
    """Step 9.9.6: the refused share was signed by its trustee and is bad for the reason given; else the organizer erred."""
    report.count("share-refused")
    if entry.proof is None or entry.signature is None:
        if report.level == "strict":
            report.error("share-refused", record, f"share of trustee {entry.owner} refused without what it was delivered with")
        else:
            message = f"the organizer says that trustee {entry.owner} sent a bad share; nothing here shows it"
            report.notice("share-refused-unproven", record, message)
        return
    owner = setup.trustees.owner(entry.owner)
    try:
        if owner is None:
            raise Refused("share-refused", f"a share of trustee {entry.owner}; there are {len(setup.trustees.owners)}")
        statement = work.place.statement_of(entry.owner, entry.payload)
        verify_delivery(entry.signature, entry.proof, entry.owner, owner.public_key, statement)
    except (Refused, InvalidSignature) as error:
        report.error("share-refused", record, f"the organizer named trustee {entry.owner} for a share it did not sign: {error}")
        return
    reason = _fault(entry, owner, contents, work)
    if reason != entry.reason:
        found = "nothing is wrong with it" if reason is None else f"it is bad by {reason}"
        report.error("share-refused", record, f"the organizer refused trustee {entry.owner}'s share by {entry.reason}, but {found}")
    else:
        report.warn("share-refused-rightly", record, f"trustee {entry.owner} sent a bad share ({entry.reason}), signed by itself")


def _fault(entry: ShareRefused, owner: Owner, contents: Mapping[str, bytes], work: Decryption) -> str | None:
    """What is wrong with the refused share, by the rules by which the organizer must have refused it."""
    owned = contents.get(entry.payload, b"")
    try:
        share = contents.get(parse_owned(owned).payload)
    except Malformed:
        share = None
    return fault_of(owned, share, entry.proof, owner.number, owner.public_key, work.tally, work.place)


def check_result(item: ChainItem, setup: Setup, work: Decryption, report: Report) -> None:
    """Phase 9.10 for the chain: the shares decrypt exactly the published counts."""
    try:
        factors = combine(setup.trustees, work.good)
        result = parse_result(item.records[0].content, setup.election)
        verify_result(result, work.tally, factors, work.sized.total_weight, setup.election)
    except ElectionError as error:
        report.refuse(error, "Result")
        return
    options = len(work.tally.alphas)
    for code, times in (("shares-missing", 1), ("result-malformed", 1), ("result-range", options), ("result", options)):
        report.count(code, times)
    report.result = result.to_json()


def check_publication(read: ReadEntries, chain: ReadChain, report: Report) -> None:
    """Steps 9.10.5 and 9.10.6: what was announced is this result, and it was certified in time."""
    payload = None if chain.result is None else chain.result.event.payload
    published: int | None = None
    for index, entry in read.annexes():
        try:
            published = _verify_publication(entry, payload, published, read.manifest.appeal_days)
        except Inconsistent as error:
            report.refuse(error, f"entry {index}")
        if isinstance(entry, Published | Certified):
            report.count("published-result")
        if isinstance(entry, Certified):
            report.count("appeal-days")


def _verify_publication(entry: Annex, payload: str | None, published: int | None, appeal_days: int) -> int | None:
    """The time of `published`, once there was one."""
    if not isinstance(entry, Published | Certified):
        return published
    if entry.result != payload:
        raise Inconsistent(
            "published-result", f"{entry.TYPE} names the result {entry.result[:16]}…, the record's is {str(payload)[:16]}…"
        )
    if isinstance(entry, Published):
        return entry.time
    earliest = (published or 0) + appeal_days * SECONDS_OF_DAY
    if entry.time < earliest:
        raise Inconsistent("appeal-days", f"certified at {entry.time}; with {appeal_days} days of appeal not before {earliest}")
    return published
