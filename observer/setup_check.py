"""Phases 9.3 to 9.5: what was fixed before the vote. docs/protocol.md sections 9.3, 9.4 and 9.5."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from veche.ballot.credential import PublicCredentials, parse_public_credentials
from veche.ballot.election import Election, parse_election
from veche.ballot.manifest import LevelLine, parse_description, verify_manifest
from veche.ballot.trustees import Trustees, parse_trustees, verify_election_key, verify_trustees
from veche.crypto.drill import Drill, DrillStatement, verify_drill
from veche.crypto.errors import ElectionError, Inconsistent, InvalidProof, Malformed
from veche.crypto.group import Point
from veche.crypto.pedersen import ThresholdGroup
from veche.crypto.run_file import EndedRun, Run, verify_new_keys, verify_run, verify_run_matches
from veche.ledger.annex import Drill as DrillAnnex
from veche.ledger.chain_reader import ChainItem
from veche.ledger.payload import verify_setup_data
from veche.observer.entry_check import ReadEntries
from veche.observer.report import Report


@dataclass(frozen=True, slots=True)
class Setup:
    """Election, voters' list and trustees as event 0 fixes them."""

    event_hash: str
    election: Election
    credentials: PublicCredentials
    trustees: Trustees


def check_setup(item: ChainItem, report: Report) -> Setup | None:
    """Phase 9.3. None, with a finding, at the first step that fails."""
    records = [record.content for record in item.records]
    election: Election | None = None
    try:
        verify_setup_data(records[-1], [record.name for record in item.records[:-1]])
        election = parse_election(records[0])
        report.election, report.fingerprint, report.setup_hash = election.uuid, election.fingerprint, item.event_hash
        credentials = parse_public_credentials(records[2])
        trustees = parse_trustees(records[1])
        verify_trustees(trustees)
        verify_election_key(trustees, election.public_key)
    except ElectionError as error:
        report.refuse(error, _record_of(error.code))
        return None
    _count_setup(election, credentials, trustees, report)
    if any(group.legacy for group in trustees.groups):
        report.notice(
            "legacy-key-generation",
            "trustees.json",
            "the threshold keys were generated in the form before belenios-tool 2.5.1; tools 3.x refuse it",
        )
    _warn_of_weights(credentials, report)
    return Setup(item.event_hash, election, credentials, trustees)


def check_drafted_trustees(trustees: Trustees, report: Report) -> None:
    """Steps 9.3.10 to 9.3.16 before there is a Setup: what the ceremony has made is what will be sealed."""
    try:
        verify_trustees(trustees)
    except ElectionError as error:
        report.refuse(error, "trustees.json")


def _record_of(code: str) -> str:
    if code.startswith("credential") or code == "duplicate-credential":
        return "public credentials"
    if code == "setup-data":
        return "setup data"
    return "election.json" if code.startswith(("election-m", "question", "unsupported")) else "trustees.json"


def _count_setup(election: Election, credentials: PublicCredentials, trustees: Trustees, report: Report) -> None:
    members = sum(group.size for group in trustees.groups)
    modern = sum(group.size for group in trustees.groups if not group.legacy)
    for code in ("setup-data", "election-malformed", "credentials-malformed", "trustees-malformed", "election-key"):
        report.count(code)
    report.count("question-limits", len(election.questions))
    report.count("credential-invalid", len(credentials.weights))
    report.count("duplicate-credential", len(credentials.weights))
    report.count("threshold-limits", len(trustees.groups))
    for code in ("trustee-key", "trustee-pok"):
        report.count(code, len(trustees.owners))
    for code in ("certificate-signature", "coefficients-signature", "verification-key"):
        report.count(code, members)
    for code in ("certificate-context", "group-signature", "key-signature"):
        report.count(code, modern)
    report.questions = [(one.text, ("blank vote",) * one.blank + one.answers) for one in election.questions]
    report.counts["credentials"] = len(credentials.weights)
    report.counts["trustees"] = len(trustees.owners)
    report.counts["questions"] = len(election.questions)


def _warn_of_weights(credentials: PublicCredentials, report: Report) -> None:
    for weight, voters in credentials.small_weight_classes():
        report.warn(
            "small-weight-class",
            "public credentials",
            f"only {voters} voter(s) have weight {weight}: the total may show how they voted",
        )


def check_level(setup: Setup, read: ReadEntries | None, in_folder: bool, asked: str | None, report: Report) -> None:
    """Phase 9.4 for a record with Setup, and the level the record can be checked at."""
    try:
        line = parse_description(setup.election.description)
        report.count("manifest-line")
    except ElectionError as error:
        report.refuse(error, "election.json")
        return
    if read is not None:
        _check_manifest(setup.election, line, read, report)
    elif line is not None and line.level == "strict":
        _without_entries(in_folder, asked, report)
    elif line is not None:
        message = "this election has a manifest, and it is not here: times, minimum and who was handed a code were not checked"
        report.notice("manifest-not-supplied", "archive", message)
    verify_level_asked(asked, report)


