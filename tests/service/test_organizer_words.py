"""What an organizer's button can be refused with has a sentence in the reader's language."""

from __future__ import annotations

import ast
from pathlib import Path

from veche.crypto import errors
from veche.crypto.errors import ElectionError
from veche.service.languages import LOCALE, read_languages
from veche.service.organizer_words import REFUSED
from veche.service.words import REFUSALS

SERVICE = Path(LOCALE).parent

ON_THE_WAY = (
    "access accounts approvals approved_steps campaign_draft campaign_people campaigns ceremonies contest_desk contest_pages "
    "contest_setup contest_steps counting desk draft_pages form kept_form key_ceremony lifecycle organizer_actions organizer_pages "
    "record_writer registrar_work signing_keys storage voting"
)
"""The modules through which a button of the organizers' pages may go."""

NOT_BY_A_BUTTON = {
    "account-exists": "an account is made where there is none", "account-in-use": "of the command line", "link": "a slip of ours",
    "role": "a slip of ours", "place-taken": "a new trustee takes the next place",
    "ceremony-file": "a trustee's message", "ceremony-over": "a trustee's message", "ceremony-unfinished": "of the command line",
    "delivery-malformed": "a trustee's share", "share-malformed": "a trustee's share", "share-owner": "a trustee's share",
    "not-tallied": "of the jobs", "withhold": "of the jobs", "not-withheld": "of the jobs", "audit-failed": "of the jobs",
    "no-result": "of the jobs", "not-approved": "of the jobs", "level-strict": "of the command line",
    "roll-call": "of the timer that opens", "registrar-key": "the registrar's word", "issued-signature": "the registrar's word",
    "entry-malformed": "the registrar's word", "issued-credentials": "the registrar's word", "issued-total": "the registrar's word",
    "issued-electorate": "the registrar's word", "issued-malformed": "the registrar's word", "text-missing": "of the command line",
    "database-older": "of the server's start", "database-other": "of the server's start",
}  # fmt: skip
"""Codes in those modules that no button of an organizer brings about, and who meets them."""


def codes() -> set[str]:
    """Every code with which something is refused in these modules."""
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, ElectionError)}
    found: set[str] = set()
    for module in ON_THE_WAY.split():
        for node in ast.walk(ast.parse((SERVICE / f"{module}.py").read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds and node.args:
                code = node.args[0]
                found.update({str(code.value)} if isinstance(code, ast.Constant) else set())
    return found


def test_every_refusal_that_a_button_can_meet_has_a_sentence_in_russian() -> None:
    russian = read_languages().by_name["ru"]
    told = {**REFUSED, **REFUSALS}
    assert codes() - set(told) == set(NOT_BY_A_BUTTON)
    assert [code for code, sentence in told.items() if str(russian.say(sentence)) == sentence] == []
