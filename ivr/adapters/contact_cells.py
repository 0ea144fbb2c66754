"""Cells that are not text, as text: a workbook's and a Parquet file's."""

from __future__ import annotations

from datetime import date, datetime


def text(value: object) -> str:
    """The cell as a person writes it: a whole number without decimals, a date in ISO's form, nothing as nothing."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat()[:10]
    return str(value)
