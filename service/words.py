"""What the codes of a record, and the most usual refusals, are called on a page. Sentences: every language has them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from veche.service.languages import sentence

STATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "draft": sentence("in preparation"),
        "sealed": sentence("sealed, not open yet"),
        "open": sentence("open for voting"),
        "suspended": sentence("suspended for now"),
        "ending": sentence("closing"),
        "closed": sentence("closed, being counted"),
        "shuffling": sentence("closed, being counted"),
        "decrypting": sentence("closed, being counted"),
        "proving": sentence("closed, being counted"),
        "tallied": sentence("counted, not published yet"),
        "published": sentence("preliminary result"),
        "certified": sentence("certified result"),
        "withheld": sentence("result withheld"),
        "cancelled": sentence("cancelled"),
        "annulled": sentence("annulled"),
    }
)
"""Where an election stands."""

HAPPENED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "opened": sentence("Voting began"),
        "extended": sentence("The end of voting was moved"),
        "suspended": sentence("Voting was suspended"),
        "resumed": sentence("Voting went on"),
        "incident": sentence("An incident was reported"),
        "closed": sentence("Voting ended"),
        "published": sentence("The preliminary result was published"),
        "certified": sentence("The result was certified"),
        "cancelled": sentence("The vote was cancelled"),
        "annulled": sentence("The vote was annulled"),
    }
)
"""Entries that say what happened, by their type."""

REFUSALS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "no-election": sentence("There is no such vote here."),
        "no-campaign": sentence("There is no such campaign here."),
        "not-found": sentence("There is no such page."),
        "method-not-allowed": sentence("This address is not to be used in this way."),
        "invalid-request": sentence("This request is not as it must be."),
        "not-published": sentence("This is not published yet."),
        "not-signed-in": sentence("You are not signed in, or were away for too long. Sign in again."),
        "not-allowed": sentence("You have no right to do this here."),
        "cross-site": sentence("This form is not one of your present session. Load the page again and send it from there."),
        "link-unusable": sentence(
            "This link lets nobody in: it was used already, is too old, or never was one. Ask for a new one."
        ),
        "rate-limited": sentence("This was tried too often. Wait 15 minutes, then try again."),
        "busy": sentence("Very many people are here just now. Try again in a moment."),
    }
)
"""Sentences for people in place of a refusal's own, which is English and more exact; it stands below them."""