def verify_level_asked(asked: str | None, report: Report) -> None:
    """The record is of the level that was asked for, or there is an error."""
    if asked == "strict" and report.level != "strict" and not report.stopped():
        report.error("level-too-low", "election.json", f"level strict was asked for; this record is of level {report.level}")


def _check_manifest(election: Election, line: LevelLine | None, read: ReadEntries, report: Report) -> None:
    try:
        if line is None:
            raise Malformed("manifest-line", "the election's description ends in no line that names level and manifest")
        verify_manifest(
            read.manifest, read.manifest_raw, line, election.uuid, [question.answers for question in election.questions]
        )
    except ElectionError as error:
        report.refuse(error, "manifest.json")
        return
    for code in ("manifest-hash", "manifest-malformed", "manifest-times", "manifest-keys"):
        report.count(code)
    for code in ("manifest-level", "manifest-election", "manifest-options"):
        report.count(code)
    report.level = line.level


def _without_entries(in_folder: bool, asked: str | None, report: Report) -> None:
    message = "this election promises strong proofs (level strict), and they are not in this archive; get the whole record"
    if in_folder:
        report.refuse(Malformed("folder-form", f"entries.jsonl and manifest.json are missing: {message}"), "folder")
    elif asked == "strict":
        report.unchecked("strong-proofs-not-supplied", "archive", message)
    else:
        report.notice("strong-proofs-not-supplied", "archive", message)


def check_ceremony(read: ReadEntries, trustees: Trustees | None, report: Report) -> None:
    """Phase 9.5: the runs of the key ceremony, and every drill. While there is no Setup, trustees may still be unknown."""
    try:
        for run in read.runs:
            verify_run(run)
            for code in ("ceremony-certificates", "ceremony-judgement"):
                report.count(code)
            for code in ("ceremony-commitment", "ceremony-reveal"):
                report.count(code, sum(1 for one in run.reveals if one is not None))
            if isinstance(run, EndedRun) and (run.code.startswith("no-") or run.code == "wrong-reveal"):
                named = ", ".join(map(str, run.named))
                what = "revealed something else" if run.code == "wrong-reveal" else "was silent"
                message = f"a run of the ceremony ended because trustee {named} {what} ({run.code}): only the organizer says so"
                report.notice("organizers-word", "key ceremony", message)
        verify_new_keys(read.runs)
        _check_groups(read, trustees)
        report.count("ceremony-trustees", len(read.runs))
    except ElectionError as error:
        report.refuse(error, "key ceremony")
        return
    if trustees is not None:
        for index, entry in read.annexes():
            if isinstance(entry, DrillAnnex):
                _check_drill(entry, f"entry {index}", read, trustees, report)
    _notice_of_lot(read, report)


def _check_groups(read: ReadEntries, trustees: Trustees | None) -> None:
    if trustees is None:
        return
    strict = read.manifest.level == "strict"
    if strict and len(trustees.groups) != 1:
        raise Inconsistent("ceremony-trustees", f"level strict has exactly one threshold group, found {len(trustees.groups)}")
    if read.runs:
        if not trustees.groups:
            raise Inconsistent("ceremony-trustees", "there was a ceremony, and trustees.json has no threshold group")
        last = read.runs[-1]
        group = next((one for one in trustees.groups if _same_certificates(last, one)), trustees.groups[0])
        verify_run_matches(last, trustees.raw, group)


def _same_certificates(run: Run, group: ThresholdGroup) -> bool:
    """At level belenios there may be several groups: the run's is the one with its certificates."""
    mine = [None if one is None else one.line() for one in run.certificates]
    return mine == [one.line() for one in group.certificates]


def _verify_drill(entry: DrillAnnex, read: ReadEntries, trustees: Trustees) -> None:
    owner = trustees.owner(entry.owner)
    if owner is None:
        raise InvalidProof("drill-proof", f"a drill of trustee {entry.owner}, of whom there is none")
    statement = DrillStatement(read.manifest.uuid, sha256(read.manifest_raw).digest(), sha256(trustees.raw).digest(), entry.owner)
    try:
        factor = Point.from_hex_or_identity(entry.factor)
    except Malformed as error:
        raise InvalidProof("drill-proof", f"trustee {entry.owner}: its drill's factor: {error}") from error
    verify_drill(Drill(factor, entry.proof), owner.public_key, statement)


def _check_drill(entry: DrillAnnex, record: str, read: ReadEntries, trustees: Trustees, report: Report) -> None:
    try:
        _verify_drill(entry, read, trustees)
        report.count("drill-proof")
    except ElectionError as error:
        report.refuse(error, record)


def _notice_of_lot(read: ReadEntries, report: Report) -> None:
    drilled = any(isinstance(entry, DrillAnnex) for _, entry in read.annexes())
    if not read.runs and not drilled and read.trustees is not None:
        report.notice("lot-foreseeable", "key ceremony", "without ceremony and drills the lot for ties could be foreseen")
