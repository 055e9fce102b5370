"""The audit: the phases of section 9 of docs/protocol.md, one after the other, over published bytes alone."""

from __future__ import annotations

from veche.ballot.election import is_uuid
from veche.crypto.canonical_json import parse
from veche.crypto.errors import ElectionError, Unsupported
from veche.ledger.prefix import verify_prefix
from veche.observer.ballot_check import check_ballots
from veche.observer.chain_check import Progress, ReadChain, check_chain
from veche.observer.entry_check import ReadEntries, check_entries
from veche.observer.log_check import check_log
from veche.observer.people_check import check_people
from veche.observer.report import EXIT_CODES, Report
from veche.observer.setup_check import Setup, check_ceremony, check_drafted_trustees, check_level, check_setup, verify_level_asked
from veche.observer.share_check import Decryption, check_publication, check_result, check_shares, check_tally
from veche.observer.sources import Source


def _silent(_: str, __: int, ___: int) -> None:
    """No progress is shown."""


def audit(
    source: Source,
    *,
    against: Source | None = None,
    level: str | None = None,
    jobs: int = 1,
    progress: Progress = _silent,
) -> Report:
    """Check everything that the record at `source` claims. Never raises for what is in the record: the report says it.

    `against` is an older copy of the same record, `level` the least level asked for, `jobs` the number of processes.
    """
    report = Report(source.name, complete=source.complete)
    compared = Report(source.name)
    try:
        _run(source, against, level, jobs, report, compared, progress)
    except Unsupported as error:
        report.refuse(error, source.name)
    except ElectionError as error:
        report.refuse(error, "archive")
    for finding in compared.findings:
        report.add(finding)
    return report


def _run(
    source: Source,
    against: Source | None,
    level: str | None,
    jobs: int,
    report: Report,
    compared: Report,
    progress: Progress,
) -> None:
    """All phases into `report`, what is about an older copy into `compared`: one that cannot be read does not end the audit."""
    with source.archive() as stream:
        chain = check_chain(stream, report, progress)
        read = check_entries(source, chain, report) if source.complete and not report.stopped() else None
        if against is not None and not report.stopped():
            _compare(source, chain, against, compared)
            report.done.update(compared.done)
        if report.stopped() or compared.verdict == "refuted":
            return
        setup = _before_the_vote(source, chain, read, level, report)
        if read is not None and not report.stopped():
            check_log(source, against, read, report, compared)
        if setup is None or report.stopped() or compared.exit_code == EXIT_CODES["refuted"]:
            return
        progress("9.6", 0, len(chain.ballots))
        counted = check_ballots(stream, chain, setup, jobs, report, progress)
    if read is not None and not report.stopped():
        check_people(read, setup, counted.last, chain.tally is not None, report)
    if report.stopped() or chain.tally is None:
        return
    work = check_tally(chain.tally, setup, counted, report)
    if report.stopped() or work is None:
        return
    _after_the_vote(chain, read, setup, work, report)


def _before_the_vote(source: Source, chain: ReadChain, read: ReadEntries | None, level: str | None, report: Report) -> Setup | None:
    """Phases 9.3 to 9.5. None while there is no Setup, or when it is not as it must be."""
    if chain.setup is None and read is None:
        report.unchecked("no-setup", "archive", "the archive holds no election yet: there is nothing to check")
        return None
    setup = None if chain.setup is None else check_setup(chain.setup, report)
    if chain.setup is None and read is not None and read.trustees is not None:
        check_drafted_trustees(read.trustees, report)
    if chain.shuffled and not report.stopped():
        # Every question is homomorphic, or phase 9.3 had stopped: nobody would look at what a mixnet did here.
        report.error("event-order", "archive", "a Shuffle or EndShuffles event in an election without a question that needs one")
    if read is not None and not read.order and chain.setup is None:
        report.unchecked("no-setup", "entries.jsonl", "the record has no entry yet: there is nothing to check")
    if report.stopped():
        return None
    if setup is not None:
        check_level(setup, read, source.in_folder, level, report)
    elif read is not None:
        report.level = read.manifest.level
        verify_level_asked(level, report)
    if read is not None and not report.stopped():
        check_ceremony(read, read.trustees, report)
        if read.manifest.rehearsal:
            report.notice("rehearsal", "manifest.json", "this is a rehearsal, no real election")
    return setup


def _after_the_vote(chain: ReadChain, read: ReadEntries | None, setup: Setup, work: Decryption, report: Report) -> None:
    """Phases 9.9 and 9.10."""
    check_shares(chain, read, setup, work, report)
    if chain.result is None or report.stopped():
        return
    check_result(chain.result, setup, work, report)
    if read is not None and not report.stopped():
        check_publication(read, chain, report)


def _compare(source: Source, chain: ReadChain, against: Source, report: Report) -> None:
    """Phase 9.11. An older copy that cannot be read is not checked; one of another election is the wrong file, no fraud."""
    older_report = Report(against.name)
    try:
        with against.archive() as older:
            older_chain = check_chain(older, older_report, _silent)
    except ElectionError as error:
        report.unchecked("against-unreadable", against.name, f"the older copy cannot be read: {error}")
        return
    if older_report.stopped():
        first = older_report.findings[0]
        report.unchecked("against-unreadable", against.name, f"the older copy is damaged itself: {first.message}")
        return
    mine, other = _uuid(chain), _uuid(older_chain)
    if mine is not None and other is not None and mine != other:
        report.error("against-other-election", against.name, f"the older copy is of election {other}, this record of {mine}")
        return
    try:
        with against.archive() as older, source.archive() as newer:
            verify_prefix(older, newer, "archive")
        if against.complete and not source.complete:
            _entries_gone(source, against, report)
        if against.complete and source.complete:
            with against.entries() as older, source.entries() as newer:
                verify_prefix(older, newer, "entries")
        report.count("history-changed")
    except ElectionError as error:
        report.refuse(error, against.name)


def _entries_gone(source: Source, against: Source, report: Report) -> None:
    """The older copy has entries and this one has none: in a folder they were taken away, a bare archive never has any."""
    message = "the older copy has entries of the public log, and this one has none"
    if source.in_folder:
        report.error("history-changed", against.name, f"{message}: history was changed")
    else:
        report.unchecked("entries-not-supplied", against.name, f"{message}: give the whole record to compare them")


def _uuid(chain: ReadChain) -> str | None:
    """Which election an archive is of, where it says so readably."""
    if chain.setup is None:
        return None
    try:
        # Not parse_election: an election that is not supported has a uuid, too.
        value = parse(chain.setup.records[0].content)
    except ElectionError:
        return None
    found = value.get("uuid") if type(value) is dict else None
    return found if type(found) is str and is_uuid(found) else None
