"""How a campaign and its contests stand, for its organizers: the same values for the interface and for the pages."""

from __future__ import annotations

from sqlalchemy import Connection, select

from veche.ballot.manifest import Manifest, parse_manifest
from veche.crypto.canonical_json import Json
from veche.crypto.errors import Malformed
from veche.ledger.annex import Dkg, Drill
from veche.observer.record_rows import ElectionRow, election_row, entries_but_ballots, manifest_of
from veche.observer.tables import elections
from veche.service.approvals import approvals_of
from veche.service.campaign_people import members_of
from veche.service.campaigns import Campaign, Contest, campaign_of, contests_of, is_fixed
from veche.service.ceremonies import runs_of
from veche.service.contest_plan import parse_time

PLANNED = "planned"
"""The state of a contest whose record has not begun."""


def campaign_json(campaign: Campaign) -> dict[str, Json]:
    """What holds for the whole campaign. That it is a rehearsal, or real, is said in a word and as a value."""
    return {
        "campaign": campaign.id,
        "title": dict(campaign.title),
        "kind": "rehearsal" if campaign.rehearsal else "real",
        "rehearsal": campaign.rehearsal,
        "host": campaign.host,
        "registrar": campaign.registrar,
        "threshold": campaign.threshold,
        "trustees": len(campaign.trustees),
        "created_at": campaign.created_at,
    }


def standing_of(connection: Connection, campaign: str) -> dict[str, Json]:
    """Campaign, people, ceremony, contests and what waits for a second organizer. Raises Refused `no-campaign`."""
    found = campaign_of(connection, campaign)
    runs = runs_of(connection, campaign)
    return {
        **campaign_json(found),
        "fixed": is_fixed(connection, campaign),
        "members": [one.to_json() for one in members_of(connection, campaign)],
        "ceremony": None if not runs else {"run": runs[-1].number, "status": runs[-1].status},
        "contests": [contest_json(connection, one) for one in contests_of(connection, campaign)],
        "approvals": [one.to_json() for one in approvals_of(connection, campaign, waiting=True)],
    }


def contest_json(connection: Connection, contest: Contest) -> dict[str, Json]:
    """Where one contest stands; before its record has begun, what the plan says of it."""
    common: dict[str, Json] = {
        "contest": contest.contest,
        "election": contest.uuid,
        "way_in": contest.way_in,
        "credentials": contest.credentials_count,
    }
    begun = connection.execute(select(elections.c.uuid).where(elections.c.uuid == contest.uuid)).first()
    if begun is None:
        return {**common, "state": PLANNED, **_planned(contest.spec())}
    row = election_row(connection, contest.uuid)
    return {**common, "state": row.state, **_recorded(connection, row, parse_manifest(manifest_of(connection, contest.uuid)))}


def _recorded(connection: Connection, row: ElectionRow, manifest: Manifest) -> dict[str, Json]:
    kinds = [one.kind for one in entries_but_ballots(connection, row.uuid)] if row.state == "draft" else []
    return {
        "title": dict(manifest.title),
        "opens_at": manifest.opens_at,
        "closes_at": row.closes_at,
        "until": manifest.until,
        "zone": manifest.zone,
        "electorate": manifest.electorate,
        "keys": row.state != "draft" or Dkg.TYPE in kinds,
        "drills": kinds.count(Drill.TYPE) if row.state == "draft" else None,
        "setup": row.setup,
        "listed": row.listed,
        "issued": row.issued,
        "ballots": row.ballots,
        "voters": row.voters,
    }


def _planned(spec: dict[str, Json]) -> dict[str, Json]:
    zone = str(spec.get("zone", "UTC"))
    return {
        "title": spec.get("title"),
        "opens_at": _moment(spec.get("opens_at"), zone),
        "closes_at": _moment(spec.get("closes_at"), zone),
        "until": _moment(spec.get("extended_until"), zone),
        "zone": zone,
        "electorate": spec.get("electorate"),
        "keys": False,
        "drills": None,
        "setup": None,
        "listed": 0,
        "issued": 0,
        "ballots": 0,
        "voters": 0,
    }


def _moment(value: Json, zone: str) -> int | None:
    try:
        return None if value is None else parse_time(value, zone, "time")
    except Malformed:
        return None
