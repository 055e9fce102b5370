"""From the manifest to Setup: the trustees' keys, their drills, and the seal after which nothing can change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from veche.ballot.ballot_length import verify_ballot_length
from veche.ballot.credential import parse_public_credentials
from veche.ballot.election import Election, make_election
from veche.ballot.manifest import level_line, parse_description, parse_manifest, verify_manifest
from veche.ballot.trustees import Trustees, parse_trustees, verify_trustees
from veche.crypto.canonical_json import digest, fields, integer, parse_canonical
from veche.crypto.drill import Drill, DrillStatement, verify_drill
from veche.crypto.errors import Inconsistent, Malformed, Refused
from veche.crypto.group import Point
from veche.crypto.proof import Proof
from veche.crypto.run_file import FinishedRun, Run, parse_run, verify_new_keys, verify_run, verify_run_matches
from veche.ledger.annex import Dkg
from veche.ledger.annex import Drill as DrillAnnex
from veche.ledger.chain import append
from veche.ledger.event import Event, EventType
from veche.ledger.payload import SetupData
from veche.service.contest_plan import Draft
from veche.service.desk import Desk, refuse_strict
from veche.service.record_store import Addition


def add_keys(desk: Desk, trustees_raw: bytes, runs: Sequence[bytes]) -> Trustees:
    """The finished ceremony stands in the record with its run files, oldest first, and trustees.json; all of it verified.

    Raises whatever is wrong with it, with the codes of docs/protocol.md sections 9.3 and 9.5.
    """
    trustees = parse_trustees(trustees_raw)
    verify_trustees(trustees)
    if not runs:
        return _keep_trustees(desk, trustees)
    if len(trustees.groups) != 1:
        raise Inconsistent("ceremony-trustees", f"one threshold group was expected in trustees.json, found {len(trustees.groups)}")
    ordered = _in_order([(raw, parse_run(raw)) for raw in runs])
    for _, run in ordered:
        verify_run(run)
    verify_new_keys([run for _, run in ordered])
    last_raw, last = ordered[-1]
    verify_run_matches(last, trustees_raw, trustees.groups[0])
    addition = Addition(Dkg(desk.uuid, sha256(last_raw).hexdigest()))
    desk.append([addition], [trustees_raw, *(raw for raw, _ in ordered)])
    return trustees


def _keep_trustees(desk: Desk, trustees: Trustees) -> Trustees:
    """Keys made with other people's tools are named by no entry before Setup, so until then they are kept beside the record."""
    refuse_strict(desk.view, "trustees.json without the run file of a ceremony")
    if desk.view.state.name != "draft" or desk.view.state.has_dkg:
        raise Refused("entry-order", f"the keys may not be set now: the record is {desk.view.state.name}")
    desk.drafts.keep_trustees(trustees.raw)
    return trustees


def _in_order(runs: list[tuple[bytes, Run]]) -> list[tuple[bytes, Run]]:
    """The runs from the first to the finished one, as each names the one before. Raises Inconsistent `ceremony-trustees`."""
    by_name = {sha256(raw).hexdigest(): (raw, run) for raw, run in runs}
    last = [(raw, run) for raw, run in runs if isinstance(run, FinishedRun)]
    if len(last) != 1:
        raise Inconsistent("ceremony-trustees", f"one run file of a finished ceremony was expected, found {len(last)}")
    ordered: list[tuple[bytes, Run]] = [*last]
    while (previous := ordered[0][1].previous) is not None:
        if previous not in by_name:
            raise Inconsistent("ceremony-trustees", f"the file of the run before, {previous[:16]}…, was not given")
        ordered = [by_name[previous], *ordered]
    if len(ordered) != len(by_name):
        raise Inconsistent("ceremony-trustees", "a run file was given that does not belong to this ceremony")
    return ordered


def add_drills(desk: Desk, files: Sequence[bytes]) -> list[int]:
    """The drills of these trustees stand in the record, verified, or none of them; their numbers.

    Raises Malformed, InvalidProof, or Refused.
    """
    annexes = [_verified_drill(desk, raw) for raw in files]
    desk.append([Addition(one) for one in annexes])
    return [one.owner for one in annexes]


def add_drill(desk: Desk, raw: bytes) -> int:
    """The drill of one trustee stands in the record; its number. Raises as `add_drills`."""
    return add_drills(desk, [raw])[0]


