"""A table of contacts, whatever file it came in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ivr.adapters.rejects_file import Rejected

Progress = Callable[[int, int], None]
"""Called with what was read and all there is, in the file's measure, each thousand rows and at the end."""

SHOWN = 200
"""Characters of a rejected row that are kept."""


class Record(NamedTuple):
    """A row that is not blank. line: where it begins, from 1. was_read: as it stands in the file, as far as known."""

    line: int
    cells: list[str]
    was_read: str


@dataclass(frozen=True, slots=True)
class Table:
    """The names of its columns, and its rows, read anew at each call."""

    path: Path
    names: list[str]
    records: Callable[[], Iterator[Record | Rejected]]
