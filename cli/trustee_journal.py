"""What a trustee's key has answered for, kept beside the key: one tally per election, one manifest per contest.

Without it a server could ask twice: for the total of all ballots, and again for all but one, whose difference is one person's vote
(attack D6). Keep the file with the key and move both together. docs/protocol.md sections 6.9 and 7.6.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from veche.ballot.manifest import Manifest
from veche.crypto.canonical_json import Json, array, encode, fields, integer, parse_canonical, text
from veche.crypto.errors import Malformed, Refused
from veche.observer import durable_files

SUFFIX: Final = ".journal"


@dataclass(frozen=True, slots=True)
class Answered:
    """The key passed the drill for this manifest (or, with an empty `drill`, shared under it). Hashes are SHA-256 in hex."""

    campaign: str
    contest: str
    uuid: str
    manifest: str
    trustees: str
    owner: int
    drill: str

    @classmethod
    def from_json(cls, value: Json) -> Answered:
        names = ("campaign", "contest", "uuid", "manifest", "trustees", "owner", "drill")
        found = fields(value, names)
        campaign, contest, uuid, manifest, trustees = (text(found[name]) for name in names[:5])
        return cls(campaign, contest, uuid, manifest, trustees, integer(found["owner"], 1), text(found["drill"]))

    def to_json(self) -> dict[str, Json]:
        return {
            "campaign": self.campaign,
            "contest": self.contest,
            "uuid": self.uuid,
            "manifest": self.manifest,
            "trustees": self.trustees,
            "owner": self.owner,
            "drill": self.drill,
        }


@dataclass(frozen=True, slots=True)
class Delivered:
    """The share that left for election `uuid`: hashes (hex) of its Setup and EncryptedTally events, and the very bytes."""

    uuid: str
    setup: str
    tally: str
    owner: int
    delivery: str = field(repr=False)

    @classmethod
    def from_json(cls, value: Json) -> Delivered:
        found = fields(value, ("uuid", "setup", "tally", "owner", "delivery"))
        uuid, setup, tally = (text(found[name]) for name in ("uuid", "setup", "tally"))
        return cls(uuid, setup, tally, integer(found["owner"], 1), text(found["delivery"]))

    def to_json(self) -> dict[str, Json]:
        return {
            "uuid": self.uuid,
            "setup": self.setup,
            "tally": self.tally,
            "owner": self.owner,
            "delivery": self.delivery,
        }


@dataclass(frozen=True, slots=True)
class Journal:
    """Everything one key has answered for, oldest first."""

    answered: tuple[Answered, ...] = ()
    delivered: tuple[Delivered, ...] = ()

    def encode(self) -> bytes:
        return encode(
            {
                "veche": "trustee-journal/1",
                "answered": [one.to_json() for one in self.answered],
                "delivered": [one.to_json() for one in self.delivered],
            }
        )

    def delivered_for(self, uuid: str) -> Delivered | None:
        """The share that left for this election."""
        return next((one for one in self.delivered if one.uuid == uuid), None)

    def answered_for(self, manifest: Manifest) -> Answered | None:
        """The newest answer for this campaign and contest. Rehearsals do not count."""
        if manifest.rehearsal:
            return None
        same = [one for one in self.answered if (one.campaign, one.contest) == (manifest.campaign, manifest.contest)]
        return same[-1] if same else None

    def with_answered(self, answered: Answered) -> Journal:
        return replace(self, answered=(*self.answered, answered))

    def with_delivered(self, delivered: Delivered) -> Journal:
        return replace(self, delivered=(*self.delivered, delivered))


def verify_manifest_free(journal: Journal, manifest: Manifest, digest: str, cancelled: str | None) -> None:
    """Check that this key has answered for no other manifest of this campaign and contest, unless that one was cancelled.

    `cancelled` is the hash of a manifest whose record was found to end in `cancelled`. Otherwise an organizer could try
    manifests until ties fall as wanted (veche-record section 6). Raises Refused.
    """
    before = journal.answered_for(manifest)
    if before is None or before.manifest in (digest, cancelled):
        return
    raise Refused(
        "another-manifest",
        f"your key has answered for another manifest of contest {manifest.contest} in campaign {manifest.campaign} "
        f"(election {before.uuid}); for a second one the record of the first must end in cancelled: show it with --cancelled",
    )


def parse_journal(raw: bytes) -> Journal:
    """The journal in a file. Raises Malformed `journal-malformed`."""
    try:
        found = fields(parse_canonical(raw), ("veche", "answered", "delivered"))
        if found["veche"] != "trustee-journal/1":
            raise Malformed("wrong-type", "not a trustee's journal")
        return Journal(
            tuple(Answered.from_json(one) for one in array(found["answered"])),
            tuple(Delivered.from_json(one) for one in array(found["delivered"])),
        )
    except Malformed as error:
        raise Malformed(
            "journal-malformed", f"the journal beside the key is damaged; nothing leaves without it: {error}"
        ) from error


class JournalFile:
    """The journal of one key, held by this process alone."""

    def __init__(self, path: Path, journal: Journal) -> None:
        self.path = path
        self.journal = journal

    def save(self, journal: Journal) -> None:
        """`journal` has reached the disk. Whatever it speaks of leaves only after that."""
        durable_files.replace(self.path, journal.encode(), private=True)
        self.journal = journal


@contextmanager
def open_journal(key: Path) -> Iterator[JournalFile]:
    """The journal beside the key file, empty at first. Two commands at once wait for each other. Raises Malformed, OSError."""
    path = key.with_name(key.name + SUFFIX)
    # The lock lies on the key file itself: nothing is left behind by a command that is refused.
    lock = os.open(key, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield JournalFile(path, parse_journal(durable_files.read_content(path)) if path.exists() else Journal())
    finally:
        os.close(lock)
