"""The turnout as a picture: columns in a drawing that is stretched to its place. Its figures stand in a table beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

WIDTH: Final = 640
HEIGHT: Final = 200
_HOUR: Final = 3600
MOST_COLUMNS: Final = 400
"""A column for each hour of the 15 days that the largest votes take."""


@dataclass(frozen=True, slots=True)
class Column:
    """One span of time, from `start` (seconds since 1970): its figures, and its place in the drawing."""

    start: int
    voters: int
    ballots: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Columns of first votes. `span` is the seconds of each column; `most` is the figure of the tallest one."""

    columns: tuple[Column, ...]
    span: int
    most: int
    width: int = WIDTH
    height: int = HEIGHT


def turnout_chart(hours: Sequence[Mapping[str, Any]]) -> Chart | None:
    """The turnout by hour, with the hours in which nobody voted; of a long vote by six hours, by day, or by more days.

    None before the first ballot.
    """
    if not hours:
        return None
    first, last = hours[0]["hour"], hours[-1]["hour"]
    span = next((one for one in (_HOUR, 6 * _HOUR, 24 * _HOUR) if _columns(first, last, one) <= MOST_COLUMNS), 0)
    if not span:
        days = -(-_columns(first, last, 24 * _HOUR) // MOST_COLUMNS)
        span = 24 * _HOUR * (days + 1)
    begin = first - first % span
    voters = [0] * _columns(first, last, span)
    ballots = list(voters)
    for one in hours:
        place = (one["hour"] - begin) // span
        voters[place] += one["voters"]
        ballots[place] += one["ballots"]
    most, width = max(voters), WIDTH / max(len(voters), 6)
    columns = []
    for place, (new, all_) in enumerate(zip(voters, ballots, strict=True)):
        height = HEIGHT * new / most if most else 0.0
        x, y = round(place * width + width * 0.1, 2), round(HEIGHT - height, 2)
        columns.append(Column(begin + place * span, new, all_, x, y, round(width * 0.8, 2), round(height, 2)))
    return Chart(tuple(columns), span, most)


def _columns(first: int, last: int, span: int) -> int:
    return last // span - first // span + 1
