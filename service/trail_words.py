"""What an act of the audit trail was, in sentences for people: its name, and each of its values in words.

Accounts and trustees are shown by their names, times by the campaign's clock. A value that no sentence is written for (an older
server noted it) is shown by its name as it is; for all that this code notes, a test looks for the sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection, select

from veche.crypto.canonical_json import Json
from veche.crypto.errors import ElectionError, Grouped, Said, said
from veche.service.audit_trail import Note
from veche.service.campaign_people import members_of
from veche.service.ceremony_messages import MessageName
from veche.service.languages import sentence
from veche.service.organizer_words import ACTS, REFUSED
from veche.service.tables import accounts
from veche.service.trustee_progress import ENDS, SILENT
from veche.service.words import REFUSALS

_ERASED: Final = "@erased.invalid>"
"""How the address of an erased account ends, as `accounts.erase_account` writes it."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the notes' numbers stand for: people by their account, trustees by their place, and times as people write them."""

    people: Mapping[int, str]
    trustees: Mapping[int, str]
    moment: Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Told:
    """A note for the page. `act` is a sentence, or the act's own name where there is none; `who` is None for the server itself."""

    time: int
    who: str | None
    uuid: str | None
    act: str
    refused: bool
    details: tuple[Said, ...]


def known_of(connection: Connection, campaign: str, notes: Iterable[Note], moment: Callable[[int], str]) -> Known:
    """The names behind the numbers of these notes."""
    numbers = {value for one in notes for name in _ACCOUNTS if type(value := one.details.get(name)) is int}
    rows = connection.execute(select(accounts.c.id, accounts.c.name, accounts.c.email).where(accounts.c.id.in_(numbers)))
    people = {row.id: _person(f"{row.name} <{row.email}>") for row in rows}
    places = {one.place: one.name for one in members_of(connection, campaign) if one.role == "trustee" and one.place is not None}
    return Known(people, places, moment)


def told(note: Note, known: Known) -> Told:
    """The note in words."""
    refused = note.action not in ACTS and note.action.endswith("-refused")
    action = note.action.removesuffix("-refused") if refused else note.action
    who = None if note.who is None else _person(note.who)
    details = tuple(
        words
        for name, value in note.details.items()
        if value is not None and (words := _detail(name, value, _Act(action, refused, note.details), known)) is not None
    )
    return Told(note.time, who, note.uuid, ACTS.get(action, action), refused, details)


def _person(named: str) -> str:
    return said("somebody whose account was erased") if named.endswith(_ERASED) else named


@dataclass(frozen=True, slots=True)
class _Act:
    name: str
    refused: bool
    details: Mapping[str, Json]


def _detail(name: str, value: Json, act: _Act, known: Known) -> Said | None:
    word = WORDS.get(name)
    return said("%(name)s: %(value)s", name=name, value=value) if word is None else word(value, act, known)


_Word = Callable[[Json, _Act, Known], Said | None]


def _number(pattern: Callable[[Grouped], Said]) -> _Word:
    return lambda value, act, known: pattern(Grouped(value)) if type(value) is int else None


def _text(pattern: Callable[[str], Said]) -> _Word:
    return lambda value, act, known: pattern(str(value))


def _rehearsal(value: Json, act: _Act, known: Known) -> Said:
    return said("It is a rehearsal.") if value else said("It is a real vote.")


def _about(value: Json, act: _Act, known: Known) -> Said:
    return said("It concerns %(name)s.", name=known.people.get(value, value) if type(value) is int else value)


def _role(value: Json, act: _Act, known: Known) -> Said:
    role = _ROLES.get(str(value))
    return said("Role: %(role)s.", role=value if role is None else Said(role, {}))


def _by_mail(value: Json, act: _Act, known: Known) -> Said:
    return said("The link goes by mail.") if value else said("The link was shown to whoever made it.")


def _count(value: Json, act: _Act, known: Known) -> Said:
    number = Grouped(value) if type(value) is int else value
    if act.name == "put-credentials":
        return said("Codes in the list: %(number)s.", number=number)
    return said("Links that were taken back: %(number)s.", number=number)


