"""What is to be done now, and by whom: the sentence at the top of a contest's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from veche.service.languages import sentence
from veche.service.trustee_progress import CeremonyProgress, TrusteeProgress
from veche.service.words import STATES as RECORDED

ORGANIZERS: Final = sentence("The organizers")
SECOND: Final = sentence("A second organizer")
REGISTRAR: Final = sentence("The registrar")
TRUSTEES: Final = sentence("The trustees")
CLOCK: Final = sentence("Nobody: the clock does it")
NOBODY: Final = sentence("Nobody")
SERVER: Final = sentence("The server")

STATES: Final[Mapping[str, str]] = MappingProxyType({**RECORDED, "planned": sentence("planned: everything can still be changed")})
"""The states of a contest in words; before its record has begun it is planned."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """`what` is a sentence with places for `values`; `who` does it; `link` is a page of the contest, or empty."""

    who: str
    what: str
    values: Mapping[str, Any] = field(default_factory=dict)
    link: str = ""


def next_step(contest: Mapping[str, Any], trustees: Sequence[TrusteeProgress], waiting: int | None) -> NextStep:
    """The next step of this contest, as `contest_json` tells it; `waiting` is the request to seal that nobody decided on."""
    state = contest["state"]
    if state == "planned":
        told = sentence("Look at everything once more and fix the rules, on the campaign's page.")
        return NextStep(ORGANIZERS, told, link="campaign")
    if state == "draft":
        return _before_seal(contest, trustees, waiting)
    if state == "sealed":
        return _before_opening(contest, trustees)
    if state in ("closed", "decrypting"):
        return _counting(state, trustees)
    return _OTHERWISE.get(state, NextStep(NOBODY, sentence("Nothing is left to be done.")))


def _before_seal(contest: Mapping[str, Any], trustees: Sequence[TrusteeProgress], waiting: int | None) -> NextStep:
    if waiting is not None:
        return NextStep(SECOND, sentence("Compare what would be sealed, and approve or refuse it."), link=f"approvals/{waiting}")
    if not contest["keys"]:
        told = sentence("Make the keys in the ceremony, which an organizer begins on the campaign's page.")
        return NextStep(TRUSTEES, told, link="campaign")
    absent = [one.name for one in trustees if not one.drilled]
    if absent:
        told = sentence("Pass the drill with their key. Still missing: %(names)s.")
        return NextStep(TRUSTEES, told, {"names": ", ".join(absent)})
    if not contest["credentials"]:
        return NextStep(REGISTRAR, sentence("Hand in the public credentials (%(command)s)."), {"command": "veche registrar upload"})
    return NextStep(ORGANIZERS, sentence("Look at the ballot and ask for the seal."), link="seal")


def _before_opening(contest: Mapping[str, Any], trustees: Sequence[TrusteeProgress]) -> NextStep:
    absent = [one.name for one in trustees if not one.present]
    if not contest["issued"]:
        return NextStep(REGISTRAR, sentence("Hand out the letters, and sign who got a code: without that, no vote is taken."))
    if absent:
        told = sentence("Answer the roll-call before the opening. Still missing: %(names)s.")
        return NextStep(TRUSTEES, told, {"names": ", ".join(absent)})
    return NextStep(CLOCK, sentence("Voting opens by itself at the announced time."))


def _counting(state: str, trustees: Sequence[TrusteeProgress]) -> NextStep:
    if state == "closed":
        return NextStep(REGISTRAR, sentence("Hand in the last signed list; then the server adds up the encrypted votes by itself."))
    given = sum(one.share == "given" for one in trustees)
    absent = ", ".join(one.name for one in trustees if one.share != "given")
    told = sentence("Compare the count to be decrypted and give their shares. Given: %(given)s; not yet: %(names)s.")
    return NextStep(TRUSTEES, told, {"given": given, "names": absent})


_OTHERWISE: Final[Mapping[str, NextStep]] = {
    "open": NextStep(CLOCK, sentence("Voting closes by itself at the announced time.")),
    "suspended": NextStep(ORGANIZERS, sentence("Resume the vote as soon as the cause is gone; extend it if much time was lost.")),
    "tallied": NextStep(ORGANIZERS, sentence("Have the whole record audited, and publish the result.")),
    "published": NextStep(ORGANIZERS, sentence("Decide on complaints; after the days of appeal, certify the result.")),
    "certified": NextStep(NOBODY, sentence("The result is final. Nothing is left to be done.")),
    "cancelled": NextStep(NOBODY, sentence("This contest was given up. Nothing is left to be done.")),
    "annulled": NextStep(NOBODY, sentence("The result was declared void. Nothing is left to be done.")),
}


def campaign_steps(standing: Mapping[str, Any], ceremony: CeremonyProgress | None) -> list[tuple[str, str]]:
    """Who has what to do in the whole campaign: each a pair of sentences."""
    steps: list[tuple[str, str]] = []
    roles = [one["role"] for one in standing["members"] if one["role"] != "trustee" or one["place"] is not None]
    if standing["approvals"]:
        steps.append((SECOND, sentence("Decide on what another organizer has asked for.")))
    if roles.count("organizer") < 2:
        steps.append((ORGANIZERS, sentence("Add a second organizer: alone nobody can seal a contest.")))
    if not standing["fixed"]:
        steps.append((ORGANIZERS, sentence("Look at the plan, complete it, and fix the rules.")))
    if "registrar" not in roles:
        steps.append((ORGANIZERS, sentence("Invite the registrar.")))
    if "trustee" not in roles:
        steps.append((ORGANIZERS, sentence("Invite the trustees.")))
    elif ceremony is None or ceremony.status == "ended":
        steps.append((ORGANIZERS, sentence("Begin the trustees' ceremony.")))
    elif ceremony.status == "running":
        steps.append((TRUSTEES, sentence("Go on with the ceremony.")))
    ended = ("certified", "cancelled", "annulled")
    if standing["fixed"] and not steps:
        over = all(one["state"] in ended for one in standing["contests"])
        done = sentence("All contests have ended. Nothing is left to be done.")
        steps.append((NOBODY, done) if over else (ORGANIZERS, sentence("Look at each contest: its page says what comes next.")))
    return steps
