"""`veche trustee`: a key that opens the total, and only the total. Works without any network.

A trustee keeps three things: the key files, the journal beside them, and the habit of comparing hashes before saying yes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from veche.cli.help_text import WholeSentences

if TYPE_CHECKING:
    from veche.cli.trustee_ceremony import Desk
    from veche.observer.board import Board

app = typer.Typer(
    cls=WholeSentences,
    no_args_is_help=True,
    help="Trustee: make a key (alone, or together with others), pass the drill, give your share of the result.",
)

Private = Annotated[Path, typer.Option("--private", help="Your private folder for this ceremony; a new one for each.")]
Shared = Annotated[Path, typer.Option("--folder", help="The folder that all trustees of the ceremony share.")]
KeyFile = Annotated[Path, typer.Option("--key", help="Your private key file. Its journal is kept beside it.")]
DkeyFile = Annotated[Path | None, typer.Option("--dkey", help="Your .dkey file, if the key is a seed (threshold).")]
Owner = Annotated[int, typer.Option("--owner", min=1, help="Your number in the list of trustees, from 1.")]
Cancelled = Annotated[
    Path | None, typer.Option(help="Record of the same contest that was cancelled, if your key answered for it before.")
]


@app.command()
def key(
    private: Annotated[Path, typer.Option(help="Where to write the private key (for you alone).")],
    public: Annotated[Path, typer.Option(help="Where to write the public key, which the organizer gets.")],
    name: Annotated[str | None, typer.Option(help="Your name or office, as everybody shall see it.")] = None,
) -> None:
    """Make a single key. It must take part in every count: if it is lost, nothing can be counted."""
    from veche.cli.terminal import answer
    from veche.cli.trustee_key import make_single_key
    from veche.crypto.scalar import system_randomness
    from veche.crypto.version1 import compact
    from veche.observer.durable_files import refuse_existing, write_new, write_private

    secret, shown = make_single_key(name, system_randomness)
    refuse_existing(private, public)
    write_private(private, secret)
    write_new(public, shown)
    answer(f"fingerprint of the public key: {compact(shown)}")


@app.command()
def certificate(
    private: Private,
    folder: Shared,
    place: Annotated[str, typer.Option(help="i/t/n: you are trustee i of n, any t of whom can decrypt. Example: 1/2/3.")],
) -> None:
    """Ceremony, step 1: make your seed and show its certificate. Agree on places and threshold with the others first."""
    from veche.cli.terminal import answer
    from veche.cli.trustee_ceremony import make_certificate, parse_place
    from veche.crypto.scalar import system_randomness

    made = make_certificate(_desk(private, folder), parse_place(place), system_randomness)
    answer(f"fingerprint of your certificate: {made.file_name()}")


@app.command()
def commit(
    private: Private,
    folder: Shared,
    cipher: Annotated[
        str | None, typer.Option(help="gcm (the default), or ccm if a belenios-tool up to 3.0 shall read your files.")
    ] = None,
) -> None:
    """Ceremony, step 2: choose your part of the key and show a hash of it. Needs everybody's certificate."""
    from veche.cli.terminal import answer, tell
    from veche.cli.trustee_ceremony import certificates_seal, make_commitment
    from veche.crypto.channel import Cipher
    from veche.crypto.scalar import system_randomness

    chosen = None if cipher is None else Cipher.from_json(cipher)
    state = make_commitment(_desk(private, folder), chosen, system_randomness)
    answer(f"hash of all certificates: {certificates_seal(state.place.certificates)}")
    tell("Read this hash to the other trustees: all must have the same.")


@app.command()
def reveal(private: Private, folder: Shared) -> None:
    """Ceremony, step 3: show your part itself. Needs everybody's commitment, so that nobody could choose after seeing yours."""
    from veche.cli.terminal import answer
    from veche.cli.trustee_ceremony import make_reveal
    from veche.crypto.scalar import system_randomness

    state = make_reveal(_desk(private, folder), system_randomness)
    answer(f"trustee {state.committed.place.index} has revealed its part")


@app.command()
def deal(private: Private, folder: Shared) -> None:
    """Ceremony, step 4: check what all have revealed, and hand out the encrypted shares."""
    from veche.cli.terminal import answer
    from veche.cli.trustee_ceremony import hand_out_shares

    state = hand_out_shares(_desk(private, folder))
    answer(f"trustee {state.place.index} has dealt {state.place.size - 1} shares")


