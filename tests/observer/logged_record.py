"""Told elections with a public log, honest and dishonest: one key, as many histories as a test wants."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.election.record_builder import UUID, VOTES, Story
from tests.ledger.memory_store import MemoryStore
from tests.observer.served_record import Shown, summary
from veche.ballot.acknowledgement import Acknowledgement, make_acknowledgement
from veche.ballot.manifest import Log
from veche.crypto.signed_note import COSIGNATURE, NoteSigner
from veche.crypto.signing_key import SigningKey
from veche.ledger.checkpoint import Checkpoint
from veche.ledger.cosignature import make_line
from veche.ledger.event import Event, EventType, parse_event
from veche.ledger.receipt import make_receipt
from veche.ledger.signed_checkpoint import sign_checkpoint, with_lines
from veche.ledger.tile_growth import Edge, edge_of, grow
from veche.ledger.tile_reader import proven_inclusion

ORIGIN = f"vote.example/e/{UUID}"
LOG_SIGNER = SigningKey(ORIGIN, sha256(b"log").digest())
BOX = NoteSigner(f"{ORIGIN}/box", sha256(b"box").digest())
WITNESS = SigningKey("witness.example/w1", sha256(b"witness").digest(), COSIGNATURE)
KEYS = (LOG_SIGNER.verifier,)
NO_WITNESS = "quorum none\n"
ONE_WITNESS = f"witness w1 {WITNESS.verifier.text()}\nquorum w1\n"
TIME = 1_793_000_500


def with_log(policy: str) -> Any:
    log = Log(ORIGIN, KEYS, BOX.verifier, 10, policy)
    # The fields have one order, and the log's comes after the registrar's.
    last = ("allocation", "options")
    return lambda told, _: {
        **{name: value for name, value in told.items() if name not in last},
        "log": log.to_json(),
        **{name: value for name, value in told.items() if name in last},
    }


@cache
def told(votes: tuple[Any, ...] = VOTES, policy: str = NO_WITNESS, until: str = "", skip: frozenset[str] = frozenset()) -> Story:
    """An election with a log. The same words give the same bytes, so two of other votes are one up to the first other ballot."""
    return Story(changes={"manifest": with_log(policy)}, votes=votes, until=until, skip=skip)


def checkpoint_of(entries: list[bytes], *cosigners: SigningKey) -> bytes:
    """The log's signature over these entries, whatever they are."""
    edge = edge_of(entries)
    checkpoint = Checkpoint(ORIGIN, edge.size, edge.root())
    lines = [make_line(one, checkpoint, TIME) for one in cosigners]
    return with_lines(sign_checkpoint(checkpoint, [LOG_SIGNER]), lines, [one.verifier for one in cosigners])


def tiles_of(entries: list[bytes], sizes: Iterable[int] = ()) -> dict[str, bytes]:
    """Every tile and bundle of a log that signed these sizes and the last one."""
    files: dict[str, bytes] = {}
    edge = Edge()
    for size in (*sizes, len(entries)):
        growth = grow(edge, entries[edge.size : size])
        files |= {resource.path(): data for resource, data in growth.files}
        edge = growth.edge
    return files


def shown(story: Story, size: int | None = None, *cosigners: SigningKey) -> Shown:
    """A server with this record, whose log has signed its first `size` entries. Archive and entries may be further."""
    entries = b"".join(entry + b"\n" for entry in story.entries)
    data = {f"data/{digest[:2]}/{digest}": content for digest, content in story.data.items()}
    covered = story.entries[: len(story.entries) if size is None else size]
    return Shown(
        {
            "": summary(story.archive, entries),
            "archive.bel": story.archive,
            "entries.jsonl": entries,
            "manifest.json": story.manifest_text,
            "checkpoint": checkpoint_of(covered, *cosigners),
            **tiles_of(covered),
            **data,
        }
    )


def turn(server: Shown, story: Story, size: int | None = None, *cosigners: SigningKey) -> None:
    """From now on the server shows this instead; tiles of before stay where they do not stand in the way."""
    server.files |= shown(story, size, *cosigners).files


def write_log(folder: Path, entries: list[bytes], *cosigners: SigningKey) -> None:
    """Checkpoint and tiles beside a record in a folder."""
    for name, content in {"checkpoint": checkpoint_of(entries, *cosigners), **tiles_of(entries)}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def ballot_entries(story: Story) -> list[tuple[int, Event]]:
    """The number of the entry of each ballot, and its event."""
    found = [(index, parse_event(text)) for index, text in enumerate(story.entries) if b'"type":"Ballot"' in text]
    return [(index, event) for index, event in found if event.type is EventType.BALLOT]


def acknowledged(story: Story, ballot: int) -> bytes:
    """What the box signed for the ballot of this number, from 0."""
    _, event = ballot_entries(story)[ballot]
    setup = story.event_hash(EventType.SETUP)
    said = Acknowledgement(
        ORIGIN, story.election.fingerprint, setup, event.payload or "", event.height, event.digest, TIME
    )
    return make_acknowledgement(said, BOX)


def receipt_of(story: Story, ballot: int, size: int | None = None, *cosigners: SigningKey) -> bytes:
    """The receipt of the ballot of this number in the log of the first `size` entries."""
    index, _ = ballot_entries(story)[ballot]
    covered = story.entries[: len(story.entries) if size is None else size]
    note, edge = checkpoint_of(covered, *cosigners), edge_of(covered)
    proof = proven_inclusion(MemoryStore(tiles_of(covered)), Checkpoint(ORIGIN, edge.size, edge.root()), index, covered[index])
    return make_receipt(covered[index], index, proof, note)
