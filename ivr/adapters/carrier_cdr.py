"""A carrier's own record of its calls: a CSV of any make, read by what its columns are called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from ivr.adapters import contact_file
from ivr.adapters.contact_columns import words_of
from ivr.adapters.contact_table import Record
from ivr.adapters.rejects_file import Rejected
from ivr.errors import Refused

NUMBER = re.compile(
    "(called|destination|callee|dst|to|b)?(party)?(number|numero|num)?|numeroappele|appele|destinataire"
)
START = re.compile(
    "(call|start|begin|answer|connect)?(date)?(and)?(time|heure|date|start|debut)|debut(appel)?|calldate"
)
SECONDS = re.compile(
    "bill(ed|able|ing)?(sec|seconds|duration)?|duration(sec|seconds|s)?|duree(s|secondes|facturee)?|seconds|secondes"
)
NEEDED = {"the number called": NUMBER, "the beginning of the call": START, "its seconds": SECONDS}
WRITTEN = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M")


@dataclass(frozen=True, slots=True)
class CarrierCall:
    """One line. digits: of the number called, as the carrier writes it. began_at_ms: of the call, or of its answer."""

    digits: str
    began_at_ms: int
    talked_ms: int


def read(path: Path, timezone: str) -> tuple[list[CarrierCall], list[int]]:
    """The file's calls, and the lines that tell of none. timezone: of instants that have none.

    Refused when a column is missing: then it says which, and what the columns are.
    """
    table = contact_file.table(path)
    at = _columns(path, table.names)
    found, unread = list[CarrierCall](), list[int]()
    for record in table.records():
        try:
            found.append(_call(record, at, timezone))
        except (ValueError, IndexError):
            unread.append(record.line)
    return found, unread


def _call(record: Record | Rejected, at: Sequence[int], timezone: str) -> CarrierCall:
    if isinstance(record, Rejected):
        raise ValueError(record.reason)
    number, began, seconds = (record.cells[one].strip(' "') for one in at)
    digits = re.sub("[^0-9]", "", number)
    if not digits:
        raise ValueError("no number")
    return CarrierCall(digits, _instant_ms(began, timezone), _length_ms(seconds))


def _columns(path: Path, names: Sequence[str]) -> list[int]:
    joined = ["".join(words_of(name)) for name in names]
    found = {what: next(_matching(joined, pattern), None) for what, pattern in NEEDED.items()}
    missing = [what for what, at in found.items() if at is None]
    if missing:
        raise Refused(f"{path}: no column is known to hold {' nor '.join(missing)}; its columns: {', '.join(names)}")
    return [at for at in found.values() if at is not None]


def _matching(names: Sequence[str], pattern: re.Pattern[str]) -> Iterator[int]:
    return (at for at, name in enumerate(names) if name and pattern.fullmatch(name))


def _instant_ms(text: str, timezone: str) -> int:
    if re.fullmatch(r"[0-9]{10}([.][0-9]+)?", text):
        return int(float(text) * 1000)
    for form in WRITTEN:
        try:
            at = datetime.strptime(text, form)  # noqa: DTZ007 - the zone is given below
        except ValueError:
            continue
        break
    else:
        at = datetime.fromisoformat(text)
    return int((at if at.tzinfo else at.replace(tzinfo=ZoneInfo(timezone))).astimezone(UTC).timestamp() * 1000)


def _length_ms(text: str) -> int:
    """Seconds, or hours, minutes and seconds between colons."""
    total = 0.0
    for part in text.replace(",", ".").split(":"):
        total = total * 60 + float(part)
    return round(total * 1000)
