"""Campaigns and their contests in the server's tables: planned from one file, then fixed, when each contest's record begins.

Until the rules are fixed the whole plan may be replaced; from then on no manifest ever changes. That a campaign is a rehearsal, or
is real, is said when it is made and stays so: a rehearsal must never become an election by a later edit. Design decision 11.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from veche.crypto.canonical_json import Json, encode, parse
from veche.crypto.errors import Refused
from veche.crypto.scalar import Randomness, system_randomness
from veche.observer.record_rows import ElectionRow
from veche.observer.tables import elections
from veche.service.audit_trail import note
from veche.service.campaign_file import CampaignPlan, PlannedTrustee
from veche.service.ceremonies import add_keys_everywhere, runs_of
from veche.service.contest_plan import Plan, draw_uuid, make_plan, show_time
from veche.service.contest_setup import start_record
from veche.service.server import Server
from veche.service.tables import campaigns, contests, links, roles


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign as its row has it; `threshold` of the planned trustees decrypt. Both are empty where no file was imported."""

    id: str
    title: dict[str, Json]
    rehearsal: bool
    demo: bool
    host: str
    registrar: str | None
    threshold: int
    trustees: tuple[PlannedTrustee, ...]
    created_at: int

    def name(self, language: str = "en") -> str:
        """The title in this language, or in another one that there is."""
        found = self.title.get(language) or next(iter(self.title.values()), self.id)
        return found if isinstance(found, str) else self.id


@dataclass(frozen=True, slots=True)
class Contest:
    """A contest as its row has it: its `plan` (JSON) as imported; how many public credentials wait for Setup, and their SHA-256."""

    campaign: str
    contest: str
    uuid: str
    place: int
    plan: bytes
    way_in: str
    credentials_count: int | None
    credentials_sha256: str | None

    def spec(self) -> dict[str, Json]:
        """The plan of this contest, or what of it is kept."""
        found = parse(self.plan)
        return found if isinstance(found, dict) else {}


def campaign_of(connection: Connection, campaign: str, lock: bool = False) -> Campaign:
    """The campaign; with `lock` nobody else changes it until the transaction ends. Raises Refused `no-campaign`."""
    query = select(campaigns).where(campaigns.c.id == campaign)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise Refused("no-campaign", f"there is no campaign {campaign[:64]} here")
    return _campaign(row)


def campaigns_of(connection: Connection, account: int) -> list[Campaign]:
    """The campaigns whose organizer this account is, newest first."""
    query = (
        select(campaigns)
        .join(roles, roles.c.campaign == campaigns.c.id)
        .where(roles.c.account == account, roles.c.role == "organizer")
        .order_by(campaigns.c.created_at.desc(), campaigns.c.id)
    )
    return [_campaign(row) for row in connection.execute(query)]


def contests_of(connection: Connection, campaign: str) -> list[Contest]:
    """The contests of this campaign in the order of its file."""
    query = select(*_COLUMNS).where(contests.c.campaign == campaign).order_by(contests.c.place, contests.c.contest)
    return [Contest(**{**row._mapping, "plan": bytes(row.plan)}) for row in connection.execute(query)]


def contest_of(connection: Connection, campaign: str, uuid: str) -> Contest:
    """This contest of this campaign, and of no other. Raises Refused `no-election`."""
    query = select(*_COLUMNS).where(contests.c.campaign == campaign, contests.c.uuid == uuid)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise Refused("no-election", f"campaign {campaign[:64]} has no election {uuid[:64]}")
    return Contest(**{**row._mapping, "plan": bytes(row.plan)})


def is_fixed(connection: Connection, campaign: str) -> bool:
    """Whether the contests' records have begun, so that nothing of the plan can change any more."""
    query = select(elections.c.uuid).where(elections.c.campaign == campaign).limit(1)
    return connection.execute(query).first() is not None


def create_campaign(connection: Connection, plan: CampaignPlan, account: int, now: int) -> Campaign:
    """The campaign with all its contests is planned, and this account is its organizer. Raises Refused `campaign-exists`."""
    values = {"id": plan.campaign, "rehearsal": plan.rehearsal, "demo": False, "created_at": now, **_planned(plan)}
    try:
        connection.execute(insert(campaigns).values(values))
    except IntegrityError as error:
        raise Refused("campaign-exists", f"there is a campaign {plan.campaign} already; choose another name") from error
    connection.execute(insert(roles).values(campaign=plan.campaign, account=account, role="organizer"))
    _insert_contests(connection, plan, {}, system_randomness)
    note(connection, now, account, plan.campaign, None, "campaign-created", rehearsal=plan.rehearsal, contests=len(plan.contests))
    return campaign_of(connection, plan.campaign)


def replace_plan(connection: Connection, campaign: str, plan: CampaignPlan, account: int, now: int) -> Campaign:
    """The campaign's contests are those of this plan; a contest that stays keeps its uuid.

    Raises Refused `other-campaign`, `rehearsal-fixed`, `rules-fixed`, or `ceremony-goes-on` when its trustees are at work already.
    """
    before = campaign_of(connection, campaign, lock=True)
    if plan.campaign != campaign:
        raise Refused("other-campaign", f"the file is of campaign {plan.campaign}, not of {campaign}")
    if plan.rehearsal != before.rehearsal:
        kind = "a rehearsal" if before.rehearsal else "real"
        raise Refused("rehearsal-fixed", f"campaign {campaign} is {kind} since it was made, and stays so; make another campaign")
    _refuse_fixed(connection, campaign)
    if (plan.threshold, plan.trustees) != (before.threshold, before.trustees):
        if runs_of(connection, campaign):
            raise Refused("ceremony-goes-on", "the trustees make their keys already; who they are stays as it is")
        _forget_trustees(connection, campaign)
    known = {one.contest: one.uuid for one in contests_of(connection, campaign)}
    connection.execute(delete(contests).where(contests.c.campaign == campaign))
    connection.execute(update(campaigns).where(campaigns.c.id == campaign).values(_planned(plan)))
    _insert_contests(connection, plan, known, system_randomness)
    note(connection, now, account, campaign, None, "plan-replaced", contests=len(plan.contests))
    return campaign_of(connection, campaign)


