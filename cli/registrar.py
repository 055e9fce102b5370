"""`veche registrar`: voter codes, letters, and the signed word on who got one. Works without any network.

The registrar alone knows which code belongs to whom. Its private folder never leaves its hands; the public one holds no name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from veche.cli.help_text import WholeSentences
from veche.cli.registrar_server import manifests, upload, upload_issued

if TYPE_CHECKING:
    from veche.ballot.manifest import Manifest
    from veche.cli.voter_codes import LetterLine
    from veche.crypto.scalar import Randomness
    from veche.crypto.signed_note import NoteSigner
    from veche.observer.board import Sealed

app = typer.Typer(
    cls=WholeSentences,
    no_args_is_help=True,
    help="Registrar: draw voter codes, write the letters, sign who got a code. Only fetching and uploading need a network.",
)

app.command("manifests")(manifests)
app.command("upload")(upload)
app.command("upload-issued")(upload_issued)

CODES: Final = "codes.json"
LETTERS: Final = "letters.csv"
PRINTED: Final = "letters.html"
PUBLIC_LIST: Final = "public_creds.json"

Private = Annotated[Path, typer.Option("--private", help="Your private folder with the codes. Keep it where only you can read it.")]
Record = Annotated[str, typer.Option("--folder", help="The public record: the organizer's folder, or its address.")]


@dataclass(frozen=True, slots=True)
class Registration:
    """What `credentials` made: the two private files, and for each election (uuid) its public list."""

    codes: bytes
    letters: bytes
    public: Mapping[str, bytes]


def register(voters_csv: bytes, uuids: Sequence[str], manifests: Sequence[Manifest], randomness: Randomness) -> Registration:
    """One code for everybody in the list, and one public list for each election. Raises Malformed or Refused."""
    from veche.ballot.election import is_uuid
    from veche.cli.voter_codes import draw_codes, encode_codes, encode_letter_lines, public_list
    from veche.cli.voters_list import parse_voters
    from veche.crypto.errors import Refused

    elections = [*uuids, *(manifest.uuid for manifest in manifests)]
    if not elections or len(set(elections)) != len(elections):
        raise Refused("elections", "name each election once, by --manifest or by --uuid; at least one is needed")
    for uuid in elections:
        if not is_uuid(uuid):
            raise Refused(
                "elections",
                f'"{uuid[:60]}" is no number of an election: at least 14 letters and digits, without 0, O, I, l',
            )
    electorate = min((manifest.electorate for manifest in manifests), default=None)
    listed = parse_voters(voters_csv, electorate)
    codes = draw_codes(listed, randomness)
    return Registration(
        encode_codes(codes),
        encode_letter_lines(listed.voters, codes, listed.weighted),
        {uuid: public_list(listed, codes, uuid) for uuid in elections},
    )


def save_registration(made: Registration, private: Path, public: Path) -> list[Path]:
    """Everything is written, private files for the owner only, or nothing; the public lists' paths. Raises Refused, OSError.

    Refused `same-folder` when the private folder is, or lies in, the public one or the record of an election.
    """
    from veche.crypto.errors import Refused
    from veche.observer.durable_files import make_private_folder, refuse_existing, write_new, write_private

    for outer in (private.resolve(), *private.resolve().parents):
        if outer == public.resolve() or (outer / "entries.jsonl").exists():
            raise Refused(
                "same-folder",
                f"private and public files need two folders apart, and {private} lies inside {outer}: what is private must never "
                "be published by mistake",
            )
    single = len(made.public) == 1
    lists = {public / PUBLIC_LIST if single else public / uuid / PUBLIC_LIST: raw for uuid, raw in made.public.items()}
    refuse_existing(private / CODES, private / LETTERS, *lists)
    make_private_folder(private)
    written: list[Path] = []
    try:
        for path, content in ((private / CODES, made.codes), (private / LETTERS, made.letters)):
            write_private(path, content)
            written.append(path)
        for path, content in lists.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_new(path, content)
            written.append(path)
    except (OSError, Refused):
        for path in written:
            path.unlink(missing_ok=True)
        raise
    return list(lists)


@app.command()
def key(
    name: Annotated[str, typer.Option(help="The key's public name, for example vote.example/e/UUID/registrar.")],
    private: Annotated[Path, typer.Option(help="Where to write the private key (for you alone).")],
    public: Annotated[Path, typer.Option(help="Where to write the public key, which goes into the manifest.")],
) -> None:
    """Make the key with which you sign who got a code. Its public half goes into the manifest before the vote."""
    from veche.cli.terminal import answer
    from veche.crypto.scalar import system_randomness
    from veche.crypto.signed_note import NoteSigner
    from veche.observer.durable_files import refuse_existing, write_new, write_private

    signer = NoteSigner.generate(name, system_randomness)
    refuse_existing(private, public)
    write_private(private, signer.private_text().encode("utf-8") + b"\n")
    write_new(public, signer.verifier.text().encode("utf-8") + b"\n")
    answer(signer.verifier.text())


@app.command()
def credentials(
    voters: Annotated[
        Path,
        typer.Argument(metavar="VOTERS.csv", help="The list of voters: a CSV with a first line login[,weight][,name,address]."),
    ],
    private: Private,
    public: Annotated[Path, typer.Option(help="The folder for the public list. It holds no names and no codes.")],
    manifest: Annotated[list[Path] | None, typer.Option(help="manifest.json of an election; give it once per election.")] = None,
    uuid: Annotated[list[str] | None, typer.Option(help="Number of an election without a manifest; once per election.")] = None,
) -> None:
    """Draw one code for every voter, and make the public list of each election that the code is for.

    One code serves several elections. If one line of the list is wrong, all mistakes are named and nothing is made.
    """
    from veche.ballot.manifest import parse_manifest
    from veche.cli.terminal import answer, tell
    from veche.cli.voters_list import MAX_BYTES
    from veche.crypto.scalar import system_randomness
    from veche.observer.durable_files import read_content, read_file

    manifests = [parse_manifest(read_content(path)) for path in manifest or []]
    made = register(read_file(voters, MAX_BYTES), uuid or [], manifests, system_randomness)
    lists = save_registration(made, private, public)
    tell(f"Private, for you alone: {private / CODES} and {private / LETTERS}")
    for path in lists:
        answer(str(path))


@app.command()
def letters(
    private: Private,
    folder: Annotated[list[str], typer.Option(help="The record of a sealed election, folder or address; once per election.")],
    out: Annotated[Path, typer.Option(help="A new private folder: letters.html to print, one letter per sheet.")],
    language: Annotated[list[str] | None, typer.Option(help="ru or en; give it twice for both. Without it: both.")] = None,
    server: Annotated[str | None, typer.Option(help="Where people vote, if not https:// and the host in the record.")] = None,
    text: Annotated[bool, typer.Option("--text", help="One plain text file per voter instead, without QR codes.")] = False,
) -> None:
    """Write one letter per voter: code and QR code, votes, dates, the seal to compare, how to vote and how to check."""
    from veche.cli.letters import LANGUAGES
    from veche.cli.terminal import tell
    from veche.cli.voters_list import MAX_BYTES
    from veche.observer.durable_files import read_file

    table, languages = read_file(private / LETTERS, MAX_BYTES), language or LANGUAGES
    if text:
        texts = write_letters(table, folder, languages)
        save_letters(texts, out)
        tell(f"{len(texts)} letters in {out}. Each holds a code: print them, hand them out, and delete the folder.")
        return
    save_letter_pages(print_letters(table, folder, languages, server), out)
    tell(f"{out / PRINTED}: open it in a browser and print it. It holds all codes: then delete the folder.")


def write_letters(table: bytes, folders: Sequence[str], languages: Sequence[str]) -> list[str]:
    """The letters in the order of the voters' list. Raises Refused when a code is not for one of the elections."""
    from veche.cli.letters import contest_of, render_letter

    lines, elections = _addressed(table, folders)
    contests = [contest_of(sealed) for sealed in elections]
    weighted = any(sealed.credentials.weighted for sealed in elections)
    return [render_letter(line, contests, languages, weighted) for line in lines]


