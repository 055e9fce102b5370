"""Everything that leaves a trustee's page or can be seen in it, and the search for what is secret in the key file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from veche.cli.trustee_key_file import read_room
from veche.crypto.ceremony import Finished, Revealed, State, open_decryption_key
from veche.crypto.channel import TrusteeKeys, json_of, receive
from veche.crypto.scalar import Secret

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Request

WATCH: Final = """
window.seenHere = [];
new MutationObserver((changes) => {
  for (const { target, addedNodes, removedNodes, oldValue } of changes) {
    for (const one of [target, ...addedNodes, ...removedNodes]) seenHere.push(one.outerHTML ?? one.nodeValue ?? "");
    seenHere.push(oldValue ?? "");
  }
}).observe(document, {
  subtree: true, childList: true, attributes: true, characterData: true, attributeOldValue: true, characterDataOldValue: true,
});
"""
"""Every element and text that was ever in the page, with its attributes, also for a moment."""

KEPT: Final = """async () => [
  ...seenHere, location.href, document.cookie,
  JSON.stringify([history.state, { ...localStorage }, { ...sessionStorage }]),
  JSON.stringify([await indexedDB.databases(), await caches.keys()]),
]"""

_MESSAGE: Final = re.compile(r"/ceremony/messages/([a-z0-9-]+\.json)$")


@dataclass(slots=True)
class Overheard:
    """All pages of one device. `messages`: by its name, every text that was put on the board in it."""

    context: BrowserContext
    heard: list[str] = field(default_factory=list)
    messages: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.context.add_init_script(WATCH)
        self.context.on("request", lambda request: self._request(request))
        self.context.on("console", lambda said: self.heard.append(said.text))
        self.context.on("weberror", lambda error: self.heard.append(str(error.error)))

    def _request(self, request: Request) -> None:
        body = request.post_data or ""
        self.heard += [request.url, json.dumps(request.headers), body]
        name = _MESSAGE.search(request.url)
        if request.method == "PUT" and name is not None:
            self.messages.setdefault(name[1], set()).add(body)

    def look(self, page: Page) -> None:
        """What this page has shown and keeps is heard, before it is closed or loaded anew."""
        found: list[Any] = page.evaluate(KEPT)
        self.heard += [str(one) for one in found]

    def tell(self, secrets: set[str]) -> list[str]:
        """Which of these were overheard."""
        everything = "\n".join(self.heard).lower()
        return [one for one in secrets if one.lower() in everything]


def secrets_of(files: list[Path], passphrase: str) -> set[str]:
    """Every secret in these key files of one trustee, in all the ways in which a program could write it."""
    found = {passphrase}
    for path in files:
        room = read_room(path, passphrase)
        keys = room.seed.keys()
        found |= {room.seed.characters, *_written(keys.signing), *_written(keys.decryption)}
        found |= {one for state in (room.state, room.seen) for one in _inside(state, keys)}
    return found


def _inside(state: State | None, keys: TrusteeKeys) -> Iterator[str]:
    """The key, or the trustee's own share of the polynomial it chose."""
    if state is None:
        return
    if isinstance(state, Finished):
        yield from _written(open_decryption_key(keys, state.decryption_key))
        return
    chosen = state.committed if isinstance(state, Revealed) else state
    message = receive(keys, keys.verification, chosen.secrets[chosen.place.index - 1])
    value = json_of(message)
    yield from (message, *_written(Secret.from_decimal(value["secret"] if type(value) is dict else "")))


def _written(secret: Secret) -> set[str]:
    value = secret.expose()
    small = value.to_bytes(32, "little")
    return {str(value), f"{value:x}", f"{value:064x}", small.hex(), json.dumps(list(small), separators=(",", ":"))}


