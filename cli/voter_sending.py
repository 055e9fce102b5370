"""A ballot goes to the server's box, and its acknowledgement is checked before anything is believed. docs/protocol.md section 8.7.

After a failed attempt only the very same bytes are sent again: the box answers them with the same acknowledgement, so a ballot is
in once or not at all, and never twice in two versions.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from veche.ballot.acknowledgement import Acknowledgement, parse_acknowledgement, verify_acknowledgement
from veche.crypto.errors import Inconsistent, Malformed, Refused, Unsupported
from veche.observer.board import Sealed

TRIES: Final = 6
SECONDS: Final = 30
_MOST: Final = 100_000
_PATH: Final = "/observer/elections/"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said: its status, how many seconds it asks to wait, and the body."""

    status: int
    wait: int
    body: bytes


def send_ballot(
    where: str, sealed: Sealed, raw: bytes, pause: Callable[[float], None] = time.sleep
) -> tuple[bytes, Acknowledgement]:
    """The acknowledgement's bytes and what it says, verified: the ballot is in the record of this election.

    `where` is the election's address, `…/observer/elections/UUID`. Raises Refused with the server's code when the ballot is not
    taken, Unsupported `unreachable` when its fate stays unknown, Inconsistent or InvalidSignature when the answer is no honest one.
    """
    if sealed.manifest is None or sealed.manifest.log is None:
        raise Refused("no-box", "this election has no ballot box that signs acknowledgements: hand the ballot in as a file")
    answer = _until_known(where, raw, pause)
    if answer.status not in (200, 201):
        raise Refused(*problem_of(answer))
    said = parse_acknowledgement(answer.body, sealed.manifest.log.box)
    verify_acknowledgement(said, sealed.election.fingerprint, sealed.setup or "", sha256(raw).hexdigest())
    return answer.body, said


def _until_known(where: str, raw: bytes, pause: Callable[[float], None]) -> Answer:
    """The answer that decides about the ballot; the same bytes are sent until there is one."""
    reason = ""
    for attempt in range(TRIES):
        try:
            answer = _post(where, raw)
        except (OSError, http.client.HTTPException) as error:
            reason, wait = str(error) or type(error).__name__, 2**attempt
        else:
            if answer.status not in (429, 502, 503, 504):
                return answer
            reason, wait = f"it answers {answer.status}", max(1, answer.wait)
        if attempt + 1 < TRIES:
            pause(min(wait, 60))
    raise Unsupported(
        "unreachable",
        f"the server did not say what became of the ballot ({reason}). Send the SAME file again later, do not make a new one: "
        "if the ballot is in already, you get the same acknowledgement",
    )


def _post(where: str, raw: bytes) -> Answer:
    place = urlsplit(where)
    prefix, found, uuid = place.path.rstrip("/").rpartition(_PATH)
    if place.scheme not in ("http", "https") or not place.hostname or not found:
        raise Malformed("election-address", "the election's address looks like https://HOST/observer/elections/UUID")
    kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
    connection = kind(place.hostname, place.port, timeout=SECONDS)
    try:
        connection.request("POST", f"{prefix}/api/elections/{uuid}/ballots", raw, {"Content-Type": "application/json"})
        response = connection.getresponse()
        body = response.read(_MOST + 1)
    finally:
        connection.close()
    if len(body) > _MOST:
        raise Inconsistent("answer-too-large", f"the server's answer is longer than {_MOST} bytes: it is no acknowledgement")
    wait = response.getheader("Retry-After", "")
    return Answer(response.status, int(wait) if wait.isascii() and wait.isdigit() else 1, body)


def problem_of(answer: Answer, what: str = "the ballot was not taken") -> tuple[str, str]:
    """Code and sentence of a refusal, from application/problem+json."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("code"), str):
        return "server-refused", f"the server answers {answer.status} and does not say why: {what}"
    return found["code"][:64], f"{what}: {str(found.get('detail', ''))[:500]}"
