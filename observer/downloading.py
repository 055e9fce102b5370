"""Bytes from a server that is trusted with nothing: bounded in size and time, from one host, resumed where the line broke.

Standard library only. Whoever serves may hang, drip, never end, or send the reader elsewhere; none of it may hold up an observer.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, Final
from urllib.parse import SplitResult, urljoin, urlsplit

from veche import __version__
from veche.crypto.errors import Inconsistent, Malformed, Unsupported

PIECE: Final = 256 * 1024
REDIRECTS: Final = 3
_MOVED: Final = (301, 302, 303, 307, 308)
_LATER: Final = (429, 502, 503, 504)
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,19})-[0-9]{1,19}/([0-9]{1,19}|\*)")


@dataclass(frozen=True, slots=True)
class Patience:
    """`seconds` without a sign of life end a request; `tries` without a byte end a download; `slowest` is in bytes per second."""

    seconds: float = 30
    tries: int = 4
    pause: float = 1
    slowest: int = 2048

    def for_size(self, size: int) -> float:
        """The seconds after which at least so many bytes must have come."""
        return 4 * self.seconds + size / self.slowest


class NotThere(Exception):
    """The server has nothing at this address."""


class _Failed(Exception):
    """This attempt gave nothing; the reason in words. `wait` is what the server asks for, in seconds."""

    def __init__(self, reason: str, wait: float = 0) -> None:
        super().__init__(reason)
        self.wait = wait


class _Shorter(_Failed):
    """The server has fewer bytes than it announced."""


class _TooSlow(_Failed):
    """Bytes come, but so few that the end would never be seen."""


class Site:
    """The files below one address."""

    def __init__(self, address: str, patience: Patience) -> None:
        self.address = address
        self._patience = patience
        self._host = urlsplit(address)

    def small(self, name: str, limit: int) -> bytes:
        """What stands at `name`, whole.

        Raises NotThere, Malformed `folder-form` beyond `limit` bytes, Unsupported `unreachable`.
        """
        started, failures = time.monotonic(), 0
        while True:
            content = bytearray()
            try:
                with self._ask(name, None) as response:
                    while piece := self._piece(response, limit + 1 - len(content), started, len(content)):
                        content += piece
                    missing = response.length
                if len(content) > limit:
                    raise Malformed("folder-form", f"{self._at(name)} is larger than {limit} bytes")
                if not missing:
                    return bytes(content)
                raise _Failed("the connection broke")
            except _Failed as error:
                failures += 1
                self._wait(name, error, failures)

    def into(self, name: str, stream: BinaryIO, end: int, size: int) -> None:
        """`stream` goes on from where it ends to byte `end` of `name`, or further, and the server has at least `size` bytes of it.

        Raises NotThere, Inconsistent `record-cut` when the server has fewer, Unsupported `unreachable`.
        """
        started, first = time.monotonic(), stream.seek(0, io.SEEK_END)
        have, failures = first, 0
        while have < end:
            before = have
            try:
                with self._ask(name, (have, end)) as response:
                    have = _begin(response, stream, have, size)
                    while have < end and (piece := self._piece(response, end - have, started, have - first)):
                        stream.write(piece)
                        have += len(piece)
                if have < end:
                    raise _Failed("the connection broke")
            except _Failed as error:
                have = stream.tell()
                failures = 0 if have > before else failures + 1
                self._wait(name, error, failures)
        stream.flush()

    def _at(self, name: str) -> str:
        return f"{self.address}/{name}" if name else self.address

    def _wait(self, name: str, error: _Failed, failures: int) -> None:
        """Until the next attempt; raises when there is none."""
        if failures >= self._patience.tries or isinstance(error, _TooSlow):
            if isinstance(error, _Shorter):
                raise Inconsistent("record-cut", f"{self._at(name)} is cut short: {error}") from error
            raise Unsupported("unreachable", f"{self._at(name)} cannot be read: {error}") from error
        time.sleep(min(max(self._patience.pause * 2 ** max(0, failures - 1), error.wait), self._patience.seconds))

    def _ask(self, name: str, part: tuple[int, int] | None) -> http.client.HTTPResponse:
        """The beginning of an answer of 200 or 206, or of 416. Raises NotThere, _Failed, or Unsupported."""
        address = self._at(name)
        headers = {"User-Agent": f"veche/{__version__}", "Accept": "*/*", "Connection": "close"}
        if part is not None:
            headers["Range"] = f"bytes={part[0]}-{part[1] - 1}"
        for _ in range(REDIRECTS + 1):
            response = self._request(urlsplit(address), headers)
            if response.status not in _MOVED:
                return _judged(response, address, (200,) if part is None else (200, 206, 416))
            address = self._moved(response, address)
        raise Unsupported("unreachable", f"{self._at(name)} cannot be read: it is redirected again and again")

    def _moved(self, response: http.client.HTTPResponse, address: str) -> str:
        """Where the answer sends the reader. Raises Unsupported unless it is the same host, as safe as before."""
        response.close()
        target = urljoin(address, response.getheader("Location", ""))
        place = urlsplit(target)
        same = (place.scheme, place.netloc) == (self._host.scheme, self._host.netloc)
        safer = place.scheme == "https" and self._host.scheme == "http" and place.hostname == self._host.hostname
        if not same and not safer:
            raise Unsupported("unreachable", f"{address} sends its readers to another host, {place.hostname}: nobody follows there")
        return target

    def _request(self, place: SplitResult, headers: dict[str, str]) -> http.client.HTTPResponse:
        kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
        connection = kind(place.hostname or "", place.port, timeout=self._patience.seconds)
        try:
            connection.connect()
            # Each received byte begins the socket's own timeout anew, so a server that drips its headers needs a clock beside it.
            clock = threading.Timer(2 * self._patience.seconds, _hang_up, [connection.sock])
            clock.daemon = True
            clock.start()
            try:
                connection.request("GET", place.path + (f"?{place.query}" if place.query else ""), headers=headers)
                response = connection.getresponse()
            finally:
                clock.cancel()
            if connection.sock is not None:
                # The answer holds it open until it is read.
                connection.sock.close()
            return response
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise _Failed(_reason(error)) from error

    def _piece(self, response: http.client.HTTPResponse, most: int, started: float, have: int) -> bytes:
        """Some more bytes; none at the end. Raises _Failed when they do not come, or come too slowly."""
        if most <= 0:
            return b""
        if time.monotonic() - started > self._patience.for_size(have):
            raise _TooSlow("the server is too slow")
        try:
            return response.read1(min(PIECE, most))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _Failed(_reason(error)) from error


def _judged(response: http.client.HTTPResponse, address: str, good: tuple[int, ...]) -> http.client.HTTPResponse:
    status = response.status
    if status in good:
        return response
    response.close()
    if status in (404, 410):
        raise NotThere(address)
    if status in _LATER:
        wait = response.getheader("Retry-After", "")
        raise _Failed(f"the server answers {status}", float(wait) if wait.isascii() and wait.isdigit() and len(wait) < 6 else 0)
    raise Unsupported("unreachable", f"{address} cannot be read: the server answers {status}")


def _begin(response: http.client.HTTPResponse, stream: BinaryIO, have: int, size: int) -> int:
    """How many bytes stand in `stream` before this answer's first one. Raises _Shorter when the server has fewer than `size`."""
    if response.status == 416:
        raise _Shorter(f"{size} bytes were announced, and the server has no more than {have}")
    if response.status == 206:
        found = _CONTENT_RANGE.fullmatch(response.getheader("Content-Range", ""))
        if found is None or int(found[1]) != have:
            raise _Failed("the server gives another part than the one asked for")
        there = size if found[2] == "*" else int(found[2])
    else:
        # The whole file, though a part was asked for: begin again.
        stream.seek(0)
        stream.truncate()
        have, there = 0, size if response.length is None else response.length
    if there < size:
        raise _Shorter(f"{size} bytes were announced, and the server has {there}")
    return have


def _hang_up(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "the server does not answer in time"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