def fix_rules(server: Server, campaign: str, account: int) -> list[ElectionRow]:
    """Every contest's record begins with its manifest; nothing of the plan can change from now on. All contests, or none.

    The keys of logs and boxes are on the disk before any row is. Raises Refused `rules-fixed`, `registrar-missing`, `too-late`.
    """
    with server.storage.database.reading() as connection:
        found, planned = campaign_of(connection, campaign), contests_of(connection, campaign)
        _refuse_fixed(connection, campaign)
    plans = [_final_plan(server, found, one) for one in planned]
    _refuse_late(plans, server.clock.now())
    server.storage.verify_writable()
    with server.storage.database.writing() as connection:
        if campaign_of(connection, campaign, lock=True) != found or contests_of(connection, campaign) != planned:
            raise Refused("plan-changed", "the plan was replaced at this moment; look at it and fix it again")
        _refuse_fixed(connection, campaign)
        rows = [_start(connection, server, plan) for plan in plans]
        note(connection, server.clock.now(), account, campaign, None, "rules-fixed", contests=len(rows))
    for row in rows:
        server.storage.committed(row)
    add_keys_everywhere(server.storage, server.clock, campaign)
    return rows


def _start(connection: Connection, server: Server, plan: Plan) -> ElectionRow:
    where = contests.c.uuid == plan.manifest.uuid
    connection.execute(update(contests).where(where).values(draft=plan.draft.encode()))
    return start_record(connection, plan, server.clock)


def _final_plan(server: Server, campaign: Campaign, contest: Contest) -> Plan:
    if campaign.registrar is None:
        raise Refused(
            "registrar-missing",
            "the plan has no registrar's key yet (veche registrar key makes it): replace the plan",
        )
    origin = f"{campaign.host}/e/{contest.uuid}"
    log, box = server.keys.take(contest.uuid, origin, system_randomness)
    second = server.keys.ml_dsa(contest.uuid, origin, system_randomness) if server.settings.log_ml_dsa else None
    return make_plan(
        contest.spec(), lambda text: text.encode("utf-8"), contest.uuid, log.verifier, box.verifier, campaign.registrar, second
    )


def _refuse_late(plans: Sequence[Plan], now: int) -> None:
    for manifest in (plan.manifest for plan in plans):
        if manifest.opens_at <= now:
            shown = show_time(manifest.opens_at, manifest.zone)
            raise Refused("too-late", f"contest {manifest.contest} was to open at {shown}, which has passed; replace the plan")


def _refuse_fixed(connection: Connection, campaign: str) -> None:
    if is_fixed(connection, campaign):
        raise Refused("rules-fixed", f"the rules of campaign {campaign} are fixed: its records have begun, and no manifest changes")


def _forget_trustees(connection: Connection, campaign: str) -> None:
    """Nobody is a trustee any more, and their invitations open nothing: the plan now names others."""
    named = select(roles.c.account).where(roles.c.campaign == campaign, roles.c.role == "trustee")
    connection.execute(update(links).where(links.c.campaign == campaign, links.c.account.in_(named)).values(revoked=True))
    connection.execute(delete(roles).where(roles.c.campaign == campaign, roles.c.role == "trustee"))


def _planned(plan: CampaignPlan) -> dict[str, str | None]:
    people: list[Json] = [{"name": one.name, "email": one.email} for one in plan.trustees]
    return {
        "title": _text(plan.title),
        "host": plan.host,
        "registrar": plan.registrar or None,
        "terms": _text({"threshold": plan.threshold, "trustees": people}),
    }


def _insert_contests(connection: Connection, plan: CampaignPlan, known: dict[str, str], randomness: Randomness) -> None:
    values = [
        {
            "campaign": plan.campaign,
            "contest": one.contest,
            "uuid": known.get(one.contest) or draw_uuid(randomness),
            "place": place,
            "plan": encode(one.spec),
            "way_in": one.way_in,
        }
        for place, one in enumerate(plan.contests, 1)
    ]
    connection.execute(insert(contests), values)


_COLUMNS: Final = [contests.c[name] for name in Contest.__slots__]


def _campaign(row: Row[tuple[object, ...]]) -> Campaign:
    title, terms = _object(row.title), _object(row.terms or "{}")
    threshold, named = terms.get("threshold"), terms.get("trustees")
    people = [one for one in named if isinstance(one, dict)] if isinstance(named, list) else []
    return Campaign(
        row.id,
        title,
        row.rehearsal,
        row.demo,
        row.host,
        row.registrar,
        threshold if isinstance(threshold, int) else 0,
        tuple(PlannedTrustee(str(one["name"]), str(one["email"])) for one in people),
        row.created_at,
    )


def _object(raw: str) -> dict[str, Json]:
    found = parse(raw.encode("utf-8"))
    return found if isinstance(found, dict) else {}


def _text(value: Json) -> str:
    return encode(value).decode("utf-8")
