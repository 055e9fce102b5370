"""Inputs that phase 9.4 refuses: the manifest, and the line of the election that binds it."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.election.record_builder import CLOSES, REGISTRAR, Change, Story
from tests.election.voters import Text
from tests.observer.refusal_case import (
    Case,
    Make,
    adding,
    after_writing,
    bare,
    bel,
    changed,
    refusals,
    to,
)
from veche.ballot.manifest import level_line
from veche.crypto.canonical_json import encode
from veche.crypto.signed_note import NoteSigner, VerifierKey

UNREADABLE = "what cannot be read is not there"
ORIGIN = "vote.example/e/log"
LOG, BOX = NoteSigner(ORIGIN, sha256(b"log").digest()), NoteSigner(f"{ORIGIN}/box", sha256(b"box").digest())


def log(**changes: Any) -> Text:
    """A log as a manifest names it."""
    right = {"origin": ORIGIN, "keys": [LOG.verifier.text()], "box": BOX.verifier.text(), "period": 10, "policy": "one witness"}
    return right | changes


def manifest(**changes: Any) -> Make:
    """A record whose manifest has other fields, in the order of the format."""
    return changed(manifest=in_order(**changes))


def in_order(**changes: Any) -> Change:
    """Fields changed or put in where the format has them."""
    before = "veche campaign contest uuid rehearsal level title opens_at closes_at zone extension minimum_ballots electorate"
    names = f"{before} eligibility appeal_days registrar log allocation options".split()

    def change(right: Text, _: Story) -> Text:
        given = right | changes
        return {name: given[name] for name in (*names, *sorted(given.keys() - set(names))) if name in given}

    return change


def options(change: Callable[[list[list[Text]]], object]) -> Make:
    """A record whose manifest lists other options."""

    def changed_options(right: Text, _: Story) -> Text:
        change(right["options"])
        return right

    return changed(manifest=changed_options)


def other_manifest_named(entries: list[bytes], story: Story) -> list[bytes]:
    """The first entry names another manifest, which is there, too."""
    right = sha256(story.manifest_text).hexdigest().encode()
    return [entries[0].replace(right, story.keep(b"{}").encode()), *entries[1:]]


def rewritten_manifest(folder: Path, story: Story) -> object:
    """Two days of appeal less."""
    return (folder / "manifest.json").write_bytes(encode(story.manifest | {"appeal_days": 1}))


def description(change: Callable[[str], str | None]) -> Make:
    return changed(line=lambda line, _: change(line))


MANIFESTS: list[Case] = [
    *refusals(
        "manifest-hash",
        "manifest.json",
        {
            "another manifest in the level line": description(lambda _: level_line("strict", "ab" * 32)),
            "a manifest.json that was changed": after_writing(Story, rewritten_manifest),
            "a manifest.json that is empty": after_writing(Story, lambda folder, _: (folder / "manifest.json").write_bytes(b"")),
            "another manifest in the first entry": changed(entries=other_manifest_named),
        },
    ),
    *refusals(
        "manifest-malformed",
        "manifest.json",
        {
            "an unknown field": manifest(zone_of_mind="x"),
            "a field too few": manifest(zone=None),
            "a newline at the end": changed(manifest_text=adding(b"\n")),
            "another format": manifest(veche="manifest/2"),
            "a rehearsal that is 1": manifest(rehearsal=1),
            "an ID with a blank": manifest(campaign="parks 2026"),
            "a project twice": options(lambda rows: rows[0][1].update(project="p1")),
            "a negative electorate": manifest(electorate=-1),
        },
        ends=UNREADABLE,
    ),
    *refusals(
        "manifest-times",
        "manifest.json",
        {
            "an end after the latest end": manifest(extension={"until": CLOSES - 5}),
            "a close before the opening": manifest(opens_at=CLOSES),
            "days of appeal below 0": manifest(appeal_days=-1),
        },
    ),
    *refusals(
        "manifest-keys",
        "manifest.json",
        {
            "a box of another log": manifest(log=log(box=NoteSigner("elsewhere/box", bytes(32)).verifier.text())),
            "a log key of another name": manifest(log=log(origin="vote.example/e/other")),
            "a log without a key": manifest(log=log(keys=[])),
            "one key for log and box": manifest(log=log(box=VerifierKey(f"{ORIGIN}/box", 1, LOG.verifier.public).text())),
            "one key for registrar and log": manifest(log=log(), registrar=VerifierKey("registrar", 1, LOG.verifier.public).text()),
            "a registrar named like the log": manifest(
                log=log(), registrar=VerifierKey(ORIGIN, 1, REGISTRAR.verifier.public).text()
            ),
            "a key ID of another key": manifest(
                registrar=REGISTRAR.verifier.text().replace(REGISTRAR.verifier.key_id.hex(), "00000000")
            ),
            "a registrar's key of another type": manifest(registrar=VerifierKey("registrar", 4, bytes(32)).text()),
            "no registrar at level strict": manifest(registrar=None),
        },
    ),
    *refusals(
        "manifest-line",
        "manifest.json|election.json",
        {
            "a second line of the kind": description(lambda line: f"veche:1 by hand\n{line}"),
            "no line in a record": description(lambda _: None),
            "something after the line": description(lambda line: f"{line}\n"),
            "an unknown level": description(lambda line: line.replace("strict", "loose")),
            "a broken line in a bare archive": bel(lambda: bare({"line": to("veche:1 level=strict")})),
        },
    ),
    *refusals(
        "manifest-level",
        "manifest.json",
        {
            "a manifest of a lower level": manifest(level="belenios"),
            "a line of a lower level": description(lambda line: line.replace("strict", "belenios")),
        },
    ),
    *refusals(
        "manifest-election",
        "manifest.json",
        {
            "a manifest of another election": manifest(uuid="4hVecheTestA12"),
        },
    ),
    *refusals(
        "manifest-options",
        "manifest.json",
        {
            "another title": options(lambda rows: rows[0][1].update(title="By the lake")),
            "a title with a blank more": options(lambda rows: rows[0][1].update(title="By the river ")),
            "options in another order": options(lambda rows: rows[0].reverse()),
            "an option too few": options(lambda rows: rows[0].pop()),
            "a question too many": options(lambda rows: rows.append(rows[0])),
        },
    ),
]
