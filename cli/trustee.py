"""`veche trustee`: a key that opens the total, and only the total. Works without any network.

A trustee keeps three things: the key files, the journal beside them, and the habit of comparing hashes before saying yes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from veche.cli.help_text import WholeSentences
from veche.cli.trustee_answers import drill, roll_call, share
from veche.cli.trustee_options import PassphraseFile, Private, Server, ServerFile, Shared, desk_of, wanted_server

app = typer.Typer(
    cls=WholeSentences,
    no_args_is_help=True,
    help="Trustee: make a key (alone, or together with others), pass the drill, give your share of the result.",
)


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
    place: Annotated[str, typer.Option(help="i/t/n: you are trustee i of n, any t of whom can decrypt. Example: 1/2/3.")],
    folder: Shared = None,
    server: Server = None,
    server_file: ServerFile = None,
) -> None:
    """Ceremony, step 1: make your seed and show its certificate. Agree on places and threshold with the others first."""
    from veche.cli.terminal import answer
    from veche.cli.trustee_ceremony import make_certificate, parse_place
    from veche.crypto.scalar import system_randomness

    made = make_certificate(desk_of(private, folder, server, server_file), parse_place(place), system_randomness)
    answer(f"fingerprint of your certificate: {made.file_name()}")


@app.command()
def commit(
    private: Private,
    cipher: Annotated[
        str | None, typer.Option(help="gcm (the default), or ccm if a belenios-tool up to 3.0 shall read your files.")
    ] = None,
    folder: Shared = None,
    server: Server = None,
    server_file: ServerFile = None,
) -> None:
    """Ceremony, step 2: choose your part of the key and show a hash of it. Needs everybody's certificate."""
    from veche.cli.terminal import answer, tell
    from veche.cli.trustee_ceremony import certificates_seal, make_commitment
    from veche.crypto.channel import Cipher
    from veche.crypto.scalar import system_randomness

    chosen = None if cipher is None else Cipher.from_json(cipher)
    state = make_commitment(desk_of(private, folder, server, server_file), chosen, system_randomness)
    answer(f"hash of all certificates: {certificates_seal(state.place.certificates)}")
    tell("Read this hash to the other trustees: all must have the same.")


@app.command()
def reveal(private: Private, folder: Shared = None, server: Server = None, server_file: ServerFile = None) -> None:
    """Ceremony, step 3: show your part itself. Needs everybody's commitment, so that nobody could choose after seeing yours."""
    from veche.cli.terminal import answer
    from veche.cli.trustee_ceremony import make_reveal
    from veche.crypto.scalar import system_randomness

    state = make_reveal(desk_of(private, folder, server, server_file), system_randomness)
    answer(f"trustee {state.committed.place.index} has revealed its part")


@app.command()
def deal(private: Private, folder: Shared = None, server: Server = None, server_file: ServerFile = None) -> None:
    """Ceremony, step 4: check what all have revealed, and hand out the encrypted shares."""
    from veche.cli.terminal import answer
    from veche.cli.trustee_ceremony import hand_out_shares

    state = hand_out_shares(desk_of(private, folder, server, server_file))
    answer(f"trustee {state.place.index} has dealt {state.place.size - 1} shares")


@app.command()
def check(
    private: Private,
    name: Annotated[str | None, typer.Option(help="Your name or office, if terms.json does not give it.")] = None,
    folder: Shared = None,
    server: Server = None,
    server_file: ServerFile = None,
) -> None:
    """Ceremony, step 5: check the shares you got. Either your key is ready, or you complain about a bad share, in public."""
    from veche.cli.terminal import answer
    from veche.cli.trustee_ceremony import DECRYPTION_KEY, SEED, bad_share, take_shares
    from veche.crypto.complaint import Complaint
    from veche.crypto.scalar import system_randomness

    outcome = take_shares(desk_of(private, folder, server, server_file), name, system_randomness)
    if isinstance(outcome, Complaint):
        raise bad_share(outcome)
    answer(f"your key: {private / SEED} with {private / DECRYPTION_KEY}; keep copies of both where only you can read them")