@app.command()
def check(
    private: Private,
    folder: Shared,
    name: Annotated[str | None, typer.Option(help="Your name or office, if terms.json does not give it.")] = None,
) -> None:
    """Ceremony, step 5: check the shares you got. Either your key is ready, or you complain about a bad share, in public."""
    from veche.cli.terminal import answer
    from veche.cli.trustee_ceremony import DECRYPTION_KEY, SEED, take_shares
    from veche.crypto.complaint import Complaint
    from veche.crypto.errors import Refused
    from veche.crypto.scalar import system_randomness

    outcome = take_shares(_desk(private, folder), name, system_randomness)
    if isinstance(outcome, Complaint):
        raise Refused(
            "bad-share",
            f"trustee {outcome.dealer} dealt you a bad share; your complaint is in the shared folder, this run ends with it",
        )
    answer(f"your key: {private / SEED} with {private / DECRYPTION_KEY}; keep copies of both where only you can read them")


@app.command()
def confirm(
    private: Private,
    folder: Shared,
    trustees: Annotated[Path, typer.Option(help="The published trustees.json.")],
    run: Annotated[Path | None, typer.Option(help="The published run file of the ceremony (run.json).")] = None,
) -> None:
    """Check that the published keys are those of your ceremony, and that everybody saw what you saw."""
    from veche.cli.terminal import answer
    from veche.cli.trustee_ceremony import confirm_outcome
    from veche.observer.durable_files import read_content

    confirm_outcome(_desk(private, folder), read_content(trustees), None if run is None else read_content(run))
    answer("These are the keys you helped to make.")


@app.command("tool-deal")
def tool_deal(
    key: Annotated[Path, typer.Option(help="Your seed (.key), made by `certificate` or by belenios-tool.")],
    certs: Annotated[Path, typer.Option(help="All certificates, one per line, in the order of the places.")],
    out: Annotated[Path, typer.Option(help="Where to write your polynomial, for the one who collects them.")],
    cipher: Annotated[str, typer.Option(help="ccm for belenios-tool up to 3.0, gcm for later ones.")] = "gcm",
) -> None:
    """With other people's tools (belenios-tool), step 3: deal. Such an election has level belenios."""
    from veche.cli.trustee_tool import deal_for_tool, seen_certificates
    from veche.observer.durable_files import read_line, write_new, write_private

    made = deal_for_tool(read_line(key), read_line(certs), cipher)
    write_private(seen_certificates(key), read_line(certs).encode("utf-8"))
    write_new(out, made)


@app.command("tool-check")
def tool_check(
    key: Annotated[Path, typer.Option(help="Your seed (.key).")],
    vinput: Annotated[Path, typer.Option(help="What you were handed at step 4 (.vinput).")],
    out: Annotated[Path, typer.Option(help="Where to write your answer, for the one who collects them.")],
    dkey: Annotated[Path, typer.Option(help="Where to write your decryption key (.dkey), for you alone.")],
    cipher: Annotated[str, typer.Option(help="ccm for belenios-tool up to 3.0, gcm for later ones.")] = "gcm",
    name: Annotated[str | None, typer.Option(help="Your name or office, as everybody shall see it.")] = None,
) -> None:
    """With other people's tools (belenios-tool), step 5: check all shares and make your key."""
    from veche.cli.trustee_tool import check_for_tool, seen_certificates
    from veche.observer.durable_files import read_line, refuse_existing, write_new, write_private

    certs = read_line(seen_certificates(key))
    voutput, decryption_key = check_for_tool(read_line(key), certs, read_line(vinput, 64_000_000), cipher, name)
    refuse_existing(out, dkey)
    write_private(dkey, decryption_key)
    write_new(out, voutput)


@app.command()
def drill(
    key: KeyFile,
    owner: Owner,
    out: Annotated[Path, typer.Option(help="Where to write the drill, which the organizer gets.")],
    folder: Annotated[Path | None, typer.Option(help="The record in draft, with manifest and ceremony.")] = None,
    manifest: Annotated[Path | None, typer.Option(help="manifest.json, if there is no record yet.")] = None,
    trustees: Annotated[Path | None, typer.Option(help="trustees.json, if it does not stand in the record yet.")] = None,
    dkey: DkeyFile = None,
    cancelled: Cancelled = None,
) -> None:
    """Show before the vote that you still have your key. Fetch it from where it is kept; that is the point of the drill."""
    from veche.cli.terminal import answer
    from veche.cli.trustee_drill import cancelled_manifest, drafted, pass_drill
    from veche.cli.trustee_journal import open_journal
    from veche.cli.trustee_key import read_trustee_key
    from veche.crypto.scalar import system_randomness
    from veche.observer.durable_files import read_content, refuse_existing, write_new

    if (folder is None) == (manifest is None):
        raise typer.BadParameter("name either --folder or --manifest")
    rules, keys = drafted(str(folder)) if folder is not None else (read_content(manifest or Path()), None)
    keys = read_content(trustees) if trustees is not None else keys
    if keys is None:
        raise typer.BadParameter("the record names no trustees.json yet: give it with --trustees")
    before = None if cancelled is None else cancelled_manifest(str(cancelled))
    mine = read_trustee_key(key, dkey)
    refuse_existing(out)
    with open_journal(key) as file:
        made, journal = pass_drill(mine, owner, rules, keys, file.journal, system_randomness, before)
        file.save(journal)
        write_new(out, made)
    answer(str(out))


