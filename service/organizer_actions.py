"""What an organizer does, whether by the interface or by a page: the same functions, each with its note in the audit trail.

An act and its note are one transaction. What was refused is noted too, with the refusal's code: a second organizer, or whoever
looks into a complaint, sees that it was tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import Connection

from veche.crypto.canonical_json import Json
from veche.crypto.errors import ElectionError, Malformed
from veche.service import approvals, counting, voting
from veche.service.access import Person
from veche.service.approvals import Approval
from veche.service.approved_steps import end_election, planned_seal, reason_code, verify_end, verify_unchanged
from veche.service.audit_trail import note
from veche.service.campaign_file import read_campaign
from veche.service.campaign_people import Invitation, Inviting, Member
from veche.service.campaigns import Campaign, campaign_of, contest_of, contests_of, create_campaign, fix_rules, replace_plan
from veche.service.ceremonies import begin_ceremony
from veche.service.contest_desk import held_contest
from veche.service.contest_plan import parse_time
from veche.service.desk import Desk
from veche.service.jobs import queue_job
from veche.service.server import Server

_MOST_COMPLAINTS: Final = 1_000_000


class OrganizerActions:
    """The acts of organizers on this server. Whether the person is an organizer of the campaign was asked before (`Access`)."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(self, who: Person, raw: bytes) -> Campaign:
        """The campaign of this file is planned. Raises Malformed `campaign-malformed`, Refused `campaign-exists`."""
        plan = read_campaign(raw, self._host())
        self._server.storage.verify_writable()
        with self._refusals(who, None, None, "create-campaign"), self._server.storage.database.writing() as connection:
            return create_campaign(connection, plan, who.id, self._now())

    def replace(self, who: Person, campaign: str, raw: bytes) -> Campaign:
        """The plan is that of this file. Raises as `create` and as `campaigns.replace_plan`."""
        with self._refusals(who, campaign, None, "replace-plan"):
            plan = read_campaign(raw, self._host())
            self._server.storage.verify_writable()
            with self._server.storage.database.writing() as connection:
                return replace_plan(connection, campaign, plan, who.id, self._now())

    def fix(self, who: Person, campaign: str) -> None:
        """The rules are fixed and every record has begun. Raises as `campaigns.fix_rules`."""
        with self._refusals(who, campaign, None, "fix-rules"):
            fix_rules(self._server, campaign, who.id)

    def begin_ceremony(self, who: Person, campaign: str, deadlines: tuple[Json, Json, Json]) -> int:
        """The campaign's trustees begin to make their keys; the number of the run.

        Deadlines as `contest_plan.parse_time`, by the clock of the campaign's first contest, as its pages show times.
        """
        with self._refusals(who, campaign, None, "begin-ceremony"):
            self._server.storage.verify_writable()
            with self._server.storage.database.writing() as connection:
                zone = next((str(one.spec().get("zone", "UTC")) for one in contests_of(connection, campaign)), "UTC")
                times = [parse_time(one, zone, "deadlines") for one in deadlines]
                threshold = campaign_of(connection, campaign).threshold
                return begin_ceremony(connection, campaign, threshold, (times[0], times[1], times[2]), self._now(), who.id)

    def add_organizer(self, who: Person, campaign: str, email: str) -> Member:
        """Another organizer of this campaign. Raises as `Inviting.organizer`."""
        with self._refusals(who, campaign, None, "add-organizer"), self._inviting(who, campaign) as desk:
            return desk.organizer(email)

    def invite_registrar(self, who: Person, campaign: str, name: str, email: str) -> Invitation:
        """The registrar's link, shown once. Raises as `Inviting.registrar`."""
        with self._refusals(who, campaign, None, "invite-registrar"), self._inviting(who, campaign) as desk:
            return desk.registrar(name, email)

    def invite_trustees(self, who: Person, campaign: str) -> list[Invitation]:
        """A link for every trustee, shown once. Raises as `Inviting.trustees`."""
        with self._refusals(who, campaign, None, "invite-trustees"), self._inviting(who, campaign) as desk:
            return desk.trustees()

    def invite_trustee(self, who: Person, campaign: str, name: str, email: str) -> Invitation:
        """One more trustee. Raises as `Inviting.trustee`."""
        with self._refusals(who, campaign, None, "invite-trustee"), self._inviting(who, campaign) as desk:
            return desk.trustee(name, email)

    @contextmanager
    def _inviting(self, who: Person, campaign: str) -> Iterator[Inviting]:
        self._server.storage.verify_writable()
        with self._server.storage.database.writing() as connection:
            settings = self._server.settings
            yield Inviting(connection, campaign, settings.public_url, who.id, self._now(), bool(settings.smtp))

    def extend(self, who: Person, campaign: str, uuid: str, until: Json, reason: str) -> None:
        """Voting ends later, as far as the manifest allows. Raises as `voting.extend`."""

        def step(desk: Desk) -> dict[str, Json]:
            ends = parse_time(until, desk.view.manifest.zone, "until")
            voting.extend(desk, ends, reason_code("extended", reason))
            return {"until": ends, "reason": reason}

        self._step(who, campaign, uuid, "extend", step)

    def suspend(self, who: Person, campaign: str, uuid: str, reason: str) -> None:
        """No ballots are taken. Raises as `voting.suspend`."""

        def step(desk: Desk) -> dict[str, Json]:
            voting.suspend(desk, reason_code("suspended", reason))
            return {"reason": reason}

        self._step(who, campaign, uuid, "suspend", step)

    def resume(self, who: Person, campaign: str, uuid: str, reason: str) -> None:
        """Ballots are taken again. Raises as `voting.resume`."""

        def step(desk: Desk) -> dict[str, Json]:
            voting.resume(desk, reason_code("resumed", reason))
            return {"reason": reason}

        self._step(who, campaign, uuid, "resume", step)

    def incident(self, who: Person, campaign: str, uuid: str, code: str) -> None:
        """The record says that something happened. Raises as `voting.add_incident`."""

        def step(desk: Desk) -> dict[str, Json]:
            voting.add_incident(desk, reason_code("incident", code))
            return {"code": code}

        self._step(who, campaign, uuid, "incident", step)

    def publish(self, who: Person, campaign: str, uuid: str) -> None:
        """The full audit of the record and its publication are queued. Raises Refused `entry-order` without a result."""
        with self._refusals(who, campaign, uuid, "publish"), self._held(campaign, uuid) as (desk, connection):
            desk.refuse_unless("publishing", "tallied")
            queue_job(connection, "publish", f"publish {uuid}", {"election": uuid}, self._now())
            note(connection, self._now(), who.id, campaign, uuid, "publish")

    def certify(self, who: Person, campaign: str, uuid: str, complaints: int) -> None:
        """The result stands, after the days of appeal. Raises as `counting.certify`."""

        def step(desk: Desk) -> dict[str, Json]:
            if not 0 <= complaints <= _MOST_COMPLAINTS:
                raise Malformed("complaints", f"the number of complaints is 0 to {_MOST_COMPLAINTS}")
            counting.certify(desk, complaints)
            return {"complaints": complaints}

        self._step(who, campaign, uuid, "certify", step)

    def ask_to_seal(self, who: Person, campaign: str, uuid: str) -> Approval:
        """A second organizer is asked to approve exactly this Setup.

        Raises Refused `no-credentials`, `no-trustees`, or `entry-order` while a drill is missing.
        """
        with self._refusals(who, campaign, uuid, "ask-seal"), self._held(campaign, uuid) as (desk, connection):
            details = planned_seal(desk, contest_of(connection, campaign, uuid).credentials_sha256)
            details["credentials"] = contest_of(connection, campaign, uuid).credentials_count
            note(connection, self._now(), who.id, campaign, uuid, "ask-seal", setup=details["setup"])
            return approvals.ask(connection, campaign, uuid, "seal", details, who.id, self._now())

    def ask_to_end(self, who: Person, campaign: str, uuid: str, action: str, reason: str, successor: str | None) -> Approval:
        """A second organizer is asked to approve that the election is cancelled (before a result) or annulled (after it).

        Raises Malformed `reason`, Refused `entry-order`, or `keys-there` when keys are called lost and are not.
        """
        with self._refusals(who, campaign, uuid, f"ask-{action}"), self._held(campaign, uuid) as (desk, connection):
            verify_end(desk, action, reason, successor)
            details: dict[str, Json] = {"reason": reason, "successor": successor, "state": desk.view.state.name}
            note(connection, self._now(), who.id, campaign, uuid, f"ask-{action}", reason=reason, successor=successor)
            return approvals.ask(connection, campaign, uuid, action, details, who.id, self._now())

    def approve(self, who: Person, campaign: str, number: int) -> Approval:
        """What another organizer asked for is done, or, for a seal, begun.

        Raises Refused `second-organizer`, `already-decided`, or `contest-changed` when it is no longer what was asked for.
        """
        approval = self._asked(campaign, number)
        with self._refusals(who, campaign, approval.uuid, f"approve-{approval.action}", request=number):
            approvals.verify_second(approval, who.id)
            with self._ended_if_changed(approval, who), self._held(campaign, approval.uuid) as (desk, connection):
                approvals.decide(connection, approval, "done", who.id, self._now())
                note(connection, self._now(), who.id, campaign, approval.uuid, f"approve-{approval.action}", request=number)
                if approval.action == "seal":
                    sha256 = contest_of(connection, campaign, approval.uuid).credentials_sha256
                    verify_unchanged(approval, planned_seal(desk, sha256))
                    queue_job(connection, "seal", f"seal {approval.uuid}", {"election": approval.uuid}, self._now())
                else:
                    end_election(desk, approval)
                return approvals.approval_of(connection, campaign, number)

    @contextmanager
    def _ended_if_changed(self, approval: Approval, who: Person) -> Iterator[None]:
        """A request for what is no longer so has ended, too: the same can be asked for anew at once."""
        try:
            yield
        except ElectionError as error:
            if error.code == "contest-changed":
                with self._server.storage.database.writing() as connection:
                    approvals.decide(connection, approval, "refused", who.id, self._now())
            raise

    def refuse(self, who: Person, campaign: str, number: int) -> Approval:
        """The request has ended without effect: withdrawn by who asked, or refused by another. Raises Refused `already-decided`."""
        approval = self._asked(campaign, number)
        status = "withdrawn" if approval.asked_by == who.id else "refused"
        self._server.storage.verify_writable()
        with self._server.storage.database.writing() as connection:
            approvals.decide(connection, approval, status, who.id, self._now())
            note(connection, self._now(), who.id, campaign, approval.uuid, f"{status}-{approval.action}", request=number)
            return approvals.approval_of(connection, campaign, number)

    def _asked(self, campaign: str, number: int) -> Approval:
        with self._server.storage.database.reading() as connection:
            return approvals.approval_of(connection, campaign, number)

    def _step(self, who: Person, campaign: str, uuid: str, action: str, step: Callable[[Desk], dict[str, Json]]) -> None:
        """The step stands in the record, and its note in the trail."""
        with self._refusals(who, campaign, uuid, action), self._held(campaign, uuid) as (desk, connection):
            details = step(desk)
            note(connection, self._now(), who.id, campaign, uuid, action, **details)

    @contextmanager
    def _held(self, campaign: str, uuid: str) -> Iterator[tuple[Desk, Connection]]:
        """The record of this contest of this campaign. Raises Refused `no-election`: also for the contest of another campaign."""
        with self._server.storage.database.reading() as connection:
            contest_of(connection, campaign, uuid)
        with held_contest(self._server.storage, self._server.clock, uuid) as held:
            yield held

    @contextmanager
    def _refusals(self, who: Person, campaign: str | None, uuid: str | None, action: str, **details: Json) -> Iterator[None]:
        """What is refused inside stands in the trail with its code, in a transaction of its own."""
        try:
            yield
        except ElectionError as error:
            if error.code != "storage-failed":
                with self._server.storage.database.writing() as connection:
                    note(connection, self._now(), who.id, campaign, uuid, f"{action}-refused", code=error.code, **details)
            raise

    def _now(self) -> int:
        return self._server.clock.now()

    def _host(self) -> str:
        return urlsplit(self._server.settings.public_url).netloc
