"""Every beginning of a record, as it stood in the folder at that moment."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

from tests.election.record_builder import Story, archive_of
from veche.ledger.entry import named_data, parse_entry
from veche.ledger.event import Event

STATES = [
    *("draft",) * 6,  # manifest, software, dkg, three drills
    *("sealed",) * 2,  # Setup, issued
    *("open",) * 5,  # opened, four ballots
    "ending",
    *("closed",) * 2,  # closed, issued
    "decrypting",
    *("proving", "decrypting") * 2,
    "tallied",
    "published",
    "certified",
]
"""The state of the record after each of its entries."""


@cache
def whole() -> Story:
    return Story()


def beginning(length: int, folder: Path) -> Path:
    """The folder with the first entries, the events among them, and the data that they name."""
    story = whole()
    entries = [parse_entry(text, None) for text in story.entries[:length]]
    events = story.events[: sum(isinstance(entry, Event) for entry in entries)]
    named = {digest for entry in entries for digest in named_data(entry)}
    (folder / "4hVecheTestA11.bel").write_bytes(archive_of(events))
    (folder / "manifest.json").write_bytes(story.manifest_text)
    (folder / "entries.jsonl").write_bytes(b"".join(text + b"\n" for text in story.entries[:length]))
    data = {digest: content for digest, content in story.data.items() if digest in named}
    if length >= 3 and not events:
        # Before Setup the trustees' keys are no record of the archive yet: the ceremony names them.
        data[sha256(story.trustees).hexdigest()] = story.trustees
    for digest, content in data.items():
        path = folder / "data" / digest[:2] / digest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
