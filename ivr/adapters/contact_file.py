"""The table in a CSV file of any common make, row by row in constant memory."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from ivr.adapters.contact_table import SHOWN, Progress, Record, Table
from ivr.adapters.contact_text import LONGEST_LINE, Lines, encoding_of
from ivr.adapters.rejects_file import Rejected
from ivr.errors import ContactsRefused

SEPARATORS = ";,\t|"
MOST_LINES = 100
"""Lines of one row with quoted line ends; beyond, its quote was never closed."""


def table(path: Path, progress: Progress | None = None) -> Table:
    """The table in that file, its header read. Raises ContactsRefused with one sentence for a file that holds none."""
    encoding = encoding_of(path)
    with path.open(encoding=encoding, errors="replace") as text:
        separator, names = _header(path, Lines(text))
    return Table(path, names, lambda: _rows(path, encoding, separator, progress))


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


def _records(lines: Lines, separator: str) -> Iterator[Record | Rejected]:
    """Every record that is not blank; one whose quote is never closed costs its first line only."""
    while first := lines.take():
        line, text = first
        if len(text) > LONGEST_LINE or "\0" in text:
            yield Rejected(line, "line_too_long" if len(text) > LONGEST_LINE else "nul_character", text[:SHOWN].strip())
            continue
        if '"' not in text:  # nearly every line: then csv would do just this
            cells = text.rstrip("\n").split(separator)
            if cells[0].strip() or any(cell.strip() for cell in cells):
                yield Record(line, cells, text)
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
            yield Record(line, cells, "".join(part for _, part in taken))


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


def _rows(path: Path, encoding: str, separator: str, progress: Progress | None) -> Iterator[Record | Rejected]:
    rows = 0
    total = path.stat().st_size
    with path.open("rb") as file:
        lines = Lines(io.TextIOWrapper(file, encoding, errors="replace"))
        _header(path, lines)
        for record in _records(lines, separator):
            rows += 1
            yield record
            if progress and rows % 1000 == 0:
                progress(file.tell(), total)
    if progress:
        progress(total, total)
