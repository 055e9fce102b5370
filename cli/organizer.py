"""`veche organizer`: one command per step of an election. Each reads the record, does one thing whole, and says what comes next.

The steps themselves are in the modules `organizer_*`; here are only their names, their options and what is said about them.
Length: the organizer has twenty-one steps, and a reader looks for all of them in one place.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from veche.cli.help_text import WholeSentences
from veche.cli.organizer_campaign import campaign_example
from veche.cli.organizer_keys import ceremony

if TYPE_CHECKING:
    from veche.cli.organizer_desk import FolderDesk

app = typer.Typer(
    cls=WholeSentences,
    no_args_is_help=True,
    help="Organizer: write the question, seal it, open, take ballots, close, count with the trustees, publish.\n\n"
    "FOLDER is the public record: everything in it may be shown to everybody. Beside it, in FOLDER-private, lie the keys of log "
    "and ballot box. `veche organizer status FOLDER` says at any time what has happened and what comes next.",
)
app.add_typer(ceremony, name="ceremony")
app.command("campaign-example")(campaign_example)

Folder = Annotated[Path, typer.Argument(help="The public record of the election.", metavar="FOLDER")]
Private = Annotated[Path | None, typer.Option(help="Your private folder, if it is not FOLDER-private.", metavar="DIR")]
At = Annotated[str | None, typer.Option(help="In a rehearsal only: pretend that it is this time.", metavar="TIME")]
Reason = Annotated[
    str, typer.Argument(help="Why, as a short code for the public record: small letters, digits, dashes.", metavar="REASON")
]


@contextmanager
def _at_desk(folder: Path, at: str | None, private: Path | None = None) -> Iterator[FolderDesk]:
    """The desk for one step; afterwards what comes next is said."""
    from veche.cli.organizer_desk import open_desk
    from veche.cli.organizer_status import what_next
    from veche.cli.terminal import tell

    with open_desk(folder, at, private) as desk:
        yield desk
    with open_desk(folder, at, private) as desk:
        tell(f"Next: {what_next(desk)}")


@app.command()
def example() -> None:
    """Print an example of SPEC.json, the plan of a contest, to copy and change.

    Times may name their zone (2026-10-01T09:00:00+03:00) or be those of the field "zone". Costs are in the smallest unit of the
    currency. An option may have "text": a file beside SPEC.json with the project's description. "registrar" is the registrar's
    public key; it can also be given as a file when the election is made. "rehearsal": true makes a rehearsal, whose steps may
    pretend another time (--at).
    """
    from veche.cli.terminal import answer
    from veche.service.contest_plan import EXAMPLE

    answer(EXAMPLE.rstrip("\n"))


@app.command()
def new(
    spec: Annotated[
        Path, typer.Argument(help="The plan of the contest; `veche organizer example` prints one.", metavar="SPEC.json")
    ],
    folder: Folder,
    private: Private = None,
    registrar: Annotated[
        Path | None, typer.Option(help="The registrar's public key (veche registrar key).", metavar="FILE")
    ] = None,
    at: At = None,
) -> None:
    """Begin an election: its manifest (the rules, which never change again), and the keys of log and ballot box.

    Read the plan twice before: times, options and rules stand in the manifest, and another manifest is another election.
    """
    from veche.cli.organizer_desk import private_folder
    from veche.cli.organizer_setup import new_election
    from veche.cli.terminal import answer, tell
    from veche.crypto.scalar import system_randomness

    kept = private or private_folder(folder)
    manifest = new_election(spec, folder, kept, registrar, at, system_randomness)
    tell(f"Election {manifest.uuid} is drafted in {folder}. Keep {kept} to yourself: it holds the keys of log and ballot box.")
    tell("Next: the trustees make their keys (veche organizer ceremony start), then: veche organizer keys.")
    answer(manifest.uuid)


@app.command()
def keys(
    folder: Folder,
    trustees: Annotated[Path, typer.Option(help="The finished trustees.json.", metavar="FILE")],
    run: Annotated[
        list[Path] | None,
        typer.Option(help="The run file of the ceremony, and those of runs that ended before it.", metavar="FILE"),
    ] = None,
    private: Private = None,
    at: At = None,
) -> None:
    """Add the trustees' keys to the record, with the whole protocol of their ceremony.

    At level belenios the keys may come from other tools: trustees.json alone is enough then.
    """
    from veche.cli.terminal import tell
    from veche.observer.durable_files import read_content
    from veche.service.sealing import add_keys

    with _at_desk(folder, at, private) as desk:
        added = add_keys(desk, read_content(trustees), [read_content(path) for path in run or []])
        tell(f"{len(added.owners)} trustees. Every statement about their keys was checked.")


@app.command()
def drill(
    folder: Folder,
    files: Annotated[list[Path], typer.Argument(help="What each trustee's drill gave.", metavar="FILE…")],
    private: Private = None,
    at: At = None,
) -> None:
    """Add the trustees' drills: each has shown, before the vote, that it still has its key."""
    from veche.cli.terminal import tell
    from veche.observer.durable_files import read_content
    from veche.service.sealing import add_drills

    with _at_desk(folder, at, private) as desk:
        for number in add_drills(desk, [read_content(path) for path in files]):
            tell(f"Trustee {number} has passed the drill.")


