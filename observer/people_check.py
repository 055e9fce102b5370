"""Phase 9.7: who was handed a code, when the vote was open, and how many voted. docs/protocol.md section 9.7."""

from __future__ import annotations

from collections.abc import Mapping

from veche.ballot.manifest import Manifest
from veche.crypto.canonical_json import array, parse_canonical, text
from veche.crypto.errors import ElectionError, Inconsistent, InvalidSignature, Malformed
from veche.crypto.signed_note import verify_line
from veche.ledger.annex import Annex, Closed, Extended, Incident, Issued, Opened, Suspended, Withheld
from veche.observer.entry_check import ReadEntries
from veche.observer.report import Report
from veche.observer.setup_check import Setup

TOLERANCE = 60
"""Seconds by which opening and closing may lag behind the announced times without an explanation."""


def check_people(read: ReadEntries, setup: Setup, voted: Mapping[str, object], tallied: bool, report: Report) -> None:
    """Phase 9.7: `voted` has every credential with a ballot as key, `tallied` says whether there is an encrypted tally.

    What the record holds decides, not the state it ended in: a record that was annulled afterwards is checked like any other.
    """
    try:
        _check_not_issued(read, _check_issued(read, setup, report), voted, tallied, report)
    except ElectionError as error:
        # Who else was handed a code is not known then; times and numbers are.
        report.refuse(error, report.at)
    _check_times(read, report)
    ballots = sum(1 for credential in voted if setup.credentials.weights[credential] > 0)
    for index, entry in read.annexes():
        _check_number(entry, index, read.manifest, ballots, report)
    closed = any(isinstance(entry, Closed) for _, entry in read.annexes())
    if tallied and ballots < read.manifest.minimum_ballots:
        report.error("withheld", "EncryptedTally", _too_few(ballots, read.manifest.minimum_ballots))
    report.count("withheld", closed)


def _check_issued(read: ReadEntries, setup: Setup, report: Report) -> set[str]:
    """Steps 9.7.1 to 9.7.4; all credentials that were handed out."""
    places = {credential: place for place, credential in enumerate(setup.credentials.weights)}
    named: set[str] = set()
    for index, entry in read.annexes():
        if not isinstance(entry, Issued):
            continue
        report.at = f"entry {index}"
        _verify_registrar(entry, read.manifest, index)
        credentials = _listed(read.data.get(entry.credentials, b""), index)
        order = [places.get(credential, -1) for credential in credentials]
        if -1 in order or order != sorted(set(order)) or not named.isdisjoint(credentials):
            raise Inconsistent(
                "issued-credentials",
                f"entry {index}: handed-out credentials are listed ones, in the list's order, none named before",
            )
        named.update(credentials)
        if entry.total != len(named):
            raise Inconsistent("issued-total", f"entry {index}: says {entry.total} codes in all, {len(named)} are named so far")
        if entry.total > read.manifest.electorate:
            raise Inconsistent(
                "issued-electorate", f"entry {index}: {entry.total} codes for an electorate of {read.manifest.electorate}"
            )
        for code in ("issued-signature", "issued-total", "issued-electorate"):
            report.count(code)
        report.count("issued-credentials", len(credentials))
    report.counts["issued"] = len(named)
    return named


def _verify_registrar(entry: Issued, manifest: Manifest, index: int) -> None:
    try:
        if manifest.registrar is None:
            raise InvalidSignature("note-unknown-key", "the manifest names no registrar's key")
        verify_line(manifest.registrar, entry.signed_text().decode("utf-8"), entry.signature)
    except (Malformed, InvalidSignature) as error:
        raise InvalidSignature("issued-signature", f"entry {index}: not signed by the registrar: {error}") from error


def _listed(raw: bytes, index: int) -> list[str]:
    try:
        return [text(one) for one in array(parse_canonical(raw))]
    except Malformed as error:
        raise Malformed("issued-credentials", f"entry {index}: the list of handed-out credentials: {error}") from error


def _check_not_issued(
    read: ReadEntries, issued: set[str], voted: Mapping[str, object], tallied: bool, report: Report
) -> None:
    """Step 9.7.5. Codes handed out during the vote are named in batches, the last after the close: judged from then on."""
    if read.manifest.level == "belenios" and not any(isinstance(entry, Issued) for _, entry in read.annexes()):
        return
    withheld = any(isinstance(entry, Withheld) for _, entry in read.annexes())
    if not (tallied or withheld or (read.state is not None and read.state.issued_after_closed)):
        return
    for credential in voted:
        report.count("not-issued")
        if credential not in issued:
            message = f"a ballot was cast with {credential[:16]}…, which the registrar never handed out"
            report.error("not-issued", f"credential {credential}", message)


def _check_times(read: ReadEntries, report: Report) -> None:
    """Steps 9.7.6 and 9.7.7: never early; late only with an explanation in the record."""
    manifest, end, explained = read.manifest, read.manifest.closes_at, False
    for index, entry in read.annexes():
        if isinstance(entry, Opened):
            report.count("opened-time")
            if entry.time < manifest.opens_at:
                report.error("opened-time", f"entry {index}", f"opened at {entry.time}, before the announced {manifest.opens_at}")
            elif not explained and entry.time > manifest.opens_at + TOLERANCE:
                late = entry.time - manifest.opens_at
                report.error(
                    "opened-time", f"entry {index}", f"opened {late} s after the announced time, and no incident explains it"
                )
            if entry.time >= end:
                report.error("closed-time", f"entry {index}", f"opened at {entry.time}, not before the end at {end}")
        elif isinstance(entry, Extended):
            end = entry.closes_at
        elif isinstance(entry, Closed):
            report.count("closed-time")
            if entry.time < end:
                report.error("closed-time", f"entry {index}", f"closed at {entry.time}, before the end in force, {end}")
            elif not explained and entry.time > end + TOLERANCE:
                late = entry.time - end
                report.error("closed-time", f"entry {index}", f"closed {late} s after the end in force, and nothing explains it")
        explained = explained or isinstance(entry, Incident | Suspended)


def _check_number(entry: Annex, index: int, manifest: Manifest, ballots: int, report: Report) -> None:
    """Steps 9.7.8 and 9.7.9 for one entry."""
    if not isinstance(entry, Closed | Withheld):
        return
    report.count("closed-ballots")
    if entry.ballots != ballots:
        report.error(
            "closed-ballots",
            f"entry {index}",
            f"{entry.TYPE} says {entry.ballots} voters; {ballots} credentials of weight above 0 have a ballot",
        )
    if isinstance(entry, Withheld) and (entry.minimum != manifest.minimum_ballots or ballots >= entry.minimum):
        message = (
            f"withheld with {ballots} ballots and minimum {entry.minimum}; the manifest's minimum is {manifest.minimum_ballots}"
        )
        report.error("withheld", f"entry {index}", message)


def _too_few(ballots: int, minimum: int) -> str:
    return f"a total of {ballots} ballots was prepared for decryption; below {minimum} it must be withheld, it would show votes"
