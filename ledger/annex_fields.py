"""The form of each field of an annex: one name, one form, wherever it stands. docs/protocol.md section 8 (entries)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from veche.crypto.canonical_json import Json, digest, integer, text
from veche.crypto.errors import Malformed
from veche.crypto.proof import Proof

REFUSAL_REASONS: Final = ("malformed", "belenios-proof", "strong-proof")
"""Why a trustee's share was not taken."""

_CODE = re.compile(r"[a-z0-9-]{1,64}")
_UUID = re.compile(r"[1-9A-HJ-NP-Za-km-z]{14,64}")


MAX_OWNER: Final = 1000
"""Nobody has more trustees; without a bound a hostile draft could make the state machine remember millions."""


def read_field(kind: str, name: str, value: Json) -> object:
    """The value of field `name` of an annex of type `kind`. Raises Malformed `entry-malformed`."""
    form = FORMS.get(f"{kind}.{name}") or FORMS[name]
    try:
        return form(value)
    except Malformed as error:
        raise Malformed("entry-malformed", f"an annex of type {kind}, field {name}: {error.message}") from error


def _code(value: Json) -> str:
    if _CODE.fullmatch(text(value)) is None:
        raise Malformed("wrong-type", "a code of 1 to 64 of a-z, 0-9 and - was expected")
    return text(value)


def _uuid(value: Json) -> str:
    if _UUID.fullmatch(text(value)) is None:
        raise Malformed("wrong-type", "the uuid of an election, at least 14 base58 digits, was expected")
    return text(value)


def _owner(value: Json) -> int:
    return integer(value, 1, MAX_OWNER)


def _refusal_reason(value: Json) -> str:
    if text(value) not in REFUSAL_REASONS:
        raise Malformed("wrong-type", f"one of {', '.join(REFUSAL_REASONS)} was expected")
    return text(value)


FORMS: Final[Mapping[str, Callable[[Json], object]]] = MappingProxyType(
    {
        "election": _uuid,
        "successor": _uuid,
        "owner": _owner,
        # Times are whole seconds since 1970, UTC.
        "time": integer,
        "closes_at": integer,
        "ballots": integer,
        "minimum": integer,
        "total": integer,
        "complaints": integer,
        "manifest": digest,
        "ceremony": digest,
        "assets": digest,
        "credentials": digest,
        "payload": digest,
        "result": digest,
        "audit": digest,
        # Only the form: a factor outside the group is a bad drill (step 9.5.7), not an entry that cannot be read.
        "factor": digest,
        "proof": Proof.from_json,
        "signature": Proof.from_json,
        # A line of a signed note. A bad one is a bad signature (step 9.7.1), not an entry that cannot be read.
        "issued.signature": text,
        "version": text,
        "code": _code,
        "reason": _code,
        "share-refused.reason": _refusal_reason,
    }
)
"""Each field's reader: it returns the value, or raises Malformed. `TYPE.FIELD` goes before `FIELD`."""
