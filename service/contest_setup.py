"""A contest of a campaign becomes a record: keys for log and box, the manifest, and the first two entries. design section 4.

Until then the plan may change; from then on the manifest never does.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from sqlalchemy import Connection, insert

from veche.ballot.manifest import Manifest
from veche.crypto.canonical_json import Json, encode
from veche.crypto.errors import Refused
from veche.crypto.scalar import Randomness
from veche.ledger.annex import Manifest as ManifestAnnex
from veche.ledger.entry import step_of
from veche.ledger.record_state import RecordState, next_state
from veche.observer.entry_check import rules_of
from veche.observer.record_rows import ElectionRow, election_row
from veche.service.clock import Clock
from veche.service.contest_plan import Plan, draw_uuid, known_fields, make_plan
from veche.service.desk import current_software
from veche.service.record_store import Addition
from veche.service.record_writer import add_entries, create_record
from veche.service.signing_keys import SigningKeys
from veche.service.tables import contests


def plan_contest(
    spec: dict[str, Json],
    texts: Mapping[str, bytes],
    host: str,
    keys: SigningKeys,
    registrar: str | None,
    randomness: Randomness,
    ml_dsa: bool = False,
) -> Plan:
    """The manifest and draft of this plan under a new uuid, whose keys are on the disk; with `ml_dsa` the log has a second one.

    `texts` are the projects' text files by the names that the plan has for them. Raises Malformed `spec-malformed`.
    """
    spec = known_fields(spec, "the plan of the contest")
    uuid = draw_uuid(randomness)
    origin = f"{host}/e/{uuid}"
    log, box = keys.generate(uuid, origin, randomness)

    def read_text(name: str) -> bytes:
        if name not in texts:
            raise Refused("text-missing", f'the plan names the text "{name[:100]}", which was not handed in')
        return texts[name]

    second = keys.ml_dsa(uuid, origin, randomness) if ml_dsa else None
    return make_plan(spec, read_text, uuid, log.verifier, box.verifier, registrar, second)


def begin_record(connection: Connection, plan: Plan, place: int, clock: Clock, clock_offset: int = 0) -> ElectionRow:
    """The contest's row and its record with manifest and software. Raises IntegrityError when the contest is there already."""
    manifest = plan.manifest
    connection.execute(
        insert(contests).values(
            campaign=manifest.campaign,
            contest=manifest.contest,
            uuid=manifest.uuid,
            place=place,
            plan=encode({"title": dict(manifest.title)}),
            draft=plan.draft.encode(),
            way_in="codes",
        )
    )
    return start_record(connection, plan, clock, clock_offset)


def start_record(connection: Connection, plan: Plan, clock: Clock, clock_offset: int = 0) -> ElectionRow:
    """The record of a contest whose row is there already begins with manifest and software. Raises IntegrityError when begun."""
    manifest, raw = plan.manifest, plan.manifest.encode()
    create_record(connection, manifest, raw, clock.now() + clock_offset, clock_offset)
    software, assets = current_software(manifest.uuid)
    first = [Addition(ManifestAnnex(manifest.uuid, sha256(raw).hexdigest())), Addition(software)]
    row = election_row(connection, manifest.uuid)
    return add_entries(connection, row, first, [assets, *plan.texts], _state_after(manifest, first))


def _state_after(manifest: Manifest, additions: list[Addition]) -> str:
    state = RecordState(rules_of(manifest.level, None))
    for one in additions:
        state = next_state(state, step_of(one.entry))
    return state.name
