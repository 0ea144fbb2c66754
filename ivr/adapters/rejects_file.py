"""The file of the rows of a contacts file that were left out, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import os
import tempfile
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ivr.errors import ContactsRefused


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was left out. reason: a code. was_read: its beginning. first_line: of a duplicate, else 0."""

    line: int
    reason: str
    was_read: str
    first_line: int = 0


class RejectsFile:
    """A CSV of rejected rows that appears whole, under its name, when the `with` ends well; else nothing appears.

    UTF-8 with BOM and `;`, so that a French spreadsheet opens it; no cell can be a formula; readable by its owner only.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.count = 0

    def __enter__(self) -> Self:
        """The file is begun beside its final place. Raises ContactsRefused if it cannot be."""
        try:
            handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        except OSError as error:
            raise ContactsRefused(f"file of rejected rows {self._path} cannot be written: {error.strerror}") from None
        self._temporary = Path(name)
        self._file = os.fdopen(handle, "w", encoding="utf-8-sig", newline="")
        self._csv = csv.writer(self._file, delimiter=";")
        self._csv.writerow(["line", "reason", "read"])
        return self

    def add(self, rejected: Rejected) -> None:
        """One more row."""
        first = f" of line {rejected.first_line}" if rejected.first_line else ""
        try:
            self._csv.writerow([rejected.line, rejected.reason + first, inert(rejected.was_read)])
        except OSError as error:
            raise ContactsRefused(f"file of rejected rows {self._path} cannot be written: {error.strerror}") from None
        self.count += 1

    def add_all_of(self, other: Path) -> None:
        """The rows of another such file, which is whole."""
        with other.open(encoding="utf-8-sig", newline="") as text:
            rows = csv.reader(text, delimiter=";")
            next(rows)
            for row in rows:
                self._csv.writerow(row)
                self.count += 1

    def __exit__(self, kind: type[BaseException] | None, _error: object, _trace: object) -> None:
        """The file is in its place, on disk; after an error it never was."""
        try:
            with self._file:
                self._file.flush()
                os.fsync(self._file.fileno())
            if kind is None:
                self._temporary.replace(self._path)
        except OSError as failed:
            raise ContactsRefused(f"file of rejected rows {self._path} cannot be written: {failed.strerror}") from None
        finally:
            self._temporary.unlink(missing_ok=True)


def write_rejects(path: Path, rejects: Iterable[Rejected]) -> int:
    """All of `rejects` in the CSV file `path`, which appears whole or not at all; returns how many."""
    with RejectsFile(path) as file:
        for rejected in rejects:
            file.add(rejected)
    return file.count


def inert(cell: str) -> str:
    """`cell` so that no spreadsheet takes it for a formula: an apostrophe before = + - @ or a control character."""
    first = unicodedata.normalize("NFKC", cell.lstrip())[:1]
    return f"'{cell}" if first in tuple("=+-@") or cell[:1] in tuple("\t\r\n") else cell
