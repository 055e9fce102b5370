"""The public board as voters, registrars and trustees read it: what Setup fixes, and where each ballot stands.

Read here, judged by `veche audit`: the chain is checked while it is read (docs/protocol.md section 9.1), keys and list of Setup too
(9.3), and that the manifest is the promised one (9.4). The proofs in ballots and shares are the audit's.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from veche.ballot.credential import PublicCredentials, parse_public_credentials
from veche.ballot.election import Election, parse_election
from veche.ballot.encrypted_ballot import read_ballot
from veche.ballot.manifest import LevelLine, Manifest, parse_description, parse_manifest, verify_manifest
from veche.ballot.tally import EncryptedTally, Rows, add_weighted, nothing
from veche.ballot.trustees import Trustees, parse_trustees, verify_election_key, verify_trustees
from veche.crypto.canonical_json import Json, array, encode, fields, parse, text
from veche.crypto.elgamal import Ciphertext
from veche.crypto.errors import ElectionError, Inconsistent, Unsupported
from veche.crypto.group import Point
from veche.ledger.annex import Annex
from veche.ledger.chain_reader import ChainItem, read_chain
from veche.ledger.entry import parse_entry
from veche.ledger.event import EventType
from veche.ledger.payload import verify_setup_data
from veche.ledger.record import read_entries
from veche.observer.sources import Source, open_source

_AT_ONCE = 500
_FILES = ("election.json", "trustees.json", "public_creds.json")


@dataclass(frozen=True, slots=True)
class Sealed:
    """What Setup fixed for ever, found good. `setup` is its event hash (hex); None where only election.json is at hand."""

    election: Election
    trustees: Trustees
    credentials: PublicCredentials
    setup: str | None
    line: LevelLine | None
    manifest: Manifest | None


@dataclass(frozen=True, slots=True)
class BallotPlace:
    """A ballot of the chain: its event's number, its tracker (hex), whose it is (None: unreadable), and where its bytes stand."""

    height: int
    tracker: str
    credential: str | None
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Board:
    """The chain so far. `end` and `tally_event` are the hashes (hex) of EndBallots and EncryptedTally, `tally` its text."""

    sealed: Sealed
    setup: str
    ballots: tuple[BallotPlace, ...]
    end: str | None
    tally_event: str | None
    tally: bytes | None
    state: str

    def counted(self) -> dict[str, BallotPlace]:
        """The last ballot of each credential, which is the one that counts."""
        return {place.credential: place for place in self.ballots if place.credential is not None}

    def voters(self) -> int:
        """Credentials of weight > 0 with a ballot: the number that a minimum is compared with."""
        weights = self.sealed.credentials.weights
        return sum(1 for credential in self.counted() if weights.get(credential, 0) > 0)


def read_sealed(where: str) -> Sealed:
    """What Setup fixes, from an archive, a folder, or a folder with election.json, trustees.json and public_creds.json.

    Raises Unsupported when there is no Setup to read, and whatever is wrong with it.
    """
    if _is_bare_files(Path(where)):
        return _from_files(Path(where))
    return sealed_of(open_source(where))


def sealed_of(source: Source) -> Sealed:
    """The same for a source that is open already."""
    with source.archive() as stream:
        for item in read_chain(stream):
            return _sealed(item, source)
    raise Unsupported("no-setup", f"{source.name}: this election is not sealed yet: there is no Setup to work with")


def read_board(where: str) -> Board:
    """The chain from its beginning to its end. Raises what is wrong with it, or Unsupported when it is not sealed yet."""
    return board_of(open_source(where))


def board_of(source: Source) -> Board:
    """The same for a source that is open already."""
    sealed: Sealed | None = None
    setup, state = "", ""
    ballots: list[BallotPlace] = []
    end: str | None = None
    tally: ChainItem | None = None
    with source.archive() as stream:
        for item in read_chain(stream):
            state = item.order.state()
            if sealed is None:
                sealed, setup = _sealed(item, source), item.event_hash
            elif item.event.type is EventType.BALLOT:
                ballots.append(_ballot_place(item))
            elif item.event.type is EventType.END_BALLOTS:
                end = item.event_hash
            elif item.event.type is EventType.ENCRYPTED_TALLY:
                tally = item
    if sealed is None:
        raise Unsupported("no-setup", f"{source.name}: this election is not sealed yet: there is no Setup to work with")
    tally_text = None if tally is None else tally.records[0].content
    return Board(sealed, setup, tuple(ballots), end, None if tally is None else tally.event_hash, tally_text, state)


