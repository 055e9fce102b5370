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
from veche.crypto.errors import Malformed, Said, said
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
        whole = said("line %(line)s, contest %(contest)s", line=line, contest=self.fields.get("contest", ""))
        return Written(fields, lambda name: whole if name == "questions" else _cell(lines.get(name, line), name))


def read_table(raw: bytes, mistakes: Mistakes) -> tuple[Written, list[Written]]:
    """The campaign and its contests, not judged yet. Raises Malformed `campaign-malformed` where it is no table at all."""
    rows = _rows(_decoded(raw), mistakes)
    head, columns, line = _read_head(rows, mistakes)
    if columns is None:
        mistakes.add(_line(line), said('no line begins with "contest": the list of contests is missing'))
        return head, []
    contests: list[_Contest] = []
    known: dict[str, _Contest] = {}
    names = _columns(columns, line, mistakes)
    for number, cells in rows:
        if len(cells) > len(names) and any(cells[len(names) :]):
            counts = {"cells": len(cells), "columns": len(names)}
            mistakes.add(_line(number), said("%(cells)s cells where line %(line)s names %(columns)s columns", line=line, **counts))
            continue
        row = {name: cell for name, cell in zip(names, cells, strict=False) if name is not None and cell}
        _take_row(number, row, contests, known, mistakes)
        if len(contests) > MAX_CONTESTS:
            told = said("line %(line)s: a campaign has at most %(most)s contests", line=number, most=MAX_CONTESTS)
            raise Malformed("campaign-malformed", told)
    return head, [one.written() for one in contests]


def _line(number: int) -> Said:
    return said("line %(line)s", line=number)


