"""Options that several commands of the trustee share, and what they name: a folder, or the server of an invitation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from veche.cli.trustee_ceremony import Desk
    from veche.cli.trustee_server import TrusteeServer

Private = Annotated[Path, typer.Option("--private", help="Your private folder for this ceremony; a new one for each.")]
Shared = Annotated[Path | None, typer.Option("--folder", help="The folder that all trustees of the ceremony share.")]
Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="LINK",
        help="Your invitation, https://HOST/trustee/CAMPAIGN#TOKEN, in quotes. Better in a file, or in VECHE_INVITATION: other "
        "people on this computer can see what a command is given.",
    ),
]
ServerFile = Annotated[Path | None, typer.Option("--server-file", help="A file with your invitation.", metavar="FILE")]
DkeyFile = Annotated[Path | None, typer.Option("--dkey", help="Your .dkey file, if the key is a seed (threshold).")]
PassphraseFile = Annotated[
    Path | None, typer.Option(help="A file with the passphrase in its first line; else you are asked.", metavar="FILE")
]
Cancelled = Annotated[
    str | None, typer.Option(help="Record of the same contest that was cancelled, if your key answered for it before.")
]


def server_of(link: str | None, file: Path | None) -> TrusteeServer | None:
    """The server of the invitation in the option, in the file, or in VECHE_INVITATION; None when there is none."""
    import os

    from veche.cli.invitation import VARIABLE, parse_invitation
    from veche.cli.trustee_server import TrusteeServer
    from veche.observer.durable_files import read_line

    if link is not None and file is not None:
        raise typer.BadParameter("give the invitation once: --server or --server-file")
    written = link if file is None else read_line(file, 4096)
    written = written if written is not None else os.environ.get(VARIABLE)
    return None if not written else TrusteeServer(parse_invitation(written))


def wanted_server(link: str | None, file: Path | None) -> TrusteeServer:
    """The same where nothing but a server will do."""
    found = server_of(link, file)
    if found is None:
        raise typer.BadParameter("give your invitation: --server, --server-file, or VECHE_INVITATION in the environment")
    return found


def chosen_server(folder: object, link: str | None, file: Path | None) -> TrusteeServer | None:
    """The server, or None where a folder is named instead; one of them there must be."""
    if folder is not None:
        if link is not None or file is not None:
            raise typer.BadParameter("name a folder or a server, not both")
        return None
    return wanted_server(link, file)


def desk_of(private: Path, folder: Path | None, link: str | None, file: Path | None) -> Desk:
    """The private folder, and the board in the shared folder or on the server."""
    from veche.cli.ceremony_folder import CeremonyFolder
    from veche.cli.trustee_ceremony import Desk
    from veche.cli.trustee_server import board_of
    from veche.crypto.errors import Unsupported

    server = chosen_server(folder, link, file)
    if server is not None:
        return Desk(private, board_of(server))
    if folder is None or not folder.is_dir():
        raise Unsupported("unreadable", f"{folder}: the folder that the trustees share is not there")
    return Desk(private, CeremonyFolder(folder))