@app.command()
def confirm(
    private: Private,
    trustees: Annotated[Path | None, typer.Option(help="The published trustees.json; with --server it is fetched.")] = None,
    run: Annotated[Path | None, typer.Option(help="The published run file of the ceremony (run.json).")] = None,
    folder: Shared = None,
    server: Server = None,
    server_file: ServerFile = None,
) -> None:
    """Check that the published keys are those of your ceremony, and that everybody saw what you saw."""
    from veche.cli.terminal import answer
    from veche.cli.trustee_ceremony import confirm_outcome
    from veche.observer.durable_files import read_content

    desk = desk_of(private, folder, server, server_file)
    if trustees is not None:
        confirm_outcome(desk, read_content(trustees), None if run is None else read_content(run))
    elif folder is None:
        confirm_outcome(desk, *wanted_server(server, server_file).outcome())
    else:
        raise typer.BadParameter("name the published trustees.json: --trustees")
    answer("These are the keys you helped to make.")


@app.command("take-part")
def take_part(
    private: Private,
    server: Server = None,
    server_file: ServerFile = None,
    place: Annotated[
        str | None, typer.Option(help="i/t/n, as agreed with the others; without it you are asked whether the server's is right.")
    ] = None,
    wait: Annotated[float, typer.Option(min=0, max=1000, help="For how many hours to wait for the others.")] = 96,
    every: Annotated[float, typer.Option(min=0.05, max=3600, help="How many seconds to wait before asking the server again.")] = 5,
    heard_file: Annotated[
        Path | None,
        typer.Option(
            help="A file with the hash of all certificates as another trustee reads it, waited for; else you are asked.",
            metavar="FILE",
        ),
    ] = None,
) -> None:
    """The whole ceremony on a server, step by step, waiting for the others. Stopped, the same command goes on where it was."""
    from veche.cli.terminal import answer
    from veche.cli.trustee_ceremony import DECRYPTION_KEY, SEED
    from veche.cli.trustee_take_part import Ear, Patience, agreed_place
    from veche.cli.trustee_take_part import take_part as go_through
    from veche.crypto.scalar import system_randomness

    desk, there = desk_of(private, None, server, server_file), wanted_server(server, server_file)
    context = agreed_place(desk, there, place, lambda question: typer.confirm(question, err=True))
    ear = Ear(lambda: typer.prompt("The hash, as another trustee reads it", default="", show_default=False, err=True), heard_file)
    go_through(desk, there, context, Patience(wait * 3600, every), ear, system_randomness)
    answer(f"your key: {private / SEED} with {private / DECRYPTION_KEY}; keep copies of both where only you can read them")


@app.command("open-key")
def open_key(
    file: Annotated[Path, typer.Argument(help="The key file that the trustee's page saved: the newest one.")],
    private: Private,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Open the key file of the browser's page into a private folder. From then on use the folder, and no more the file."""
    from veche.cli.terminal import answer
    from veche.cli.trustee_key_file import read_room, unpack

    room = read_room(file, _passphrase(passphrase_file, new=False))
    unpack(room, private)
    answer(f"{private} holds your key for {room.campaign}; from now on use this folder, and no more the file")


@app.command("save-key")
def save_key(
    private: Private,
    campaign: Annotated[str, typer.Option(help="The campaign of your invitation.")],
    out: Annotated[Path, typer.Option(help="Where to write the key file for the browser's page.")],
    passphrase_file: PassphraseFile = None,
) -> None:
    """Pack a private folder into a key file for the browser's page. From then on use the file, and no more the folder."""
    from veche.cli.terminal import answer
    from veche.cli.trustee_key_file import pack, write_room
    from veche.crypto.scalar import system_randomness
    from veche.observer.durable_files import refuse_existing

    refuse_existing(out)
    write_room(out, pack(private, campaign), _passphrase(passphrase_file, new=True), system_randomness)
    answer(f"{out}; from now on use this file, and no more the folder")


def _passphrase(file: Path | None, new: bool) -> str:
    from veche.observer.durable_files import read_line

    if file is not None:
        return read_line(file, 4096)
    written: str = typer.prompt("Passphrase of the key file", hide_input=True, confirmation_prompt=new, err=True)
    return written


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


app.command()(drill)
app.command("roll-call")(roll_call)
app.command()(share)
