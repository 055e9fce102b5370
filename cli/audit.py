"""`veche audit` and `veche verify-ballot`: for observers, with nothing but published files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from veche.cli.terminal import answer, answer_json, paint, progress

if TYPE_CHECKING:
    from veche.observer.report import Report

MARKS = {"error": "REFUTED", "unchecked": "NOT CHECKED", "warning": "warning", "notice": "notice"}
COLOURS = {"error": "red", "unchecked": "yellow", "warning": "yellow", "notice": None}


def audit(
    source: str = typer.Argument(
        metavar="SOURCE",
        help="A .bel archive, a folder with UUID.bel, entries.jsonl, manifest.json and data/, or an address "
        "https://HOST/observer/elections/UUID.",
    ),
    against: str | None = typer.Option(
        None, metavar="OLDER", help="An older copy of the same record: shows whether history was changed since."
    ),
    level: str | None = typer.Option(None, metavar="LEVEL", help="The least level to accept: strict or belenios."),
    jobs: int = typer.Option(0, min=0, help="How many processes check ballots; 0 means as many as the machine has cores."),
    steps: bool = typer.Option(False, "--steps", help="List every numbered check of docs/protocol.md section 9, with its count."),
    json: bool = typer.Option(False, "--json", help="One JSON object on stdout instead of sentences."),
) -> None:
    """Check everything a public record claims: chain, keys, every ballot, total, shares, result.

    Exit code 0: all of it holds. 1: refuted. 2: could not be checked.
    """
    from veche.crypto.errors import ElectionError
    from veche.observer.audit import audit as run
    from veche.observer.executor import available_jobs
    from veche.observer.report import Report
    from veche.observer.sources import open_older, open_source

    if level not in (None, "strict", "belenios"):
        raise typer.BadParameter("strict or belenios", param_hint="--level")
    try:
        record, older = open_source(source), None if against is None else open_older(against)
    except ElectionError as error:
        report = Report(source)
        report.refuse(error, source)
        _show(report, steps, json)
        raise typer.Exit(report.exit_code) from error
    with progress("Checking ballots", None) as advance:
        done = 0

        def tell(phase: str, now: int, _: int) -> None:
            nonlocal done
            if phase == "9.6":
                advance(now - done)
                done = now

        report = run(record, against=older, level=level, jobs=jobs or available_jobs(), progress=tell)
    _show(report, steps, json)
    raise typer.Exit(report.exit_code)


def _show(report: Report, steps: bool, json: bool) -> None:
    if json:
        answer_json(report.to_json())
    else:
        show_report(report, steps)


def show_report(report: Report, steps: bool = False) -> None:
    """The report in sentences, on stdout."""
    import sys

    from veche.observer.steps import STEPS, phase_of

    answer(f"Audit of {report.source}")
    if report.election is not None:
        answer(f"Election {report.election}, fingerprint {report.fingerprint or '-'}")
    if report.setup_hash is not None:
        answer(f"Setup hash {report.setup_hash} (compare it with the one you were given)")
    if report.state:
        answer(f"State: {report.state}. Level: {report.level}.")
    answer("")
    for number, sentence, checks, errors in report.phases():
        mark, counted = _mark(number, checks, errors, report)
        answer(f"  {number:<5} {mark}  {sentence} ({counted})")
        for step in STEPS if steps else ():
            if phase_of(step.number) == number:
                answer(f"         {step.number:<7} {report.done.get(step.number, 0):>10,}  {step.sentence} [{step.code}]")
    answer("")
    for finding in report.findings:
        mark = MARKS[finding.severity]
        answer(paint(f"  {mark}: {finding.message} [{finding.code}]", COLOURS[finding.severity], False, sys.stdout))
    for code, times in report.cut.items():
        answer(f"  … and {times} more of [{code}]")
    _show_result(report)
    answer(paint(verdict_sentence(report), {0: "green", 1: "red", 2: "yellow"}[report.exit_code], True, sys.stdout))


def _mark(number: str, checks: int, errors: int, report: Report) -> tuple[str, str]:
    """Whether a phase passed, and how many checks it made. Without entries there is no log, no manifest, nobody's name to check."""
    if errors:
        return "NO ", f"{checks:,} checks made"
    if not report.complete and number in ("9.2", "9.4", "9.5", "9.7"):
        return " - ", "not part of a bare archive"
    if number == "9.11" and not checks:
        return " - ", "no older copy given"
    return ("yes", f"{checks:,} checks") if checks else (" - ", "not reached")


def _show_result(report: Report) -> None:
    from veche.crypto.errors import one_line

    if report.result is None:
        return
    answer("  Result, as the trustees decrypted it:")
    for (question, answers), row in zip(report.questions, report.result, strict=True):
        answer(f"    {one_line(question)}")
        for name, count in zip(answers, row if isinstance(row, list) else (), strict=True):
            answer(f"      {count!s:>10}  {one_line(name)}")
    answer("")


def verdict_sentence(report: Report) -> str:
    """The last line of an audit."""
    if report.verdict == "refuted":
        return "REFUTED: this record is not what an honest election leaves behind."
    if report.verdict == "unchecked":
        return "NOT CHECKED: nothing is said against this record, and nothing for it."
    ballots = report.counts.get("ballots", 0)
    voters = report.counts.get("voters", 0)
    if report.level == "strict":
        return f"OK: everything that can be checked holds ({ballots:,} ballots of {voters:,} voters, level strict)."
    return f"OK at Belenios level only: {ballots:,} ballots of {voters:,} voters; no strong proofs were asked for."


def verify_ballot(
    ballots: list[str] = typer.Argument(metavar="BALLOT…", help="Files with one ballot each; one final newline is ignored."),
    election: str = typer.Option(
        ...,
        "--election",
        metavar="SOURCE",
        help="A record (.bel, folder or address), or a folder with election.json, trustees.json, public_creds.json.",
    ),
    json: bool = typer.Option(False, "--json", help="One JSON list on stdout."),
) -> None:
    """Check single ballots: form, credential, signature and every proof. One line per ballot.

    Exit code 0: all are good. 1: one is refused. 2: something could not be read.
    """
    from veche.crypto.canonical_json import Json
    from veche.crypto.errors import ElectionError, Unsupported
    from veche.observer.ballot_files import load_voting, read_ballot_file

    voting = load_voting(election)
    rows: list[Json] = []
    code = 0
    for name in ballots:
        row: dict[str, Json] = {"file": name, "verdict": "ok", "code": None, "message": ""}
        try:
            row["tracker"] = voting.verify(read_ballot_file(name)).tracker
        except ElectionError as error:
            unread = isinstance(error, Unsupported)
            row |= {"verdict": "unchecked" if unread else "refused", "code": error.code, "message": error.message}
            code = 1 if code == 1 or not unread else 2
        rows.append(row)
        if not json:
            good = row["verdict"] == "ok"
            answer(
                f"{name}: valid, tracker {row['tracker']}"
                if good
                else f"{name}: {row['verdict']}: {row['message']} [{row['code']}]"
            )
    if json:
        answer_json(rows)
    raise typer.Exit(code)
