"""Whose request it is when a reverse proxy stands before the server: believed only of the proxy that the operator named.

Anybody can send X-Forwarded-For. So the header counts only when the peer itself is a trusted address, and in it only what trusted
proxies wrote: from the right, the first address that is none of them. Everything further left came from the client and may be a
lie. The address lives in the request's scope alone, for budgets against floods; it is written nowhere. Host and scheme are never
taken from a header: they are those of the setting `base_url`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from veche.service.settings import Network

Address = IPv4Address | IPv6Address

MOST_HOPS: Final = 20
"""How many addresses of the header are looked at, from the right."""


class ClientAddress:
    """An ASGI application that hands requests on with the client's own address in `scope["client"]`."""

    def __init__(self, app: ASGIApp, networks: Sequence[Network]) -> None:
        self._app = app
        self._networks = tuple(networks)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._networks and scope["type"] in ("http", "websocket") and scope.get("client"):
            host = scope["client"][0]
            headers = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
            found = client_address(host, headers, self._networks)
            if found != host:
                # A copy: the scope belongs to the server, which may look at it after us.
                scope = {**scope, "client": (found, 0)}
        await self._app(scope, receive, send)


def client_address(peer: str, headers: Iterable[str], networks: Sequence[Network]) -> str:
    """The address of the client whose request `peer` handed on, or `peer` itself when it is no trusted proxy.

    `headers` are the values of X-Forwarded-For in their order. Where trusted proxies wrote no address, it is the last of them.
    """
    address = _parse(peer)
    if address is None or not _trusted(address, networks):
        return peer
    entries = ",".join(headers).split(",")
    for entry in reversed(entries[-MOST_HOPS:]):
        found = _parse(entry)
        if found is None:
            break
        address = found
        if not _trusted(found, networks):
            break
    return str(address)


def _parse(text: str) -> Address | None:
    """An address as proxies write it, perhaps with a port; an IPv4 address in IPv6's clothes is itself."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


def _trusted(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
