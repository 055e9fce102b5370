"""The records of a Belenios archive, read in ten lines: enough for tests of `crypto`, which knows no archives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def events(path: Path) -> list[tuple[dict[str, Any], dict[str, bytes]]]:
    """Every event of the archive with all records so far, by the hash in their names."""
    data, at = path.read_bytes(), 0
    found: list[tuple[dict[str, Any], dict[str, bytes]]] = []
    records: dict[str, bytes] = {}
    while at < len(data):
        name = data[at : at + 100].rstrip(b"\0").decode("ascii")
        size = int(data[at + 124 : at + 135], 8)
        content = data[at + 512 : at + 512 + size]
        at += 512 + (size + 511) // 512 * 512
        if name.endswith(".event.json"):
            found.append((json.loads(content), records))
        else:
            records[name.partition(".")[0]] = content
    return found


def payloads(path: Path, kind: str) -> list[tuple[Any, Any]]:
    """(what the event's payload says, the object it names by hash where it names one) of every event of this type."""
    made: list[tuple[Any, Any]] = []
    for event, records in events(path):
        if event["type"] == kind:
            payload = json.loads(records[event["payload"]])
            named = payload.get("payload") or payload.get("encrypted_tally")
            made.append((payload, json.loads(records[named]) if named else None))
    return made