@app.command()
def seal(
    folder: Folder,
    credentials: Annotated[
        Path, typer.Option(help="The registrar's list of public credentials, public_creds.json.", metavar="FILE")
    ],
    private: Private = None,
    at: At = None,
) -> None:
    """Seal the election: after this no question, no key and no voter can be changed, by anybody.

    Everybody compares the seal that is printed. Publish it in as many places as you can.
    """
    from veche.ballot.manifest import seal as short_form
    from veche.cli.organizer_desk import open_desk
    from veche.cli.terminal import answer, tell
    from veche.observer.durable_files import read_content
    from veche.service.sealing import seal as seal_election

    with open_desk(folder, at, private) as desk:
        seal_election(desk, read_content(credentials))
    with _at_desk(folder, at, private) as desk:
        setup = desk.view.setup().event_hash
        tell(f"Sealed. The seal that everybody compares: {short_form(setup)}")
    answer(setup)


@app.command()
def issued(
    folder: Folder,
    entry: Annotated[Path, typer.Argument(help="The registrar's signed entry, issued-N.json.", metavar="ISSUED.json")],
    credentials: Annotated[
        Path | None, typer.Option(help="The list it names, if it is not issued-N.credentials.json beside it.", metavar="FILE")
    ] = None,
    at: At = None,
) -> None:
    """Add the registrar's signed word on which codes were handed out. Ballots with other codes are refused.

    The last one comes after the close, and may be empty.
    """
    from veche.cli.terminal import tell
    from veche.observer.durable_files import read_content
    from veche.service.voting import add_issued

    listed = credentials or entry.with_name(f"{entry.stem}.credentials.json")
    with _at_desk(folder, at) as desk:
        added = add_issued(desk, read_content(entry), read_content(listed))
        tell(f"{added.total} codes are handed out in all.")


@app.command("open")
def open_(
    folder: Folder,
    present: Annotated[
        str, typer.Option(help="Roll-call: the numbers of the trustees who answered and have their keys at hand.", metavar="1,2,3")
    ] = "",
    at: At = None,
) -> None:
    """Open the ballot box: not before the announced time, and not more than a minute late without an incident in the record.

    Call the trustees first: one more than the threshold must answer, so that the total can be decrypted even if one is lost.
    """
    from veche.cli.terminal import tell
    from veche.service.voting import open_vote

    try:
        numbers = [int(one) for one in present.split(",") if one.strip()]
    except ValueError as error:
        raise typer.BadParameter("numbers with commas between, as 1,2,3", param_hint="--present") from error
    with _at_desk(folder, at) as desk:
        open_vote(desk, numbers)
        tell(f"Open since {desk.shown(desk.now)}.")


