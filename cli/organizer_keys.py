"""`veche organizer ceremony`: the organizer's commands while the trustees make their keys together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from veche.cli.help_text import WholeSentences

if TYPE_CHECKING:
    from veche.ballot.trustees import SingleTrustee

ceremony = typer.Typer(
    cls=WholeSentences,
    no_args_is_help=True,
    help="The trustees' ceremony: they make one key together, so that T of them are needed and no fewer can open anything.\n\n"
    "SHARED is a folder that all of them can read and write, for example a memory stick that goes round. Nothing in it is secret.",
)

Shared = Annotated[Path, typer.Argument(help="The folder shared with the trustees.", metavar="SHARED")]
Out = Annotated[Path, typer.Option(help="The folder for the files that this makes.", metavar="DIR")]
Previous = Annotated[
    Path | None, typer.Option(help="The run file of the run that ended before this one, if there was one.", metavar="FILE")
]


@ceremony.command()
def start(
    shared: Shared,
    threshold: Annotated[int, typer.Option(min=1, help="How many trustees are needed to decrypt.")],
    name: Annotated[list[str], typer.Option(help="A trustee's public name; once for each, in order.")],
    cipher: Annotated[str, typer.Option(help="gcm; or ccm when a trustee uses belenios-tool 3.0 or older.")] = "gcm",
    deadline: Annotated[
        list[str] | None, typer.Option(help="When commitments, reveals and complaints are due; three times. Else: 1, 2, 3 days.")
    ] = None,
    zone: Annotated[str, typer.Option(help="The zone of the deadlines, where they name none.")] = "UTC",
) -> None:
    """Fix how many trustees there are, how many are needed, their order and the deadlines."""
    import time

    from veche.cli.ceremony_folder import CeremonyFolder
    from veche.cli.terminal import tell
    from veche.crypto.channel import Cipher
    from veche.crypto.run_file import Terms
    from veche.service.contest_plan import parse_time
    from veche.service.key_ceremony import begin

    now = int(time.time())
    given = deadline or [str(now + days * 86_400) for days in (1, 2, 3)]
    if len(given) != 3:
        raise typer.BadParameter("three are needed: for commitments, reveals and complaints", param_hint="--deadline")
    commit, reveal, complain = (parse_time(int(one) if one.isdigit() else one, zone, "--deadline") for one in given)
    begin(CeremonyFolder(shared), Terms(len(name), threshold, Cipher.from_json(cipher), (commit, reveal, complain), tuple(name)))
    tell(f"{shared}/terms.json is there. Each trustee begins with: veche trustee certificate (see veche trustee --help).")


@ceremony.command()
def status(shared: Shared) -> None:
    """Say which step the ceremony is at, and whose file is missing."""
    from veche.cli.ceremony_folder import CeremonyFolder
    from veche.cli.terminal import answer
    from veche.service.key_ceremony import read_standing, wrong_reveals

    standing = read_standing(CeremonyFolder(shared))
    names = standing.terms.names
    answer(f"{standing.terms.threshold} of {standing.terms.size} trustees: {', '.join(names)}.")
    for place in wrong_reveals(standing):
        answer(f"Trustee {place} ({names[place - 1]}) revealed something else than it committed to: veche organizer ceremony end.")
    for complaint in standing.complaints:
        answer(f"Trustee {complaint.complainant} complains about trustee {complaint.dealer}: veche organizer ceremony end.")
    waiting = standing.waiting()
    if waiting is None:
        answer("Everything has come: veche organizer ceremony finish.")
    else:
        answer(f"Waiting for the {waiting[0]} of: {', '.join(names[place - 1] for place in waiting[1])}.")


@ceremony.command()
def finish(
    shared: Shared,
    out: Out,
    single: Annotated[
        list[Path] | None, typer.Option(help="The public key of a trustee that must always take part.", metavar="FILE")
    ] = None,
    previous: Previous = None,
) -> None:
    """Check everything and write trustees.json and the run file, for `veche organizer keys`."""
    from veche.cli.ceremony_folder import CeremonyFolder
    from veche.cli.terminal import answer
    from veche.observer.durable_files import read_content, refuse_existing, write_new
    from veche.service.key_ceremony import finish_ceremony

    refuse_existing(out / "trustees.json", out / "run.json")
    before = None if previous is None else read_content(previous)
    trustees, run = finish_ceremony(CeremonyFolder(shared), [read_single(path) for path in single or []], before)
    out.mkdir(parents=True, exist_ok=True)
    for path, content in ((out / "trustees.json", trustees.raw), (out / "run.json", run.encode())):
        write_new(path, content)
        answer(str(path))


@ceremony.command()
def end(shared: Shared, out: Out, previous: Previous = None) -> None:
    """End a run that can give no key: complaints are judged by their evidence, and silence by the deadlines.

    The next run begins in a new folder, without whoever is named and with new seeds; its run file names this one (--previous).
    """
    import time

    from veche.cli.ceremony_folder import CeremonyFolder
    from veche.cli.terminal import answer, tell
    from veche.observer.durable_files import read_content, write_new
    from veche.service.key_ceremony import end_ceremony, read_standing

    board = CeremonyFolder(shared)
    names = read_standing(board).terms.names
    run = end_ceremony(board, int(time.time()), None if previous is None else read_content(previous))
    out.mkdir(parents=True, exist_ok=True)
    write_new(out / "ended-run.json", run.encode())
    tell(f"The run ended with {run.code}, which names: {', '.join(names[place - 1] for place in run.named)}.")
    answer(str(out / "ended-run.json"))


def read_single(path: Path) -> SingleTrustee:
    """The public key of a trustee that must always take part. Raises Malformed naming the file."""
    from veche.ballot.trustees import SingleTrustee
    from veche.crypto.errors import ElectionError, Malformed
    from veche.observer.durable_files import read_json

    try:
        return SingleTrustee.from_json(read_json(path))
    except ElectionError as error:
        raise Malformed("trustee-key", f"{path}: not the public key of a single trustee: {error.message}") from error
