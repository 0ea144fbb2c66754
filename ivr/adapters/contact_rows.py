"""Rows of a contacts file, judged: the number that may be called, the facts beside it, or why the row is left out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from ivr.adapters import contact_file, contact_parquet, contact_workbook, territories
from ivr.adapters.contact_columns import Columns, columns_of
from ivr.adapters.contact_table import SHOWN, Progress, Record, Table
from ivr.adapters.rejects_file import Rejected
from ivr.errors import ContactsRefused
from ivr.rules.numbers import LineType, NumberRefused, Reason
from ivr.rules.plain_numbers import PlainNumbers
from ivr.rules.row_facts import birth_year, language, postcode_abroad
from ivr.rules.territories import NOWHERE, Place

MOST_REMEMBERED = 200_000
"""Spellings of places: France has 36,000 pairs of commune and postcode."""


class Row(NamedTuple):
    """A row with a number that may be called: E.164 digits. hash: of its cells, signed. birth_year: 0 if not known."""

    line: int
    number: int
    line_type: LineType
    place: Place
    birth_year: int
    language: str
    hash: int


def read(path: Path, country: str, progress: Progress | None = None) -> Iterator[Row | Rejected]:
    """Every row of the file that is not blank, in order, accepted or rejected; the file is checked before the first.

    country: two letters, for national numbers. A number may come twice. Raises ContactsRefused with one sentence for a
    file that cannot be used.
    """
    opened = _table(path, progress)
    columns = columns_of(opened.names)
    if not columns.numbers:
        found = ", ".join(name[:40] for name in opened.names[:20])
        raise ContactsRefused(
            f"contacts file {path} has no number column (found: {found}): name one `telephone`, `mobile` or `phone`"
        )
    return _rows(opened, _Judge(columns, len(opened.names), country))


def _table(path: Path, progress: Progress | None) -> Table:
    if contact_parquet.is_one(path):
        return contact_parquet.table(path, progress)
    if contact_workbook.is_one(path):
        return contact_workbook.table(path, progress)
    return contact_file.table(path, progress)


def _rows(opened: Table, judge: _Judge) -> Iterator[Row | Rejected]:
    rows = 0
    try:
        for record in opened.records():
            rows += 1
            yield record if isinstance(record, Rejected) else judge.judge(record)
    except OSError as error:
        raise ContactsRefused(f"contacts file {opened.path} could not be read to its end: {error}") from None
    if not rows:
        raise ContactsRefused(f"contacts file {opened.path} has a header but no rows")


class _Judge:
    def __init__(self, columns: Columns, width: int, country: str) -> None:
        self._columns = columns
        self._width = width
        self._numbers = PlainNumbers(country)
        self._only = columns.numbers[0] if len(columns.numbers) == 1 else -1
        self._territories = territories.french() if country == territories.COUNTRY else None
        self._places: dict[tuple[str, str, str], Place] = {}
        self._year = datetime.now(UTC).year

    def judge(self, record: Record) -> Row | Rejected:
        """The row, or why it is left out."""
        line, cells, was_read = record
        width = len(cells)
        if width > self._width and any(cell.strip() for cell in cells[self._width :]):
            return Rejected(line, "too_many_columns", was_read[:SHOWN].strip())
        if width < self._width:
            cells = [*cells, *[""] * (self._width - width)]
        try:
            number, line_type = self._numbers.read(cells[self._only]) if self._only >= 0 else self._best_number(cells)
        except NumberRefused as refused:
            return Rejected(line, refused.reason, was_read[:SHOWN].strip())
        of = self._columns
        return Row(
            line,
            number,
            line_type,
            self._place(cells) if of.has_place else NOWHERE,
            birth_year(cells[of.birth], self._year, of.birth_is_age) if of.birth >= 0 else 0,
            language(cells[of.language]) if of.language >= 0 else "",
            row_hash(cells),
        )

    def _best_number(self, cells: list[str]) -> tuple[int, LineType]:
        """The first mobile of the row's numbers, else its first valid one; else why the first is refused."""
        valid: tuple[int, LineType] | None = None
        why: NumberRefused | None = None
        for cell in filter(str.strip, (cells[at] for at in self._columns.numbers)):
            try:
                number = self._numbers.read(cell)
            except NumberRefused as refused:
                why = why or refused
                continue
            if number[1] is LineType.MOBILE:
                return number
            valid = valid or number
        if valid is None:
            raise why or NumberRefused(Reason.EMPTY)
        return valid

    def _place(self, cells: list[str]) -> Place:
        of = self._columns
        told = (
            cells[of.commune] if of.commune >= 0 else "",
            cells[of.postcode] if of.postcode >= 0 else "",
            cells[of.city] if of.city >= 0 else "",
        )
        place = self._places.get(told)
        if place is None:
            place = self._territories.place(*told) if self._territories else Place(postcode=postcode_abroad(told[1]))
            if len(self._places) < MOST_REMEMBERED:
                self._places[told] = place
        return place


def row_hash(cells: list[str]) -> int:
    """The first 8 bytes of the BLAKE2b of a row's cells joined by U+001F, signed: which row of the file it was."""
    digest = blake2b("\x1f".join(cells).encode(errors="replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