@app.command()
def accept(
    folder: Folder,
    ballots: Annotated[list[Path], typer.Argument(help="Ballots, or folders full of them.", metavar="BALLOT…")],
    acks: Annotated[
        Path | None, typer.Option(help="Where acknowledgements go, if not to the private folder.", metavar="DIR")
    ] = None,
    private: Private = None,
    at: At = None,
) -> None:
    """Take ballots into the box. Each is checked completely and answered with a signed acknowledgement, TRACKER.ack.

    A ballot that was taken before gets the same acknowledgement again. Exit code 1 if one was refused; the others are taken.
    """
    from veche.cli.organizer_desk import ACKNOWLEDGEMENTS
    from veche.cli.organizer_voting import accept as take
    from veche.cli.organizer_voting import read_offered
    from veche.cli.terminal import answer, show_failure, tell

    with _at_desk(folder, at, private) as desk:
        outcome = take(desk, read_offered(ballots), acks or desk.private / ACKNOWLEDGEMENTS)
        for name, error in outcome.refused:
            show_failure(f"{name}: refused: {error.message} [{error.code}]")
        for tracker in (*outcome.new, *outcome.known):
            answer(tracker)
        tell(f"{len(outcome.new)} taken, {len(outcome.known)} were there already, {len(outcome.refused)} refused.")
    if outcome.refused:
        raise typer.Exit(1)


@app.command()
def extend(
    folder: Folder,
    until: Annotated[str, typer.Option(help="The new end: a time, or seconds since 1970.", metavar="TIME")],
    reason: Reason,
    at: At = None,
) -> None:
    """Move the end of voting to a later time, where the manifest allows it. It can never be moved to an earlier one."""
    from veche.cli.terminal import tell
    from veche.service.contest_plan import parse_time
    from veche.service.voting import extend as move

    with _at_desk(folder, at) as desk:
        end = parse_time(int(until) if until.isascii() and until.isdigit() else until, desk.view.manifest.zone, "--until")
        move(desk, end, reason)
        tell(f"Voting now ends at {desk.shown(end)}.")


@app.command()
def suspend(folder: Folder, reason: Reason, at: At = None) -> None:
    """Stop taking ballots for a while, for example while something is looked into. The reason stands in the record."""
    from veche.service.voting import suspend as stop

    with _at_desk(folder, at) as desk:
        stop(desk, reason)


@app.command()
def resume(folder: Folder, reason: Reason, at: At = None) -> None:
    """Take ballots again after a suspension."""
    from veche.service.voting import resume as go_on

    with _at_desk(folder, at) as desk:
        go_on(desk, reason)


@app.command()
def incident(folder: Folder, code: Reason, at: At = None) -> None:
    """Write down that something happened, so that what else looks odd in the record (a late opening) has its explanation there."""
    from veche.service.voting import add_incident

    with _at_desk(folder, at) as desk:
        add_incident(desk, code)


@app.command()
def close(folder: Folder, at: At = None) -> None:
    """Close the ballot box, at the announced end or at the extended one. Nobody can close it earlier."""
    from veche.cli.terminal import tell
    from veche.service.voting import close_vote

    with _at_desk(folder, at) as desk:
        tell(f"Closed. {close_vote(desk)} have voted.")


@app.command()
def tally(folder: Folder, at: At = None) -> None:
    """Add up the last ballot of every voter, without opening any: the encrypted total that the trustees will decrypt."""
    from veche.cli.terminal import tell
    from veche.service.counting import add_tally

    with _at_desk(folder, at) as desk:
        voters, weight = add_tally(desk)
        tell(f"The last ballots of {voters} voters are added up (total weight {weight}).")


