"""The entries that are not events: one frozen dataclass per type. docs/protocol.md section 8 (public record, entries).

An annex is canonical JSON `{"annex":TYPE,"election":UUID,…}`, at most 65,535 bytes, with the fields of its class in the
order of its class; `annex_fields` gives each field its form. Nothing in an annex is free text about a person: reasons
and incidents are codes. What points, proofs and signatures are worth is checked elsewhere; here only their form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, ClassVar, Final

from veche.crypto import canonical_json
from veche.crypto.canonical_json import Json
from veche.crypto.errors import Inconsistent, Malformed
from veche.crypto.proof import Proof
from veche.ledger.annex_fields import read_field
from veche.ledger.event import MAX_ENTRY_BYTES


@dataclass(frozen=True, slots=True)
class Annex:
    """What every annex has: the uuid of its election.

    Invariant: every field has the form that `annex_fields` gives it, and the text is at most 65,535 bytes. Raises
    Malformed `entry-malformed` otherwise.
    """

    TYPE: ClassVar[str] = ""
    OPTIONAL: ClassVar[tuple[str, ...]] = ()
    election: str

    def __post_init__(self) -> None:
        present = _values(self)
        for field in fields(self):
            if field.name in present:
                read_field(self.TYPE, field.name, present[field.name])
            elif field.name not in self.OPTIONAL:
                raise Malformed("entry-malformed", f"an annex of type {self.TYPE} without {field.name}")
        if len(self.text()) > MAX_ENTRY_BYTES:
            raise Malformed("entry-malformed", f"an annex of type {self.TYPE} of more than {MAX_ENTRY_BYTES} bytes")

    def text(self) -> bytes:
        """The exact bytes of the entry: the leaf of the log."""
        return canonical_json.encode({"annex": self.TYPE, **_values(self)})


@dataclass(frozen=True, slots=True)
class Manifest(Annex):
    """The rules of the election, fixed by hash. The first entry, and only there."""

    TYPE: ClassVar[str] = "manifest"
    manifest: str


@dataclass(frozen=True, slots=True)
class Dkg(Annex):
    """The trustees' threshold key was made; `ceremony` is the SHA-256 of the last run file."""

    TYPE: ClassVar[str] = "dkg"
    ceremony: str


@dataclass(frozen=True, slots=True)
class Drill(Annex):
    """Trustee `owner` has read its key again and proved it on the point that the drill prescribes."""

    TYPE: ClassVar[str] = "drill"
    owner: int
    factor: str
    proof: Proof


@dataclass(frozen=True, slots=True)
class Software(Annex):
    """The build that serves from here on; `assets` is the SHA-256 of the list of what browsers are given."""

    TYPE: ClassVar[str] = "software"
    version: str
    assets: str


@dataclass(frozen=True, slots=True)
class Opened(Annex):
    """Ballots are taken from here on."""

    TYPE: ClassVar[str] = "opened"
    time: int


@dataclass(frozen=True, slots=True)
class Issued(Annex):
    """The registrar handed out the credentials that the data file lists; `total` is the number of all so far.

    `signature` is the registrar's note line without its newline. Whether it is one, and good, is step 9.7.1.
    """

    TYPE: ClassVar[str] = "issued"
    total: int
    credentials: str
    signature: str

    def signed_text(self) -> bytes:
        """The text of the note that the registrar signs: the annex without its signature, and a newline."""
        return unsigned_issued_text(self.election, self.total, self.credentials)


@dataclass(frozen=True, slots=True)
class Extended(Annex):
    """The close moves to `closes_at`, decided at `time`."""

    TYPE: ClassVar[str] = "extended"
    time: int
    closes_at: int
    reason: str


@dataclass(frozen=True, slots=True)
class Suspended(Annex):
    """No ballots are taken until `resumed`."""

    TYPE: ClassVar[str] = "suspended"
    time: int
    reason: str


@dataclass(frozen=True, slots=True)
class Resumed(Annex):
    """Ballots are taken again."""

    TYPE: ClassVar[str] = "resumed"
    time: int
    reason: str


@dataclass(frozen=True, slots=True)
class Incident(Annex):
    """Something happened that explains what else in the record looks odd."""

    TYPE: ClassVar[str] = "incident"
    time: int
    code: str


@dataclass(frozen=True, slots=True)
class Closed(Annex):
    """No ballot after this; `ballots` counts the credentials of weight > 0 that cast at least one."""

    TYPE: ClassVar[str] = "closed"
    time: int
    ballots: int