def _verified_drill(desk: Desk, raw: bytes) -> DrillAnnex:
    owner, factor, proof = _parse_drill(raw, desk.uuid)
    trustees = known_trustees(desk)
    trustee = trustees.owner(owner)
    if trustee is None:
        raise Refused("drill-owner", f"a drill of trustee {owner}; the trustees are 1 to {len(trustees.owners)}")
    statement = DrillStatement(desk.uuid, sha256(desk.view.manifest_raw).digest(), sha256(trustees.raw).digest(), owner)
    verify_drill(Drill(Point.from_hex_or_identity(factor), proof), trustee.public_key, statement)
    return DrillAnnex(desk.uuid, owner, factor, proof)


def _parse_drill(raw: bytes, uuid: str) -> tuple[int, str, Proof]:
    """Owner, factor (hex) and proof of the file `drill/1` for this election."""
    try:
        found = fields(parse_canonical(raw), ("veche", "election", "owner", "factor", "proof"))
        if found["veche"] != "drill/1":
            raise Malformed("wrong-type", 'a drill says "veche":"drill/1"')
        parsed = integer(found["owner"], 1), digest(found["factor"]), Proof.from_json(found["proof"])
    except Malformed as error:
        raise Malformed("drill-malformed", f"a trustee's drill: {error.message}") from error
    if found["election"] != uuid:
        raise Refused("wrong-election", f"a trustee's drill: made for another election than {uuid}")
    return parsed


def known_trustees(desk: Desk) -> Trustees:
    """The trustees, from the ceremony or as the organizer was given them. Raises Refused `no-trustees`."""
    if desk.view.trustees is not None:
        return desk.view.trustees
    kept = desk.drafts.trustees()
    if kept is not None:
        return parse_trustees(kept)
    raise Refused("no-trustees", "the trustees' keys are not there yet: `veche organizer keys` adds them")


def seal(desk: Desk, credentials_raw: bytes) -> Election:
    """Setup stands in the record: questions, keys and public credentials are fixed for ever; the election.

    Raises Refused `entry-order` while a drill is missing at level strict, and whatever is wrong with the list of credentials.
    """
    desk.refuse_unless("sealing", "draft")
    manifest, trustees = desk.view.manifest, known_trustees(desk)
    credentials = parse_public_credentials(credentials_raw)
    if len(credentials.weights) > manifest.electorate:
        raise Refused(
            "electorate",
            f"{len(credentials.weights)} public credentials for an electorate of {manifest.electorate}: more codes than people",
        )
    planned = plan_setup(desk, sha256(credentials.raw).hexdigest())
    contents = (planned.election.raw, trustees.raw, credentials.raw)
    if desk.view.trustees is None:
        desk.view.know_trustees(trustees)
    desk.append([Addition(planned.event, (*contents, planned.text))])
    return planned.election


@dataclass(frozen=True, slots=True)
class PlannedSetup:
    """The Setup that would be written now. Its event is the first of the chain, so its hash is known before it is sealed."""

    election: Election
    text: bytes

    @property
    def event(self) -> Event:
        return append(None, EventType.SETUP, sha256(self.text).hexdigest())


def plan_setup(desk: Desk, credentials_sha256: str) -> PlannedSetup:
    """What sealing now would fix, with the list of credentials of this SHA-256 (hex). Raises what sealing would.

    Malformed `question-limits`, when not every ballot would be short enough: a plan from before that was looked at may be so.
    """
    manifest, trustees, draft = desk.view.manifest, known_trustees(desk), _draft(desk)
    line = level_line(manifest.level, sha256(desk.view.manifest_raw).hexdigest())
    description = f"{draft.description}\n{line}" if draft.description else line
    election = make_election(desk.uuid, draft.name, description, trustees.election_key, draft.questions)
    verify_ballot_length(desk.uuid, election.questions)
    _verify_agreement(desk, election)
    text = SetupData(sha256(election.raw).hexdigest(), sha256(trustees.raw).hexdigest(), credentials_sha256).text()
    return PlannedSetup(election, text)


def _draft(desk: Desk) -> Draft:
    draft = desk.drafts.draft()
    if draft.uuid != desk.uuid:
        raise Refused("wrong-election", f"the draft of the questions belongs to election {draft.uuid}, not to {desk.uuid}")
    return draft


def _verify_agreement(desk: Desk, election: Election) -> None:
    """The same check that the audit makes, before the record can no longer be changed."""
    raw = desk.view.manifest_raw
    found = parse_description(election.description)
    if found is None:
        raise Inconsistent("manifest-line", "the description does not end in the level line")
    verify_manifest(parse_manifest(raw), raw, found, election.uuid, [question.answers for question in election.questions])
