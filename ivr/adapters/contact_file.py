"""Contacts from a CSV file of any common make, row by row in constant memory."""

from __future__ import annotations

import csv
import io
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ivr.adapters.contact_columns import names_a_number
from ivr.adapters.contact_text import LONGEST_LINE, Lines, encoding_of
from ivr.adapters.rejects_file import Rejected, RejectsFile, write_rejects
from ivr.errors import ContactsRefused
from ivr.rules.numbers import LineType, Number, NumberRefused, Reason, parse

__all__ = ["Accepted", "Progress", "Rejected", "RejectsFile", "read", "write_rejects"]

Progress = Callable[[int, int], None]
"""Called with bytes read and bytes in all, about once a thousand rows and at the end."""

SEPARATORS = ";,\t|"
SHOWN = 200
"""Characters of a rejected row that are kept."""
MOST_LINES = 100
"""Lines of one row with quoted line ends; beyond, its quote was never closed."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A row with a number that may be called. line: where it begins, from 1. fields: the other columns by header."""

    line: int
    number: Number
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Layout:
    encoding: str
    separator: str
    names: list[str]
    numbers: list[int]


def read(path: Path, country: str, progress: Progress | None = None) -> Iterator[Accepted | Rejected]:
    """Every row of the file that is not blank, in order, accepted or rejected; the file is checked before the first.

    country: two letters, for national numbers. Raises ContactsRefused with one sentence for a file that cannot be used.
    """
    encoding = encoding_of(path)
    with path.open(encoding=encoding, errors="replace") as text:
        layout = _layout(path, encoding, Lines(text))
    return _rows(path, layout, country, progress)


def _layout(path: Path, encoding: str, lines: Lines) -> _Layout:
    separator, names = _header(path, lines)
    numbers = [at for at, name in enumerate(names) if names_a_number(name)]
    if not numbers:
        found = ", ".join(name[:40] for name in names[:20])
        raise ContactsRefused(
            f"contacts file {path} has no number column (found: {found}): name one `telephone`, `mobile` or `phone`"
        )
    return _Layout(encoding, separator, names, numbers)


def _header(path: Path, lines: Lines) -> tuple[str, list[str]]:
    """The separator and the names of the columns, taken from the first line that is not blank."""
    separator = ""
    while taken := lines.take():
        number, line = taken
        if len(line) > LONGEST_LINE:
            raise ContactsRefused(
                f"line {number} of {path} is longer than {LONGEST_LINE} characters: it is no CSV header"
            )
        if told := re.fullmatch(r'"?sep=([;,\t|])"?\s*', line):
            separator = told[1]  # a spreadsheet's own way to say it
        elif re.sub(r'[\s;,|"]', "", line):
            separator = separator or max(SEPARATORS, key=re.sub('"[^"]*"', "", line).count)
            lines.give_back([taken])
            record = next(_records(lines, separator))
            if isinstance(record, Rejected):
                raise ContactsRefused(f"the header of {path} has a quote that is never closed")
            names = [cell.strip() or f"column {at}" for at, cell in enumerate(record.cells, start=1)]
            return separator, names
    raise ContactsRefused(f"contacts file {path} is empty")


@dataclass(frozen=True, slots=True)
class _Record:
    line: int
    cells: list[str]
    was_read: str


def _records(lines: Lines, separator: str) -> Iterator[_Record | Rejected]:
    """Every record that is not blank; one whose quote is never closed costs its first line only."""
    while first := lines.take():
        line, text = first
        if len(text) > LONGEST_LINE or "\0" in text:
            yield Rejected(line, "line_too_long" if len(text) > LONGEST_LINE else "nul_character", text[:SHOWN].strip())
            continue
        taken = [first]
        try:
            cells = next(csv.reader(_with_continuation(taken, lines), delimiter=separator))
            if len(taken) > 1 or text.count('"') % 2:
                next(csv.reader([part for _, part in taken], delimiter=separator, strict=True))
        except csv.Error:
            lines.give_back(taken[1:])
            yield Rejected(line, "unclosed_quote", text[:SHOWN].strip())
            continue
        if any(cell.strip() for cell in cells):
            yield _Record(line, cells, "".join(part for _, part in taken)[:SHOWN].strip())


def _with_continuation(taken: list[tuple[int, str]], lines: Lines) -> Iterator[str]:
    """The first line of `taken`, then as many more as csv asks for, within bounds; they are added to `taken`."""
    yield taken[0][1]
    left = LONGEST_LINE - len(taken[0][1])
    while len(taken) < MOST_LINES and (more := lines.take()):
        left -= len(more[1])
        if left < 0:
            lines.give_back([more])
            return
        taken.append(more)
        yield more[1]


def _rows(path: Path, layout: _Layout, country: str, progress: Progress | None) -> Iterator[Accepted | Rejected]:
    rows = 0
    try:
        total = path.stat().st_size
        with path.open("rb") as file, closing(_Seen()) as seen:
            lines = Lines(io.TextIOWrapper(file, layout.encoding, errors="replace"))
            _header(path, lines)
            for record in _records(lines, layout.separator):
                rows += 1
                yield record if isinstance(record, Rejected) else _judge(record, layout, country, seen)
                if progress and rows % 1000 == 0:
                    progress(file.tell(), total)
    except (OSError, sqlite3.Error) as error:
        raise ContactsRefused(f"contacts file {path} could not be read to its end: {error}") from None
    if not rows:
        raise ContactsRefused(f"contacts file {path} has a header but no rows")
    if progress:
        progress(total, total)


def _judge(record: _Record, layout: _Layout, country: str, seen: _Seen) -> Accepted | Rejected:
    cells, names = record.cells, layout.names
    if any(cell.strip() for cell in cells[len(names) :]):
        return Rejected(record.line, "too_many_columns", record.was_read)
    try:
        number = _best_number([cells[at] for at in layout.numbers if at < len(cells)], country)
    except NumberRefused as refused:
        return Rejected(record.line, refused.reason, record.was_read)
    first_line = seen.first_line(number.e164, record.line)
    if first_line != record.line:
        return Rejected(record.line, "duplicate", record.was_read, first_line)
    others = {name: cells[at].strip() for at, name in enumerate(names) if at < len(cells) and at not in layout.numbers}
    return Accepted(record.line, number, others)


def _best_number(cells: list[str], country: str) -> Number:
    """The first mobile of the row's numbers, else its first valid number; else why the first one written is refused."""
    valid: Number | None = None
    why: NumberRefused | None = None
    for cell in filter(str.strip, cells):
        try:
            number = parse(cell, country)
        except NumberRefused as refused:
            why = why or refused
            continue
        if number.line_type is LineType.MOBILE:
            return number
        valid = valid or number
    if valid is None:
        raise why or NumberRefused(Reason.EMPTY)
    return valid


class _Seen:
    """The numbers met so far with their lines, in SQLite's private temporary database: it goes to disk beyond 8 MB."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript("PRAGMA cache_size=-8000; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;")
        self._db.execute("CREATE TABLE seen (number INTEGER PRIMARY KEY, line INTEGER NOT NULL)")
        self._db.execute("BEGIN")

    def first_line(self, e164: str, line: int) -> int:
        """The line on which the number was met first: `line` itself if never before."""
        number = int(e164[1:])
        if self._db.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (number, line)).rowcount:
            return line
        return int(self._db.execute("SELECT line FROM seen WHERE number = ?", (number,)).fetchone()[0])

    def close(self) -> None:
        """The temporary database is gone."""
        self._db.close()
