"""Making voter codes, and the two private files that hold them: one for programs, one for printing letters."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from veche.ballot.credential import derive, generate_code, make_public_credentials, parse_code, public_credential
from veche.cli.voters_list import Voter, VotersList
from veche.crypto.canonical_json import Json, encode, parse, text
from veche.crypto.errors import Malformed
from veche.crypto.scalar import Randomness

_LETTER_COLUMNS = ("login", "weight", "name", "address", "code")


@dataclass(frozen=True, slots=True)
class LetterLine:
    """Whom a letter goes to, and with which code. Its repr shows no code."""

    voter: Voter
    code: str

    def __repr__(self) -> str:
        return f"LetterLine({self.voter.login!r})"


def draw_codes(listed: VotersList, randomness: Randomness) -> dict[str, str]:
    """A fresh code for everybody: login → code, in the order of the list."""
    return {voter.login: generate_code(randomness) for voter in listed.voters}


def public_list(listed: VotersList, codes: Mapping[str, str], uuid: str) -> bytes:
    """`public_creds.json` of the election `uuid`: one credential per code, sorted by group bytes, so that no order tells."""
    entries = [(public_credential(derive(codes[voter.login], uuid)), voter.weight) for voter in listed.voters]
    return make_public_credentials(entries, listed.weighted)


def credentials_of(codes: Mapping[str, str], uuid: str) -> dict[str, str]:
    """Login → public credential (64 hex digits) in the election `uuid`."""
    return {login: public_credential(derive(code, uuid)).hex() for login, code in codes.items()}


def encode_codes(codes: Mapping[str, str]) -> bytes:
    """The private file: one JSON object login → code, sorted by the logins' bytes, as belenios-tool writes `.privcreds`."""
    ordered: dict[str, Json] = {login: codes[login] for login in sorted(codes, key=lambda login: login.encode("utf-8"))}
    return encode(ordered)


def parse_codes(raw: bytes) -> dict[str, str]:
    """Login → code from a private file, ours or the tool's. Raises Malformed without showing a code."""
    try:
        value = parse(raw)
        if type(value) is not dict or not value:
            raise Malformed("wrong-type", "an object login → code was expected")
        return {login: parse_code(text(code)) for login, code in value.items()}
    except Malformed as error:
        raise Malformed("codes-malformed", f"the file of voter codes: {error}") from error


def encode_letter_lines(voters: Sequence[Voter], codes: Mapping[str, str], weighted: bool) -> bytes:
    """The private table for printing letters: semicolons, UTF-8 with its mark, which table programs need."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=";", lineterminator="\r\n")
    writer.writerow(_LETTER_COLUMNS)
    for voter in voters:
        writer.writerow((voter.login, voter.weight if weighted else "", voter.name, voter.address, codes[voter.login]))
    return stream.getvalue().encode("utf-8-sig")


def parse_letter_lines(raw: bytes) -> tuple[LetterLine, ...]:
    """The lines of the table for letters. Raises Malformed naming the line, never the code."""
    try:
        rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""), delimiter=";", strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Malformed("letters-malformed", "the table of letters is not the one that `registrar credentials` wrote") from error
    if not rows or tuple(rows[0]) != _LETTER_COLUMNS:
        raise Malformed("letters-malformed", f"the table of letters begins with the columns {', '.join(_LETTER_COLUMNS)}")
    return tuple(_letter_line(row, number) for number, row in enumerate(rows[1:], 2))


def _letter_line(row: list[str], number: int) -> LetterLine:
    try:
        login, weight, name, address, code = row
        return LetterLine(Voter(login, int(weight or "1"), name, address), parse_code(code))
    except (ValueError, Malformed) as error:
        raise Malformed("letters-malformed", f"line {number} of the table of letters was changed by hand") from error
