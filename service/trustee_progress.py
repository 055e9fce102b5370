"""How far the trustees are, for the organizers: in the ceremony, with their drills, at the roll-call and with their shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from veche.ledger.annex import Drill, ShareRefused
from veche.ledger.event import EventType
from veche.observer.record_rows import entries_but_ballots
from veche.service.campaign_people import members_of
from veche.service.ceremonies import runs_of
from veche.service.key_ceremony import read_standing
from veche.service.languages import sentence
from veche.service.tables import roll_calls
from veche.service.trustee_work import end_of

STEPS: Final = {
    "certificate": sentence("their certificates (key pairs of today)"),
    "commitment": sentence("their commitments"),
    "reveal": sentence("what they committed to"),
    "share": sentence("the shares for each other"),
    "key": sentence("their check of the shares, and their public keys"),
}
"""What a ceremony waits for, by the step's name."""

ENDS: Final = {
    "bad-share": sentence("A share that %(names)s dealt does not fit to what everybody was shown. The complaint proves it."),
    "false-complaint": sentence("%(names)s complained about a good share. Anybody can check it."),
    "wrong-reveal": sentence("What %(names)s revealed is not what its hash had promised."),
}
"""How a ceremony ended, by the code of its run, where it is not that nothing came in time."""

SILENT: Final = sentence("Nothing came in time from %(names)s.")


@dataclass(frozen=True, slots=True)
class CeremonyProgress:
    """The newest run: what it waits for, from whom and until when (seconds since 1970), or how it ended and by whom."""

    run: int
    status: str
    step: str | None
    missing: tuple[str, ...]
    until: int | None
    ended: str | None
    named: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrusteeProgress:
    """One trustee in one contest: what was done, and `share` as none, given or refused."""

    place: int
    name: str
    drilled: bool
    present: bool
    share: str


def ceremony_progress(connection: Connection, campaign: str) -> CeremonyProgress | None:
    """How the ceremony goes; None before the first one."""
    runs = runs_of(connection, campaign)
    if not runs:
        return None
    run = runs[-1]
    standing = read_standing(run.board(connection))
    waiting = standing.waiting() if run.status == "running" else None
    names, ended = standing.terms.names, end_of(run)
    return CeremonyProgress(
        run.number,
        run.status,
        None if waiting is None else STEPS[waiting[0]],
        () if waiting is None else tuple(names[place - 1] for place in waiting[1]),
        None if waiting is None else standing.deadline(waiting[0]),
        None if ended is None else ENDS.get(ended.code, SILENT),
        () if ended is None else tuple(names[place - 1] for place in ended.named),
    )


def trustees_of_contest(connection: Connection, campaign: str, uuid: str) -> list[TrusteeProgress]:
    """Each trustee with a place, and what it has done for this contest, whose record has begun."""
    done: dict[str, set[int | None]] = {}
    for entry in entries_but_ballots(connection, uuid):
        done.setdefault(entry.kind, set()).add(entry.owner)
    present = set(connection.execute(select(roll_calls.c.owner).where(roll_calls.c.uuid == uuid)).scalars())
    given, refused = done.get(str(EventType.PARTIAL_DECRYPTION), set()), done.get(ShareRefused.TYPE, set())
    return [
        TrusteeProgress(
            one.place,
            one.name,
            one.place in done.get(Drill.TYPE, set()),
            one.place in present,
            "given" if one.place in given else "refused" if one.place in refused else "none",
        )
        for one in members_of(connection, campaign)
        if one.role == "trustee" and one.place is not None
    ]
