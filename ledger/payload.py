"""The three small texts through which an event names more than one data record: setup data, sized tally, owned.

An event's payload is one hash. So where an event brings more, its last data record names the others by hash.
docs/protocol.md sections 9.1.8 and 9.3.1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from veche.crypto.canonical_json import Json, digest, encode, fields, integer, parse_canonical
from veche.crypto.errors import Malformed

LARGEST_NUMBER: Final = 2**30 - 1
"""Belenios writes a weight above this as a decimal string, because its own integers end there."""

MAX_PAYLOAD_BYTES: Final = 4096

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,99}")


@dataclass(frozen=True, slots=True)
class Owned:
    """A share or shuffle and who made it: `owner` is the trustee's number from 1, `payload` the SHA-256 of the data."""

    owner: int
    payload: str

    def text(self) -> bytes:
        return encode({"owner": self.owner, "payload": self.payload})


@dataclass(frozen=True, slots=True)
class SizedTally:
    """An encrypted tally (by its SHA-256) with the number of credentials counted and the sum of their weights."""

    num_tallied: int
    total_weight: int
    encrypted_tally: str

    def text(self) -> bytes:
        weight: Json = self.total_weight if self.total_weight <= LARGEST_NUMBER else str(self.total_weight)
        return encode(
            {"num_tallied": self.num_tallied, "total_weight": weight, "encrypted_tally": self.encrypted_tally}
        )


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


def parse_owned(text: bytes) -> Owned:
    """The owned text, strictly. Raises Malformed `record-order`: it names no record before it (step 9.1.8)."""
    try:
        found = fields(parse_canonical(text, limit=MAX_PAYLOAD_BYTES), ("owner", "payload"))
        return Owned(integer(found["owner"], least=1), digest(found["payload"]))
    except Malformed as error:
        raise Malformed("record-order", f"the text that names an owner and its data: {error.message}") from error


def parse_sized_tally(text: bytes) -> SizedTally:
    """The sized tally, strictly. Raises Malformed `record-order`: it names no record before it (step 9.1.8)."""
    try:
        found = fields(
            parse_canonical(text, limit=MAX_PAYLOAD_BYTES), ("num_tallied", "total_weight", "encrypted_tally")
        )
        return SizedTally(
            integer(found["num_tallied"]), _weight(found["total_weight"]), digest(found["encrypted_tally"])
        )
    except Malformed as error:
        raise Malformed("record-order", f"the sized tally: {error.message}") from error


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


def _weight(value: Json) -> int:
    """A weight: a JSON integer up to 2^30 - 1, a decimal string above; one form per number."""
    if type(value) is str and _DECIMAL.fullmatch(value) is not None and int(value) > LARGEST_NUMBER:
        return int(value)
    return integer(value, most=LARGEST_NUMBER)