@dataclass(frozen=True, slots=True)
class Withheld(Annex):
    """Nothing will be decrypted: fewer than `minimum` ballots would betray their voters."""

    TYPE: ClassVar[str] = "withheld"
    ballots: int
    minimum: int


@dataclass(frozen=True, slots=True)
class DecryptionProof(Annex):
    """The strong proof of the share of `owner` whose owned text has the SHA-256 `payload`."""

    TYPE: ClassVar[str] = "decryption-proof"
    owner: int
    payload: str
    proof: Proof


@dataclass(frozen=True, slots=True)
class ShareRefused(Annex):
    """A share that was delivered and not taken, with what shows who erred."""

    TYPE: ClassVar[str] = "share-refused"
    OPTIONAL: ClassVar[tuple[str, ...]] = ("proof", "signature")
    owner: int
    payload: str
    proof: Proof | None
    signature: Proof | None
    reason: str


@dataclass(frozen=True, slots=True)
class Published(Annex):
    """The preliminary result, and the SHA-256 of the report of its audit."""

    TYPE: ClassVar[str] = "published"
    time: int
    result: str
    audit: str


@dataclass(frozen=True, slots=True)
class Certified(Annex):
    """The result stands: the days of appeal have passed."""

    TYPE: ClassVar[str] = "certified"
    time: int
    result: str
    complaints: int


@dataclass(frozen=True, slots=True)
class Cancelled(Annex):
    """Given up before any result. Final."""

    TYPE: ClassVar[str] = "cancelled"
    OPTIONAL: ClassVar[tuple[str, ...]] = ("successor",)
    time: int
    reason: str
    successor: str | None = None


@dataclass(frozen=True, slots=True)
class Annulled(Annex):
    """Declared void after the result. Final."""

    TYPE: ClassVar[str] = "annulled"
    OPTIONAL: ClassVar[tuple[str, ...]] = ("successor",)
    time: int
    reason: str
    successor: str | None = None


ANNEX_TYPES: Final[Mapping[str, type[Annex]]] = MappingProxyType(
    {
        one.TYPE: one
        for group in (
            (Manifest, Dkg, Drill, Software, Opened, Issued, Extended, Suspended, Resumed, Incident, Closed, Withheld),
            (DecryptionProof, ShareRefused, Published, Certified, Cancelled, Annulled),
        )
        for one in group
    }
)


def parse_annex(text: bytes, uuid: str | None) -> Annex:
    """The annex of its exact text.

    Raises Malformed `entry-malformed` unless the bytes are the one text of an annex of a known type (step 9.2.2), and
    Inconsistent `entry-election` when it speaks of another election than `uuid` (step 9.2.3; None: of any).
    """
    try:
        value = canonical_json.parse_canonical(text, limit=MAX_ENTRY_BYTES)
    except Malformed as error:
        raise Malformed("entry-malformed", f"an annex: {error.message}") from error
    kind = _kind(value)
    names = tuple(field.name for field in fields(kind))
    try:
        found = canonical_json.fields(value, ("annex", *names), kind.OPTIONAL)
    except Malformed as error:
        raise Malformed("entry-malformed", f"an annex of type {kind.TYPE}: {error.message}") from error
    values: dict[str, Any] = {n: read_field(kind.TYPE, n, found[n]) if n in found else None for n in names}
    annex = kind(**values)
    if uuid is not None and annex.election != uuid:
        raise Inconsistent("entry-election", f"an annex of election {uuid} was expected, this is of {annex.election}")
    return annex


def unsigned_issued_text(election: str, total: int, credentials: str) -> bytes:
    """What the registrar signs before it makes an `issued`: the annex without its signature, and a newline."""
    unsigned: dict[str, Json] = {
        "annex": Issued.TYPE,
        "election": election,
        "total": total,
        "credentials": credentials,
    }
    return canonical_json.encode(unsigned) + b"\n"


def _kind(value: Json) -> type[Annex]:
    word = value.get("annex") if type(value) is dict else None
    if type(word) is str and word in ANNEX_TYPES:
        return ANNEX_TYPES[word]
    raise Malformed("entry-malformed", f"an annex is of one of the types {', '.join(ANNEX_TYPES)}; found another")


def _values(annex: Annex) -> dict[str, Json]:
    """The fields as JSON, in order, absent ones left out."""
    values = {field.name: getattr(annex, field.name) for field in fields(annex)}
    return {n: v.to_json() if isinstance(v, Proof) else v for n, v in values.items() if v is not None}
