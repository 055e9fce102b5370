"""Setup data: the small text through which Setup, whose payload is one hash, names all it brings. docs/protocol.md step 9.3.1.

The other two such texts, the sized tally and the owned text, belong to `ballot/tally.py` and `ballot/share.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from veche.crypto.canonical_json import Json, digest, encode, fields, parse_canonical
from veche.crypto.errors import Malformed

MAX_PAYLOAD_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class SetupData:
    """What Setup fixes for ever, by SHA-256: election, trustees, credentials and (Belenios 3.2) their certificate."""

    election: str
    trustees: str
    credentials: str
    credentials_certificate: str | None = None

    def text(self) -> bytes:
        value: dict[str, Json] = {
            "election": self.election,
            "trustees": self.trustees,
            "credentials": self.credentials,
        }
        if self.credentials_certificate is not None:
            value["credentials_certificate"] = self.credentials_certificate
        return encode(value)

    def named(self) -> tuple[str, ...]:
        """The hashes in the order in which their records stand before this text."""
        first = (self.election, self.trustees, self.credentials)
        return first if self.credentials_certificate is None else (*first, self.credentials_certificate)


def parse_setup_data(text: bytes) -> SetupData:
    """The setup data, strictly. Raises Malformed `setup-data` (step 9.3.1)."""
    names = ("election", "trustees", "credentials", "credentials_certificate")
    try:
        found = fields(parse_canonical(text, limit=MAX_PAYLOAD_BYTES), names, names[3:])
        return SetupData(*(digest(found[name]) for name in names if name in found))
    except Malformed as error:
        raise Malformed("setup-data", f"the setup data: {error.message}") from error


def verify_setup_data(text: bytes, before: Sequence[str]) -> None:
    """Check that `text` is setup data and names exactly the records before it, whose SHA-256 `before` lists in order.

    Raises Malformed `setup-data` (step 9.3.1).
    """
    if parse_setup_data(text).named() != tuple(before):
        raise Malformed("setup-data", "the setup data does not name the records that stand before it, in their order")
