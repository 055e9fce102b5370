"""How far a clock is from UTC, as pages, scripts and letters say it: `UTC+3`. Letters need no server for it."""

from __future__ import annotations

from datetime import datetime


def utc_offset(time: datetime) -> str:
    """`UTC`, or the hours and minutes by which the clock of this time is before or behind it."""
    offset = time.utcoffset()
    minutes = 0 if offset is None else round(offset.total_seconds() / 60)
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '-'}{hours}" + (f":{rest:02}" if rest else "")
