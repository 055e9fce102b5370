"""A small server over Python's own: so many requests at once, so many seconds for each, one per connection.

For programs of people who have none of the server's packages: a witness, a mirror. No address is written down.
"""

from __future__ import annotations

import logging
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

AT_ONCE: Final = 64
SECONDS: Final = 15
"""A request is over after so long, whatever it is doing."""

logger = logging.getLogger(__name__)


class BoundedServer(ThreadingHTTPServer):
    """Listens at HOST and PORT (0: a free one) from the moment it is made. Raises OSError."""

    daemon_threads = True
    request_queue_size = 128
    seconds: float = SECONDS

    def __init__(self, host: str, port: int, answering: type[BaseHTTPRequestHandler]) -> None:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        self.address_family = family
        self._room = threading.BoundedSemaphore(AT_ONCE)
        super().__init__((str(place[0]), int(place[1])), answering)

    def server_bind(self) -> None:
        """Without asking a name server what this machine is called, as the library would."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        shown = f"[{host!s}]" if ":" in str(host) else str(host)
        return f"http://{shown}:{port}"

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """A thread of its own for the request, if there is room; else the connection ends, and the log asks again later."""
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """The request is answered or cut off in time, and its room is free again."""
        # The time-out of a socket begins anew with each byte; this one does not.
        end = threading.Timer(self.seconds, _cut, (request,))
        end.daemon = True
        end.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            end.cancel()
            self._room.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that broke is nobody's failure; anything else is told without who asked."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError | ValueError):
            logger.error("a request failed (%s: %s)", type(error).__name__, error)


def _cut(request: socket.socket) -> None:
    try:
        request.shutdown(socket.SHUT_RDWR)
    except OSError:
        # It has ended by itself.
        return
