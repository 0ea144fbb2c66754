"""How long what is kept may be kept, and the holds that win over it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from ivr.rules.provenance import DECLARED, SourceType

DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS
PROSPECTS_DAYS = 30
"""After the last ballot of the elections that they were called for (CNIL: prospects of a campaign end with it)."""
NUMBER_MS, LINK_MS = YEAR_MS, 5 * YEAR_MS
"""After the last call: a keyed hash stands for the number, and later nothing does."""
RECORDING_MS = 7 * YEAR_MS
"""After the last campaign that played it (Regulation (EU) 2024/900, article 9): Canada's three years are less."""
CALLED_MS: Mapping[str, int] = {"ca": 3 * YEAR_MS}
"""By jurisdiction, how long the numbers that were called must be kept (CRTC, of calling service providers)."""
LAW = "it was called, and the law of Canada wants the number kept for three years"
PROSPECTS = DECLARED - {SourceType.MEMBER, SourceType.REGULAR_CONTACT}
"""Origins that are for one campaign; members and regular contacts are the sponsor's whatever is voted on."""

EVERYTHING = "everything"
HELD_KINDS = ("campaign", "batch", "message", "number")
SET, RELEASED = "hold-set", "hold-released"


class Rule(StrEnum):
    """Why something is deleted."""

    BATCH_DATE = "batch-date"
    BATCH_ELECTION = "batch-election"
    NUMBER = "number"
    LINK = "link"
    RECORDING = "recording"


SOURCES: Mapping[Rule, str] = {
    Rule.BATCH_DATE: "the day that was declared with the delivery (GDPR 5(1)(e); an electoral roll: the last round)",
    Rule.BATCH_ELECTION: f"{PROSPECTS_DAYS} days after the election that they were gathered for (CNIL)",
    Rule.NUMBER: "one year after the last call: a keyed hash stands for the number (policy)",
    Rule.LINK: "five years after the last call: nothing stands for the number (policy)",
    Rule.RECORDING: "seven years after the last campaign that played it (Regulation (EU) 2024/900, article 9)",
}


@dataclass(frozen=True, slots=True)
class Hold:
    """What must be kept, whatever is due. object: `campaign:NAME`, `number:HMAC`, … or everything.

    until_ms: None: until it is released.
    """

    id: str
    object: str
    why: str
    by: str
    since_ms: int
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Holds:
    """The holds in force, by what they are of."""

    all: tuple[Hold, ...] = ()
    by_object: Mapping[str, Hold] = field(default_factory=dict)

    def on(self, *objects: str) -> str:
        """Why one of those objects is held, "" when none is."""
        found = next((self.by_object[one] for one in (EVERYTHING, *objects) if one in self.by_object), None)
        return f"hold {found.id}: {found.why}" if found else ""

    def of_kind(self, kind: str) -> dict[str, str]:
        """Why, by name, each object of that kind is held."""
        named = ((one.partition(":"), one) for one in self.by_object)
        return {parts[2]: self.on(one) for parts, one in named if parts[0] == kind}


def holds(entries: Iterable[Mapping[str, Any]], now_ms: int) -> Holds:
    """Those in force at that instant, as the journal's entries tell it; of two on one object the first is named."""
    found: dict[str, Hold] = {}
    for entry in entries:
        id_ = str(entry["subject"]).partition(":")[2]
        if entry["kind"] == SET:
            found[id_] = Hold(id_, by=entry["by"], since_ms=entry["at_ms"], **entry["said"])
        elif entry["kind"] == RELEASED:
            found.pop(id_, None)
    in_force = tuple(one for one in found.values() if one.until_ms is None or one.until_ms > now_ms)
    return Holds(in_force, {one.object: one for one in reversed(in_force)})


def batch_due(source_type: str, delete_at: date | None, last_ballots: Iterable[date | None]) -> tuple[int, Rule] | None:
    """From when on a delivery may not be kept, and why; None: nobody set an end.

    last_ballots: of each campaign that called it, its election's last day; None: it was about none that is known.
    """
    ends: list[tuple[int, Rule]] = []
    if delete_at is not None:
        ends.append((_after_ms(delete_at), Rule.BATCH_DATE))
    ballots = list(last_ballots)
    known = [day for day in ballots if day is not None]
    if known and len(known) == len(ballots) and source_type in PROSPECTS:
        ends.append((_after_ms(max(known) + timedelta(days=PROSPECTS_DAYS)), Rule.BATCH_ELECTION))
    return min(ends, default=None)


def _after_ms(day: date) -> int:
    """The end of that day, everywhere in Europe."""
    return int(datetime.combine(day + timedelta(days=1), time(), UTC).timestamp() * 1000)
