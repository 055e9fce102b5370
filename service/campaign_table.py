"""The campaign's file as a table saved from a spreadsheet: first what holds for the whole campaign, then one line for each option.

UTF-8 (a byte order mark is passed over), separated by semicolons, commas or tabs. The upper part has a name and its value in each
line; the lower one begins with the line whose first cell is `contest`. A contest's cells are needed in its first line only: below,
an empty cell means "as above", and another value is a mistake. Amounts are whole numbers of the smallest unit (kopecks, cents).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from veche.crypto.canonical_json import Json
from veche.crypto.errors import Malformed
from veche.service.campaign_fields import MAX_CONTESTS, SHARED, Mistakes, Written

_NUMBERS: Final = ("electorate", "minimum_ballots", "appeal_days", "threshold", "budget", "min", "max", "cost")
_TIMES: Final = ("opens_at", "closes_at", "extended_until")
_ALLOCATION: Final = ("rule", "budget", "currency")
_OPTION: Final = ("question", "min", "max", "blank", "project", "option", "cost", "text")
_OF_CONTEST: Final = (*(name for name in SHARED if name not in ("allocation", "questions")), *_ALLOCATION, "way_in")
_HEAD_ONLY: Final = ("campaign", "rehearsal", "host", "zone", "registrar", "threshold", "trustee")

_OTHER_NAMES: Final = {
    "кампания": "campaign", "репетиция": "rehearsal", "пояс": "zone", "регистратор": "registrar", "порог": "threshold",
    "хранитель": "trustee", "голосование": "contest", "название": "title_ru", "начало": "opens_at", "конец": "closes_at",
    "избиратели": "electorate", "категория": "eligibility", "минимум": "minimum_ballots", "дни обжалования": "appeal_days",
    "вопрос": "question", "проект": "project", "вариант": "option", "стоимость": "cost", "описание": "text",
    "правило": "rule", "бюджет": "budget", "валюта": "currency",
}  # fmt: skip
_YES: Final = ("yes", "true", "1", "да")
_NO: Final = ("no", "false", "0", "нет")
_TITLE = re.compile(r"title_[a-z]{2,3}")
_NUMBER = re.compile(r"-?[0-9]{1,18}")
_DAY_FIRST = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:[ T](\d{1,2}:\d{2}(?::\d{2})?))?")
_MAX_CELLS: Final = 200_000


@dataclass(slots=True)
class _Contest:
    """A contest as far as it was read: where it began, what its cells say, and where each was said."""

    line: int
    fields: dict[str, Json] = field(default_factory=dict)
    said: dict[str, tuple[int, str]] = field(default_factory=dict)
    questions: list[Json] = field(default_factory=list)
    asked: dict[str, str] = field(default_factory=dict)

    def written(self) -> Written:
        """The contest in the form of the JSON file."""
        fields, line = _nested(self.fields), self.line
        if self.questions:
            fields["questions"] = self.questions
        lines = {name: at for name, (at, _) in self.said.items()}
        # The questions have no column: they are the contest's lines.
        whole = f"line {line}, contest {self.fields.get('contest', '')}"
        return Written(fields, lambda name: whole if name == "questions" else f"line {lines.get(name, line)}, column {name}")


def read_table(raw: bytes, mistakes: Mistakes) -> tuple[Written, list[Written]]:
    """The campaign and its contests, not judged yet. Raises Malformed `campaign-malformed` where it is no table at all."""
    rows = _rows(_decoded(raw), mistakes)
    head, columns, line = _read_head(rows, mistakes)
    if columns is None:
        mistakes.add(f"line {line}", 'no line begins with "contest": the list of contests is missing')
        return head, []
    contests: list[_Contest] = []
    known: dict[str, _Contest] = {}
    names = _columns(columns, line, mistakes)
    for number, cells in rows:
        if len(cells) > len(names) and any(cells[len(names) :]):
            mistakes.add(f"line {number}", f"{len(cells)} cells where line {line} names {len(names)} columns")
            continue
        row = {name: cell for name, cell in zip(names, cells, strict=False) if name is not None and cell}
        _take_row(number, row, contests, known, mistakes)
        if len(contests) > MAX_CONTESTS:
            raise Malformed("campaign-malformed", f"line {number}: a campaign has at most {MAX_CONTESTS} contests")
    return head, [one.written() for one in contests]


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Malformed(
            "campaign-malformed",
            f'line {line} of the campaign\'s file is not in UTF-8; save the table as "CSV UTF-8" and try again',
        ) from error


def _rows(text: str, mistakes: Mistakes) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not empty, with the number of its first line in the file."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    separator = max(";,\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    cells_so_far, line = 0, 1
    try:
        for cells in reader:
            begun, line = line, reader.line_num + 1
            stripped = [cell.strip() for cell in cells]
            cells_so_far += len(cells)
            if cells_so_far > _MAX_CELLS * 20:
                raise Malformed("campaign-malformed", f"line {begun}: the table is too large")
            if any(stripped):
                yield begun, stripped
    except csv.Error as error:
        mistakes.add(f"line {reader.line_num}", f"not a row of a table ({error})")


def _name(cell: str) -> str:
    """A column's name: without what stands in brackets behind it, in any case, blanks as underscores."""
    plain = re.sub(r"\s*\(.*\)\Z", "", cell).strip().casefold()
    return _OTHER_NAMES.get(plain, plain.replace(" ", "_").replace("-", "_"))


