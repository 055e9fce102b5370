"""The witness over HTTP: `POST /add-checkpoint` and the newest checkpoint. C2SP tlog-witness; docs/protocol.md section 12.8.

Python's own server, behind bounds: so many requests at once, so many seconds and so many bytes for each, one per connection.
"""

from __future__ import annotations

import logging
import re
import sqlite3
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Final

from veche.crypto.errors import ElectionError
from veche.ledger.submission import MAX_BYTES, SIZE_TYPE, status_of
from veche.observer.bounded_server import SECONDS, BoundedServer
from veche.observer.witness import Witness

logger = logging.getLogger(__name__)

_TEXT: Final = "text/plain; charset=utf-8"
_NEWEST: Final = re.compile(r"/([0-9a-f]{64})/checkpoint")
_LENGTH: Final = re.compile(r"[0-9]{1,7}")


class WitnessServer(BoundedServer):
    """Listens at HOST and PORT (0: a free one) from the moment it is made. Raises OSError."""

    def __init__(self, host: str, port: int, witness: Witness) -> None:
        self.witness = witness
        super().__init__(host, port, _Answering)


class _Answering(BaseHTTPRequestHandler):
    """One request. No address is written down."""

    server: WitnessServer
    timeout = SECONDS
    server_version = "veche-witness"
    sys_version = ""

    def do_POST(self) -> None:
        if self.path != "/add-checkpoint":
            self._say(HTTPStatus.NOT_FOUND, "there is /add-checkpoint and nothing else\n")
            return
        length = self.headers.get("Content-Length", "")
        if _LENGTH.fullmatch(length) is None or "Transfer-Encoding" in self.headers:
            self._say(HTTPStatus.LENGTH_REQUIRED, "the request must say its length, and it may not be endless\n")
        elif int(length) > MAX_BYTES:
            self._say(HTTPStatus.BAD_REQUEST, f"at most {MAX_BYTES} bytes are read\n")
        else:
            self._cosign(self.rfile.read(int(length)))

    def _cosign(self, body: bytes) -> None:
        witness = self.server.witness
        status, text, kind = int(HTTPStatus.OK), "", _TEXT
        try:
            text = witness.cosign(body)
        except ElectionError as error:
            status, text = status_of(error), f"{error.message} [{error.code}]\n"
            if status == HTTPStatus.SERVICE_UNAVAILABLE:
                logger.error("%s", error.message)
            if status == HTTPStatus.CONFLICT:
                text, kind = f"{witness.last_size(body)}\n", SIZE_TYPE
        except (sqlite3.Error, OSError) as error:
            logger.error("nothing could be stored (%s)", error)
            status, text = HTTPStatus.SERVICE_UNAVAILABLE, "nothing can be stored now; ask again later\n"
        self._say(status, text, kind)

    def do_GET(self) -> None:
        match = _NEWEST.fullmatch(self.path)
        try:
            note = self.server.witness.store.newest(match[1]) if match else None
        except sqlite3.Error as error:
            logger.error("nothing could be read (%s)", error)
            self._say(HTTPStatus.SERVICE_UNAVAILABLE, "nothing can be read now; ask again later\n")
            return
        if note is None:
            self._say(HTTPStatus.NOT_FOUND, "nothing of such a log has been cosigned here\n")
        else:
            self._say(HTTPStatus.OK, note.decode("utf-8"))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: the parameter's name is the library's."""

    def _say(self, status: int, text: str, kind: str = _TEXT) -> None:
        body = text.encode("utf-8")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)
