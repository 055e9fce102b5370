"""`veche voter`: encrypt a ballot, check that it was encrypted as wanted, find it again. Works without any network.

The code comes from a file or is typed unseen: on a command line other users of the computer could read it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from veche.cli.help_text import WholeSentences

if TYPE_CHECKING:
    from veche.ballot.prepared_ballot import Choices
    from veche.observer.board import Sealed

app = typer.Typer(
    cls=WholeSentences,
    no_args_is_help=True,
    help="Voter: encrypt your ballot, open one to check the computer, find your ballot in the public record.",
)

Election = Annotated[
    str,
    typer.Option("--election", "--folder", help="The record: archive .bel, folder or address, or a folder with election.json."),
]
Source = Annotated[str, typer.Argument(metavar="SOURCE", help="The public record: an archive .bel, its folder, or its address.")]
CodeFile = Annotated[Path | None, typer.Option(help="A file with your code. Without it you are asked, and nothing is shown.")]


@app.command()
def encrypt(
    election: Election,
    code_file: CodeFile = None,
    choose: Annotated[
        list[str] | None,
        typer.Option(help="Option numbers for a question, such as 2 or 1,3, or blank; once per question, in order."),
    ] = None,
    choices: Annotated[str | None, typer.Option(help="The marks as belenios-tool takes them: '[[1,0],[0,1,0]]'.")] = None,
    cast: Annotated[Path | None, typer.Option(help="Cast: where to write the ballot, ready for the ballot box.")] = None,
    open_: Annotated[
        Path | None, typer.Option("--open", help="Test: where to write the opened ballot. It is never counted.")
    ] = None,
) -> None:
    """Encrypt your vote. You see the ballot's fingerprint first, and only then say: cast it, or open it to test the computer.

    Without --choose and --choices you are asked question by question, so that your vote stays out of the shell's history. With
    both --cast and --open, or with neither, you are asked which: then the computer cannot know beforehand when it is tested.
    """
    from veche.cli.terminal import answer, tell
    from veche.cli.voter_ballot import encrypt_vote, listed_secret, sign_ballot
    from veche.crypto.scalar import system_randomness
    from veche.crypto.version1 import compact
    from veche.observer.board import read_sealed
    from veche.observer.durable_files import refuse_existing, write_new, write_private

    sealed = read_sealed(election)
    _tell_election(sealed)
    secret = listed_secret(_code(code_file), sealed)
    prepared = encrypt_vote(sealed, secret, _marks(sealed, choose, choices), system_randomness)
    tell("Your vote is encrypted. The ballot's fingerprint:")
    answer(prepared.commitment)
    if _wants_to_cast(cast, open_):
        path = cast or Path("ballot.json")
        refuse_existing(path)
        raw = sign_ballot(sealed, prepared, secret, system_randomness)
        write_new(path, raw)
        tell(f"The ballot is in {path}: give it to the ballot box. Write down its tracker:")
        answer(compact(raw))
        return
    path = open_ or Path("opened-ballot.json")
    refuse_existing(path)
    write_private(path, prepared.open().encode())
    tell(f"The opened ballot is in {path}. Check it with another computer: veche voter check-opened {path}")
    tell("It shows how you marked it and is never counted. To vote, encrypt a new one.")


@app.command("check-opened")
def check_opened(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The opened ballot.")],
    election: Election,
    fingerprint: Annotated[str | None, typer.Option(help="The fingerprint that the first computer showed.")] = None,
) -> None:
    """Check, on another computer than the one that encrypted it, that an opened ballot holds what it says."""
    from veche.ballot.prepared_ballot import MAX_BYTES, parse_opened, verify_opened
    from veche.cli.terminal import answer, tell
    from veche.cli.voter_ballot import describe_choices
    from veche.crypto.errors import Inconsistent
    from veche.observer.board import read_sealed
    from veche.observer.durable_files import read_content

    sealed = read_sealed(election)
    _tell_election(sealed)
    opened = parse_opened(read_content(file, MAX_BYTES))
    verify_opened(opened, sealed.election)
    if fingerprint is not None and fingerprint.strip() != opened.commitment:
        raise Inconsistent(
            "opened-other",
            f"the opened ballot has the fingerprint {opened.commitment}, not the one that was shown before it was opened",
        )
    answer(opened.commitment)
    for line in describe_choices(opened, sealed.election):
        answer(line)
    if fingerprint is None:
        tell("Compare the fingerprint above with the one that the first computer showed BEFORE it was told to open the ballot.")


@app.command()
def send(
    ballot: Annotated[Path, typer.Argument(metavar="BALLOT", help="The file of your ballot, as `encrypt` wrote it.")],
    election: Annotated[str, typer.Option(help="The election's address: https://HOST/observer/elections/UUID.")],
    acknowledgement: Annotated[
        Path | None, typer.Option(help="Where to keep the signed acknowledgement. Else: BALLOT.ack beside it.")
    ] = None,
) -> None:
    """Send your ballot to the server, and keep its signed answer: with it you can prove that your ballot was taken.

    If the network fails, give the same command again: the same ballot is never counted twice.
    """
    from veche.cli.terminal import answer, tell
    from veche.cli.voter_sending import send_ballot
    from veche.crypto.version1 import compact
    from veche.observer.board import read_sealed
    from veche.observer.durable_files import read_content, write_new

    sealed = read_sealed(election)
    _tell_election(sealed)
    raw = read_content(ballot)
    note, said = send_ballot(election, sealed, raw)
    kept = acknowledgement or ballot.with_name(f"{ballot.name}.ack")
    if not kept.exists() or read_content(kept) != note.removesuffix(b"\n"):
        write_new(kept, note)
    tell(f"Sent and accepted: your ballot is event {said.height}. The signed acknowledgement is in {kept}.")
    tell("In some time a receipt will show that it is in the public log; it can be checked without the server, for ever:")
    tell(f"  veche voter receipt --election {election} TRACKER --out {ballot.name}.tlog-proof")
    tell("Its tracker:")
    answer(compact(raw))


@app.command()
def receipt(
    ballot: Annotated[str, typer.Argument(metavar="TRACKER", help="Your tracker, or the file of your ballot.")],
    election: Annotated[str, typer.Option(help="The election's address: https://HOST/observer/elections/UUID.")],
    out: Annotated[Path, typer.Option(help="Where to write the receipt, such as my.tlog-proof.")],
    wait: Annotated[int, typer.Option(min=0, max=3600, help="For how many seconds to wait for it.")] = 300,
) -> None:
    """Fetch the receipt of your ballot: the proof that it is in the public log. It is checked before it is kept."""
    from veche.cli.terminal import answer, tell
    from veche.cli.voter_receipt import fetch_receipt
    from veche.observer.board import read_sealed
    from veche.observer.durable_files import refuse_existing, write_new

    refuse_existing(out)
    sealed = read_sealed(election)
    _tell_election(sealed)
    data, standing = fetch_receipt(election, sealed, _tracker(ballot), wait)
    write_new(out, data)
    for line in standing.lines:
        answer(line)
    if standing.short is not None:
        tell(f"Not confirmed yet: {standing.short.message}. Fetch it again later under another name.")
    tell(f"The receipt is in {out}. Check it without any network: veche voter check-receipt {out} --election FOLDER")


@app.command("check-receipt")
def check_receipt(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The receipt (.tlog-proof), or the acknowledgement.")],
    policy: Annotated[Path | None, typer.Option(help="A file that says which logs and witnesses you trust.")] = None,
    election: Annotated[str | None, typer.Option(metavar="FOLDER", help="A copy of the record, such as a mirror's.")] = None,
    ballot: Annotated[str | None, typer.Option(help="Your tracker or the file of your ballot: it must be this one.")] = None,
) -> None:
    """Say what your receipt or acknowledgement is worth, without any network: accepted, in the public log, confirmed, counted.

    Exit code 0: it holds. 1: it does not, or witnesses are missing. 2: it cannot be checked. 3: it proves that the log has cheated.
    """
    from veche.cli.mirror import end_proven
    from veche.cli.terminal import answer
    from veche.crypto.errors import Unsupported
    from veche.ledger.policy import parse_policy
    from veche.observer.durable_files import read_file
    from veche.observer.evidence import Proven
    from veche.observer.receipt_check import check_by_policy, check_by_record

    if (policy is None) == (election is None):
        raise Unsupported("nothing-to-trust", "a receipt is checked against --policy FILE or --election FOLDER: give one of them")
    data, tracker = read_file(file), None if ballot is None else _tracker(ballot)
    try:
        if policy is not None:
            standing = check_by_policy(data, parse_policy(read_file(policy)), tracker)
        else:
            standing = check_by_record(data, election or "", tracker)
    except Proven as proven:
        raise end_proven(proven, file.parent) from proven
    for line in standing.lines:
        answer(line)
    if standing.short is not None:
        raise standing.short


@app.command()
def paper(
    acknowledgement: Annotated[Path, typer.Argument(metavar="FILE", help="The acknowledgement, as `send` kept it.")],
    out: Annotated[Path, typer.Option(help="A page to print (.html), or the QR code alone (.svg).")],
    receipt: Annotated[Path | None, typer.Option(help="The receipt, for the number of the entry in the log.")] = None,
) -> None:
    """A page to print with your acknowledgement in words and as a QR code, in Russian and English."""
    from veche.cli.terminal import tell
    from veche.cli.voter_paper import make_paper
    from veche.observer.durable_files import read_file, write_new

    content, without_code = make_paper(read_file(acknowledgement), None if receipt is None else read_file(receipt), out.suffix)
    write_new(out, content)
    if without_code:
        tell("There is no QR code on the page: the package segno is not installed (pip install segno).")
    tell(f"The page is in {out}. What a scanner reads from it, veche voter check-receipt checks.")


@app.command()
def track(
    source: Source,
    ballot: Annotated[
        str, typer.Argument(metavar="BALLOT", help="Your tracker (64 digits, or 43 characters), or the file of your ballot.")
    ],
) -> None:
    """Say where your ballot stands in the public record, and whether a later one replaced it."""
    from veche.cli.terminal import answer
    from veche.cli.voter_tracking import describe_ballot
    from veche.observer.board import read_board

    for line in describe_ballot(read_board(source), _tracker(ballot)):
        answer(line)


@app.command("my-ballots")
def my_ballots(source: Source, code_file: CodeFile = None) -> None:
    """List all ballots that were ever cast with your code. You should know every one of them."""
    from veche.ballot.credential import public_credential
    from veche.cli.terminal import answer
    from veche.cli.voter_ballot import listed_secret
    from veche.cli.voter_tracking import describe_own_ballots
    from veche.observer.board import read_board

    board = read_board(source)
    secret = listed_secret(_code(code_file), board.sealed)
    for line in describe_own_ballots(board, public_credential(secret).hex()):
        answer(line)


def _tracker(given: str) -> str:
    """Of a ballot's file its tracker; else what was given, as a tracker."""
    from hashlib import sha256

    from veche.ballot.encrypted_ballot import MAX_BYTES
    from veche.observer.durable_files import read_content
    from veche.observer.tracker import parse_tracker

    if Path(given).is_file():
        return sha256(read_content(Path(given), MAX_BYTES)).hexdigest()
    return parse_tracker(given)