def _read_head(rows: Iterator[tuple[int, list[str]]], mistakes: Mistakes) -> tuple[Written, list[str] | None, int]:
    """What stands above the contests, the cells of the line that names the columns, and its number."""
    fields: dict[str, Json] = {}
    lines: dict[str, int] = {}
    trustees: list[Json] = []
    number = 1
    columns: list[str] | None = None
    for number, cells in rows:
        name = _name(cells[0])
        if name == "contest":
            columns = cells
            break
        place = f"line {number}, column {name[:60]}"
        values = [cell for cell in cells[1:] if cell]
        if name == "trustee":
            lines.setdefault("trustees", number)
            trustees.append({"name": values[0] if values else "", "email": values[1] if len(values) > 1 else ""})
        elif name not in _HEAD_ONLY and name not in _OF_CONTEST and _TITLE.fullmatch(name) is None:
            mistakes.add(f"line {number}", f'"{cells[0][:60]}" is no field of a campaign')
        elif name in fields:
            mistakes.add(place, f"stands in line {lines[name]} already")
        elif len(values) > 1:
            mistakes.add(place, "one value was expected in this line")
        elif values:
            lines[name] = number
            _set(fields, name, values[0], place, mistakes)
    found = _nested(fields)
    if trustees:
        found["trustees"] = trustees
    return Written(found, lambda name: f"line {lines[name]}, column {name}" if name in lines else f"{name}"), columns, number


def _columns(cells: Sequence[str], line: int, mistakes: Mistakes) -> list[str | None]:
    names: list[str | None] = []
    for number, cell in enumerate(cells, 1):
        name = _name(cell)
        known = name == "contest" or name in _OF_CONTEST or name in _OPTION or _TITLE.fullmatch(name) is not None
        if cell and not known:
            mistakes.add(f"line {line}, column {number}", f'there is no column "{cell[:60]}"')
        elif cell and name in names:
            mistakes.add(f"line {line}, column {number}", f'the column "{cell[:60]}" is there twice')
        names.append(name if cell and known else None)
    mistakes.found.extend(f'line {line}: the column "{name}" is missing' for name in ("project", "option") if name not in names)
    return names


def _take_row(number: int, row: dict[str, str], contests: list[_Contest], known: dict[str, _Contest], mistakes: Mistakes) -> None:
    """One option of the contest that the row names, or of the one above."""
    name = row.get("contest", "")
    if not name and not contests:
        mistakes.add(f"line {number}, column contest", "empty in the first line")
        return
    current = contests[-1] if contests else _Contest(number)
    if name and (not contests or current.fields.get("contest") != name):
        if name in known:
            mistakes.add(f"line {number}, column contest", f'"{name[:64]}" began in line {known[name].line}; keep them together')
            return
        current = known[name] = _Contest(number)
        contests.append(current)
    for column, cell in row.items():
        if column not in _OPTION:
            _say(current, column, cell, number, mistakes)
    _take_option(current, number, row, mistakes)


