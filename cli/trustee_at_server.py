"""Drill, roll-call and share for a server: what it shows is fetched, judged as if it had come on a memory stick, and answered.

docs/protocol.md sections 6.9 and 7.6. The server names elections and carries files. It never names a point: the drill's is computed
from manifest and keys, the share's from the ballots. Whatever is refused leaves the journal as it was and sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from veche.ballot.manifest import parse_manifest
from veche.ballot.trustees import Trustees, parse_trustees, verify_trustees
from veche.cli.invitation import LOOPBACK
from veche.cli.terminal import tell
from veche.cli.trustee_ceremony import SEED, Desk, confirm_outcome
from veche.cli.trustee_drill import pass_drill
from veche.cli.trustee_journal import open_journal
from veche.cli.trustee_key import TrusteeKey, read_trustee_key, verify_owner
from veche.cli.trustee_server import Contest, TrusteeServer, board_of
from veche.cli.trustee_share import share_of_total, verify_confirmed
from veche.crypto.errors import Inconsistent, Refused, one_line
from veche.crypto.scalar import Randomness
from veche.ledger.entry import parse_entry
from veche.ledger.event import Event, EventType
from veche.ledger.record import read_entries
from veche.observer import board as boards
from veche.observer.board import Board
from veche.observer.sources import Source, open_source


@dataclass(frozen=True, slots=True)
class Chair:
    """A trustee at its server: its private folder of the ceremony, and the key, read from its medium just now."""

    server: TrusteeServer
    desk: Desk
    key_file: Path
    key: TrusteeKey

    @classmethod
    def take(cls, server: TrusteeServer, private: Path, key_file: Path | None, decryption_key: Path | None) -> Chair:
        """Raises Malformed, Refused or OSError when the key cannot be read."""
        path = key_file or private / SEED
        return cls(server, Desk(private, board_of(server)), path, read_trustee_key(path, decryption_key))

    def owner(self, trustees: Trustees, raw: bytes, run: bytes | None = None) -> int:
        """This trustee's number among these keys, which are those of its own ceremony. Raises Inconsistent, Refused."""
        confirm_outcome(self.desk, raw, run)
        verify_trustees(trustees)
        mine = [one.number for one in trustees.owners if one.public_key == self.key.public]
        return verify_owner(self.key, trustees, mine[0] if mine else 0).number


def pass_drills(chair: Chair, election: str | None, cancelled: str | None, randomness: Randomness) -> Iterator[str]:
    """Each contest that waits for this trustee's drill, or the one named, has it; their uuids."""
    for contest in _chosen(chair.server, election, lambda one: one.state == "draft" and one.keys and not one.drilled, "a drill"):
        _drill(chair, contest.election, cancelled, randomness)
        yield contest.election


def _drill(chair: Chair, uuid: str, cancelled: str | None, randomness: Randomness) -> None:
    rules, keys = chair.server.manifest(uuid), chair.server.trustees(uuid)
    manifest = parse_manifest(rules)
    if (manifest.uuid, manifest.campaign) != (uuid, chair.server.invitation.campaign):
        raise Inconsistent("other-manifest", f"the server shows the manifest of another election than {uuid}: nothing was made")
    owner = chair.owner(parse_trustees(keys), keys)
    tell(f"Drill for {one_line(manifest.contest)}, election {uuid}, with your key from {chair.key_file}.")
    with open_journal(chair.key_file) as file:
        made, journal = pass_drill(chair.key, owner, rules, keys, file.journal, randomness, cancelled)
        file.save(journal)
    chair.server.hand_in_drill(uuid, made)


def answer_roll_calls(chair: Chair, election: str | None) -> Iterator[str]:
    """This trustee has answered for each sealed contest, or the one named; their uuids. The key fits their trustees.json."""
    for contest in _chosen(chair.server, election, lambda one: one.state == "sealed", "your answer"):
        keys = chair.server.trustees(contest.election)
        chair.owner(parse_trustees(keys), keys)
        chair.server.answer_roll_call(contest.election)
        yield contest.election


class Confirming(Protocol):
    """What a person brings from elsewhere."""

    def confirmed(self, board: Board, elsewhere: tuple[str, str] | None = None) -> tuple[str, str]:
        """Setup and EndBallots as the person gave them, else as they were seen elsewhere, else as they are typed now."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Another address of the same record; `same_host` when the person says that its host may be the server's own."""

    address: str
    same_host: bool

    @classmethod
    def of(cls, address: str | None, same_host: bool) -> Comparison | None:
        """None when no address is given."""
        return None if address is None else cls(address, same_host)


