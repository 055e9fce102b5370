"""The client's address behind a proxy: what the named proxy says, and nobody else."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from veche.service.client_address import MOST_HOPS, ClientAddress, client_address
from veche.service.settings import parse_networks

PROXY = parse_networks("127.0.0.1, 10.1.0.0/16, fd00::/8")


@pytest.mark.parametrize(
    ("peer", "headers", "client"),
    [
        # The peer is no proxy of ours: whatever it says, it is itself.
        ("198.51.100.7", ["203.0.113.9"], "198.51.100.7"),
        ("2001:db8::7", ["203.0.113.9"], "2001:db8::7"),
        # One proxy.
        ("127.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("127.0.0.1", ["2001:db8::9"], "2001:db8::9"),
        ("::ffff:127.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("fd00::1", ["203.0.113.9"], "203.0.113.9"),
        # The client lied to the proxy, which added the truth on the right.
        ("127.0.0.1", ["192.0.2.1, 203.0.113.9"], "203.0.113.9"),
        ("127.0.0.1", ["127.0.0.1, 203.0.113.9"], "203.0.113.9"),
        ("127.0.0.1", ["192.0.2.1", "203.0.113.9"], "203.0.113.9"),
        # Two proxies of ours, one behind the other.
        ("127.0.0.1", ["192.0.2.1, 203.0.113.9, 10.1.2.3"], "203.0.113.9"),
        # With ports, as some proxies write.
        ("127.0.0.1", ["203.0.113.9:4711"], "203.0.113.9"),
        ("127.0.0.1", ["[2001:db8::9]:4711"], "2001:db8::9"),
        # Nothing usable: the last trusted hop.
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", [""], "127.0.0.1"),
        ("127.0.0.1", ["unknown"], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.9, unknown"], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.9, unknown, 10.1.2.3"], "10.1.2.3"),
        ("127.0.0.1", ["10.1.2.3"], "10.1.2.3"),
    ],
)
def test_the_client_is_the_rightmost_address_that_is_no_proxy_of_ours(peer: str, headers: list[str], client: str) -> None:
    assert client_address(peer, headers, PROXY) == client


def test_a_proxy_outside_the_named_network_is_not_believed() -> None:
    assert client_address("10.1.255.255", ["203.0.113.9"], PROXY) == "203.0.113.9"
    assert client_address("10.2.0.0", ["203.0.113.9"], PROXY) == "10.2.0.0"


def test_a_very_long_header_is_not_read_to_its_beginning() -> None:
    header = ", ".join(["203.0.113.9", *["10.1.2.3"] * MOST_HOPS])
    assert client_address("127.0.0.1", [header], PROXY) == "10.1.2.3"


def passed_on(scope: Scope, networks: str) -> Scope:
    """The scope that the application behind the middleware is handed."""
    seen: list[Scope] = []

    async def application(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(_: Message) -> None:
        return None

    asyncio.run(ClientAddress(application, parse_networks(networks))(scope, receive, send))
    return seen[0]


SPOOFED = [
    (b"host", b"vote.example"),
    (b"x-forwarded-for", b"203.0.113.9"),
    (b"x-forwarded-host", b"evil.example"),
    (b"x-forwarded-proto", b"https"),
    (b"forwarded", b"for=198.51.100.1;host=evil.example;proto=https"),
    (b"x-real-ip", b"198.51.100.2"),
]


def asked(peer: str) -> Scope:
    return {"type": "http", "scheme": "http", "client": (peer, 5000), "server": ("127.0.0.1", 8000), "headers": SPOOFED}


def test_only_the_address_is_replaced_and_never_host_or_scheme() -> None:
    before = asked("127.0.0.1")
    assert passed_on(before, "127.0.0.1") == {**before, "client": ("203.0.113.9", 0)}
    assert before["client"] == ("127.0.0.1", 5000)


@pytest.mark.parametrize(("peer", "networks"), [("127.0.0.1", ""), ("198.51.100.7", "127.0.0.1")])
def test_spoofed_headers_change_nothing_without_a_trusted_peer(peer: str, networks: str) -> None:
    assert passed_on(asked(peer), networks) == asked(peer)


def test_a_scope_without_a_client_passes() -> None:
    assert passed_on({"type": "lifespan"}, "127.0.0.1") == {"type": "lifespan"}
    assert passed_on({**asked("127.0.0.1"), "client": None}, "127.0.0.1")["client"] is None