def read_annexes(source: Source, uuid: str) -> list[Annex]:
    """Every annex of a folder's entries, in order; none for a bare archive. Raises Malformed or Inconsistent."""
    if not source.complete:
        return []
    with source.entries() as stream:
        entries = [parse_entry(line, uuid) for _, line in read_entries(stream)]
    return [entry for entry in entries if isinstance(entry, Annex)]


def recompute_tally(where: str, board: Board) -> EncryptedTally:
    """The sum of the last ballots times their weights, from the ballots' own bytes.

    Each is compared with the hash that the chain names, so the sum belongs to the chain that ends in `board.end`.
    """
    return tally_of(open_source(where), board)


def tally_of(source: Source, board: Board) -> EncryptedTally:
    """The same for a source that is open already."""
    weights = board.sealed.credentials.weights
    total = nothing(board.sealed.election)
    parts: list[tuple[int, Rows]] = []
    with source.archive() as stream:
        for credential, place in board.counted().items():
            if credential not in weights:
                raise Inconsistent(
                    "unknown-credential", f"ballot {place.tracker[:16]}…: its credential is not in the election's list"
                )
            parts.append((weights[credential], _rows(_bytes_at(stream, place))))
            if len(parts) >= _AT_ONCE:
                total, parts = add_weighted(parts, total), []
    return add_weighted(parts, total)


def _sealed(item: ChainItem, source: Source) -> Sealed:
    contents = [record.content for record in item.records]
    verify_setup_data(contents[-1], [record.name for record in item.records[:-1]])
    return _checked(contents[0], contents[1], contents[2], item.event_hash, source)


def _checked(election_text: bytes, trustees_text: bytes, list_text: bytes, setup: str | None, source: Source | None) -> Sealed:
    election = parse_election(election_text)
    credentials = parse_public_credentials(list_text)
    trustees = parse_trustees(trustees_text)
    verify_trustees(trustees)
    verify_election_key(trustees, election.public_key)
    line = parse_description(election.description)
    manifest = None if source is None or line is None or not source.complete else _manifest(source, line, election)
    return Sealed(election, trustees, credentials, setup, line, manifest)


def _manifest(source: Source, line: LevelLine, election: Election) -> Manifest:
    raw = source.manifest()
    manifest = parse_manifest(raw)
    verify_manifest(manifest, raw, line, election.uuid, [question.answers for question in election.questions])
    return manifest


def _is_bare_files(folder: Path) -> bool:
    return folder.is_dir() and all((folder / name).is_file() for name in _FILES) and not any(folder.glob("*.bel"))


def _from_files(folder: Path) -> Sealed:
    """election.json and its like, as `setup` of other people's tools leaves them: one final newline, logins in the list."""
    try:
        election, trustees, listed = ((folder / name).read_bytes().removesuffix(b"\n") for name in _FILES)
    except OSError as error:
        raise Unsupported("unreadable", f"{folder} cannot be read ({error.strerror})") from error
    return _checked(election, trustees, _without_logins(listed), None, None)


def _without_logins(raw: bytes) -> bytes:
    """`"S,weight,login"` and `"S,,login"` as the archive has them: `"S,weight"` or `"S"`."""
    items = [text(one).split(",") for one in array(parse(raw))]
    return encode([",".join(parts[:2]).rstrip(",") for parts in items])


def _ballot_place(item: ChainItem) -> BallotPlace:
    record = item.records[0]
    return BallotPlace(item.event.height, record.name, _credential_of(record.content), record.offset, len(record.content))


def _credential_of(raw: bytes) -> str | None:
    """Whose ballot it is. What cannot be read counts for nobody; the audit says what is wrong with it."""
    try:
        return read_ballot(raw).credential
    except ElectionError:
        return None


def _bytes_at(stream: BinaryIO, place: BallotPlace) -> bytes:
    stream.seek(place.offset)
    raw = stream.read(place.size)
    if sha256(raw).hexdigest() != place.tracker:
        raise Inconsistent("record-hash", f"ballot {place.tracker[:16]}…: the archive changed while it was read")
    return raw


def _rows(raw: bytes) -> Rows:
    """The ciphertexts of a ballot, every point tested: these are about to be multiplied with a secret."""
    answers = [answer for answer in array(read_ballot(raw).value["answers"]) if type(answer) is dict]
    return tuple(tuple(_ciphertext(choice) for choice in array(answer["choices"])) for answer in answers)


def _ciphertext(choice: Json) -> Ciphertext:
    pair = fields(choice, ("alpha", "beta"))
    return Ciphertext(Point.from_hex(pair["alpha"]), Point.from_hex(pair["beta"]))