@app.command()
def share(
    folder: Annotated[str, typer.Option(help="The public record: its folder, or a bare .bel with --level belenios.")],
    key: KeyFile,
    owner: Owner,
    out: Annotated[Path, typer.Option(help="Where to write your share, which the organizer gets.")],
    dkey: DkeyFile = None,
    setup: Annotated[str | None, typer.Option(help="Setup hash (64 digits) or seal, as you know it from elsewhere.")] = None,
    end: Annotated[str | None, typer.Option(help="The whole EndBallots hash (64 digits), as you know it from elsewhere.")] = None,
    level: Annotated[str, typer.Option(help="The least level you accept: strict or belenios.")] = "strict",
    minimum: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Fewest voters you decrypt for. The manifest's number holds where there is a manifest, and this can only "
            "raise it. Without a manifest: 5, and 0 switches the rule off.",
        ),
    ] = None,
    for_tool: Annotated[
        Path | None,
        typer.Option(
            help="At level belenios only: write the share here, too, as the two lines that belenios-tool reads (archive add-event)."
        ),
    ] = None,
    cancelled: Cancelled = None,
    journal_lost: Annotated[
        bool,
        typer.Option("--journal-lost", help="The journal beside your key is lost, and you gave no share yet for this election."),
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Processes for the audit.")] = 1,
) -> None:
    """Give your share of the result: after auditing the record and adding up all ballots yourself, once and never again.

    Setup hash and EndBallots hash are shown and must be typed, or given: take them from elsewhere (your own notes, a newspaper).
    """
    from veche.cli.terminal import answer, tell
    from veche.cli.trustee_drill import cancelled_manifest
    from veche.cli.trustee_journal import open_journal
    from veche.cli.trustee_key import read_trustee_key
    from veche.cli.trustee_share import share_of_total, tool_lines, verify_confirmed, verify_level_belenios
    from veche.observer.board import read_board
    from veche.observer.durable_files import refuse_existing, write_new

    if level not in ("strict", "belenios"):
        raise typer.BadParameter("the level is strict or belenios")
    refuse_existing(out, *([] if for_tool is None else [for_tool]))
    mine = read_trustee_key(key, dkey)
    board = read_board(folder)
    if for_tool is not None:
        verify_level_belenios(board)
    verify_confirmed(board, *_confirmed(board, setup, end))
    before = None if cancelled is None else cancelled_manifest(str(cancelled))
    with open_journal(key) as file:
        delivery, journal = share_of_total(mine, owner, folder, board, file.journal, level, minimum, before, jobs, journal_lost)
        # The journal first: a share that left and is not remembered could be followed by a second one.
        file.save(journal)
        write_new(out, delivery)
        if for_tool is not None:
            write_new(for_tool, tool_lines(delivery, board))
    tell(f"{board.voters()} people voted. Your share is for their total and for nothing else.")
    answer(str(out))


def _confirmed(board: Board, setup: str | None, end: str | None) -> tuple[str, str]:
    """What the person knows of Setup and EndBallots; asked for where the options do not say it."""
    from veche.ballot.manifest import seal
    from veche.cli.terminal import tell
    from veche.crypto.errors import one_line

    tell(f"This record: {one_line(board.sealed.election.name)}, election {board.sealed.election.uuid}")
    tell(f"  Setup hash  {board.setup}")
    tell(f"  seal        {seal(board.setup)}")
    tell(f"  EndBallots  {board.end or 'voting has not ended'}")
    if setup is None:
        setup = typer.prompt("Setup hash or seal, as you know it from elsewhere", err=True)
    if end is None:
        end = typer.prompt("EndBallots hash, as you know it from elsewhere", err=True)
    return setup, end


def _desk(private: Path, shared: Path) -> Desk:
    from veche.cli.ceremony_folder import CeremonyFolder
    from veche.cli.trustee_ceremony import Desk
    from veche.crypto.errors import Unsupported

    if not shared.is_dir():
        raise Unsupported("unreadable", f"{shared}: the folder that the trustees share is not there")
    return Desk(private, CeremonyFolder(shared))
