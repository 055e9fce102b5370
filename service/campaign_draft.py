"""A campaign as it is typed into the forms: every field by its name, complete or not, and rows that can be added and removed.

Names are paths: `title.ru`, `trustees.0.email`, `contests.1.questions.0.options.2.title`. Nothing is judged here; what is
missing or wrong is said by `service.campaign_form`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update

from veche.crypto.canonical_json import Json, encode, parse
from veche.crypto.errors import Malformed, Refused
from veche.service.tables import campaign_drafts

Typed = Mapping[str, str]
"""What was typed, by the field's path."""

MOST_DRAFTS: Final = 50
MOST_ROWS: Final = 60
"""Rows of one kind on one page; more is typed faster into a file."""

NO_RULE: Final = "(none)"
"""A contest's own `rule` where the campaign gives out budgets and this contest does not. No rule is called so."""

NEW: Final[Typed] = MappingProxyType(
    {
        "rehearsal": "yes",
        "zone": "Europe/Moscow",
        "threshold": "2",
        "minimum_ballots": "5",
        "appeal_days": "3",
        "currency": "RUB",
        "rule": "",
        **{f"trustees.{row}.{name}": "" for row in range(3) for name in ("name", "email")},
        "contests.0.contest": "",
        "contests.0.questions.0.question": "",
        "contests.0.questions.0.options.0.title": "",
        "contests.0.questions.0.options.1.title": "",
    }
)
"""The form of a new campaign: a rehearsal first, three trustees, one contest with one question and two options."""

_FIRST: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "trustees": ("name",),
        "contests": ("contest", "questions.0.question", "questions.0.options.0.title", "questions.0.options.1.title"),
        "questions": ("question", "options.0.title", "options.1.title"),
        "options": ("title",),
    }
)
"""The empty fields that a new row begins with, by the last word of its list's path."""

_HEAD = re.compile(
    r"campaign|title\.(?:ru|en)|rehearsal|zone|threshold|minimum_ballots|appeal_days|registrar|rule|currency"
    r"|trustees\.[0-9]{1,2}\.(?:name|email)"
)
_CONTEST = re.compile(
    r"contest|title\.(?:ru|en)|description|opens_at|closes_at|extended_until|electorate|budget"
    r"|minimum_ballots|appeal_days|rule|currency"
    r"|questions\.[0-9]{1,3}\.(?:question|min|max|blank|options\.[0-9]{1,3}\.(?:project|title|cost|text))"
)
_LIST = re.compile(r"trustees|contests(?:\.[0-9]{1,3}\.questions(?:\.[0-9]{1,3}\.options)?)?")
_ROW = re.compile(rf"({_LIST.pattern})\.([0-9]{{1,3}})")


@dataclass(frozen=True, slots=True)
class CampaignDraft:
    """A draft of one organizer; `campaign` is the one whose plan it replaces, or None."""

    id: int
    account: int
    campaign: str | None
    typed: Typed
    changed_at: int

    def name(self, language: str = "en") -> str:
        """What a list of drafts calls it; empty as long as neither title nor name was typed."""
        found = (f"title.{language}", "title.ru", "title.en", "campaign")
        return next((self.typed[one] for one in found if self.typed.get(one)), "")


def rows_of(typed: Typed, path: str) -> int:
    """How many rows this list has."""
    found = [int(name[len(path) + 1 :].partition(".")[0]) for name in typed if name.startswith(f"{path}.")]
    return max(found, default=-1) + 1


def with_row(typed: Typed, path: str) -> dict[str, str]:
    """The list has one more row, empty. Raises Malformed `form`, Refused `too-many-rows`."""
    if _LIST.fullmatch(path) is None:
        raise Malformed("form", "the form has no such list")
    row = rows_of(typed, path)
    if row >= MOST_ROWS:
        raise Refused("too-many-rows", f"this page takes {MOST_ROWS} rows of one kind; with more, make the campaign from a file")
    return {**typed, **{f"{path}.{row}.{name}": "" for name in _FIRST[path.rpartition(".")[2]]}}


