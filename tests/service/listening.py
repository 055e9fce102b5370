"""A server of a test under a real uvicorn on the loopback, with the test's own clock; and one in between that changes answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import uvicorn

from veche.service.application import create_application
from veche.service.server import Server

START_SECONDS = 30


@contextmanager
def listening(server: Server, port: int = 0) -> Iterator[str]:
    """The server's address while the block runs."""
    config = uvicorn.Config(create_application(server), host="127.0.0.1", port=port, log_level="error", access_log=False)
    web = uvicorn.Server(config)
    thread = threading.Thread(target=web.run, daemon=True)
    thread.start()
    end = time.monotonic() + START_SECONDS
    while not web.started:
        if time.monotonic() > end or not thread.is_alive():
            raise RuntimeError("the server did not start")
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{web.servers[0].sockets[0].getsockname()[1]}"
    finally:
        web.should_exit = True
        thread.join(START_SECONDS)


@dataclass(slots=True)
class Exchange:
    """A request on its way, and the honest server's answer to it."""

    method: str
    path: str
    sent: bytes
    status: int = 0
    body: bytes = b""


@dataclass(slots=True)
class Liar:
    """A server between a trustee and the honest one. `change` may alter an exchange before the trustee sees the answer.

    `keeps` says which requests never reach the honest server; they are answered with 201. `spoil` may alter a
    request on its way, `bearer` is used instead of the trustee's token. `sent` is all that was received.
    """

    upstream: str
    change: Callable[[Exchange], None] = lambda _: None
    keeps: Callable[[Exchange], bool] = lambda _: False
    spoil: Callable[[Exchange], None] = lambda _: None
    bearer: str | None = None
    sent: list[Exchange] = field(default_factory=list)

    def answer(self, exchange: Exchange, headers: dict[str, str]) -> None:
        self.sent.append(exchange)
        if self.keeps(exchange):
            exchange.status, exchange.body = 201, b""
        else:
            self.spoil(exchange)
            if self.bearer is not None:
                headers["Authorization"] = f"Bearer {self.bearer}"
            _forward(self.upstream, exchange, headers)
        self.change(exchange)

    def left(self, *names: str) -> list[str]:
        """The paths of what came out of the trustee's tool: everything that was not only asked for."""
        return [one.path for one in self.sent if one.method != "GET" and (not names or any(name in one.path for name in names))]


def _forward(upstream: str, exchange: Exchange, headers: dict[str, str]) -> None:
    body = exchange.sent if exchange.method != "GET" else None
    request = Request(upstream + exchange.path, body, headers, method=exchange.method)
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=60) as response:
            exchange.status, exchange.body = response.status, response.read()
    except HTTPError as error:
        with error:
            exchange.status, exchange.body = error.code, error.read()


@contextmanager
def lying(liar: Liar) -> Iterator[str]:
    """The liar's address while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            exchange = Exchange(self.command, self.path, self.rfile.read(size))
            kept = {name: value for name, value in self.headers.items() if name.lower() in ("authorization", "content-type")}
            liar.answer(exchange, kept)
            self.send_response(exchange.status)
            if 300 <= exchange.status < 400:
                self.send_header("Location", exchange.body.decode())
            kind = "application/problem+json" if exchange.status >= 400 else "application/octet-stream"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(exchange.body)))
            self.end_headers()
            self.wfile.write(exchange.body)

        do_PUT = do_GET  # noqa: N815
        do_POST = do_GET  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            _ = arguments

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{web.server_port}"
    finally:
        web.shutdown()
        web.server_close()
