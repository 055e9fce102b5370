"""trustees.json: single keys, threshold groups, and the election key they make. docs/protocol.md sections 6.1 to 6.3.

Belenios numbers the trustees ("owners") from 1 over the flattened list; inside a threshold group places count from 1 again.
"""

from __future__ import annotations

from dataclasses import dataclass

from veche.crypto.canonical_json import Json, array, encode, fields, parse_canonical, text
from veche.crypto.errors import Inconsistent, InvalidProof, Malformed
from veche.crypto.group import Point, total
from veche.crypto.pedersen import ThresholdGroup, verify_threshold_group
from veche.crypto.proof import Proof
from veche.crypto.scalar import Randomness, Secret
from veche.crypto.schnorr import prove_possession, verify_possession

MAX_BYTES = 8_000_000
MAX_TRUSTEES = 1000


@dataclass(frozen=True, slots=True)
class SingleTrustee:
    """A key that must always take part, with the proof that its owner knows the secret."""

    public_key: Point
    possession: Proof
    name: str | None = None

    @classmethod
    def make(cls, secret: Secret, public_key: Point, name: str | None, randomness: Randomness) -> SingleTrustee:
        return cls(public_key, prove_possession(secret, public_key, randomness), name)

    @classmethod
    def from_json(cls, value: Json) -> SingleTrustee:
        """Raises Malformed: other fields, or `trustee-key` when the key is no point of order q."""
        found = fields(value, ("pok", "public_key", "name"), ("name",))
        possession = Proof.from_json(found["pok"])
        name = text(found["name"]) if "name" in found else None
        key = text(found["public_key"])
        try:
            return cls(Point.from_hex(key), possession, name)
        except Malformed as error:
            raise Malformed("trustee-key", f"a trustee's public key: {error}") from error

    def to_json(self) -> dict[str, Json]:
        value: dict[str, Json] = {"pok": self.possession.to_json(), "public_key": self.public_key.hex()}
        return value if self.name is None else value | {"name": self.name}


TrusteeItem = SingleTrustee | ThresholdGroup


@dataclass(frozen=True, slots=True)
class Owner:
    """One trustee: its number in the record, its public or verification key, which item it stands in, and at which place there."""

    number: int
    public_key: Point
    name: str | None
    item: int
    place: int


@dataclass(frozen=True, slots=True)
class Trustees:
    """The items of trustees.json in order, with the bytes they were read from."""

    raw: bytes
    items: tuple[TrusteeItem, ...]

    @property
    def owners(self) -> tuple[Owner, ...]:
        """Every trustee; owners[n-1] has number n."""
        flat = [
            (key, name, number, place) for number, item in enumerate(self.items) for place, (key, name) in enumerate(_keys(item), 1)
        ]
        return tuple(Owner(number, *one) for number, one in enumerate(flat, 1))

    def owner(self, number: int) -> Owner | None:
        """The trustee with this number, or None."""
        owners = self.owners
        return owners[number - 1] if 1 <= number <= len(owners) else None

    @property
    def election_key(self) -> Point:
        """The sum of all single keys and of every group's key."""
        keys = [item.public_key if isinstance(item, SingleTrustee) else item.public_key() for item in self.items]
        return total([(1, key) for key in keys])

    @property
    def groups(self) -> tuple[ThresholdGroup, ...]:
        return tuple(item for item in self.items if isinstance(item, ThresholdGroup))

    def numbers_of(self, item: int) -> tuple[int, ...]:
        """The owner numbers of one item."""
        return tuple(owner.number for owner in self.owners if owner.item == item)


def parse_trustees(raw: bytes) -> Trustees:
    """The trustees in `raw`. Raises Malformed `trustees-malformed`, `threshold-limits` or `trustee-key`."""
    try:
        listed = array(parse_canonical(raw, MAX_BYTES))
        if not 1 <= len(listed) <= MAX_TRUSTEES:
            raise Malformed("wrong-length", f"{len(listed)} trustees where 1 to {MAX_TRUSTEES} are allowed")
        return Trustees(raw, tuple(_item(one) for one in listed))
    except Malformed as error:
        if error.code in ("threshold-limits", "trustee-key"):
            raise
        raise Malformed("trustees-malformed", f"trustees.json: {error}") from error


def _keys(item: TrusteeItem) -> list[tuple[Point, str | None]]:
    if isinstance(item, SingleTrustee):
        return [(item.public_key, item.name)]
    return [(key.public_key, key.name) for key in item.verification_keys]


def _item(value: Json) -> TrusteeItem:
    kind, content = array(value, 2)
    if kind == "Single":
        return SingleTrustee.from_json(content)
    if kind == "Pedersen":
        return ThresholdGroup.from_json(content)
    raise Malformed("wrong-type", "each trustee is a Single or a Pedersen item")


def make_trustees(items: tuple[TrusteeItem, ...]) -> Trustees:
    """trustees.json for these items, checked as a foreign one would be."""
    listed: list[Json] = [["Single" if isinstance(item, SingleTrustee) else "Pedersen", item.to_json()] for item in items]
    trustees = parse_trustees(encode(listed))
    verify_trustees(trustees)
    return trustees


def verify_trustees(trustees: Trustees) -> None:
    """Check every statement of trustees.json (9.3.10 to 9.3.16). Raises naming the trustee."""
    for number, item in enumerate(trustees.items, 1):
        if isinstance(item, ThresholdGroup):
            verify_threshold_group(item)
            continue
        try:
            verify_possession(item.possession, item.public_key)
        except InvalidProof as error:
            raise InvalidProof("trustee-pok", f"trustee item {number}: {error}") from error


def verify_election_key(trustees: Trustees, key: Point) -> None:
    """Check 9.3.17: the election's key is the sum of the trustees' keys. Raises Inconsistent.

    Otherwise somebody who is no trustee could know the secret and decrypt every ballot alone.
    """
    if trustees.election_key != key:
        raise Inconsistent("election-key", "the election's public key is not the sum of the trustees' keys")
