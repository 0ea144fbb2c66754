"""The table in the first sheet of an Excel or LibreOffice workbook. Hides python-calamine."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ivr.adapters.contact_cells import text
from ivr.adapters.contact_table import Progress, Record, Table
from ivr.errors import ContactsRefused

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

PARTS = frozenset({"xl/workbook.xml", "xl/workbook.bin", "content.xml"})
"""A ZIP archive with one of these is a workbook."""
MOST_UNPACKED = 1 << 30
"""Bytes: a million rows unpack to about 200 MB. More is a bomb, or a file to be sent as CSV or Parquet."""


def is_one(path: Path) -> bool:
    """True if the file is a workbook of Excel (xlsx, xlsm, xlsb) or LibreOffice (ods)."""
    try:
        if not path.is_file() or not zipfile.is_zipfile(path):
            return False
        with zipfile.ZipFile(path) as archive:
            return not PARTS.isdisjoint(archive.namelist())
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError):
        return False


def table(path: Path, progress: Progress | None = None) -> Table:
    """The table in the workbook's first sheet, whose first row that is not blank has the names of the columns."""
    with zipfile.ZipFile(path) as archive:
        if sum(part.file_size for part in archive.infolist()) > MOST_UNPACKED:
            raise ContactsRefused(f"workbook {path} unpacks to more than 1 GiB: save it as CSV")
    header = next(_rows(_sheet(path)), None)
    if header is None:
        raise ContactsRefused(f"contacts file {path} is empty")
    names = [cell.strip() or f"column {at}" for at, cell in enumerate(header.cells, start=1)]
    return Table(path, names, lambda: _after_header(path, progress))


def _sheet(path: Path) -> CalamineSheet:
    from python_calamine import CalamineError, CalamineWorkbook  # only who reads a workbook needs it

    try:
        return CalamineWorkbook.from_path(path).get_sheet_by_index(0)
    except CalamineError as error:
        raise ContactsRefused(f"workbook {path} cannot be read: {' '.join(str(error).split())}") from None


def _after_header(path: Path, progress: Progress | None) -> Iterator[Record]:
    sheet = _sheet(path)
    total = sheet.total_height
    rows = _rows(sheet)
    next(rows)
    for record in rows:
        yield record
        if progress and record.line % 1000 == 0:
            progress(record.line, total)
    if progress:
        progress(total, total)


def _rows(sheet: CalamineSheet) -> Iterator[Record]:
    for line, values in enumerate(sheet.iter_rows(), start=1):
        cells = [text(value) for value in values]
        if any(cell.strip() for cell in cells):
            yield Record(line, cells, ";".join(cells))