def _code(file: Path | None) -> str:
    from veche.observer.durable_files import read_line

    if file is not None:
        return read_line(file, 1000)
    typed: str = typer.prompt("Your code", hide_input=True, err=True)
    return typed


def _tell_election(sealed: Sealed) -> None:
    from veche.ballot.manifest import seal
    from veche.cli.terminal import tell
    from veche.crypto.errors import one_line

    tell(f"{one_line(sealed.election.name)} (election {sealed.election.uuid})")
    if sealed.setup is not None:
        tell(f"Seal: {seal(sealed.setup)}. It must be the one in your letter.")


def _marks(sealed: Sealed, choose: list[str] | None, choices: str | None) -> Choices:
    from veche.cli.voter_ballot import parse_marks, parse_options

    if choices is not None and choose:
        raise typer.BadParameter("give either --choose or --choices")
    if choices is not None:
        return parse_marks(choices, sealed.election)
    return parse_options(choose or _ask(sealed), sealed.election)


def _ask(sealed: Sealed) -> list[str]:
    """The answers to all questions, as numbers, typed."""
    from veche.cli.terminal import tell
    from veche.crypto.errors import one_line

    answers: list[str] = []
    for question in sealed.election.questions:
        tell(f"\n{one_line(question.text)}")
        for number, option in enumerate(question.answers, 1):
            tell(f"  {number}  {one_line(option)}")
        blank = ", or blank" if question.blank else ""
        many = str(question.minimum) if question.minimum == question.maximum else f"{question.minimum} to {question.maximum}"
        asked = f"Choose {many} of them{blank}"
        answers.append(typer.prompt(asked, hide_input=False, err=True))
    return answers


def _wants_to_cast(cast: Path | None, opened: Path | None) -> bool:
    if (cast is None) != (opened is None):
        return cast is not None
    while True:
        said = typer.prompt("Cast this ballot, or test it? (cast/test)", err=True).strip().lower()
        if said in ("cast", "test"):
            return bool(said == "cast")