def without_row(typed: Typed, row: str) -> dict[str, str]:
    """The row is gone, with all below it, and those after it have moved up. Raises Malformed `form`."""
    found = _ROW.fullmatch(row)
    if found is None:
        raise Malformed("form", "the form has no such row")
    path, gone = found[1], int(found[2])
    kept: dict[str, str] = {}
    for name, value in typed.items():
        if not name.startswith(f"{path}."):
            kept[name] = value
            continue
        number, _, rest = name[len(path) + 1 :].partition(".")
        if int(number) != gone:
            kept[f"{path}.{int(number) - (int(number) > gone)}.{rest}"] = value
    return kept


def with_head(typed: Typed, fields: Typed) -> dict[str, str]:
    """What holds for the whole campaign is what this page's fields say. Unknown fields are left out."""
    kept = {name: value for name, value in typed.items() if not name.startswith("trustees.")}
    return {**kept, **{name: value.strip() for name, value in fields.items() if _HEAD.fullmatch(name)}}


def with_contest(typed: Typed, place: int, fields: Typed) -> dict[str, str]:
    """The contest of this place (from 0) is what this page's fields say. Unknown fields are left out."""
    own = f"contests.{place}."
    kept = {name: value for name, value in typed.items() if not name.startswith(f"{own}questions.")}
    found = {name.removeprefix(own): value for name, value in fields.items() if name.startswith(own)}
    return {**kept, **{own + name: value.strip() for name, value in found.items() if _CONTEST.fullmatch(name)}}


def create_draft(connection: Connection, account: int, campaign: str | None, typed: Typed, now: int) -> int:
    """The draft is kept; its number. Raises Refused `too-many-drafts`."""
    if len(drafts_of(connection, account)) >= MOST_DRAFTS:
        raise Refused("too-many-drafts", f"you have {MOST_DRAFTS} drafts; throw some of them away first")
    values = {"account": account, "campaign": campaign, "typed": _text(typed), "changed_at": now}
    return int(connection.execute(insert(campaign_drafts).values(values).returning(campaign_drafts.c.id)).scalar_one())


def draft_of(connection: Connection, account: int, number: int) -> CampaignDraft:
    """This draft of this organizer. Raises Refused `no-draft`, also for another one's."""
    table = campaign_drafts
    row = connection.execute(select(table).where(table.c.id == number, table.c.account == account)).one_or_none()
    if row is None:
        raise Refused("no-draft", "you have no such draft; perhaps the campaign was made from it already")
    return CampaignDraft(row.id, row.account, row.campaign, _read(row.typed), row.changed_at)


def drafts_of(connection: Connection, account: int) -> list[CampaignDraft]:
    """This organizer's drafts, the newest first."""
    table = campaign_drafts
    query = select(table).where(table.c.account == account).order_by(table.c.changed_at.desc(), table.c.id.desc())
    return [CampaignDraft(row.id, row.account, row.campaign, _read(row.typed), row.changed_at) for row in connection.execute(query)]


def keep_draft(connection: Connection, draft: CampaignDraft, typed: Typed, now: int) -> None:
    """What was typed is kept."""
    change = update(campaign_drafts).where(campaign_drafts.c.id == draft.id)
    connection.execute(change.values(typed=_text(typed), changed_at=now))


def forget_draft(connection: Connection, draft: CampaignDraft) -> None:
    """The draft is gone: the campaign was made from it, or its organizer threw it away."""
    connection.execute(delete(campaign_drafts).where(campaign_drafts.c.id == draft.id))


def _text(typed: Typed) -> str:
    value: dict[str, Json] = dict(typed)
    return encode(value).decode("utf-8")


def _read(raw: str) -> dict[str, str]:
    found = parse(raw.encode("utf-8"))
    return {name: str(value) for name, value in found.items()} if isinstance(found, dict) else {}