@dataclass(frozen=True, slots=True)
class Demands:
    """What a share asks of the record, as `share_of_total` takes it."""

    level: str
    minimum: int | None
    cancelled: str | None
    jobs: int
    journal_lost: bool


def give_share(chair: Chair, election: str | None, known: Confirming, compared: Comparison | None, demands: Demands) -> str:
    """The server has this trustee's share of the one election that waits for it, or of the one named; its uuid.

    The record is fetched once, and audited, added up and confirmed as that copy. Raises as `share_of_total`; then nothing was sent.
    """
    wanted = _chosen(chair.server, election, lambda one: one.state == "decrypting" and one.share == "none", "your share")
    if len(wanted) > 1:
        raise Refused("which-election", f"{len(wanted)} elections wait for your share: name one with --election")
    uuid = wanted[0].election
    # Archive and entries are fetched once; whatever else is read of it is named by its hash.
    record = open_source(chair.server.record_address(uuid))
    board = boards.board_of(record)
    if board.sealed.election.uuid != uuid:
        raise Inconsistent("other-election", f"the server shows the record of another election than {uuid}")
    _confirm(chair, board, known, compared)
    owner = chair.owner(board.sealed.trustees, board.sealed.trustees.raw)
    rules = demands.level, demands.minimum, demands.cancelled, demands.jobs, demands.journal_lost
    with open_journal(chair.key_file) as file:
        delivery, journal = share_of_total(chair.key, owner, record, board, file.journal, *rules)
        # The journal first: a share that left and is not remembered could be followed by a second one.
        file.save(journal)
    chair.server.hand_in_share(uuid, delivery)
    tell(f"{board.voters()} people voted. Your share is for their total and for nothing else.")
    return uuid


def _confirm(chair: Chair, board: Board, known: Confirming, compared: Comparison | None) -> None:
    """Setup and EndBallots are those that the person, or a second address, knows. Raises Refused."""
    elsewhere = None if compared is None else _seen(chair, compared)
    if elsewhere is not None:
        verify_confirmed(board, *elsewhere)
        tell("Setup and end of this record are the same at the second address.")
    verify_confirmed(board, *known.confirmed(board, elsewhere))


def _seen(chair: Chair, compared: Comparison) -> tuple[str, str]:
    link = urlsplit(compared.address)
    host = (link.hostname or "").casefold()
    if host and _machine(host) == _machine(chair.server.invitation.host) and not compared.same_host:
        raise Refused(
            "same-host", "that address is on the same host, which would agree with itself: name another, or say --same-host"
        )
    if link.scheme == "http" and host not in LOOPBACK:
        raise Refused("not-private", "what comes over http:// can be changed by everybody on the way: compare over https://")
    return seen_hashes(open_source(compared.address))


def _machine(host: str) -> str:
    """One name for a host however it is written: with a dot at its end, or as this machine itself."""
    plain = host.casefold().rstrip(".")
    return LOOPBACK[0] if plain in LOOPBACK or plain.startswith("127.") else plain


def seen_hashes(source: Source) -> tuple[str, str]:
    """The hashes (hex) of Setup and EndBallots as the entries of this record have them.

    Raises Refused `not-closed` when there is no end of a vote, or Malformed.
    """
    setup = ""
    with source.entries() as stream:
        for _, raw in read_entries(stream):
            entry = parse_entry(raw, None)
            if isinstance(entry, Event) and entry.type is EventType.SETUP:
                setup = entry.digest
            elif isinstance(entry, Event) and entry.type is EventType.END_BALLOTS:
                return setup, entry.digest
    raise Refused("not-closed", f"{source.name} shows no end of this vote: there is nothing to compare with")


def _chosen(server: TrusteeServer, election: str | None, waits: Callable[[Contest], bool], what: str) -> list[Contest]:
    """The contests that wait, or the one that was named. Raises Refused when there is none."""
    listed = server.contests()
    found = [one for one in listed if (waits(one) if election is None else one.election == election)]
    if not found:
        which = "no election of this campaign waits for" if election is None else f"there is no election {election[:64]} for"
        raise Refused("nothing-to-do", f"{which} {what}")
    return found

