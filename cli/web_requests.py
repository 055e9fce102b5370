"""Requests to a server that is trusted with nothing: an answer is bounded in size and time, and is never an order to go elsewhere.

Only what comes with Python is used, so a trustee needs none of the server's packages.
"""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, Final, NoReturn
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

from veche import __version__
from veche.cli.invitation import LOOPBACK
from veche.crypto.canonical_json import parse
from veche.crypto.errors import Inconsistent, Malformed, Refused, Unsupported

SECONDS: Final = 30
"""Without a sign of life for so long, a request has failed."""

_PIECE: Final = 64 * 1024
_PROBLEM: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said: a status below 400, or, where something was asked for, 404."""

    status: int
    body: bytes


class _NoRedirect(HTTPRedirectHandler):
    """Whoever redirects could send the token to somebody else."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


class WebRequests:
    """Requests to one host, with a bearer token or without; the repr shows neither."""

    __slots__ = ("_opener", "_server", "_token")

    def __init__(self, server: str, token: str | None = None) -> None:
        self._server = server
        self._token = token
        self._opener = _opener(server)

    def get(self, path: str, limit: int, seconds: float = 120) -> Answer:
        """The answer. Raises Refused with the server's code, Unsupported `unreachable`, Inconsistent `answer-too-large`."""
        return self._ask("GET", path, None, limit, seconds)

    def send(
        self, method: str, path: str, body: bytes, limit: int = _PROBLEM, seconds: float = 120, silence: float = SECONDS
    ) -> Answer:
        """The answer to PUT or POST, which may take `silence` seconds to begin. Raises as `get`."""
        return self._ask(method, path, body, limit, seconds, silence)

    def _ask(self, method: str, path: str, body: bytes | None, limit: int, seconds: float, silence: float = SECONDS) -> Answer:
        content = BytesIO()
        try:
            with self._opener.open(self._request(method, path, body), timeout=silence) as response:
                _pour(response, content, limit, time.monotonic() + seconds, path)
                return Answer(response.status, content.getvalue())
        except HTTPError as error:
            if error.code == 404 and method == "GET":
                return Answer(404, b"")
            _refuse(error)
        except (URLError, OSError, http.client.HTTPException) as error:
            raise _unreachable(self._server, error) from error

    def _request(self, method: str, path: str, body: bytes | None) -> Request:
        headers = {"User-Agent": f"veche/{__version__}", "Accept-Encoding": "identity"}
        if body is not None:
            headers["Content-Type"] = "application/octet-stream"
        request = Request(self._server + path, body, headers, method=method)
        if self._token is not None:
            # Not redirected: it is for this server alone.
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        return request


def _opener(server: str) -> OpenerDirector:
    """No redirects; what is on this machine is not asked through a proxy."""
    handlers = [ProxyHandler({})] if urlsplit(server).hostname in LOOPBACK else []
    return build_opener(_NoRedirect, *handlers)


def _pour(response: http.client.HTTPResponse, into: BinaryIO, limit: int, until: float, path: str) -> int:
    size = 0
    while piece := response.read1(_PIECE):
        size += len(piece)
        if size > limit:
            raise Inconsistent("answer-too-large", f"the server's answer for {path} is longer than {limit} bytes; it was not taken")
        if time.monotonic() > until:
            raise Unsupported("unreachable", f"the server takes too long to answer for {path}")
        into.write(piece)
    if response.length:
        raise Unsupported("unreachable", f"the server's answer for {path} was cut short")
    return size


def _refuse(error: HTTPError) -> NoReturn:
    """Raises Refused with code and sentence of application/problem+json, or Unsupported when the server is in trouble."""
    with error:
        status = error.code
        try:
            found = parse(error.read(_PROBLEM), _PROBLEM)
        except (Malformed, OSError, http.client.HTTPException):
            found = None
    if 300 <= status < 400:
        raise Inconsistent("redirected", "the server sends us to another address; nothing is sent there")
    code = found.get("code") if isinstance(found, dict) else None
    detail = found.get("detail") if isinstance(found, dict) else None
    if status >= 500 or status == 429:
        raise Unsupported("unreachable", f"the server cannot answer just now ({status}); try again later")
    if not isinstance(code, str) or not isinstance(detail, str):
        raise Refused("server-refused", f"the server answers {status} and does not say why")
    raise Refused(code[:64], f"the server says: {detail[:500]}")


def _unreachable(server: str, error: Exception) -> Unsupported:
    reason = getattr(error, "reason", None) or error
    return Unsupported("unreachable", f"{server} does not answer ({str(reason) or type(reason).__name__})")
