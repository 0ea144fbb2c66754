"""Calling again: a campaign's policy, hours, zones and expiry as the books keep them, and when a retry is due."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from ivr.errors import BadSetting
from ivr.rules.numbers import zones
from ivr.rules.records import Campaign
from ivr.rules.retry import NEVER, Bounds, Made, next_attempt_at
from ivr.rules.retry_policy import CALL_ONCE, RetryPolicy
from ivr.rules.windows import Hours


@lru_cache(maxsize=256)
def policy_of(line: str) -> RetryPolicy:
    """The policy that the line writes; one that cannot be read calls nobody again."""
    try:
        return RetryPolicy.parse(line)
    except BadSetting:
        return CALL_ONCE


@lru_cache(maxsize=256)
def hours_of(text: str) -> Hours:
    """The hours that the text writes."""
    return Hours.parse(text)


def zones_of(number: str, campaign: Campaign) -> tuple[tzinfo, ...]:
    """Every zone in which the person may be; the campaign's when the number does not tell."""
    return zones(number) or (ZoneInfo(campaign.timezone),)


def expires_at(campaign: Campaign) -> datetime:
    """From when on no call of the campaign leaves."""
    return NEVER if campaign.expires_at_ms is None else moment(campaign.expires_at_ms)


def is_open(campaign: Campaign, at_ms: int) -> bool:
    """Whether the campaign may call in its own zone; people elsewhere may have to wait."""
    return hours_of(campaign.hours).is_open(moment(at_ms), ZoneInfo(campaign.timezone))


def due_again_ms(campaign: Campaign, number: str, made: Sequence[Made], attempt: str, ended_at_ms: int) -> int | None:
    """When the person is due again after the end of `attempt`, the latest of `made`; None: not (any more).

    The same for the same arguments: what the jitter adds is drawn from the attempt's id.
    """
    bounds = Bounds(hours_of(campaign.hours), zones_of(number, campaign), expires_at(campaign))
    drawn = zlib.crc32(attempt.encode()) / 0xFFFFFFFF
    at = next_attempt_at(made, policy_of(campaign.retry), moment(ended_at_ms), bounds, drawn)
    return None if at is None else instant_ms(at)


def moment(at_ms: int) -> datetime:
    """The instant as an aware datetime, UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def instant_ms(at: datetime) -> int:
    """The first whole millisecond that is not before the moment."""
    return math.ceil(at.timestamp() * 1000)
