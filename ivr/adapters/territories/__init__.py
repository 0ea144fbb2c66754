"""INSEE's territories and La Poste's postcodes, built in: see SOURCE.md beside this file for source, date, licence."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ivr.rules.territories import Commune, Territories, territories

FOLDER = Path(__file__).parent
VINTAGE = 2026
COUNTRY = "FR"


@cache
def french() -> Territories:
    """The territories of France, overseas too; read once, in about a quarter of a second."""
    return territories(
        (
            Commune(code, kind, parent, departement, name, tuple(postcodes.split()))
            for code, kind, parent, departement, name, postcodes in _rows("communes.csv")
        ),
        ((code, region, name) for code, region, name in _rows("departements.csv")),
        ((code, name) for code, name in _rows("regions.csv")),
    )


def _rows(name: str) -> Iterator[list[str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter=";", quoting=csv.QUOTE_NONE)
        next(rows)
        yield from rows
