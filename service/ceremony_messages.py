"""Whether a trustee may put this message on the board now: its own name, its turn, its form, and what it says. design section 4.

What a server takes cannot be taken back, and everybody acts on it: so each message is judged by the same functions with which the
other trustees, and later every audit, judge it. docs/protocol.md section 6.8 (veche-record section 5).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import Final, TypeVar

from veche.crypto.canonical_json import digest, fields, parse_canonical
from veche.crypto.certificate import Certificate, verify_certificates
from veche.crypto.channel import json_of
from veche.crypto.complaint import Complaint, Dealing, judge, verify_timely
from veche.crypto.errors import Inconsistent, InvalidProof, Malformed, Refused
from veche.crypto.group import Point
from veche.crypto.pedersen import VerificationKey, verify_group_signature, verify_key_signature
from veche.crypto.proof import Proof
from veche.crypto.reveal import Reveal, verify_reveal
from veche.crypto.run_file import Terms
from veche.crypto.schnorr import verify_possession
from veche.crypto.shamir import public_shares
from veche.service.ceremony_board import CeremonyBoard

MAX_MESSAGE: Final = 256 * 1024
"""Bytes of one message. A reveal, the longest, has about 65 for each trustee and each coefficient."""

_PLACE = r"([1-9][0-9]{0,3})"
_NAME = re.compile(rf"(certificate|commitment|reveal|key)-{_PLACE}\.json|(share|complaint)-{_PLACE}-{_PLACE}\.json")

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class MessageName:
    """`KIND-AUTHOR.json`, or `KIND-AUTHOR-OTHER.json`: a share for trustee OTHER, a complaint about it."""

    kind: str
    author: int
    other: int | None

    @classmethod
    def parse(cls, name: str) -> MessageName:
        """Raises Refused `message-name`."""
        found = _NAME.fullmatch(name)
        if found is None:
            raise Refused("message-name", "no message of a ceremony has this name; see the table in docs/protocol.md section 6.8")
        if found[1] is not None:
            return cls(found[1], int(found[2]), None)
        return cls(found[3], int(found[4]), int(found[5]))


@dataclass(frozen=True, slots=True)
class Visit:
    """A trustee at the board of one run: its place, the time in seconds since 1970, and the keys that ended runs have used up."""

    board: CeremonyBoard
    terms: Terms
    place: int
    now: int
    used: frozenset[Point]


def verify_message(visit: Visit, name: MessageName, content: str) -> None:
    """Check that trustee `visit.place` may put this message now, and that what it says is right.

    Raises Refused `not-allowed`, `message-name`, `too-late` or `too-early`, and whatever is wrong with the content.
    """
    terms = visit.terms
    if name.author != visit.place:
        raise Refused("not-allowed", f"you are trustee {visit.place}; a message of trustee {name.author} is not yours to write")
    if visit.place > terms.size:
        raise Refused("not-allowed", f"this run has {terms.size} trustees, and you are none of them; wait for the next one")
    if name.other is not None and (name.other > terms.size or name.other == name.author):
        raise Refused("message-name", f"{name.kind}-{name.author}-{name.other}: the others are trustees of 1 to {terms.size}")
    due = terms.deadlines[_DEADLINES[name.kind]]
    if visit.now > due and name.kind != "complaint":
        raise Refused("too-late", f"the time for this ({name.kind}) ended {visit.now - due} seconds ago; the run ends without it")
    _CHECKS[name.kind](visit, name, content)


def _certificate(visit: Visit, name: MessageName, content: str) -> None:
    terms, made = visit.terms, Certificate.parse(content)
    listed = list(visit.board.certificates(terms.size))
    listed[name.author - 1] = made
    verify_certificates(listed, terms.size, terms.threshold)
    if visit.used & {made.verification, made.encryption}:
        raise Inconsistent("ceremony-trustees", "this seed was used in a run that ended; make a new one in a new private folder")


def _commitment(visit: Visit, _: MessageName, content: str) -> None:
    _certificates(visit)
    digest(fields(parse_canonical(content.encode("utf-8")), ("commitment",))["commitment"])


def _reveal(visit: Visit, name: MessageName, content: str) -> None:
    certificates = _certificates(visit)
    commitments = _complete(visit.board.commitments(visit.terms.size), "commitment")
    made = Reveal.from_json(parse_canonical(content.encode("utf-8")))
    verify_reveal(made, name.author, certificates, commitments, visit.terms.threshold)


def _share(visit: Visit, name: MessageName, content: str) -> None:
    reveals = _complete(visit.board.reveals(visit.terms.size), "reveal")
    signed = reveals[name.author - 1].secrets[(name.other or 1) - 1]
    if sha256(content.encode("utf-8")).hexdigest() != signed:
        raise Inconsistent("not-the-dealers-message", f"this is not the share for trustee {name.other} that your reveal speaks of")


def _complaint(visit: Visit, name: MessageName, content: str) -> None:
    dealing = _dealing(visit)
    made = Complaint.from_json(json_of(content))
    if (made.complainant, made.dealer) != (name.author, name.other):
        raise Refused("not-allowed", "the complaint speaks of other trustees than its name")
    keys = visit.board.keys(visit.terms.size)
    finished = {place for place, key in enumerate(keys, 1) if key is not None}
    verify_timely(made, visit.now, visit.terms.deadlines[2], finished)
    judgement = judge(made, dealing)
    if judgement.named(made) is None:
        raise Refused("complaint-void", f"the complaint names nobody ({judgement.reason}): the ceremony goes on")


def _key(visit: Visit, name: MessageName, content: str) -> None:
    terms, place, dealing = visit.terms, name.author, _dealing(visit)
    missing = [i for i in range(1, terms.size + 1) if i != place and visit.board.share(i, place) is None]
    if missing:
        raise Refused("too-early", f"the share of trustee {missing[0]} for you is not there yet: you cannot know your key")
    found = fields(parse_canonical(content.encode("utf-8")), ("verification_key", "group_signature"))
    key, signature = VerificationKey.from_json(found["verification_key"]), Proof.from_json(found["group_signature"])
    if key.name != terms.names[place - 1]:
        raise Refused("other-terms", f"the key carries another name than the terms give trustee {place}")
    if key.signature is None:
        raise Malformed("trustees-malformed", "a verification key of a new ceremony is signed by its trustee")
    verify_possession(key.pok, key.public_key)
    if key.public_key != public_shares(dealing.coefficients, terms.size)[place - 1]:
        raise InvalidProof("verification-key", f"trustee {place}: its verification key does not follow from the coefficients")
    verify_group_signature(signature, dealing.certificates, dealing.coefficients[place - 1], place)
    verify_key_signature(key.signature, key.public_key, dealing.certificates[place - 1], place)


_DEADLINES: Final[Mapping[str, int]] = MappingProxyType(
    {"certificate": 0, "commitment": 0, "reveal": 1, "share": 2, "complaint": 2, "key": 2}
)

_CHECKS: Final[Mapping[str, Callable[[Visit, MessageName, str], None]]] = MappingProxyType(
    {
        "certificate": _certificate,
        "commitment": _commitment,
        "reveal": _reveal,
        "share": _share,
        "complaint": _complaint,
        "key": _key,
    }
)


def _certificates(visit: Visit) -> tuple[Certificate, ...]:
    return _complete(visit.board.certificates(visit.terms.size), "certificate")


def _dealing(visit: Visit) -> Dealing:
    reveals = _complete(visit.board.reveals(visit.terms.size), "reveal")
    return Dealing.of(_certificates(visit), visit.terms.cipher, reveals)


def _complete(found: Sequence[Found | None], what: str) -> tuple[Found, ...]:
    """All of a step. Raises Refused `too-early` while one is missing."""
    missing = [str(place) for place, one in enumerate(found, 1) if one is None]
    if missing:
        raise Refused("too-early", f"the {what} of trustee {', '.join(missing)} is not there yet; this comes after it")
    return tuple(one for one in found if one is not None)


def verify_text(raw: bytes) -> str:
    """The message as text. Raises Malformed `ceremony-file`."""
    if len(raw) > MAX_MESSAGE:
        raise Malformed("too-large", f"a message of a ceremony has at most {MAX_MESSAGE} bytes")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("ceremony-file", "a message of a ceremony is a text in UTF-8") from error


def used_keys(runs: Sequence[Sequence[Certificate | None]]) -> frozenset[Point]:
    """The keys of these runs' certificates."""
    return frozenset(key for run in runs for one in run if one is not None for key in (one.verification, one.encryption))
