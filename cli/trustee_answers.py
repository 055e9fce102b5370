"""`veche trustee drill`, `roll-call` and `share`: what the key answers for. With files, or with the server of an invitation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from veche.cli.trustee_options import Cancelled, DkeyFile, Server, ServerFile, chosen_server, wanted_server

if TYPE_CHECKING:
    from veche.observer.board import Board

KeyFile = Annotated[
    Path | None,
    typer.Option("--key", help="Your private key file; its journal is beside it. With a server: else trustee.key in --private."),
]
Owner = Annotated[int | None, typer.Option("--owner", min=1, help="Your number in the list of trustees, from 1.")]
Room = Annotated[Path | None, typer.Option("--private", help="With a server: your private folder of the ceremony.")]
Election = Annotated[
    str | None, typer.Option("--election", help="With a server: one election of the campaign, by its identifier.", metavar="UUID")
]

Record = Annotated[
    str | None, typer.Option("--folder", help="The record: its folder, its address, or a bare .bel with --level belenios.")
]
Setup = Annotated[str | None, typer.Option(help="Setup hash (64 digits) or seal, as you know it from elsewhere.")]
End = Annotated[str | None, typer.Option(help="The whole EndBallots hash (64 digits), as you know it from elsewhere.")]
Minimum = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Fewest voters you decrypt for. The manifest's number holds where there is a manifest, and this can only "
        "raise it. Without a manifest: 5, and 0 switches the rule off.",
    ),
]
ForTool = Annotated[
    Path | None,
    typer.Option(
        help="At level belenios only: write the share here, too, as the two lines that belenios-tool reads (archive add-event)."
    ),
]
JournalLost = Annotated[
    bool,
    typer.Option("--journal-lost", help="The journal beside your key is lost, and you gave no share yet for this election."),
]
Compare = Annotated[
    str | None,
    typer.Option(help="The same election on another server or mirror, instead of typing the hashes.", metavar="ADDRESS"),
]
SameHost = Annotated[
    bool, typer.Option("--same-host", help="Compare even though --compare is on the same host, and so in the same hands.")
]


def drill(
    key: KeyFile = None,
    owner: Owner = None,
    out: Annotated[Path | None, typer.Option(help="Where to write the drill, which the organizer gets.")] = None,
    folder: Annotated[str | None, typer.Option(help="The record in draft: its folder or address.")] = None,
    manifest: Annotated[Path | None, typer.Option(help="manifest.json, if there is no record yet.")] = None,
    trustees: Annotated[Path | None, typer.Option(help="trustees.json, if it does not stand in the record yet.")] = None,
    dkey: DkeyFile = None,
    cancelled: Cancelled = None,
    private: Room = None,
    server: Server = None,
    server_file: ServerFile = None,
    election: Election = None,
) -> None:
    """Show before the vote that you still have your key. Fetch it from where it is kept; that is the point of the drill.

    With a server, every contest of the campaign that waits for your drill gets it, if its keys are those of your own ceremony.
    """
    from veche.cli.terminal import answer
    from veche.cli.trustee_drill import cancelled_manifest, drafted, pass_drill
    from veche.cli.trustee_journal import open_journal
    from veche.cli.trustee_key import read_trustee_key
    from veche.crypto.scalar import system_randomness
    from veche.observer.durable_files import read_content, refuse_existing, write_new

    before = None if cancelled is None else cancelled_manifest(cancelled)
    there = chosen_server(folder or manifest, server, server_file)
    if there is not None:
        from veche.cli.trustee_at_server import Chair, pass_drills

        for uuid in pass_drills(Chair.take(there, _room(private), key, dkey), election, before, system_randomness):
            answer(uuid)
        return
    if folder is not None and manifest is not None:
        raise typer.BadParameter("name either --folder or --manifest")
    key, owner, out = _files(key, owner, out)
    rules, keys = drafted(folder) if folder is not None else (read_content(manifest or Path()), None)
    keys = read_content(trustees) if trustees is not None else keys
    if keys is None:
        raise typer.BadParameter("the record names no trustees.json yet: give it with --trustees")
    mine = read_trustee_key(key, dkey)
    refuse_existing(out)
    with open_journal(key) as file:
        made, journal = pass_drill(mine, owner, rules, keys, file.journal, system_randomness, before)
        file.save(journal)
        write_new(out, made)
    answer(str(out))


def roll_call(
    private: Annotated[Path, typer.Option("--private", help="Your private folder of the ceremony.")],
    server: Server = None,
    server_file: ServerFile = None,
    key: KeyFile = None,
    dkey: DkeyFile = None,
    election: Election = None,
) -> None:
    """Say before the vote opens that you are there, with your key: it is opened for this, and fits the sealed elections."""
    from veche.cli.terminal import answer
    from veche.cli.trustee_at_server import Chair, answer_roll_calls

    chair = Chair.take(wanted_server(server, server_file), private, key, dkey)
    for uuid in answer_roll_calls(chair, election):
        answer(uuid)


def share(
    folder: Record = None,
    key: KeyFile = None,
    owner: Owner = None,
    out: Annotated[Path | None, typer.Option(help="Where to write your share, which the organizer gets.")] = None,
    dkey: DkeyFile = None,
    setup: Setup = None,
    end: End = None,
    level: Annotated[str, typer.Option(help="The least level you accept: strict or belenios.")] = "strict",
    minimum: Minimum = None,
    for_tool: ForTool = None,
    cancelled: Cancelled = None,
    journal_lost: JournalLost = False,
    jobs: Annotated[int, typer.Option(min=1, help="Processes for the audit.")] = 1,
    private: Room = None,
    server: Server = None,
    server_file: ServerFile = None,
    election: Election = None,
    compare: Compare = None,
    same_host: SameHost = False,
) -> None:
    """Give your share of the result: after auditing the record and adding up all ballots yourself, once and never again.

    Setup hash and EndBallots hash are shown and must be typed, or given: take them from elsewhere (your own notes, a newspaper).
    With a server the record is fetched once, and all of this is done with that copy.
    """
    from veche.cli.terminal import answer, tell
    from veche.cli.trustee_at_server import Chair, Comparison, Demands, give_share
    from veche.cli.trustee_drill import cancelled_manifest
    from veche.cli.trustee_journal import open_journal
    from veche.cli.trustee_key import read_trustee_key
    from veche.cli.trustee_share import share_of_total, tool_lines, verify_confirmed, verify_level_belenios
    from veche.observer.board import board_of
    from veche.observer.durable_files import refuse_existing, write_new
    from veche.observer.sources import open_source

    if level not in ("strict", "belenios"):
        raise typer.BadParameter("the level is strict or belenios")
    before = None if cancelled is None else cancelled_manifest(cancelled)
    there = chosen_server(folder, server, server_file)
    if there is not None:
        chair, rules = Chair.take(there, _room(private), key, dkey), Demands(level, minimum, before, jobs, journal_lost)
        answer(give_share(chair, election, Known(setup, end), Comparison.of(compare, same_host), rules))
        return
    key, owner, out = _files(key, owner, out)
    refuse_existing(*(path for path in (out, for_tool) if path is not None))
    mine, source = read_trustee_key(key, dkey), open_source(folder or "")
    board = board_of(source)
    if for_tool is not None:
        verify_level_belenios(board)
    verify_confirmed(board, *Known(setup, end).confirmed(board))
    with open_journal(key) as file:
        delivery, journal = share_of_total(mine, owner, source, board, file.journal, level, minimum, before, jobs, journal_lost)
        # The journal first: a share that left and is not remembered could be followed by a second one.
        file.save(journal)
        write_new(out, delivery)
        if for_tool is not None:
            write_new(for_tool, tool_lines(delivery, board))
    tell(f"{board.voters()} people voted. Your share is for their total and for nothing else.")
    answer(str(out))


class Known:
    """What the person knows of Setup and EndBallots, from the options; asked for where they do not say it."""

    def __init__(self, setup: str | None, end: str | None) -> None:
        self._setup = setup
        self._end = end

    def confirmed(self, board: Board, elsewhere: tuple[str, str] | None = None) -> tuple[str, str]:
        """Setup and EndBallots from the options, else as they were seen `elsewhere`, else as they are typed now."""
        from veche.ballot.manifest import seal
        from veche.cli.terminal import tell
        from veche.crypto.errors import one_line

        tell(f"This record: {one_line(board.sealed.election.name)}, election {board.sealed.election.uuid}")
        tell(f"  Setup hash  {board.setup}")
        tell(f"  seal        {seal(board.setup)}")
        tell(f"  EndBallots  {board.end or 'voting has not ended'}")
        setup, end = self._setup, self._end
        if elsewhere is not None:
            setup, end = setup or elsewhere[0], end or elsewhere[1]
        if setup is None:
            setup = typer.prompt("Setup hash or seal, as you know it from elsewhere", err=True)
        if end is None:
            end = typer.prompt("EndBallots hash, as you know it from elsewhere", err=True)
        return setup, end


def _files(key: Path | None, owner: int | None, out: Path | None) -> tuple[Path, int, Path]:
    if key is None or owner is None or out is None:
        raise typer.BadParameter("with files, --key, --owner and --out are needed")
    return key, owner, out


def _room(private: Path | None) -> Path:
    if private is None:
        raise typer.BadParameter("with a server, name your private folder of the ceremony: --private")
    return private
