"""A trustee's secret as its files hold it, in the forms that belenios-tool reads too. docs/protocol.md sections 6.1 and 6.3.

A single key: the decimal number in JSON quotes. A place in a threshold group: a seed of 22 characters (`.key`), and the share of
the group's key, encrypted to that seed (`.dkey`): the `.dkey` alone is of no use to anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from veche.ballot.trustees import Owner, SingleTrustee, Trustees
from veche.crypto.canonical_json import dumps, encode, parse
from veche.crypto.ceremony import open_decryption_key
from veche.crypto.channel import Seed
from veche.crypto.errors import ElectionError, Malformed, Refused
from veche.crypto.group import G, Point, secret_multiple
from veche.crypto.scalar import Randomness, Secret
from veche.observer.durable_files import read_line


@dataclass(frozen=True, slots=True)
class TrusteeKey:
    """What a trustee decrypts with: public = secret·G. The repr shows the public half only."""

    secret: Secret
    public: Point


def make_single_key(name: str | None, randomness: Randomness) -> tuple[bytes, bytes]:
    """A new key that must always take part: the private file and the public one."""
    secret = Secret.random(randomness)
    public = SingleTrustee.make(secret, secret_multiple(secret, G), name, randomness)
    return dumps(str(secret.expose())).encode("ascii"), encode(public.to_json())


def parse_single_key(line: str) -> TrusteeKey:
    """The key of a private file: a decimal number in quotes. Raises Malformed `key-malformed` without showing it."""
    try:
        secret = Secret.from_decimal(parse(line.encode("utf-8")))
    except Malformed as error:
        raise Malformed("key-malformed", "the key file holds no trustee's key: neither a number in quotes nor a seed") from error
    if secret.is_zero():
        raise Malformed("key-malformed", "the key file holds the number 0, which is nobody's key")
    return TrusteeKey(secret, secret_multiple(secret, G))


def parse_threshold_key(seed: str, decryption_key: str) -> TrusteeKey:
    """The share of a group's key, opened with the seed. Raises Malformed `key-malformed` without showing either."""
    try:
        secret = open_decryption_key(Seed.parse(seed).keys(), decryption_key)
    except ElectionError as error:
        raise Malformed("key-malformed", f"key and .dkey do not belong together, or one is damaged ({error.code})") from error
    return TrusteeKey(secret, secret_multiple(secret, G))


def read_trustee_key(key: Path, decryption_key: Path | None) -> TrusteeKey:
    """The key of one file, or of a seed with its `.dkey`: the one named, else the one beside it. Raises Malformed or Refused."""
    line = read_line(key)
    if not _is_seed(line):
        if decryption_key is not None:
            raise Refused("key-files", f"{key} is no seed of a threshold group, so no --dkey belongs to it")
        return parse_single_key(line)
    beside = key.with_suffix(".dkey")
    if decryption_key is None and beside.is_file():
        decryption_key = beside
    if decryption_key is None:
        raise Refused("key-files", f"{key} is the seed of a place in a threshold group: name the .dkey file with it (--dkey)")
    return parse_threshold_key(line, read_line(decryption_key))


def verify_owner(key: TrusteeKey, trustees: Trustees, number: int) -> Owner:
    """The trustee `number` of this record, whose key this is. Raises Refused: another set of trustees, or another number."""
    owner = trustees.owner(number)
    if owner is not None and owner.public_key == key.public:
        return owner
    mine = [str(one.number) for one in trustees.owners if one.public_key == key.public]
    if mine:
        raise Refused("not-my-number", f"your key is that of trustee {', '.join(mine)} of this record, not of trustee {number}")
    raise Refused(
        "other-trustees",
        f"your key is not among the {len(trustees.owners)} trustees of this record: it was made for another set of trustees",
    )


def _is_seed(line: str) -> bool:
    try:
        Seed.parse(line)
    except Malformed:
        return False
    return True
