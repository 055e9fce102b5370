"""The forms of a contest's page: when each may be used, what follows from it in one sentence, and whether it can be undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from veche.crypto.errors import Malformed
from veche.service.access import Person
from veche.service.form import Form
from veche.service.languages import sentence
from veche.service.organizer_actions import OrganizerActions

Step = Callable[[OrganizerActions, Person, str, str, Form], object]

_ALIVE: Final = ("draft", "sealed", "open", "suspended", "closed", "decrypting", "tallied", "published", "certified")

REASONS: Final = (
    ("power-cut", sentence("power cut")),
    ("network-down", sentence("the network is down")),
    ("server-failure", sentence("the server failed")),
    ("suspected-attack", sentence("an attack is suspected")),
    ("mistake-in-ballot", sentence("a mistake in the ballot")),
    ("court-order", sentence("order of a court")),
    ("cause-removed", sentence("the cause is gone")),
    ("keys-lost", sentence("too many trustees have lost their keys")),
)
"""Codes that are offered; any other code may be typed."""


@dataclass(frozen=True, slots=True)
class ContestStep:
    """One form: `states` in which it is shown; `fields` beside the reason; `final` when it can never be undone, so asked twice."""

    name: str
    heading: str
    consequence: str
    button: str
    states: tuple[str, ...]
    fields: tuple[str, ...]
    final: bool
    does: Step


STEPS: Final[Mapping[str, ContestStep]] = MappingProxyType(
    {
        one.name: one
        for one in (
            ContestStep(
                "publish",
                sentence("Publish the result"),
                sentence("The server checks the whole record first; if anything is wrong, nothing is published. Then everybody "
                "sees the result, and it can never be hidden again."),
                sentence("Audit and publish"),
                ("tallied",),
                (),
                True,
                lambda own, who, campaign, uuid, _: own.publish(who, campaign, uuid),
            ),
            ContestStep(
                "certify",
                sentence("Certify the result"),
                sentence("The result becomes final. The record says how many complaints were decided on."),
                sentence("Certify"),
                ("published",),
                ("complaints",),
                True,
                lambda own, who, campaign, uuid, form: own.certify(who, campaign, uuid, _number(form, "complaints")),
            ),
            ContestStep(
                "suspend",
                sentence("Suspend the vote"),
                sentence("From this moment no vote is taken, until you resume. Votes that were accepted stay. Everybody sees "
                "the reason."),
                sentence("Take no votes for now"),
                ("open",),
                ("reason",),
                False,
                lambda own, who, campaign, uuid, form: own.suspend(who, campaign, uuid, form.text("reason").strip()),
            ),
            ContestStep(
                "resume",
                sentence("Resume the vote"),
                sentence("Votes are taken again at once. Everybody sees how long the vote was suspended."),
                sentence("Take votes again"),
                ("suspended",),
                ("reason",),
                False,
                lambda own, who, campaign, uuid, form: own.resume(who, campaign, uuid, form.text("reason").strip()),
            ),
            ContestStep(
                "extend",
                sentence("Extend the vote"),
                sentence("Voting ends later for everybody. It can be extended again up to the latest end, but never made shorter."),
                sentence("Extend"),
                ("open", "suspended"),
                ("until", "reason"),
                True,
                lambda own, who, campaign, uuid, form: _extend(own, who, campaign, uuid, form),
            ),
            ContestStep(
                "incident",
                sentence("Record an incident"),
                sentence("The public record says for ever that this happened, and when. Nothing else changes."),
                sentence("Write it into the record"),
                _ALIVE,
                ("reason",),
                True,
                lambda own, who, campaign, uuid, form: own.incident(who, campaign, uuid, form.text("reason").strip()),
            ),
            ContestStep(
                "cancel",
                sentence("Cancel the contest"),
                sentence("You ask for it; when a second organizer approves, the contest ends without a result. Nobody can vote in "
                "it any more, and nothing is ever decrypted. It cannot be undone."),
                sentence("Ask to cancel"),
                ("draft", "sealed", "open", "suspended", "closed", "decrypting"),
                ("reason", "successor"),
                True,
                lambda own, who, campaign, uuid, form: _end(own, who, campaign, uuid, "cancel", form),
            ),
            ContestStep(
                "annul",
                sentence("Annul the result"),
                sentence("You ask for it; when a second organizer approves, the result is void. It stays readable, marked as "
                "void. It cannot be undone."),
                sentence("Ask to annul"),
                ("tallied", "published", "certified"),
                ("reason", "successor"),
                True,
                lambda own, who, campaign, uuid, form: _end(own, who, campaign, uuid, "annul", form),
            ),
        )
    }
)  # fmt: skip
"""By name, in the order of the page."""

FIELD_OF_CODE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "reason": "reason",
        "wrong-type": "until",
        "entry-time": "until",
        "complaints": "complaints",
        "successor": "successor",
    }
)
"""The field that a refusal is about, by its code."""


def _end(actions: OrganizerActions, who: Person, campaign: str, uuid: str, action: str, form: Form) -> None:
    actions.ask_to_end(who, campaign, uuid, action, form.text("reason").strip(), form.text("successor").strip() or None)


def _extend(actions: OrganizerActions, who: Person, campaign: str, uuid: str, form: Form) -> None:
    actions.extend(who, campaign, uuid, form.text("until"), form.text("reason").strip())


def _number(form: Form, name: str) -> int:
    written = form.text(name).strip()
    if not written.isascii() or not written.isdigit() or len(written) > 9:
        raise Malformed(name, "a whole number was expected")
    return int(written)