def print_letters(table: bytes, folders: Sequence[str], languages: Sequence[str], server: str | None) -> str:
    """The letters as one page to print, in the order of the voters' list. Raises as `write_letters` and `voting_page`."""
    from veche.cli.letter_pages import render_pages, voting_page
    from veche.cli.letters import contest_of

    lines, elections = _addressed(table, folders)
    contests = [contest_of(sealed) for sealed in elections]
    weighted = any(sealed.credentials.weighted for sealed in elections)
    rehearsal = any(sealed.manifest is not None and sealed.manifest.rehearsal for sealed in elections)
    return render_pages(lines, contests, languages, voting_page(elections, server), rehearsal, weighted)


def _addressed(table: bytes, folders: Sequence[str]) -> tuple[list[LetterLine], list[Sealed]]:
    """Who gets a letter, and the elections that each code is for. Raises Refused `not-this-election`."""
    from veche.cli.letters import verify_listed
    from veche.cli.voter_codes import parse_letter_lines
    from veche.observer.board import read_sealed

    lines = list(parse_letter_lines(table))
    elections = [read_sealed(folder) for folder in folders]
    for sealed in elections:
        verify_listed(lines, sealed)
    return lines, elections


def save_letter_pages(page: str, out: Path) -> None:
    """`letters.html` in a new folder, for its owner only. Raises Refused or OSError; then none is there."""
    from veche.observer.durable_files import refuse_existing, write_private

    refuse_existing(out)
    out.mkdir(mode=0o700, parents=True)
    try:
        write_private(out / PRINTED, page.encode("utf-8"))
    except OSError:
        (out / PRINTED).unlink(missing_ok=True)
        out.rmdir()
        raise


