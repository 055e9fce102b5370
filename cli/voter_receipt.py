"""A voter's receipt comes from the server, and is checked before it is kept. docs/protocol.md section 12.5."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from veche.cli.voter_sending import SECONDS, Answer, problem_of
from veche.crypto.errors import Inconsistent, Refused, Unsupported
from veche.ledger.receipt import MAX_BYTES, SUFFIX
from veche.observer.board import Sealed
from veche.observer.receipt_check import Standing, check_by_policy, log_policy
from veche.observer.url_source import parse_address

LONGEST: Final = 60
"""Seconds between two questions at most, whatever the server asks for."""

NOT_YET: Final = "not-in-log-yet"


def fetch_receipt(
    where: str, sealed: Sealed, tracker: str, wait: float, pause: Callable[[float], None] = time.sleep
) -> tuple[bytes, Standing]:
    """The receipt's file, which holds against the election's manifest, and what it says; waited for at most `wait` seconds.

    Raises Refused `not-in-log-yet` when it is not there by then, or with the server's code; Unsupported `unreachable`; and what is
    wrong with a receipt that is none.
    """
    address, _ = parse_address(where)
    if sealed.manifest is None:
        raise Unsupported("no-log", f"{address}: the record names no manifest, and so no log")
    policy, waited = log_policy(sealed.manifest), 0.0
    while True:
        answer = _get(f"{address}/ballots/{tracker}{SUFFIX}")
        if answer.status == 200:
            return answer.body, check_by_policy(answer.body, policy, tracker)
        code, sentence = problem_of(answer, "there is no receipt")
        if code != NOT_YET and answer.status not in (429, 502, 503, 504):
            raise Refused(code, sentence)
        seconds = min(max(1, answer.wait), LONGEST)
        if waited + seconds > wait:
            raise Refused(NOT_YET, "the ballot is accepted, and the log does not show it yet: ask again in a minute")
        pause(seconds)
        waited += seconds


def _get(address: str) -> Answer:
    place = urlsplit(address)
    kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
    connection = kind(place.hostname or "", place.port, timeout=SECONDS)
    try:
        connection.request("GET", place.path)
        response = connection.getresponse()
        body = response.read(MAX_BYTES + 1)
    except (OSError, http.client.HTTPException) as error:
        raise Unsupported("unreachable", f"{address} cannot be read ({str(error) or type(error).__name__})") from error
    finally:
        connection.close()
    if len(body) > MAX_BYTES:
        raise Inconsistent("answer-too-large", f"the server's answer is longer than {MAX_BYTES} bytes: it is no receipt")
    wait = response.getheader("Retry-After", "")
    return Answer(response.status, int(wait) if wait.isascii() and wait.isdigit() and len(wait) < 6 else 1, body)
