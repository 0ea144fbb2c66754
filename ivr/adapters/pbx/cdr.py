"""Asterisk's own record of every call, by which what the controller does not know is reconciled."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from ivr.settings import Settings

COLUMNS = ("uniqueid", "start,u", "answer,u", "end,u", "duration,f", "billsec,f", "disposition")
"""What is written of each call, as CDR() names it; `u`: epoch seconds, `f`: seconds with a fraction."""


@dataclass(frozen=True, slots=True)
class CdrRecord:
    """One call as Asterisk saw it end. Instants: milliseconds since the epoch; answered_at_ms: 0 when nobody answered.

    disposition: ANSWERED, NO ANSWER, BUSY, FAILED or CONGESTION.
    """

    attempt: str
    started_at_ms: int
    answered_at_ms: int
    ended_at_ms: int
    talked_ms: int
    disposition: str

    @property
    def rang_ms(self) -> int:
        """How long it took until somebody answered, or until the end."""
        return (self.answered_at_ms or self.ended_at_ms) - self.started_at_ms

    @property
    def answered(self) -> bool:
        """True when somebody or something answered."""
        return self.disposition == "ANSWERED"


def file(settings: Settings) -> Path:
    """Where Asterisk writes the records, one line a call, when it ends."""
    return settings.var_dir / "asterisk" / "log" / "cdr-custom" / "calls.csv"


def read(settings: Settings) -> dict[str, CdrRecord]:
    """The latest record of each attempt, by attempt id; a line cut short by a crash is left out."""
    try:
        with file(settings).open(newline="", encoding="utf-8", errors="replace") as stream:
            records = [_record(row) for row in csv.reader(stream)]
    except FileNotFoundError:
        return {}
    return {record.attempt: record for record in records if record}


def _record(row: list[str]) -> CdrRecord | None:
    try:
        attempt, start, answer, end, _, talked, disposition = row
        return CdrRecord(attempt, _ms(start), _ms(answer), _ms(end), _ms(talked), disposition)
    except ValueError:
        return None


def _ms(seconds: str) -> int:
    return round(float(seconds or 0) * 1000)
