"""Where an election stands, and what comes next, in sentences: the organizer's memory between two commands."""

from __future__ import annotations

from veche.ballot.manifest import seal
from veche.ballot.result import Result
from veche.crypto.canonical_json import Json
from veche.crypto.errors import one_line
from veche.ledger.annex import Drill, Issued, Published
from veche.ledger.event import EventType
from veche.service.counting import SECONDS_OF_DAY, still_missing
from veche.service.desk import Desk


def what_happened(desk: Desk) -> list[str]:
    """Sentences about the record so far."""
    view, manifest = desk.view, desk.view.manifest
    title = one_line(manifest.title[-1][1])
    told = [f'"{title}", election {manifest.uuid}, level {manifest.level}{", a rehearsal" if manifest.rehearsal else ""}.']
    told.append(f"Voting from {desk.shown(manifest.opens_at)} to {desk.shown(view.closes_at())}.")
    if view.trustees is not None:
        owners = view.trustees.owners
        drilled = f", {len(view.all_of(Drill))} passed the drill" if view.state.name == "draft" else ""
        told.append(f"Trustees: {', '.join(owner.name or f'number {owner.number}' for owner in owners)}{drilled}.")
    setup = view.event(EventType.SETUP)
    if setup is not None:
        told.append(f"Sealed. Setup hash {setup.event_hash}, as a seal to compare: {seal(setup.event_hash)}.")
        issued = view.all_of(Issued)
        told.append(f"Codes handed out: {issued[-1].total if issued else 0} of {len(view.credentials().weights)}.")
        told.append(f"Ballots in the record: {len(view.heights)}.")
    if view.state.name in ("decrypting", "proving"):
        told.append(f"Shares given: {len(view.shares())}.")
    told.append(f"The record is {view.state.name}.")
    return told


def in_words(desk: Desk, counted: Result) -> list[str]:
    """The count of every answer, question by question."""
    told: list[str] = []
    for question, counts in zip(desk.view.election().questions, counted.counts, strict=True):
        answers = ("blank votes", *question.answers) if question.blank else question.answers
        told.append(one_line(question.text))
        told += [f"{count:>10,}  {one_line(answer)}" for answer, count in zip(answers, counts, strict=True)]
    return told


def what_next(desk: Desk) -> str:
    """The next step, with the command for it."""
    state = desk.view.state.name
    match state:
        case "draft":
            return _next_in_draft(desk)
        case "sealed":
            return (
                f"Publish the seal. Take the registrar's signed list (veche organizer issued) and open at "
                f"{desk.shown(desk.view.manifest.opens_at)}: veche organizer open."
            )
        case "open":
            if desk.now >= desk.view.closes_at():
                return "Voting has ended: veche organizer close."
            return f"Take ballots until {desk.shown(desk.view.closes_at())}: veche organizer accept. Then: veche organizer close."
        case "suspended":
            return "Take ballots again (veche organizer resume), or close after the end (veche organizer close)."
        case "closed":
            return _next_when_closed(desk)
        case "decrypting":
            missing = still_missing(desk)
            if not missing:
                return "Enough shares are there: veche organizer result."
            names = ", ".join(owner.name or f"number {owner.number}" for owner in missing)
            return f"Shares are still needed, from: {names}. Take each with: veche organizer share."
        case "tallied":
            return "Audit and publish the result: veche organizer publish."
        case "published":
            published = desk.view.all_of(Published)[-1]
            earliest = published.time + desk.view.manifest.appeal_days * SECONDS_OF_DAY
            return f"After the time for complaints, from {desk.shown(earliest)}: veche organizer certify."
        case "withheld":
            return "Nothing more: the total is withheld, because too few voted to keep their votes secret."
        case _:
            return f"Nothing more: the record is {state}."


def _next_in_draft(desk: Desk) -> str:
    view = desk.view
    if view.trustees is None:
        return "Make the trustees' keys (veche organizer ceremony start), then add them: veche organizer keys."
    drilled = {annex.owner for annex in view.all_of(Drill)}
    missing = [owner.name or f"number {owner.number}" for owner in view.trustees.owners if owner.number not in drilled]
    if missing and view.level == "strict":
        return f"Drills are missing, from: {', '.join(missing)}. Take each with: veche organizer drill."
    return "Seal it with the registrar's list of public credentials: veche organizer seal."


def _next_when_closed(desk: Desk) -> str:
    voters, minimum = desk.view.voters(), desk.view.manifest.minimum_ballots
    if desk.view.level == "strict" and not desk.view.state.issued_after_closed:
        return "Take the registrar's last signed list (it may be empty): veche organizer issued."
    if voters < minimum:
        return f"{voters} voted, fewer than {minimum}: veche organizer withhold."
    return f"{voters} voted. Make the encrypted total: veche organizer tally."


def as_json(desk: Desk) -> dict[str, Json]:
    """The same for scripts."""
    view = desk.view
    setup = view.event(EventType.SETUP)
    return {
        "election": desk.uuid,
        "level": view.level,
        "state": view.state.name,
        "setup": None if setup is None else setup.event_hash,
        "opens_at": view.manifest.opens_at,
        "closes_at": view.closes_at(),
        "ballots": len(view.heights),
        "next": what_next(desk),
    }