def _say(contest: _Contest, column: str, cell: str, number: int, mistakes: Mistakes) -> None:
    said = contest.said.get(column)
    if said is not None:
        if said[1] != cell:
            mistakes.add(
                f"line {number}, column {column}", f'"{cell[:60]}", where line {said[0]} says "{said[1][:60]}" for the same contest'
            )
        return
    contest.said[column] = (number, cell)
    _set(contest.fields, column, cell, f"line {number}, column {column}", mistakes)


def _take_option(contest: _Contest, number: int, row: dict[str, str], mistakes: Mistakes) -> None:
    """The row's option is the next one of the contest's question; a new text in `question` begins another question."""
    said: dict[str, str] = {name: row[name] for name in _OPTION if name in row}
    if not said:
        return
    asked = said.get("question")
    if asked is not None and asked != contest.asked.get("question"):
        contest.asked = {"question": asked}
        contest.questions.append({"question": asked, "options": []})
    if not contest.questions:
        mistakes.add(f"line {number}, column question", "empty in the contest's first line")
        return
    question = contest.questions[-1]
    if not isinstance(question, dict):
        return
    for name in ("min", "max", "blank"):
        before = contest.asked.setdefault(name, said.get(name, ""))
        if name in said and before not in ("", said[name]):
            mistakes.add(f"line {number}, column {name}", f'"{said[name][:40]}", where this question has "{before[:40]}" above')
        elif name in said and name not in question:
            _set(question, name, said[name], f"line {number}, column {name}", mistakes)
    _add_option(question, number, said, mistakes)


def _add_option(question: dict[str, Json], number: int, said: dict[str, str], mistakes: Mistakes) -> None:
    option: dict[str, Json] = {}
    for name, target in (("project", "project"), ("option", "title"), ("cost", "cost"), ("text", "text")):
        if name in said:
            _set(option, target if name == "option" else name, said[name], f"line {number}, column {name}", mistakes)
        elif name in ("project", "option"):
            mistakes.add(f"line {number}, column {name}", "empty; every line is one option")
    options = question["options"]
    if isinstance(options, list) and "project" in option and "title" in option:
        if any(isinstance(one, dict) and one["project"] == option["project"] for one in options):
            mistakes.add(f"line {number}, column project", f'the question has the project "{said["project"][:60]}" already')
        options.append(option)


def _set(fields: dict[str, Json], name: str, cell: str, place: str, mistakes: Mistakes) -> None:
    """The cell's value stands in `fields`, in the type that its column has."""
    if name in _NUMBERS:
        digits = cell.replace("\N{NO-BREAK SPACE}", "").replace("\N{NARROW NO-BREAK SPACE}", "").replace(" ", "")
        if _NUMBER.fullmatch(digits) is None:
            mistakes.add(place, f'a whole number was expected, found "{cell[:60]}"')
            return
        fields[name] = int(digits)
    elif name in ("rehearsal", "blank"):
        if cell.casefold() not in (*_YES, *_NO):
            mistakes.add(place, f'yes or no was expected, found "{cell[:60]}"')
            return
        fields[name] = cell.casefold() in _YES
    elif name in _TIMES:
        fields[name] = _time(cell)
    else:
        fields[name] = cell


def _time(cell: str) -> str:
    """A day written as 14.10.2026 in the form of ISO 8601; everything else as it is, to be judged with the plan."""
    found = _DAY_FIRST.fullmatch(cell)
    if found is None:
        return cell
    day, month, year, hour = found.groups()
    return f"{year}-{int(month):02}-{int(day):02}T{(hour or '00:00').zfill(5)}"


def _nested(flat: dict[str, Json]) -> dict[str, Json]:
    """Titles and allocation as the objects that they are in the JSON form."""
    nested = {name: one for name, one in flat.items() if name not in _ALLOCATION and _TITLE.fullmatch(name) is None}
    titles: dict[str, Json] = {name.removeprefix("title_"): one for name, one in flat.items() if _TITLE.fullmatch(name)}
    if titles:
        nested["title"] = titles
    allocation: dict[str, Json] = {name: flat[name] for name in _ALLOCATION if name in flat}
    if allocation:
        nested["allocation"] = allocation
    return nested