def _code(value: Json, act: _Act, known: Known) -> Said | None:
    """Why something was refused, how a ceremony ended, or what an incident is called in the record."""
    code = str(value)
    if act.refused:
        found = REFUSED.get(code) or REFUSALS.get(code)
        return said("Code of the refusal: %(code)s.", code=code) if found is None else Said(found, {})
    if act.name == "ceremony-ended":
        return Said(ENDS.get(code, SILENT), {"names": _names(act.details.get("named"), known)})
    return said("Reason: %(reason)s.", reason=code)


def _message(value: Json, act: _Act, known: Known) -> Said:
    """What a trustee put on the board of the ceremony, by the file's name."""
    try:
        name = MessageName.parse(str(value))
    except ElectionError:
        return said("%(name)s: %(value)s", name="name", value=value)
    return Said(_MESSAGES[name.kind], {} if name.other is None else {"name": _trustee(name.other, known)})


def _needed(value: Json, act: _Act, known: Known) -> Said:
    return said("Needed to count: %(threshold)s of %(size)s trustees.", threshold=value, size=act.details.get("size"))


def _present(value: Json, act: _Act, known: Known) -> Said:
    return said("Trustees who answered the roll-call: %(names)s.", names=_names(value, known))


def _owner(value: Json, act: _Act, known: Known) -> Said:
    return said("Trustee %(number)s: %(name)s.", number=value, name=_trustee(value, known))


def _until(value: Json, act: _Act, known: Known) -> Said:
    return said("New end of voting: %(time)s.", time=known.moment(value) if type(value) is int else value)


def _said_elsewhere(value: Json, act: _Act, known: Known) -> None:
    """Another value's sentence has it."""


def _trustee(place: Json, known: Known) -> str:
    return known.trustees.get(place, str(place)) if type(place) is int else str(place)


def _names(places: Json, known: Known) -> str:
    return ", ".join(_trustee(one, known) for one in places) if isinstance(places, Sequence) else str(places)


_ACCOUNTS: Final = ("member", "about")

_ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {"organizer": sentence("organizer"), "registrar": sentence("registrar"), "trustee": sentence("trustee")}
)

_MESSAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "certificate": sentence("The trustee's certificate: a key pair of the day."),
        "commitment": sentence("The trustee's commitment."),
        "reveal": sentence("What the trustee had committed to."),
        "share": sentence("A share for trustee %(name)s."),
        "key": sentence("The trustee's check of the shares, and the public key."),
        "complaint": sentence("A complaint about the share of trustee %(name)s."),
    }
)

WORDS: Final[Mapping[str, _Word]] = MappingProxyType(
    {
        "rehearsal": _rehearsal,
        "contests": _number(lambda number: said("Contests: %(number)s.", number=number)),
        "member": _about,
        "about": _about,
        "role": _role,
        "by_mail": _by_mail,
        "by": lambda value, act, known: said("It was done on the server's machine, by a command."),
        "count": _count,
        "sha256": _text(lambda value: said("SHA-256 of the list: %(hash)s.", hash=value)),
        "total": _number(lambda number: said("Codes that were handed out so far: %(number)s.", number=number)),
        "code": _code,
        "run": _number(lambda number: said("Attempt %(number)s.", number=number)),
        "threshold": _needed,
        "size": _said_elsewhere,
        "name": _message,
        "named": _said_elsewhere,
        "trustees": _present,
        "voters": _number(lambda number: said("People who voted: %(number)s.", number=number)),
        "minimum": _number(lambda number: said("Fewest ballots with which a result is published: %(number)s.", number=number)),
        "owner": _owner,
        "setup": _text(lambda value: said("Setup hash that was asked for: %(hash)s.", hash=value)),
        "reason": _text(lambda reason: said("Reason: %(reason)s.", reason=reason)),
        "successor": _text(lambda uuid: said("Election in its place: %(uuid)s.", uuid=uuid)),
        "request": _number(lambda number: said("Request %(number)s.", number=number)),
        "until": _until,
        "complaints": _number(lambda number: said("Complaints that were decided on: %(number)s.", number=number)),
    }
)
"""By the value's name in the trail; none where another value's sentence says it."""
