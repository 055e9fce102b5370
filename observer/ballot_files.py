"""Single ballots against an election, without a record of votes. docs/protocol.md section 9.6."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from veche.ballot.credential import PublicCredentials, parse_public_credentials
from veche.ballot.election import Election, parse_election
from veche.ballot.encrypted_ballot import MAX_BYTES, EncryptedBallot, read_ballot, verify_ballot
from veche.ballot.trustees import Trustees, parse_trustees, verify_election_key, verify_trustees
from veche.crypto.canonical_json import Json, array, encode, parse_canonical, text
from veche.crypto.errors import Malformed, Unsupported
from veche.ledger.chain_reader import read_chain
from veche.ledger.event import EventType
from veche.ledger.payload import verify_setup_data
from veche.observer.sources import open_source

THREE_FILES = ("election.json", "trustees.json", "public_creds.json")


@dataclass(frozen=True, slots=True)
class Voting:
    """Everything a ballot is checked against."""

    election: Election
    trustees: Trustees
    credentials: PublicCredentials

    def verify(self, raw: bytes) -> EncryptedBallot:
        """The checked ballot in `raw`. Raises with the code of section 9.6."""
        return verify_ballot(read_ballot(raw), self.election, self.credentials.weights)


def load_voting(where: str) -> Voting:
    """The election at `where`: a record (`.bel`, folder), or a folder with election.json, trustees.json, public_creds.json.

    Keys and lists are checked as in section 9.3. Raises ElectionError; Unsupported when there is nothing to read.
    """
    path = Path(where)
    if all((path / name).is_file() for name in THREE_FILES):
        election, trustees, credentials = (_without_newline((path / name).read_bytes()) for name in THREE_FILES)
        return _checked(election, trustees, _published_form(credentials))
    with open_source(where).archive() as stream:
        setup = next(read_chain(stream), None)
    if setup is None or setup.event.type is not EventType.SETUP:
        raise Unsupported("unreadable", f"{where} holds no election yet (no Setup)")
    records = [record.content for record in setup.records]
    verify_setup_data(records[-1], [record.name for record in setup.records[:-1]])
    return _checked(records[0], records[1], records[2])


def read_ballot_file(where: str) -> bytes:
    """The bytes of a ballot's file, without one final newline. Raises Unsupported when the file cannot be read."""
    try:
        with Path(where).open("rb") as stream:
            return _without_newline(stream.read(MAX_BYTES + 2))
    except OSError as error:
        raise Unsupported("unreadable", f"{where} cannot be read ({error.strerror})") from error


def _checked(election_raw: bytes, trustees_raw: bytes, credentials_raw: bytes) -> Voting:
    election = parse_election(election_raw)
    credentials = parse_public_credentials(credentials_raw)
    trustees = parse_trustees(trustees_raw)
    verify_trustees(trustees)
    verify_election_key(trustees, election.public_key)
    return Voting(election, trustees, credentials)


def _published_form(raw: bytes) -> bytes:
    """The list as an archive holds it: a third part, the login, never leaves the registrar's files."""
    try:
        stripped: list[Json] = [_stripped(text(item)) for item in array(parse_canonical(raw))]
    except Malformed as error:
        raise Malformed("credentials-malformed", f"public_creds.json: {error}") from error
    return encode(stripped)


def _stripped(item: str) -> str:
    parts = item.split(",", 2)
    return parts[0] if len(parts) == 1 or parts[1] == "" else ",".join(parts[:2])


def _without_newline(raw: bytes) -> bytes:
    return raw.removesuffix(b"\n")
