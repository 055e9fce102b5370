"""Budgets against floods: how many refused ballots an address, or a credential, may send in a minute. reliability section 5.

Wrong links and asked-for mails have budgets of the same kind (`service.session_routes`).

Only refused ballots spend them, so a voter who votes is never turned away for voting. Kept in memory alone: an address is forgotten
a minute after it sent something bad, and is never written anywhere.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from veche.crypto.errors import Refused

PER_ADDRESS: Final = 60
PER_CREDENTIAL: Final = 5
WINDOW: Final = 60.0
_MOST_KEYS: Final = 100_000


class Budget:
    """At most `limit` refusals in `window` seconds, for each key. The least recently refused keys are forgotten first."""

    def __init__(
        self,
        limit: int,
        clock: Callable[[], float] = time.monotonic,
        *,
        window: float = WINDOW,
        told: str = "too many refused ballots: {limit} in a minute are the limit; wait a minute",
    ) -> None:
        self._limit = limit
        self._clock = clock
        self._window = window
        self._told = told.format(limit=limit)
        self._lock = threading.Lock()
        self._spent: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def verify(self, key: str) -> None:
        """Raises Refused `rate-limited` when the budget of this key is spent."""
        with self._lock:
            began, count = self._spent.get(key, (0.0, 0))
            if count >= self._limit and self._clock() - began < self._window:
                raise Refused("rate-limited", self._told)

    def spent(self) -> int:
        """How many keys are turned away now."""
        with self._lock:
            now = self._clock()
            return sum(count >= self._limit and now - began < self._window for began, count in self._spent.values())

    def spend(self, key: str) -> None:
        """One refusal of this key."""
        with self._lock:
            began, count = self._spent.pop(key, (0.0, 0))
            now = self._clock()
            self._spent[key] = (began, count + 1) if now - began < self._window else (now, 1)
            while len(self._spent) > _MOST_KEYS:
                self._spent.popitem(last=False)


def address_key(host: str | None) -> str:
    """What counts as one address: an IPv4 address, or the 64 bits of IPv6 that one household has."""
    try:
        found = ipaddress.ip_address(host or "")
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False).network_address)
    return str(found)
