"""How often a person may be called by one sponsor, whatever the campaign: rolling spans, no clock of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ivr.rules.pack import Frequency


@dataclass(frozen=True, slots=True)
class SponsorCall:
    """A call of the sponsor to this person that was, or may have been, sent. at: aware. attempt: its id."""

    at: datetime
    campaign_id: int
    answered: bool
    attempt: str = ""


def free_at(calls: Iterable[SponsorCall], rule: Frequency, campaign_id: int, now: datetime) -> datetime | None:
    """From when on the rule lets another call through, `now` if at once; None: never again.

    A call of the future, made before a clock was stepped back, counts as one made now would: for its whole span.
    """
    counted = [call.at for call in calls if _counts(call, rule, campaign_id)]
    if len(counted) < rule.most and not rule.gap_hours:
        return now
    counted.sort()
    free = now
    if rule.gap_hours and counted:
        free = max(free, counted[-1] + timedelta(hours=rule.gap_hours))
    if not rule.most:
        return free
    if rule.days == 0:
        return free if len(counted) < rule.most else None
    if len(counted) >= rule.most:  # the call that leaves the span makes room
        free = max(free, counted[-rule.most] + timedelta(days=rule.days))
    return free


def _counts(call: SponsorCall, rule: Frequency, campaign_id: int) -> bool:
    return (call.answered or rule.counts == "attempts") and (
        rule.within == "sponsor" or call.campaign_id == campaign_id
    )
