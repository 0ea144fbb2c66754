"""A document laid out: a title, facts, tables and notes, in words; what every form of it is made of."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Column:
    """A column. right: of figures. wide: takes the room that is left."""

    name: str
    right: bool = False
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The whole of it, in the order in which it is read."""

    title: str
    author: str
    language: str
    facts: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...]
    notes: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """For a template."""
        return asdict(self)
