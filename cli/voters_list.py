"""The registrar's list of voters: a table saved as CSV, read with every mistake named by its line.

Columns `login[,weight][,name,address]` with a first line that names them, in UTF-8, separated by commas or semicolons. Nobody gets
a code while one line is wrong: a half list would be worse than none.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from veche.crypto.discrete_log import LARGEST
from veche.crypto.errors import Malformed

MAX_SHOWN: Final = 50
MAX_BYTES: Final = 256 * 1024 * 1024

COLUMNS: Final = ("login", "weight", "name", "address")
_OTHER_NAMES: Final = {"логин": "login", "вес": "weight", "имя": "name", "фио": "name", "адрес": "address"}
_WEIGHT = re.compile(r"0|[1-9][0-9]{0,10}")
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Voter:
    """One eligible person: `weight` is 1 where the list gives none."""

    login: str
    weight: int
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class VotersList:
    """Everybody in the order of the file. `weighted`: at least one line gives a weight, so all have one."""

    voters: tuple[Voter, ...]
    weighted: bool


@dataclass(slots=True)
class _Mistakes:
    """What is wrong, line by line; all of it is said at once."""

    found: list[str] = field(default_factory=list)

    def add(self, line: int, sentence: str) -> None:
        self.found.append(f"line {line}: {sentence}")

    def refuse(self) -> None:
        if not self.found:
            return
        more = len(self.found) - MAX_SHOWN
        rest = [f"and {more} more"] if more > 0 else []
        listed = [f"  {one}" for one in [*self.found[:MAX_SHOWN], *rest]]
        raise Malformed("voters-malformed", f"the list of voters has {len(self.found)} mistake(s); no code was made:", *listed)


def parse_voters(raw: bytes, electorate: int | None = None) -> VotersList:
    """The voters in a CSV file. Raises Malformed `voters-malformed` with all mistakes, 50 of them written out.

    `electorate` is the number of eligible people that the manifest promises; more voters than that are a mistake.
    """
    text = _text(raw)
    mistakes = _Mistakes()
    rows = _rows(text, mistakes)
    voters = tuple(_voters(rows, mistakes))
    _check_whole(voters, electorate, mistakes)
    mistakes.refuse()
    return VotersList(tuple(voter for _, voter, _ in voters), any(weighted for _, _, weighted in voters))


def _text(raw: bytes) -> str:
    if len(raw) > MAX_BYTES:
        raise Malformed("voters-malformed", f"the list of voters has more than {MAX_BYTES} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Malformed(
            "voters-malformed",
            f'line {line} of the list of voters is not in UTF-8; save the table as "CSV UTF-8" and try again',
        ) from error


def _rows(text: str, mistakes: _Mistakes) -> Iterator[tuple[int, dict[str, str]]]:
    """Number of its line and columns, row by row; empty rows are passed over."""
    first = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in first else ",", strict=True)
    names: list[str] | None = None
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if not any(stripped):
                continue
            if names is None:
                names = _columns(stripped)
            elif len(stripped) != len(names):
                mistakes.add(reader.line_num, f"{len(stripped)} columns where the first line names {len(names)}")
            else:
                yield reader.line_num, dict(zip(names, stripped, strict=True))
    except csv.Error as error:
        mistakes.add(reader.line_num, f"not a row of a table ({error})")


def _columns(cells: Sequence[str]) -> list[str]:
    names = [_OTHER_NAMES.get(cell.casefold(), cell.casefold()) for cell in cells]
    unknown = [cell for cell, name in zip(cells, names, strict=True) if name not in COLUMNS]
    if unknown or "login" not in names or len(set(names)) != len(names):
        raise Malformed(
            "voters-malformed",
            f"the first line of the list of voters names its columns: login, and if wanted weight, name, address, each once; "
            f"found {', '.join(cells)[:100]}",
        )
    return names


def _voters(rows: Iterator[tuple[int, dict[str, str]]], mistakes: _Mistakes) -> Iterator[tuple[int, Voter, bool]]:
    seen: dict[str, int] = {}
    for line, row in rows:
        login = unicodedata.normalize("NFC", row["login"])
        weight = row.get("weight", "")
        wrong = _wrong_cell(row) or _wrong_login(login, seen) or _wrong_weight(weight)
        if wrong is not None:
            mistakes.add(line, wrong)
            continue
        seen[login.casefold()] = line
        yield line, Voter(login, int(weight or "1"), row.get("name", ""), row.get("address", "")), weight != ""


def _wrong_cell(row: dict[str, str]) -> str | None:
    for name, cell in row.items():
        # A line break in a name could write a second letter into the first.
        if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in cell):
            return f"the {name} holds a line break or another control character"
        if len(cell) > _LONGEST:
            return f"the {name} has more than {_LONGEST} characters"
    return None


def _wrong_login(login: str, seen: dict[str, int]) -> str | None:
    if not login:
        return "the login is empty"
    if login.casefold() in seen:
        return f'the login "{login[:60]}" stands in line {seen[login.casefold()]} already; nobody gets two codes'
    return None


def _wrong_weight(weight: str) -> str | None:
    if weight and _WEIGHT.fullmatch(weight) is None:
        return f'the weight "{weight[:40]}" is not a whole number of 0 or more'
    return None


def _check_whole(voters: Sequence[tuple[int, Voter, bool]], electorate: int | None, mistakes: _Mistakes) -> None:
    if not voters and not mistakes.found:
        mistakes.add(1, "there is no voter")
    if electorate is not None and len(voters) > electorate:
        line = voters[electorate][0]
        mistakes.add(line, f"{len(voters)} voters, but the manifest promises an electorate of {electorate}; here is one too many")
    total = sum(voter.weight for _, voter, _ in voters)
    if total > LARGEST:
        mistakes.add(voters[-1][0], f"all weights together are {total}; more than 2^36 could not be counted")
