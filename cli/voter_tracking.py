"""Where a ballot stands in the record, in words. docs/protocol.md section 8.4."""

from __future__ import annotations

from veche.crypto.errors import Refused
from veche.observer.board import BallotPlace, Board
from veche.observer.tracker import compact_tracker


def describe_ballot(board: Board, tracker: str) -> list[str]:
    """Where the ballot with this tracker (hex) stands, and whether a later one replaced it. Raises Refused `not-in-record`."""
    place = next((one for one in board.ballots if one.tracker == tracker), None)
    if place is None:
        closed = "; voting has ended, so it cannot come in any more" if board.end is not None else ""
        raise Refused("not-in-record", f"no ballot of this record has the tracker {tracker[:16]}…{closed}")
    return [f"Your ballot is in the public record: event {place.height}.", *_standing(board, place)]


def _standing(board: Board, place: BallotPlace) -> list[str]:
    if place.credential is None:
        return ["It cannot be read as a ballot, so it does not count; the audit says what is wrong with it."]
    last = board.counted()[place.credential]
    if last.height != place.height:
        return [
            f"A later ballot with the same code replaced it: event {last.height}, tracker {compact_tracker(last.tracker)}.",
            "If you did not cast that one, somebody else knows your code: tell the registrar.",
        ]
    counts = "It is the last ballot with your code: it counts."
    if board.end is None:
        counts = "It is the last ballot with your code so far: it counts unless you vote again."
    weight = board.sealed.credentials.weights.get(place.credential)
    if weight is None:
        return ["Its code is not in the election's list, so it should not stand here: ask for an audit."]
    return [counts, f"It counts with weight {weight}."] if board.sealed.credentials.weighted else [counts]


def describe_own_ballots(board: Board, credential: str) -> list[str]:
    """All ballots of one public credential (hex), oldest first, and which of them counts."""
    mine = [place for place in board.ballots if place.credential == credential]
    if not mine:
        return ["There is no ballot with your code in this record."]
    lines = [f"event {place.height}  {compact_tracker(place.tracker)}  replaced by a later one" for place in mine[:-1]]
    counts = "counts" if board.end is not None else "counts so far"
    lines.append(f"event {mine[-1].height}  {compact_tracker(mine[-1].tracker)}  {counts}")
    lines.append(f"{len(mine)} ballot(s) with your code. If you did not cast all of them, tell the registrar at once.")
    return lines
