"""A ceremony whose board lies on a server, and what else a trustee asks of it. Issue 3 (c).

The server only carries messages. Whatever it shows is judged by the steps of `trustee_ceremony`, `trustee_drill` and
`trustee_share` as if it had come on a memory stick, and none of its answers can ask for a point to be multiplied.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from veche.cli.invitation import Invitation
from veche.cli.web_requests import WebRequests
from veche.crypto.canonical_json import Json, array, fields, integer, parse, text
from veche.crypto.errors import ElectionError, Inconsistent, Malformed, Refused
from veche.crypto.run_file import MAX_BYTES as MAX_RUN
from veche.service.ceremony_board import CeremonyBoard

MAX_MESSAGE: Final = 256 * 1024
MAX_NAMES: Final = 100_000
MAX_STANDING: Final = 4_000_000
MAX_MANIFEST: Final = 1_000_000
MAX_TRUSTEES: Final = 8_000_000

_MESSAGE_NAME = re.compile(r"[a-z]{3,12}(-[0-9]{1,4}){0,2}\.json")
_UUID = re.compile(r"[1-9A-HJ-NP-Za-km-z]{14,64}")


@dataclass(frozen=True, slots=True)
class Hall:
    """The newest run as the server tells it: whose place this trustee has, what is on the board, and how the run ended."""

    run: int
    status: str
    place: int
    names: frozenset[str]
    ended: str | None


@dataclass(frozen=True, slots=True)
class Contest:
    """A contest of the campaign as the server tells it. Nothing is decided by it but what to ask for next."""

    election: str
    contest: str
    state: str
    keys: bool
    drilled: bool
    present: bool
    share: str


class TrusteeServer:
    """The server of one invitation."""

    def __init__(self, invitation: Invitation) -> None:
        self.invitation = invitation
        self._requests = WebRequests(invitation.server, invitation.token)
        self._root = f"/api/trustee/{invitation.campaign}"

    def hall(self) -> Hall:
        """How the newest run stands. Raises Refused `no-ceremony`."""
        return _hall(self._json("/ceremony", "the ceremony"))

    def contests(self) -> list[Contest]:
        """The contests of the campaign."""
        found = self._json("", "the campaign")
        if type(found) is not dict:
            raise _not_understood("the campaign")
        return [_contest(one) for one in array(found.get("contests"))]

    def read_message(self, name: str) -> str | None:
        raw = self._get(f"/ceremony/messages/{_checked(name)}", MAX_MESSAGE)
        try:
            return None if raw is None else raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed("ceremony-file", f"{name} is not a text in UTF-8") from error

    def put_message(self, name: str, content: str) -> None:
        self._requests.send("PUT", f"{self._root}/ceremony/messages/{_checked(name)}", content.encode("utf-8"))

    def outcome(self) -> tuple[bytes, bytes]:
        """trustees.json and run file of the ceremony. Raises Refused `not-found` while it goes on."""
        return self._file("/ceremony/trustees.json", MAX_TRUSTEES), self._file("/ceremony/run.json", MAX_RUN)

    def manifest(self, uuid: str) -> bytes:
        return self._file(f"/elections/{_uuid(uuid)}/manifest.json", MAX_MANIFEST)

    def trustees(self, uuid: str) -> bytes:
        return self._file(f"/elections/{_uuid(uuid)}/trustees.json", MAX_TRUSTEES)

    def hand_in_drill(self, uuid: str, drill: bytes) -> None:
        self._requests.send("PUT", f"{self._root}/elections/{_uuid(uuid)}/drill", drill)

    def answer_roll_call(self, uuid: str) -> None:
        self._requests.send("POST", f"{self._root}/elections/{_uuid(uuid)}/roll-call", b"")

    def hand_in_share(self, uuid: str, delivery: bytes) -> None:
        self._requests.send("POST", f"{self._root}/elections/{_uuid(uuid)}/shares", delivery)

    def record_address(self, uuid: str) -> str:
        """Where everybody reads the record of this election."""
        return f"{self.invitation.server}/observer/elections/{_uuid(uuid)}"

    def _get(self, path: str, limit: int) -> bytes | None:
        answer = self._requests.get(self._root + path, limit)
        return None if answer.status == 404 else answer.body

    def _file(self, path: str, limit: int) -> bytes:
        raw = self._get(path, limit)
        if raw is None:
            raise Refused("not-found", f"the server has no {path.rpartition('/')[2]} yet, or your invitation is for another one")
        return raw

    def _json(self, path: str, what: str) -> Json:
        raw = self._get(path, MAX_STANDING)
        if raw is None:
            raise Refused("not-found", f"the server knows nothing of {what} yet: the organizer begins the ceremony")
        try:
            return parse(raw, MAX_STANDING)
        except Malformed as error:
            raise _not_understood(what) from error


class ServerMessages:
    """`Messages` over HTTP. What was read once is asked for again each time: the steps keep what they have seen."""

    def __init__(self, server: TrusteeServer) -> None:
        self._server = server

    def read(self, name: str) -> str | None:
        return self._server.read_message(name)

    def put(self, name: str, content: str) -> None:
        try:
            self._server.put_message(name, content)
        except Refused as error:
            if error.code != "ceremony-file":
                raise
            raise Inconsistent("ceremony-file", f"{name}: {error.message}: somebody else wrote in your name") from error

    def names(self) -> Iterable[str]:
        return sorted(self._server.hall().names)

    def where(self, name: str) -> str:
        return f"{name} on {self._server.invitation.server}"


def board_of(server: TrusteeServer) -> CeremonyBoard:
    """The board of the newest run."""
    return CeremonyBoard(ServerMessages(server))


def _hall(value: Json) -> Hall:
    try:
        found = fields(value, ("run", "status", "place", "names", "ended"))
        names = [text(one) for one in array(found["names"])]
        ended = None if found["ended"] is None else text(found["ended"])[:500]
        hall = Hall(integer(found["run"], 1), text(found["status"]), integer(found["place"], 1), frozenset(names), ended)
    except ElectionError as error:
        raise _not_understood("the ceremony") from error
    if len(names) > MAX_NAMES or any(_MESSAGE_NAME.fullmatch(name) is None for name in names):
        raise _not_understood("the ceremony")
    return hall


def _contest(value: Json) -> Contest:
    if type(value) is not dict:
        raise _not_understood("the campaign")
    try:
        told = [text(value.get(name)) for name in ("election", "contest", "state", "share")]
    except ElectionError as error:
        raise _not_understood("the campaign") from error
    marks = [value.get(name) is True for name in ("keys", "drilled", "present")]
    return Contest(_uuid(told[0]), told[1], told[2], marks[0], marks[1], marks[2], told[3])


def _checked(name: str) -> str:
    if _MESSAGE_NAME.fullmatch(name) is None:
        raise Malformed("ceremony-file", "no message of a ceremony has this name")
    return name


def _uuid(written: str) -> str:
    """An election's uuid, fit for an address. Raises Malformed."""
    if _UUID.fullmatch(written) is None:
        raise Malformed("wrong-uuid", f"{written[:30]} is no election's identifier")
    return written


def _not_understood(what: str) -> Malformed:
    return Malformed("server-malformed", f"the server's answer about {what} cannot be understood: it is no server of this kind")
