"""What the doctor says: one finding per thing looked at, whether it is right or not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Weight(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"  # not wrong, but to be known: something could not be looked at, or somebody wants it so
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. do: what to do about it, "" when nothing. attempts: those that show it."""

    name: str
    weight: Weight
    says: str
    do: str = ""
    attempts: tuple[str, ...] = ()


def ok(name: str, says: str) -> Finding:
    """It is as it should be."""
    return Finding(name, Weight.OK, says)


def note(name: str, says: str, do: str = "") -> Finding:
    """It is not wrong, and whoever asks should know."""
    return Finding(name, Weight.NOTE, says, do)


def wrong(name: str, says: str, do: str = "") -> Finding:
    """Somebody should mend it."""
    return Finding(name, Weight.WRONG, says, do)


def count_wrong(findings: Iterable[Finding]) -> int:
    """How many are wrong."""
    return sum(finding.weight is Weight.WRONG for finding in findings)
