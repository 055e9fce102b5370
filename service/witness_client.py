"""What a witness answers, bounded in bytes and in seconds: it may hang, drip, or never end, and holds up only its own thread."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from veche import __version__
from veche.crypto.errors import Unsupported
from veche.ledger.submission import Submission, origin_hash

SECONDS: Final = 10.0
"""A whole request, from the first byte to the last."""

SILENCE: Final = 5.0
"""Without a byte for so long, a request is given up."""

MAX_ANSWER: Final = 64 * 1024
"""Bytes of an answer that are read: some lines of cosignatures, a size, or a checkpoint."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The status and the body of what a witness said."""

    status: int
    body: bytes


class WitnessClient:
    """A witness at `address`, its submission prefix. One request at a time; redirects are not followed."""

    def __init__(self, address: str, seconds: float = SECONDS, silence: float = SILENCE) -> None:
        self.address = address.rstrip("/")
        self._parts = urlsplit(self.address)
        self._seconds = seconds
        self._silence = min(silence, seconds)
        self._line: _Line | None = None

    def submit(self, submission: Submission) -> Answer:
        """The answer to `add-checkpoint`. Raises Unsupported `witness-silent`."""
        return self._ask("POST", "add-checkpoint", submission.data())

    def newest(self, origin: str) -> Answer:
        """The answer to the call for the checkpoint last cosigned, which not every witness has. Raises as `submit`."""
        return self._ask("GET", f"{origin_hash(origin)}/checkpoint", None)

    def hang_up(self) -> None:
        """The request under way ends now, from whatever thread."""
        line = self._line
        if line is not None:
            line.shut()

    def _ask(self, method: str, name: str, body: bytes | None) -> Answer:
        headers = {"User-Agent": f"veche/{__version__}", "Connection": "close"}
        try:
            with self._connected() as connection:
                connection.request(method, f"{self._parts.path}/{name}", body, headers)
                response = connection.getresponse()
                content = response.read(MAX_ANSWER + 1)
        except (OSError, http.client.HTTPException, ValueError) as error:
            # A cut line may look like anything; the kind of the error is enough, its words may be the witness's.
            reason = "it does not answer in time" if isinstance(error, TimeoutError) else type(error).__name__
            raise Unsupported("witness-silent", f"the witness at {self.address} cannot be asked: {reason}") from error
        if len(content) > MAX_ANSWER:
            raise Unsupported("witness-silent", f"the witness at {self.address} answers with more than {MAX_ANSWER} bytes")
        return Answer(response.status, content)

    @contextmanager
    def _connected(self) -> Iterator[http.client.HTTPConnection]:
        """A connection that is shut after all the seconds, however lively it is."""
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(self._parts.hostname or "", self._parts.port, timeout=self._silence)
        self._line = line = _Line(connection)
        # Each received byte begins the socket's own timeout anew, so a witness that drips needs a clock beside it.
        clock = threading.Timer(self._seconds, line.shut)
        clock.daemon = True
        clock.start()
        try:
            connection.connect()
            line.sock = connection.sock
            yield connection
            if line.cut:
                # An answer without a length ends where the line was cut, and looks whole.
                raise TimeoutError
        finally:
            clock.cancel()
            self._line = None
            connection.close()


@dataclass(slots=True)
class _Line:
    """A connection, with its socket as soon as it has one: the library lets go of it while an answer is still being read."""

    connection: http.client.HTTPConnection
    sock: socket.socket | None = None
    cut: bool = False

    def shut(self) -> None:
        self.cut = True
        found = self.sock or self.connection.sock
        if found is not None:
            with suppress(OSError):
                found.shutdown(socket.SHUT_RDWR)
