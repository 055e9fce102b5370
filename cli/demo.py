"""`veche demo`: a whole election from nothing, audited, and three frauds caught."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from veche.cli.demo_election import Rehearsal
    from veche.cli.demo_frauds import Fraud
    from veche.cli.demo_story import Story
    from veche.cli.demo_town import Town
    from veche.crypto.canonical_json import Json
    from veche.observer.report import Report


def demo(
    voters: Annotated[int, typer.Option(min=5, max=100_000, help="How many people are eligible.")] = 20,
    trustees: Annotated[str, typer.Option(help="T/N: N trustees, any T of whom can decrypt the total.", metavar="T/N")] = "2/3",
    level: Annotated[str, typer.Option(help="strict, or belenios (what other people's tools can check).")] = "strict",
    out: Annotated[Path, typer.Option(help="A new folder for the public record.", metavar="DIR")] = Path("veche-demo"),
    questions: Annotated[int, typer.Option(min=1, max=2, help="How many questions are asked.")] = 1,
    blank: Annotated[bool, typer.Option("--blank", help="Allow blank votes.")] = False,
    weights: Annotated[bool, typer.Option("--weights", help="Give voters different weights, some of them 0.")] = False,
    single: Annotated[
        bool, typer.Option("--single", help="One more trustee, with a key of its own, who must always take part.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="A summary as JSON on stdout; the story goes to stderr.")] = False,
) -> None:
    """Play a whole election in a minute: keys, codes, ballots, count, audit; then cheat three times, and see each fraud caught.

    Everything is done by the same functions as in a real election; only the clock is simulated and the votes are drawn. What it
    leaves: DIR, the public record, to be audited by anybody; DIR-private, all secrets (here in one place, which no real election
    does); DIR-frauds, the three forged copies.
    """
    from veche.cli.demo_election import Rehearsal, play
    from veche.cli.demo_frauds import cheat
    from veche.cli.demo_story import Story
    from veche.cli.record_folder import refuse_used
    from veche.cli.terminal import answer_json

    town = _town(voters, trustees, level, questions, blank, weights, single)
    private, forged = (out.absolute().with_name(f"{out.absolute().name}-{name}") for name in ("private", "frauds"))
    for folder in (out, private, forged):
        refuse_used(folder)
    story = Story(to_stderr=json)
    rehearsal = Rehearsal(town, story, out, private)
    play(rehearsal)
    report = _audit(story, out, level)
    frauds = cheat(out, forged, rehearsal.snapshot) if report.verdict == "ok" else []
    _tell_frauds(story, frauds)
    caught = len(frauds) == 3 and all(fraud.report.verdict == "refuted" for fraud in frauds)
    _tell_end(story, out, report, caught)
    if json:
        answer_json(_summary(rehearsal, report, frauds))
    if not caught:
        raise typer.Exit(1)


def _town(voters: int, trustees: str, level: str, questions: int, blank: bool, weights: bool, single: bool) -> Town:
    from veche.cli.demo_town import Town

    parts = trustees.split("/")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) < 4 for part in parts):
        raise typer.BadParameter("written T/N, for example 2/3", param_hint="--trustees")
    threshold, size = int(parts[0]), int(parts[1])
    if not 1 <= threshold < size:
        raise typer.BadParameter("1 ≤ T < N: some trustee must be able to be missing", param_hint="--trustees")
    if level not in ("strict", "belenios"):
        raise typer.BadParameter("strict or belenios", param_hint="--level")
    return Town(voters, threshold, size, level, questions, blank, weights, single)


def _audit(story: Story, out: Path, level: str) -> Report:
    from veche.observer.audit import audit
    from veche.observer.executor import available_jobs
    from veche.observer.sources import open_source

    story.step("Anybody can check all of it, from the public record alone. The audit:")
    report = audit(open_source(str(out)), level=level, jobs=available_jobs())
    for _, sentence, checks, errors in report.phases():
        if checks:
            tell = story.bad if errors else story.good
            tell(f"{'NO ' if errors else 'yes'}  {sentence} ({checks:,} checks)")
    for finding in report.findings:
        if finding.severity == "error":
            story.bad(f"{finding.record}: {finding.message} [{finding.code}]")
    return report


CULPRITS = {
    "vote-changed": "Only the voter's code could have signed a changed ballot: the keeper of the record changed it.",
    "ballot-dropped": "The server showed this ballot before and denies it now; the voter holds its signed acknowledgement.",
    "result-replaced": "The trustees' proven shares say otherwise: whoever published this result lied.",
}


def _tell_frauds(story: Story, frauds: list[Fraud]) -> None:
    if not frauds:
        return
    story.step("Now three frauds, each on a copy of the record, by somebody who controls the server completely.")
    for number, fraud in enumerate(frauds, 1):
        story.say("")
        story.say(f"Fraud {number}. {fraud.sentence}")
        if fraud.finding is None:
            story.bad("It was NOT caught. This must never happen: please report it.")
            continue
        story.bad(f"CAUGHT: {fraud.finding.message} [{fraud.finding.code}]")
        story.say(CULPRITS[fraud.name])


def _tell_end(story: Story, out: Path, report: Report, caught: bool) -> None:
    if report.verdict != "ok" or not caught:
        story.step(
            "Something is wrong in Veche itself: an honest election was refuted, or a fraud was not caught. Please report it."
        )
        return
    older = out.with_name(f"{out.name}-private") / "observer-copy"
    forged = out.with_name(f"{out.name}-frauds")
    story.step("Honest record: everything holds. Frauds: all three caught. Now you:")
    story.say(f"veche audit {out}")
    story.say(f"veche audit {forged / 'vote-changed'}")
    story.say(f"veche audit {forged / 'ballot-dropped'} --against {older}")
    story.say(f"veche organizer status {out}")
    story.say("")
    story.say(f"The archive {report.election}.bel in {out} is in the format of Belenios: other people's tools read it, too.")
    story.say(f"belenios-tool election verify --dir {out}")


def _summary(rehearsal: Rehearsal, report: Report, frauds: list[Fraud]) -> dict[str, Json]:
    caught: list[Json] = []
    for fraud in frauds:
        found = fraud.finding
        caught.append(
            {
                "name": fraud.name,
                "folder": str(fraud.folder),
                "verdict": fraud.report.verdict,
                "code": None if found is None else found.code,
                "record": None if found is None else found.record,
                "message": None if found is None else found.message,
            }
        )
    counts: dict[str, Json] = dict(report.counts)
    return {
        "folder": str(rehearsal.public),
        "private": str(rehearsal.private),
        "election": report.election,
        "setup": report.setup_hash,
        "fingerprint": report.fingerprint,
        "level": report.level,
        "state": report.state,
        "verdict": report.verdict,
        "counts": counts,
        "result": report.result,
        "frauds": caught,
    }