@app.command()
def withhold(folder: Folder, at: At = None) -> None:
    """Too few have voted to keep their votes secret in a total: say so, and decrypt nothing."""
    from veche.service.counting import withhold as keep_back

    with _at_desk(folder, at) as desk:
        keep_back(desk)


@app.command()
def share(
    folder: Folder,
    files: Annotated[list[Path], typer.Argument(help="What trustees handed over (veche trustee share).", metavar="FILE…")],
    at: At = None,
) -> None:
    """Take trustees' shares of the decryption. A bad one that its trustee signed is refused by name, in the record (exit code 1).

    One that is not signed by the trustee is refused and nobody is named, because anyone could have written it.
    """
    from veche.cli.terminal import show_failure, tell
    from veche.observer.durable_files import read_content
    from veche.service.counting import add_share

    named = False
    with _at_desk(folder, at) as desk:
        for raw in [read_content(path) for path in files]:
            taken = add_share(desk, raw)
            who = f"trustee {taken.owner.number}" + (f" ({taken.owner.name})" if taken.owner.name else "")
            if taken.reason is None:
                tell(f"The share of {who} is good.")
            else:
                named = True
                show_failure(f"The share of {who} is bad ({taken.reason}) and signed by it: refused, and written into the record.")
    if named:
        raise typer.Exit(1)


@app.command()
def result(folder: Folder, at: At = None) -> None:
    """Put the trustees' shares together and write the result into the record."""
    from veche.cli.organizer_status import in_words
    from veche.cli.terminal import answer_json, tell
    from veche.service.counting import add_result

    with _at_desk(folder, at) as desk:
        counted = add_result(desk)
        for sentence in in_words(desk, counted):
            tell(sentence)
    answer_json(counted.to_json())


@app.command()
def publish(folder: Folder, jobs: Annotated[int, typer.Option(min=0, help="Processes; 0: all cores.")] = 0, at: At = None) -> None:
    """Audit the whole record and, only if everything holds, publish the preliminary result with the report of the audit."""
    from veche.cli.terminal import tell
    from veche.observer.executor import available_jobs
    from veche.service.counting import publish as announce

    with _at_desk(folder, at) as desk:
        report = announce(desk, jobs or available_jobs())
        tell(f"Audited at level {report.level}: everything holds. The preliminary result is published.")


@app.command()
def certify(
    folder: Folder, complaints: Annotated[int, typer.Option(min=0, help="How many complaints were dealt with.")] = 0, at: At = None
) -> None:
    """After the days of appeal: the result stands."""
    from veche.service.counting import certify as make_final

    with _at_desk(folder, at) as desk:
        make_final(desk, complaints)


Successor = Annotated[str | None, typer.Option(help="The number of the election that takes its place.", metavar="UUID")]


@app.command()
def cancel(folder: Folder, reason: Reason, successor: Successor = None, at: At = None) -> None:
    """Give the election up before there is a result. Final; the record and the reason stay public."""
    from veche.service.counting import cancel as give_up

    with _at_desk(folder, at) as desk:
        give_up(desk, reason, successor)


@app.command()
def annul(folder: Folder, reason: Reason, successor: Successor = None, at: At = None) -> None:
    """Declare a result void. Final; the record, the result and the reason stay public."""
    from veche.service.counting import annul as declare_void

    with _at_desk(folder, at) as desk:
        declare_void(desk, reason, successor)


@app.command()
def status(folder: Folder, json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False, at: At = None) -> None:
    """Say what has happened in this election and what comes next."""
    from veche.cli.organizer_desk import open_desk
    from veche.cli.organizer_status import as_json, what_happened, what_next
    from veche.cli.terminal import answer, answer_json

    with open_desk(folder, at) as desk:
        if json:
            answer_json(as_json(desk))
            return
        for sentence in what_happened(desk):
            answer(sentence)
        answer(f"Next: {what_next(desk)}")
