"""`veche registrar upload…`: the public lists and the signed word reach the server by the registrar's invitation.

Only files that are public, or will be, are read here; the private folder is not even named. The token goes to this one server only.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from veche.crypto.errors import Malformed, Refused

if TYPE_CHECKING:
    from veche.cli.web_requests import WebRequests

PUBLIC_LIST: Final = "public_creds.json"
_MAX_ANSWER: Final = 1_000_000
_SECONDS: Final = 600
"""The server checks every credential of a large city before it answers; that takes a minute or two."""

Server = Annotated[
    str, typer.Option("--server", help="Your invitation, https://HOST/registrar/CAMPAIGN#TOKEN. Empty: VECHE_INVITATION.")
]


@dataclass(frozen=True, slots=True)
class RegistrarServer:
    """One campaign on one server, as its registrar has it."""

    requests: WebRequests
    root: str

    def contests(self) -> dict[str, str]:
        """uuid → name of every contest. Raises Refused with the server's sentence, Malformed `answer-malformed`."""
        from veche.crypto.canonical_json import array, fields, parse, text

        answer = self.requests.get(f"{self.root}/contests", _MAX_ANSWER)
        try:
            found = fields(parse(answer.body), ("campaign", "contests"))
            listed = [one for one in array(found["contests"]) if isinstance(one, dict)]
            return {text(one.get("election")): text(one.get("contest")) for one in listed}
        except Malformed as error:
            raise Malformed("answer-malformed", f"the server's list of contests: {error.message}") from error

    def manifest(self, uuid: str) -> bytes:
        """manifest.json of this contest, for `veche registrar credentials --manifest`."""
        return self.requests.get(f"{self.root}/contests/{uuid}/manifest.json", _MAX_ANSWER).body

    def put_list(self, uuid: str, raw: bytes) -> None:
        """The public list waits for the seal. Raises Refused with the server's sentence."""
        self.requests.send("PUT", f"{self.root}/contests/{uuid}/credentials", raw, seconds=_SECONDS, silence=_SECONDS)

    def add_issued(self, uuid: str, entry: bytes, listed: bytes) -> None:
        """The signed word stands in the record. Raises Refused with the server's sentence."""
        body = entry.rstrip(b"\n") + b"\n" + listed
        self.requests.send("POST", f"{self.root}/contests/{uuid}/issued", body, seconds=_SECONDS, silence=_SECONDS)


def open_registrar_server(link: str) -> RegistrarServer:
    """The server of this invitation. Raises Malformed or Refused, and neither repeats what was written."""
    from veche.cli.invitation import VARIABLE, parse_invitation
    from veche.cli.web_requests import WebRequests

    invitation = parse_invitation(link or os.environ.get(VARIABLE, ""), "registrar")
    requests = WebRequests(invitation.server, invitation.token)
    return RegistrarServer(requests, f"/api/campaigns/{invitation.campaign}/registrar")


def manifests(out: Annotated[Path, typer.Option(help="The folder for UUID.json of every contest.")], server: Server = "") -> None:
    """Fetch the manifest of every contest of your campaign: what `veche registrar credentials` needs."""
    from veche.cli.terminal import answer
    from veche.observer.durable_files import refuse_existing, write_new

    opened = open_registrar_server(server)
    files = {out / f"{uuid}.json": opened.manifest(uuid) for uuid in opened.contests()}
    refuse_existing(*files)
    out.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        write_new(path, content)
        answer(str(path))


def upload(
    public: Annotated[Path, typer.Option(help="The public folder that `veche registrar credentials` made.")], server: Server = ""
) -> None:
    """Hand in the public list of every contest. A list may be replaced until the contest is sealed."""
    from veche.cli.terminal import answer
    from veche.observer.durable_files import read_file

    opened = open_registrar_server(server)
    contests = opened.contests()
    lists = {uuid: public / uuid / PUBLIC_LIST for uuid in contests if (public / uuid / PUBLIC_LIST).exists()}
    if not lists and len(contests) == 1 and (public / PUBLIC_LIST).exists():
        lists = {next(iter(contests)): public / PUBLIC_LIST}
    if not lists:
        raise Refused("no-lists", f"{public} holds no {PUBLIC_LIST} of a contest of this campaign")
    for uuid, path in lists.items():
        opened.put_list(uuid, read_file(path))
        answer(f"{contests[uuid]}: {path} is with the server")


def upload_issued(
    uuid: Annotated[str, typer.Argument(help="The number of the election.")],
    entry: Annotated[Path, typer.Argument(help="issued-….json, the signed entry; its list lies beside it.")],
    server: Server = "",
) -> None:
    """Hand in your signed word on who got a code, with the list that it names."""
    from veche.cli.terminal import answer
    from veche.observer.durable_files import read_content, read_file

    listed = entry.with_name(f"{entry.stem}.credentials.json")
    open_registrar_server(server).add_issued(uuid, read_content(entry), read_file(listed))
    answer(f"{entry} stands in the record of {uuid}")