def _cell(line: int, column: str | int) -> Said:
    return said("line %(line)s, column %(column)s", line=line, column=column)


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Malformed(
            "campaign-malformed",
            said('line %(line)s of the campaign\'s file is not in UTF-8; save the table as "CSV UTF-8" and try again', line=line),
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
                raise Malformed("campaign-malformed", said("line %(line)s: the table is too large", line=begun))
            if any(stripped):
                yield begun, stripped
    except csv.Error as error:
        if str(error).startswith("field larger"):
            told = said("a cell has more than %(most)s characters", most=csv.field_size_limit())
        else:
            told = said("not a row of a table: a quotation mark is not closed, or something stands behind the closing one")
        mistakes.add(_line(reader.line_num), told)


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
        place = _cell(number, name[:60])
        values = [cell for cell in cells[1:] if cell]
        if name == "trustee":
            lines.setdefault("trustees", number)
            trustees.append({"name": values[0] if values else "", "email": values[1] if len(values) > 1 else ""})
        elif name not in _HEAD_ONLY and name not in _OF_CONTEST and _TITLE.fullmatch(name) is None:
            mistakes.add(_line(number), said('"%(name)s" is no field of a campaign', name=cells[0][:60]))
        elif name in fields:
            mistakes.add(place, said("stands in line %(line)s already", line=lines[name]))
        elif len(values) > 1:
            mistakes.add(place, said("one value was expected in this line"))
        elif values:
            lines[name] = number
            _set(fields, name, values[0], place, mistakes)
    found = _nested(fields)
    if trustees:
        found["trustees"] = trustees
    return Written(found, lambda name: _cell(lines[name], name) if name in lines else name), columns, number


def _columns(cells: Sequence[str], line: int, mistakes: Mistakes) -> list[str | None]:
    names: list[str | None] = []
    for number, cell in enumerate(cells, 1):
        name = _name(cell)
        known = name == "contest" or name in _OF_CONTEST or name in _OPTION or _TITLE.fullmatch(name) is not None
        if cell and not known:
            mistakes.add(_cell(line, number), said('there is no column "%(column)s"', column=cell[:60]))
        elif cell and name in names:
            mistakes.add(_cell(line, number), said('the column "%(column)s" is there twice', column=cell[:60]))
        names.append(name if cell and known else None)
    for column in ("project", "option"):
        if column not in names:
            mistakes.add(_line(line), said('the column "%(column)s" is missing', column=column))
    return names


def _take_row(number: int, row: dict[str, str], contests: list[_Contest], known: dict[str, _Contest], mistakes: Mistakes) -> None:
    """One option of the contest that the row names, or of the one above."""
    name = row.get("contest", "")
    if not name and not contests:
        mistakes.add(_cell(number, "contest"), said("empty in the first line"))
        return
    current = contests[-1] if contests else _Contest(number)
    if name and (not contests or current.fields.get("contest") != name):
        if name in known:
            told = said('"%(contest)s" began in line %(line)s; keep them together', contest=name[:64], line=known[name].line)
            mistakes.add(_cell(number, "contest"), told)
            return
        current = known[name] = _Contest(number)
        contests.append(current)
    for column, cell in row.items():
        if column not in _OPTION:
            _say(current, column, cell, number, mistakes)
    _take_option(current, number, row, mistakes)


def _say(contest: _Contest, column: str, cell: str, number: int, mistakes: Mistakes) -> None:
    before = contest.said.get(column)
    if before is not None:
        if before[1] != cell:
            values = {"found": cell[:60], "line": before[0], "before": before[1][:60]}
            told = said('"%(found)s", where line %(line)s says "%(before)s" for the same contest', **values)
            mistakes.add(_cell(number, column), told)
        return
    contest.said[column] = (number, cell)
    _set(contest.fields, column, cell, _cell(number, column), mistakes)


def _take_option(contest: _Contest, number: int, row: dict[str, str], mistakes: Mistakes) -> None:
    """The row's option is the next one of the contest's question; a new text in `question` begins another question."""
    cells: dict[str, str] = {name: row[name] for name in _OPTION if name in row}
    if not cells:
        return
    asked = cells.get("question")
    if asked is not None and asked != contest.asked.get("question"):
        contest.asked = {"question": asked}
        contest.questions.append({"question": asked, "options": []})
    if not contest.questions:
        mistakes.add(_cell(number, "question"), said("empty in the contest's first line"))
        return
    question = contest.questions[-1]
    if not isinstance(question, dict):
        return
    for name in ("min", "max", "blank"):
        before = contest.asked.setdefault(name, cells.get(name, ""))
        if name in cells and before not in ("", cells[name]):
            values = {"found": cells[name][:40], "before": before[:40]}
            mistakes.add(_cell(number, name), said('"%(found)s", where this question has "%(before)s" above', **values))
        elif name in cells and name not in question:
            _set(question, name, cells[name], _cell(number, name), mistakes)
    _add_option(question, number, cells, mistakes)


def _add_option(question: dict[str, Json], number: int, cells: dict[str, str], mistakes: Mistakes) -> None:
    option: dict[str, Json] = {}
    for name, target in (("project", "project"), ("option", "title"), ("cost", "cost"), ("text", "text")):
        if name in cells:
            _set(option, target if name == "option" else name, cells[name], _cell(number, name), mistakes)
        elif name in ("project", "option"):
            mistakes.add(_cell(number, name), said("empty; every line is one option"))
    options = question["options"]
    if isinstance(options, list) and "project" in option and "title" in option:
        if any(isinstance(one, dict) and one["project"] == option["project"] for one in options):
            told = said('the question has the project "%(project)s" already', project=cells["project"][:60])
            mistakes.add(_cell(number, "project"), told)
        options.append(option)


def _set(fields: dict[str, Json], name: str, cell: str, place: str, mistakes: Mistakes) -> None:
    """The cell's value stands in `fields`, in the type that its column has."""
    if name in _NUMBERS:
        digits = cell.replace("\N{NO-BREAK SPACE}", "").replace("\N{NARROW NO-BREAK SPACE}", "").replace(" ", "")
        if _NUMBER.fullmatch(digits) is None:
            mistakes.add(place, said('a whole number was expected, found "%(found)s"', found=cell[:60]))
            return
        fields[name] = int(digits)
    elif name in ("rehearsal", "blank"):
        if cell.casefold() not in (*_YES, *_NO):
            mistakes.add(place, said('yes or no was expected, found "%(found)s"', found=cell[:60]))
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
