"""What a person may ask, and by when it must be answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

DAY_MS = 86_400_000
ALERT_DAYS, DUE_DAYS = 20, 30
"""GDPR 12(3): a month; whoever answers is warned ten days before."""
CODE_LIVES_MS = 30 * 60_000
MOST_TRIES = 5


class Right(StrEnum):
    """What is asked for."""

    WHERE_FROM = "where-from"
    ACCESS = "access"
    OBJECT = "object"
    ERASE = "erase"
    RECTIFY = "rectify"
    COMPLAIN = "complain"


AT_ONCE = frozenset({Right.OBJECT, Right.COMPLAIN})
"""Asked for by whoever says it, without proof of who they are: nothing is told, and nothing can be lost by it."""


class Clock(StrEnum):
    """How a case stands."""

    ANSWERED = "answered"
    RUNNING = "running"
    SOON = "answer within ten days"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Case:
    """One request. code: the keyed hash of what was sent to the number, "" when nothing was. asked: what more it says.

    identity: how it was checked whose number it is, "" not yet.
    """

    id: str
    right: Right
    number_hmac: str
    channel: str
    received_at_ms: int
    code: str = ""
    asked: Mapping[str, Any] | None = None
    tries: int = 0
    identity: str = ""
    answered_at_ms: int | None = None
    result: str = ""

    @property
    def due_at_ms(self) -> int:
        """The end of the last day on which it may be answered."""
        return self.received_at_ms + DUE_DAYS * DAY_MS

    @property
    def counts(self) -> bool:
        """Whether somebody must answer it: a code that was never given back shows nobody whose number it is."""
        return not self.code or bool(self.identity)

    def clock(self, now_ms: int) -> Clock:
        """How it stands at that instant."""
        if self.answered_at_ms is not None:
            return Clock.ANSWERED
        if now_ms >= self.due_at_ms:
            return Clock.LATE
        return Clock.SOON if now_ms >= self.received_at_ms + ALERT_DAYS * DAY_MS else Clock.RUNNING

    def takes_code(self, now_ms: int) -> bool:
        """Whether a code may still be tried."""
        fresh = now_ms < self.received_at_ms + CODE_LIVES_MS
        return bool(self.code) and fresh and self.tries < MOST_TRIES and self.answered_at_ms is None


KINDS = ("rights-opened", "rights-wrong-code", "rights-identified", "rights-answered")
"""The journal's entries that tell a case."""


def cases(entries: Iterable[Mapping[str, Any]]) -> dict[str, Case]:
    """Every case as the journal's entries tell it, oldest first, by id."""
    found: dict[str, Case] = {}
    for entry in entries:
        kind, id_ = str(entry["kind"]), str(entry["subject"]).partition(":")[2]
        if kind == "rights-opened":
            said = dict(entry["said"]) | {"right": Right(entry["said"]["right"])}
            found[id_] = Case(id_, received_at_ms=entry["at_ms"], **said)
        elif kind.startswith("rights-") and id_ in found:
            found[id_] = _after(found[id_], kind, entry)
    return found


def _after(case: Case, kind: str, entry: Mapping[str, Any]) -> Case:
    if kind == "rights-wrong-code":
        return replace(case, tries=case.tries + 1)
    if kind == "rights-identified":
        return replace(case, identity=entry["said"]["identity"])
    if kind == "rights-answered":
        return replace(case, answered_at_ms=entry["at_ms"], result=entry["said"]["result"])
    return case