def save_letters(texts: Sequence[str], out: Path) -> None:
    """`letter-0001.txt` and so on in a new folder, for its owner only. Raises Refused or OSError; then none is there."""
    from veche.observer.durable_files import refuse_existing, write_private

    refuse_existing(out)
    out.mkdir(mode=0o700, parents=True)
    digits = max(4, len(str(len(texts))))
    written: list[Path] = []
    try:
        for number, text in enumerate(texts, 1):
            path = out / f"letter-{number:0{digits}}.txt"
            write_private(path, text.encode("utf-8"))
            written.append(path)
    except OSError:
        for path in written:
            path.unlink(missing_ok=True)
        out.rmdir()
        raise


@app.command()
def issue(
    folder: Record,
    private: Private,
    key: Annotated[Path, typer.Option(help="Your private signing key.")],
    out: Annotated[Path, typer.Option(help="The folder for what the organizer gets: the signed entry and its list.")],
    everybody: Annotated[bool, typer.Option("--all", help="Everybody in your list has got the code.")] = False,
    logins: Annotated[Path | None, typer.Option(help="Who has got the code: one login per line.")] = None,
    last: Annotated[bool, typer.Option("--last", help="The last one: may name fewer than five, or nobody.")] = False,
) -> None:
    """Sign which codes have been handed out since the last time. Ballots with other codes are not accepted.

    You sign credentials, not names, and at least five at once, so that nobody learns who came when.
    """
    from veche.cli.terminal import answer, tell
    from veche.cli.voter_codes import parse_codes
    from veche.crypto.signed_note import NoteSigner
    from veche.observer.durable_files import read_content, read_line

    if everybody == (logins is not None):
        raise typer.BadParameter("say either --all or --logins FILE")
    signer = NoteSigner.from_private_text(read_line(key))
    codes = parse_codes(read_content(private / CODES))
    chosen = None if logins is None else [line.strip() for line in read_line(logins).splitlines() if line.strip()]
    entry, data, total = sign_issued(folder, codes, chosen, signer, last)
    for path in save_issued(entry, data, total, out, last):
        answer(str(path))
    tell(f"{total} codes are named in all. Hand both files to the organizer.")


def sign_issued(
    folder: str, codes: dict[str, str], logins: Sequence[str] | None, signer: NoteSigner, last: bool
) -> tuple[bytes, bytes, int]:
    """The entry `issued`, its data file, and the total; `logins` None means everybody. Raises as `issuing` does."""
    from veche.cli.issuing import handed_out, issued_so_far, next_issued, verify_registrar
    from veche.cli.voter_codes import credentials_of
    from veche.observer.board import sealed_of
    from veche.observer.sources import open_source

    source = open_source(folder)
    sealed = sealed_of(source)
    verify_registrar(sealed, signer.verifier)
    so_far = issued_so_far(source, sealed, signer.verifier)
    chosen = codes if logins is None else handed_out(codes, logins)
    named = credentials_of(chosen, sealed.election.uuid).values()
    entry, data = next_issued(sealed, so_far, named, signer, last)
    return entry.text(), data, entry.total


def save_issued(entry: bytes, data: bytes, total: int, out: Path, last: bool = False) -> tuple[Path, Path]:
    """`issued-TOTAL.json` and `issued-TOTAL.credentials.json` in `out`, or with `last` instead of the total. Raises Refused.

    The last list may name nobody new: then its total is that of the list before, whose files stand there already.
    """
    from veche.observer.durable_files import refuse_existing, write_new

    number = "last" if last else str(total)
    paths = out / f"issued-{number}.json", out / f"issued-{number}.credentials.json"
    refuse_existing(*paths)
    out.mkdir(parents=True, exist_ok=True)
    write_new(paths[0], entry)
    write_new(paths[1], data)
    return paths


@app.command()
def status(folder: Record, private: Private) -> None:
    """Say how many codes there are, how many are named as handed out, and how many have voted."""
    from veche.cli.issuing import issued_so_far
    from veche.cli.terminal import answer
    from veche.cli.voter_codes import credentials_of, parse_codes
    from veche.crypto.errors import Refused
    from veche.observer.board import board_of
    from veche.observer.durable_files import read_content
    from veche.observer.sources import open_source

    source = open_source(folder)
    board = board_of(source)
    sealed = board.sealed
    if sealed.manifest is None or sealed.manifest.registrar is None:
        raise Refused("registrar-key", "this record has no manifest that names a registrar")
    so_far = issued_so_far(source, sealed, sealed.manifest.registrar)
    mine = set(credentials_of(parse_codes(read_content(private / CODES)), sealed.election.uuid).values())
    listed = mine & set(sealed.credentials.weights)
    answer(f"codes in your folder:      {len(mine)}, of them in this election's list: {len(listed)}")
    answer(f"eligible by the manifest:  {sealed.manifest.electorate}")
    answer(f"named as handed out:       {len(so_far.named)}")
    answer(f"not named yet:             {len(listed - so_far.named)}")
    answer(f"codes with a ballot:       {len(board.counted())}")
    closing = "given" if so_far.final else "still to come" if so_far.closed else "comes after the close"
    answer(f"the last signature:        {closing}")
